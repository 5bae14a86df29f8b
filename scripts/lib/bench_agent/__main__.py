"""The bench: starts, then both agents under the same load, then the table."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import figures, product
from .broker import Broker, Server
from .street import open_readers
from bench_usage import Watch

DESCRIPTION = """\
Measures what the agent needs of a machine and how punctual it is: size of the program, start to first lamp vector, memory
and processor time with four readers, and how late the lamps are written beside a loop that only waits, in the same
seconds. Several rounds, each with an agent of its own: of 1000 times that lamps are written, in 50 s, one is the figure
that counts, so that a single round says little. Beside it a plain Python agent (a thread for each reader, SQLite, paho; no
lamps) under the same load, for one round.
"""

#: Seconds from the first lamps until everything has settled; punctuality counts from the first lamps on.
SETTLE_S = 5
#: Comes to the first reader after half a minute.
AMBULANCE = 15


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="scripts/bench agent", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--rounds", type=positive, default=5, help="rounds of which the median counts (default 5)")
    p.add_argument("--seconds", type=positive, default=300, help="length of the load in each (default 300)")
    p.add_argument("--readers", type=int, default=4, choices=range(1, 5), help="readers (default 4)")
    p.add_argument("--rate", type=float, default=150.0, help="reads a second of each reader (default 150)")
    p.add_argument("--starts", type=positive, default=9, help="starts of which the median counts (default 9)")
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
        # What the agent says of its punctuality begins here, too: both have seen the same seconds of this machine.
        timer = subprocess.Popen([args.timer, str(SETTLE_S + args.seconds)], stdout=subprocess.PIPE)
        for reader in readers:
            reader.start()
        time.sleep(SETTLE_S)
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
        "late_max_us": loop["late_max_us"], "read_p999_us": loop["read_p999_us"], "read_max_us": loop["read_max_us"],
        "bare_p50_us": bare["late_p50_us"], "bare_p999_us": bare["late_p999_us"], "bare_max_us": bare["late_max_us"], **counted,
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
        time.sleep(SETTLE_S)
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
        "reads": sum(reader.sent for reader in readers),
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
    say(f"{args.starts} starts; now {args.rounds} rounds of {args.seconds} s, {args.readers} readers at {args.rate:g} reads/s")
    rounds = []
    for number in range(1, args.rounds + 1):
        with tempfile.TemporaryDirectory() as name:
            rounds.append(load_product(args, Path(name)))
        say(f"round {number}: {figures.line(rounds[-1])}")
    say(f"the same for the plain agent, {args.seconds} s")
    with tempfile.TemporaryDirectory() as name:
        plain = load_plain(args, Path(name))
    own = figures.summary(rounds, starts, args.agent.stat().st_size)
    figures.report(own, plain)
    print(json.dumps({"bench": "agent", "agent": own, "plain": plain, "rounds": rounds}), flush=True)
    wrong = figures.missed(own)
    for limit in wrong:
        say(f"missed: {limit}")
    return 1 if wrong else 0


def say(text: str) -> None:
    print(f"agent: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
