"""The command line. Uses nothing but the standard library, so that `--help` and a slip need no preparation."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path

from . import scenarios
from .baselines.driver import BASELINES, FULL_SIGHT
from .sumo_programs import SUMO_CONTROLLERS

PRODUCT = "product"
DEFAULT_SUMO = "1.28.0"
#: Everything that can control.
CONTROLLERS = (PRODUCT, *BASELINES, *FULL_SIGHT, *SUMO_CONTROLLERS)
SIGHTED = (*FULL_SIGHT, "sumo-actuated", "sumo-delay-based")

DESCRIPTION = """\
Measures how long road users are held up at signals that FlexTraff controls: `flextraff-agent replay` for each junction and
one `flextraff-server replay`, in lock-step with the traffic simulator SUMO, fed with nothing but tag reads. Beside it, in
the same call, run controllers that see the same reads and obey the same minimum greens, ambers and all-reds.
"""

DETAILS = """\
delay       mean of SUMO's timeLoss + departDelay over every vehicle due in the window, in seconds. Vehicles that still
            drive at the end are cut off there; those never inserted have waited from their planned departure to the end.
readers     a stop-line zone of 12 m and an advance zone of 6 m around 120 m before the stop line, along the road and over
            short edges, never beyond the previous signal. Two- and three-wheelers carry no tag. Whether a vehicle has a
            tag, and whether a passage is read, are hashes of vehicle and seed.
nets        {nets}.
            All but india4 and india4hi come from PyPI (sumo-rl 1.4.5) and stay under target/: their licences forbid to
            pass them on. india4 is made here: one junction, four approaches one after the other, Indian traffic, demand
            that turns half-way; india4hi has 1.4 times its demand. A folder (with a / in its name) with a net and its
            routes is a net, too.
baselines   fixed        the net's own program
            actuated     ends a green after 3 s without a stop-line read
            webster      cycle and splits by Webster's formula from the reads of each round
            greedy       every 5 s the stage with most tags waiting
            maxpressure  the same, less what waits at the neighbours that it leads to
            and, with --full-sight, controllers that see every vehicle: {sighted}
violations  conflict, no_amber, short_amber, short_green, short_all_red, long_red (a lane without green for more than 180 s
            while somebody waits), wrong_lamps (not those of the stage that is told), fault (flash or dark)
output      a line for each run while it goes; at the end tables in Markdown, and as last line on standard output one JSON
            object. In the folder of --out: rows.jsonl, table.md, delay.svg, queues-NET.svg.
