"""Which stage should be green: one class for each way to answer that."""

from __future__ import annotations

from collections.abc import Callable

from ..network import Junction
from ..product_files import Rules
from .inventory import Inventory
from .signal import Signal

#: A lane that has been red for so long is served whatever is known of it: most two-wheelers are never known.
STARVED_S = 120.0


class Policy:
    """What a policy sees of its junction."""

    def __init__(self, junction: Junction, rules: Rules, signal: Signal, inventory: Inventory):
        self.junction, self.rules, self.signal, self.inventory = junction, rules, signal, inventory
        self.serves = [stage.serves for stage in junction.stages]

    def choose(self, t: float, green_s: float) -> int:
        """The stage that should be green, `green_s` seconds into the present one."""
        raise NotImplementedError

    def starved(self, t: float) -> int | None:
        """The stage of the lane that has been red for longest, if that is too long."""
        red_s = {
            number: max(t - self.signal.last_green[lane] for lane in lanes)
            for number, lanes in enumerate(self.serves)
            if lanes and number != self.signal.stage
        }
        longest = max(red_s, key=red_s.__getitem__, default=None)
        return longest if longest is not None and red_s[longest] > STARVED_S else None


class Actuated(Policy):
    """Ends a green after a gap of 3 s without a stop-line read, and goes on to the next stage that somebody waits for."""

    GAP_S = 3.0
    MAX_GREEN_S = 45.0

    def choose(self, t: float, green_s: float) -> int:
        now = self.signal.stage
        last_read = max((self.inventory.last_read[lane] for lane in self.serves[now]), default=float("-inf"))
        if t - last_read < self.GAP_S and green_s < min(self.MAX_GREEN_S, self.rules.max_green_s):
            return now
        count = len(self.serves)
        for number in ((now + step) % count for step in range(1, count)):
            lanes = self.serves[number]
            if any(self.inventory.waiting(lane) or t - self.signal.last_green[lane] > STARVED_S for lane in lanes):
                return number
        return now


class Greedy(Policy):
    """Every 5 s of green, the stage with most vehicles."""

    EVERY_S = 5

    def choose(self, t: float, green_s: float) -> int:
        now = self.signal.stage
        weights = [sum(self.weight(number, lane) for lane in lanes) for number, lanes in enumerate(self.serves)]
        if green_s >= self.rules.max_green_s and any(
            weight > 0 for number, weight in enumerate(weights) if number != now
        ):
            weights[now] = float("-inf")
        elif green_s % self.EVERY_S:
            return now
        starved = self.starved(t)
        if starved is not None:
            return starved
        # The present stage goes on when none is better.
        return now if weights[now] == max(weights) else weights.index(max(weights))

    def weight(self, stage: int, lane: str) -> float:
        """What a lane adds to the stage's claim."""
        return self.inventory.waiting(lane)


class MaxPressure(Greedy):
    """As greedy, but a lane counts only by how much fuller it is than the lanes that it feeds."""

    def __init__(
        self,
        junction: Junction,
        rules: Rules,
        signal: Signal,
        inventory: Inventory,
        downstream: Callable[[int, str], float],
    ):
        super().__init__(junction, rules, signal, inventory)
        self._feeds = {lane.name: lane.feeds for lane in junction.lanes}
        self._downstream = downstream

    def weight(self, stage: int, lane: str) -> float:
        feeds = self._feeds[lane]
        below = sum(self._downstream(at, their_lane) for at, their_lane in feeds) / len(feeds) if feeds else 0.0
        return self.inventory.waiting(lane) - below


class Webster(Policy):
    """Fixed order; after each round the cycle of least delay and its splits (Webster 1958) from what came."""

    SATURATION_VEH_H = 1800.0
    CYCLE_S = (30.0, 120.0)
    START_UP_LOSS_S = 1.0
    #: Share of the newest round in the flows.
    NEWEST = 0.5
    #: Flow ratios above it give cycles without end.
    MOST_LOAD = 0.95

    def __init__(self, junction: Junction, rules: Rules, signal: Signal, inventory: Inventory):
        super().__init__(junction, rules, signal, inventory)
        self._greens = [max(float(rules.min_green_s), stage.program_s) for stage in junction.stages]
        self._flow_veh_h: dict[str, float] | None = None
        self._counted = {lane.name: 0 for lane in junction.lanes}
        self._round_began = 0.0

    def choose(self, t: float, green_s: float) -> int:
        now = self.signal.stage
        if green_s < self._greens[now]:
            return now
        if now == len(self.serves) - 1:
            self._measure(t)
            self._split()
        return (now + 1) % len(self.serves)

    def _measure(self, t: float) -> None:
        hours = max(t - self._round_began, 1.0) / 3600
        newest = {}
        for lane, before in self._counted.items():
            # Who still queues came in this round, too.
            came = self.inventory.passages[lane] - before + self.inventory.approaching(lane)
            newest[lane] = came / hours
        old = self._flow_veh_h or newest
        self._flow_veh_h = {lane: self.NEWEST * newest[lane] + (1 - self.NEWEST) * old[lane] for lane in newest}
        self._counted, self._round_began = dict(self.inventory.passages), t

    def _split(self) -> None:
        stages = range(len(self.serves))
        shares = {lane: sum(lane in lanes for lanes in self.serves) for lane in self._flow_veh_h}
        ratios = [
            max((self._flow_veh_h[lane] / self.SATURATION_VEH_H / shares[lane] for lane in lanes), default=0.0)
            for lanes in self.serves
        ]
        clearance_s = len(stages) * self.rules.intergreen_s
        lost_s = clearance_s + len(stages) * self.START_UP_LOSS_S
        shortest, longest = self.CYCLE_S
        cycle_s = (1.5 * lost_s + 5) / (1 - min(sum(ratios), self.MOST_LOAD))
        cycle_s = min(max(cycle_s, shortest, clearance_s + len(stages) * self.rules.min_green_s), longest)
        for stage in stages:
            share = ratios[stage] / sum(ratios) if sum(ratios) else 1 / len(stages)
            green_s = round((cycle_s - clearance_s) * share)
            self._greens[stage] = min(self.rules.max_green_s, max(self.rules.min_green_s, green_s))
