"""The nets that are measured, the hour that is simulated, and the signal rules that hold there."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Scenario:
    """A net with its demand. Times are SUMO's seconds."""

    name: str
    begin: int
    end: int
    amber_s: float = 3.0
    all_red_s: float = 0.0
    #: Share of the vehicles that could carry a tag and do.
    penetration: float = 1.0
    #: Factor on the generated demand; None for nets that are fetched or given.
    india_demand: float | None = None
    #: Folder of a net that the user gives; None for the others.
    folder: Path | None = None


def _resco(name: str, begin: int, amber_s: float = 3.0) -> Scenario:
    return Scenario(name, begin, begin + 3600, amber_s)


def _india(name: str, demand: float) -> Scenario:
    return Scenario(name, 0, 7200, all_red_s=2.0, penetration=0.95, india_demand=demand)


#: Windows, amber and all-red are those of the RESCO benchmark; arterial4x4 has 2 s of amber there.
KNOWN = {
    scenario.name: scenario
    for scenario in (
        _resco("cologne1", 25200),
        _resco("cologne3", 25200),
        _resco("cologne8", 25200),
        _resco("ingolstadt1", 57600),
        _resco("ingolstadt7", 57600),
        _resco("ingolstadt21", 57600),
        _resco("grid4x4", 0),
        _resco("arterial4x4", 0, amber_s=2.0),
        _india("india4", 1.0),
        _india("india4hi", 1.4),
    )
}


class UnknownNet(ValueError):
    """A name that is neither a known net nor a folder with one."""


def find(name: str) -> Scenario:
    """The scenario of that name, or the one in the folder that `name` is the path of."""
    if name in KNOWN:
        return KNOWN[name]
    if "/" in name:
        return _given(Path(name).resolve())
    raise UnknownNet(
        f"there is no net '{name}'; known are {', '.join(KNOWN)}. A net of your own: its folder, with a / in it"
    )


def _given(folder: Path) -> Scenario:
    for pattern in ("*.net.xml", "*.rou.xml"):
        if not list(folder.glob(pattern)):
            raise UnknownNet(f"the folder {folder} has no {pattern}")
    begin, end = 0, 7200
    for config in sorted(folder.glob("*.sumocfg"))[:1]:
        root = ElementTree.parse(config).getroot()
        begin, end = (
            int(float(element.get("value"))) if (element := root.find(f".//{key}")) is not None else default
            for key, default in (("begin", begin), ("end", end))
        )
    return Scenario(folder.name, begin, end, folder=folder)


@dataclass(frozen=True)
class NetFiles:
    """What SUMO is started with."""

    net: Path
    routes: Path
    additional: tuple[Path, ...] = ()
    sumo_options: tuple[str, ...] = ()


def files_in(folder: Path) -> NetFiles:
    """The files of a net: one net, the first routes, whatever additional files and `sumo.options` there are."""
    options = folder / "sumo.options"
    return NetFiles(
        net=min(folder.glob("*.net.xml")),
        routes=min(folder.glob("*.rou.xml")),
        additional=tuple(sorted(folder.glob("*.add.xml"))),
        sumo_options=tuple(options.read_text().split()) if options.exists() else (),
    )
