"""The product as a controller: an agent for each junction and one server, fed with reads, heard through their output."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from . import product_files
from .broker import SERVER, Broker
from .network import Network
from .product_files import Rules, reader_name
from .replay import Program, exchange_all
from .street import Read
from .tags import uhfreader288_frame

#: The programs run so long before traffic starts: start-up of an agent takes up to 20 s.
LEAD_S = 30


@dataclass(frozen=True)
class ProductSetup:
    """How the product is started."""

    agent: tuple[str, ...]
    #: None: the server is away for the whole run.
    server: tuple[str, ...] | None
    frames: bool
    neighbours: bool
    link_up: bool
    exits: bool
    timeout_s: float
    transcript: bool
    lead_s: int = LEAD_S


class Product:
    """Speaks with all programs, once a second."""

    name = "product"

    def __init__(self, network: Network, rules: Rules, setup: ProductSetup, seed: int, folder: Path):
        self._network, self._rules, self._setup, self._seed, self._folder = network, rules, setup, seed, folder
        self._agents: list[Program] = []
        self._server: Program | None = None
        self._broker: Broker | None = None
        self._before = -float(setup.lead_s)
        self._errors: Counter[str] = Counter()
        self.decisions = 0

    async def start(self) -> list[list[dict]]:
        """Starts the programs and lets them run up to t = 0; answers what each junction's agent said, in order."""
        agents, server = product_files.write(self._network, self._folder, self._rules, self._setup.exits)
        seed = ["--seed", str(self._seed)]
        for at, config in enumerate(agents):
            program = Program(f"agent of {self._network.junctions[at].tls}", config.parent, self._setup.transcript)
            self._agents.append(program)
            await program.start([*self._setup.agent, "--config", str(config), *seed], self._setup.timeout_s)
        if self._setup.server:
            self._server = Program("server", server.parent, self._setup.transcript)
            await self._server.start([*self._setup.server, "--junctions", str(server), *seed], self._setup.timeout_s)
        self._broker = Broker(self._network, self._agents, self._server, self._setup.neighbours)
        said: list[list[dict]] = [[] for _ in self._agents]
        first = [] if self._setup.link_up else [json.dumps({"t": self._before, "link": "down"})]
        for t in range(-self._setup.lead_s, 1):
            for each, lines in zip(said, await self._exchange(float(t), [], first), strict=True):
                each += lines
            if first:
                # Links start up, so what was said before the line counts.
                self._broker.cut()
            first = []
        return said

    async def step(self, t: float, reads: list[Read]) -> list[list[dict]]:
        """Tells the programs what the second up to `t` brought; answers what each junction's agent says."""
        self.decisions += len(self._agents)
        return await self._exchange(t, reads, [])

    async def _exchange(self, t: float, reads: list[Read], first: list[str]) -> list[list[dict]]:
        parties: list[int | str] = [*range(len(self._agents)), *([SERVER] if self._server else [])]
        programs = [*self._agents, *([self._server] if self._server else [])]
        lines = [self._input(who, first) for who in parties]
        for read in reads:
            lines[read.junction].append(self._read_line(read))
        for each in lines:
            each.append(json.dumps({"t": t}))
        said = await exchange_all(programs, lines, t, self._setup.timeout_s)
        self._before = t
        left = [self._sort_out(who, each) for who, each in zip(parties, said, strict=True)]
        return left[: len(self._agents)]

    def _input(self, who: int | str, first: list[str]) -> list[str]:
        return [*first, *(f'{{"t":{self._before},"message":{message}}}' for message in self._broker.take(who))]

    def _read_line(self, read: Read) -> str:
        if self._setup.frames:
            port = 1 if read.zone == "stop_line" else 2
            frame = uhfreader288_frame(port, read.epc, -read.rssi)
            content = {"bytes": {"reader": reader_name(read.lane), "hex": frame}}
        else:
            content = {"tag": {"lane": read.lane, "zone": read.zone, "epc": read.epc, "rssi": read.rssi}}
        return json.dumps({"t": round(read.t, 3), **content})

    def _sort_out(self, who: int | str, lines: list[dict]) -> list[dict]:
        """Hands messages to the broker; what is left is about lamps."""
        left = []
        for line in lines:
            if "publish" in line:
                self._broker.publish(who, line["publish"])
            elif "error" in line:
                self._errors[f"{'server' if who == SERVER else 'agent'}: {line['error']}"] += 1
            elif "lamps" in line or "state" in line:
                left.append(line)
        return left

    async def close(self) -> dict:
        """Ends the programs; answers what they cost and what was odd."""
        programs = [*self._agents, *([self._server] if self._server else [])]
        await asyncio.gather(*(program.close() for program in programs))
        cpu_s = sum(program.cpu_s for program in self._agents)
        oddities = (self._broker.oddities if self._broker else Counter()) + self._errors
        return {
            "decisions": self.decisions,
            "ms_per_decision": round(1000 * cpu_s / self.decisions, 4) if self.decisions else None,
            "agents_cpu_s": round(cpu_s, 2),
            "server_cpu_s": round(self._server.cpu_s, 2) if self._server else None,
            "peak_mib": round(max((program.peak_mib for program in programs), default=0.0), 1),
            "messages": dict(self._broker.carried) if self._broker else {},
            "oddities": dict(oddities.most_common(10)),
        }
