"""People, walking; an astronaut, floating. `phase` counts strides."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from reelway.providers.animatic.subjects.gait import footfall
from reelway.providers.animatic.subjects.shapes import Part, Point, Tone, blob, drawn, moved, polygon, reach, strip

_ON_GROUND: Final = 0.54  # share of a stride that a foot stands; a role's stride times half of this is the `step`
_PITCH_AT: Final = (0.0, 0.06, 0.30, 0.42, 0.54, 0.64, 0.76, 0.90, 1.0)
_PITCH: Final = (-0.30, 0.0, 0.0, 0.10, 0.52, 0.78, 0.36, -0.14, -0.30)  # the heel strikes first, the toes leave last


def _sketch(text: str) -> tuple[Part, ...]:
    """Parts from tones, each with its outline as `Outlines` writes them."""
    return drawn(tuple((Tone(tone), outline.strip()) for tone, outline in re.findall(r"([a-z]+)([^a-z]+)", text)))


@dataclass(frozen=True, slots=True)
class _Limb:
    """A leg or an arm in shares of the height: two bones, and the radii at five places from the root to the end.

    `bulge` is how far the calf stands out behind the shin.
    """

    bones: tuple[float, float]
    radii: tuple[float, float, float, float, float]
    bulge: float = 0.0


@dataclass(frozen=True, slots=True)
class _Build:
    """A body in shares of its height: its joints, its limbs, and the parts that keep their shape.

    The head is drawn about a point under the ear at the chin's height, which lies at `poll`; a shoe about the ankle; a
    hand about the wrist; the torso where it stands.
    """

    hip: float
    step: float
    leg: _Limb
    ankle: float  # its height over the sole
    ball: float  # how far ahead of the ankle a shoe bends
    shoulder: Point
    arm: _Limb
    swing: float
    poll: Point
    torso: tuple[Part, ...]
    head: tuple[Part, ...]
    shoe: tuple[Part, ...]
    hand: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class _Stance:
    """A leg at a moment: its joints, the shoe's turn, and how much of that turn the toes share."""

    hip: Point
    knee: Point
    ankle: Point
    pitch: float
    toes: float


