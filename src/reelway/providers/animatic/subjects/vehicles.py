"""Vehicles. `phase` counts turns of the wheels, or beats of whatever drives them."""

import math

from reelway.providers.animatic.subjects.shapes import (
    Part,
    Tone,
    blob,
    box,
    capsule,
    chain,
    ellipse,
    moved,
    polygon,
    wheel,
)


def car(phase: float) -> list[Part]:
    turn = 2 * math.pi * phase
    bounce = 0.006 * math.sin(turn * 0.7)
    body = blob(
        [
            (1.28, -0.30),
            (1.20, -0.50),
            (0.78, -0.58),
            (0.40, -0.93),
            (-0.02, -1.0),
            (-0.52, -0.96),
            (-0.90, -0.64),
            (-1.24, -0.58),
            (-1.30, -0.34),
            (-1.20, -0.20),
            (1.20, -0.19),
        ]
    )
    front = polygon([(0.62, -0.58), (0.34, -0.86), (0.02, -0.91), (0.02, -0.58)], Tone.GLASS)
    rear = polygon([(-0.06, -0.58), (-0.06, -0.91), (-0.46, -0.88), (-0.72, -0.61)], Tone.GLASS)
    trim = [box(-1.16, -0.33, 1.16, -0.29, Tone.DARK), box(-0.06, -0.50, 0.06, -0.47, Tone.DARK)]
    lamps = [ellipse(1.18, -0.44, 0.06, 0.045, Tone.GLOW), box(-1.27, -0.50, -1.20, -0.42, Tone.LIGHT)]
    return [
        *moved([body, front, rear, *trim, *lamps], 0, bounce),
        *wheel(0.76, -0.20, 0.20, turn),
        *wheel(-0.76, -0.20, 0.20, turn),
    ]


def bus(phase: float) -> list[Part]:
    turn = 2 * math.pi * phase
    panes = [
        box(x, -0.84, x + 0.22, -0.55, Tone.GLASS, radius=0.03) for x in (-1.05, -0.78, -0.51, -0.24, 0.03, 0.30, 0.57)
    ]
    body = box(-1.18, -0.98, 1.15, -0.13, radius=0.09)
    front = box(0.86, -0.84, 1.12, -0.46, Tone.GLASS, radius=0.03)
    stripe = box(-1.18, -0.44, 1.15, -0.38, Tone.LIGHT)
    return [
        body,
        stripe,
        *panes,
        front,
        ellipse(1.12, -0.24, 0.035, 0.04, Tone.GLOW),
        *wheel(0.72, -0.15, 0.15, turn),
        *wheel(-0.70, -0.15, 0.15, turn),
    ]


def train(phase: float) -> list[Part]:
    """A locomotive and three carriages."""
    turn = 2 * math.pi * phase
    engine = blob(
        [
            (1.85, -0.16),
            (1.86, -0.42),
            (1.62, -0.80),
            (1.30, -0.92),
            (0.72, -0.92),
            (0.70, -0.50),
            (0.72, -0.14),
            (1.2, -0.13),
        ]
    )
    parts: list[Part] = [engine, polygon([(1.72, -0.60), (1.60, -0.76), (1.36, -0.82), (1.36, -0.58)], Tone.GLASS)]
    parts += [box(0.72, -0.40, 1.85, -0.33, Tone.LIGHT), ellipse(1.80, -0.30, 0.035, 0.035, Tone.GLOW)]
    for start in (-0.42, -1.56, -2.70):
        parts.append(box(start, -0.90, start + 1.08, -0.14, radius=0.04))
        parts.append(box(start, -0.40, start + 1.08, -0.33, Tone.LIGHT))
        parts += [
            box(start + 0.08 + 0.24 * pane, -0.78, start + 0.25 + 0.24 * pane, -0.52, Tone.GLASS) for pane in range(4)
        ]
        parts.append(box(start + 1.08, -0.34, start + 1.15, -0.26, Tone.DARK))
    for x in (-2.50, -1.85, -1.36, -0.71, -0.22, 0.43, 0.95, 1.55):
        parts += wheel(x, -0.10, 0.10, turn, spokes=3)
    return parts


