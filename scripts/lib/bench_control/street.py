"""What the readers report: vehicles in the zones of a net become tag reads."""

from __future__ import annotations

from dataclasses import dataclass

from .network import ADVANCE, STOP_LINE, Network
from .tags import THREE_WHEELERS, TWO_WHEELERS, chance, draw, fastag

#: A vehicle that stays in a zone is read so often.
READ_EVERY_S = 0.5
#: So much weaker is a tag that the antenna of the next lane hears, dB.
WEAKER_DB = 15


@dataclass(frozen=True, slots=True)
class Read:
    """A tag, seen by an antenna. `t` is seconds from the start of the window."""

    t: float
    junction: int
    lane: str
    zone: str
    epc: str
    rssi: int


@dataclass(frozen=True)
class Readers:
    """How good the readers are."""

    #: Share of the vehicles that could carry a tag and do.
    penetration: float
    #: Share of the passages through one zone that are read.
    read_rate: float
    #: `one`, `each`, or a SUMO lane; any of them with @stop_line or @advance. Comma-separated.
    dead: str = ""
    #: Share of the single reads of a tag in a zone that fail.
    missed: float = 0.0
    #: Share of the reads at a stop line that the antenna of the next lane makes too.
    overheard: float = 0.0


class UnknownLane(ValueError):
    """A dead reader on a lane that is not there."""


def dead_zones(network: Network, spec: str, seed: int) -> set[tuple[int, str, str]]:
    """The zones (junction, lane, kind) that give no reads."""
    places = [(at, lane) for at, junction in enumerate(network.junctions) for lane in junction.lanes]
    dead = set()
    for word in filter(None, spec.split(",")):
        name, _, kind = word.partition("@")
        if name == "one":
            chosen = [places[draw(seed, "dead") % len(places)]]
        elif name == "each":
            chosen = []
            for at, junction in enumerate(network.junctions):
                chosen.append((at, junction.lanes[draw(seed, "dead", junction.tls) % len(junction.lanes)]))
        else:
            chosen = [place for place in places if place[1].sumo_lane == name]
        if not chosen or kind not in ("", STOP_LINE, ADVANCE):
            lanes = ", ".join(sorted(lane.sumo_lane for _, lane in places))
            raise UnknownLane(
                f"--dead {word}: write one, each or a lane, alone or with @{STOP_LINE} or @{ADVANCE}; lanes of {network.name}: {lanes}"
            )
        dead |= {(at, lane.name, each) for at, lane in chosen for each in ([kind] if kind else (STOP_LINE, ADVANCE))}
    return dead


