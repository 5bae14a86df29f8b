"""The plain agent to compare with: a thread for each reader, SQLite, paho. Counts and delivers; drives no lamps.

    python -m bench_agent.plain_agent PORT-OF-BROKER FILE DEVICE…
"""

from __future__ import annotations

import json
import os
import queue
import sqlite3
import sys
import threading
import time
import uuid

import paho.mqtt.client as mqtt

from .frames import crc16

JUNCTION, DEVICE = str(uuid.uuid4()), str(uuid.uuid4())
ABSENCE_S, INTERVAL_S = 10.0, 5.0


class Counter:
    """Passages of all readers: a tag counts once until it was away for 10 s."""

    def __init__(self) -> None:
        self.last: dict[bytes, float] = {}
        self.new: dict[int, list[str]] = {}
        self.lock = threading.Lock()

    def read(self, reader: int, tag: bytes) -> None:
        now = time.monotonic()
        with self.lock:
            if now - self.last.get(tag, -1e9) >= ABSENCE_S:
                self.new.setdefault(reader, []).append(tag.hex().upper())
            self.last[tag] = now

    def take(self) -> dict[int, list[str]]:
        now = time.monotonic()
        with self.lock:
            self.last = {tag: at for tag, at in self.last.items() if now - at < ABSENCE_S}
            taken, self.new = self.new, {}
        return taken


def listen(reader: int, path: str, counter: Counter) -> None:
    port, buffer = os.open(path, os.O_RDWR | os.O_NOCTTY), b""
    while data := os.read(port, 1024):
        buffer += data
        while len(buffer) >= 21:
            if buffer[0] == 0x14 and crc16(buffer[:19]) == int.from_bytes(buffer[19:21], "little"):
                counter.read(reader, buffer[6:18])
                buffer = buffer[21:]
            else:
                buffer = buffer[1:]


def main() -> None:
    port, path, devices = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    database = sqlite3.connect(path)
    database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE rows (seq INTEGER PRIMARY KEY, topic, body)")
    acks: queue.Queue[int] = queue.Queue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=DEVICE)
    client.on_message = lambda _c, _u, message: [acks.put(first) for first, _ in json.loads(message.payload)["committed"]]
    client.on_connect = lambda client, *_: client.subscribe(f"flextraff/{JUNCTION}/ack/{DEVICE}", qos=1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    counter, outbox = Counter(), str(uuid.uuid4())
    for reader, device in enumerate(devices):
        threading.Thread(target=listen, args=(reader, device, counter), daemon=True).start()
    print("ready", flush=True)
    seq, due = 0, time.monotonic() + INTERVAL_S
    while True:
        time.sleep(1.0)
        with database:
            while not acks.empty():
                database.execute("DELETE FROM rows WHERE seq = ?", (acks.get(),))
        if time.monotonic() < due:
            continue
        due += INTERVAL_S
        taken, fresh = counter.take(), []
        for reader in range(len(devices)):
            tags = taken.get(reader, [])
            seq += 1
            body = {
                "v": 1, "junction_id": JUNCTION, "lane_id": str(uuid.UUID(int=reader + 1)), "vehicle_count": len(tags),
                "epc_ids": tags, "device_id": DEVICE, "outbox_id": outbox, "seq": seq,
            }
            fresh.append((seq, f"flextraff/{JUNCTION}/{body['lane_id']}/car-counts", json.dumps(body)))
        with database:
            database.executemany("INSERT INTO rows VALUES (?, ?, ?)", fresh)
        for _, topic, text in fresh:
            client.publish(topic, text, qos=1)


if __name__ == "__main__":
    main()
