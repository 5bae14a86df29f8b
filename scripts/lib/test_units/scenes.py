"""What happens to a junction, in the order in which it happens."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass

from .machine import STREET, Machine, until
from .street import Lamps, Street, all_red, flashing, some_green

AGENT = "flextraff-agent.service"
FLASH = "flextraff-flash.service"
EARLY = "flextraff-failsafe.service"
CONFIG = "/etc/flextraff/agent.toml"
PROGRAM = "/usr/bin/flextraff-agent"

SITE = f"""
[junction]
id = "11111111-1111-4111-8111-111111111111"
[device]
id = "22222222-2222-4222-8222-222222222222"
type = "junction"
[[lane]]
id = "33333333-3333-4333-8333-000000000001"
name = "N"
[[lane]]
id = "33333333-3333-4333-8333-000000000002"
name = "E"
[[stage]]
name = "N"
lanes = ["N"]
[[stage]]
name = "E"
lanes = ["E"]
[signal]
startup_flash_s = 1
startup_all_red_s = 2
amber_s = 1.0
all_red_s = 1.0
[output]
driver = "virtual"
socket = "{STREET}/lamps.sock"
"""

READER = """
[[reader]]
name = "north"
port = "/dev/ttyUSB0"
lanes = { default = "N" }
"""


@dataclass
class Scene:
    machine: Machine
    street: Street

    def wait_for_green(self, mark: int) -> None:
        self.street.wait("a green", some_green, mark)

    def active(self, unit: str, seconds: float = 30) -> None:
        until(f"{unit} is active", lambda: self.machine.state(unit) == "active", seconds)

    def start(self) -> None:
        self.machine.run("systemctl", "start", AGENT)
        assert self.machine.state(AGENT) == "active"

    def has_flashed(self) -> bool:
        """Whether the flashing unit has been started since the boot, for however short a time."""
        return self.machine.show(FLASH, "InactiveExitTimestampMonotonic")["InactiveExitTimestampMonotonic"] != "0"

    def seen_in_order(self, mark: int, *wanted: Callable[[Lamps], bool]) -> None:
        """The first vectors since the mark, repetitions aside, are as wanted."""
        for position, condition in enumerate(wanted):
            until(f"{position + 1} vectors", lambda: len(self.street.since(mark)) > position)
            seen = self.street.since(mark)
            assert condition(seen[position]), f"vector {position} is not as it should be: {seen}"

    def snapshot(self) -> dict:
        return json.loads(self.machine.run("flextraff-agent", "monitor", "--once", "--json", "--socket", "/run/flextraff/agent.sock"))

    def status(self) -> dict:
        return self.snapshot()["status"]


def comes_back(s: Scene, mark: int, restarts: int) -> None:
    """Since the mark red, and the start-up of the next process until its green; nobody but the agent has flashed."""
    s.street.wait("the start-up of the next process", flashing, mark + 1, 12)
    s.seen_in_order(mark, all_red, flashing, all_red, some_green)
    s.active(AGENT)
    assert s.machine.show(AGENT, "NRestarts")["NRestarts"] == str(restarts)
    assert not s.has_flashed(), "the flashing unit has run"


def boot(s: Scene) -> None:
    """The early unit shows red before anything else; then the agent starts up and reports that it is ready."""
    early = s.machine.show(EARLY, "ActiveState", "Result", "ActiveEnterTimestampMonotonic")
    assert early["ActiveState"] == "active" and early["Result"] == "success", early
    s.active(AGENT)
    agent = s.machine.show(AGENT, "ExecMainStartTimestampMonotonic", "NRestarts")
    target = s.machine.show("sysinit.target", "ActiveEnterTimestampMonotonic")
    order = [int(early["ActiveEnterTimestampMonotonic"]), int(target["ActiveEnterTimestampMonotonic"]),
             int(agent["ExecMainStartTimestampMonotonic"])]
    assert 0 < order[0] <= order[1] < order[2], f"early unit, sysinit.target, agent: {order}"
    assert agent["NRestarts"] == "0"
    s.wait_for_green(0)
    s.seen_in_order(0, all_red, flashing, all_red)


def units_are_right(s: Scene) -> None:
    """systemd and udev find nothing to say about the files as they are installed."""
    units = [f"/etc/systemd/system/{unit}" for unit in (AGENT, FLASH, EARLY)]
    said = s.machine.run("systemd-analyze", "verify", *units)
    assert said == "", said
    # Nor has systemd itself, when it read them, and what the generator has written, at the boot.
    said = s.machine.run("journalctl", "--no-pager", "--output=cat", "_PID=1")
    wrong = [line for line in said.splitlines() if "flextraff" in line and re.search("(?i)unknown|ignor|invalid|failed|cannot", line)]
    assert not wrong, wrong
    for unit in units:
        s.machine.run("systemd-analyze", "security", "--offline=yes", "--threshold=25", unit)
    # What a person has put there with the rights of an ordinary file, and the agent is to read.
    secrets = [f"/etc/flextraff/{file}" for file in ("mqtt-password", "device.pem", "device.key", "ca.pem")]
    s.machine.run("sh", "-c", 'touch "$@" && chmod 644 "$@"', "sh", *secrets)
    said = s.machine.run("systemd-sysusers", "flextraff.conf") + s.machine.run("systemd-tmpfiles", "--create", "flextraff.conf")
    assert said == "", said
    for secret in secrets:
        assert s.machine.run("stat", "--format=%U %G %a", secret).strip() == "root flextraff 640", secret
        s.machine.run("runuser", "-u", "flextraff", "--", "cat", secret)
        # Nor does a server on the same machine read it.
        s.machine.run("runuser", "-u", "flextraff-server", "--", "cat", secret, fails=True)
    s.machine.run("runuser", "-u", "flextraff-server", "--", "ls", "/var/lib/flextraff", fails=True)
    s.machine.run("rm", *secrets)
    said = s.machine.run("udevadm", "test", "/sys/devices/virtual/mem/null")
    assert "70-flextraff.rules" in said, said
    wrong = [line for line in said.splitlines() if "70-flextraff.rules:" in line]
    assert not wrong, wrong
    said = s.machine.run("stat", "--format=%U %G %a", "/etc/flextraff", "/var/lib/flextraff", "/run/flextraff").split("\n")
    assert said[:3] == ["root flextraff 751", "flextraff flextraff 750", "flextraff flextraff 750"], said


def check_passes(s: Scene) -> None:
    """`check`, as a technician calls it, has nothing to complain about but the clock."""
    said = json.loads(s.machine.run("runuser", "-u", "flextraff", "--", "flextraff-agent", "check", "--json"))
    failed = [check for check in said["checks"] if check["state"] == "Failed"]
    assert not failed, failed


def killed(s: Scene) -> None:
    """Killed once, the agent starts anew with red in between, and the flashing unit stays out of it."""
    s.wait_for_green(s.street.mark())
    mark = s.street.mark()
    s.machine.kill(AGENT, signal.SIGKILL)
    comes_back(s, mark, 1)


def watchdog(s: Scene) -> None:
    """A process that stands still with a green is killed, the lamps go to red, then flash, and do so until a person clears the fault."""
    s.wait_for_green(s.street.mark())
    mark = s.street.mark()
    s.machine.kill(AGENT, signal.SIGSTOP)
    s.street.wait("red from failsafe", all_red, mark + 1, 12)
    s.street.wait("the fault aspect of the next process", flashing, mark + 1, 12)
    s.active(AGENT)
    assert s.machine.show(AGENT, "NRestarts")["NRestarts"] == "2"
    assert "Watchdog timeout" in s.machine.journal(AGENT)
    until("the fault is told", lambda: "the watchdog ended the agent" in (s.status()["controller"]["fault"] or ""))
    assert not any(map(some_green, s.street.since(mark + 1))), s.street.since(mark + 1)
    s.machine.run("runuser", "-u", "flextraff", "--", "flextraff-agent", "lamps", "clear-fault")
    s.wait_for_green(s.street.mark())
    assert not s.has_flashed(), "the flashing unit has run"


def stop(s: Scene) -> None:
    """Stopping leaves red, and is no fault: nothing flashes."""
    s.machine.run("systemctl", "stop", AGENT)
    assert all_red(s.street.now()), s.street.now()
    assert s.machine.show(AGENT, "Result")["Result"] == "success"
    assert s.machine.state(FLASH) == "inactive"
    s.start()


def stands_still_at_its_end(s: Scene) -> None:
    """A process that stands still with a green while it ends is killed as well, and the lamps go to red, then flash."""
    s.wait_for_green(s.street.mark())
    mark = s.street.mark()
    s.machine.run("systemctl", "stop", "--no-block", AGENT)
    until("it ends", lambda: s.machine.state(AGENT) == "deactivating")
    s.machine.kill(AGENT, signal.SIGSTOP)
    assert some_green(s.street.now()), s.street.now()
    s.street.wait("red from failsafe", all_red, mark + 1, 25)
    assert not any(map(some_green, s.street.since(mark + 1))), s.street.since(mark + 1)
    assert s.machine.show(AGENT, "Result")["Result"] == "timeout"
    s.active(FLASH)
    s.machine.run("systemctl", "reset-failed", AGENT)
    s.start()
    assert s.machine.state(FLASH) == "inactive"
    s.wait_for_green(s.street.mark())


def reload(s: Scene) -> None:
    """What may change while the lamps run takes effect at once; a wrong file changes nothing and says so."""
    pid, before = s.machine.main_pid(AGENT), s.status()
    assert not before.get("readers"), before
    s.machine.write(CONFIG, SITE + READER)
    s.machine.run("systemctl", "reload", AGENT)
    until("the new reader is there", lambda: [reader["name"] for reader in s.status().get("readers", [])] == ["north"])
    after = s.status()
    assert after["config_hash"] != before["config_hash"]
    s.machine.write(CONFIG, SITE + "[counting]\naccept = \"fasttag\"\n")
    said = s.machine.run("systemctl", "reload", AGENT, fails=True)
    assert "failed" in said.lower(), said
    mark = len(s.machine.journal(AGENT))
    s.machine.kill(AGENT, signal.SIGHUP)
    until("the error is in the log", lambda: "did you mean \"fastag\"?" in s.machine.journal(AGENT)[mark:])
    s.machine.write(CONFIG, SITE + READER + "[counting]\naccept = \"all\"\n[console]\nsocket = \"/run/flextraff/x.sock\"\n")
    s.machine.run("systemctl", "reload", AGENT)
    until("what needs a restart is named", lambda: "console.socket" in s.machine.journal(AGENT)[mark:])
    assert s.status()["config_hash"] == after["config_hash"], "nothing is half applied"
    s.machine.write(CONFIG, SITE)
    s.machine.run("systemctl", "reload", AGENT)
    until("it is as before", lambda: s.status()["config_hash"] == before["config_hash"])
    assert s.machine.main_pid(AGENT) == pid


def network(s: Scene) -> None:
    """Under the unit's limits a broker is found by its name and reached."""
    s.machine.run("systemctl", "disable", "--now", "--quiet", "mosquitto.service")
    s.machine.run("systemd-run", "--quiet", "--unit=broker", "/usr/sbin/mosquitto", "-p", "1883")
    s.machine.write("/etc/hosts", "127.0.0.1 localhost broker\n")
    s.machine.write(CONFIG, SITE + '[mqtt]\nurl = "mqtt://broker:1883"\n')
    s.machine.run("systemctl", "reload", AGENT)
    until("the broker is connected", lambda: s.snapshot().get("broker") is True)
    said = s.machine.journal(AGENT)
    for word in ("Operation not permitted", "Address family not supported"):
        assert word not in said, said
    s.machine.write(CONFIG, SITE)
    s.machine.run("systemctl", "reload", AGENT)
    until("it is alone again", lambda: s.snapshot().get("broker") is None)
    s.machine.run("systemctl", "stop", "broker.service")


