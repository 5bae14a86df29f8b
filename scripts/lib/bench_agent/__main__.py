"""The bench: starts, then both agents under the same load, then the table."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import product
from .broker import Broker, Server
from .street import open_readers
from bench_usage import Watch

DESCRIPTION = """\
Measures what the agent needs of a machine and how punctual it is: size of the program, start to first lamp vector, memory
and processor time with four readers, and how late the lamps are written beside a loop that only waits, in the same
seconds. Beside it a plain Python agent (a thread for each reader, SQLite, paho; no lamps) under the same load.
"""

#: The agent times a read from when it takes the bytes; before that they lie in the kernel for a beat of the readers' thread, ms at most.
BEAT_MS = 10
#: Comes to the first reader after half a minute.
AMBULANCE = 15


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="scripts/bench agent", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--seconds", type=int, default=120, help="length of the load (default 120)")
    p.add_argument("--readers", type=int, default=4, choices=range(1, 5), help="readers (default 4)")
    p.add_argument("--rate", type=float, default=150.0, help="reads a second of each reader (default 150)")
    p.add_argument("--starts", type=int, default=9, help="starts of which the median counts (default 9)")
    return p


def load_product(args: argparse.Namespace, folder: Path) -> dict[str, float]:
    readers = open_readers(args.readers, args.rate)
    broker = Broker(args.mosquitto, folder)
    server = Server(broker.port, watched_vehicles())
    config = product.write_config(folder, readers, broker.port)
    lamps = product.Lamps(folder)
    agent = product.start(args.agent, config)
    try:
        lamps.first()
        for reader in readers:
            reader.start()
        time.sleep(5)
        timer = subprocess.Popen([args.timer, str(args.seconds)], stdout=subprocess.PIPE)
        watch = Watch(agent.pid)
        watch.start()
        bare = json.loads(timer.communicate(timeout=args.seconds + 60)[0])
        memory, share = watch.stop()
        loop = product.lamp_loop(args.agent, config)
        for reader in readers:
            reader.stop()
        counted = wait_for_counts(readers, server)
        counted["ended_for_priority"] = server.ended_for_priority
    finally:
        agent.terminate()
        agent.wait(20)
        server.stop()
        broker.stop()
        lamps.close()
    return {
        "rss_mb": memory, "cpu_percent": share, "late_p50_us": loop["late_p50_us"], "late_p999_us": loop["late_p999_us"],
        "read_p999_us": loop["read_p999_us"], "read_max_us": loop["read_max_us"],
        "bare_p50_us": bare["late_p50_us"], "bare_p999_us": bare["late_p999_us"], **counted,
    }  # fmt: skip


def watched_vehicles() -> dict[int, str]:
    """Each tenth vehicle of a reader is a bus, which is one each 20 s; one at the first is an ambulance."""
    buses = {index * 100_000 + number: "transit" for index in range(4) for number in range(3, 1000, 10)}
    return buses | {AMBULANCE: "emergency"}


def load_plain(args: argparse.Namespace, folder: Path) -> dict[str, float]:
    readers = open_readers(args.readers, args.rate)
    broker = Broker(args.mosquitto, folder)
    server = Server(broker.port, {})
    begun = time.monotonic()
    command = [sys.executable, "-m", "bench_agent.plain_agent", str(broker.port), str(folder / "plain.sqlite")]
    agent = subprocess.Popen([*command, *(reader.port for reader in readers)], stdout=subprocess.PIPE)
    try:
        agent.stdout.readline()
        ready = (time.monotonic() - begun) * 1000
        for reader in readers:
            reader.start()
        time.sleep(5)
        watch = Watch(agent.pid)
        watch.start()
        time.sleep(args.seconds)
        memory, share = watch.stop()
        for reader in readers:
            reader.stop()
        counted = wait_for_counts(readers, server)
    finally:
        agent.kill()
        agent.wait(20)
        server.stop()
        broker.stop()
    return {"rss_mb": memory, "cpu_percent": share, "start_ms": ready, **counted}


def wait_for_counts(readers: list, server: Server) -> dict[str, float]:
    """Vehicles that were read, and those that came to the server, each once."""
    there = sum(len(reader.vehicles) for reader in readers)
    deadline = time.monotonic() + 30
    while sum(server.vehicles.values()) < there and time.monotonic() < deadline:
        time.sleep(0.2)
    return {
        "vehicles": there,
        "counted": sum(server.vehicles.values()),
        "reads_per_s": sum(reader.sent for reader in readers),
        "lost_reads": sum(reader.lost for reader in readers),
    }


def main() -> int:
    p = parser()
    p.add_argument("--agent", type=Path, required=True, help=argparse.SUPPRESS)
    p.add_argument("--timer", type=Path, required=True, help=argparse.SUPPRESS)
    p.add_argument("--mosquitto", required=True, help=argparse.SUPPRESS)
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = product.write_config(folder, [], None)
        starts = [product.time_to_lamps(args.agent, config) for _ in range(args.starts)]
    say(f"{args.starts} starts; now {args.seconds} s of {args.readers} readers at {args.rate:g} reads/s")
    with tempfile.TemporaryDirectory() as name:
        own = load_product(args, Path(name))
    say(f"the same for the plain agent, {args.seconds} s")
    with tempfile.TemporaryDirectory() as name:
        plain = load_plain(args, Path(name))
    own["start_ms"] = statistics.median(starts)
    own["binary_mb"] = args.agent.stat().st_size / 1e6
    report(own, plain)
    wrong = missed(own)
    for limit in wrong:
        say(f"missed: {limit}")
    return 1 if wrong else 0


def missed(own: dict[str, float]) -> list[str]:
    """The limits of a run that it does not keep."""
    kept = {
        "the program has at most 8 MB": own["binary_mb"] <= 8,
        "the first lamps are lit within 300 ms": own["start_ms"] <= 300,
        "it takes at most 16 MB of memory": own["rss_mb"] <= 16,
        "it takes at most 3 % of a core": own["cpu_percent"] <= 3,
        "lamps are written late by at most twice what a bare timer is (p99.9)": own["late_p999_us"] <= 2 * max(own["bare_p999_us"], 1),
        "a tag's priority is decided within 20 ms (p99.9)": BEAT_MS + own["read_p999_us"] / 1000 <= 20,
        "every vehicle that is read is counted, once": own["counted"] == own["vehicles"],
    }
    return [limit for limit, good in kept.items() if not good]


def say(text: str) -> None:
    print(f"agent: {text}", file=sys.stderr, flush=True)


def report(own: dict[str, float], plain: dict[str, float]) -> None:
    late = own["late_p999_us"] / max(own["bare_p999_us"], 1)
    rows = [
        ("program, stripped", f"{own['binary_mb']:.1f} MB", "", "8 MB"),
        ("start to first lamps / to ready, median", f"{own['start_ms']:.0f} ms", f"{plain['start_ms']:.0f} ms", "300 ms"),
        ("memory (RSS), most", f"{own['rss_mb']:.1f} MB", f"{plain['rss_mb']:.1f} MB", "16 MB"),
        ("processor, of one core", f"{own['cpu_percent']:.1f} %", f"{plain['cpu_percent']:.1f} %", "3 %"),
        ("lamps written late, p50", f"{own['late_p50_us']} µs", f"bare timer {own['bare_p50_us']} µs", ""),
        ("lamps written late, p99.9", f"{own['late_p999_us']} µs", f"bare timer {own['bare_p999_us']} µs", f"{late:.2f} of 2.00"),
        ("tag read to priority decision, p99.9", f"{BEAT_MS + own['read_p999_us'] / 1000:.0f} ms", "", "20 ms"),
        ("the longest of all / greens ended for it", f"{BEAT_MS + own['read_max_us'] / 1000:.0f} ms / {own['ended_for_priority']}", "", ""),
        ("vehicles read / counted", f"{own['vehicles']} / {own['counted']}", f"{plain['vehicles']} / {plain['counted']}", ""),
    ]  # fmt: skip
    print("| | agent | plain Python agent | at most |\n|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(json.dumps({"bench": "agent", "agent": own, "plain": plain, "late_ratio": late}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
