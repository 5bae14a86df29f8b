"""What requests cost, beside the plain Python service with the same junctions."""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

import asyncpg
import bcrypt
from bench_usage import cpu_s, rss_mb

from . import city, musts, others, services
from .musts import Must
from .product import PASSWORD, Product

DESCRIPTION = """\
Measures the list of 200 junctions and the sign-in: processor time of the server for each, how long they take one after
the other, and how many a second four connections get; memory and time until ready. Beside it the plain Python service of
the same design, with the same junctions, in the same run.
"""
JUNCTIONS = 200


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="scripts/bench api", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--requests", type=int, default=2000, help="requests of each kind (default 2000; the plain service a fifth)")
    p.add_argument("--sign-ins", type=int, default=40, help="sign-ins (default 40)")
    musts.add_option(p)
    return p


class Client:
    """One kept connection."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str) -> bytes:
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
        return body

    def sign_in(self, name: str) -> str:
        form = urllib.parse.urlencode({"username": name, "password": PASSWORD})
        self.connection.request("POST", "/api/users/token", form, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = self.connection.getresponse()
        body = json.loads(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"sign-in: {answer.status} {body}")
        return body["access_token"]


def measure(port: int, pid: int, path: str, name: str, requests: int, sign_ins: int) -> dict[str, float]:
    """Of one service."""
    token = Client(port).sign_in(name)
    client = Client(port, token)
    found = len(json.loads(client.get(path)))
    if found != JUNCTIONS:
        raise RuntimeError(f"{path} lists {found} junctions")
    for _ in range(50):
        client.get(path)
    used, took = cpu_s(pid), []
    for _ in range(requests):
        begun = time.monotonic()
        client.get(path)
        took.append(time.monotonic() - begun)
    list_ms = (cpu_s(pid) - used) / requests * 1000
    took.sort()
    begun = time.monotonic()
    threads = [threading.Thread(target=many, args=(port, token, path, requests // 4)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = requests // 4 * 4 / (time.monotonic() - begun)
    memory = rss_mb(pid)
    used = cpu_s(pid)
    for _ in range(sign_ins):
        Client(port).sign_in(name)
    return {
        "list_cpu_ms": list_ms, "list_p50_ms": took[len(took) // 2] * 1000, "list_p99_ms": took[len(took) * 99 // 100] * 1000,
        "list_rate": rate, "rss_mb": memory, "sign_in_cpu_ms": (cpu_s(pid) - used) / sign_ins * 1000, "rss_after_mb": rss_mb(pid),
    }  # fmt: skip


def many(port: int, token: str, path: str, requests: int) -> None:
    client = Client(port, token)
    for _ in range(requests):
        client.get(path)


async def fill_plain() -> None:
    """The same junctions for the plain service, and the same person."""
    connection = await asyncpg.connect(services.DATABASE_URL)
    await connection.execute("TRUNCATE plain.junctions, plain.users")
    for number in range(JUNCTIONS):
        one = city.junction(number)
        await connection.execute(
            "INSERT INTO plain.junctions (junction_name, city, latitude, longitude, min_cycle_time, max_cycle_time, base_cycle_time)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            one["junction_name"], one["city"], one["latitude"], one["longitude"],
            one["min_cycle_time"], one["max_cycle_time"], one["base_cycle_time"],
        )  # fmt: skip
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt()).decode()
    await connection.execute("INSERT INTO plain.users (username, password_hash) VALUES ('admin', $1)", hashed)
    await connection.close()


def main() -> int:
    p = parser()
    p.add_argument("--server", type=Path, required=True, help=argparse.SUPPRESS)
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        product = Product(args.server, folder)
        city_file = folder / "city.json"
        city_file.write_text(city.junction_file(JUNCTIONS))
        product.command("migrate")
        product.command("junction", "import", str(city_file))
        product.add_user("admin", admin=True)
        # The first start makes partitions; the second is that of every day.
        product.start()
        product.stop()
        ready = product.start()
        product.until_connected()
        idle = rss_mb(product.pid)
        own = measure(product.port, product.pid, f"/api/junctions/?limit={JUNCTIONS}", "admin", args.requests, args.sign_ins)
        product.stop()
        own |= {"ready_s": ready, "idle_mb": idle}
        service = others.Plain()
        asyncio.run(fill_plain())
        try:
            plain_idle = rss_mb(service.process.pid)
            plain = measure(service.port, service.process.pid, "/api/junctions/", "admin", args.requests // 5, args.sign_ins)
            plain |= {"ready_s": service.ready_s, "idle_mb": plain_idle}
        finally:
            service.stop()
    return 1 if report(own, plain) and args.check else 0


def report(own: dict[str, float], plain: dict[str, float]) -> bool:
    """Whether a bound is missed."""
    rows = [
        ("list of 200 junctions: processor", "list_cpu_ms", "{:.2f} ms", "0.3 ms"),
        ("list of 200 junctions: p50", "list_p50_ms", "{:.1f} ms", ""),
        ("list of 200 junctions: p99", "list_p99_ms", "{:.1f} ms", ""),
        ("list of 200 junctions: four connections", "list_rate", "{:,.0f}/s", ""),
        ("sign-in: processor", "sign_in_cpu_ms", "{:.0f} ms", ""),
        ("memory (RSS) idle", "idle_mb", "{:.0f} MB", "40 MB"),
        ("memory (RSS) after the lists", "rss_mb", "{:.0f} MB", "150 MB"),
        ("memory (RSS) after the sign-ins", "rss_after_mb", "{:.0f} MB", "150 MB"),
        ("start to ready", "ready_s", "{:.2f} s", "0.5 s"),
    ]
    print("| | FlexTraff | plain Python service | at most |\n|---|---|---|---|")
    for name, key, form, most in rows:
        print(f"| {name} | {form.format(own[key])} | {form.format(plain[key])} | {most} |")
    print(json.dumps({"bench": "api", "product": own, "plain": plain}), flush=True)
    bounds = {name: most.partition(" ") for name, _, _, most in rows if most}
    keys = {name: key for name, key, _, _ in rows}
    return musts.missed("api", [Must(name, own[keys[name]], float(most), f" {unit}") for name, (most, _, unit) in bounds.items()])


if __name__ == "__main__":
    sys.exit(main())