def devices(s: Scene) -> None:
    """The agent may open a serial port of the group dialout, and none of root's."""
    # Numbers of the kernel's serial ports; whether hardware is behind them only changes the reason that is told.
    for name, minor, group in (("ttyS30", "94", "root"), ("ttyS31", "95", "dialout")):
        s.machine.run("mknod", f"/dev/{name}", "c", "4", minor)
        s.machine.run("chgrp", group, f"/dev/{name}")
        s.machine.run("chmod", "660", f"/dev/{name}")

    def told(port: str) -> str:
        text = SITE + READER.replace("/dev/ttyUSB0", port).replace('name = "north"', 'name = "north"\nmode = "listen"')
        s.machine.write(CONFIG, text)
        s.machine.run("systemctl", "reload", AGENT)
        reader = lambda: (s.status().get("readers") or [{}])[0]
        until(f"{port} is tried", lambda: reader().get("state") == "up" or port in (reader().get("detail") or ""))
        return reader().get("detail") or ""

    refused = told("/dev/ttyS30")
    assert "ermission denied" in refused, refused
    said = told("/dev/ttyS31")
    # Neither by the rights of the file nor, where the kernel heeds it, by DeviceAllow=.
    assert "not permitted" not in said and "denied" not in said, said
    s.machine.write(CONFIG, SITE)
    s.machine.run("systemctl", "reload", AGENT)
    until("no reader is left", lambda: not s.status().get("readers"))


