"""Animals: four-footed ones from one table of proportions, birds and fish. `phase` counts strides or wing beats."""

import math
from dataclasses import dataclass

from reelway.providers.animatic.facts import Figure
from reelway.providers.animatic.subjects.shapes import Part, Point, Tone, blob, capsule, chain, ellipse, polygon, reach


@dataclass(frozen=True, slots=True)
class _Beast:
    """A four-footed animal's proportions, in shares of the height of its head above the ground.

    `back` is the height of the back, `length` that of the trunk from chest to rump, `depth` how deep it is,
    `neck` and `lift` the neck's length and its angle above level, `skull` and `muzzle` the head, `leg` a leg's
    thickness.
    """

    back: float
    length: float
    depth: float
    neck: float
    lift: float
    neck_width: float
    skull: float
    muzzle: float
    leg: float
    tail: float
    tail_droop: float
    ear: float


_BEASTS = {
    Figure.HORSE: _Beast(0.66, 0.62, 0.25, 0.33, 0.85, 0.085, 0.070, 0.17, 0.044, 0.36, 1.25, 0.07),
    Figure.DOG: _Beast(0.68, 0.62, 0.24, 0.20, 0.75, 0.090, 0.105, 0.14, 0.046, 0.30, -0.6, 0.10),
    Figure.CAT: _Beast(0.62, 0.66, 0.23, 0.16, 0.70, 0.085, 0.125, 0.055, 0.042, 0.55, -0.75, 0.12),
    Figure.DEER: _Beast(0.56, 0.46, 0.19, 0.28, 1.05, 0.058, 0.058, 0.12, 0.026, 0.09, 0.3, 0.085),
    Figure.ELEPHANT: _Beast(0.92, 0.74, 0.50, 0.12, 0.30, 0.16, 0.17, 0.06, 0.094, 0.34, 1.45, 0.0),
    Figure.CAMEL: _Beast(0.66, 0.60, 0.25, 0.40, 0.75, 0.058, 0.060, 0.14, 0.038, 0.28, 1.35, 0.045),
    Figure.BEAR: _Beast(0.86, 0.86, 0.46, 0.16, 0.15, 0.17, 0.15, 0.12, 0.092, 0.06, 0.6, 0.07),
    Figure.PANDA: _Beast(0.84, 0.86, 0.52, 0.14, 0.22, 0.17, 0.20, 0.09, 0.105, 0.05, 0.6, 0.10),
}


def beast(figure: Figure, phase: float) -> list[Part]:
    """A walking four-footed animal."""
    build = _BEASTS[figure]
    turn = 2 * math.pi * phase
    rise = 0.010 * math.sin(2 * turn)
    front, rear = (build.length / 2, -build.back + rise), (-build.length / 2, -build.back + 0.01 - rise)
    parts = _tail(build, rear, turn)
    parts += _legs(build, turn, (0.5, 0.0), Tone.DARK)
    parts += _legs(build, turn, (0.25, 0.75), Tone.BODY)
    parts.append(_trunk(figure, build, front, rear))
    return parts + _neck_and_head(figure, build, front, turn)


def _legs(build: _Beast, turn: float, offsets: tuple[float, float], tone: Tone) -> list[Part]:
    parts: list[Part] = []
    length = build.back - build.depth * 0.55
    for x, offset, is_front in ((build.length * 0.40, offsets[0], True), (-build.length * 0.42, offsets[1], False)):
        swing = 0.34 * math.sin(turn + 2 * math.pi * offset)
        bend = 0.55 * max(0.0, math.cos(turn + 2 * math.pi * offset))
        top = (x, -length)
        knee = reach(top, swing + (0.0 if is_front else 0.22), length * 0.52)
        foot = reach(knee, swing - bend * (1.0 if is_front else 0.8) - (0.0 if is_front else 0.20), length * 0.50)
        foot = (foot[0], min(foot[1], -build.leg * 0.4))
        parts += chain([top, knee, foot], [min(build.leg * 1.8, build.depth * 0.42), build.leg, build.leg * 0.72], tone)
        parts.append(
            capsule(foot, (foot[0] + build.leg * 0.9, foot[1] + 0.004), build.leg * 0.75, build.leg * 0.6, tone)
        )
    return parts