_MAN: Final = _Build(
    hip=0.513,
    step=0.194,
    leg=_Limb((0.241, 0.240), (0.064, 0.056, 0.043, 0.037, 0.032)),
    ankle=0.046,
    ball=0.070,
    shoulder=(-0.006, -0.792),
    arm=_Limb((0.165, 0.145), (0.043, 0.040, 0.035, 0.032, 0.027)),
    swing=0.42,
    poll=(0.018, -0.866),
    torso=_sketch("""
        skin -3,92 3.6,91 4.2,85 6,80 -3,80 -2.8,86
        dark 3.6,83.6 6,81.6 7.6,77 7.9,70 7.4,64 4,70
        white -3.6,85.8 -0.4,84 3.4,83.4 4.8,82.2 6.3,77.5 6.9,70 3,69 -2,79
        black 3.6,82.8 5,82 5.3,80.6 6.6,75 6.8,70 5,71 4,76 4.2,80.4
        body -3.4,86 -0.6,83 2,79 4.6,73.5 7.2,67.4 7.3,60 7.7,53 8,48 5,46.8 -4,46.6 -7.6,47.4 -7,54 -6,61.5
            -7.6,70 -8,77 -6.6,82
        light -3.4,86.4 -0.6,83.2 2.2,79 4.8,73.2 6.8,67.6 3.6,71.6 0.6,76 1.2,77.6 -1.2,78.4 -4,84.4"""),
    head=_sketch("""
        skin 1,13 3.6,11.8 4.9,9.6 4.9,8 5.2,7 6.7,5 5.4,4.4 5.7,3.5 5.3,2.8 5.4,2 5,1.4 5.2,0.3 4.2,-0.7 2.4,-0.4
            -0.6,1.2 -3,3 -4.8,6 -4.6,10 -2,12.8
        black 5.3,11.4 4.4,13.2 1,14.2 -2.8,13.4 -5.4,10.4 -5.5,6.6 -4.4,2.8 -3,2.6 -2.2,4.6 -1.7,7 -0.4,7.4
            0.2,5 1.1,5.2 1.3,8 2.4,10.2
        skin -1.9,7 -0.9,7.7 0,6.8 -0.4,5.2 -1.2,4.4 -1.8,5.2
        black 3.2,7.4 3.8,7.7 4.3,7.2 4.1,6.5 3.5,6.5
        black 2.5,9.2 3.6,9.6 4.8,9.2 4.7,8.9 3.6,9.1"""),
    shoe=_sketch("black -3.2,2.6 0,3.2 3,2 6.5,-0.9 9.6,-2.2 10.6,-3.8 9.8,-4.6 3,-4.5 -3,-4.6 -4,-3.4 -3.8,-0.6"),
    hand=_sketch("skin -1.6,1.2 1.5,1.2 2.2,-1 2.7,-3.2 2.1,-4.2 1.3,-3.4 1.4,-5.6 0.4,-7 -1,-6.6 -1.9,-4 -1.9,-1.2"),
)
_WOMAN: Final = _Build(
    hip=0.520,
    step=0.194,
    leg=_Limb((0.241, 0.238), (0.060, 0.052, 0.033, 0.031, 0.016), bulge=0.007),
    ankle=0.056,
    ball=0.066,
    shoulder=(-0.008, -0.795),
    arm=_Limb((0.160, 0.140), (0.032, 0.028, 0.023, 0.021, 0.015)),
    swing=0.36,
    poll=(0.012, -0.869),
    torso=_sketch("""
        skin -2.2,92 2.6,91 2.5,86.4 3.6,83 5.2,78.6 3,76 -4,79 -2.6,84.4
        body -3.6,83.8 -1.4,81.4 1.4,79 5,78.4 6.8,76 7.4,73 6.6,69 4.8,63.6 4.8,60.6 0,60 -4.6,60.6 -4.5,63.6
            -5.6,70 -6.6,76 -6,81.6
        dark ^-4.7,62.8 0,62.4 5,63 5.2,60.8 0,60.2 -4.9,60.6"""),
    head=_sketch("""
        skin 1,12.6 3.4,11.6 4.7,9.6 4.7,8 5,7 6.3,5.2 5.1,4.5 5.5,3.6 5.1,2.9 5.3,2.2 4.8,1.5 4.9,0.4 3.9,-0.5 2,0
            -1.4,2.2 -3.6,6 -3.4,10 -1,12.4
        black 3,7.3 3.6,7.8 4.4,7.4 4.1,6.5 3.3,6.5
        black 2.4,9 3.5,9.4 4.6,9 4.5,8.7 3.5,9"""),
    shoe=_sketch("""
        dark -2.6,1 -1.6,0 0,-0.6 3.2,-0.8 6,-3.2 9.4,-4.2 9.8,-5.4 6,-5.6 3,-3.6 -1,-2.8 -1.8,-5.5 -2.8,-5.5"""),
    hand=_sketch("skin -1.1,1 1,1 1.5,-1 2,-3 1.5,-3.8 0.9,-3.2 1,-5.4 0.1,-6.8 -0.9,-6.2 -1.4,-3.8 -1.4,-1.2"),
)
_LONG_HAIR: Final = _sketch("""
    black 4.8,10.6 4.2,12.6 1.2,14 -2.6,13.4 -5.2,10.6 -5.8,6 -6,1 -7,-5 -7.8,-10 -8.4,-14.6 -5.6,-14 -3,-12
        -1.4,-8 -1,-3 -0.6,1 0,4.6 1,7.6 2.4,9.8""")
