"""A SUMO net as the junctions of a city: lanes, signal groups, stages and what may go together."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

#: Ids of lanes, junctions and devices derive from it, so that the same net has the same ids.
NAMESPACE = uuid.UUID("6f1c2d3e-8f0a-4c57-9b1d-5d1f0a7c9e21")
GREEN = "Gg"
LIT = "Ggy"
STOP_LINE, ADVANCE = "stop_line", "advance"


@dataclass(frozen=True)
class Zone:
    """Where an antenna sees vehicles: metres from the start of a SUMO lane."""

    sumo_lane: str
    start_m: float
    end_m: float
    kind: str


@dataclass
class Lane:
    """A lane that ends at the stop line of a junction."""

    sumo_lane: str
    id: str
    name: str
    index: int
    #: The side that its vehicles come from.
    direction: str
    length_m: float
    speed_ms: float
    stop_zone_m: float = 0.0
    #: From the stop line to the middle of the advance zone; None without one.
    advance_m: float | None = None
    zones: list[Zone] = field(default_factory=list)
    #: Lanes of neighbours that its vehicles reach next: (position of the junction, name of the lane).
    feeds: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Group:
    """A signal head: the links of a lane that always show the same."""

    name: str
    kind: str
    lanes: tuple[str, ...]
    links: tuple[int, ...]
    #: Roads that its movements lead into.
    exits: tuple[str, ...]


@dataclass(frozen=True)
class Stage:
    """Groups that have green together."""

    name: str
    #: SUMO's state of every link: G protected, g giving way.
    links: str
    #: Green in the net's own program, seconds.
    program_s: float
    groups: tuple[str, ...]
    #: Lanes that it is chosen for: with protected green, or that never have any.
    serves: tuple[str, ...]


@dataclass(frozen=True)
class Compatible:
    """Two groups that may have green together; with `yields`, `a` gives way to `b`."""

    a: str
    b: str
    yields: bool


@dataclass
class Link:
    """The way to a neighbour that can be reached without another signal between."""

    start: int
    end: int
    start_lanes: list[str]
    end_lanes: list[str]
    exit: str
    #: Stop line to stop line.
    distance_m: float
    free_flow_s: float


@dataclass
class Junction:
    """A traffic light with two stages or more."""

    tls: str
    id: str
    device_id: str
    name: str
    lanes: list[Lane]
    groups: list[Group]
    stages: list[Stage]
    compatible: list[Compatible]
    #: The net's own program: (seconds, state of every link).
    program: list[tuple[float, str]]
    #: Pairs of links that the program shows lit together.
    lit_together: set[tuple[int, int]]
    #: Links that the program lets turn on red, after a stop.
    turn_on_red: set[int]
    #: For the queues: edges by the side that their vehicles come from.
    approaches: dict[str, list[str]]
    #: Names of the roads that lead away, by edge.
    exits: dict[str, str]
    #: SUMO lanes that each link leads into.
    exit_lanes: dict[int, list[str]]
    position_m: tuple[float, float]

    @property
    def cycle_s(self) -> float:
        """Length of the net's own program."""
        return sum(seconds for seconds, _ in self.program)


@dataclass
class Network:
    """Everything that a run needs to know of a net."""

    name: str
    path: Path
    junctions: list[Junction]
    links: list[Link]
    lane_length_m: dict[str, float]

    def neighbours(self, at: int) -> set[int]:
        """Junctions that are linked to this one, in either direction."""
        return {link.end for link in self.links if link.start == at} | {
            link.start for link in self.links if link.end == at
        }


class NetError(ValueError):
    """A net that holds nothing to control."""


def derived_id(*parts: str) -> str:
    """The same parts give the same id."""
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


def is_green(state: str) -> bool:
    """Whether a phase is a stage rather than the way to one."""
    return "y" not in state and any(char in GREEN for char in state)


