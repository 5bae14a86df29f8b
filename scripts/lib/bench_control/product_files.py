"""What the product is told: an agent.toml for each junction, and the server's file of all of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .network import Junction, Network


@dataclass(frozen=True)
class Rules:
    """Times that hold for the product and for the controllers it is compared with. Seconds."""

    amber_s: float
    all_red_s: float
    min_green_s: int = 5
    max_green_s: int = 90
    longest_red_s: int = 180
    stage_order: str = "free"
    # Whether stages that nobody wants may be left out; in free order they are in any case.
    skip: bool = False

    @property
    def intergreen_s(self) -> float:
        """From the end of a green to the start of a conflicting one."""
        return self.amber_s + self.all_red_s


def _toml(value) -> str:
    """A JSON string, number, boolean or list of strings is also TOML's."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(round(value, 2) if isinstance(value, float) else value)


def _table(title: str, **keys) -> str:
    lines = [title, *(f"{key} = {_toml(value)}" for key, value in keys.items() if value is not None)]
    return "\n".join(lines) + "\n"


def agent_toml(network: Network, at: int, rules: Rules, exits: bool) -> str:
    """The configuration of one junction's agent; with `exits` it says where the movements of each group lead."""
    junction = network.junctions[at]
    tables = [
        _table("[junction]", id=junction.id, name=junction.name),
        _table("[device]", id=junction.device_id),
        _table(
            "[signal]",
            amber_s=rules.amber_s,
            all_red_s=rules.all_red_s,
            stage_order=rules.stage_order,
            longest_red_s=rules.longest_red_s,
        ),
        _table("[output]", driver="virtual"),
        _table("[counting]", accept="all"),
    ]
    for lane in junction.lanes:
        tables.append(
            _table(
                "[[lane]]",
                id=lane.id,
                name=lane.name,
                direction=lane.direction,
                speed_kmh=lane.speed_ms * 3.6,
                stop_zone_m=lane.stop_zone_m,
                advance_m=lane.advance_m,
            )
        )
        ports = {"1": lane.name, **({"2": f"{lane.name}:advance"} if lane.advance_m else {}), "default": lane.name}
        tables.append(
            _table("[[reader]]", name=reader_name(lane.name), protocol="uhfreader", port="virtual", lanes=ports)
        )
    for group in junction.groups:
        tables.append(
            _table(
                "[[group]]",
                name=group.name,
                kind=group.kind,
                lanes=list(group.lanes),
                exits=list(group.exits) if exits else None,
            )
        )
    for stage in junction.stages:
        tables.append(
            _table(
                "[[stage]]",
                name=stage.name,
                groups=list(stage.groups),
                min_green_s=rules.min_green_s,
                max_green_s=rules.max_green_s,
                skip=rules.skip or None,
            )
        )
    for pair in junction.compatible:
        tables.append(_table("[[compatible]]", a=pair.a, b=pair.b, **{"yield": pair.yields}))
    for link in network.links:
        way = dict(distance_m=link.distance_m, free_flow_s=link.free_flow_s)
        if link.start == at:
            tables.append(
                _table(
                    "[[link]]",
                    junction=network.junctions[link.end].id,
                    direction="to",
                    lanes=link.start_lanes,
                    their_lanes=link.end_lanes,
                    exit=link.exit if exits else None,
                    **way,
                )
            )
        if link.end == at:
            tables.append(
                _table(
                    "[[link]]",
                    junction=network.junctions[link.start].id,
                    direction="from",
                    lanes=link.end_lanes,
                    their_lanes=link.start_lanes,
                    **way,
                )
            )
    return "\n".join(tables)


def reader_name(lane: str) -> str:
    """Each lane has a reader of its own: port 1 at the stop line, port 2 at the advance zone."""
    return f"reader-{lane}"


def server_junctions(network: Network, rules: Rules, exits: bool) -> str:
    """The junction file of `flextraff-server replay`."""
    ids = [{lane.name: lane.id for lane in junction.lanes} for junction in network.junctions]
    links = [
        {
            "from_junction": network.junctions[link.start].id,
            "from_lanes": [ids[link.start][lane] for lane in link.start_lanes],
            "to_junction": network.junctions[link.end].id,
            "to_lanes": [ids[link.end][lane] for lane in link.end_lanes],
            "distance_m": round(link.distance_m, 1),
            "free_flow_s": round(link.free_flow_s, 1),
        }
        for link in network.links
    ]
    junctions = [_server_junction(junction, rules, exits) for junction in network.junctions]
    return json.dumps({"junctions": junctions, "links": links}, indent=1)


def _server_junction(junction: Junction, rules: Rules, exits: bool) -> dict:
    lane_ids = {lane.name: lane.id for lane in junction.lanes}
    shortest = len(junction.stages) * (rules.min_green_s + rules.intergreen_s)
    x, y = junction.position_m
    groups = []
    for group in junction.groups:
        entry = {"name": group.name, "kind": group.kind, "lanes": [lane_ids[lane] for lane in group.lanes]}
        groups.append({**entry, "exits": list(group.exits)} if exits else entry)
    return {
        "junction_id": junction.id,
        "junction_name": junction.name,
        "city": "SUMO",
        # Somewhere in India, at the right distances from one another.
        "latitude": round(18.52 + y / 111_320 % 5, 6),
        "longitude": round(73.85 + x / 105_500 % 5, 6),
        "time_zone": "Asia/Kolkata",
        "min_cycle_time": int(max(30, shortest)),
        "max_cycle_time": int(max(180, shortest)),
        "base_cycle_time": int(max(shortest, junction.cycle_s)),
        "lanes": [
            {"lane_id": lane.id, "lane_index": lane.index, "lane_name": lane.name, "direction_enum": lane.direction}
            for lane in junction.lanes
        ],
        "groups": groups,
        "stages": [
            {
                "stage": stage.name,
                "groups": list(stage.groups),
                "min_green_s": rules.min_green_s,
                "max_green_s": rules.max_green_s,
                **({"skip": True} if rules.skip else {}),
            }
            for stage in junction.stages
        ],
        "devices": [{"device_id": junction.device_id, "device_type": "junction"}],
        "signal": {"amber_s": rules.amber_s, "all_red_s": rules.all_red_s, "stage_order": rules.stage_order},
        "compatible": [{"a": pair.a, "b": pair.b, "yield": pair.yields} for pair in junction.compatible],
        "intergreens": [],
    }


def write(network: Network, folder: Path, rules: Rules, exits: bool) -> tuple[list[Path], Path]:
    """Writes all of them; answers the paths of the agents' files and of the server's."""
    agents = []
    for at in range(len(network.junctions)):
        path = folder / f"junction{at}" / "agent.toml"
        path.parent.mkdir(parents=True)
        path.write_text(agent_toml(network, at, rules, exits))
        agents.append(path)
    server = folder / "server" / "junctions.json"
    server.parent.mkdir()
    server.write_text(server_junctions(network, rules, exits))
    return agents, server
