"""People, walking; an astronaut, floating. `phase` counts strides."""

import math
from dataclasses import dataclass

from reelway.providers.animatic.subjects.shapes import (
    Part,
    Point,
    Tone,
    blob,
    box,
    capsule,
    chain,
    ellipse,
    polygon,
    reach,
)


@dataclass(frozen=True, slots=True)
class _Build:
    """A body's proportions, in shares of its height."""

    head: float
    shoulder: float
    hip: float
    leg: float
    is_skirted: bool


_MAN = _Build(head=0.062, shoulder=0.105, hip=0.075, leg=0.50, is_skirted=False)
_WOMAN = _Build(head=0.062, shoulder=0.085, hip=0.080, leg=0.50, is_skirted=True)
_CHILD = _Build(head=0.092, shoulder=0.105, hip=0.090, leg=0.42, is_skirted=False)


def man(phase: float) -> list[Part]:
    return _walker(_MAN, phase)


def woman(phase: float) -> list[Part]:
    return _walker(_WOMAN, phase)


def child(phase: float) -> list[Part]:
    return _walker(_CHILD, phase)


def _leg(hip: Point, length: float, swing: float, bend: float, tone: Tone) -> list[Part]:
    knee = reach(hip, swing, length * 0.5)
    ankle = reach(knee, swing - bend, length * 0.47)
    toe = reach(ankle, swing - bend + 1.35, 0.075)
    return [*chain([hip, knee, ankle], [0.050, 0.036, 0.024], tone), capsule(ankle, toe, 0.024, 0.015, Tone.DARK)]


def _arm(shoulder: Point, swing: float, tone: Tone) -> list[Part]:
    elbow = reach(shoulder, swing, 0.165)
    hand = reach(elbow, swing + 0.30 + 0.25 * max(0.0, swing), 0.15)
    return [*chain([shoulder, elbow, hand], [0.034, 0.027, 0.020], tone), ellipse(*hand, 0.022, 0.026, Tone.SKIN)]


def _walker(build: _Build, phase: float) -> list[Part]:
    turn = 2 * math.pi * phase
    rise = 0.012 * math.cos(2 * turn)
    hip = (0.0, -build.leg + rise)
    neck = (0.012, -1 + 2.15 * build.head + rise)
    shoulder = (0.004, neck[1] + 0.045)
    swing, back_swing = 0.42 * math.sin(turn), 0.42 * math.sin(turn + math.pi)
    bend, back_bend = 0.62 * max(0.0, math.cos(turn)), 0.62 * max(0.0, math.cos(turn + math.pi))
    parts = _arm(shoulder, 0.85 * swing, Tone.DARK)
    parts += _leg(hip, build.leg, back_swing, back_bend, Tone.DARK)
    parts += _leg(hip, build.leg, swing, bend, Tone.DARK)
    if build.is_skirted:
        hem = build.leg * 0.42
        sway = 0.05 * math.sin(turn)
        parts.append(
            blob(
                [
                    (-0.06, shoulder[1]),
                    (0.065, shoulder[1]),
                    (0.05, hip[1] - 0.09),
                    (0.13 + sway, -hem),
                    (-0.13 + sway, -hem),
                    (-0.06, hip[1] - 0.09),
                ]
            )
        )
    else:
        wide, low = build.shoulder * 0.72, build.hip
        parts.append(
            blob(
                [
                    (-wide, shoulder[1]),
                    (wide * 0.9, shoulder[1] - 0.005),
                    (low * 0.85, hip[1] - 0.02),
                    (low * 0.7, hip[1] + 0.06),
                    (-low * 0.8, hip[1] + 0.06),
                    (-low * 0.9, hip[1] - 0.04),
                ]
            )
        )
    head = (neck[0] + 0.012, neck[1] - build.head * 1.02)
    parts.append(capsule((neck[0], neck[1] + 0.03), (neck[0] + 0.005, neck[1] - 0.03), 0.026, 0.024, Tone.SKIN))
    parts.append(ellipse(head[0], head[1], build.head * 0.84, build.head, Tone.SKIN))
    parts.extend(_hair(build, head))
    return [*parts, *_arm(shoulder, 0.85 * back_swing, Tone.BODY)]


def _hair(build: _Build, head: Point) -> list[Part]:
    x, y, size = *head, build.head
    crown = [
        (x + 0.62 * size, y - 0.62 * size),
        (x, y - 1.12 * size),
        (x - 0.92 * size, y - 0.5 * size),
        (x - 0.92 * size, y + 0.25 * size),
    ]
    if build.is_skirted:
        fall = [
            (x - 1.0 * size, y + 1.7 * size),
            (x - 0.35 * size, y + 1.9 * size),
            (x - 0.25 * size, y + 0.2 * size),
            (x + 0.1 * size, y - 0.45 * size),
        ]
        return [blob([*crown, *fall], Tone.DARK)]
    return [blob([*crown, (x - 0.4 * size, y + 0.1 * size), (x - 0.1 * size, y - 0.4 * size)], Tone.DARK)]


def astronaut(phase: float) -> list[Part]:
    """A white suit with a dark visor, arms and legs drifting."""
    turn = 2 * math.pi * phase * 0.25
    drift = 0.12 * math.sin(turn)
    parts: list[Part] = [box(-0.19, -0.80, -0.02, -0.42, Tone.DARK, radius=0.05)]
    for side, swing in ((-1, -0.35 + drift), (1, 0.38 - drift)):
        knee = reach((0.03 * side, -0.40), swing, 0.20)
        foot = reach(knee, swing - 0.35, 0.19)
        parts += chain([(0.03 * side, -0.40), knee, foot], [0.085, 0.070, 0.062], Tone.WHITE)
        parts.append(capsule(foot, reach(foot, swing + 1.1, 0.07), 0.062, 0.045, Tone.LIGHT))
    parts.append(
        blob([(-0.13, -0.76), (0.12, -0.76), (0.14, -0.55), (0.11, -0.36), (-0.11, -0.36), (-0.14, -0.55)], Tone.WHITE)
    )
    for swing in (-0.95 + drift, 0.95 - drift):
        elbow = reach((0.11 if swing > 0 else -0.11, -0.70), swing, 0.17)
        hand = reach(elbow, swing * 1.35 + 0.3, 0.15)
        parts += chain([(0.11 if swing > 0 else -0.11, -0.70), elbow, hand], [0.062, 0.055, 0.048], Tone.WHITE)
        parts.append(ellipse(*hand, 0.052, 0.052, Tone.LIGHT))
    parts.append(ellipse(0.01, -0.87, 0.135, 0.13, Tone.WHITE))
    parts.append(ellipse(0.045, -0.87, 0.095, 0.088, Tone.GLASS))
    parts.append(polygon([(0.0, -0.92), (0.05, -0.945), (0.03, -0.89)], Tone.GLOW))
    parts.append(box(-0.055, -0.62, 0.055, -0.53, Tone.BODY, radius=0.015))
    return parts
