"""Bounds that the server must keep, and what is told when it misses one."""

from __future__ import annotations

import argparse
import sys
from typing import NamedTuple


class Must(NamedTuple):
    """A figure and its bound, in one unit."""

    name: str
    value: float
    bound: float
    unit: str = ""
    at_least: bool = False

    def is_kept(self) -> bool:
        # A figure that could not be taken, NaN, is none that keeps a bound.
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def add_option(p: argparse.ArgumentParser) -> None:
    p.add_argument("--check", action="store_true", help="exit with 1 when a bound in the table is missed, also on a slow machine")


def missed(bench: str, musts: list[Must]) -> bool:
    """Tells which are missed, and whether any is."""
    wrong = [must for must in musts if not must.is_kept()]
    for must in wrong:
        side = "at least" if must.at_least else "at most"
        print(f"{bench}: {must.name} is {must.value:.4g}{must.unit}; {side} {must.bound:g}{must.unit} is wanted", file=sys.stderr)
    return bool(wrong)
