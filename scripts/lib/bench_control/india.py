"""An Indian junction: four approaches that have green one after the other, left-hand traffic, and the mix of vehicles
that fills Indian roads, beside one another rather than in lanes. Half-way the demand turns from north and south to east
and west, which a fixed plan cannot follow."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import quoteattr

ARM_M = 500
LANES = 2
SPEED_MS = 13.9
GREEN_S = 30
HALF_S = 3600
DEMAND_SEED = 20260101

#: Where each approach lies, and where its movements leave, in left-hand traffic.
ARMS = {"N": (0, 1), "E": (1, 0), "S": (0, -1), "W": (-1, 0)}
EXITS = {
    "N": {"straight": "S", "left": "E", "right": "W"},
    "E": {"straight": "W", "left": "S", "right": "N"},
    "S": {"straight": "N", "left": "W", "right": "E"},
    "W": {"straight": "E", "left": "N", "right": "S"},
}
TURNS = {"straight": 0.6, "left": 0.2, "right": 0.2}
#: Vehicles per hour in the first and in the second half.
FLOWS = {"N": (900, 300), "E": (300, 900), "S": (600, 200), "W": (200, 600)}

#: Share and SUMO's attributes of each type of vehicle. Motorcycles and autos (three-wheelers) carry no tag.
_SUBLANE = {"latAlignment": "arbitrary"}
VEHICLES = {
    "motorcycle": (
        0.45,
        dict(
            vClass="motorcycle",
            length=1.9,
            width=0.75,
            minGap=0.6,
            maxSpeed=15,
            accel=2.8,
            decel=4.5,
            sigma=0.6,
            tau=0.8,
            minGapLat=0.25,
            maxSpeedLat=1.2,
            lcSublane=1.5,
            lcPushy=0.6,
            **_SUBLANE,
        ),
    ),
    "car": (
        0.40,
        dict(
            vClass="passenger",
            length=4.1,
            width=1.7,
            minGap=1.5,
            maxSpeed=16,
            accel=2.2,
            decel=4.5,
            sigma=0.5,
            tau=1.1,
            minGapLat=0.4,
            latAlignment="nice",
        ),
    ),
    "auto": (
        0.07,
        dict(
            vClass="taxi",
            length=2.7,
            width=1.35,
            minGap=1.0,
            maxSpeed=12.5,
            accel=1.4,
            decel=4.0,
            sigma=0.6,
            tau=1.0,
            minGapLat=0.3,
            lcSublane=1.2,
            lcPushy=0.4,
            **_SUBLANE,
        ),
    ),
    "van": (
        0.04,
        dict(
            vClass="delivery", length=5.2, width=1.9, minGap=1.5, maxSpeed=15, accel=1.6, decel=4.0, sigma=0.5, tau=1.2
        ),
    ),
    "bus": (
        0.02,
        dict(vClass="bus", length=11, width=2.5, minGap=2.0, maxSpeed=13, accel=1.0, decel=4.0, sigma=0.5, tau=1.3),
    ),
    "truck": (
        0.02,
        dict(vClass="truck", length=9, width=2.4, minGap=2.0, maxSpeed=13, accel=0.8, decel=4.0, sigma=0.5, tau=1.4),
    ),
}


def make(folder: Path, demand: float) -> None:
    """Writes net, routes and SUMO options; `demand` is the factor on the flows. The same call writes the same files."""
    _write_net(folder)
    (folder / "india.rou.xml").write_text(_routes(demand))
    # Vehicles beside one another: SUMO's sublane model.
    (folder / "sumo.options").write_text("--lateral-resolution 0.35\n")


def _element(tag: str, **attributes) -> str:
    inside = " ".join(f"{key}={quoteattr(str(value))}" for key, value in attributes.items())
    return f"<{tag} {inside}/>"


def _write_net(folder: Path) -> None:
    nodes = [_element("node", id="centre", x=0, y=0, type="traffic_light")]
    edges = []
    for arm, (x, y) in ARMS.items():
        nodes.append(_element("node", id=arm, x=x * ARM_M, y=y * ARM_M, type="priority"))
        road = dict(numLanes=LANES, speed=SPEED_MS, width=3.5)
        edges.append(_element("edge", id=f"from{arm}", **{"from": arm, "to": "centre"}, **road))
        edges.append(_element("edge", id=f"to{arm}", **{"from": "centre", "to": arm}, **road))
    (folder / "nodes.xml").write_text("<nodes>\n" + "\n".join(nodes) + "\n</nodes>\n")
    (folder / "edges.xml").write_text("<edges>\n" + "\n".join(edges) + "\n</edges>\n")
    beside = Path(sys.executable).parent / "netconvert"
    program = str(beside) if beside.exists() else shutil.which("netconvert") or "netconvert"
    subprocess.run(
        [
            program,
            "--node-files",
            folder / "nodes.xml",
            "--edge-files",
            folder / "edges.xml",
            "--output-file",
            folder / "india.net.xml",
            "--lefthand",
            "--no-turnarounds",
            "--tls.layout",
            "incoming",
            "--tls.green.time",
            str(GREEN_S),
            "--tls.yellow.time",
            "3",
            "--tls.allred.time",
            "2",
            "--junctions.corner-detail",
            "0",
            "--no-warnings",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _routes(demand: float) -> str:
    departures = []
    for arm, flows in FLOWS.items():
        chance = random.Random(f"{DEMAND_SEED}/{arm}")
        for half, flow in enumerate(flows):
            at = half * HALF_S + chance.expovariate(flow * demand / 3600)
            while at < (half + 1) * HALF_S:
                turn = chance.choices(list(TURNS), list(TURNS.values()))[0]
                kind = chance.choices(list(VEHICLES), [share for share, _ in VEHICLES.values()])[0]
                departures.append((at, arm, EXITS[arm][turn], kind))
                at += chance.expovariate(flow * demand / 3600)
    lines = [_element("vType", id=kind, **attributes) for kind, (_, attributes) in VEHICLES.items()]
    for number, (at, arm, exit_, kind) in enumerate(sorted(departures)):
        lines.append(
            f'<vehicle id="{number}" type="{kind}" depart="{at:.2f}" departLane="best" departSpeed="max" '
            f'departPosLat="random"><route edges="from{arm} to{exit_}"/></vehicle>'
        )
    return "<routes>\n" + "\n".join(lines) + "\n</routes>\n"
