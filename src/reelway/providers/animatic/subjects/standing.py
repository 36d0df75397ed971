"""Things that stand: buildings, plants and products. `phase` counts seconds; plants sway by it."""

import math

import numpy as np

from reelway.providers.animatic.subjects.shapes import Part, Tone, blob, box, capsule, chain, ellipse, polygon


def house(phase: float) -> list[Part]:
    walls = [box(-0.50, -0.55, 0.50, 0.0), box(0.10, -0.55, 0.50, 0.0, Tone.LIGHT)]
    roof = [polygon([(-0.62, -0.52), (-0.36, -1.0), (0.36, -1.0), (0.62, -0.52)], Tone.DARK)]
    chimney = box(0.20, -1.08, 0.32, -0.80, Tone.DARK)
    panes = [box(x, -0.42, x + 0.15, -0.22, Tone.GLOW) for x in (-0.40, 0.24)]
    bars = [box(x + 0.068, -0.42, x + 0.082, -0.22, Tone.DARK) for x in (-0.40, 0.24)]
    return [chimney, *walls, *roof, *panes, *bars, box(-0.12, -0.36, 0.06, 0.0, Tone.DARK)]


def tower(phase: float) -> list[Part]:
    body = polygon([(-0.13, 0.0), (-0.11, -0.80), (0.11, -0.80), (0.13, 0.0)])
    lit = polygon([(0.02, 0.0), (0.02, -0.80), (0.11, -0.80), (0.13, 0.0)], Tone.LIGHT)
    top = [box(-0.14, -0.84, 0.14, -0.79, Tone.DARK), polygon([(-0.10, -0.84), (0.0, -0.99), (0.10, -0.84)], Tone.DARK)]
    panes = [
        box(x - 0.014, y, x + 0.014, y + 0.035, Tone.GLOW)
        for y in np.arange(-0.74, -0.08, 0.075)
        for x in (-0.06, 0.0, 0.06)
    ]
    return [body, lit, *top, capsule((0, -0.98), (0, -1.06), 0.006, 0.003, Tone.DARK), *panes]


def castle(phase: float) -> list[Part]:
    parts: list[Part] = [box(-0.62, -0.42, 0.62, 0.0)]
    for x, wide, tall in ((-0.62, 0.13, 0.66), (0.62, 0.13, 0.66), (-0.20, 0.12, 0.80), (0.24, 0.15, 0.74)):
        parts.append(box(x - wide, -tall, x + wide, 0.0))
        parts.append(box(x + wide * 0.15, -tall, x + wide, 0.0, Tone.LIGHT))
        if wide < 0.15:
            parts.append(polygon([(x - wide * 1.25, -tall), (x, -tall - 0.22), (x + wide * 1.25, -tall)], Tone.DARK))
        else:
            parts += _battlements(x - wide, x + wide, -tall)
    parts += _battlements(-0.49, 0.49, -0.42)
    parts += [
        box(x - 0.016, y, x + 0.016, y + 0.06, Tone.GLOW)
        for x, y in ((-0.62, -0.50), (0.62, -0.50), (-0.20, -0.62), (0.24, -0.56))
    ]
    gate = blob([(-0.09, 0.0), (-0.09, -0.18), (0.0, -0.27), (0.09, -0.18), (0.09, 0.0)], Tone.DARK)
    return [*parts, gate]


def _battlements(left: float, right: float, y: float) -> list[Part]:
    count = max(3, round((right - left) / 0.09))
    step = (right - left) / count
    return [
        box(left + step * (index + 0.1), y - 0.05, left + step * (index + 0.62), y + 0.01) for index in range(count)
    ]


def mosque(phase: float) -> list[Part]:
    parts: list[Part] = []
    for x in (-0.72, 0.72, -0.46, 0.46):
        tall = 0.92 if abs(x) > 0.6 else 0.74
        parts += [
            box(x - 0.035, -tall, x + 0.035, 0.0, Tone.LIGHT if x > 0 else Tone.BODY),
            box(x - 0.055, -tall * 0.72, x + 0.055, -tall * 0.68, Tone.DARK),
        ]
        parts += [_dome(x, -tall, 0.045), capsule((x, -tall - 0.05), (x, -tall - 0.11), 0.006, 0.003, Tone.DARK)]
    parts.append(box(-0.76, -0.13, 0.76, 0.0))
    parts += [box(-0.42, -0.40, 0.42, 0.0), box(0.08, -0.40, 0.42, 0.0, Tone.LIGHT), box(-0.16, -0.50, 0.16, -0.38)]
    parts += [_dome(-0.28, -0.40, 0.10), _dome(0.28, -0.40, 0.10), _dome(0.0, -0.50, 0.20)]
    parts.append(capsule((0, -0.78), (0, -0.92), 0.010, 0.004, Tone.DARK))
    parts.append(ellipse(0.0, -0.945, 0.018, 0.018, Tone.GLOW))
    for x, wide, tall in ((0.0, 0.085, 0.27), (-0.28, 0.05, 0.18), (0.28, 0.05, 0.18)):
        arch = [(x - wide, 0.0), (x - wide, -tall * 0.62), (x, -tall), (x + wide, -tall * 0.62), (x + wide, 0.0)]
        parts.append(polygon(arch, Tone.DARK))
        parts.append(polygon([(x + (px - x) * 0.7, py * 0.86) for px, py in arch], Tone.GLOW))
    return parts


