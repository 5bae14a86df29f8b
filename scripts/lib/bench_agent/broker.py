"""A private Mosquitto, and a stand-in for the server that confirms whatever it gets."""

from __future__ import annotations

import hmac
import json
import socket
import subprocess
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt

from .frames import epc


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """Mosquitto on a free port of this machine, gone at the end."""

    def __init__(self, mosquitto: str, folder: Path) -> None:
        self.port = free_port()
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n")
        self.process = subprocess.Popen(
            [mosquitto, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


#: The key under which watch-lists name vehicles; anything serves.
WATCHLIST_KEY = bytes(range(32))


class Server:
    """Confirms every row and adds up the vehicles; has the device look out for those in `watched`."""

    def __init__(self, port: int, watched: dict[int, str]) -> None:
        self.watched = watched
        self.vehicles: dict[str, int] = {}
        self.rows: set[tuple[str, int]] = set()
        self.ended_for_priority = 0
        self.lock = threading.Lock()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="bench-server")
        self.client.on_message = self.take
        self.client.on_connect = lambda client, *_: client.subscribe("flextraff/#", qos=1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def take(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        kind = message.topic.split("/")
        if kind[2] == "status":
            self.send_watchlist(kind[1], kind[3])
            return
        if kind[-1] != "car-counts" and kind[2] not in ("cycles", "events", "gap", "clock-fix"):
            return
        body = json.loads(message.payload)
        if "seq" not in body:
            return
        with self.lock:
            row = (body["outbox_id"], body["seq"])
            if row not in self.rows and kind[-1] == "car-counts":
                for tag in body["epc_ids"]:
                    self.vehicles[tag] = self.vehicles.get(tag, 0) + 1
            if row not in self.rows and kind[2] == "cycles":
                self.ended_for_priority += sum(stage["end"] == "priority" for stage in body["stages"])
            self.rows.add(row)
        ack = {"v": 1, "outbox_id": body["outbox_id"], "committed": [[body["seq"], body["seq"]]], "rejected": []}
        self.client.publish(f"flextraff/{kind[1]}/ack/{body['device_id']}", json.dumps(ack), qos=1)

    def send_watchlist(self, junction: str, device: str) -> None:
        """Once: the key and whom to look out for."""
        if not self.watched:
            return
        entries = [
            {
                "tag": hmac.digest(WATCHLIST_KEY, epc(number), "sha256")[:16].hex(),
                "class": group,
                "valid_until": "2100-01-01T00:00:00Z",
            }
            for number, group in self.watched.items()
        ]
        self.watched = {}
        keys = {"v": 1, "watchlist_key": WATCHLIST_KEY.hex()}
        self.client.publish(f"flextraff/{junction}/keys/{device}", json.dumps(keys), qos=1)
        self.client.publish(f"flextraff/{junction}/watchlist", json.dumps({"v": 1, "entries": entries}), qos=1)

    def stop(self) -> None:
        self.client.loop_stop()
        self.client.disconnect()
