"""Controllers that see every vehicle: what perfect detection would be worth."""

from __future__ import annotations

from ..network import Junction
from ..street import Read
from .inventory import Inventory
from .policies import Greedy

#: How far upstream they look, metres.
REACH_M = {"greedy-sight": 50.0, "maxpressure-sight": 200.0}


class _View:
    """Every vehicle's next signal, asked for once a step for all junctions."""

    t: float | None = None
    ahead: dict[tuple[str, int], list[float]] = {}

    @classmethod
    def of(cls, sumo, t: float) -> dict[tuple[str, int], list[float]]:
        if cls.t != t:
            cls.t, cls.ahead = t, {}
            for vehicle in sumo.vehicle.getIDList():
                for tls, link, distance_m, _ in sumo.vehicle.getNextTLS(vehicle)[:1]:
                    cls.ahead.setdefault((tls, link), []).append(distance_m)
        return cls.ahead


class SightInventory(Inventory):
    """The vehicles within reach of the stop line, by lane of the movement that they will take."""

    def __init__(self, sumo, junction: Junction, name: str):
        super().__init__(junction)
        self._sumo, self._junction, self._reach_m = sumo, junction, REACH_M[name]
        self._count: dict[str, int] = {}

    def take(self, read: Read) -> None:
        """Needs no reads."""

    def forget(self, t: float, green_since: dict[str, float | None]) -> None:
        """Looks anew."""
        ahead = _View.of(self._sumo, t)
        self._count = {lane.name: 0 for lane in self._junction.lanes}
        for group in self._junction.groups:
            for link in group.links:
                near = sum(distance_m <= self._reach_m for distance_m in ahead.get((self._junction.tls, link), ()))
                self._count[group.lanes[0]] += near

    def waiting(self, lane: str) -> int:
        return self._count[lane]

    def below(self, link: int) -> float:
        """Vehicles on the lanes that a link leads into, on average."""
        lanes = self._junction.exit_lanes[link]
        return sum(self._sumo.lane.getLastStepVehicleNumber(lane) for lane in lanes) / len(lanes)


class SightPressure(Greedy):
    """Max-pressure with the true number of vehicles on each exit lane."""

    def weight(self, stage: int, lane: str) -> float:
        state = self.junction.stages[stage].links
        links = [k for group in self.junction.groups if lane in group.lanes for k in group.links if state[k] in "Gg"]
        below = sum(self.inventory.below(link) for link in links) / len(links) if links else 0.0
        return self.inventory.waiting(lane) - below
