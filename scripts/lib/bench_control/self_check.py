"""Checks the bench itself: that it measures what SUMO measures, and that it catches a controller that is not safe."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from . import pool
from .product import ProductSetup
from .product_files import Rules
from .run import Conditions, Job
from .scenarios import KNOWN
from .street import Readers
from .tags import fastag, uhfreader288_frame

SECONDS = 600
#: The net's own greens and amber of cologne1, which a fixed-time agent is told to play.
GREENS, AMBER_S = "29,6,29,6", 5.0
FAKE_AGENT = Path(__file__).with_name("fake_agent.py")
#: What each fault of the fake agent must be noticed as.
VIOLATIONS = {
    "conflict": "conflict",
    "short-amber": "short_amber",
    "short-green": "short_green",
    "no-all-red": "short_all_red",
}
ERRORS = {"dies": "this is the end", "hangs": "no answer for 2 s", "babbles": "good morning"}


def check(nets) -> int:
    """Runs all checks; the exit status."""
    began = time.monotonic()
    jobs = _jobs(nets)
    rows = {}
    names = {id(job): name for name, job in jobs.items()}
    for job, row in pool.run_all(list(jobs.values()), lambda job: nets.network(job.scenario), os.cpu_count() or 1):
        rows[names[id(job)]] = row
    failed = 0
    for what, good, seen in [*_vectors(), *_right_of_way(nets), *_judged(rows)]:
        failed += not good
        print(f"{'ok    ' if good else 'FAILED'}  {what}{f'   ({seen})' if seen else ''}", flush=True)
    print(f"self-check: {failed} failed, {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 1 if failed else 0


def _jobs(nets) -> dict[str, Job]:
    jobs = {}

    def add(name: str, net: str, controller: str, seed: int = 1, fault: str | None = None, **changes) -> None:
        scenario = KNOWN[net]
        command = [sys.executable, str(FAKE_AGENT), "--greens", GREENS, *(["--fault", fault] if fault else [])]
        setup = ProductSetup(tuple(command), None, False, True, True, False, timeout_s=2, transcript=False)
        conditions = Conditions(
            Rules(scenario.amber_s, scenario.all_red_s), Readers(1.0, 0.95), 1.0, SECONDS, True, setup
        )
        jobs[name] = Job(scenario, nets.files(scenario), replace(conditions, **changes), controller, seed)

    for net in ("cologne1", "cologne3", "ingolstadt1"):
        add(f"{net} static", net, "sumo-static")
        add(f"{net} fixed", net, "fixed")
    add("safe agent", "cologne1", "product", rules=Rules(AMBER_S, 0.0))
    for fault in (*VIOLATIONS, *ERRORS):
        add(fault, "cologne1", "product", fault=fault, rules=Rules(3.0, 2.0))
    add("greedy", "cologne3", "greedy")
    add("greedy again", "cologne3", "greedy")
    add("greedy, seed 2", "cologne3", "greedy", seed=2)
    add("half tagged", "cologne3", "greedy", readers=Readers(0.5, 0.95))
    add("half read", "cologne3", "greedy", readers=Readers(1.0, 0.5))
    add("one dead", "cologne3", "greedy", readers=Readers(1.0, 0.95, "one"))
    return jobs


Verdict = tuple[str, bool, object]


def _vectors() -> list[Verdict]:
    epc = fastag(1 << 20 | 1)
    frame = uhfreader288_frame(1, epc, 0x50)
    return [
        ("a FASTag's EPC", epc == "34161FA8203E7CB202000020", ""),
        ("a frame of UHFReader288", frame == "1400EE00010C34161FA8203E7CB20200002050E4A0", ""),
    ]


def _right_of_way(nets) -> list[Verdict]:
    (junction,) = nets.network(KNOWN["cologne1"]).junctions
    yielding = {(pair.a, pair.b) for pair in junction.compatible if pair.yields}
    return [
        (
            "who turns across gives way to who goes straight on",
            ("W2a", "E1") in yielding and ("E1", "W2a") not in yielding,
            "",
        )
    ]


def _judged(rows: dict[str, dict]) -> list[Verdict]:
    verdicts: list[Verdict] = []

    def delay(name: str) -> object:
        return rows[name].get("delay_s", rows[name].get("error"))

    for net in ("cologne1", "cologne3", "ingolstadt1"):
        static, fixed = delay(f"{net} static"), delay(f"{net} fixed")
        verdicts.append(
            (
                f"{net}: the fixed baseline has the delay of SUMO's own program",
                static == fixed,
                f"{static} and {fixed} s",
            )
        )
    safe, static = rows["safe agent"], delay("cologne1 static")
    verdicts.append(
        (
            "an agent that plays the same program over the replay protocol has the same delay",
            delay("safe agent") == static,
            f"{delay('safe agent')} s",
        )
    )
    verdicts.append(("and breaks no rule", not safe.get("violations", True), safe.get("examples") or ""))
    for fault, violation in VIOLATIONS.items():
        found = rows[fault].get("violations", rows[fault].get("error"))
        verdicts.append((f"an agent with the fault {fault} is caught", bool(found) and violation in found, found))
    for fault, words in ERRORS.items():
        error = rows[fault].get("error", "no error")
        verdicts.append(
            (f"an agent that {fault} fails its run, with the reason", words in error, " ".join(error.split())[:120])
        )
    greedy = rows["greedy"]
    verdicts.append(
        ("the same run twice is the same", _outcome(greedy) == _outcome(rows["greedy again"]), f"{delay('greedy')} s")
    )
    verdicts.append(
        ("another seed is another run", delay("greedy") != delay("greedy, seed 2"), f"{delay('greedy, seed 2')} s")
    )
    half = rows["half tagged"]["vehicles_tagged"] / rows["half tagged"]["vehicles_seen"]
    verdicts.append(("half of the vehicles are tagged when told so", abs(half - 0.5) < 0.08, round(half, 2)))
    half = rows["half read"]["passages_read"] / rows["half read"]["passages"]
    verdicts.append(("half of the passages are read when told so", abs(half - 0.5) < 0.05, round(half, 2)))
    dead = rows["one dead"]
    verdicts.append(
        (
            "a dead reader gives no reads",
            len(dead["dead"]) == 2 and dead["passages_read"] < greedy["passages_read"],
            dead["dead"],
        )
    )
    return verdicts


def _outcome(row: dict) -> dict:
    return {key: value for key, value in row.items() if key not in ("wall_s", "ms_per_decision")}
