"""A city of junctions with four lanes and a device each, and what their devices send."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

SIDES = ("N", "S", "E", "W")


def ident(kind: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"flextraff bench {kind} {number}"))


def junction_file(count: int) -> str:
    """As `flextraff-server junction import` reads it."""
    return json.dumps({"junctions": [junction(number) for number in range(count)]})


def junction(number: int) -> dict:
    lanes = [ident(f"lane {side}", number) for side in SIDES]
    return {
        "junction_id": ident("junction", number), "junction_name": f"Junction {number:04}", "city": "Mumbai",
        "latitude": 19 + number % 50 / 1000, "longitude": 72.8 + number // 50 / 1000, "time_zone": "Asia/Kolkata",
        "min_cycle_time": 30, "max_cycle_time": 120, "base_cycle_time": 60,
        "lanes": [
            {"lane_id": lane, "lane_index": index, "lane_name": side, "direction_enum": side}
            for index, (side, lane) in enumerate(zip(SIDES, lanes), 1)
        ],
        "groups": [{"name": side, "kind": "vehicle", "lanes": [lane]} for side, lane in zip(SIDES, lanes)],
        "stages": [{"stage": side, "groups": [side], "min_green_s": 7, "max_green_s": 60} for side in SIDES],
        "devices": [{"device_id": ident("device", number), "device_type": "junction"}],
    }  # fmt: skip


def epc(number: int) -> str:
    """An invented FASTag."""
    return f"{0x34161FA8203E7CB202000000 + (number % 1_000_000 << 5):024X}"


def counts(junctions: int, seq: int, end: datetime, outbox: str = "outbox") -> Iterator[tuple[str, bytes, tuple[int, int]]]:
    """The next interval of each junction's lanes: topic, payload, and which device's row it is."""
    start = end - timedelta(seconds=5)
    for number in range(junctions):
        for index, side in enumerate(SIDES):
            row, lane = 4 * seq + index + 1, ident(f"lane {side}", number)
            tags = [epc(7919 * row + 131 * number + tag) for tag in range(5)]
            body = {
                "v": 1, "junction_id": ident("junction", number), "lane_id": lane, "vehicle_count": 5, "epc_ids": tags,
                "timestamp": instant(end), "device_id": ident("device", number), "outbox_id": ident(outbox, number),
                "seq": row, "boot_id": ident("boot", number), "mono_ms": 5000 * seq + index, "clock": "synced",
                "interval_start": instant(start), "observed_s": 5.0, "departed": 4, "present": 1, "other_tags": 0,
                "passages": [
                    {"t_ms": 900 * at, "dwell_ms": 700, "reads": 9, "open": at == 4, "valid": True} for at in range(5)
                ],
                "departures": [{"epc": tag, "t_ms": 900, "dwell_ms": 700, "reads": 9} for tag in tags[:4]],
            }  # fmt: skip
            payload = json.dumps(body, separators=(",", ":")).encode()
            yield f"flextraff/{body['junction_id']}/{lane}/car-counts", payload, (number, row)


def messages(junctions: int, count: int, begin: datetime) -> list[tuple[str, bytes, tuple[int, int]]]:
    """The first so many of all intervals after a time."""
    found: list[tuple[str, bytes, tuple[int, int]]] = []
    seq = 0
    while len(found) < count:
        found.extend(counts(junctions, seq, begin + timedelta(seconds=5 * seq)))
        seq += 1
    return found[:count]


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