def _trunk(figure: Figure, build: _Beast, front: Point, rear: Point) -> Part:
    deep = build.depth
    hump = 0.0
    if figure is Figure.CAMEL:
        hump = 0.20
    middle_y = (front[1] + rear[1]) / 2
    return blob(
        [
            (front[0] + 0.05, front[1] + deep * 0.42),
            (front[0] - 0.02, front[1] + 0.01),
            (front[0] * 0.45, middle_y + 0.005 - hump * 0.3),
            (0.0, middle_y + 0.008 - hump),
            (rear[0] * 0.45, middle_y - 0.005 - hump * 0.3),
            (rear[0] + 0.02, rear[1]),
            (rear[0] - 0.05, rear[1] + deep * 0.45),
            (rear[0] + 0.06, rear[1] + deep * 0.86),
            (0.0, middle_y + deep * 0.92),
            (front[0] - 0.06, front[1] + deep * 1.0),
        ]
    )


def _tail(build: _Beast, rear: Point, turn: float) -> list[Part]:
    wave = 0.16 * math.sin(turn)
    angle = -math.pi / 2 + build.tail_droop
    points, radii = [(rear[0] + 0.01, rear[1] + 0.05)], [build.leg * 0.8]
    for step in range(4):
        angle += (0.22 if build.tail_droop < 0 else 0.10) * (1 if step else 0) * (
            -1 if build.tail_droop < 0 else 1
        ) + wave * 0.5
        points.append(reach(points[-1], angle, build.tail / 4))
        radii.append(max(0.012, build.leg * (0.75 - 0.14 * step)))
    return chain(points, radii)


def _neck_and_head(figure: Figure, build: _Beast, front: Point, turn: float) -> list[Part]:
    nod = 0.05 * math.sin(2 * turn + 0.6)
    rise = math.pi / 2 + build.lift + nod
    start = (front[0] - 0.03, front[1] + build.depth * 0.34)
    poll = reach((start[0], start[1] - 0.04), rise, build.neck + build.depth * 0.15)
    parts = [capsule(start, poll, build.neck_width * 1.75, build.neck_width * 0.85)]
    if figure is Figure.CAMEL:  # its neck hangs through before it rises
        low = (start[0] + 0.15, start[1] + 0.035)
        poll = (start[0] + 0.27, start[1] - build.neck * 0.62 + 0.02 * math.sin(2 * turn + 0.6))
        parts = chain([start, low, poll], [build.neck_width * 1.9, build.neck_width * 1.15, build.neck_width * 0.8])
    nose = reach(poll, 1.02 + nod, build.muzzle + build.skull * 0.6)
    parts.append(ellipse(*poll, build.skull, build.skull * 0.92))
    parts.append(capsule(poll, nose, build.skull * 0.78, build.skull * 0.46))
    parts += _ears(figure, build, poll)
    if figure is Figure.HORSE:
        back = [
            (poll[0] - 0.03, poll[1] - 0.06),
            (poll[0] - 0.09, poll[1] + 0.05),
            (start[0] - 0.13, start[1] - 0.10),
            (start[0] - 0.03, start[1] - 0.07),
        ]
        parts.append(blob(back, Tone.DARK))
    if figure is Figure.DEER:
        parts += _antlers(poll)
    if figure is Figure.ELEPHANT:
        parts += _elephant_face(poll, turn)
    eye = (poll[0] + build.skull * 0.42, poll[1] - build.skull * 0.18)
    return [*parts, ellipse(*eye, build.skull * 0.11, build.skull * 0.12, Tone.DARK)]


def _ears(figure: Figure, build: _Beast, poll: Point) -> list[Part]:
    if not build.ear:
        return []
    x, y, size = poll[0] - build.skull * 0.25, poll[1] - build.skull * 0.6, build.ear
    if figure is Figure.BEAR:
        return [ellipse(x, y - 0.01, size * 0.55, size * 0.55)]
    lean = 0.55 if figure in (Figure.DOG, Figure.DEER) else 0.1
    width = size * (0.62 if figure is Figure.CAT else 0.34)
    far = [
        (x + build.skull * 0.45, y + 0.01),
        (x + build.skull * 0.45 + width, y + 0.012),
        (x + build.skull * 0.5 + width * 0.3, y - size * 0.85),
    ]
    near = [(x - width * 0.7, y + 0.02), (x + width * 0.6, y + 0.01), (x - lean * size * 0.6, y - size)]
    return [polygon(far, Tone.DARK), polygon(near)]


