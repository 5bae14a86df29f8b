"""Agents as far as the server sees them: they send rows at a steady rate, and again until the server says that they are stored."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime

from . import city, raw

#: Rows without an answer are sent again after so long, as agents do.
AGAIN_S = 30.0


class Agents(threading.Thread):
    """All devices of a city over one connection."""

    def __init__(self, url: str, junctions: int, rate: float, begin: datetime, outbox: str) -> None:
        super().__init__(daemon=True)
        self.url, self.rate = url, rate
        self.junctions, self.begin, self.outbox = junctions, begin, outbox
        self.outboxes = {city.ident(outbox, number): number for number in range(junctions)}
        self.rows: list[tuple[str, bytes, tuple[int, int]]] = []
        self.unanswered: dict[tuple[int, int], tuple[int, float, float]] = {}
        self.answered: list[tuple[float, float]] = []
        self.rejected = self.sent = self.packet_id = 0
        self.street_ended, self.ended = threading.Event(), threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            connection = None
            begun = time.monotonic()
            while not self.ended.is_set():
                try:
                    if connection is None:
                        connection = self.connect()
                    self.work(connection, begun)
                except OSError:
                    connection = None
                    time.sleep(0.2)
        except BaseException as failure:
            self.failure = failure
            raise

    def connect(self) -> raw.Connection:
        connection = raw.Connection(self.url, "bench-agents")
        connection.subscribe("flextraff/+/ack/+", 1)
        # A new session: whatever has no answer goes again.
        self.send(connection, [index for index, _, _ in self.unanswered.values()])
        return connection

    def work(self, connection: raw.Connection, begun: float) -> None:
        now = time.monotonic()
        if not self.street_ended.is_set():
            due = int((now - begun) * self.rate)
            while len(self.rows) < due:
                seq = len(self.rows) // (4 * self.junctions)
                at = self.begin.timestamp() + 5 * seq
                self.rows.extend(city.counts(self.junctions, seq, datetime.fromtimestamp(at, UTC), self.outbox))
            fresh = list(range(self.sent, due))
            for index in fresh:
                self.unanswered[self.rows[index][2]] = (index, now, now)
            self.sent = max(self.sent, due)
            self.send(connection, fresh)
        late = [key for key, (_, _, last) in self.unanswered.items() if now - last > AGAIN_S]
        self.send(connection, [self.unanswered[key][0] for key in late])
        if connection.ready(0.01):
            for kind, body in connection.packets():
                if kind & 0xF0 == raw.PUBLISH:
                    self.take(connection, *raw.message(kind, body))

    def send(self, connection: raw.Connection, indexes: list[int]) -> None:
        now, packets = time.monotonic(), []
        for index in indexes:
            topic, payload, key = self.rows[index]
            self.packet_id = self.packet_id % 65535 + 1
            packets.append(raw.publish(topic, payload, self.packet_id))
            self.unanswered[key] = (index, self.unanswered[key][1], now)
        connection.socket.sendall(b"".join(packets))

    def take(self, connection: raw.Connection, _topic: str, payload: bytes, answer: bytes) -> None:
        now, ack = time.monotonic(), json.loads(payload)
        connection.socket.sendall(answer)
        number = self.outboxes[ack["outbox_id"]]
        for first, last in ack["committed"]:
            for row in range(first, last + 1):
                if found := self.unanswered.pop((number, row), None):
                    self.answered.append((found[1], now - found[1]))
        self.rejected += sum(last - first + 1 for first, last, _ in ack["rejected"])

    def lags(self, begin: float, end: float) -> list[float]:
        """Seconds from the first sending to the answer, of rows sent in a time."""
        return sorted(lag for at, lag in list(self.answered) if begin <= at < end)

    def settle(self, patience_s: float) -> bool:
        """Waits until every row has its answer."""
        deadline = time.monotonic() + patience_s
        while self.unanswered and time.monotonic() < deadline and not self.failure:
            time.sleep(0.05)
        return not self.unanswered

    def stop(self) -> None:
        self.ended.set()
        self.join(10)
