"""One run: a net, a controller, a seed."""

from __future__ import annotations

import asyncio
import contextlib
import io
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from . import measures, simulator
from .baselines import Baselines
from .lamps import Lamps
from .network import Network
from .product import Product, ProductSetup
from .product_files import Rules
from .replay import ProgramError
from .safety import Watch
from .scenarios import NetFiles, Scenario
from .street import Readers, Street
from .sumo_programs import SUMO_CONTROLLERS, SumoProgram, additional_file


@dataclass(frozen=True)
class Conditions:
    """What is the same for all controllers that are compared."""

    rules: Rules
    readers: Readers
    scale: float
    seconds: int
    neighbours: bool
    product: ProductSetup


@dataclass(frozen=True)
class Job:
    """One run. `conditions` may differ between nets."""

    scenario: Scenario
    files: NetFiles
    conditions: Conditions
    controller: str
    seed: int
    #: Where configurations, standard error and transcripts are kept; None: nowhere.
    keep: Path | None = None


def run(job: Job, network: Network) -> dict:
    """Runs it and answers its row: what was measured, or why there is nothing (`error`). libsumo keeps random state, so
    each run needs a process of its own."""
    conditions = job.conditions
    row = {
        "net": job.scenario.name,
        "controller": job.controller,
        "seed": job.seed,
        "seconds": conditions.seconds,
        "scale": conditions.scale,
        "readers": asdict(conditions.readers),
        "server": bool(conditions.product.server),
        "frames": conditions.product.frames,
    }
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-control-") as temporary:
        folder = Path(temporary)
        try:
            row |= asyncio.run(_run(job, network, folder))
        except ProgramError as error:
            row["error"] = str(error)
        if job.keep:
            kept = job.keep / f"{job.scenario.name}-{job.controller}-{job.seed}"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(folder, kept)
    return row | {"wall_s": round(time.monotonic() - began, 1)}


async def _run(job: Job, network: Network, folder: Path) -> dict:
    sumo, traci = simulator.connect()
    conditions, begin = job.conditions, job.scenario.begin
    end = begin + conditions.seconds
    own = additional_file(network, job.controller, folder) if job.controller in SUMO_CONTROLLERS else []
    tripinfo = folder / "tripinfo.xml"
    with contextlib.redirect_stdout(io.StringIO()):  # TraCI prints that it waits for SUMO.
        sumo.start(simulator.command(job.files, begin, end, job.seed, tripinfo, conditions.scale, traci, own))
    controller = None
    try:
        controller = _controller(job, network, sumo, folder)
        simulation = _Simulation(sumo, traci, network, job, controller)
        found = await simulation.play()
        missing = measures.never_inserted(sumo, job.files.routes, end) if traci else []
    finally:
        cost = await controller.close() if controller else {}
        sumo.close()
    trips = measures.delays(tripinfo, begin, end, missing)
    return found | cost | trips | {"gridlock": trips["gridlock"] or bool(found["standstills"])}


def _controller(job: Job, network: Network, sumo, folder: Path):
    conditions = job.conditions
    if job.controller == Product.name:
        return Product(network, conditions.rules, conditions.product, job.seed, folder)
    if job.controller in SUMO_CONTROLLERS:
        return SumoProgram(job.controller, network, sumo)
    return Baselines(job.controller, network, conditions.rules, conditions.neighbours, sumo)


class _Simulation:
    """SUMO, the readers, the lamps and those who watch them, second by second."""

    def __init__(self, sumo, traci: bool, network: Network, job: Job, controller):
        self._sumo, self._network, self._controller = sumo, network, controller
        self._seconds = job.conditions.seconds
        self._street = Street(sumo, traci, network, job.conditions.readers, job.seed)
        self._lamps = [Lamps(junction) for junction in network.junctions]
        self._watches = [Watch(junction, job.conditions.rules) for junction in network.junctions]
        self._queues = measures.Queues(sumo, network)
        self._standstills = measures.Standstills(sumo)

    async def play(self) -> dict:
        """Plays the window; answers what was seen besides the trips."""
        self._show(0.0, await self._controller.start())
        for second in range(1, self._seconds + 1):
            t = float(second)
            self._sumo.simulationStep()
            reads = self._street.step(t)
            for watch, lamps, occupied in zip(self._watches, self._lamps, self._street.occupied, strict=True):
                watch.second(t, lamps.state, occupied)
            self._queues.second(t)
            self._standstills.second(t)
            if second < self._seconds:
                self._show(t, await self._controller.step(t, reads))
        return self._found()

    def _show(self, t: float, said: list[list[dict]]) -> None:
        for junction, lamps, watch, lines in zip(
            self._network.junctions, self._lamps, self._watches, said, strict=True
        ):
            for line in lines:
                lamps.take(line)
                if "lamps" in line:
                    watch.lamps(line["t"], line["lamps"])
                elif "state" in line:
                    watch.stage(line["t"], line.get("stage"), line["state"])
            if lines:
                watch.settled(t)
                if lamps.settle():
                    self._sumo.trafficlight.setRedYellowGreenState(junction.tls, lamps.state)

    def _found(self) -> dict:
        violations: Counter[str] = Counter()
        for watch in self._watches:
            violations += watch.violations
        reddest = max(self._watches, key=lambda watch: watch.longest_red_s)
        hours = len(self._watches) * self._seconds / 3600
        return {
            "junctions": [junction.tls for junction in self._network.junctions],
            "violations": dict(violations),
            "examples": [example for watch in self._watches for example in watch.examples][:5],
            "longest_red_s": reddest.longest_red_s,
            "longest_red_lane": reddest.longest_red_lane,
            "longest_red_waiting_s": max(watch.longest_red_waiting_s for watch in self._watches),
            "switches_h": round(sum(watch.stage_changes for watch in self._watches) / hours, 1),
            "dead": self._street.dead,
            "queues": self._queues.of,
            "standstills": self._standstills.since,
            **self._street.counts(),
        }