def bicycle(phase: float) -> list[Part]:
    """A bicycle and its rider, pedalling."""
    turn = 2 * math.pi * phase
    parts: list[Part] = []
    for x in (0.34, -0.34):
        parts += [ellipse(x, -0.22, 0.22, 0.22, Tone.DARK), ellipse(x, -0.22, 0.19, 0.19, Tone.GLASS)]
        for spoke in range(6):
            angle = turn + math.pi * spoke / 6
            across, down = 0.19 * math.cos(angle), 0.19 * math.sin(angle)
            parts.append(capsule((x - across, -0.22 - down), (x + across, -0.22 + down), 0.005, 0.005, Tone.LIGHT))
    crank, seat, head = (-0.02, -0.22), (-0.14, -0.50), (0.24, -0.50)
    for start, end in (
        (crank, seat),
        (crank, head),
        (seat, head),
        (crank, (-0.34, -0.22)),
        (seat, (-0.34, -0.22)),
        (head, (0.34, -0.22)),
    ):
        parts.append(capsule(start, end, 0.016, 0.016))
    parts.append(capsule((-0.20, -0.53), (-0.08, -0.53), 0.02, 0.015, Tone.DARK))
    for offset, tone in ((math.pi, Tone.DARK), (0.0, Tone.BODY)):
        pedal = (crank[0] + 0.085 * math.cos(turn * 0.5 + offset), crank[1] + 0.085 * math.sin(turn * 0.5 + offset))
        knee = ((seat[0] + pedal[0]) / 2 + 0.13, (seat[1] - 0.03 + pedal[1]) / 2 - 0.04)
        parts += chain([(-0.13, -0.56), knee, pedal], [0.045, 0.036, 0.022], tone)
    parts.append(capsule((-0.12, -0.58), (0.06, -0.82), 0.062, 0.066))
    parts += chain([(0.07, -0.82), (0.17, -0.68), (0.27, -0.58)], [0.032, 0.026, 0.020], Tone.LIGHT)
    return [
        *parts,
        ellipse(0.12, -0.93, 0.055, 0.062, Tone.SKIN),
        blob([(0.07, -0.92), (0.08, -0.99), (0.16, -1.0), (0.18, -0.95)], Tone.DARK),
    ]


def sailboat(phase: float) -> list[Part]:
    heel = 0.04 * math.sin(2 * math.pi * phase * 0.22)
    hull = blob([(0.42, -0.13), (0.30, 0.01), (-0.28, 0.01), (-0.38, -0.12), (0.0, -0.105)])
    stripe = polygon([(0.40, -0.125), (-0.375, -0.115), (-0.37, -0.095), (0.385, -0.10)], Tone.WHITE)
    main = blob([(-0.01, -0.97), (-0.05, -0.55), (-0.33, -0.20), (-0.02, -0.19)], Tone.WHITE)
    jib = blob([(0.03, -0.88), (0.12, -0.52), (0.36, -0.19), (0.04, -0.21)], Tone.LIGHT)
    mast = capsule((0.01, -0.10), (0.01, -1.0), 0.010, 0.006, Tone.DARK)
    return moved([main, jib, mast, hull, stripe], turn=heel)


def ship(phase: float) -> list[Part]:
    heel = 0.012 * math.sin(2 * math.pi * phase * 0.18)
    hull = polygon([(1.35, -0.34), (1.12, 0.02), (-1.05, 0.02), (-1.18, -0.30), (0.9, -0.27)])
    water_line = polygon([(1.16, -0.05), (1.12, 0.02), (-1.05, 0.02), (-1.07, -0.05)], Tone.LIGHT)
    decks = [
        box(-0.95, -0.48, 0.62, -0.28, Tone.WHITE),
        box(-0.85, -0.64, 0.40, -0.48, Tone.WHITE),
        box(-0.15, -0.78, 0.25, -0.64, Tone.WHITE),
    ]
    panes = [box(x * 0.13 - 0.80, -0.58, x * 0.13 - 0.73, -0.53, Tone.GLASS) for x in range(9)]
    panes += [box(x * 0.13 - 0.88, -0.42, x * 0.13 - 0.81, -0.36, Tone.GLASS) for x in range(11)]
    funnel = polygon([(-0.55, -0.64), (-0.52, -0.95), (-0.34, -0.95), (-0.32, -0.64)])
    band = box(-0.53, -0.88, -0.33, -0.82, Tone.DARK)
    mast = capsule((0.08, -0.78), (0.08, -1.0), 0.012, 0.008, Tone.DARK)
    return moved([hull, water_line, *decks, *panes, funnel, band, mast], turn=heel)


