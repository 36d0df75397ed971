"""Plots as shapes: stacked bars over days or other steps, and curves. Pure; templates draw them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 220
LEFT: Final = 52
BOTTOM: Final = 24
TOP: Final = 8
SERIES_MAX: Final = 6
"""Colours that there are; what is less than the largest five is put together as the sixth."""
OTHERS: Final = ""
"""The name of that one."""
_LABELS_MAX: Final = 8
_BAR_SHARE: Final = 0.72


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a day's stack, in the drawing's units. `series` is a number from 1, that of its colour."""

    x: float
    y: float
    width: float
    height: float
    series: int
    day: int
    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line across at a round value."""

    y: float
    value: int


@dataclass(frozen=True, slots=True)
class Label:
    x: float
    day: int


@dataclass(frozen=True, slots=True)
class Plot:
    """`names` are those of the series, in the order of their colours; `total` is all that is shown."""

    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    labels: tuple[Label, ...]
    names: tuple[str, ...]
    total: int


def stacked(days: Sequence[int], values: Sequence[tuple[int, str, int]]) -> Plot:
    """`days` are all days of the axis, in order; `values` have a day, a name and an amount, which add up."""
    amounts: dict[tuple[int, str], int] = {}
    totals: dict[str, int] = {}
    for day, name, amount in values:
        amounts[day, name] = amounts.get((day, name), 0) + amount
        totals[name] = totals.get(name, 0) + amount
    ranked = sorted(totals, key=lambda name: (-totals[name], name))
    if len(ranked) > SERIES_MAX:
        for day, name in list(amounts):
            if name in ranked[SERIES_MAX - 1 :]:
                amounts[day, OTHERS] = amounts.get((day, OTHERS), 0) + amounts.pop((day, name))
        ranked = [*ranked[: SERIES_MAX - 1], OTHERS]
    per_day = {day: sum(amounts.get((day, name), 0) for name in ranked) for day in days}
    lines = _lines(max(per_day.values(), default=0))
    highest = lines[-1].value
    step = (WIDTH - LEFT) / max(1, len(days))
    bars = []
    for number, day in enumerate(days):
        below = 0
        for series, name in enumerate(ranked, 1):
            amount = amounts.get((day, name), 0)
            if amount:
                x = LEFT + number * step + step * (1 - _BAR_SHARE) / 2
                y, height = _y(below + amount, highest), _y(below, highest) - _y(below + amount, highest)
                bars.append(
                    Bar(
                        round(x, 1),
                        round(y, 1),
                        round(step * _BAR_SHARE, 1),
                        round(height, 1),
                        series,
                        day,
                        name,
                        amount,
                    )
                )
                below += amount
    return Plot(tuple(bars), lines, _labels(days, step), tuple(ranked), sum(per_day.values()))


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    step: int
    value: float


@dataclass(frozen=True, slots=True)
class Curve:
    """`path` joins the dots of steps that follow each other, as an SVG path."""

    name: str
    path: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Curves:
    curves: tuple[Curve, ...]
    lines: tuple[Line, ...]
    labels: tuple[Label, ...]


def curved(steps: int, values: Sequence[tuple[int, str, float]]) -> Curves:
    """`values` have a step, a name and a value; a step may have none. The curves are in the order of the names."""
    lines = _lines(math.ceil(max((value for _, _, value in values), default=0)))
    highest, width = lines[-1].value, (WIDTH - LEFT) / max(1, steps)
    curves = []
    for name in sorted({name for _, name, _ in values}):
        dots = tuple(
            Dot(round(LEFT + (step + 0.5) * width, 1), round(_y(value, highest), 1), step, value)
            for step, whose, value in sorted(values)
            if whose == name
        )
        before = (None, *(dot.step for dot in dots[:-1]))
        path = " ".join(
            f"{'L' if last == dot.step - 1 else 'M'}{dot.x} {dot.y}" for last, dot in zip(before, dots, strict=True)
        )
        curves.append(Curve(name, path, dots))
    return Curves(tuple(curves), lines, _labels(range(steps), width))


def _labels(axis: Sequence[int], step: float) -> tuple[Label, ...]:
    every = max(1, math.ceil(len(axis) / _LABELS_MAX))
    return tuple(
        Label(round(LEFT + (number + 0.5) * step, 1), day)
        for number, day in enumerate(axis)
        if (len(axis) - 1 - number) % every == 0
    )


def _y(value: float, highest: int) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / highest)


def _lines(highest: int) -> tuple[Line, ...]:
    """Lines at 0 and at up to four round values; the last one is at least the highest value."""
    rough = max(1, highest) / 4
    power = 10 ** math.floor(math.log10(rough)) if rough >= 1 else 1
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    top = max(step, math.ceil(max(1, highest) / step) * step)
    values = range(0, int(top) + 1, int(step))
    return tuple(Line(round(_y(value, int(top)), 1), value) for value in values)
