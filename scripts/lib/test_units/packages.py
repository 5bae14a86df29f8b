"""Installs the Debian packages in a container as a technician does, upgrades, removes and purges them; started by scripts/test-units."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .__main__ import alone
from .machine import STREET, Machine, play, strip
from .scenes import AGENT, CONFIG, EARLY, SITE
from .server import SERVER
from .street import Street, some_green


@dataclass
class Scene:
    machine: Machine
    street: Street

    def install(self, package: str) -> str:
        # As a person at a terminal who keeps what he has edited.
        return self.machine.run("sh", "-c", f"dpkg --force-confold -i {STREET}/packages/flextraff-{package}_*_$(dpkg --print-architecture).deb")

    def owner(self, path: str) -> str:
        return self.machine.run("stat", "-c", "%U:%G %a", path).strip()

    def exists(self, path: str) -> bool:
        return self.machine.run("sh", "-c", f"[ ! -e {path} ] || echo yes").strip() == "yes"


def nothing_runs_at_first(s: Scene) -> None:
    """After the installation users, folders and rights are there, the units are right, and nothing runs."""
    said = s.install("agent")
    assert "First installation" in said, said
    assert s.owner(CONFIG) == "root:flextraff 640", s.owner(CONFIG)
    assert s.owner("/etc/flextraff") == "root:flextraff 751", s.owner("/etc/flextraff")
    assert s.owner("/var/lib/flextraff") == "flextraff:flextraff 750", s.owner("/var/lib/flextraff")
    for unit in (AGENT, EARLY):
        enabled = s.machine.run("sh", "-c", f"systemctl is-enabled {unit} || true").strip()
        assert enabled == "disabled" and s.machine.state(unit) == "inactive", f"{unit}: {enabled}"
    said = s.machine.run("systemd-analyze", "verify", f"/usr/lib/systemd/system/{AGENT}", f"/usr/lib/systemd/system/{EARLY}")
    assert said == "", said


def an_upgrade_restarts_what_runs(s: Scene) -> None:
    """A configured agent drives; an upgrade keeps what was edited, and starts it anew."""
    s.machine.write(CONFIG, SITE)
    s.machine.run("systemctl", "enable", "--quiet", "--now", EARLY, AGENT)
    s.street.wait("a green", some_green, 0)
    before, mark = s.machine.main_pid(AGENT), s.street.mark()
    said = s.install("agent")
    assert s.machine.state(AGENT) == "active" and s.machine.main_pid(AGENT) != before, said
    s.street.wait("a green of the new one", some_green, mark)
    assert s.machine.run("cat", CONFIG) == SITE and s.owner(CONFIG) == "root:flextraff 640"


def an_upgrade_leaves_an_agent_alone_that_would_not_start(s: Scene) -> None:
    """Whose configuration has a mistake is told so, and its agent goes on."""
    before = s.machine.main_pid(AGENT)
    s.machine.write(CONFIG, SITE + "[nonsense]\n")
    said = s.install("agent")
    assert "goes on as the program of before" in said and "nonsense" in said, said
    assert s.machine.state(AGENT) == "active" and s.machine.main_pid(AGENT) == before
    s.machine.write(CONFIG, SITE)


def the_server_has_a_key_of_its_own(s: Scene) -> None:
    """On the same machine: a drawn key, which an upgrade keeps, and neither reads what is the other's."""
    said = s.install("server")
    assert "As a service" in said, said
    key = "/etc/flextraff/secret.key"
    assert s.owner(key) == "root:flextraff-server 640", s.owner(key)
    drawn = s.machine.run("cat", key)
    assert len(drawn) == 64, drawn
    s.install("server")
    assert s.machine.run("cat", key) == drawn
    for user, path in (("flextraff", key), ("flextraff", "/etc/flextraff/server.toml"), ("flextraff-server", CONFIG)):
        s.machine.run("runuser", "-u", user, "--", "cat", path, fails=True)
    assert s.machine.state(SERVER) == "inactive"
    s.machine.run("runuser", "-u", "flextraff-server", "--", "flextraff-server", "config")


def counts_stay_until_they_are_purged(s: Scene) -> None:
    """Removed, the agent ends and its counts stay; purged, nothing of either is left."""
    s.machine.run("dpkg", "-r", "flextraff-agent")
    assert not s.exists("/usr/bin/flextraff-agent") and not s.exists(f"/usr/lib/systemd/system/{AGENT}")
    assert s.exists("/var/lib/flextraff/outbox.sqlite") and s.exists(CONFIG)
    s.machine.run("dpkg", "-P", "flextraff-agent", "flextraff-server")
    for path in ("/var/lib/flextraff", "/etc/flextraff", "/usr/bin/flextraff-server", "/usr/share/doc/flextraff-agent"):
        assert not s.exists(path), path


ALL = [
    nothing_runs_at_first,
    an_upgrade_restarts_what_runs,
    an_upgrade_leaves_an_agent_alone_that_would_not_start,
    the_server_has_a_key_of_its_own,
    counts_stay_until_they_are_purged,
]


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("system", "packages"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    alone()
    strip(options.system)
    with tempfile.TemporaryDirectory(prefix="flextraff-units-") as folder:
        Path(folder).chmod(0o755)
        shutil.copytree(options.packages, Path(folder) / "packages")
        street = Street(Path(folder))
        with Machine(options.system, Path(folder), options.system.parent / "console.log") as machine:
            machine.boot()
            scene = Scene(machine, street)
            return 0 if play([(act, scene) for act in ALL]) else 1


if __name__ == "__main__":
    sys.exit(main())
