"""The server under test, and a person who is signed in at it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import time
import urllib.parse
from pathlib import Path

PASSWORD = "a lamp at every corner 7"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Product:
    """`flextraff-server serve` on a free port, with the private services of the environment."""

    client_id = "flextraff-bench"

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.folder, self.port = program, folder, free_port()
        self.log = (folder / "server.log").open("ab")
        self.key = folder / "key"
        self.key.write_text(os.urandom(32).hex())
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "FLEXTRAFF_HTTP__BIND": f"127.0.0.1:{self.port}",
            "FLEXTRAFF_AUTH__SECRET_KEY_FILE": str(self.key),
            # One machine asks for what thousands of people would.
            "FLEXTRAFF_HTTP__REQUESTS_PER_MINUTE": "1000000",
            "FLEXTRAFF_MQTT__CLIENT_ID": self.client_id,
        }

    def command(self, *arguments: str, given: str = "") -> str:
        done = subprocess.run(
            [self.program, *arguments], env=self.environment, input=given, capture_output=True, text=True, timeout=120
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def start(self) -> float:
        """Starts it and waits until it is ready; for how long, seconds."""
        begun = time.monotonic()
        self.process = subprocess.Popen([self.program, "serve"], env=self.environment, stdout=self.log, stderr=self.log)
        while not self.answers("/readyz"):
            if self.process.poll() is not None or time.monotonic() - begun > 60:
                raise RuntimeError(f"the server does not start; see {self.folder / 'server.log'}")
            time.sleep(0.002)
        return time.monotonic() - begun

    def answers(self, path: str) -> bool:
        try:
            return self.request("GET", path)[0] == 200
        except OSError:
            return False

    def request(self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def until_connected(self) -> None:
        """Until database and broker are there."""
        deadline = time.monotonic() + 60
        while not self.answers("/health"):
            if time.monotonic() > deadline:
                raise RuntimeError("the server has no broker")
            time.sleep(0.05)

    def add_user(self, name: str, *, admin: bool = False) -> None:
        more = ["--admin"] if admin else []
        self.command("user", "create", "--username", name, "--email", f"{name}@example.org", *more, given=f"{PASSWORD}\n")

    def sign_in(self, name: str) -> str:
        form = urllib.parse.urlencode({"username": name, "password": PASSWORD})
        status, answer = self.request(
            "POST", "/api/users/token", form, {"Content-Type": "application/x-www-form-urlencoded"}
        )
        if status != 200:
            raise RuntimeError(f"sign-in: {status} {answer.decode()}")
        return json.loads(answer)["access_token"]

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
