"""Rows of runs as lines, tables and one JSON object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from .baselines import BASELINES

PRODUCT = "product"


def progress(row: dict, number: int, total: int) -> str:
    """One line for people who wait."""
    head = f"[{number}/{total}] {row['net']} {row['controller']} seed {row['seed']}:"
    if "error" in row:
        return f"{head} FAILED: {row['error']}"
    parts = [f"delay {row['delay_s']:.1f} s", f"p95 {row['p95_s']:.0f}", f"longest red {row['longest_red_s']:.0f} s"]
    if row["gridlock"]:
        nodes = ", ".join(f"{node} from {since:.0f} s" for node, since in sorted(row["standstills"].items()))
        parts.append(f"GRIDLOCK (inside {nodes})" if nodes else "GRIDLOCK")
    if row["violations"]:
        parts.append("violations: " + _counts(row["violations"]))
    return f"{head} {', '.join(parts)} ({row['wall_s']:.0f} s)"


def _counts(counts: dict) -> str:
    return ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))


@dataclass
class Cell:
    """All seeds of one controller on one net."""

    net: str
    controller: str
    rows: list[dict]

    @property
    def good(self) -> list[dict]:
        return [row for row in self.rows if "error" not in row]

    @property
    def failed(self) -> int:
        return len(self.rows) - len(self.good)

    def mean(self, key: str) -> float | None:
        values = [row[key] for row in self.good if row.get(key) is not None]
        return fmean(values) if values else None

    def most(self, key: str) -> float | None:
        return max((row[key] for row in self.good), default=None)

    @property
    def violations(self) -> dict[str, int]:
        return dict(sum((Counter(row["violations"]) for row in self.good), Counter()))

    @property
    def gridlocked(self) -> int:
        return sum(row["gridlock"] for row in self.good)

    def summary(self) -> dict:
        """For the JSON object."""
        delays = [row["delay_s"] for row in self.good]
        return {
            "delay_s": _rounded(self.mean("delay_s")),
            "delay_range_s": [_rounded(min(delays)), _rounded(max(delays))] if delays else None,
            "p95_s": _rounded(self.mean("p95_s")),
            "wait_s": _rounded(self.mean("wait_s")),
            "stops": _rounded(self.mean("stops")),
            "longest_red_s": self.most("longest_red_s"),
            "longest_red_waiting_s": self.most("longest_red_waiting_s"),
            "switches_h": _rounded(self.mean("switches_h")),
            "ms_per_decision": _rounded(self.mean("ms_per_decision"), 4),
            "violations": self.violations,
            "gridlocked": self.gridlocked,
            "failed": self.failed,
        }


def _rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)


class Results:
    """The rows of a whole bench, by net and controller, in the order in which these were asked for."""

    def __init__(self, rows: Iterable[dict], nets: list[str], controllers: list[str]):
        self.nets, self.controllers = nets, controllers
        self.cells = {(net, controller): Cell(net, controller, []) for net in nets for controller in controllers}
        for row in rows:
            self.cells[row["net"], row["controller"]].rows.append(row)

    def best_baseline(self, net: str) -> Cell | None:
        """The baseline of least delay that sees only tags and failed on no seed."""
        rivals = [self.cells[net, name] for name in self.controllers if name in BASELINES]
        rivals = [cell for cell in rivals if cell.good and not cell.failed]
        return min(rivals, key=lambda cell: cell.mean("delay_s"), default=None)

    def ratio(self, net: str) -> float | None:
        """Delay of the product over that of the best baseline."""
        product, best = self.cells.get((net, PRODUCT)), self.best_baseline(net)
        if product is None or best is None or not product.good:
            return None
        return product.mean("delay_s") / best.mean("delay_s")

    def delay_table(self) -> str:
        """Delay, a row for each controller and a column for each net."""
        lines = [_row(["mean delay, s", *self.nets]), _row(["---"] * (len(self.nets) + 1))]
        for name in self.controllers:
            lines.append(_row([name, *(self._delay(net, name) for net in self.nets)]))
        if PRODUCT in self.controllers and len(self.controllers) > 1:
            ratios = []
            for net in self.nets:
                ratio, best = self.ratio(net), self.best_baseline(net)
                ratios.append("–" if ratio is None else f"{ratio:.2f} × {best.controller}")
            lines.append(_row(["product / best baseline", *ratios]))
        return "\n".join(lines)

    def _delay(self, net: str, name: str) -> str:
        cell = self.cells[net, name]
        if not cell.good:
            return f"{cell.failed} failed" if cell.failed else "–"
        delays = [row["delay_s"] for row in cell.good]
        text = f"{fmean(delays):.1f}"
        if len(delays) > 1:
            text += f" ({min(delays):.1f}–{max(delays):.1f})"
        if cell.gridlocked:
            text += f", {cell.gridlocked} gridlocked"
        return text + (f", {cell.failed} failed" if cell.failed else "")

    def detail_table(self) -> str:
        """Everything else, a row for each net and controller."""
        heads = [
            "net",
            "controller",
            "p95, s",
            "wait, s",
            "stops",
            "longest red (somebody waiting), s",
            "switches/h",
            "ms CPU/decision",
            "violations",
        ]
        lines = [_row(heads), _row(["---"] * len(heads))]
        for cell in self.cells.values():
            if cell.good:
                cost = cell.mean("ms_per_decision")
                lines.append(
                    _row(
                        [
                            cell.net,
                            cell.controller,
                            f"{cell.mean('p95_s'):.0f}",
                            f"{cell.mean('wait_s'):.1f}",
                            f"{cell.mean('stops'):.2f}",
                            f"{cell.most('longest_red_s'):.0f} ({cell.most('longest_red_waiting_s'):.0f})",
                            f"{cell.mean('switches_h'):.0f}",
                            "–" if cost is None else f"{cost:.3f}",
                            _counts(cell.violations) or "none",
                        ]
                    )
                )
        return "\n".join(lines)

    def notes(self) -> str:
        """Failures, examples of violations, and what was odd."""
        lines = []
        for cell in self.cells.values():
            for row in cell.rows:
                who = f"{row['net']} {row['controller']} seed {row['seed']}"
                if "error" in row:
                    lines.append(f"- {who} failed: {row['error']}")
                lines += [f"- {who}: {example}" for example in row.get("examples", [])[:2]]
                lines += [f"- {who}: {number} × {what}" for what, number in list(row.get("oddities", {}).items())[:3]]
        shown = lines[:40]
        if len(lines) > len(shown):
            shown.append(f"- and {len(lines) - len(shown)} more in rows.jsonl")
        return "\n".join(shown)

    @property
    def failed(self) -> int:
        return sum(cell.failed for cell in self.cells.values())

    @property
    def product_violations(self) -> int:
        return sum(sum(cell.violations.values()) for cell in self.cells.values() if cell.controller == PRODUCT)

    @property
    def product_gridlocked(self) -> int:
        return sum(cell.gridlocked for cell in self.cells.values() if cell.controller == PRODUCT)

    def summary(self) -> dict:
        """The JSON object."""
        nets = {}
        for net in self.nets:
            best, ratio = self.best_baseline(net), self.ratio(net)
            nets[net] = {
                "controllers": {name: self.cells[net, name].summary() for name in self.controllers},
                "best_baseline": best.controller if best else None,
                "product_over_best": _rounded(ratio, 3),
            }
        return {
            "nets": nets,
            "failed": self.failed,
            "product_violations": self.product_violations,
            "product_gridlocked": self.product_gridlocked,
        }


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