def _antlers(poll: Point) -> list[Part]:
    parts: list[Part] = []
    for side in (-1.0, 1.0):
        base = (poll[0] - 0.01, poll[1] - 0.04)
        middle = (base[0] + 0.05 * side - 0.02, base[1] - 0.10)
        tip = (base[0] + 0.12 * side - 0.01, base[1] - 0.21)
        parts += chain([base, middle, tip], [0.013, 0.011, 0.006], Tone.LIGHT)
        parts.append(capsule(middle, (middle[0] + 0.05, middle[1] - 0.06), 0.010, 0.005, Tone.LIGHT))
        parts.append(
            capsule(
                (middle[0] + 0.03 * side, middle[1] - 0.05),
                (middle[0] + 0.03 * side + 0.045, middle[1] - 0.11),
                0.008,
                0.004,
                Tone.LIGHT,
            )
        )
    return parts


def _elephant_face(poll: Point, turn: float) -> list[Part]:
    sway = 0.10 * math.sin(turn)
    points, radii, angle = [(poll[0] + 0.12, poll[1] + 0.06)], [0.085], 0.25
    for step in range(5):
        angle += -0.10 + sway * 0.4 + (0.16 if step > 3 else 0.0)
        points.append(reach(points[-1], angle, 0.125))
        radii.append(0.072 - 0.010 * step)
    flap = 0.03 * math.sin(turn * 0.5)
    ear = blob(
        [
            (poll[0] - 0.02, poll[1] - 0.14),
            (poll[0] - 0.20 - flap, poll[1] - 0.16),
            (poll[0] - 0.25 - flap, poll[1] + 0.06),
            (poll[0] - 0.10, poll[1] + 0.20),
            (poll[0] + 0.0, poll[1] + 0.06),
        ],
        Tone.DARK,
    )
    tusk = chain(
        [(poll[0] + 0.13, poll[1] + 0.13), (poll[0] + 0.21, poll[1] + 0.21), (poll[0] + 0.30, poll[1] + 0.22)],
        [0.022, 0.018, 0.006],
        Tone.WHITE,
    )
    return [*chain(points, radii), *tusk, ear]


def bird(phase: float) -> list[Part]:
    """A gliding, flapping bird, seen from the side; its wings beat about its middle, half a unit up."""
    beat = math.sin(2 * math.pi * phase)
    tip_y, mid_y = -0.5 - 0.42 * beat, -0.5 - 0.24 * beat - 0.04
    far = blob(
        [(0.10, -0.52), (0.02, mid_y - 0.05), (-0.14, tip_y + 0.05), (-0.12, mid_y + 0.06), (-0.14, -0.50)], Tone.DARK
    )
    body = blob(
        [
            (0.40, -0.52),
            (0.28, -0.585),
            (0.05, -0.57),
            (-0.25, -0.53),
            (-0.46, -0.56),
            (-0.48, -0.50),
            (-0.22, -0.47),
            (0.08, -0.43),
            (0.28, -0.46),
        ]
    )
    beak = polygon([(0.37, -0.545), (0.48, -0.51), (0.37, -0.49)], Tone.LIGHT)
    near = blob(
        [(0.16, -0.54), (0.10, mid_y), (-0.06, tip_y), (-0.16, tip_y + 0.02), (-0.10, mid_y + 0.09), (-0.14, -0.46)],
        Tone.LIGHT,
    )
    return [far, body, beak, ellipse(0.31, -0.54, 0.014, 0.014, Tone.DARK), near]


def fish(phase: float) -> list[Part]:
    """A swimming fish, its middle half a unit up."""
    sway = 0.10 * math.sin(2 * math.pi * phase)
    body = blob(
        [
            (0.5, -0.48),
            (0.28, -0.66),
            (-0.02, -0.70),
            (-0.30, -0.56 + sway * 0.5),
            (-0.42, -0.50 + sway),
            (-0.30, -0.42 + sway * 0.5),
            (0.0, -0.30),
            (0.30, -0.33),
        ]
    )
    tail = blob(
        [(-0.38, -0.50 + sway), (-0.58, -0.72 + 2 * sway), (-0.54, -0.50 + 1.6 * sway), (-0.60, -0.27 + 2 * sway)],
        Tone.DARK,
    )
    fin = polygon([(0.10, -0.68), (-0.06, -0.86), (-0.14, -0.64)], Tone.DARK)
    belly = blob(
        [(0.46, -0.45), (0.26, -0.42), (-0.05, -0.40), (-0.25, -0.45), (0.0, -0.315), (0.28, -0.345)], Tone.LIGHT
    )
    return [tail, fin, body, belly, ellipse(0.34, -0.54, 0.024, 0.024, Tone.DARK)]
