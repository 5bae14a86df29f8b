"""Runs the bench: `scripts/bench control`."""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

from . import fetch, plots, pool, self_check
from . import network as networks
from . import options as command_line
from .network import NetError, Network
from .product import ProductSetup
from .product_files import Rules
from .report import Results, progress
from .roads import Antennas
from .run import Conditions, Job
from .scenarios import NetFiles, Scenario
from .street import Readers, UnknownLane, dead_zones

#: What the report says of the order of stages.
STAGE_ORDERS = {
    "free": "any stage may follow any",
    "fixed": "stages in a fixed order",
    "skip": "stages in a fixed order without those that nobody wants",
}
#: Exit status after Ctrl-C, as shells have it.
INTERRUPTED = 130


def main() -> int:
    """Answers the exit status."""
    options = command_line.parse(sys.argv[1:])
    store = options.checkout / "target" / "bench"
    nets = Nets(store / "nets", options.sumo)
    if options.self_check:
        return self_check.check(nets)
    try:
        return measure(options, nets, options.out or store / "control")
    except (fetch.FetchError, NetError, UnknownLane, Unusable) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2


class Unusable(RuntimeError):
    """A program that cannot be measured."""


class Nets:
    """Nets, fetched and read when they are first wanted."""

    def __init__(self, store: Path, sumo_version: str):
        self._store, self._version = store, sumo_version
        self._networks: dict[str, Network] = {}

    def files(self, scenario: Scenario) -> NetFiles:
        """Where its files are."""
        return fetch.net_files(scenario, self._store, self._version)

    def network(self, scenario: Scenario) -> Network:
        """What is in them."""
        if scenario.name not in self._networks:
            self._networks[scenario.name] = networks.read(self.files(scenario).net, scenario.name, Antennas())
        return self._networks[scenario.name]


def measure(options: argparse.Namespace, nets: Nets, out: Path) -> int:
    """Runs everything that is asked for, prints and stores what came out."""
    out.mkdir(parents=True, exist_ok=True)
    jobs = plan(options, nets, out)
    rows = []
    began = time.monotonic()
    with (out / "rows.jsonl").open("w") as log:
        try:
            for _, row in pool.run_all(jobs, lambda job: nets.network(job.scenario), options.jobs):
                rows.append(row)
                log.write(json.dumps(row) + "\n")
                log.flush()
                print(progress(row, len(rows), len(jobs)), file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            print(f"bench: interrupted; the tables hold {len(rows)} of {len(jobs)} runs", file=sys.stderr)

    results = Results(rows, [scenario.name for scenario in options.nets], options.controllers)
    facts = about(options)
    text = "\n\n".join(filter(None, [facts, results.delay_table(), results.detail_table(), results.notes()]))
    (out / "table.md").write_text(text + "\n")
    for path in plots.draw(results, out):
        print(f"drew {path}", file=sys.stderr)
    print(text, flush=True)
    whole = {
        "bench": "control",
        "sumo": options.sumo,
        "seeds": options.seeds,
        **results.summary(),
        "runs": len(rows),
        "wall_s": round(time.monotonic() - began),
        "out": str(out),
    }
    print("\n" + json.dumps(whole), flush=True)
    if len(rows) < len(jobs):
        return INTERRUPTED
    return 1 if results.failed or results.product_violations or results.product_gridlocked else 0


def about(options: argparse.Namespace) -> str:
    """Under which conditions the table was measured."""
    words = [
        f"SUMO {options.sumo} ({'libsumo' if has_libsumo() else 'TraCI'})",
        f"seeds {', '.join(map(str, options.seeds))}",
        f"read rate {options.read}",
        STAGE_ORDERS[options.stage_order],
        f"greens of {options.min_green} to {options.max_green} s",
    ]
    if options.penetration is not None:
        words.append(f"penetration {options.penetration}")
    if options.missed:
        words.append(f"single reads missed {options.missed}")
    if options.overheard:
        words.append(f"overheard by the next lane {options.overheard}")
    if options.scale != 1:
        words.append(f"demand × {options.scale}")
    if options.seconds:
        words.append(f"first {options.seconds} s of each window only")
    if options.dead:
        words.append(f"dead readers: {options.dead}")
    if options.no_exits:
        words.append("exits not told")
    if options.agent_args:
        words.append(f"agents with {shlex.join(options.agent_args)}")
    if options.no_server:
        words.append("no server")
    if options.link_down:
        words.append("links down")
    if options.neighbours == "none":
        words.append("neighbours silent")
    frames = sorted({scenario.name for scenario in options.nets} & options.frames_nets)
    if frames and command_line.PRODUCT in options.controllers:
        words.append(f"raw reader frames on {', '.join(frames)}")
    return "Control bench: " + "; ".join(words) + "."


def has_libsumo() -> bool:
    """Whether SUMO runs inside the process."""
    try:
        metadata.version("libsumo")
    except metadata.PackageNotFoundError:
        return False
    return True


def plan(options: argparse.Namespace, nets: Nets, out: Path) -> list[Job]:
    """All runs, net by net, so that a table of the first nets could be made early."""
    agent, server = programs(options) if command_line.PRODUCT in options.controllers else ((), None)
    jobs = []
    for scenario in options.nets:
        files = nets.files(scenario)
        dead_zones(nets.network(scenario), options.dead, 0)
        conditions = Conditions(
            rules=Rules(
                scenario.amber_s,
                scenario.all_red_s,
                options.min_green,
                options.max_green,
                stage_order="free" if options.stage_order == "free" else "fixed",
                skip=options.stage_order == "skip",
            ),
            readers=Readers(
                scenario.penetration if options.penetration is None else options.penetration,
                options.read,
                options.dead,
                options.missed,
                options.overheard,
            ),
            scale=options.scale,
            seconds=min(options.seconds or scenario.end, scenario.end - scenario.begin),
            neighbours=options.neighbours == "linked" and not options.link_down,
            product=ProductSetup(
                agent=agent,
                server=server,
                frames=scenario.name in options.frames_nets,
                neighbours=options.neighbours == "linked",
                link_up=not options.link_down,
                exits=not options.no_exits,
                timeout_s=options.timeout,
                transcript=options.keep,
            ),
        )
        keep = out / "runs" if options.keep else None
        jobs += [
            Job(scenario, files, conditions, controller, seed, keep)
            for seed in options.seeds
            for controller in options.controllers
        ]
    return jobs


def programs(options: argparse.Namespace) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """The commands of agent and server, after a look whether they can do it."""
    built = options.checkout / "target" / "release"
    agent = shlex.split(options.agent) if options.agent else [str(built / "flextraff-agent"), "replay"]
    server = shlex.split(options.server) if options.server else [str(built / "flextraff-server"), "replay"]
    if options.no_server:
        server = None
    for command, own, way_out in (
        (agent, options.agent, ""),
        (server, options.server, "; --no-server measures without it"),
    ):
        if command is None:
            continue
        # Each program runs in a folder of its own.
        if "/" in command[0]:
            command[0] = str(Path(command[0]).resolve())
        try:
            done = subprocess.run([*command, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        except OSError as error:
            hint = "" if own else "; leave out --no-build"
            raise Unusable(f"cannot start {command[0]}: {error.strerror}{hint}{way_out}") from None
        if done.returncode:
            last = "\n".join(done.stderr.strip().splitlines()[-3:])
            raise Unusable(f"'{shlex.join(command)}' cannot be measured{way_out}: {last}")
    return (*agent, *options.agent_args), tuple(server) if server else None


if __name__ == "__main__":
    sys.exit(main())
