"""Readers on pseudo-terminals that report tags at a steady rate."""

from __future__ import annotations

import os
import pty
import threading
import time
import tty
from pathlib import Path

from .frames import epc, frame

#: A new vehicle comes to a reader each so many seconds and is read for so long.
HEADWAY_S = 2.0
DWELL_S = 4.0


class Reader(threading.Thread):
    """Writes frames at a rate until it is told to stop; a file of its own is the agent's port."""

    def __init__(self, index: int, rate: float) -> None:
        super().__init__(daemon=True)
        self.index, self.rate = index, rate
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.port = os.ttyname(self.slave)
        self.vehicles: set[int] = set()
        self.sent = self.lost = 0
        self.ended = threading.Event()

    def run(self) -> None:
        begun = due = time.monotonic()
        while not self.ended.is_set():
            due += 1 / self.rate
            if (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            self.drain()
            self.write(self.frame(time.monotonic() - begun))

    def frame(self, at: float) -> bytes:
        """Of the vehicles that are there now one after the other."""
        newest = int(at / HEADWAY_S)
        there = [number for number in range(max(0, newest - int(DWELL_S / HEADWAY_S) + 1), newest + 1)]
        number = self.index * 100_000 + there[self.sent % len(there)]
        self.vehicles.add(number)
        return frame(epc(number))

    def write(self, data: bytes) -> None:
        try:
            self.lost += os.write(self.master, data) < len(data)
        except BlockingIOError:
            self.lost += 1
        self.sent += 1

    def drain(self) -> None:
        """Throws away what the agent says to its reader."""
        try:
            while os.read(self.master, 4096):
                pass
        except BlockingIOError:
            pass

    def stop(self) -> None:
        self.ended.set()
        self.join()


def open_readers(count: int, rate: float) -> list[Reader]:
    """Readers that have not begun."""
    return [Reader(index, rate) for index in range(count)]


def socket_path(folder: Path) -> Path:
    """Where the lamps go."""
    return folder / "lamps.sock"