def aeroplane(phase: float) -> list[Part]:
    """An airliner, its middle half a unit up."""
    pitch = 0.02 * math.sin(2 * math.pi * phase * 0.2)
    far_wing = polygon([(0.20, -0.52), (-0.18, -0.80), (-0.34, -0.80), (-0.10, -0.52)], Tone.DARK)
    body = blob(
        [
            (1.25, -0.46),
            (1.10, -0.58),
            (0.80, -0.64),
            (-0.70, -0.62),
            (-1.22, -0.60),
            (-1.15, -0.52),
            (-0.60, -0.38),
            (0.80, -0.34),
            (1.12, -0.38),
        ],
        Tone.WHITE,
    )
    fin = polygon([(-0.85, -0.60), (-1.22, -1.0), (-1.40, -1.0), (-1.20, -0.58)])
    tail = polygon([(-0.92, -0.55), (-1.28, -0.50), (-1.40, -0.50), (-1.18, -0.58)], Tone.DARK)
    wing = polygon([(0.32, -0.45), (-0.45, -0.05), (-0.66, -0.05), (-0.20, -0.45)], Tone.LIGHT)
    engine = blob([(0.20, -0.30), (0.18, -0.19), (-0.12, -0.20), (-0.12, -0.29)], Tone.DARK)
    panes = [box(x * 0.11 - 0.66, -0.545, x * 0.11 - 0.61, -0.495, Tone.GLASS) for x in range(14)]
    nose = polygon([(1.06, -0.565), (0.93, -0.60), (0.93, -0.54), (1.08, -0.52)], Tone.GLASS)
    stripe = polygon([(1.2, -0.44), (-1.0, -0.48), (-0.95, -0.45), (1.18, -0.41)])
    return moved([far_wing, body, stripe, fin, tail, *panes, nose, engine, wing], turn=pitch)


def rocket(phase: float) -> list[Part]:
    """A rocket under power; its flame flickers."""
    flick = 0.05 * math.sin(2 * math.pi * phase * 3.7) + 0.03 * math.sin(2 * math.pi * phase * 7.3)
    flame = blob(
        [(-0.075, -0.20), (0.075, -0.20), (0.05, 0.02 + flick), (0.0, 0.20 + 2 * flick), (-0.05, 0.02 + flick)],
        Tone.GLOW,
    )
    body = blob(
        [(0.0, -1.0), (0.085, -0.84), (0.115, -0.60), (0.10, -0.24), (-0.10, -0.24), (-0.115, -0.60), (-0.085, -0.84)],
        Tone.WHITE,
    )
    nose = blob([(0.0, -1.005), (0.055, -0.90), (0.075, -0.85), (-0.075, -0.85), (-0.055, -0.90)])
    fins = [
        polygon([(side * 0.095, -0.46), (side * 0.22, -0.24), (side * 0.22, -0.15), (side * 0.09, -0.25)])
        for side in (-1, 1)
    ]
    nozzle = polygon([(-0.07, -0.245), (0.07, -0.245), (0.085, -0.19), (-0.085, -0.19)], Tone.DARK)
    shade = blob(
        [(0.02, -0.97), (0.085, -0.84), (0.115, -0.60), (0.10, -0.24), (0.05, -0.24), (0.065, -0.60)], Tone.LIGHT
    )
    return [
        flame,
        *fins,
        nozzle,
        body,
        shade,
        nose,
        ellipse(0, -0.66, 0.052, 0.052, Tone.DARK),
        ellipse(0, -0.66, 0.040, 0.040, Tone.GLASS),
        polygon([(-0.012, -0.42), (0.012, -0.42), (0.012, -0.20), (-0.012, -0.20)]),
    ]


def balloon(phase: float) -> list[Part]:
    sway = 0.03 * math.sin(2 * math.pi * phase * 0.15)
    envelope = [
        (0.0, -1.0),
        (0.24, -0.94),
        (0.36, -0.74),
        (0.31, -0.52),
        (0.14, -0.30),
        (-0.14, -0.30),
        (-0.31, -0.52),
        (-0.36, -0.74),
        (-0.24, -0.94),
    ]
    parts = [blob(envelope)]
    parts += [
        blob([(x * share, y) for x, y in envelope], tone)
        for share, tone in ((0.72, Tone.LIGHT), (0.42, Tone.BODY), (0.14, Tone.LIGHT))
    ]
    ropes = [capsule((side * 0.12, -0.31), (side * 0.055, -0.13), 0.004, 0.004, Tone.DARK) for side in (-1, 1)]
    flame = blob([(-0.02, -0.25), (0.02, -0.25), (0.0, -0.32)], Tone.GLOW)
    return moved([*parts, *ropes, flame, box(-0.065, -0.13, 0.065, -0.02, Tone.DARK, radius=0.015)], turn=sway)
