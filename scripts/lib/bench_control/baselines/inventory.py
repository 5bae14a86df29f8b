"""Who is between the advance zone and the stop line of each lane, by identity, as far as tags tell."""

from __future__ import annotations

from dataclasses import dataclass

from ..network import STOP_LINE, Junction
from ..street import Read

#: Unseen for so long, a vehicle that was at the stop line has crossed it.
CROSSED_S = 2.5
#: A vehicle that reached the advance zone so long ago and was not seen since is gone.
LOST_S = 120.0
#: A lane that is green for so long, and gives no read for so long, is empty but for those who have only just come.
EMPTY_GREEN_S, EMPTY_SILENCE_S, EMPTY_APPROACH_S = 8.0, 4.0, 15.0
#: A vehicle that comes back after so long counts again.
AGAIN_S = 30.0


@dataclass(slots=True)
class _Seen:
    last: float
    at_stop_line: bool


class Inventory:
    """One junction."""

    def __init__(self, junction: Junction):
        self._lanes: dict[str, dict[str, _Seen]] = {lane.name: {} for lane in junction.lanes}
        self._crossed: dict[str, float] = {}
        #: Time of the last stop-line read of each lane.
        self.last_read: dict[str, float] = {lane.name: float("-inf") for lane in junction.lanes}
        #: Vehicles that came to each stop line since the start.
        self.passages: dict[str, int] = {lane.name: 0 for lane in junction.lanes}

    def take(self, read: Read) -> None:
        """A read of this junction."""
        lane = self._lanes[read.lane]
        if read.zone != STOP_LINE:
            if not any(read.epc in vehicles for vehicles in self._lanes.values()):
                lane[read.epc] = _Seen(read.t, False)
            return
        self.last_read[read.lane] = read.t
        for other in self._lanes.values():
            # It may have changed lanes since the advance zone.
            other.pop(read.epc, None)
        lane[read.epc] = _Seen(read.t, True)
        if self._crossed.get(read.epc, float("-inf")) < read.t - AGAIN_S:
            self.passages[read.lane] += 1
        self._crossed[read.epc] = read.t

    def forget(self, t: float, green_since: dict[str, float | None]) -> None:
        """Drops whoever has crossed, and ghosts: vehicles whose crossing no reader saw."""
        for lane, vehicles in self._lanes.items():
            green = green_since[lane]
            silent = (
                green is not None
                and t - green > EMPTY_GREEN_S
                and t - max(green, self.last_read[lane]) > EMPTY_SILENCE_S
            )
            for epc in [epc for epc, seen in vehicles.items() if _is_gone(t - seen.last, seen.at_stop_line, silent)]:
                del vehicles[epc]

    def waiting(self, lane: str) -> int:
        """Vehicles known on a lane."""
        return len(self._lanes[lane])

    def approaching(self, lane: str) -> int:
        """Those of them that have not reached the stop line."""
        return sum(not seen.at_stop_line for seen in self._lanes[lane].values())


def _is_gone(unseen_s: float, at_stop_line: bool, lane_is_silent: bool) -> bool:
    if at_stop_line:
        return unseen_s > CROSSED_S
    return unseen_s > LOST_S or (lane_is_silent and unseen_s > EMPTY_APPROACH_S)