def upgrade(s: Scene) -> None:
    """A new program takes over with a restart at a stage end; the lamps show red in between, and nothing else."""
    s.wait_for_green(s.street.mark())
    s.machine.run("sh", "-c", f"cp {PROGRAM} {PROGRAM}.new && mv {PROGRAM}.new {PROGRAM}")
    exe = lambda: s.machine.run("readlink", f"/proc/{s.machine.main_pid(AGENT)}/exe").strip()
    assert exe().endswith("(deleted)"), exe()
    mark = s.street.mark()
    s.machine.run("systemctl", "restart", AGENT)
    red = s.street.mark()
    assert exe() == PROGRAM
    s.wait_for_green(red)
    seen = s.street.since(mark)
    assert any(map(all_red, seen)) and not any(map(flashing, seen)), f"the stage ends, and no flash: {seen}"


def starts_that_fail(s: Scene) -> None:
    """After five starts that fail the lamps flash, until somebody starts the agent."""
    s.machine.run("systemctl", "reset-failed", AGENT)
    s.machine.run("systemctl", "restart", AGENT)
    for start in range(1, 6):
        s.active(AGENT)
        assert not s.has_flashed(), f"after {start - 1} failures"
        pid = s.machine.main_pid(AGENT)
        s.machine.kill(AGENT, signal.SIGKILL)
        until("the process is gone", lambda: s.machine.main_pid(AGENT) != pid)
    until("the agent has failed", lambda: s.machine.state(AGENT) == "failed")
    s.active(FLASH)
    assert s.has_flashed()
    mark = s.street.mark()
    s.street.wait("flashing", flashing, mark)
    s.machine.run("systemctl", "reset-failed", AGENT)
    s.start()
    assert s.machine.state(FLASH) == "inactive"
    s.wait_for_green(s.street.mark())


