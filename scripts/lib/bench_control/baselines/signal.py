"""The part that all of them share: a signal that goes from stage to stage safely, and tells what its lamps show."""

from __future__ import annotations

from collections.abc import Callable

from ..network import Junction
from ..product_files import Rules


class Signal:
    """Green, amber, all-red, green. A group that is green in both stages stays green; a change that only adds groups is
    immediate."""

    def __init__(self, junction: Junction, rules: Rules):
        self._junction, self._rules = junction, rules
        self._state = "green"
        self._since = 0.0
        self._next = 0
        self.stage = 0
        #: When each lane got the green that it has; None while it has none.
        self.green_since: dict[str, float | None] = {lane.name: None for lane in junction.lanes}
        #: When each lane last had green; lanes count from the start of the window.
        self.last_green: dict[str, float] = {lane.name: 0.0 for lane in junction.lanes}

    def start(self) -> list[dict]:
        """The first stage has green at t = 0."""
        self._note_lanes(0.0)
        return self._told(0.0)

    def advance(self, t: float, choose: Callable[[float, float], int]) -> list[dict]:
        """Lets the time pass. Once the minimum green is over, `choose(t, seconds of green)` says which stage should be
        green now."""
        told: list[dict] = []
        if self._state == "amber" and t - self._since >= self._rules.amber_s:
            told += self._show("all_red" if self._rules.all_red_s else "green", t)
        if self._state == "all_red" and t - self._since >= self._rules.all_red_s:
            told += self._show("green", t)
        if self._state == "green" and t - self._since >= self._rules.min_green_s:
            self._next = choose(t, t - self._since)
            if self._next != self.stage:
                ends = set(self._groups(self.stage)) - set(self._groups(self._next))
                told += self._show("amber" if ends else "green", t)
        self._note_lanes(t)
        return told

    def _groups(self, stage: int) -> tuple[str, ...]:
        return self._junction.stages[stage].groups

    def _show(self, state: str, t: float) -> list[dict]:
        self._state, self._since = state, t
        if state == "green":
            self.stage = self._next
        return self._told(t)

    def _told(self, t: float) -> list[dict]:
        now, after = set(self._groups(self.stage)), set(self._groups(self._next))
        lamps = {}
        for group in self._junction.groups:
            if group.name in now and (self._state == "green" or group.name in after):
                lamps[group.name] = "green"
            else:
                lamps[group.name] = "amber" if group.name in now and self._state == "amber" else "red"
        stage = {"t": t, "stage": self._junction.stages[self.stage].name, "state": self._state}
        if self._state != "green":
            stage["next_stage"] = self._junction.stages[self._next].name
        return [{"t": t, "lamps": lamps}, stage]

    def _note_lanes(self, t: float) -> None:
        serves = self._junction.stages[self.stage].serves if self._state == "green" else ()
        for lane in self.green_since:
            if lane in serves:
                self.last_green[lane] = t
                if self.green_since[lane] is None:
                    self.green_since[lane] = t
            else:
                self.green_since[lane] = None
