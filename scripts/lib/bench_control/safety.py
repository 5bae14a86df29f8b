"""What must never happen at a signal, watched from outside while a run goes on.

Two clocks are watched: the controller's own (times of its output lines), for minimum green, amber and all-red; and SUMO's
seconds, for what its lights really showed."""

from __future__ import annotations

from collections import Counter

from .network import GREEN, LIT, Junction
from .product_files import Rules

#: Rounding of times in JSON, seconds.
ROUNDING_S = 0.05
EXAMPLES = 5


class Watch:
    """One junction. `violations` counts what was broken; `examples` shows the first cases.

    conflict        groups lit together that are not compatible, or links that the net's program never shows so
    no_amber        a green that went to red at once
    short_amber     an amber shorter than amber_s
    short_green     a stage or group that was green for less than its minimum
    short_all_red   a group that came before amber_s + all_red_s since a conflicting one ended (where all_red_s > 0)
    long_red        a lane without green for longer than longest_red_s while somebody waited
    wrong_lamps     lamps that are not those of the stage that is told
    fault           flash or dark after the first green
    """

    def __init__(self, junction: Junction, rules: Rules):
        self._junction, self._rules = junction, rules
        self._groups_of = {stage.name: set(stage.groups) for stage in junction.stages}
        self._may_share = {frozenset((pair.a, pair.b)) for pair in junction.compatible}
        self._stage_of = {stage.links: stage.name for stage in junction.stages}
        self._links_of_lane = {
            lane.name: [k for group in junction.groups if lane.name in group.lanes for k in group.links]
            for lane in junction.lanes
        }
        self._aspects = {group.name: "red" for group in junction.groups}
        self._since = {group.name: float("-inf") for group in junction.groups}
        self._ended: dict[str, float] = {}
        self._stage: tuple[str | None, str | None, float] = (None, None, 0.0)
        self._started = False
        self._together: set[frozenset[str]] = set()
        self._last_short_green = None
        self._last_shown: str | None = None
        self._green_stage: str | None = None
        self._green_at = {lane.name: 0.0 for lane in junction.lanes}
        self._waiting_since: dict[str, float] = {}
        self._late: set[str] = set()
        self.violations: Counter[str] = Counter()
        self.examples: list[str] = []
        self.stage_changes = 0
        self.longest_red_s = 0.0
        self.longest_red_waiting_s = 0.0
        self.longest_red_lane = ""

    def _note(self, what: str, t: float, text: str) -> None:
        self.violations[what] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(f"{what} at {t:.2f} s, {self._junction.tls}: {text}")

    # --- the controller's clock

    def lamps(self, t: float, lamps: dict[str, str]) -> None:
        """The aspects of groups from `t` on."""
        changes = [(g, self._aspects.get(g), aspect) for g, aspect in lamps.items() if self._aspects.get(g) != aspect]
        for group, before, after in changes:
            if before is None:
                self._note("wrong_lamps", t, f"there is no group {group}")
                continue
            self._aspects[group] = after
            lasted, self._since[group] = t - self._since[group], t
            self._group_changed(t, group, before, after, lasted)
        for group, _, after in changes:
            if after == "green" and self._rules.all_red_s > 0:
                self._check_intergreens(t, group)
        self._check_together(t)

    def _group_changed(self, t: float, group: str, before: str, after: str, lasted: float) -> None:
        if after == "green":
            self._started = True
        if self._started and (after.startswith("flash") or after == "dark"):
            self._note("fault", t, f"{group} shows {after}")
        if before == "green":
            self._ended[group] = t
            if after != "amber":
                self._note("no_amber", t, f"{group} went from green to {after}")
            if lasted < self._rules.min_green_s - ROUNDING_S:
                self._short_green(t, group, lasted)
        if before == "amber" and lasted < self._rules.amber_s - ROUNDING_S:
            self._note("short_amber", t, f"{group} had {lasted:.2f} s")

    def _short_green(self, t: float, who: str, lasted: float) -> None:
        # A stage and its groups end together: that is one violation.
        if self._last_short_green != t:
            self._last_short_green = t
            self._note("short_green", t, f"{who} was green for {lasted:.2f} s")

    def _check_intergreens(self, t: float, group: str) -> None:
        for other, ended in self._ended.items():
            if other == group or frozenset((group, other)) in self._may_share:
                continue
            if self._aspects[other] != "green" and t - ended < self._rules.intergreen_s - ROUNDING_S:
                self._note("short_all_red", t, f"{group} came {t - ended:.2f} s after the end of {other}")
                return

    def _check_together(self, t: float) -> None:
        lit = [group for group, aspect in self._aspects.items() if aspect in ("green", "amber")]
        pairs = {frozenset((a, b)) for i, a in enumerate(lit) for b in lit[i + 1 :]} - self._may_share
        for pair in sorted(map(sorted, pairs - self._together)):
            self._note("conflict", t, f"{pair[0]} and {pair[1]} are lit together")
        self._together = pairs

    def stage(self, t: float, stage: str | None, state: str) -> None:
        """What the controller says it does from `t` on."""
        before, was, since = self._stage
        if (before, was) == (stage, state):
            return
        if was == "green" and t - since < self._rules.min_green_s - ROUNDING_S:
            self._short_green(t, before or "?", t - since)
        self._stage = (stage, state, t)

    def settled(self, t: float) -> None:
        """All lines of one instant are in."""
        stage, state, _ = self._stage
        if state == "green":
            green = {group for group, aspect in self._aspects.items() if aspect == "green"}
            if green != self._groups_of.get(stage):
                self._note("wrong_lamps", t, f"{stage} is told, but green are {', '.join(sorted(green)) or 'none'}")

    # --- SUMO's clock

    def second(self, t: float, links: str, occupied: set[str]) -> None:
        """One second up to `t` has passed under this state; `occupied` are lanes with somebody at the stop line."""
        if links != self._last_shown:
            self._last_shown = links
            lit = [link for link, char in enumerate(links) if char in LIT]
            apart = [(a, b) for a in lit for b in lit if a < b and (a, b) not in self._junction.lit_together]
            if apart:
                self._note("conflict", t, f"links {apart[0][0]} and {apart[0][1]} are lit together in SUMO")
            shown = self._stage_of.get(links)
            if shown and shown != self._green_stage:
                self.stage_changes += self._green_stage is not None
                self._green_stage = shown
        for lane, its_links in self._links_of_lane.items():
            self._watch_red(t, lane, any(links[k] in GREEN or links[k] in "oO" for k in its_links), lane in occupied)

    def _watch_red(self, t: float, lane: str, green: bool, occupied: bool) -> None:
        if green:
            self._green_at[lane] = t
            self._waiting_since.pop(lane, None)
            self._late.discard(lane)
            return
        red_s = t - self._green_at[lane]
        if red_s > self.longest_red_s:
            self.longest_red_s, self.longest_red_lane = red_s, f"{self._junction.tls} {lane}"
        if not occupied:
            self._waiting_since.pop(lane, None)
            return
        waited_s = t - self._waiting_since.setdefault(lane, t)
        self.longest_red_waiting_s = max(self.longest_red_waiting_s, waited_s)
        if waited_s > self._rules.longest_red_s and lane not in self._late:
            self._late.add(lane)
            self._note("long_red", t, f"{lane} has waited {waited_s:.0f} s")
