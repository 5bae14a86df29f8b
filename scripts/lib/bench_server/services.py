"""The private PostgreSQL and Mosquitto that `scripts/with-services` has started: how busy they are, and killing them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from bench_usage import cpu_s

BROKER_URL = os.environ.get("FLEXTRAFF_MQTT__URL", "")
DATABASE_URL = os.environ.get("DATABASE_URL", "")


class Service:
    """A process that can be killed and started again as it was."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid, self.port = pid, port
        proc = Path(f"/proc/{pid}")
        self.arguments = proc.joinpath("cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        self.folder = proc.joinpath("cwd").readlink()
        lines = dict(line.split(":", 1) for line in proc.joinpath("status").read_text().splitlines() if ":" in line)
        self.user, self.group = int(lines["Uid"].split()[0]), int(lines["Gid"].split()[0])
        self.before_s = 0.0

    def cpu_s(self) -> float:
        """Processor time of it and its children."""
        used = cpu_s(self.pid)
        for child in self.children():
            try:
                used += cpu_s(child)
            except OSError:
                continue
        return used

    def children(self) -> list[int]:
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == self.pid:
                found.append(int(stat.parent.name))
        return found

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def restart(self) -> None:
        """Starts it again, as often as it takes until what was killed has let go of its port and memory."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            child = subprocess.Popen(
                self.arguments, cwd=self.folder, user=self.user, group=self.group, extra_groups=[],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )  # fmt: skip
            self.pid = child.pid
            while child.poll() is None and time.monotonic() < deadline:
                try:
                    socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                    return
                except OSError:
                    time.sleep(0.05)
            time.sleep(0.2)
        raise RuntimeError(f"{self.arguments[0].decode()} does not start again")


def broker() -> Service:
    return Service(int(os.environ["FLEXTRAFF_MOSQUITTO_PID"]), int(os.environ["FLEXTRAFF_MOSQUITTO_PORT"]))


def database() -> Service:
    port = int(DATABASE_URL.rpartition(":")[2].partition("/")[0])
    return Service(int(os.environ["FLEXTRAFF_POSTGRES_PID"]), port)


def let_broker_queue(messages: int) -> None:
    """Lets the broker keep so many messages for a client: what is measured is the rate, not what is lost beyond a limit."""
    conf = Path(os.environ["FLEXTRAFF_MOSQUITTO_CONF"])
    lines = [line for line in conf.read_text().splitlines() if not line.startswith("max_queued_messages")]
    conf.write_text("\n".join([*lines, f"max_queued_messages {messages}", ""]))
    server = broker()
    server.kill()
    server.restart()
    os.environ["FLEXTRAFF_MOSQUITTO_PID"] = str(server.pid)
