"""What the lamps of two heads show, by the levels of their pins."""

import time

# Of each head the pins of red, amber and green; by BCM numbers.
HEADS = {"N": (17, 27, 22), "E": (10, 9, 11)}
COLOURS = ("red", "amber", "green")
# A pin is set after the other, so that for a moment a head may look dark.
BLINK_S = 0.2
# By so much a time may be short where the machine is late: so the interlock allows it.
SHORT_S = 0.3


def shown(levels, low=False):
    """The lit colours of each head; `low`: a low level lights a lamp."""
    return {
        head: "+".join(colour for pin, colour in zip(pins, COLOURS) if (levels >> pin & 1) != low) or "dark"
        for head, pins in HEADS.items()
    }


class Watch:
    """Looks at the pins again and again: what was shown, from when to when."""

    def __init__(self, pi, low=False):
        self.pi, self.low = pi, low
        # [state, from, to], the last one still going on.
        self.states = []
        self.wrong = []

    def look(self):
        state, now = shown(self.pi.levels(), self.low), time.monotonic()
        if self.states and self.states[-1][0] == state:
            self.states[-1][2] = now
        else:
            self.states.append([state, now, now])
        released = [head for head, colours in state.items() if "green" in colours]
        if len(released) > 1:
            self.wrong.append(f"{' and '.join(released)} have green together")
        return state

    def until(self, wanted, timeout):
        """Looks until `wanted` holds of what is shown; whether it did in time."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if wanted(self.look()):
                return True
        return False

    def forget(self):
        """Leaves out what was shown so far."""
        self.states, self.wrong = self.states[-1:], []

    def steady(self):
        """What was shown, without the moments between two writes."""
        states = [(state, start, end) for state, start, end in self.states if end - start >= BLINK_S]
        merged = []
        for state, start, end in states:
            if merged and merged[-1][0] == state:
                merged[-1] = (state, merged[-1][1], end)
            else:
                merged.append((state, start, end))
        return merged

    def faults(self, head, amber_s):
        """What was wrong with a head in the sequence of its colours, once it has had its first red alone."""
        sequence = []
        for state, start, end in self.steady():
            colour = state[head]
            if sequence and sequence[-1][0] == colour:
                sequence[-1][2] = end
            else:
                sequence.append([colour, start, end])
        while sequence and sequence[0][0] != "red":
            sequence.pop(0)
        faults = list(self.wrong)
        follows = {"red": "green", "green": "amber", "amber": "red"}
        for (colour, _, _), after in zip(sequence, sequence[1:]):
            if follows.get(colour) != after[0]:
                faults.append(f"{head}: {after[0]} after {colour}")
        for (_, _, before), (colour, _, _), (_, after, _) in zip(sequence, sequence[1:], sequence[2:]):
            # From the last look at which it was not there yet to the first at which it was no more: it cannot have been there for longer.
            if colour == "amber" and after - before < amber_s - SHORT_S:
                faults.append(f"{head}: amber for {after - before:.2f} s at most")
        return faults
