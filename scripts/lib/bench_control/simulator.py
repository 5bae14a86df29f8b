"""SUMO in this process (libsumo), or beside it over TraCI where there is no libsumo of that version."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def connect():
    """The module to speak to SUMO with, and whether it is TraCI."""
    try:
        import libsumo

        return libsumo, False
    except ImportError:
        import sumo

        # Old versions look for their schemas on the network unless they know where they are installed.
        os.environ["SUMO_HOME"] = sumo.SUMO_HOME
        sys.path.append(str(Path(sumo.SUMO_HOME) / "tools"))
        import traci

        return traci, True


def command(
    files, begin: int, end: int, seed: int, tripinfo: Path, scale: float, traci: bool, additional=()
) -> list[str]:
    """SUMO's command line: steps of 1 s, no teleports, one record for every vehicle due."""
    import sumo

    words = [
        str(Path(sumo.SUMO_HOME) / "bin" / "sumo"),
        "--net-file",
        str(files.net),
        "--route-files",
        str(files.routes),
        "--begin",
        str(begin),
        "--end",
        str(end),
        "--seed",
        str(seed),
        "--time-to-teleport",
        "-1",
        "--tripinfo-output",
        str(tripinfo),
        "--tripinfo-output.write-unfinished",
        "--no-step-log",
        "--no-warnings",
        "--duration-log.disable",
        "true",
        *files.sumo_options,
    ]
    if not traci:
        # Every version that has libsumo knows it; for the others `measures.never_inserted` does the same.
        words.append("--tripinfo-output.write-undeparted")
    if scale != 1:
        words += ["--scale", str(scale)]
    extra = [str(path) for path in (*files.additional, *additional)]
    if extra:
        words += ["--additional-files", ",".join(extra)]
    return words