_CHILD: Final = _Build(
    hip=0.446,
    step=0.189,
    leg=_Limb((0.203, 0.200), (0.062, 0.056, 0.040, 0.036, 0.026), bulge=0.004),
    ankle=0.050,
    ball=0.066,
    shoulder=(-0.006, -0.735),
    arm=_Limb((0.135, 0.115), (0.036, 0.034, 0.029, 0.027, 0.021)),
    swing=0.50,
    poll=(0.012, -0.815),
    torso=_sketch("""
        skin -3,86 3.4,86 3.6,79 4,75 -4,75 -3.2,80
        body -3.4,80 0.4,78.4 4.2,78.8 6.8,75 7.8,68 8.2,58 8.8,46 4,45 -4,45 -8.2,46 -7.4,56 -7.4,68 -7,76
        light ^-7.4,66.6 0,66.2 7.9,66.6 8.1,61 0,60.6 -7.4,61"""),
    head=_sketch("""
        skin 1,17.4 5,15.6 7,12 6.9,9.4 7.2,8 8.4,6.4 7.3,5.4 7.5,4.4 7,3.4 7.1,2.4 6.6,0.8 5,-0.5 2.4,-0.2 -2,1.6
            -5.4,5 -6.8,9 -5.6,14 -2,17
        black 7.4,13 8.6,14.8 6.6,17.2 3.2,18.8 -1,19 -4.6,17.8 -7.4,14.6 -8.2,9.6 -7.4,5 -6.4,3 -4.8,3 -3.6,5
            -2.6,8.6 -0.6,9 0,7 1.2,8 2.4,11.8 4.6,13.6
        skin -2.4,8.6 -1.2,9.6 0,8.4 -0.4,6.2 -1.4,5.2 -2.3,6.4
        black 4.4,8.8 5.2,9.6 6,8.8 5.8,7.4 4.8,7.4
        black 3.8,11.4 5,12 6.3,11.4 6.2,11 5,11.4"""),
    shoe=_sketch("""
        white -3.4,3.4 2.6,3.4 3.4,1 7,-0.6 9.8,-2 10.4,-4.8 -3.8,-4.9 -4.2,-2
        dark -4.2,-3.2 3,-3.4 10.4,-3.2 10.6,-5 -4,-5"""),
    hand=_sketch("skin -1.6,1 1.5,1 2.2,-0.8 2.7,-2.6 2,-3.5 1.3,-3 1.3,-4.6 0.2,-5.7 -1.2,-5.2 -1.9,-3.2 -1.8,-1"),
)


def man(phase: float) -> list[Part]:
    """A man in a jacket with a shirt and a tie, and trousers."""
    turn = 2 * math.pi * phase
    rise = _rise(turn)
    near, far = _stance(_MAN, phase), _stance(_MAN, phase + 0.5)
    parts = _arm(_MAN, rise, math.cos(turn), (Tone.DARK, Tone.DARK))
    parts += [*_shoe(_MAN, far), _leg(_MAN.leg, far, Tone.BLACK)]
    parts += [*_shoe(_MAN, near), _leg(_MAN.leg, near, Tone.DARK)]
    parts += _swaying(moved(_MAN.torso, 0.0, rise), -0.60, -0.44, 0.012 * math.sin(2 * turn - 0.6))
    parts += _head(_MAN, rise, turn)
    return parts + _arm(_MAN, rise, -math.cos(turn), (Tone.BODY, Tone.BODY), shade=0.007)


def woman(phase: float) -> list[Part]:
    """A woman with long hair in a flared dress."""
    turn = 2 * math.pi * phase
    rise = _rise(turn)
    near, far = _stance(_WOMAN, phase), _stance(_WOMAN, phase + 0.5)
    parts = _arm(_WOMAN, rise, math.cos(turn), (Tone.SKIN, Tone.DARK))
    for stance in (far, near):
        parts += [_leg(_WOMAN.leg, stance, Tone.SKIN), *_shoe(_WOMAN, stance)]
    parts += [*_skirt(near, far, turn), *moved(_WOMAN.torso, 0.0, rise), *_head(_WOMAN, rise, turn)]
    parts += _arm(_WOMAN, rise, -math.cos(turn), (Tone.SKIN, Tone.BODY))
    hair = moved(_LONG_HAIR, _WOMAN.poll[0], _WOMAN.poll[1] + rise)
    return parts + _swaying(hair, -0.93, -0.72, -0.012 + 0.018 * math.sin(2 * turn - 1.4))