def _dome(x: float, y: float, radius: float) -> Part:
    outline = [
        (-0.86, 0.0),
        (-1.02, -0.38),
        (-0.74, -0.88),
        (-0.22, -1.22),
        (0.0, -1.46),
        (0.22, -1.22),
        (0.74, -0.88),
        (1.02, -0.38),
        (0.86, 0.0),
    ]
    return blob([(x + px * radius, y + py * radius) for px, py in outline], Tone.WHITE)


def lighthouse(phase: float) -> list[Part]:
    """A striped tower; its light goes round once in four seconds."""
    rock = blob([(-0.34, 0.02), (-0.22, -0.08), (0.0, -0.12), (0.24, -0.07), (0.36, 0.02)], Tone.DARK)
    parts = [rock, polygon([(-0.115, -0.08), (-0.075, -0.80), (0.075, -0.80), (0.115, -0.08)], Tone.WHITE)]
    for low, high in ((-0.22, -0.36), (-0.50, -0.64)):
        half = [0.115 - 0.04 * (-y - 0.08) / 0.72 for y in (low, high)]
        parts.append(polygon([(-half[0], low), (-half[1], high), (half[1], high), (half[0], low)]))
    sweep = math.cos(2 * math.pi * phase / 4)
    if abs(sweep) > 0.1:
        far = 1.9 * sweep
        parts.insert(
            0, polygon([(0, -0.86), (far, -0.86 - 0.16 * abs(sweep)), (far, -0.86 + 0.20 * abs(sweep))], Tone.BEAM)
        )
    parts += [box(-0.10, -0.82, 0.10, -0.79, Tone.DARK), box(-0.06, -0.90, 0.06, -0.82, Tone.GLOW)]
    return [*parts, polygon([(-0.085, -0.90), (0.0, -1.0), (0.085, -0.90)], Tone.DARK)]


def palm(phase: float) -> list[Part]:
    sway = 0.03 * math.sin(2 * math.pi * phase * 0.35)
    spine = [(0.16 * share**1.8 - 0.06 + sway * share**2, -0.84 * share) for share in np.linspace(0, 1, 8)]
    parts = chain(spine, list(np.linspace(0.034, 0.018, 8)), Tone.DARK)
    x, y = spine[-1]
    for index, angle in enumerate(np.linspace(-2.95, -0.2, 11)):
        along = np.linspace(0, 1, 9)
        reach = 0.36 + 0.05 * math.sin(index * 2.1)
        xs = x + math.cos(angle) * reach * along + sway * along
        ys = y + math.sin(angle) * reach * along * 0.75 + 0.34 * along**2.2
        wide = 0.030 * np.sin(math.pi * np.clip(along * 0.9 + 0.06, 0, 1))
        outline = [*zip(xs, ys - wide, strict=True), *zip(xs[::-1], (ys + wide * 1.3)[::-1], strict=True)]
        parts.append(polygon([(float(px), float(py)) for px, py in outline], Tone.GREEN if index % 2 else Tone.BODY))
    return parts


def cactus(phase: float) -> list[Part]:
    parts = [capsule((0, 0), (0, -0.92), 0.085, 0.075)]
    parts += chain([(0.06, -0.42), (0.24, -0.44), (0.25, -0.70)], [0.055, 0.058, 0.050])
    parts += chain([(-0.06, -0.30), (-0.22, -0.33), (-0.23, -0.54)], [0.052, 0.052, 0.044])
    parts += [capsule((x, -0.03), (x, -0.90), 0.006, 0.006, Tone.DARK) for x in (-0.045, -0.005)]
    return [*parts, capsule((0.045, -0.04), (0.045, -0.90), 0.014, 0.012, Tone.GREEN)]


