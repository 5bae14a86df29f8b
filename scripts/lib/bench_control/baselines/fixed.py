"""The net's own program, phase by phase."""

from __future__ import annotations

from ..network import Junction


class Program:
    """Plays the program from where SUMO would begin it."""

    def __init__(self, junction: Junction, phase: int, left_s: float):
        """`phase` is the one at t = 0, which has `left_s` seconds to go."""
        self._phases = junction.program
        self._phase, self._ends = phase, left_s

    def start(self) -> list[dict]:
        """The state at t = 0."""
        return self._told(0.0)

    def advance(self, t: float) -> list[dict]:
        """The state at `t`, if a new phase has begun."""
        told: list[dict] = []
        while t >= self._ends:
            self._phase = (self._phase + 1) % len(self._phases)
            self._ends += self._phases[self._phase][0]
            told = self._told(t)
        return told

    def _told(self, t: float) -> list[dict]:
        return [{"t": t, "links": self._phases[self._phase][1]}]
