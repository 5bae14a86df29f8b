"""Where readers stand on the roads to a stop line, and which junctions follow one another."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from .network import ADVANCE, STOP_LINE, Junction, Lane, Link, Network, Zone

#: How far upstream standing vehicles count to the queue of an approach.
QUEUE_M = 150.0
#: Neighbours that are further away are not linked.
LINK_REACH_M = 1500.0


@dataclass(frozen=True)
class Antennas:
    """What the readers of a lane see, metres along the road from the stop line."""

    stop_zone_m: float = 12.0
    #: Middle and length of the advance zone.
    advance_m: float = 120.0
    advance_zone_m: float = 6.0


@dataclass(frozen=True)
class Stretch:
    """A lane on the way to a stop line; `end_m` is what lies between its end and the stop line."""

    lane: object
    end_m: float


def place_zones(net, network: Network, antennas: Antennas) -> None:
    """Gives every lane its zones: along the road, over short edges, not beyond the previous signal."""
    for junction in network.junctions:
        paths = {lane.name: _path(net, lane) for lane in junction.lanes}
        # Where several lanes come out of one, its antenna can stand for one of them only: the one straight on, else the first.
        order = sorted(junction.lanes, key=lambda lane: (not _straight_on(paths[lane.name]), lane.index))
        own = {lane.sumo_lane for lane in junction.lanes}
        for kind in (STOP_LINE, ADVANCE):
            taken = set(own)
            for lane in order:
                place = _place_stop_line if kind == STOP_LINE else _place_advance
                zones = place(lane, paths[lane.name], taken, antennas)
                taken.update(zone.sumo_lane for zone in zones)
                lane.zones += zones
        for lane in junction.lanes:
            edges = junction.approaches.setdefault(lane.direction, [])
            for stretch in paths[lane.name]:
                edge = stretch.lane.getEdge().getID()
                if stretch.end_m < QUEUE_M and edge not in edges:
                    edges.append(edge)


def _path(net, lane: Lane) -> list[Stretch]:
    """The lanes that lead to a stop line, nearest first, up to the previous signal."""
    at, end_m = net.getLane(lane.sumo_lane), 0.0
    path = [Stretch(at, end_m)]
    while end_m + at.getLength() < 2 * QUEUE_M:
        incoming = [c for c in _connections_into(at) if not c.getTLSID()]
        if not incoming:
            break
        # What goes straight on is the road itself; what turns in joins it.
        connection = next((c for c in incoming if c.getDirection() == "s"), incoming[0])
        end_m += at.getLength() + _inside_m(net, connection)
        at = connection.getFromLane()
        if any(at is stretch.lane for stretch in path):
            break
        path.append(Stretch(at, end_m))
    return path


def _connections_into(lane) -> list:
    every = (c for some in lane.getEdge().getIncoming().values() for c in some)
    return [c for c in every if c.getToLane() is lane and not c.getFrom().getFunction()]


def _straight_on(path: list[Stretch]) -> bool:
    return any(connection.getDirection() == "s" for connection in _connections_into(path[0].lane))


def _inside_m(net, connection) -> float:
    """Metres inside the junction that a connection crosses."""
    via = connection.getViaLaneID()
    return net.getLane(via).getLength() if via else 0.0


def _cover(path: list[Stretch], near_m: float, far_m: float, kind: str) -> list[Zone]:
    """The part of the path between two distances from the stop line."""
    zones = []
    for stretch in path:
        length = stretch.lane.getLength()
        start, end = max(0.0, length - (far_m - stretch.end_m)), min(length, length - (near_m - stretch.end_m))
        if end - start > 0.05:
            zones.append(Zone(stretch.lane.getID(), start, end, kind))
    return zones


def _free_part(path: list[Stretch], taken: set[str]) -> list[Stretch]:
    """The path without what is another lane's from there on."""
    free = path[:1]
    for stretch in path[1:]:
        if stretch.lane.getID() in taken:
            break
        free.append(stretch)
    return free


def _reach_m(path: list[Stretch]) -> float:
    return path[-1].end_m + path[-1].lane.getLength()


