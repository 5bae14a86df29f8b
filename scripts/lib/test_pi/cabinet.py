"""A cabinet with everything at the pins: lamps that a low level lights, a charge pump, feedback, a push button."""

import json
import threading
import time

from findings import agent, check, tags
from guest import CLEAR, FUNCTION_SELECT, SET
from lamps import HEADS, Watch, shown

AMBER_S = 3.0
ENABLE, BUTTON = 12, 19
# Red and green of the pedestrian head.
WALKERS = (23, 24)
# Inputs that tell what amber and green of head N really show.
FEEDBACK = {27: 6, 22: 13}


class Echo:
    """The sensors at the lamps of head N: they tell what is lit, until they are cut."""

    def __init__(self, pi):
        self.pi, self.cut = pi, threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self):
        told = {}
        # Between two looks others have their turn.
        while not self.cut.wait(0.02):
            levels = self.pi.levels()
            for lamp, sensor in FEEDBACK.items():
                lit = not levels >> lamp & 1
                if told.get(sensor) != lit:
                    self.pi.put(sensor, lit)
                    told[sensor] = lit

    def end(self):
        self.cut.set()
        self.thread.join()
        for sensor in FEEDBACK.values():
            self.pi.put(sensor, False)


def changes(pi, pin, seconds):
    """How often a pin changes its level."""
    deadline, count, before = time.monotonic() + seconds, 0, None
    while time.monotonic() < deadline:
        level = pi.levels() >> pin & 1
        count += before is not None and level != before
        before = level
    return count


def until(condition, timeout):
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
    return True


def walks(pi):
    levels = pi.levels()
    return levels >> WALKERS[0] & 1 == 1 and levels >> WALKERS[1] & 1 == 0


def level_of_control(pi, config):
    status, output = pi.run(agent(config, "monitor --once --json"))
    return json.loads(output)["status"]["controller"].get("level") if status == 0 else None


def presses(pi):
    """A person at the push button, until somebody may walk; whether that was so."""
    pi.put(BUTTON, True)
    came = until(lambda: walks(pi), 90)
    pi.put(BUTTON, False)
    return came


def first_levels(before, written, pins):
    """The level that each pin had been given when it became an output; none: it had been given none before."""
    given, levels, functions = {}, {}, dict(before)
    for address, value in written:
        if address in (SET, CLEAR):
            given.update({pin: address == SET for pin in range(32) if value >> pin & 1})
        elif address in functions:
            for pin in pins:
                at, shift = FUNCTION_SELECT + 4 * (pin // 10), 3 * (pin % 10)
                if at == address and value >> shift & 7 == 1 and functions[at] >> shift & 7 != 1:
                    levels.setdefault(pin, given.get(pin))
            functions[address] = value
    return levels


def opens(pi, driver):
    """The pins as after a power cut, all low, which lights every lamp once they are outputs: each is high before it becomes one."""
    config, name = f"{driver}-cabinet", f"{driver}, cabinet"
    lamps = [pin for head in HEADS.values() for pin in head] + list(WALKERS)
    for pin in lamps:
        pi.release(pin)
        pi.put(pin, False)
    before = pi.functions()
    with pi.traced() as written:
        pi.start(agent(config, "run"), f"/tmp/{config}.log")
        driven = until(lambda: all(pi.is_output(pin) for pin in lamps), 30)
    levels = first_levels(before, written, lamps)
    check(f"{name}: no lamp blinks when the pins are opened", driven and levels == dict.fromkeys(lamps, True), f"{levels}, {written[:20]}")


def cabinet(pi, driver):
    """The same junction as before, but for what hangs at the pins."""
    config, name = f"{driver}-cabinet", f"{driver}, cabinet"
    status, output = pi.run(agent(config, "check --json"), 120)
    check(f"{name}: check finds nothing wrong", status == 0, output)
    stop = tags(pi)
    opens(pi, driver)
    echo, watch = Echo(pi), Watch(pi, low=True)
    check(f"{name}: the start flashes", watch.until(lambda state: set(state.values()) == {"amber"}, 30), str(watch.states[-3:]))
    watch.forget()
    for head in HEADS:
        there = watch.until(lambda state: state[head] == "green", 240)
        check(f"{name}: {head} gets green", there, pi.run(agent(config, "lamps state"))[1])
    check(f"{name}: N gets green again", watch.until(lambda state: state["N"] == "green", 120), str(watch.states[-3:]))
    faults = [fault for head in HEADS for fault in watch.faults(head, AMBER_S)]
    check(f"{name}: each colour follows as it must, amber is long enough, no two greens", not faults, "; ".join(faults[:5]))
    pumped = changes(pi, ENABLE, 2)
    check(f"{name}: the charge pump is fed", pumped >= 10, f"{pumped} changes in 2 s")

    tactical = until(lambda: level_of_control(pi, config) in ("rolling_horizon", "greedy", "actuated"), 60)
    check(f"{name}: the reads decide", tactical)
    check(f"{name}: nobody walks who has not pressed", not until(lambda: walks(pi), 20))
    check(f"{name}: the button brings the walkers' green", presses(pi))
    status, output = pi.run(agent(config, "lamps state"))
    check(f"{name}: with sensors that agree there is no fault", "No fault is latched" in output, output)

    watch = Watch(pi, low=True)
    check(f"{name}: N gets green after them", watch.until(lambda state: state["N"] == "green", 120), str(watch.states[-3:]))
    echo.end()
    def faulty():
        return "Fault: " in pi.run(agent(config, "lamps state"))[1]
    check(f"{name}: a sensor that sees no light brings the fault aspect", until(faulty, 60))
    output = pi.run(agent(config, "lamps state"))[1]
    check(f"{name}: which names the lamp", "lamp of group \"N\" has been dark" in output, output)
    check(f"{name}: in a fault the charge pump rests", changes(pi, ENABLE, 2) == 0)
    seen = set()
    check(f"{name}: and both heads flash amber", until(lambda: seen.update([tuple(shown(pi.levels(), True).values())]) or {("amber",) * 2, ("dark",) * 2} <= seen, 10), str(seen))

    stop.set()
    pi.kill(f"/tmp/{config}.log")
    check(f"{name}: killed, it feeds no charge pump", changes(pi, ENABLE, 1) == 0)
    if driver == "rppal":
        status, output = pi.run(agent(config, "failsafe"))
        state = shown(pi.levels(), True)
        check(f"{name}: failsafe leaves red at each head", status == 0 and set(state.values()) == {"red"}, f"{output} {state}")
    status, output = pi.run(agent(config, "lamps clear-fault"))
    check(f"{name}: a person clears the fault", status == 0 and output.startswith("Cleared: "), output)
