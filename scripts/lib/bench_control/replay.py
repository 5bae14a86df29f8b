"""The product's programs as child processes that speak the replay protocol: JSON lines in, JSON lines out, a `done` for
each line in."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

#: Longest line that is taken from a program, bytes.
LONGEST_LINE = 1 << 22
#: A program may need so long to end after its input has ended.
GRACE_S = 5.0
STDERR_LINES = 8


class ProgramError(RuntimeError):
    """A program did not start, died, fell silent or broke the protocol."""


class Program:
    """One child process."""

    def __init__(self, name: str, folder: Path, transcript: bool):
        self.name = name
        self._filters: list[list[str]] = []
        self._wanted: dict[str, bool] = {}
        #: CPU time of the process, seconds, and the most memory it had, MiB; known after `close`.
        self.cpu_s = self.peak_mib = 0.0
        self._errors = folder / "stderr.txt"
        self._folder, self._transcript = folder, transcript
        self._logs: list = []
        self._process: asyncio.subprocess.Process | None = None
        self._last_out = float("-inf")

    async def start(self, command: list[str], timeout_s: float) -> None:
        """Starts it and waits for its ready line."""
        with self._errors.open("wb") as errors:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=errors,
                    limit=LONGEST_LINE,
                    cwd=self._folder,
                )
            except OSError as error:
                raise ProgramError(f"{self.name}: cannot start {command[0]}: {error.strerror}") from error
        if self._transcript:
            # in.jsonl can be played by hand.
            self._logs = [(self._folder / name).open("wb") for name in ("in.jsonl", "out.jsonl")]
        try:
            async with asyncio.timeout(timeout_s):
                ready = self._parse(await self._line())
        except TimeoutError:
            raise ProgramError(f"{self.name}: no ready line within {timeout_s:.0f} s{self._stderr()}") from None
        if ready.get("ready") is not True:
            raise ProgramError(f"{self.name}: its first line is not the ready line: {str(ready)[:200]}")
        self._filters = [topic_filter.split("/") for topic_filter in ready.get("subscribe", [])]

    def wants(self, topic: str) -> bool:
        """Whether one of the filters in its ready line matches a topic."""
        if topic not in self._wanted:
            self._wanted[topic] = any(_matches(topic_filter, topic.split("/")) for topic_filter in self._filters)
        return self._wanted[topic]

    async def exchange(self, lines: list[str], t: float) -> list[dict]:
        """Sends lines, the last of them at `t`; answers what came out before the last `done`."""
        data = "".join(line + "\n" for line in lines).encode()
        if self._logs:
            self._logs[0].write(data)
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            await self._died()
        owed, out = len(lines), []
        while owed:
            line = self._parse(await self._line())
            self._check_time(line, t)
            if line.get("done"):
                owed -= 1
            else:
                out.append(line)
        return out

    async def _line(self) -> bytes:
        try:
            raw = await self._process.stdout.readline()
        except ValueError:
            raise ProgramError(f"{self.name}: a line of more than {LONGEST_LINE} bytes") from None
        if not raw:
            await self._died()
        if self._logs:
            self._logs[1].write(raw)
        return raw

    def _parse(self, raw: bytes) -> dict:
        try:
            line = json.loads(raw)
        except ValueError:
            line = None
        if not isinstance(line, dict):
            raise ProgramError(
                f"{self.name}: no JSON object: {raw[:200].decode(errors='replace').strip()}{self._stderr()}"
            )
        return line

    def _check_time(self, line: dict, t: float) -> None:
        at = line.get("t")
        if not isinstance(at, int | float) or at < self._last_out - 1e-6 or at > t + 1e-6:
            raise ProgramError(f"{self.name}: t of an output runs back, or ahead of the input ({t}): {str(line)[:200]}")
        self._last_out = at

    async def _died(self) -> None:
        try:
            async with asyncio.timeout(GRACE_S):
                status = await self._process.wait()
        except TimeoutError:
            status = "still running, but its output is closed"
        raise ProgramError(f"{self.name}: ended early (exit status {status}){self._stderr()}")

    def _stderr(self) -> str:
        lines = self._errors.read_text(errors="replace").strip().splitlines()[-STDERR_LINES:]
        return "; its last words:\n    " + "\n    ".join(lines) if lines else "; it said nothing on standard error"

    async def close(self) -> None:
        """Ends its input and waits; what does not end by itself is killed."""
        if self._process is None:
            return
        self._note_cost()
        self._process.stdin.close()
        try:
            async with asyncio.timeout(GRACE_S):
                # What it still says is not wanted, but a full pipe would hold it up.
                while await self._process.stdout.read(1 << 16):
                    pass
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        for log in self._logs:
            log.close()

    def _note_cost(self) -> None:
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            self.cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            peak = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
            self.peak_mib = int(peak.split()[1]) / 1024
        except (OSError, IndexError):
            pass  # It has ended already.


def _matches(topic_filter: list[str], topic: list[str]) -> bool:
    for position, word in enumerate(topic_filter):
        if word == "#":
            return True
        if position >= len(topic) or word not in ("+", topic[position]):
            return False
    return len(topic_filter) == len(topic)


async def exchange_all(programs: list[Program], lines: list[list[str]], t: float, timeout_s: float) -> list[list[dict]]:
    """One exchange with every program, all at once."""
    tasks = [asyncio.ensure_future(program.exchange(each, t)) for program, each in zip(programs, lines, strict=True)]
    done, pending = await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_EXCEPTION)
    for task in pending:
        task.cancel()
    for task in done:
        if task.exception():
            raise task.exception()
    if pending:
        silent = [program for program, task in zip(programs, tasks, strict=True) if task in pending]
        raise ProgramError(
            f"{silent[0].name}: no answer for {timeout_s:.0f} s at t = {t} ({len(silent)} silent){silent[0]._stderr()}"
        )
    return [task.result() for task in tasks]
