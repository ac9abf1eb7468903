"""Figures and their goals: a JSON line each, and a table at the end."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value.

    `goal` is a bound: the value must be at most it, or at least it where `at_least`; None where
    there is none. `beside` has what the value was made of.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_least: bool = False
    beside: dict[str, Any] = field(default_factory=dict)

    @property
    def is_met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"met": self.is_met})


def short(value: float) -> str:
    """Return a value with three digits that matter."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def print_table(figures: list[Figure], console: Console) -> None:
    """Print all figures with their goals beside them."""
    table = Table(title="Figures")
    for heading in ("figure", "value", "unit", "goal", ""):
        table.add_column(heading, justify="right" if heading in ("value", "goal") else "left")
    for each in figures:
        goal = ""
        if each.goal is not None:
            goal = f"{'≥' if each.at_least else '≤'} {short(each.goal)}"
        met = {None: "", True: "met", False: "missed"}[each.is_met]
        table.add_row(each.name, short(each.value), each.unit, goal, met)
    console.print(table)
