"""Runs every scene in one container; started by scripts/test-units."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
import tempfile
from pathlib import Path

from . import limits, scenes, server
from .machine import Machine, install, play
from .scenes import AGENT, EARLY, FLASH, SITE, Scene
from .server import SERVER, Database, ServerScene
from .street import Street


def alone() -> None:
    """Waits until no other checkout of this machine has its container: their control groups, and the units in them, have the same names."""
    groups = os.open("/sys/fs/cgroup", os.O_RDONLY)
    try:
        fcntl.flock(groups, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("test-units: waiting for the run of another checkout", file=sys.stderr)
        fcntl.flock(groups, fcntl.LOCK_EX)


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("system", "agent", "server", "checkout"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    # The address of the database comes by standard input, with its password.
    url = sys.stdin.readline().strip()
    alone()
    install(options.system, options.checkout, options.agent)
    (options.system / "etc/flextraff/agent.toml").write_text(SITE)
    server.install(options.system, options.checkout, options.server, url)
    with tempfile.TemporaryDirectory(prefix="flextraff-units-") as folder:
        # The service's user in the container has to reach the socket.
        Path(folder).chmod(0o755)
        street = Street(Path(folder))
        log = options.system.parent / "console.log"
        with Machine(options.system, Path(folder), log) as machine:
            try:
                machine.boot()
            except AssertionError as error:
                print(f"test-units: {error}; what it said is in {log}", file=sys.stderr)
                return 1
            junction, city = Scene(machine, street), ServerScene(machine, Database(Path(folder), url))
            acts = [(act, junction) for act in scenes.ALL + limits.ALL] + [(act, city) for act in server.ALL]

            def journals() -> None:
                for unit in (EARLY, AGENT, FLASH, SERVER):
                    print(f"--- {unit}\n{machine.journal(unit)[-4000:]}", file=sys.stderr)

            return 0 if play(acts, journals) else 1


if __name__ == "__main__":
    sys.exit(main())
