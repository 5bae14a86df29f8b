"""The other ways to bring messages into PostgreSQL, each under the same load, and what broker and database can do by themselves."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from . import raw, services
from .product import free_port

Rows = list[tuple[str, bytes, tuple[int, int]]]

#: Messages on their way without the broker's acknowledgement: as many as keep it busy, and as many as a client of Mosquitto allows itself.
FLOOD, CLIENT = 1000, 20


def publish(rows: Rows, window: int = FLOOD) -> None:
    packets = [raw.publish(topic, payload, at % 65535 + 1) for at, (topic, payload, _) in enumerate(rows)]
    connection = raw.Connection(services.BROKER_URL, "bench-load")
    raw.pump(connection, packets, window)
    connection.close()


def query(text: str, *arguments: object) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(services.DATABASE_URL)
        try:
            return await connection.fetchval(text, *arguments)
        finally:
            await connection.close()

    return asyncio.run(ask())


def until(text: str, expected: int, patience_s: float) -> float:
    """Waits until a query answers at least `expected`; when that was."""
    deadline = time.monotonic() + patience_s

    async def ask() -> float:
        connection = await asyncpg.connect(services.DATABASE_URL)
        try:
            while (found := await connection.fetchval(text)) < expected:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"only {found} of {expected} after {patience_s:.0f} s: {text}")
                await asyncio.sleep(0.05)
            return time.monotonic()
        finally:
            await connection.close()

    return asyncio.run(ask())


class Plain:
    """The plain Python service."""

    def __init__(self) -> None:
        self.port = free_port()
        begun = time.monotonic()
        self.process = subprocess.Popen([sys.executable, "-m", "bench_server.plain", str(self.port)])
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() - begun > 60:
                raise RuntimeError("the plain service does not start")
            time.sleep(0.005)
        self.ready_s = time.monotonic() - begun

    def answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def plain_rate(rows: Rows) -> float:
    """Messages a second of the plain service, to committed rows."""
    service = Plain()
    try:
        time.sleep(0.5)  # its subscription has no sign of its own
        query("TRUNCATE plain.car_counts")
        begun = time.monotonic()
        publish(rows)
        return len(rows) / (until("SELECT count(*) FROM plain.car_counts", len(rows), 300) - begun)
    finally:
        service.stop()


def copy_rate(rows: Rows, folder: Path, window: int = FLOOD) -> float:
    """Messages a second of `mosquitto_sub | psql COPY`, as text, to the one commit at its end."""
    query("CREATE TABLE IF NOT EXISTS raw_messages (payload text)")
    query("TRUNCATE raw_messages")
    broker, database = urlsplit(services.BROKER_URL), urlsplit(services.DATABASE_URL)
    # Neither password belongs into an argument list.
    folder.joinpath("mosquitto_sub").write_text(f"-u {broker.username}\n-P {broker.password}\n")
    listen = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-q", "1", "-i", "bench-sub"]
    listener = subprocess.Popen(
        [*listen, "-t", "flextraff/+/+/car-counts", "-C", str(len(rows))],
        stdout=subprocess.PIPE, env={**os.environ, "XDG_CONFIG_HOME": str(folder)},
    )  # fmt: skip
    at = {"PGHOST": "127.0.0.1", "PGPORT": str(database.port), "PGUSER": database.username, "PGPASSWORD": database.password}
    store = subprocess.Popen(
        ["psql", "-qX", database.path[1:], "-c", "COPY raw_messages FROM STDIN (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')"],
        stdin=listener.stdout, env={**os.environ, **at},
    )  # fmt: skip
    time.sleep(0.5)  # its subscription has no sign of its own
    begun = time.monotonic()
    publish(rows, window)
    if listener.wait(300) or store.wait(300):
        raise RuntimeError("mosquitto_sub | psql failed")
    took = time.monotonic() - begun
    stored = query("SELECT count(*) FROM raw_messages")
    if stored != len(rows):
        raise RuntimeError(f"mosquitto_sub | psql stored {stored} of {len(rows)}")
    return len(rows) / took


def broker_rate(rows: Rows, window: int = FLOOD) -> float:
    """Messages a second that Mosquitto alone passes at QoS 1 from one client to another."""
    listener = raw.Connection(services.BROKER_URL, "bench-listener")
    listener.subscribe("flextraff/+/+/car-counts", 1)
    ended: list[float] = []

    def take() -> None:
        left = len(rows)
        while left > 0:
            answers = [raw.message(kind, body)[2] for kind, body in listener.packets() if kind & 0xF0 == raw.PUBLISH]
            listener.socket.sendall(b"".join(answers))
            left -= len(answers)
        ended.append(time.monotonic())

    taker = threading.Thread(target=take)
    taker.start()
    begun = time.monotonic()
    publish(rows, window)
    taker.join(300)
    listener.close()
    return len(rows) / (ended[0] - begun)


def database_rates(rows: Rows, batch: int = 1000) -> tuple[float, float]:
    """Rows a second that PostgreSQL alone takes, by unnest and by COPY, a commit each `batch`."""
    bodies = [json.loads(payload) for _, payload, _ in rows]
    records = [
        (uuid.UUID(body["lane_id"]), datetime.fromisoformat(body["timestamp"]), body["vehicle_count"], body["epc_ids"])
        for body in bodies
    ]

    async def store() -> tuple[float, float]:
        connection = await asyncpg.connect(services.DATABASE_URL)
        await connection.execute("CREATE TABLE IF NOT EXISTS alone (lane uuid, ts timestamptz, vehicle_count int, epc_ids text[])")
        rates = []
        for way in ("unnest", "copy"):
            await connection.execute("TRUNCATE alone")
            begun = time.monotonic()
            for first in range(0, len(records), batch):
                part = records[first : first + batch]
                if way == "copy":
                    await connection.copy_records_to_table("alone", records=part)
                    continue
                lanes, times, numbers, tags = zip(*part)
                await connection.execute(
                    "INSERT INTO alone SELECT l, t, n, string_to_array(e, ',') FROM unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::text[]) AS u (l, t, n, e)",
                    lanes, times, numbers, [",".join(list(tag)) for tag in tags],
                )  # fmt: skip
            rates.append(len(records) / (time.monotonic() - begun))
        await connection.execute("DROP TABLE alone")
        await connection.close()
        return rates[0], rates[1]

    return asyncio.run(store())


