"""What the heads of a junction show becomes the state of SUMO's traffic light."""

from __future__ import annotations

from .network import GREEN, Junction

#: Aspects that let nobody in doubt: the junction works by right of way.
FLASH = {"flash_amber", "flash_red"}


class Lamps:
    """One traffic light. All links are red until the first output.

    Outputs are lines of the replay protocol: `lamps` with the aspect of each group decides what SUMO shows, `stage` only
    tells stages apart that show the same. A line with `links` is SUMO's state itself, for controllers that play the net's
    own program; `shown` is what SUMO shows by itself.
    """

    def __init__(self, junction: Junction):
        self._junction = junction
        self._aspects = {group.name: "red" for group in junction.groups}
        self._stage: str | None = None
        self._next: str | None = None
        self._links: str | None = None
        self.state = self._red()

    def take(self, line: dict) -> None:
        """One line of output."""
        if "lamps" in line:
            self._links = None
            self._aspects.update((group, aspect) for group, aspect in line["lamps"].items() if group in self._aspects)
        elif "links" in line:
            self._links = line["links"]
        elif "shown" in line:
            self.state = self._links = line["shown"]
        elif "state" in line:
            self._stage, self._next = line.get("stage"), line.get("next_stage")

    def settle(self) -> bool:
        """Works out the new state when all lines of an instant are in; whether it differs from the last one."""
        before, self.state = self.state, self._links or self._state()
        return before != self.state

    def _red(self) -> str:
        return "".join(
            "s" if link in self._junction.turn_on_red else "r" for link in range(len(self._junction.program[0][1]))
        )

    def _state(self) -> str:
        aspects = self._aspects
        if any(aspect in FLASH for aspect in aspects.values()):
            return "o" * len(self.state)
        if all(aspect == "dark" for aspect in aspects.values()):
            return "O" * len(self.state)
        green = {group for group, aspect in aspects.items() if aspect == "green"}
        if "amber" not in aspects.values():
            stage = self._stage_that_shows(green)
            if stage:
                return stage.links
        state = list(self._red())
        for group in self._junction.groups:
            for link in group.links:
                if aspects[group.name] == "green":
                    state[link] = self.state[link] if self.state[link] in GREEN else self._coming(link)
                elif aspects[group.name] == "amber":
                    state[link] = "y"
                elif aspects[group.name] == "red_amber":
                    state[link] = "u"
        return "".join(state)

    def _stage_that_shows(self, green: set[str]):
        stages = [stage for stage in self._junction.stages if set(stage.groups) == green]
        return next((stage for stage in stages if stage.name == self._stage), stages[0] if stages else None)

    def _coming(self, link: int) -> str:
        """The green of a link that comes while others still clear: as in the next stage, else giving way if it ever does."""
        stages = {stage.name: stage.links[link] for stage in self._junction.stages if stage.links[link] in GREEN}
        return stages.get(self._next) or ("g" if "g" in stages.values() else "G")
