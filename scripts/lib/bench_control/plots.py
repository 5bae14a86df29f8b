"""Plots as SVG: delay by controller, and queues over time."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from .measures import QUEUE_EVERY_S
from .report import PRODUCT, Cell, Results

#: Colours that people with a colour vision deficiency can tell apart (Okabe and Ito).
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999", "#000000", "#7F3C8D"]
RIVAL = "#D55E00"


def draw(results: Results, folder: Path) -> list[Path]:
    """Draws all plots that the rows allow; answers their paths."""
    import matplotlib

    matplotlib.use("svg")
    # The same rows give the same file.
    matplotlib.rcParams.update(
        {"svg.hashsalt": "bench", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    drawn = [_delays(results, folder / "delay.svg")]
    for net in results.nets:
        path = _queues(results, net, folder / f"queues-{net}.svg")
        if path:
            drawn.append(path)
    return drawn


def _save(figure, path: Path) -> Path:
    figure.savefig(path, metadata={"Date": None})
    figure.clear()
    return path


def _delays(results: Results, path: Path) -> Path:
    """A panel for each net, because delays differ too much between them for one scale."""
    from matplotlib.figure import Figure

    columns = min(5, len(results.nets))
    rows = -(-len(results.nets) // columns)
    figure = Figure(figsize=(2.6 * columns + 1, 2.4 * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat[len(results.nets) :]:
        axis.set_visible(False)
    for axis, net in zip(axes.flat, results.nets, strict=False):
        for place, name in enumerate(results.controllers):
            delays = [row["delay_s"] for row in results.cells[net, name].good]
            if not delays:
                continue
            mean = fmean(delays)
            axis.bar(place, mean, color=COLOURS[place % len(COLOURS)])
            if len(delays) > 1:
                axis.errorbar(
                    place, mean, [[mean - min(delays)], [max(delays) - mean]], color="black", linewidth=0.8, capsize=2
                )
            axis.annotate(
                f"{mean:.1f}",
                (place, max(delays)),
                ha="center",
                va="bottom",
                fontsize=7,
                xytext=(0, 1),
                textcoords="offset points",
            )
        axis.set_title(net)
        axis.set_xticks(range(len(results.controllers)), results.controllers, rotation=60, ha="right")
        axis.margins(y=0.12)
    for axis in axes[:, 0]:
        axis.set_ylabel("mean delay, s")
    figure.suptitle("Delay of all vehicles: mean of seeds, bar from the best to the worst seed")
    return _save(figure, path)


def _queues(results: Results, net: str, path: Path) -> Path | None:
    """Standing vehicles of each approach: the product beside the best baseline, or whoever ran."""
    shown = _two_to_show(results, net)
    if not shown:
        return None
    from matplotlib.figure import Figure

    mean = [_mean_queues(cell) for cell in shown]
    junctions = sorted({int(approach.split(":")[0]) for approach in mean[0]})
    sides = [side for side in "NESW" if any(f"{at}:{side}" in mean[0] for at in junctions)]
    figure = Figure(figsize=(2.8 * len(sides) + 0.6, 1.5 * len(junctions) + 1.2), layout="constrained")
    axes = figure.subplots(len(junctions), len(sides), squeeze=False, sharex=True, sharey="row")
    for line, at in zip(axes, junctions, strict=True):
        for axis, side in zip(line, sides, strict=True):
            approach = f"{at}:{side}"
            if approach not in mean[0]:
                axis.set_visible(False)
                continue
            for cell, queues in zip(shown, mean, strict=True):
                minutes = [place + 0.5 for place in range(len(queues[approach]))]
                colour = RIVAL if cell is not shown[0] else COLOURS[0]
                axis.plot(minutes, queues[approach], linewidth=1, color=colour, label=cell.controller)
            axis.set_title(f"junction {at + 1}, from {side}" if len(junctions) > 1 else f"from {side}", fontsize=8)
        longest = max(max(queues[f"{at}:{side}"]) for queues in mean for side in sides if f"{at}:{side}" in queues)
        line[0].set_ylim(0, max(2.0, 1.05 * longest))
    for axis in axes[-1]:
        axis.set_xlabel("minutes")
    figure.supylabel("standing vehicles")
    handles, labels = next(axis for axis in axes.flat if axis.get_visible()).get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False)
    figure.suptitle(f"Queues on {net}, mean of each minute and all seeds", x=0.02, ha="left")
    return _save(figure, path)


def _two_to_show(results: Results, net: str) -> list[Cell]:
    product, best = results.cells.get((net, PRODUCT)), results.best_baseline(net)
    cells = [cell for cell in (product, best) if cell and cell.good]
    return cells or [cell for cell in results.cells.values() if cell.net == net and cell.good][:2]


def _mean_queues(cell: Cell) -> dict[str, list[float]]:
    """Mean of the seeds, and of the samples of each minute."""
    in_a_minute = 60 // QUEUE_EVERY_S
    minutes = {}
    for approach in cell.good[0]["queues"]:
        samples = [fmean(each) for each in zip(*(row["queues"][approach] for row in cell.good), strict=True)]
        minutes[approach] = [fmean(samples[at : at + in_a_minute]) for at in range(0, len(samples), in_a_minute)]
    return minutes