def read(path: Path, name: str, antennas) -> Network:
    """Reads a net; `antennas` (roads.Antennas) says where readers stand. Needs sumolib."""
    import sumolib

    from . import roads

    net = sumolib.net.readNet(str(path), withPrograms=True, withInternal=True)
    controlled: dict[str, dict[int, list]] = {}
    for edge in net.getEdges(withInternal=False):
        for lane in edge.getLanes():
            for connection in lane.getOutgoing():
                if connection.getTLSID():
                    links = controlled.setdefault(connection.getTLSID(), {})
                    links.setdefault(connection.getTLLinkIndex(), []).append(connection)
    junctions = []
    for tls in sorted(net.getTrafficLights(), key=lambda tls: tls.getID()):
        if tls.getID() in controlled:
            junction = _junction(name, tls, controlled[tls.getID()])
            if junction is not None:
                junctions.append(junction)
    if not junctions:
        raise NetError(f"{path} has no traffic light with two stages or more")
    lengths = {lane.getID(): lane.getLength() for edge in net.getEdges() for lane in edge.getLanes()}
    network = Network(name, path, junctions, [], lengths)
    roads.place_zones(net, network, antennas)
    roads.find_links(net, network)
    return network


def _junction(net_name: str, tls, connections: dict[int, list]) -> Junction | None:
    program = next(iter(tls.getPrograms().values()))
    phases = [(float(phase.duration), phase.state) for phase in program.getPhases()]
    greens = list(dict.fromkeys(state for _, state in phases if is_green(state)))
    seconds_of = {state: seconds for seconds, state in reversed(phases)}
    if len(greens) < 2:
        return None

    lanes_of = {link: list(dict.fromkeys(c.getFromLane().getID() for c in some)) for link, some in connections.items()}
    lanes = _lanes(net_name, tls.getID(), connections, greens)
    names = {lane.sumo_lane: lane.name for lane in lanes}
    exits = _exit_names(connections)
    groups = _groups(connections, lanes_of, names, exits, greens)
    served = _served_lanes(lanes_of, names, greens)
    stages = []
    for number, state in enumerate(greens):
        shown = tuple(group.name for group in groups if state[group.links[0]] in GREEN)
        # A phase whose roads were cut off the net serves nobody.
        if shown:
            stages.append(Stage(f"stage{len(stages) + 1}", state, seconds_of[state], shown, served[number]))
    if len(stages) < 2:
        return None

    centre = next(iter(connections.values()))[0].getJunction().getCoord()
    return Junction(
        tls=tls.getID(),
        id=derived_id(net_name, tls.getID()),
        device_id=derived_id(net_name, tls.getID(), "device"),
        name=f"{net_name} {tls.getID()}"[:64],
        lanes=lanes,
        groups=groups,
        stages=stages,
        compatible=_compatible(groups, stages, connections),
        program=phases,
        lit_together=_lit_together(phases),
        turn_on_red={k for k in connections if all(s[k] != "r" for s in greens) and any(s[k] == "s" for s in greens)},
        approaches={},
        exits=exits,
        exit_lanes={link: [c.getToLane().getID() for c in some] for link, some in connections.items()},
        position_m=centre,
    )


def _lanes(net_name: str, tls: str, connections: dict[int, list], greens: list[str]) -> list[Lane]:
    found: dict[str, Lane] = {}
    count: dict[str, int] = {}
    for link in sorted(connections):
        for connection in connections[link]:
            lane = connection.getFromLane()
            if lane.getID() in found or not any(state[link] in GREEN for state in greens):
                continue
            direction = side(*lane.getShape()[-1], *lane.getShape()[-2])
            count[direction] = count.get(direction, 0) + 1
            found[lane.getID()] = Lane(
                sumo_lane=lane.getID(),
                id=derived_id(net_name, tls, lane.getID()),
                name=f"{direction}{count[direction]}",
                index=len(found) + 1,
                direction=direction,
                length_m=lane.getLength(),
                speed_ms=lane.getSpeed(),
            )
    return list(found.values())


def side(x: float, y: float, to_x: float, to_y: float) -> str:
    """Compass side in which a point lies."""
    return "ENWS"[round(math.degrees(math.atan2(to_y - y, to_x - x)) / 90) % 4]


