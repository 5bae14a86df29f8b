"""Runs a baseline at every junction of a net, the way `product.Product` runs the product."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..network import Junction, Network
from ..product_files import Rules
from ..street import Read
from .fixed import Program
from .inventory import Inventory
from .policies import Actuated, Greedy, MaxPressure, Policy, Webster
from .sight import SightInventory, SightPressure
from .signal import Signal

#: Fed by the same reads as the product.
BASELINES = ("fixed", "actuated", "webster", "greedy", "maxpressure")
POLICIES = {"actuated": Actuated, "webster": Webster, "greedy": Greedy}
#: See every vehicle.
FULL_SIGHT = ("greedy-sight", "maxpressure-sight")


@dataclass
class _Head:
    """One junction."""

    signal: Signal
    inventory: Inventory
    policy: Policy


class Baselines:
    """One baseline at all junctions."""

    def __init__(self, name: str, network: Network, rules: Rules, neighbours: bool, sumo):
        self.name = name
        self._network, self._neighbours, self._sumo = network, neighbours, sumo
        #: What each junction told its neighbours a second ago.
        self._told: list[dict[str, int]] = [{} for _ in network.junctions]
        self._cpu_s = 0.0
        self.decisions = 0
        self._programs: list[Program] = []
        self._heads: list[_Head] = []
        if name == "fixed":
            self._programs = [Program(junction, *self._phase(junction)) for junction in network.junctions]
        else:
            self._heads = [self._head(junction, rules) for junction in network.junctions]

    def _phase(self, junction: Junction) -> tuple[int, float]:
        now = self._sumo.simulation.getTime()
        return self._sumo.trafficlight.getPhase(junction.tls), self._sumo.trafficlight.getNextSwitch(junction.tls) - now

    def _head(self, junction: Junction, rules: Rules) -> _Head:
        signal = Signal(junction, rules)
        if self.name in FULL_SIGHT:
            inventory = SightInventory(self._sumo, junction, self.name)
            policy = (Greedy if self.name == "greedy-sight" else SightPressure)(junction, rules, signal, inventory)
        else:
            inventory = Inventory(junction)
            if self.name == "maxpressure":
                policy = MaxPressure(junction, rules, signal, inventory, self._downstream)
            else:
                policy = POLICIES[self.name](junction, rules, signal, inventory)
        return _Head(signal, inventory, policy)

    def _downstream(self, at: int, lane: str) -> float:
        return self._told[at].get(lane, 0)

    async def start(self) -> list[list[dict]]:
        """What each junction shows at t = 0."""
        return [each.start() for each in self._programs or [head.signal for head in self._heads]]

    async def step(self, t: float, reads: list[Read]) -> list[list[dict]]:
        """Takes the reads of the second up to `t`; answers what each junction shows from then on, if that changes."""
        began = time.process_time()
        self.decisions += len(self._network.junctions)
        if self._programs:
            said = [program.advance(t) for program in self._programs]
        else:
            for read in reads:
                self._heads[read.junction].inventory.take(read)
            for head in self._heads:
                head.inventory.forget(t, head.signal.green_since)
            said = [head.signal.advance(t, head.policy.choose) for head in self._heads]
            if self._neighbours:
                self._told = [
                    {lane.name: head.inventory.waiting(lane.name) for lane in junction.lanes}
                    for head, junction in zip(self._heads, self._network.junctions, strict=True)
                ]
        self._cpu_s += time.process_time() - began
        return said

    async def close(self) -> dict:
        """What it cost."""
        return {"decisions": self.decisions, "ms_per_decision": round(1000 * self._cpu_s / max(1, self.decisions), 4)}
