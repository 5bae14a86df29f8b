"""How fast the live feed reaches many browsers at once."""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import resource
import select
import socket
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench_usage import cpu_s, rss_mb

from . import city, musts, raw, services
from .musts import Must
from .product import Product

DESCRIPTION = """\
Measures the WebSocket feed: so many clients that see every junction, so many messages a second in all, and how long after
a message was published at the broker each client has it. Then how many clients the server takes at once.
"""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="scripts/bench live", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--clients", type=int, default=1000, help="clients that hear everything (default 1000)")
    p.add_argument("--rate", type=float, default=20, help="messages a second in all (default 20)")
    p.add_argument("--seconds", type=float, default=30, help="for how long (default 30)")
    p.add_argument("--most", type=int, default=5000, help="clients that connect at once in the second part (default 5000)")
    musts.add_option(p)
    return p


class Client:
    """A browser that is signed in at the feed."""

    def __init__(self, port: int, token: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ws/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.socket.recv(4096)
            if not data:
                raise ConnectionError(f"the server closes: {head!r}")
            head += data
        if b" 101 " not in head[:20]:
            raise ConnectionError(head.partition(b"\r\n")[0].decode())
        self.rest = head.partition(b"\r\n\r\n")[2]
        payload, mask = json.dumps({"type": "auth", "token": token}).encode(), os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        self.socket.sendall(bytes([0x81, 0xFE]) + len(payload).to_bytes(2, "big") + mask + masked)
        while not any(b'"ready"' in frame for frame in self.frames()):
            self.read()
        self.socket.setblocking(False)

    def read(self) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the server has closed a client's connection")
        self.rest += data

    def frames(self) -> list[bytes]:
        """Those that are whole; the server masks none."""
        found = []
        while len(self.rest) >= 2:
            length, at = self.rest[1], 2
            if length == 126:
                length, at = int.from_bytes(self.rest[2:4], "big"), 4
            elif length == 127:
                length, at = int.from_bytes(self.rest[2:10], "big"), 10
            if len(self.rest) < at + length:
                break
            if self.rest[0] & 0xF == 8:
                raise ConnectionError(f"the server closes a client: {self.rest[at:at + length]!r}")
            found.append(self.rest[at : at + length])
            self.rest = self.rest[at + length :]
        return found


def signal(number: int) -> tuple[str, bytes, bytes]:
    """A message of a junction: topic, payload, and the moment by which it is known again."""
    now = datetime.now(UTC)
    stage = random.choice(city.SIDES)
    moment = city.instant(now)
    body = {
        "v": 1, "t": moment, "stage": stage, "state": "green", "since": moment, "mode": "automatic", "cycle_second": 7,
        "groups": {side: "green" if side == stage else "red" for side in city.SIDES},
    }  # fmt: skip
    return f"flextraff/{city.ident('junction', number)}/signal", json.dumps(body).encode(), moment[11:23].encode()


def fan_out(args: argparse.Namespace, product: Product, clients: list[Client], junctions: int) -> dict[str, float]:
    poll, by_number = select.epoll(), {}
    for client in clients:
        poll.register(client.socket, select.EPOLLIN)
        by_number[client.socket.fileno()] = client
    broker = raw.Connection(services.BROKER_URL, "bench-signals")
    sent: dict[bytes, float] = {}
    lags: list[float] = []
    used, begun = cpu_s(product.pid), time.monotonic()
    own = time.process_time()
    end, due, number = begun + args.seconds, begun, 0
    while (now := time.monotonic()) < end + 2:
        if due <= now < end:
            topic, payload, moment = signal(number % junctions)
            sent[moment] = time.monotonic()
            broker.socket.sendall(raw.packet(raw.PUBLISH, raw.text(topic) + payload))
            number, due = number + 1, due + 1 / args.rate
        wait = min(max(due - time.monotonic(), 0), 0.05) if now < end else 0.05
        for descriptor, _ in poll.poll(wait):
            client = by_number[descriptor]
            client.read()
            now = time.monotonic()
            for frame in client.frames():
                at = frame.find(b'"t":"')
                if at >= 0 and (then := sent.get(frame[at + 16 : at + 28])) is not None:
                    lags.append(now - then)
    lags.sort()
    whole = len(lags) / max(len(sent) * len(clients), 1)
    spent = end - begun
    broker.close()
    return {
        "messages": len(sent), "frames": len(lags), "whole": whole,
        "p50_ms": lags[len(lags) // 2] * 1000, "p99_ms": lags[len(lags) * 99 // 100] * 1000, "max_ms": lags[-1] * 1000,
        "server_percent": (cpu_s(product.pid) - used) / spent * 100, "own_percent": (time.process_time() - own) / spent * 100,
        "rss_mb": rss_mb(product.pid),
    }  # fmt: skip


def say(text: str) -> None:
    print(f"live: {text}", file=sys.stderr, flush=True)


def main() -> int:
    p = parser()
    p.add_argument("--server", type=Path, required=True, help=argparse.SUPPRESS)
    args = p.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    junctions = 50
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        product = Product(args.server, folder)
        city_file = folder / "city.json"
        city_file.write_text(city.junction_file(junctions))
        product.command("migrate")
        product.command("junction", "import", str(city_file))
        product.add_user("admin", admin=True)
        product.start()
        product.until_connected()
        token = product.sign_in("admin")
        say(f"{args.clients} clients connect")
        clients = [Client(product.port, token) for _ in range(args.clients)]
        found = fan_out(args, product, clients, junctions)
        say(f"{args.most} clients connect")
        begun = time.monotonic()
        try:
            while len(clients) < args.most:
                clients.append(Client(product.port, token))
            refused = ""
        except OSError as error:
            refused = str(error)
        found |= {"connected": len(clients), "connect_s": time.monotonic() - begun, "rss_most_mb": rss_mb(product.pid)}
        for client in clients:
            client.socket.close()
        product.stop()
    if refused:
        say(f"no more than {len(clients)} clients: {refused}")
    report(args, found)
    wrong = musts.missed("live", [Must("the p99 from the broker to the client", found["p99_ms"], 100, " ms")])
    return 0 if found["connected"] == args.most and found["whole"] == 1 and not (args.check and wrong) else 1


def report(args: argparse.Namespace, found: dict[str, float]) -> None:
    rows = [
        (f"{args.clients} clients, {args.rate:g} messages/s: frames a second", f"{found['frames'] / args.seconds:,.0f}", ""),
        ("from the broker to the client, p50 / p99", f"{found['p50_ms']:.0f} / {found['p99_ms']:.0f} ms", "100 ms"),
        ("frames that came of those that should", f"{found['whole']:.2%}", "all"),
        ("processor, of one core: server / this bench", f"{found['server_percent']:.0f} / {found['own_percent']:.0f} %", ""),
        ("memory (RSS) with them", f"{found['rss_mb']:.0f} MB", ""),
        ("clients at once", f"{found['connected']:.0f}", f"{args.most} wanted"),
        ("memory (RSS) with all", f"{found['rss_most_mb']:.0f} MB", ""),
    ]
    print("| | | at most |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(json.dumps({"bench": "live", "product": found}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