def _exit_names(connections: dict[int, list]) -> dict[str, str]:
    """Names of the roads that lead away, by edge: the side they leave to, numbered where several do."""
    edges = {}
    for link in sorted(connections):
        for connection in connections[link]:
            edges.setdefault(connection.getTo().getID(), connection.getToLane().getShape())
    sides = {edge: side(*shape[0], *shape[1]) for edge, shape in edges.items()}
    names: dict[str, str] = {}
    for edge, letter in sides.items():
        same = [other for other, its in sides.items() if its == letter]
        names[edge] = letter if len(same) == 1 else f"{letter}{same.index(edge) + 1}"
    return names


def _groups(connections, lanes_of, names, exits, greens) -> list[Group]:
    """Links of the same lanes that are green in the same phases share a head."""
    heads: dict[tuple[str, ...], dict[tuple[bool, ...], list[int]]] = {}
    for link in sorted(connections):
        lanes = tuple(names[lane] for lane in lanes_of[link] if lane in names)
        pattern = tuple(state[link] in GREEN for state in greens)
        if lanes and any(pattern):
            heads.setdefault(lanes, {}).setdefault(pattern, []).append(link)
    users = [lane for lanes in heads for lane in lanes]
    groups = []
    for lanes, patterns in heads.items():
        alone = len(patterns) == 1 and len(lanes) == 1 and users.count(lanes[0]) == 1
        # The head with most movements is the lane's main one; the others are arrows.
        for number, links in enumerate(sorted(patterns.values(), key=lambda links: (-len(links), links))):
            leads = sorted({exits[c.getTo().getID()] for link in links for c in connections[link]})
            name = "_".join(lanes) + ("" if alone else chr(ord("a") + number))
            groups.append(Group(name, "vehicle" if number == 0 else "arrow", lanes, tuple(links), tuple(leads)))
    return groups


def _served_lanes(lanes_of, names, greens) -> list[tuple[str, ...]]:
    """For each phase the lanes that it is chosen for."""
    protected: dict[str, set[int]] = {}
    any_green: dict[str, set[int]] = {}
    for number, state in enumerate(greens):
        for link, lanes in lanes_of.items():
            for lane in lanes:
                if state[link] in GREEN:
                    any_green.setdefault(lane, set()).add(number)
                if state[link] == "G":
                    protected.setdefault(lane, set()).add(number)
    chosen = []
    for number in range(len(greens)):
        serves = [lane for lane in names if number in (protected.get(lane) or any_green.get(lane, set()))]
        # A phase that protects nobody by itself is there for whoever has green in it.
        serves = serves or [lane for lane in names if number in any_green.get(lane, set())]
        chosen.append(tuple(names[lane] for lane in serves))
    return chosen


def _lit_together(phases: list[tuple[float, str]]) -> set[tuple[int, int]]:
    pairs = set()
    for _, state in phases:
        lit = [link for link, char in enumerate(state) if char in LIT]
        pairs.update((a, b) for a in lit for b in lit)
    return pairs


def _compatible(groups: list[Group], stages: list[Stage], connections) -> list[Compatible]:
    """Groups that some stage shows green together, and which of the two gives way: SUMO's g does to a G, or to
    another g that the junction's right of way puts first."""
    pairs = []
    for a, b in combinations(groups, 2):
        shared = [stage.links for stage in stages if a.name in stage.groups and b.name in stage.groups]
        if shared:
            ab, ba = _yielding_share(a, b, shared, connections), _yielding_share(b, a, shared, connections)
            first, second = (b, a) if ba > ab else (a, b)
            # Where each gives way to the other with as much of its traffic, neither is the minor one.
            pairs.append(Compatible(first.name, second.name, ab != ba))
    return pairs


def _yielding_share(a: Group, b: Group, states: list[str], connections) -> float:
    """Share of the links of `a` that give way to one of `b`."""
    yielding = {
        link
        for state in states
        for link in a.links
        if state[link] == "g"
        and any(_gives_way(c, d) for c in connections[link] for e in b.links for d in connections[e])
    }
    return len(yielding) / len(a.links)


def _gives_way(connection, other) -> bool:
    junction = connection.getJunction()
    return junction is other.getJunction() and junction.forbids(other, connection)
