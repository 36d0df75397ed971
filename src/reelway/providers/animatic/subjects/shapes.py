"""What figures are made of: outlines in the figure's own units.

A figure is one unit high, stands on y = 0 with y pointing down, and faces right.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from reelway.providers.animatic.arrays import Floats

_ANGLES = np.linspace(0, 2 * math.pi, 28, endpoint=False)
_ROUND = np.cos(_ANGLES), np.sin(_ANGLES)
_HALF_ANGLES = np.linspace(0.5 * math.pi, 1.5 * math.pi, 8)
_HALF_ROUND = np.cos(_HALF_ANGLES), np.sin(_HALF_ANGLES)

Points: TypeAlias = Floats  # shape (count, 2)
Point = tuple[float, float]


class Tone(StrEnum):
    """How a part takes the light, from the figure's own colour.

    `GLOW` shines by itself, `GLASS` mirrors the sky, `BEAM` and `STEAM` let see through.
    """

    BODY = "body"
    LIGHT = "light"
    DARK = "dark"
    BLACK = "black"
    SKIN = "skin"
    GLASS = "glass"
    GLOW = "glow"
    WHITE = "white"
    GREEN = "green"
    BEAM = "beam"
    STEAM = "steam"


@dataclass(frozen=True, slots=True)
class Part:
    """One filled outline."""

    points: Points
    tone: Tone


Outlines: TypeAlias = tuple[tuple[Tone, str], ...]
"""Tones with "x,y x,y ..." in hundredths of the figure's height, y up: smooth curves, or polygons after a "^"."""


def polygon(points: Sequence[Point], tone: Tone = Tone.BODY) -> Part:
    return Part(np.array(points, np.float32), tone)


def box(left: float, top: float, right: float, bottom: float, tone: Tone = Tone.BODY, *, radius: float = 0.0) -> Part:
    """A rectangle, with round corners where a radius is given."""
    if not radius:
        return polygon([(left, top), (right, top), (right, bottom), (left, bottom)], tone)
    centres = (
        (right - radius, top + radius),
        (right - radius, bottom - radius),
        (left + radius, bottom - radius),
        (left + radius, top + radius),
    )
    starts = (-0.5 * math.pi, 0.0, 0.5 * math.pi, math.pi)
    corners = [
        (x + radius * math.cos(start + step * math.pi / 10), y + radius * math.sin(start + step * math.pi / 10))
        for (x, y), start in zip(centres, starts, strict=True)
        for step in range(6)
    ]
    return polygon(corners, tone)


def ellipse(x: float, y: float, across: float, down: float, tone: Tone = Tone.BODY, *, turn: float = 0.0) -> Part:
    """An ellipse by its half axes, turned clockwise by radians."""
    along, beside = across * _ROUND[0], down * _ROUND[1]
    cos, sin = math.cos(turn), math.sin(turn)
    return Part(np.stack([x + along * cos - beside * sin, y + along * sin + beside * cos], 1).astype(np.float32), tone)


def capsule(start: Point, end: Point, start_radius: float, end_radius: float, tone: Tone = Tone.BODY) -> Part:
    """A limb: a line with a round, possibly thinner, end."""
    direction = math.atan2(end[1] - start[1], end[0] - start[0])
    cos, sin = math.cos(direction), math.sin(direction)
    around = np.stack([cos * _HALF_ROUND[0] - sin * _HALF_ROUND[1], sin * _HALF_ROUND[0] + cos * _HALF_ROUND[1]], 1)
    points = np.concatenate([start_radius * around + start, end - end_radius * around])
    return Part(points.astype(np.float32), tone)


def chain(points: Sequence[Point], radii: Sequence[float], tone: Tone = Tone.BODY) -> list[Part]:
    """Capsules from point to point: a bent limb, a tail, a trunk."""
    return [
        capsule(start, end, radii[index], radii[index + 1], tone) for index, (start, end) in enumerate(pairwise(points))
    ]