exit        0; 1 when a run failed or the product broke a safety rule; 2 on a wrong command line.
"""


def parser() -> argparse.ArgumentParser:
    """All options."""
    details = DETAILS.format(nets=", ".join(scenarios.KNOWN), sighted=", ".join(SIGHTED))
    p = argparse.ArgumentParser(
        prog="scripts/bench control",
        description=DESCRIPTION,
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    g = p.add_argument_group("what is measured")
    g.add_argument("--nets", default=",".join(scenarios.KNOWN), type=_nets, help="comma-separated (default: all ten)")
    g.add_argument("--seeds", default="1-5", type=_seeds, help="such as 1-5 (default) or 1,4,7")
    g.add_argument("--seconds", type=_positive, help="cut the window of every net, for trying things out")
    g.add_argument("--scale", type=float, default=1.0, help="factor on the demand")
    g.add_argument(
        "--baselines",
        type=_baselines,
        default=list(BASELINES),
        help=f"comma-separated, or none (default: {','.join(BASELINES)})",
    )
    g.add_argument("--full-sight", action="store_true", help="also controllers that see every vehicle")
    g.add_argument("--controllers", type=_controllers, help=f"exactly these instead, of {', '.join(CONTROLLERS)}")

    g = p.add_argument_group("what is read")
    g.add_argument(
        "--penetration",
        type=_share,
        help="share of tagged vehicles among those that may carry a tag (default 1, india* 0.95)",
    )
    g.add_argument(
        "--read", type=_share, default=0.95, help="share of the passages through a zone that are read (default 0.95)"
    )
    g.add_argument(
        "--missed",
        type=_share,
        default=0.0,
        help="share of the single reads that fail while a tag is in a zone, of two a second (default 0)",
    )
    g.add_argument(
        "--overheard",
        type=_share,
        default=0.0,
        help="share of the reads at a stop line that the antenna of the next lane makes too, weaker (default 0)",
    )
    g.add_argument(
        "--dead",
        default="",
        metavar="WHICH",
        help="dead readers: one (of the net), each (one at each junction) or a SUMO lane, comma-separated; with @stop_line or "
        "@advance only that zone",
    )
    g.add_argument(
        "--frames",
        nargs="?",
        const="all",
        default="ingolstadt1",
        metavar="NETS",
        help="nets on which the agents get raw UHFReader288 frames instead of decoded reads; without value all; none "
        "(default: ingolstadt1)",
    )

    g = p.add_argument_group("under which conditions")
    g.add_argument("--no-server", action="store_true", help="the server is away for the whole run")
    g.add_argument("--link-down", action="store_true", help="every program is told at the start that its link is down")
    g.add_argument(
        "--neighbours",
        choices=("linked", "none"),
        default="linked",
        help="none: demand and signal of linked junctions are not delivered",
    )
    g.add_argument(
        "--stage-order",
        choices=("free", "fixed", "skip"),
        default="free",
        help="what agents and server are told (default free); skip: fixed, and every stage may be left out",
    )
    g.add_argument("--min-green", type=_positive, default=5, metavar="S", help="of every stage (default 5)")
    g.add_argument("--max-green", type=_positive, default=90, metavar="S", help="of every stage (default 90)")
    g.add_argument(
        "--no-exits", action="store_true", help="agents and server are not told where the movements of a group lead"
    )

    g = p.add_argument_group("with what")
    g.add_argument(
        "--sumo",
        default=DEFAULT_SUMO,
        metavar="VERSION",
        help=f"from PyPI (default {DEFAULT_SUMO}); 1.9.2 is the one of published figures, over TraCI and so three to four times slower",
    )
    g.add_argument("--agent", metavar="COMMAND", help="instead of target/release/flextraff-agent replay")
    g.add_argument("--server", metavar="COMMAND", help="instead of target/release/flextraff-server replay")
    g.add_argument(
        "--agent-args",
        type=shlex.split,
        default=[],
        metavar="ARGS",
        help="added to the agent's command: --agent-args='--explain'",
    )
    g.add_argument("--no-build", action="store_true", help="use the programs as they were built last time")
    g.add_argument(
        "--timeout",
        type=_positive,
        default=60,
        metavar="S",
        help="silence after which a program counts as hung (default 60)",
    )

    g = p.add_argument_group("how, and where to")
    g.add_argument(
        "--jobs", type=_positive, default=os.cpu_count() or 1, help="runs side by side (default: one for each core)"
    )
    g.add_argument("--out", type=Path, metavar="DIR", help="default: target/bench/control")
    g.add_argument(
        "--keep", action="store_true", help="keep configurations, standard error and every line in and out in DIR/runs"
    )
    g.add_argument(
        "--self-check",
        action="store_true",
        help="check the bench itself instead: under a minute, without FlexTraff's programs",
    )
    g.add_argument("--checkout", type=Path, default=Path(), help=argparse.SUPPRESS)
    return p


def parse(arguments: list[str]) -> argparse.Namespace:
    """Reads the command line; `controllers` is then the list of all that run."""
    p = parser()
    options = p.parse_args(arguments)
    if options.controllers is None:
        sighted = list(SIGHTED) if options.full_sight else []
        options.controllers = list(dict.fromkeys([PRODUCT, *options.baselines, *sighted]))
    if options.min_green > options.max_green:
        p.error(f"--min-green {options.min_green} is above --max-green {options.max_green}")
    options.frames_nets = _frames(p, options)
    return options


def _frames(p: argparse.ArgumentParser, options: argparse.Namespace) -> set[str]:
    known = {scenario.name for scenario in options.nets} | set(scenarios.KNOWN)
    if options.frames in ("all", "none"):
        return known if options.frames == "all" else set()
    wanted = set(options.frames.split(","))
    if wanted - known:
        p.error(
            f"--frames: there is no net '{min(wanted - known)}'; write all, none, or some of {', '.join(sorted(known))}"
        )
    return wanted


def _nets(text: str) -> list[scenarios.Scenario]:
    try:
        return [scenarios.find(name) for name in dict.fromkeys(text.split(","))]
    except scenarios.UnknownNet as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seeds(text: str) -> list[int]:
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()) or int(last or first) < int(first):
            raise argparse.ArgumentTypeError(f"'{part}' is no seed and no range of seeds, such as 1-5 or 1,4,7")
        seeds += range(int(first), int(last or first) + 1)
    return list(dict.fromkeys(seeds))


def _baselines(text: str) -> list[str]:
    return [] if text == "none" else _named(text, CONTROLLERS[1:])


def _controllers(text: str) -> list[str]:
    return _named(text, CONTROLLERS)


def _named(text: str, known: tuple[str, ...]) -> list[str]:
    names = list(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"there is no '{name}'; known are {', '.join(known)}")
    return names


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no share from 0 to 1")
    return share
