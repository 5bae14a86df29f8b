"""How fast counts become committed rows, and that none is lost or doubled when things die."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench_usage import Watch, cpu_s, rss_mb

from . import city, musts, others, raw, services
from .agents import Agents
from .musts import Must
from .product import Product

DESCRIPTION = """\
Measures how many counts of five tags a second go from MQTT (QoS 1) to committed rows, without double ones and with an
answer to the sender, and beside it, in the same run: the plain Python service of the same design, mosquitto_sub piped
into COPY, and what Mosquitto and PostgreSQL do alone. Then devices send at a steady rate while people sign in, and while
server, broker and database are killed (SIGKILL) and started again: each row must be stored once.
"""
STORED = "SELECT count(*) FROM car_counts"


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="scripts/bench ingest", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--messages", type=int, default=60_000, help="messages of each rate (default 60000; the plain service a tenth)")
    p.add_argument("--rounds", type=int, default=3, help="rounds of which the median counts (default 3)")
    p.add_argument("--rate", type=float, default=1000, help="messages a second of the devices in the second part (default 1000)")
    p.add_argument("--junctions", type=int, default=50, help="junctions (default 50)")
    musts.add_option(p)
    return p


def product_rate(product: Product, rows: others.Rows, parts: dict[str, services.Service], window: int = others.FLOOD) -> dict[str, float]:
    before = others.query(STORED)
    watch = Watch(product.pid)
    watch.start()
    used = {name: part.cpu_s() for name, part in parts.items()} | {"server": cpu_s(product.pid)}
    begun = time.monotonic()
    others.publish(rows, window)
    took = others.until(STORED, before + len(rows), 300) - begun
    memory, _ = watch.stop()
    spent = {name: (part.cpu_s() - used[name]) / len(rows) * 1e6 for name, part in parts.items()}
    spent["server"] = (cpu_s(product.pid) - used["server"]) / len(rows) * 1e6
    return {"rate": len(rows) / took, "rss_mb": memory} | {f"{name}_us": value for name, value in spent.items()}


def rates(args: argparse.Namespace, product: Product, folder: Path) -> dict[str, list]:
    """Each way in turn, round by round, so that a busy moment of the machine meets all."""
    found: dict[str, list] = defaultdict(list)
    begin = datetime.now(UTC) - timedelta(days=2)
    parts = {"broker": services.broker(), "database": services.database()}
    for number in range(args.rounds):
        say(f"round {number + 1} of {args.rounds}")
        rows = city.messages(args.junctions, args.messages * (2 * number + 2), begin)[args.messages * 2 * number :]
        flood, client = rows[: args.messages], rows[args.messages :]
        product.start()
        product.until_connected()
        found["product"].append(product_rate(product, flood, parts))
        found["product_client"].append(product_rate(product, client, parts, others.CLIENT))
        product.stop()
        # The broker would keep what the others are sent for the session of the server.
        raw.Connection(services.BROKER_URL, product.client_id).close()
        found["plain"].append(others.plain_rate(flood[: args.messages // 10]))
        for name, window in (("", others.FLOOD), ("_client", others.CLIENT)):
            found["copy" + name].append(others.copy_rate(flood, folder, window))
            found["broker" + name].append(others.broker_rate(flood, window))
        unnest, copy = others.database_rates(flood)
        found["unnest"].append(unnest)
        found["copy_alone"].append(copy)
    return found


def people(product: Product, names: list[str], until: float, took: list[float]) -> list[threading.Thread]:
    """Everybody signs in at once, and again until a time."""

    def sign_in(name: str) -> None:
        while time.monotonic() < until:
            begun = time.monotonic()
            product.sign_in(name)
            took.append(time.monotonic() - begun)

    threads = [threading.Thread(target=sign_in, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    return threads


def steady(args: argparse.Namespace, product: Product) -> dict[str, object]:
    names = [f"person{number}" for number in range(20)]
    for name in names:
        product.add_user(name)
    product.start()
    product.until_connected()
    idle = rss_mb(product.pid)
    before = others.query(STORED)
    begin = datetime.now(UTC) - timedelta(hours=20)
    agents = Agents(services.BROKER_URL, args.junctions, args.rate, begin, "steady outbox")
    watch = Watch(product.pid)
    watch.start()
    agents.start()
    time.sleep(3)
    quiet = time.monotonic()
    time.sleep(15)
    busy = time.monotonic()
    say("20 people sign in at once, again and again")
    sign_ins: list[float] = []
    threads = people(product, names, busy + 10, sign_ins)
    time.sleep(10)
    after = time.monotonic()
    for thread in threads:
        thread.join(60)
    memory, _ = watch.stop()
    recovery = {name: kill(name, product, agents) for name in ("server", "broker", "database")}
    agents.street_ended.set()
    settled = agents.settle(120)
    agents.stop()
    stored = others.query(STORED) - before
    distinct = others.query("SELECT count(*) FROM (SELECT DISTINCT device_id, outbox_id, seq FROM car_counts) AS rows") - before
    product.stop()
    return {
        "sent": agents.sent, "stored": stored, "distinct": distinct, "rejected": agents.rejected, "settled": settled,
        "lag_p99_s": quantile(agents.lags(quiet, busy), 0.99), "lag_p50_s": quantile(agents.lags(quiet, busy), 0.5),
        "lag_sign_in_p99_s": quantile(agents.lags(busy, after), 0.99), "sign_ins": len(sign_ins),
        "sign_in_p50_s": quantile(sorted(sign_ins), 0.5), "idle_mb": idle, "rss_mb": memory, "recovery_s": recovery,
    }  # fmt: skip


def kill(name: str, product: Product, agents: Agents) -> float:
    """Kills and starts again; seconds from the start until all that was sent before then is answered."""
    say(f"the {name} is killed")
    if name == "server":
        product.kill()
        time.sleep(1)
        product.start()
    else:
        service = services.broker() if name == "broker" else services.database()
        service.kill()
        time.sleep(1)
        service.restart()
    begun, sent = time.monotonic(), agents.sent
    deadline = begun + 90
    while any(index < sent for index, _, _ in list(agents.unanswered.values())):
        if time.monotonic() > deadline:
            raise RuntimeError(f"rows of before the {name} was killed have no answer after 90 s")
        time.sleep(0.05)
    took = time.monotonic() - begun
    time.sleep(3)
    return took


def quantile(values: list[float], share: float) -> float:
    return values[min(int(len(values) * share), len(values) - 1)] if values else float("nan")


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def say(text: str) -> None:
    print(f"ingest: {text}", file=sys.stderr, flush=True)


def main() -> int:
    p = parser()
    p.add_argument("--server", type=Path, required=True, help=argparse.SUPPRESS)
    args = p.parse_args()
    services.let_broker_queue(2_000_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        product = Product(args.server, folder)
        city_file = folder / "city.json"
        city_file.write_text(city.junction_file(args.junctions))
        product.command("migrate")
        product.command("junction", "import", str(city_file))
        found = rates(args, product, folder)
        say(f"now {args.rate:g} messages a second from {args.junctions} devices")
        steadily = steady(args, product)
    return report(found, steadily, check=args.check)


def rates_of(title: str, own: float, rates: list[tuple[str, float]]) -> None:
    print(f"| {title} | | FlexTraff is |\n|---|---|---|")
    print(f"| FlexTraff, stored once and answered | {own:,.0f}/s | |")
    for name, rate in rates:
        print(f"| {name} | {rate:,.0f}/s | {own / rate:.2f} of it |")
    print()


def report(found: dict[str, list], steadily: dict[str, object], *, check: bool) -> int:
    own = {key: middle([one[key] for one in found["product"]]) for key in found["product"][0]}
    client_rate = middle([one["rate"] for one in found["product_client"]])
    other = {name: middle(values) for name, values in found.items() if not name.startswith("product")}
    rates_of(f"counts a second to committed rows, {others.FLOOD} on their way to the broker", own["rate"], [
        ("plain Python service, an INSERT a message", other["plain"]),
        ("mosquitto_sub piped into COPY", other["copy"]),
        ("Mosquitto alone, QoS 1", other["broker"]),
        ("PostgreSQL alone, unnest of 1000", other["unnest"]),
        ("PostgreSQL alone, COPY of 1000", other["copy_alone"]),
    ])  # fmt: skip
    rates_of(f"the same, {others.CLIENT} on their way, as one client of Mosquitto sends", client_rate, [
        ("mosquitto_sub piped into COPY", other["copy_client"]),
        ("Mosquitto alone, QoS 1", other["broker_client"]),
    ])  # fmt: skip
    print("| | | at most |\n|---|---|---|")
    steady_rows = [
        ("processor a message: server", f"{own['server_us']:.0f} µs", "40 µs"),
        ("processor a message: broker / PostgreSQL", f"{own['broker_us']:.0f} / {own['database_us']:.0f} µs", ""),
        ("memory (RSS) at full rate", f"{own['rss_mb']:.0f} MB", "150 MB"),
        ("memory (RSS) idle", f"{steadily['idle_mb']:.0f} MB", "40 MB"),
        ("from sending to the answer, p50 / p99", f"{steadily['lag_p50_s'] * 1000:.0f} / {steadily['lag_p99_s'] * 1000:.0f} ms", "1000 ms"),
        ("the same, p99, while 20 people sign in", f"{steadily['lag_sign_in_p99_s'] * 1000:.0f} ms", "1000 ms"),
        ("a sign-in meanwhile, p50", f"{steadily['sign_in_p50_s'] * 1000:.0f} ms", ""),
        ("rows sent / stored / distinct, with three kills", f"{steadily['sent']} / {steadily['stored']} / {steadily['distinct']}", "all the same"),
        *((f"all answered again after the {name} was killed", f"{took:.1f} s", "") for name, took in steadily["recovery_s"].items()),
    ]  # fmt: skip
    for row in steady_rows:
        print("| " + " | ".join(row) + " |")
    print(json.dumps({"bench": "ingest", "product": own | {"client_rate": client_rate}, "others": other, "steady": steadily}), flush=True)
    whole = steadily["sent"] == steadily["stored"] == steadily["distinct"] and steadily["settled"]
    wrong = musts.missed("ingest", [
        Must("counts a second, of those of the plain service,", own["rate"] / other["plain"], 5, " times", at_least=True),
        Must("counts a second, of those of COPY,", own["rate"] / other["copy"], 0.7, " times", at_least=True),
        Must("processor a message", own["server_us"], 40, " µs"),
        Must("memory at full rate", own["rss_mb"], 150, " MB"),
        Must("memory idle", steadily["idle_mb"], 40, " MB"),
        Must("the p99 from sending to the answer", steadily["lag_p99_s"] * 1000, 1000, " ms"),
        Must("the same while 20 people sign in", steadily["lag_sign_in_p99_s"] * 1000, 1000, " ms"),
    ])  # fmt: skip
    return 0 if whole and not (check and wrong) else 1


if __name__ == "__main__":
    sys.exit(main())