def blob(points: Sequence[Point], tone: Tone = Tone.BODY) -> Part:
    """A closed smooth curve through points (Catmull-Rom)."""
    return Part((_smoothing(len(points)) @ np.array(points, np.float64)).astype(np.float32), tone)


def strip(
    points: Sequence[Point], radii: Sequence[float], tone: Tone = Tone.BODY, *, tip: float = 0.6, base: float = 0.8
) -> Part:
    """A bent limb of changing thickness in one smooth outline.

    `tip` and `base` are how far it goes on beyond its last and its first point, in shares of the radius there.
    """
    right: list[Point] = []
    left: list[Point] = []
    beyond: list[Point] = []
    last = len(points) - 1
    for index, ((x, y), radius) in enumerate(zip(points, radii, strict=True)):
        before, after = points[max(0, index - 1)], points[min(last, index + 1)]
        across, down = after[0] - before[0], after[1] - before[1]
        scale = radius / (math.hypot(across, down) + 1e-9)
        across, down = across * scale, down * scale
        right.append((x + down, y - across))
        left.append((x - down, y + across))
        if index in (0, last):
            share = tip if index else -base
            beyond.append((x + share * across, y + share * down))
    return blob([*right, beyond[1], *reversed(left), beyond[0]], tone)


@cache
def _smoothing(count: int) -> Floats:
    """What each point of the curve takes from each of so many knots, shape (7 * count, count)."""
    knots, steps = np.eye(count), np.linspace(0, 1, 7, endpoint=False)[None, :, None]
    before, after, second = np.roll(knots, 1, 0), np.roll(knots, -1, 0), np.roll(knots, -2, 0)
    cubic = (
        2 * knots[:, None]
        + (after - before)[:, None] * steps
        + (2 * before - 5 * knots + 4 * after - second)[:, None] * steps**2
        + (3 * knots - before - 3 * after + second)[:, None] * steps**3
    )
    return (0.5 * cubic).reshape(-1, count)


def drawn(outlines: Outlines) -> tuple[Part, ...]:
    """The parts that outlines tell of."""
    parts = []
    for tone, text in outlines:
        pairs = [pair.split(",") for pair in text.removeprefix("^").split()]
        points = [(float(x) / 100, -float(y) / 100) for x, y in pairs]
        parts.append(polygon(points, tone) if text.startswith("^") else blob(points, tone))
    return tuple(parts)


def reach(start: Point, angle: float, length: float) -> Point:
    """The point at a distance and an angle; 0 hangs straight down and positive swings forward, to the right."""
    return start[0] + length * math.sin(angle), start[1] + length * math.cos(angle)


def wheel(x: float, y: float, radius: float, turn: float, *, spokes: int = 5) -> list[Part]:
    """A tyre, a rim and turning spokes."""
    around = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]], np.float32)
    turned = ((radius * _spokes(spokes)) @ around + np.array([x, y], np.float32)).astype(np.float32)
    return [
        ellipse(x, y, radius, radius, Tone.DARK),
        ellipse(x, y, radius * 0.58, radius * 0.58, Tone.LIGHT),
        *(Part(points, Tone.DARK) for points in turned),
    ]


@cache
def _spokes(count: int) -> Floats:
    """The outlines of a wheel's spokes, shape (count, points, 2), in radii."""
    angles = [2 * math.pi * spoke / count for spoke in range(count)]
    tips = [(0.52 * math.cos(angle), 0.52 * math.sin(angle)) for angle in angles]
    return np.stack([capsule((0.0, 0.0), tip, 0.06, 0.09).points for tip in tips])


def moved(
    parts: Sequence[Part], x: float = 0.0, y: float = 0.0, *, scale: float = 1.0, turn: float = 0.0
) -> list[Part]:
    """The parts scaled and turned around the origin, then shifted."""
    cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
    matrix, shift = np.array([[cos, sin], [-sin, cos]], np.float32), np.array([x, y], np.float32)
    return [Part((part.points @ matrix + shift).astype(np.float32), part.tone) for part in parts]