def _place_stop_line(lane: Lane, path: list[Stretch], taken: set[str], antennas: Antennas) -> list[Zone]:
    # Some lanes are a metre long: nobody would ever be seen on them alone.
    free = _free_part(path, taken)
    lane.stop_zone_m = min(antennas.stop_zone_m, _reach_m(free))
    return _cover(free, 0.0, antennas.stop_zone_m, STOP_LINE)


def _place_advance(lane: Lane, path: list[Stretch], taken: set[str], antennas: Antennas) -> list[Zone]:
    far_m = antennas.advance_m + antennas.advance_zone_m / 2
    within = [stretch for stretch in path if stretch.end_m < far_m]
    if any(stretch.lane.getID() in taken for stretch in within[1:]):
        within = path[:1]
    # A road that is shorter has the reader where it begins.
    far_m = min(far_m, _reach_m(within))
    near_m = far_m - antennas.advance_zone_m
    if near_m < lane.stop_zone_m:
        return []
    zones = _cover(within, near_m, far_m, ADVANCE)
    if not zones:
        # It would lie inside a junction: it stands where the road into that begins.
        near_m = min(stretch.end_m for stretch in path if stretch.end_m >= near_m)
        far_m = near_m + antennas.advance_zone_m
        zones = _cover([stretch for stretch in path if stretch.lane.getID() not in taken], near_m, far_m, ADVANCE)
    if zones:
        lane.advance_m = (near_m + far_m) / 2
    return zones


def find_links(net, network: Network) -> None:
    """Finds which junctions can be reached from which without another signal between."""
    ends: dict[str, list[tuple[int, Lane]]] = {}
    for at, junction in enumerate(network.junctions):
        for lane in junction.lanes:
            ends.setdefault(net.getLane(lane.sumo_lane).getEdge().getID(), []).append((at, lane))
    links: dict[tuple[int, int], Link] = {}
    for at, junction in enumerate(network.junctions):
        for lane in junction.lanes:
            for way in _ways(net, lane, ends):
                _note_link(links, at, junction, lane, way, ends[way.edge])
    network.links = [links[pair] for pair in sorted(links)]


@dataclass(frozen=True)
class Way:
    """The shortest way from a lane to an edge that ends at a signal, without turning round."""

    edge: str
    distance_m: float
    free_flow_s: float
    exit_edge: str


def _ways(net, lane: Lane, ends: dict[str, list]) -> list[Way]:
    queue: list[tuple[float, str, float, str]] = []

    def go_on(connection, distance_m: float, free_flow_s: float, exit_edge: str) -> None:
        if connection.getDirection() == "t":
            return
        to, inside_m = connection.getTo(), _inside_m(net, connection)
        distance_m += inside_m + to.getLength()
        free_flow_s += inside_m / lane.speed_ms + to.getLength() / max(1.0, to.getSpeed())
        if distance_m - to.getLength() < LINK_REACH_M:
            heapq.heappush(queue, (distance_m, to.getID(), free_flow_s, exit_edge))

    for connection in net.getLane(lane.sumo_lane).getOutgoing():
        go_on(connection, 0.0, 0.0, connection.getTo().getID())
    found, been = [], set()
    while queue:
        distance_m, edge, free_flow_s, exit_edge = heapq.heappop(queue)
        if edge in been:
            continue
        been.add(edge)
        if edge in ends:
            found.append(Way(edge, distance_m, free_flow_s, exit_edge))
            continue
        for each in net.getEdge(edge).getLanes():
            for connection in each.getOutgoing():
                go_on(connection, distance_m, free_flow_s, exit_edge)
    return found


def _note_link(links, at: int, junction: Junction, lane: Lane, way: Way, arrivals: list[tuple[int, Lane]]) -> None:
    for end, their_lane in arrivals:
        if end == at:
            continue
        lane.feeds.append((end, their_lane.name))
        link = links.setdefault(
            (at, end), Link(at, end, [], [], junction.exits[way.exit_edge], way.distance_m, way.free_flow_s)
        )
        if way.distance_m < link.distance_m:
            link.distance_m, link.free_flow_s, link.exit = (
                way.distance_m,
                way.free_flow_s,
                junction.exits[way.exit_edge],
            )
        if lane.name not in link.start_lanes:
            link.start_lanes.append(lane.name)
        if their_lane.name not in link.end_lanes:
            link.end_lanes.append(their_lane.name)