class Street:
    """Watches the zones. Positions between two steps of SUMO are interpolated."""

    def __init__(self, sumo, traci: bool, network: Network, readers: Readers, seed: int):
        self._sumo, self._seed, self._readers = sumo, seed, readers
        self._dead = dead_zones(network, readers.dead, seed)
        self._zones: dict[str, list[tuple[float, float, tuple[int, str, str]]]] = {}
        for at, junction in enumerate(network.junctions):
            for lane in junction.lanes:
                for zone in lane.zones:
                    place = (zone.start_m, zone.end_m, (at, lane.name, zone.kind))
                    self._zones.setdefault(zone.sumo_lane, []).append(place)
        self._beside: dict[tuple[int, str], str] = {}
        for at, junction in enumerate(network.junctions):
            names = [lane.name for lane in junction.lanes]
            self._beside |= {(at, name): beside for name, beside in zip(names, names[1:] + names[:1], strict=True)}
        self._edge = {lane: lane.rsplit("_", 1)[0] for lane in self._zones}
        self._length = network.lane_length_m
        self._positions = _SubscribedPositions(sumo, self._zones) if traci else _Positions(sumo, self._zones)
        self._before: dict[str, tuple[str, float]] = {}
        self._tags: dict[str, tuple[str, int] | None] = {}
        self._numbers: dict[int, str] = {}
        self._seen: dict[tuple[str, tuple[int, str, str]], bool] = {}
        #: Lanes of each junction with a vehicle in the stop-line zone after the last step, tagged or not.
        self.occupied: list[set[str]] = [set() for _ in network.junctions]
        self.reads = 0

    @property
    def dead(self) -> list[str]:
        """Zones that give no reads, for people."""
        return sorted(f"{at}:{lane}@{kind}" for at, lane, kind in self._dead)

    def counts(self) -> dict[str, int]:
        """What there was to read, and what was read."""
        return {
            "reads": self.reads,
            "vehicles_seen": len(self._tags),
            "vehicles_tagged": sum(tag is not None for tag in self._tags.values()),
            "passages": len(self._seen),
            "passages_read": sum(self._seen.values()),
        }

    def step(self, t: float) -> list[Read]:
        """The reads of the second that ends at `t`, in order of time."""
        now, departed = self._positions.now()
        for lanes in self.occupied:
            lanes.clear()
        reads: list[Read] = []
        for vehicle, (lane, end_m) in now.items():
            for start, _, place in self._zones[lane]:
                if place[2] == STOP_LINE and end_m >= start:
                    self.occupied[place[0]].add(place[1])
            before = self._before.get(vehicle)
            if before and self._edge[before[0]] == self._edge[lane]:
                start_m = before[1]
            elif vehicle in departed:
                start_m = end_m
            else:
                start_m = end_m - (self._positions.speed(vehicle) or 0.0)
            self._pass(vehicle, lane, start_m, end_m, t, reads)
        for vehicle, (lane, start_m) in self._before.items():
            after = now.get(vehicle)
            if after is None or self._edge[after[0]] != self._edge[lane]:
                speed = self._positions.speed(vehicle)
                if speed is not None:
                    # It went on to another road within this second, so it passed the end of this one.
                    self._pass(vehicle, lane, start_m, max(start_m + speed, self._length[lane] + 0.01), t, reads)
        self._before = now
        self.reads += len(reads)
        reads.sort(key=lambda read: read.t)
        return reads

    def _pass(self, vehicle: str, lane: str, start_m: float, end_m: float, t: float, reads: list[Read]) -> None:
        """A vehicle's front went from one position to another in the second before `t`."""
        for zone_start, zone_end, place in self._zones[lane]:
            if end_m < zone_start or start_m > zone_end or not self._is_read(vehicle, place):
                continue
            epc, rssi = self._tags[vehicle]
            ticks = round(1 / READ_EVERY_S)
            times = [
                t - 1 + tick / ticks
                for tick in range(1, ticks + 1)
                if zone_start <= start_m + (end_m - start_m) * tick / ticks <= zone_end
            ]
            if not times and start_m < zone_start and end_m > zone_end:
                # Fast enough to be in the zone between two inventories only: readers do catch it, in its middle.
                times = [t - 1 + ((zone_start + zone_end) / 2 - start_m) / (end_m - start_m)]
            times = [at for at in times if chance(self._seed, "missed", vehicle, *place, at) >= self._readers.missed]
            reads += [Read(at, *place, epc, rssi) for at in times]
            if place[2] == STOP_LINE and self._readers.overheard:
                beside = (place[0], self._beside[place[:2]], STOP_LINE)
                heard = [at for at in times if chance(self._seed, "heard", vehicle, *place, at) < self._readers.overheard]
                reads += [Read(at, *beside, epc, rssi - WEAKER_DB) for at in heard if beside not in self._dead]

    def _is_read(self, vehicle: str, place: tuple[int, str, str]) -> bool:
        if self._tag(vehicle) is None:
            return False
        key = (vehicle, place)
        if key not in self._seen:
            self._seen[key] = (
                place not in self._dead and chance(self._seed, "read", vehicle, *place) < self._readers.read_rate
            )
        return self._seen[key]

    def _tag(self, vehicle: str) -> tuple[str, int] | None:
        if vehicle not in self._tags:
            kind = self._sumo.vehicle.getTypeID(vehicle).split("@")[0]
            tagless = kind in THREE_WHEELERS or self._sumo.vehicle.getVehicleClass(vehicle) in TWO_WHEELERS
            carries = not tagless and chance(self._seed, "tag", vehicle) < self._readers.penetration
            self._tags[vehicle] = (fastag(self._number(vehicle)), -45 - draw("rssi", vehicle) % 25) if carries else None
        return self._tags[vehicle]

    def _number(self, vehicle: str) -> int:
        number = draw("epc", vehicle) & 0xFFFFFFF
        while self._numbers.setdefault(number, vehicle) != vehicle:
            number = number + 1 & 0xFFFFFFF
        return number


class _Positions:
    """Asks libsumo for the vehicles of each watched lane."""

    def __init__(self, sumo, lanes):
        self._sumo, self._lanes = sumo, list(lanes)

    def now(self) -> tuple[dict[str, tuple[str, float]], set[str]]:
        """Lane and position of every vehicle on a watched lane, and who has departed in this step."""
        vehicles_on, position = self._sumo.lane.getLastStepVehicleIDs, self._sumo.vehicle.getLanePosition
        found = {vehicle: (lane, position(vehicle)) for lane in self._lanes for vehicle in vehicles_on(lane)}
        return found, set(self._sumo.simulation.getDepartedIDList())

    def speed(self, vehicle: str) -> float | None:
        """m/s; None when the vehicle has left the simulation."""
        try:
            return self._sumo.vehicle.getSpeed(vehicle)
        except self._sumo.TraCIException:
            return None


class _SubscribedPositions:
    """Has TraCI send all vehicles with each step: one message instead of thousands."""

    LANE, POSITION, SPEED = 0x51, 0x56, 0x40

    def __init__(self, sumo, lanes):
        self._sumo, self._lanes, self._all = sumo, lanes, {}

    def now(self):
        departed = self._sumo.simulation.getDepartedIDList()
        for vehicle in departed:
            self._sumo.vehicle.subscribe(vehicle, (self.LANE, self.POSITION, self.SPEED))
        self._all = self._sumo.vehicle.getAllSubscriptionResults()
        found = {
            vehicle: (values[self.LANE], values[self.POSITION])
            for vehicle, values in self._all.items()
            if values[self.LANE] in self._lanes
        }
        return found, set(departed)

    def speed(self, vehicle: str) -> float | None:
        return self._all[vehicle][self.SPEED] if vehicle in self._all else None