def child(phase: float) -> list[Part]:
    """A child in a striped T-shirt and shorts."""
    turn = 2 * math.pi * phase
    rise = _rise(turn)
    parts = _arm(_CHILD, rise, math.cos(turn), (Tone.SKIN, Tone.DARK))
    for stance, tone in ((_stance(_CHILD, phase + 0.5), Tone.BLACK), (_stance(_CHILD, phase), Tone.DARK)):
        parts += [_leg(_CHILD.leg, stance, Tone.SKIN), *_shoe(_CHILD, stance), _shorts(stance, tone)]
    parts += _swaying(moved(_CHILD.torso, 0.0, rise), -0.60, -0.44, 0.008 * math.sin(2 * turn - 0.6))
    parts += _head(_CHILD, rise, turn)
    return parts + _arm(_CHILD, rise, -math.cos(turn), (Tone.SKIN, Tone.BODY), shade=0.006)


def _rise(turn: float) -> float:
    """How far the body is down: most when both feet stand."""
    return 0.010 * math.cos(2 * turn - 0.3)


def _stance(build: _Build, share: float) -> _Stance:
    """A leg at a share of its stride: heel down, foot flat, rolling off the toes, swinging forward through the air."""
    turn = 2 * math.pi * share
    share %= 1.0
    ahead, lift = footfall(share, _ON_GROUND)
    pitch = float(np.interp(share, _PITCH_AT, _PITCH))
    pivot = build.ball if pitch > 0 else -0.03
    cos, sin = math.cos(pitch), math.sin(pitch)
    x = build.step * ahead - 0.02 + pivot - pivot * cos + build.ankle * sin
    y = -0.022 * lift - pivot * sin - build.ankle * cos
    hip = (0.016 * math.cos(turn), -build.hip + _rise(turn))
    return _Stance(hip, _knee(hip, (x, y), build.leg.bones), (x, y), pitch, 0.7 * lift if pitch > 0 else 1.0)


def _knee(hip: Point, ankle: Point, bones: tuple[float, float]) -> Point:
    """Where the knee is, which bends forward; a leg that is too short stretches."""
    across, down = ankle[0] - hip[0], ankle[1] - hip[1]
    length = math.hypot(across, down)
    along = min((bones[0] ** 2 - bones[1] ** 2 + length**2) / (2 * length), length * 0.5 + 0.02)
    out = math.sqrt(max(0.0, bones[0] ** 2 - along**2)) / length
    along /= length
    return hip[0] + across * along + down * out, hip[1] + down * along - across * out


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _leg(limb: _Limb, stance: _Stance, tone: Tone) -> Part:
    calf = _between(stance.knee, stance.ankle, 0.38)
    thigh = _between(stance.hip, stance.knee, 0.5)
    return strip((stance.hip, thigh, stance.knee, (calf[0] - limb.bulge, calf[1]), stance.ankle), limb.radii, tone)


def _shorts(stance: _Stance, tone: Tone) -> Part:
    thigh, hem = _between(stance.hip, stance.knee, 0.5), _between(stance.hip, stance.knee, 0.86)
    return strip((stance.hip, thigh, hem), (0.070, 0.064, 0.056), tone, tip=0.15)


def _shoe(build: _Build, stance: _Stance) -> list[Part]:
    """A shoe that bends at the ball of the foot while the toes still stand."""
    parts = moved(build.shoe, *stance.ankle, turn=stance.pitch)
    back = stance.pitch * (1 - stance.toes)
    if abs(back) < 0.02:
        return parts
    cos, sin = math.cos(back), math.sin(back)
    straight = np.array([[cos, -sin], [sin, cos]], np.float32)
    ball = moved([polygon([(build.ball, build.ankle)])], *stance.ankle, turn=stance.pitch)[0].points
    for part, still in zip(parts, build.shoe, strict=True):
        toes = still.points[:, 0] > build.ball
        part.points[toes] = (part.points[toes] - ball) @ straight + ball
    return parts


