"""Lets the agent drive the lamps of an emulated Raspberry Pi by both of its drivers, read a switch, and read tags by USB.

checks.py BOOT FOLDER: BOOT has kernel, device tree and first file system, FOLDER takes sockets and logs.
"""

import json
import sys
import time

from cabinet import cabinet
from findings import agent, check, failed, tags
from guest import Pi
from lamps import HEADS, Watch, shown

FLASH_SWITCH = 4
AMBER_S = 3.0

def pins():
    return [pin for head in HEADS.values() for pin in head]


def all_red(state):
    return all(colour == "red" for colour in state.values())


def through_a_cycle(pi, driver):
    """From nothing to a cycle with every colour of both heads."""
    watch = Watch(pi)
    pi.start(agent(driver, "run"), f"/tmp/{driver}.log")
    flashed = watch.until(lambda state: set(state.values()) == {"amber"}, 30)
    check(f"{driver}: the start flashes", flashed)
    # Before that the pins show what was left on them.
    watch.forget()
    for head in HEADS:
        there = watch.until(lambda state: state[head] == "green", 60)
        check(f"{driver}: {head} gets green", there, str(watch.states[-3:]))
        gone = watch.until(lambda state: state[head] == "red", 60)
        check(f"{driver}: and red again", gone, str(watch.states[-3:]))
    faults = [fault for head in HEADS for fault in watch.faults(head, AMBER_S)]
    check(f"{driver}: each colour follows as it must, amber is long enough, no two greens", not faults, "; ".join(faults[:5]))
    check(f"{driver}: every lamp's pin is an output", all(pi.is_output(pin) for pin in pins()))


def flashes(pi, timeout=40):
    """Whether both heads go through amber and dark together, three times."""
    watch, seen = Watch(pi), []
    def flashed(state):
        if not seen or seen[-1] != state:
            seen.append(state)
        tail = [set(one.values()) for one in seen[-6:]]
        return len(tail) == 6 and all(one in ({"amber"}, {"dark"}) for one in tail)
    return watch.until(flashed, timeout)


def switch(pi, driver):
    """The switch in the cabinet brings flash, and takes it away."""
    pi.put(FLASH_SWITCH, True)
    check(f"{driver}: the flash switch brings flash", flashes(pi))
    pi.put(FLASH_SWITCH, False)
    watch = Watch(pi)
    check(f"{driver}: without it all heads show red", watch.until(all_red, 30))
    check(f"{driver}: then a green", watch.until(lambda state: "green" in state.values(), 60))


def killed(pi, driver):
    """What stays on the pins of an agent that is killed while it shows green, and what failsafe makes of it."""
    Watch(pi).until(lambda state: "green" in state.values(), 60)
    pi.kill(f"/tmp/{driver}.log")
    drive = [pin for pin in pins() if pi.is_output(pin)]
    if driver == "rppal":
        check("rppal: pins stay as they were after SIGKILL", len(drive) == 6 and "green" in shown(pi.levels()).values())
        status, output = pi.run(agent(driver, "failsafe"))
        check("rppal: failsafe ends well", status == 0, output)
        check("rppal: it leaves red at each head", all_red(shown(pi.levels())) and all(pi.is_output(pin) for pin in pins()))
    else:
        check("gpiochip: lines become inputs after SIGKILL", not drive, str(drive))
        pi.start(agent(driver, "failsafe --flash"), "/tmp/failsafe.log")
        check("gpiochip: failsafe --flash flashes", flashes(pi))
        pi.kill("/tmp/failsafe.log", "TERM")


def reads(pi, driver):
    """Tags that a reader at the USB port tells; the reader goes and comes back."""
    stop = tags(pi)

    def reader(wanted, timeout=60):
        deadline, found = time.monotonic() + timeout, None
        while time.monotonic() < deadline:
            status, output = pi.run(agent(driver, "monitor --once --json"))
            if status == 0:
                found = json.loads(output)["status"]["readers"][0]
                if wanted(found):
                    return True, found
        return False, found

    def works(found):
        return found["state"] == "up" and found["reads_per_s"] > 0

    good, found = reader(works)
    check("usb: tags are read", good, str(found))
    pi.plugged(False)
    good, found = reader(lambda found: found["state"] != "up")
    check("usb: a reader that is unplugged is down", good, str(found))
    pi.plugged(True)
    good, found = reader(works)
    check("usb: plugged in again it is read without a restart", good, str(found))
    stop.set()


def main(boot, folder):
    pi = Pi(boot, folder)
    try:
        status, output = pi.run("flextraff-agent --version")
        check("the program runs", status == 0, output)
        status, output = pi.run("n=0; until [ -e /dev/ttyUSB0 ] || [ $n -gt 600 ]; do sleep 0.1; n=$((n+1)); done; ls /dev/ttyUSB0", 120)
        check("usb: the reader's port is there", status == 0, output)
        for driver in ("rppal", "gpiochip"):
            status, output = pi.run(agent(driver, "check --json"), 120)
            check(f"{driver}: check finds nothing wrong", status == 0, output)
            gpio = [one for one in json.loads(output)["checks"] if one["check"] == "gpio"] if status == 0 else []
            print("      ", *(one["message"] for one in gpio))
            through_a_cycle(pi, driver)
            switch(pi, driver)
            if driver == "rppal":
                reads(pi, driver)
            killed(pi, driver)
            status, output = pi.run(f"grep -E 'ERROR|panicked' /tmp/{driver}.log")
            check(f"{driver}: the agent has logged no error", status == 1, output)
            cabinet(pi, driver)
    finally:
        pi.stop()
    print(f"{len(failed)} checks failed" if failed else "all checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
