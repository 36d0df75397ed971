"""Four-footed animals that walk or trot. `phase` counts strides."""

import math
from functools import cache

from reelway.providers.animatic.facts import Figure
from reelway.providers.animatic.subjects.beasts import BEASTS, Leg
from reelway.providers.animatic.subjects.gait import footfall
from reelway.providers.animatic.subjects.shapes import Part, Point, Tone, drawn, moved, strip

_ON_GROUND = 0.58  # share of a stride that a foot stands; a role's stride times half of this is its legs' `step`


@cache
def _outlines(figure: Figure) -> dict[str, tuple[Part, ...]]:
    """The parts of a beast that keep their shape, made once."""
    build = BEASTS[figure]
    return {
        "tail": drawn(build.tail),
        "trunk": drawn(build.trunk),
        "over": drawn(build.over),
        "head": drawn(build.head),
        "paw": drawn((build.paw,)),
        "far paw": drawn(((Tone.BLACK if build.paw[0] is Tone.BLACK else Tone.DARK, build.paw[1]),)),
    }


def beast(figure: Figure, phase: float) -> list[Part]:
    """A walking four-footed animal."""
    build, still = BEASTS[figure], _outlines(figure)
    turn = 2 * math.pi * phase
    rise, pitch = 0.008 * math.sin(2 * turn), 0.012 * math.sin(2 * turn + 1.1)
    nod = 0.05 * math.sin(2 * turn + 0.6)
    far_tone = Tone.BLACK if build.leg_tone is Tone.BLACK else Tone.DARK
    parts = moved(still["tail"], build.tail_root[0], build.tail_root[1] + rise, turn=0.10 * math.sin(turn))
    for leg, ahead in ((build.hind, 0.5), (build.front, 0.5 - build.lag)):
        parts += _leg(leg, phase + ahead, far_tone, still["far paw"])
    parts += moved(still["trunk"], 0.0, rise, turn=pitch)
    for leg, ahead in ((build.hind, 0.0), (build.front, -build.lag)):
        parts += _leg(leg, phase + ahead, build.leg_tone, still["paw"])
    parts += moved(still["over"], 0.0, rise, turn=pitch)
    head = moved(still["head"], build.poll[0], build.poll[1] + rise, turn=-nod)
    if figure is Figure.ELEPHANT:
        head.insert(0, _trunk_of_elephant(build.poll, turn))
    return parts + head


def _leg(leg: Leg, share: float, tone: Tone, paw: tuple[Part, ...]) -> list[Part]:
    """A leg at a share of its stride: its foot stands and falls back, then swings forward through the air."""
    ahead, lift = footfall(share % 1.0, _ON_GROUND)
    lean = 0.8 * lift - 0.28 * ahead
    foot = (leg.foot + leg.step * ahead, -leg.lift * lift - leg.radii[3] * 0.9)
    length, rest = leg.heel
    heel = (foot[0] + length * math.sin(rest + lean), foot[1] - length * math.cos(rest + lean))
    across, down = heel[0] - leg.root[0], heel[1] - leg.root[1]
    half = max(0.01, math.hypot(across, down) / 2)
    least = abs(leg.bend)
    sharp = math.sqrt(max(0.0, leg.bone**2 - half**2))
    out = math.copysign(min(max(least, sharp), least + 0.05), leg.bend) / (2 * half)
    joint = ((leg.root[0] + heel[0]) / 2 + down * out, (leg.root[1] + heel[1]) / 2 - across * out)
    shin = strip((leg.root, joint, heel, foot), leg.radii, tone, base=1.0)
    return [shin, *moved(paw, foot[0], foot[1] + leg.radii[3] * 0.9, turn=-0.5 * lift)]


def _trunk_of_elephant(poll: Point, turn: float) -> Part:
    sway = 0.06 * math.sin(turn)
    x, y = poll
    points = [
        (x + 0.12, y + 0.04),
        (x + 0.17, y + 0.20),
        (x + 0.19 + sway * 0.3, y + 0.38),
        (x + 0.20 + sway * 0.8, y + 0.54),
        (x + 0.27 + sway * 1.2, y + 0.64),
    ]
    return strip(points, [0.09, 0.085, 0.06, 0.042, 0.028], base=1.0)