def _arm(build: _Build, rise: float, ahead: float, tones: tuple[Tone, Tone], *, shade: float = 0.0) -> list[Part]:
    """An arm by how far it swings ahead, -1 to 1; the tones are the forearm's and the sleeve's.

    `shade` is how far an edge of shadow stands out beside it, which parts it from a body of its own colour.
    """
    limb, (x, y) = build.arm, build.shoulder
    shoulder, angle = (x + 0.010 * ahead, y + rise), build.swing * ahead - 0.04
    elbow = reach(shoulder, angle, limb.bones[0])
    bent = angle + 0.34 + 0.26 * ahead
    wrist = reach(elbow, bent, limb.bones[1])
    whole = (shoulder, _between(shoulder, elbow, 0.5), elbow, _between(elbow, wrist, 0.5), wrist)
    parts = moved(build.hand, *wrist, turn=-bent - 0.1)
    if tones[0] is tones[1]:
        sleeve, edge = strip(whole, limb.radii, tones[1], tip=0.1), (-shade * ahead, 0.0)
    else:
        parts.append(strip(whole, limb.radii, tones[0]))
        wide = [radius + 0.010 for radius in limb.radii[:2]]
        sleeve, edge = strip((shoulder, _between(shoulder, elbow, 0.62)), wide, tones[1], tip=0.1), (-shade, shade)
    if shade:
        parts += moved([Part(sleeve.points, Tone.DARK)], *edge)
    return [*parts, sleeve]


def _head(build: _Build, rise: float, turn: float) -> list[Part]:
    return moved(build.head, build.poll[0], build.poll[1] + rise, turn=0.02 * math.sin(2 * turn - 0.5))


def _swaying(parts: Sequence[Part], top: float, bottom: float, amount: float) -> list[Part]:
    """The parts pushed sideways below `top`, the more the lower they hang."""
    for part in parts:
        share = np.maximum(part.points[:, 1] - top, 0)
        part.points[:, 0] += np.float32(amount / (bottom - top) ** 2) * share * share
    return list(parts)


def _skirt(near: _Stance, far: _Stance, turn: float) -> list[Part]:
    """A flared skirt that the knees push forward and that swings after them."""
    hip, hem, wave = near.hip[1], -0.235, 0.016 * math.sin(2 * turn - 1.0)
    shins = [_between(leg.knee, leg.ankle, 0.45)[0] for leg in (near, far)]
    front, back = max(0.13, max(shins) + 0.055) + wave, min(-0.13, min(shins) - 0.05) + wave
    knee = max(0.45 * front + 0.038, near.knee[0] + 0.030, far.knee[0] + 0.030)
    cloth = [(-0.048, hip - 0.115), (0.049, hip - 0.115), (0.066, hip - 0.03), (knee, -0.36), (front, hem + 0.006)]
    cloth += [(front - 0.012, hem + 0.018), (front * 0.45, hem + 0.012 + wave), (0.0, hem + 0.026 - wave)]
    cloth += [(back * 0.5, hem + 0.014 - wave), (back + 0.012, hem + 0.018), (back, hem + 0.006)]
    cloth += [(0.5 * back - 0.032, -0.36), (-0.074, hip - 0.02)]
    lit = [(0.036, hip - 0.10), (0.052, hip - 0.03), (knee - 0.022, -0.36), (front - 0.036, hem + 0.004)]
    lit += [(front * 0.64, hem + 0.002), (knee * 0.62, -0.36), (0.036, hip - 0.03)]
    fold = [(-0.024, hip), (back * 0.50, hem + 0.013 - wave), (back * 0.30, hem + 0.016 - wave)]
    return [blob(cloth), blob(lit, Tone.LIGHT), polygon(fold, Tone.DARK)]


_PACK: Final = _sketch("""
    dark -21,82 -8,84 -2,78 -2,44 -8,38 -20,40 -23,50 -23.5,72""")
