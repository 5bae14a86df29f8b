"""What a process uses, from /proc."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process has used, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> float:
    """Memory that a process holds, megabytes (1 000 000 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


class Watch(threading.Thread):
    """The most memory that a process holds over a time, and its share of one processor."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.most_mb, self.ended = pid, 0.0, threading.Event()
        self.begun, self.used = time.monotonic(), cpu_s(pid)

    def run(self) -> None:
        while not self.ended.wait(0.5):
            self.most_mb = max(self.most_mb, rss_mb(self.pid))

    def stop(self) -> tuple[float, float]:
        """Most memory, megabytes; share of one processor, per cent."""
        share = (cpu_s(self.pid) - self.used) / (time.monotonic() - self.begun) * 100
        self.ended.set()
        self.join()
        return max(self.most_mb, rss_mb(self.pid)), share
