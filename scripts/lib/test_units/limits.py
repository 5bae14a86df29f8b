"""What the rules of udev give, and what the unit lets the agent do and refuses it."""

from __future__ import annotations

import re

from .scenes import AGENT, Scene

DROP_IN = f"/etc/systemd/system/{AGENT}.d/scene.conf"

# What DeviceAllow= of the unit names.
DEVICES_ALLOWED = [
    *(f"char-{kind}" for kind in ("ttyUSB", "ttyACM", "ttyAMA", "ttyS", "ttySC", "gpiochip")), "/dev/gpiomem", "/dev/gpiomem0",
]  # fmt: skip

# A tree of devices as the kernel shows it, in the place of this machine's, which has none of a cabinet: what to look at, and then udev's word on it.
DEVICES = """
mount -t tmpfs none /sys
device() {
  mkdir -p "$1" "$2"
  ln -s "$2" "$1/subsystem"
  if [ -n "${4-}" ]; then printf 'MAJOR=%s\\nMINOR=%s\\nDEVNAME=%s\\n' "$3" "$4" "${1##*/}" >"$1/uevent"; else printf 'DRIVER=%s\\n' "$3" >"$1/uevent"; fi
}
usb=/sys/devices/pci0000:00/usb1/1-1/1-1:1.0/ttyUSB7
device $usb /sys/bus/usb-serial ftdi_sio
mkdir -p /sys/bus/usb-serial/drivers/ftdi_sio
ln -s /sys/bus/usb-serial/drivers/ftdi_sio $usb/driver
echo 16 >$usb/latency_timer
device $usb/tty/ttyUSB7 /sys/class/tty 188 7
for tty in ttyACM7 ttyAMA7 ttyS7 ttySC7 tty7; do device /sys/devices/platform/$tty/tty/$tty /sys/class/tty 204 7; done
device /sys/devices/platform/gpio/gpiochip7 /sys/bus/gpio 254 7
device /sys/devices/virtual/misc/gpiomem /sys/class/misc 10 123
device /sys/devices/virtual/misc/gpiomem0 /sys/class/misc 10 124
export SYSTEMD_DEVICE_VERIFY_SYSFS=0
udevadm test --action=add "$(find /sys/devices -type d -name "$1" | grep "$2" | tail -n 1)" 2>&1
"""


def rules(s: Scene) -> None:
    """udev gives ports of readers to dialout and pins to gpio, wakes up the early unit with the pins, and lets no adapter hold reads back."""

    def said(name: str, of: str = "") -> list[str]:
        whole = s.machine.run("unshare", "--mount", "sh", "-eu", "-s", name, of, text=DEVICES)
        assert "DEVPATH=/devices/" in whole and "70-flextraff.rules" in whole, whole
        return whole.splitlines()

    def by_our_rules(lines: list[str], what: str) -> bool:
        return any(re.search(rf"70-flextraff\.rules:\d+ {what}", line) for line in lines)

    group = lambda name: s.machine.run("getent", "group", name).split(":")[2]
    for name, of in [(f"tty{kind}7", "dialout") for kind in ("USB", "ACM", "AMA", "S", "SC")] + [
        (name, "gpio") for name in ("gpiochip7", "gpiomem", "gpiomem0")
    ]:
        lines = said(name)
        assert by_our_rules(lines, rf"GROUP\b.*\b{group(of)}\b"), lines
        assert by_our_rules(lines, r"MODE\b.*\b0?660\b"), lines
        ours = (of == "dialout", "ID_MM_PORT_IGNORE=1"), (name.startswith("gpiomem"), "SYSTEMD_WANTS=flextraff-failsafe.service")
        for wanted, line in ours:
            assert any(one.strip().endswith(line) for one in lines) == wanted, (name, line, lines)
    assert by_our_rules(said("ttyUSB7", "1-1:1.0/ttyUSB7$"), r".*\bATTR\b.*\blatency_timer\b.*1"), "an FTDI adapter"
    assert not by_our_rules(said("tty7"), "(GROUP|MODE)"), "a screen is none of a reader's ports"


def restart(s: Scene, *lines: str) -> str:
    """What the journal has of a start with these lines in the unit; without any it is as it was."""
    if lines:
        s.machine.run("mkdir", "-p", DROP_IN.rpartition("/")[0])
        s.machine.write(DROP_IN, "\n".join(("[Service]", *lines, "")))
    else:
        s.machine.run("rm", DROP_IN)
    s.machine.run("systemctl", "daemon-reload")
    s.machine.run("systemctl", "reset-failed", AGENT)
    mark = len(s.machine.journal(AGENT))
    s.machine.run("systemctl", "restart", AGENT)
    s.wait_for_green(s.street.mark())
    return s.machine.journal(AGENT)[mark:]


def probe(command: str) -> str:
    """A line of the unit: lets a command run within its limits."""
    return f"ExecStartPre=/bin/sh -c 'exec 2>&1; {command}; echo probed'"


def system_calls(s: Scene) -> None:
    """The agent may ask the kernel about its clock; it may not change the priority that its unit has set."""
    no_answer, refused = "the kernel does not say whether its clock is synchronised", "cannot set niceness"
    nice = probe("nice -n 1 true")
    said = restart(s, nice)
    assert no_answer not in said, said
    assert "probed" in said and refused in said, said
    # Without the filter it is not refused; without the two calls that it lets through the agent has no answer.
    said = restart(s, "SystemCallFilter=", nice)
    assert "probed" in said and refused not in said, said
    said = restart(s, "SystemCallFilter=~adjtimex clock_adjtime")
    assert no_answer in said and "Operation not permitted" in said, said
    restart(s)


def other_devices(s: Scene) -> None:
    """systemd knows the devices that the agent may use; a kernel that heeds DevicePolicy= lets it open no other, whatever its file says."""
    # A screen's memory, and a serial port, both files for everybody.
    for name, major, minor in (("outside", "7", "1"), ("ttyS29", "4", "93")):
        s.machine.run("mknod", "--mode=666", f"/dev/{name}", "c", major, minor)
    shown = s.machine.show(AGENT, "DevicePolicy")
    assert shown == {"DevicePolicy": "closed"}, shown
    allowed = s.machine.run("systemctl", "show", AGENT, "--property=DeviceAllow", "--value").split("\n")
    assert sorted(line for line in allowed if line) == sorted(f"{device} rw" for device in DEVICES_ALLOWED), allowed
    strict = ("systemd-run", "--quiet", "--wait", "--pipe", "--property=DevicePolicy=strict", "sh", "-c")
    heeds = "refused" in s.machine.run(*strict, "cat /dev/outside >/dev/null 2>&1 || echo refused")
    if not heeds:
        print("        this kernel heeds no DevicePolicy=: what it refuses is not shown here", flush=True)
    look = probe("cat /dev/outside >/dev/null; stty -F /dev/ttyS29 >/dev/null")
    refused = "/dev/{}: Operation not permitted"
    said = restart(s, look)
    assert "probed" in said and (refused.format("outside") in said) == heeds, said
    assert refused.format("ttyS29") not in said, said
    # It is the unit's list that refuses and lets through: without the policy the one opens, without its line the other does not.
    said = restart(s, "DevicePolicy=auto", "DeviceAllow=", look)
    assert "probed" in said and refused.format("outside") not in said, said
    said = restart(s, "DeviceAllow=", look)
    assert "probed" in said and (refused.format("ttyS29") in said) == heeds, said
    restart(s)


ALL = [rules, system_calls, other_devices]
