"""What a run is judged by: delay of every vehicle due, and queues."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from .network import Network

#: Queues are looked at so often, seconds.
QUEUE_EVERY_S = 10
#: A net counts as gridlocked when in its last ten minutes fewer than this share of the usual number of vehicles arrived,
#: or when somebody has stood inside a junction for so long.
GRIDLOCK_TAIL_S = 600
GRIDLOCK_SHARE = 0.1
STANDSTILL_S = 300
STANDSTILL_EVERY_S = 60


def delays(tripinfo: Path, begin: int, end: int, never_inserted: list[float]) -> dict:
    """The measures of one run from SUMO's record of trips.

    The delay of a vehicle is timeLoss + departDelay, cut at the end of the window; one that was never inserted has waited
    from its planned departure to the end (`never_inserted` are such delays that SUMO itself does not record). The mean is
    over all vehicles due, as the RESCO benchmark has it.
    """
    each, waits, stops, arrivals = list(never_inserted), [], [], []
    missing = len(never_inserted)
    for _, element in ElementTree.iterparse(tripinfo):
        if element.tag != "tripinfo":
            continue
        delay = max(0.0, float(element.get("departDelay")))
        if float(element.get("depart")) < 0:
            missing += 1
        else:
            delay += float(element.get("timeLoss"))
            waits.append(float(element.get("waitingTime")))
            stops.append(int(element.get("waitingCount")))
            if float(element.get("arrival")) >= 0:
                arrivals.append(float(element.get("arrival")))
        each.append(delay)
        element.clear()
    each.sort()
    return {
        "delay_s": _mean(each),
        "p95_s": round(each[int(0.95 * (len(each) - 1))], 1) if each else 0.0,
        "wait_s": _mean(waits),
        "stops": _mean(stops),
        "vehicles": len(each),
        "arrived": len(arrivals),
        "driving": len(waits) - len(arrivals),
        "never_inserted": missing,
        "gridlock": _gridlocked(arrivals, len(waits) - len(arrivals), begin, end),
    }


def _mean(values: list) -> float:
    return round(sum(values) / len(values), 3) if values else 0.0


def _gridlocked(arrivals: list[float], driving: int, begin: int, end: int) -> bool:
    if end - begin < 2 * GRIDLOCK_TAIL_S or not arrivals:
        return False
    tail = sum(at > end - GRIDLOCK_TAIL_S for at in arrivals)
    usual = len(arrivals) * GRIDLOCK_TAIL_S / (end - begin)
    return driving > 50 and tail < GRIDLOCK_SHARE * usual


def never_inserted(sumo, routes: Path, end: int) -> list[float]:
    """Delays of the vehicles that still wait to be inserted, for versions of SUMO that leave them out of the record."""
    waiting = set(sumo.simulation.getPendingVehicles())
    if not waiting:
        return []
    planned = {}
    for _, element in ElementTree.iterparse(routes):
        if element.tag in ("vehicle", "trip"):
            planned[element.get("id")] = float(element.get("depart"))
            element.clear()
    # With --scale a copy of vehicle 7 is called 7.1.
    departures = (planned.get(vehicle, planned.get(vehicle.rsplit(".", 1)[0])) for vehicle in waiting)
    return [max(0.0, end - departure) for departure in departures if departure is not None]


class Queues:
    """Standing vehicles of each approach over time."""

    def __init__(self, sumo, network: Network):
        self._halting = sumo.edge.getLastStepHaltingNumber
        self._approaches = {
            f"{at}:{direction}": edges
            for at, junction in enumerate(network.junctions)
            for direction, edges in sorted(junction.approaches.items())
        }
        self.of: dict[str, list[int]] = {approach: [] for approach in self._approaches}

    def second(self, t: float) -> None:
        """Looks at the queues when it is time."""
        if t % QUEUE_EVERY_S == 0:
            for approach, edges in self._approaches.items():
                self.of[approach].append(sum(self._halting(edge) for edge in edges))


class Standstills:
    """Junctions in whose inside vehicles block each other: no signal lets them go."""

    def __init__(self, sumo):
        self._vehicle = sumo.vehicle
        #: Node of the net: since when, seconds.
        self.since: dict[str, float] = {}

    def second(self, t: float) -> None:
        """Looks who stands past a stop line when it is time."""
        if t % STANDSTILL_EVERY_S:
            return
        for vehicle in self._vehicle.getIDList():
            stood = self._vehicle.getWaitingTime(vehicle)
            if stood < STANDSTILL_S:
                continue
            # Lanes inside a junction are called ":<node>_<link>_<lane>".
            lane = self._vehicle.getLaneID(vehicle)
            if lane.startswith(":"):
                node = lane[1:].rsplit("_", 2)[0]
                self.since[node] = min(self.since.get(node, t), t - stood)