def flower(phase: float) -> list[Part]:
    """A large open flower that nods."""
    nod = 0.035 * math.sin(2 * math.pi * phase * 0.3)
    x, y = 0.03 + nod, -0.72
    parts = chain([(0.0, 0.0), (0.03, -0.3), (x, y)], [0.016, 0.013, 0.011], Tone.GREEN)
    parts.append(blob([(0.02, -0.22), (0.16, -0.36), (0.24, -0.34), (0.14, -0.24)], Tone.GREEN))
    parts.append(blob([(0.01, -0.14), (-0.15, -0.27), (-0.22, -0.25), (-0.12, -0.15)], Tone.GREEN))
    for ring, (count, far, size) in enumerate(((13, 0.19, 0.088), (11, 0.135, 0.072), (8, 0.085, 0.055))):
        for petal in range(count):
            angle = 2 * math.pi * (petal + 0.5 * ring) / count + nod
            place = (x + far * math.cos(angle), y + far * math.sin(angle) * 0.94)
            parts.append(ellipse(*place, size * 1.25, size * 0.52, Tone.LIGHT if ring % 2 else Tone.BODY, turn=angle))
    return [*parts, ellipse(x, y, 0.062, 0.058, Tone.DARK), ellipse(x + 0.012, y - 0.012, 0.036, 0.032, Tone.SKIN)]


def bottle(phase: float) -> list[Part]:
    body = box(-0.21, -0.66, 0.21, 0.0, radius=0.07)
    parts = [
        body,
        box(0.06, -0.63, 0.17, -0.03, Tone.LIGHT, radius=0.04),
        box(-0.17, -0.60, -0.13, -0.08, Tone.WHITE, radius=0.018),
    ]
    parts += [box(-0.075, -0.76, 0.075, -0.65, Tone.LIGHT), box(-0.095, -1.0, 0.095, -0.75, Tone.DARK, radius=0.02)]
    parts += [box(0.03, -0.98, 0.055, -0.77, Tone.WHITE, radius=0.01)]
    return [
        *parts,
        box(-0.135, -0.42, 0.135, -0.17, Tone.WHITE, radius=0.012),
        box(-0.09, -0.33, 0.09, -0.30, Tone.DARK),
        box(-0.06, -0.26, 0.06, -0.24, Tone.DARK),
    ]


def cup(phase: float) -> list[Part]:
    """A cup on a saucer; steam curls up from it."""
    parts: list[Part] = []
    for index, x in enumerate((-0.10, 0.02, 0.13)):
        lift = (phase * 0.35 + index / 3) % 1
        spine = [
            (x + 0.05 * math.sin(6 * share + 5 * lift + index), -0.58 - 0.30 * lift - 0.22 * share)
            for share in np.linspace(0, 1, 6)
        ]
        parts += chain(spine, list(0.020 * (1 - lift) * np.array([0.3, 0.8, 1, 0.9, 0.6, 0.2])), Tone.STEAM)
    parts.append(ellipse(0.0, -0.03, 0.52, 0.055, Tone.LIGHT))
    for turn in np.linspace(-1.35, 1.35, 15):
        place = (0.34 + 0.13 * math.cos(turn), -0.32 + 0.15 * math.sin(turn))
        parts.append(ellipse(*place, 0.034, 0.034))
    parts.append(
        blob(
            [(-0.36, -0.56), (-0.33, -0.22), (-0.16, -0.05), (0.16, -0.05), (0.33, -0.22), (0.36, -0.56), (0.0, -0.60)]
        )
    )
    parts.append(blob([(0.10, -0.55), (0.30, -0.54), (0.27, -0.22), (0.13, -0.09), (0.17, -0.26)], Tone.LIGHT))
    return [*parts, ellipse(0.0, -0.565, 0.36, 0.062, Tone.LIGHT), ellipse(0.0, -0.56, 0.31, 0.048, Tone.DARK)]


def phone(phase: float) -> list[Part]:
    """A telephone upright; a light runs over its screen."""
    sweep = (phase * 0.22) % 1.6 - 0.3
    parts = [box(-0.25, -1.0, 0.25, 0.0, Tone.DARK, radius=0.07), box(-0.225, -0.975, 0.225, -0.025, radius=0.055)]
    low, high = -0.96 + 0.90 * sweep, -0.96 + 0.90 * (sweep + 0.16)
    if low > -0.93 and high < -0.06:
        parts.append(polygon([(-0.21, high), (-0.21, low + 0.12), (0.21, low), (0.21, high - 0.12)], Tone.LIGHT))
    parts += [ellipse(0, -0.62, 0.11, 0.11, Tone.LIGHT), box(-0.13, -0.42, 0.13, -0.39, Tone.WHITE, radius=0.012)]
    return [
        *parts,
        box(-0.09, -0.34, 0.09, -0.32, Tone.WHITE, radius=0.008),
        box(-0.06, -0.955, 0.06, -0.925, Tone.DARK, radius=0.014),
    ]


