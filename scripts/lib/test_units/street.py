"""Sees the lamps: the agent's virtual driver and `failsafe` send each lamp vector as a datagram to a socket of this side."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

Lamps = dict[str, str]


def all_red(lamps: Lamps) -> bool:
    return set(lamps.values()) == {"red"}


def flashing(lamps: Lamps) -> bool:
    return set(lamps.values()) == {"flash_amber"}


def some_green(lamps: Lamps) -> bool:
    return "green" in lamps.values()


class Street:
    """Every lamp vector since the beginning, unchanged ones left out."""

    def __init__(self, folder: Path) -> None:
        path = folder / "lamps.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        # The service's user in the container is nobody's on this side.
        os.chmod(path, 0o777)
        self._seen: list[tuple[float, Lamps]] = []
        self._news = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            lamps = json.loads(self._socket.recv(65536))["lamps"]
            with self._news:
                if not self._seen or self._seen[-1][1] != lamps:
                    self._seen.append((time.monotonic(), lamps))
                    self._news.notify_all()

    def mark(self) -> int:
        """Now: what was seen until here is not looked at by `wait` and `since`."""
        with self._news:
            return len(self._seen)

    def since(self, mark: int) -> list[Lamps]:
        with self._news:
            return [lamps for _, lamps in self._seen[mark:]]

    def now(self) -> Lamps:
        with self._news:
            return self._seen[-1][1] if self._seen else {}

    def wait(self, what: str, wanted: Callable[[Lamps], bool], mark: int = 0, seconds: float = 30) -> None:
        """Until a vector since the mark is as wanted; one that is shown at the mark counts."""
        with self._news:
            begin = max(mark - 1, 0)
            if not self._news.wait_for(lambda: any(wanted(lamps) for _, lamps in self._seen[begin:]), seconds):
                raise AssertionError(f"never within {seconds} s: {what}; seen: {[lamps for _, lamps in self._seen[begin:]]}")
