"""What several rounds say together, and the limits that they are held against."""

from __future__ import annotations

import statistics

#: The agent times a read from when it takes the bytes; before that they lie in the kernel for a beat of the readers' thread, ms at most.
BEAT_MS = 10
#: Of these the least and the most of all rounds are told, too.
RANGED = ("late_p999_us", "bare_p999_us", "late_ratio", "cpu_percent")


def ratio(one: dict[str, float]) -> float:
    """How late the lamps are in a round, of what a loop is that only waits, in the same seconds; both 999 of 1000 times."""
    return one["late_p999_us"] / max(one["bare_p999_us"], 1)


def read_ms(us: float) -> float:
    """From a tag's bytes at the port to the decision, milliseconds; `us`: what the agent says of it."""
    return BEAT_MS + us / 1000


def line(one: dict[str, float]) -> str:
    """A round, for who waits for the others."""
    return (
        f"lamps late p99.9 {one['late_p999_us']} µs, bare timer {one['bare_p999_us']} µs ({ratio(one):.2f}); "
        f"read to decision at most {read_ms(one['read_max_us']):.0f} ms; {one['rss_mb']:.1f} MB, {one['cpu_percent']:.1f} %"
    )


def summary(rounds: list[dict[str, float]], starts: list[float], binary: int) -> dict:
    """Medians where single moments decide, the most of what may never be exceeded, sums of what is counted."""
    of = {key: [one[key] for one in rounds] for key in rounds[0]}
    ratios = [ratio(one) for one in rounds]
    middle = ("cpu_percent", "late_p50_us", "late_p999_us", "bare_p50_us", "bare_p999_us", "read_p999_us")
    most = ("rss_mb", "late_max_us", "bare_max_us", "read_max_us")
    added = ("vehicles", "counted", "reads", "lost_reads", "ended_for_priority")
    return {
        "binary_mb": binary / 1e6,
        "start_ms": statistics.median(starts),
        **{key: statistics.median(of[key]) for key in middle},
        **{key: max(of[key]) for key in most},
        **{key: sum(of[key]) for key in added},
        "late_ratio": statistics.median(ratios),
        **{f"{key}_range": [min(values), max(values)] for key, values in {**of, "late_ratio": ratios}.items() if key in RANGED},
    }


def missed(own: dict) -> list[str]:
    """The limits that are not kept."""
    kept = {
        "the program has at most 8 MB": own["binary_mb"] <= 8,
        "the first lamps are lit within 300 ms": own["start_ms"] <= 300,
        "it takes at most 16 MB of memory": own["rss_mb"] <= 16,
        "it takes at most 3 % of a core": own["cpu_percent"] <= 3,
        "lamps are written late by at most twice what a bare timer is (p99.9)": own["late_ratio"] <= 2,
        "a tag's priority is always decided within 20 ms": read_ms(own["read_max_us"]) <= 20,
        "every vehicle that is read is counted, once": own["counted"] == own["vehicles"],
    }
    return [limit for limit, good in kept.items() if not good]


def report(own: dict, plain: dict[str, float]) -> None:
    """The table."""

    def ranged(key: str, form: str = ".0f") -> str:
        least, most = own[f"{key}_range"]
        return f"{own[key]:{form}} ({least:{form}} to {most:{form}})"

    rows = [
        ("program, stripped", f"{own['binary_mb']:.1f} MB", "", "8 MB"),
        ("start to first lamps / to ready, median", f"{own['start_ms']:.0f} ms", f"{plain['start_ms']:.0f} ms", "300 ms"),
        ("memory (RSS), most", f"{own['rss_mb']:.1f} MB", f"{plain['rss_mb']:.1f} MB", "16 MB"),
        ("processor, % of one core", ranged("cpu_percent", ".1f"), f"{plain['cpu_percent']:.1f}", "3"),
        ("lamps written late, p50, µs", f"{own['late_p50_us']:.0f}", f"bare timer {own['bare_p50_us']:.0f}", ""),
        ("lamps written late, p99.9, µs", ranged("late_p999_us"), f"bare timer {ranged('bare_p999_us')}", ""),
        ("the same, of the bare timer's in the same seconds", ranged("late_ratio", ".2f"), "", "2.00"),
        ("lamps written late, the longest, µs", f"{own['late_max_us']}", f"bare timer {own['bare_max_us']}", ""),
        ("tag read to priority decision, p99.9", f"{read_ms(own['read_p999_us']):.0f} ms", "", ""),
        ("tag read to priority decision, the longest", f"{read_ms(own['read_max_us']):.0f} ms", "", "20 ms"),
        ("greens ended for priority", f"{own['ended_for_priority']}", "", ""),
        ("vehicles read / counted", f"{own['vehicles']} / {own['counted']}", f"{plain['vehicles']} / {plain['counted']}", ""),
    ]  # fmt: skip
    print("| median of all rounds (least to most) | agent | plain Python agent | at most |\n|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