def watch(phase: float) -> list[Part]:
    """A wrist watch; its second hand runs."""
    parts = [
        polygon([(-0.15, 0.0), (-0.19, -0.30), (0.19, -0.30), (0.15, 0.0)]),
        polygon([(-0.15, -1.0), (-0.19, -0.70), (0.19, -0.70), (0.15, -1.0)]),
    ]
    parts += [
        ellipse(0, -0.5, 0.29, 0.29, Tone.DARK),
        ellipse(0, -0.5, 0.265, 0.265, Tone.LIGHT),
        ellipse(0, -0.5, 0.225, 0.225, Tone.WHITE),
    ]
    for hour in range(12):
        angle = math.pi * hour / 6
        inner, outer = ((share * math.sin(angle), -0.5 - share * math.cos(angle)) for share in (0.175, 0.20))
        parts.append(capsule(inner, outer, 0.007, 0.007, Tone.DARK))
    hands = ((phase / 720 + 0.83, 0.11, 0.013), (phase / 60 + 0.17, 0.165, 0.010), (phase / 12, 0.185, 0.005))
    for share, length, half in hands:
        angle = 2 * math.pi * share
        parts.append(
            capsule((0, -0.5), (length * math.sin(angle), -0.5 - length * math.cos(angle)), half, half * 0.6, Tone.DARK)
        )
    return [*parts, box(0.27, -0.53, 0.33, -0.47, Tone.DARK, radius=0.015)]


def package(phase: float) -> list[Part]:
    """A box with a ribbon."""
    front = polygon([(-0.42, -0.62), (0.16, -0.56), (0.16, 0.03), (-0.42, -0.04)])
    side = polygon([(0.16, -0.56), (0.48, -0.66), (0.48, -0.10), (0.16, 0.03)], Tone.DARK)
    top = polygon([(-0.42, -0.62), (-0.08, -0.72), (0.48, -0.66), (0.16, -0.56)], Tone.LIGHT)
    ribbon = [
        polygon([(-0.18, -0.596), (-0.08, -0.585), (-0.08, 0.0), (-0.18, -0.012)], Tone.WHITE),
        polygon([(-0.18, -0.596), (0.16, -0.695), (0.25, -0.685), (-0.08, -0.585)], Tone.WHITE),
    ]
    bow = [
        blob([(0.03, -0.64), (-0.16, -0.80), (-0.20, -0.70)], Tone.WHITE),
        blob([(0.03, -0.64), (0.22, -0.82), (0.27, -0.72)], Tone.WHITE),
    ]
    return [front, side, top, *ribbon, *bow, ellipse(0.03, -0.65, 0.035, 0.03, Tone.WHITE)]


def shoe(phase: float) -> list[Part]:
    upper = blob(
        [
            (-0.66, -0.12),
            (-0.68, -0.46),
            (-0.58, -0.72),
            (-0.30, -0.66),
            (-0.05, -0.52),
            (0.30, -0.36),
            (0.66, -0.27),
            (0.76, -0.14),
            (0.30, -0.10),
        ]
    )
    sole = blob(
        [
            (-0.72, -0.14),
            (-0.70, 0.0),
            (-0.20, 0.0),
            (0.10, -0.03),
            (0.70, 0.0),
            (0.82, -0.10),
            (0.60, -0.15),
            (0.0, -0.13),
        ],
        Tone.WHITE,
    )
    swoosh = blob([(-0.42, -0.22), (-0.10, -0.26), (0.34, -0.30), (-0.06, -0.17), (-0.36, -0.14)], Tone.LIGHT)
    laces = [
        capsule((x - 0.09, y - 0.05), (x + 0.08, y + 0.06), 0.016, 0.016, Tone.WHITE)
        for x, y in ((-0.10, -0.50), (0.02, -0.44), (0.14, -0.385))
    ]
    collar = blob([(-0.60, -0.71), (-0.42, -0.735), (-0.28, -0.655), (-0.42, -0.62)], Tone.DARK)
    return [upper, swoosh, collar, *laces, sole]