def flash_holds(s: Scene) -> None:
    """The flashing unit is watched as well, and comes back."""
    s.machine.run("systemctl", "stop", AGENT)
    s.machine.run("systemctl", "start", FLASH)
    s.street.wait("flashing", flashing, s.street.mark())
    mark = s.street.mark()
    s.machine.kill(FLASH, signal.SIGSTOP)
    s.street.wait("red from failsafe", all_red, mark + 1, 12)
    s.street.wait("flashing again", flashing, mark + 1, 12)
    s.seen_in_order(mark, all_red, flashing)
    s.start()
    assert s.machine.state(FLASH) == "inactive"


def wrong_configuration(s: Scene) -> None:
    """A wrong configuration ends with exit code 2, is not tried again, and the lamps flash all the same."""
    s.machine.write(CONFIG, SITE.replace("[signal]", "[signals]"))
    s.machine.run("systemctl", "restart", AGENT, fails=True)
    shown = s.machine.show(AGENT, "ExecMainStatus", "NRestarts", "ActiveState")
    assert shown == {"ExecMainStatus": "2", "NRestarts": "0", "ActiveState": "failed"}, shown
    s.active(FLASH)
    s.street.wait("flashing", flashing, s.street.mark())
    assert "did you mean [signal]?" in s.machine.journal(AGENT)
    # So does the early unit of the next boot.
    s.machine.run("systemctl", "stop", FLASH)
    mark = s.street.mark()
    s.machine.run("systemctl", "restart", EARLY)
    s.machine.run("systemctl", "start", FLASH)
    s.street.wait("flashing again", flashing, mark + 1)
    assert all_red(s.street.since(mark - 1)[0]), s.street.since(mark - 1)
    s.machine.write(CONFIG, SITE)
    s.start()
    assert s.machine.state(FLASH) == "inactive"
    s.wait_for_green(s.street.mark())


ALL = [boot, units_are_right, check_passes, killed, watchdog, stop, reload, network, devices, upgrade, starts_that_fail, flash_holds, stands_still_at_its_end, wrong_configuration]
