"""A container that boots with the units and the agent as agent/README.md installs them. Nothing of a run stays in its root file system."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STREET = "/street"


def install(system: Path, checkout: Path, agent: Path) -> None:
    """Puts program, units and the rest where a person puts them on a Raspberry Pi."""
    strip(system)
    files = checkout / "systemd"
    copies = {
        agent: "usr/bin/flextraff-agent",
        files / "flextraff.sysusers": "usr/lib/sysusers.d/flextraff.conf",
        files / "flextraff.tmpfiles": "usr/lib/tmpfiles.d/flextraff.conf",
        files / "70-flextraff.rules": "usr/lib/udev/rules.d/70-flextraff.rules",
        files / "flextraff-watchdog.conf": "usr/lib/systemd/system.conf.d/flextraff.conf",
        files / "flextraff-generator": "usr/lib/systemd/system-generators/flextraff-generator",
    }
    copies |= {unit: f"etc/systemd/system/{unit.name}" for unit in files.glob("*.service") if unit.name != "flextraff-server.service"}
    put(system, copies, "flextraff.conf")
    subprocess.run(
        ["systemctl", f"--root={system}", "enable", "--quiet", "flextraff-agent.service", "flextraff-failsafe.service"], check=True,
    )


def strip(system: Path) -> None:
    """Takes out whatever runs before have left of programs, units and configurations."""
    units = system / "etc/systemd/system"
    for pattern in ("usr/bin/flextraff*", "usr/lib/*/flextraff*", "usr/lib/systemd/*/flextraff*"):
        for old in system.glob(pattern):
            old.unlink()
    shutil.rmtree(system / "etc/flextraff", ignore_errors=True)
    for old in units.glob("**/flextraff*"):
        old.unlink()
    # Users and groups are made anew, too: sysusers takes nobody out of a group.
    for accounts in (system / "etc" / name for name in ("passwd", "shadow", "group", "gshadow")):
        lines = accounts.read_text().splitlines(keepends=True)
        accounts.write_text("".join(line for line in lines if not line.startswith(("flextraff:", "flextraff-server:"))))


def put(system: Path, copies: dict[Path, str], described: str) -> None:
    """Copies files into the root file system, programs so that they run, and makes the users and folders that `described` describes."""
    for source, target in copies.items():
        place = system / target
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        if target.startswith(("usr/bin/", "usr/lib/systemd/system-generators/")):
            place.chmod(0o755)
    subprocess.run(["systemd-sysusers", f"--root={system}", described], check=True)
    subprocess.run(["systemd-tmpfiles", f"--root={system}", "--create", described], check=True)


class Machine:
    def __init__(self, system: Path, street: Path, log: Path) -> None:
        self._console = log.open("wb")
        # Its own view of the devices, network and processes; on top of the root file system lies one that is gone afterwards.
        self._nspawn = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--boot", f"--directory={system}", "--volatile=overlay", f"--bind={street}:{STREET}",
             # As on a machine of its own, and unlike other containers, the kernel may be asked about its clock, and told by systemd which
             # devices a unit may open.
             "--system-call-filter=adjtimex clock_adjtime bpf",
             "--register=no", "--keep-unit", "--private-network", "--machine=flextraff-units", "--console=pipe"],
            stdin=subprocess.DEVNULL, stdout=self._console, stderr=subprocess.STDOUT,
            # Control groups as on a Raspberry Pi, also where this machine still has those of before: only with these systemd can do so.
            env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "yes"},
        )

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._nspawn.poll() is None:
            # SIGTERM is an orderly shutdown of the container.
            self._nspawn.terminate()
            try:
                self._nspawn.wait(15)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()
        self._console.close()

    def _leader(self) -> str | None:
        pid = self._nspawn.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except FileNotFoundError:
            return None
        return children[0] if children else None

    def run(self, *command: str, text: str | None = None, fails: bool = False) -> str:
        """What a command in the container prints; with `fails` it must fail."""
        leader = self._leader()
        if leader is None:
            raise AssertionError("the container has ended")
        done = subprocess.run(
            ["nsenter", "-t", leader, "-a", *command], input=text or "", capture_output=True, text=True, timeout=60,
        )
        if (done.returncode != 0) != fails:
            raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def boot(self) -> None:
        def up() -> bool:
            if self._nspawn.poll() is not None:
                raise AssertionError("the container does not boot here")
            try:
                return self.run("systemctl", "is-system-running", "--wait").strip() == "running"
            except AssertionError:
                return False

        until("the container has booted", up, 60)

    def write(self, path: str, text: str) -> None:
        self.run("sh", "-c", f"cat > {path}.new && chmod 640 {path}.new && chgrp flextraff {path}.new && mv {path}.new {path}", text=text)

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        lines = self.run("systemctl", "show", unit, *(f"--property={name}" for name in properties)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def state(self, unit: str) -> str:
        return self.show(unit, "ActiveState")["ActiveState"]

    def main_pid(self, unit: str) -> str:
        return self.show(unit, "MainPID")["MainPID"]

    def kill(self, unit: str, what: signal.Signals) -> None:
        self.run("systemctl", "kill", "--kill-who=main", f"--signal={what.name}", unit)

    def journal(self, unit: str) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}")


def until(what: str, condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"never within {seconds} s: {what}")
        time.sleep(0.05)


def play(acts: list[tuple[Callable[[Any], None], Any]], failed: Callable[[], None] = lambda: None) -> bool:
    """Runs acts in order, each with its scene, and says what they show; `failed` says more of one that fails, which ends it."""
    for act, scene in acts:
        started = time.monotonic()
        try:
            act(scene)
        except AssertionError as error:
            print(f"FAILED  {act.__name__}: {act.__doc__}\n{error}", file=sys.stderr)
            failed()
            return False
        print(f"{time.monotonic() - started:5.1f} s  {act.__doc__}", flush=True)
    return True