_SUIT: Final = _sketch("""
    white -12,79 0,81 11.5,79 14.6,70 13.6,58 12.6,46 11,36 0,33 -11,36 -13,46 -14,58 -14.4,70
    body ^-13,47.4 0,45.4 12.8,47.4 12.4,43.6 0,41.4 -12.6,43.6
    dark -4,66.4 2,67 8.6,66.4 9.4,60 8.8,53.4 2,52.6 -4,53.4 -4.6,60
    light ^-2.6,64.6 3,64.8 3,60.4 -2.6,60.2
    glow ^4.6,64.4 7.4,64.2 7.4,61.8 4.6,62
    body ^-2.6,58 7.4,58.2 7.2,55.4 -2.6,55.2""")
_HELMET: Final = _sketch("""
    dark -10.4,79.6 0,82 11,79.6 10,76.4 0,75 -9.6,76.4
    white -13,87 -10.4,95 -3,99.6 5,99.4 11.6,95 14,87 11.4,79.6 5,76.4 -4,76.4 -10.6,80
    light -5.8,87 -3,93.8 4.4,96 11.4,92.6 13.6,87 11.2,81 4.4,78.6 -3,80.8
    glass -4.4,87 -2,92.6 4.4,94.6 10.6,91.8 12.8,87 10.4,81.8 4.4,79.9 -2,82
    glow -1.8,88.6 0.4,91.8 4.6,93.2 4.4,92 1.6,90.6 -0.6,87.8
    dark -9.4,90 -6.8,90.6 -6,87 -6.8,83.4 -9.4,84 -10.2,87""")
_GLOVE: Final = _sketch("light -4.6,1 0,2 4.6,1 5.4,-3 7.4,-6 5.6,-7.6 3.8,-6.4 3.4,-10 0,-11.6 -3.6,-10 -5,-5")
_FAR_GLOVE: Final = _sketch("light 4.6,1 0,2 -4.6,1 -5.4,-3 -7.4,-6 -5.6,-7.6 -3.8,-6.4 -3.4,-10 0,-11.6 3.6,-10 5,-5")
_BOOT: Final = _sketch("""
    light -5.8,2 0,3 5.8,2 6.4,-3 12,-6 14,-9.4 -6,-9.4 -6.8,-4
    dark ^-6.8,-8 14,-8 14.2,-10.4 12.6,-11 -6,-11 -7,-10""")


def astronaut(phase: float) -> list[Part]:
    """A white suit with a mirroring visor and a pack on its back, arms and legs drifting."""
    turn = 2 * math.pi * phase * 0.25
    drift, later = 0.10 * math.sin(turn), 0.10 * math.sin(turn - 1.2)
    parts = list(_PACK)
    parts += _padded((-0.105, -0.715), (-0.80 + drift, -0.25 + later), (0.165, 0.125), 0.060, _FAR_GLOVE)
    parts += _padded((-0.058, -0.410), (-0.22 + later, -0.62 + drift), (0.170, 0.145), 0.076, _BOOT)
    parts += _padded((0.056, -0.410), (0.46 - drift, -0.12 - later), (0.170, 0.145), 0.076, _BOOT)
    parts += _SUIT
    parts += _padded((0.108, -0.715), (0.85 - later, 1.55 + drift), (0.165, 0.125), 0.060, _GLOVE)
    return parts + moved(_HELMET, turn=0.25 * later)


def _padded(
    root: Point, angles: tuple[float, float], bones: tuple[float, float], radius: float, end: Sequence[Part]
) -> list[Part]:
    """A limb of a space suit with a ring around its upper half, and the glove or the boot at its end."""
    joint = reach(root, angles[0], bones[0])
    last = reach(joint, angles[1], bones[1])
    limb = strip((root, joint, last), (radius, radius * 0.90, radius * 0.80), Tone.WHITE)
    ring = polygon([(-0.95 * radius, -0.012), (0.95 * radius, -0.012), (0.93 * radius, 0.012), (-0.93 * radius, 0.012)])
    middle = _between(root, joint, 0.70)
    return [*moved(end, *last, turn=-angles[1]), limb, *moved([ring], *middle, turn=-angles[0])]
