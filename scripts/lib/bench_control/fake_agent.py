"""A program that speaks the replay protocol and plays fixed greens, well or badly: what the self-check measures in place of
an agent.

    fake_agent.py --greens 29,6,29,6 [--fault FAULT] --config agent.toml [--seed N]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import tomllib
from pathlib import Path

#: What it can do wrong, from this time on.
FAULTS = ("conflict", "short-amber", "short-green", "no-all-red", "dies", "hangs", "babbles")
FAULT_AT_S = 60


class FakeAgent:
    """Plays stage after stage."""

    def __init__(self, config: dict, greens: list[float], fault: str | None):
        self._stages = [(stage["name"], set(stage["groups"])) for stage in config["stage"]]
        self._groups = [group["name"] for group in config["group"]]
        self._amber_s, self._all_red_s = config["signal"]["amber_s"], config["signal"]["all_red_s"]
        self._greens, self._fault = greens, fault
        self._stage, self._state, self._ends = 0, "start", 0.0

    def pass_time(self, t: float) -> list[dict]:
        """The lines of everything that is due up to `t`."""
        out = []
        while t >= self._ends:
            at = self._ends
            bad = self._fault if at >= FAULT_AT_S else None
            self._go_on(bad)
            out += self._lines(at, bad)
        return out

    def _go_on(self, bad: str | None) -> None:
        if self._state == "green":
            self._state, seconds = "amber", 1.0 if bad == "short-amber" else self._amber_s
        elif self._state == "amber" and self._all_red_s and bad != "no-all-red":
            self._state, seconds = "all_red", self._all_red_s
        else:
            self._stage = 0 if self._state == "start" else self._next
            self._state, seconds = "green", 2.0 if bad == "short-green" else self._greens[self._stage]
        self._ends += seconds

    @property
    def _next(self) -> int:
        return (self._stage + 1) % len(self._stages)

    def _lines(self, t: float, bad: str | None) -> list[dict]:
        (name, shown), (_, after) = self._stages[self._stage], self._stages[self._next]
        lamps = {}
        for group in self._groups:
            if group in shown and (self._state == "green" or group in after):
                lamps[group] = "green"
            elif group in shown and self._state == "amber":
                lamps[group] = "amber"
            else:
                lamps[group] = "green" if bad == "conflict" else "red"
        return [{"t": t, "lamps": lamps}, {"t": t, "stage": name, "state": self._state}]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--greens", required=True)
    parser.add_argument("--fault", choices=FAULTS)
    parser.add_argument("--seed")
    options = parser.parse_args()
    agent = FakeAgent(
        tomllib.loads(options.config.read_text()), [float(s) for s in options.greens.split(",")], options.fault
    )
    print(json.dumps({"ready": True, "subscribe": []}), flush=True)
    for line in sys.stdin:
        t = json.loads(line)["t"]
        if t >= FAULT_AT_S and options.fault == "dies":
            sys.exit("fake agent: this is the end")
        if t >= FAULT_AT_S and options.fault == "hangs":
            time.sleep(3600)
        if t >= FAULT_AT_S and options.fault == "babbles":
            print("good morning", flush=True)
        for each in [*agent.pass_time(t), {"t": t, "done": True}]:
            print(json.dumps(each))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
