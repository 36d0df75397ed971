"""Furniture: what stands at a room's wall."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.noise import smoothstep
from reelway.providers.animatic.palette import colour
from reelway.providers.animatic.stage import Layer, Sheet, Stage

_SHIFT = 4  # OpenCV's fixed point: coordinates in sixteenths of a pixel
_WOODS = ("6f4c36", "5c4537", "7d5f47", "544a45")
_CLOTHS = ("66756c", "84594c", "55647a", "8c7a55", "7a5f6b")
_ACCENTS = ("ad9468", "b5a391", "93604f", "a9b0a4")
_BOOKS = ("7d3f38", "3f5560", "a08a62", "5d6b4c", "8b6a4a", "47425a", "b5a78b", "6d4a52", "39494a", "94704a")
_GREENS = ("41583f", "4e6848", "5c7653")
_VANISHING_Y = 0.13  # where the floor's boards meet
_BACK = 0.86  # how much smaller the back of a piece of furniture is than its front

Span = Sequence[float]


class Furnishing(StrEnum):
    SHELF = "shelf"
    ARMCHAIR = "armchair"
    SIDEBOARD = "sideboard"
    PLANT = "plant"


# Of each: where its lamp is, inwards and down from its foot; how far it reaches outwards, inwards and up; and how
# far what is solid of it does, which keeps light off the wall and the floor.
_MEASURES = {
    Furnishing.SHELF: ((0.235, -0.375), (0.17, 0.31, 0.60), (0.15, 0.19, 0.45)),
    Furnishing.ARMCHAIR: ((-0.225, -0.385), (0.30, 0.23, 0.48), (0.18, 0.18, 0.30)),
    Furnishing.SIDEBOARD: ((-0.115, -0.300), (0.24, 0.28, 0.44), (0.20, 0.21, 0.19)),
    Furnishing.PLANT: ((0.0, 0.0), (0.22, 0.22, 0.36), (0.06, 0.06, 0.10)),
}


@dataclass(frozen=True, slots=True)
class Nook:
    """The furnished part of a room: what stands there, the middle of its foot, its size, and whether its lamp is lit.

    `inward` is 1 where the room's middle is to the right of it and -1 where it is to the left.
    """

    kind: Furnishing
    x: float
    foot: float
    scale: float
    inward: float
    is_lit: bool

    @property
    def lamp(self) -> tuple[float, float]:
        """Where its lamp shines."""
        across, up = _MEASURES[self.kind][0]
        return self.x + self.inward * across * self.scale, self.foot + up * self.scale

    @property
    def reach(self) -> tuple[float, float, float]:
        """How far it reaches outwards, inwards and up."""
        outwards, inwards, up = (value * self.scale for value in _MEASURES[self.kind][1])
        return outwards, inwards, up

    def shadow(self, xs: Floats, ys: Floats) -> Floats:
        """How much of the light it leaves on the floor under it and on the wall behind it."""
        outwards, inwards, up = (value * self.scale for value in _MEASURES[self.kind][2])
        along = self.inward * (xs - self.x)
        across = smoothstep(-outwards - 0.05, -outwards + 0.03, along)
        across = across * smoothstep(inwards + 0.04, inwards - 0.03, along)
        floor = np.exp(-(((ys - self.foot + 0.004) / (0.030 * self.scale)) ** 2))
        wall = smoothstep(self.foot - up - 0.05, self.foot - up + 0.04, ys)
        wall = wall * smoothstep(self.foot + 0.01, self.foot - 0.02, ys)
        result: Floats = 1 - across * np.maximum(0.72 * floor, 0.32 * wall)
        return result


class Easel:
    """A sheet being painted with shapes; they are placed in a nook's own unit, from its foot and inwards."""

    def __init__(self, stage: Stage, sheet: Sheet, nook: Nook, rgb: Floats) -> None:
        self.rgb = rgb
        self.cover: Floats = np.zeros(sheet.shape, np.float32)
        self.shine: Floats = np.zeros(sheet.shape, np.float32)  # where a thing is as bright as it is, in any light
        self._grade = cache(lambda code: stage.palette.grade(colour(code)))
        self._step = np.array([nook.inward, 1.0]) * nook.scale * sheet.ppu
        self._start = np.array([nook.x - sheet.xs[0, 0], nook.foot - sheet.ys[0, 0]]) * sheet.ppu
        self._vanishing = np.array([-nook.x * nook.inward, _VANISHING_Y - nook.foot]) / nook.scale

    def enlarge(self, factor: float) -> None:
        """Paint what follows larger."""
        self._step = self._step * factor
        self._vanishing = self._vanishing / factor

    def back(self, outline: Floats, share: float = _BACK) -> Floats:
        """A face's outline moved towards the wall."""
        return self._vanishing + (outline - self._vanishing) * share

    def fill(
        self, outline: Floats, code: str, *, down: Span = (1.0, 1.0), across: Span = (1.0, 1.0), shine: float = 0.0
    ) -> None:
        """Paint a shape; `down` and `across` are its brightness from edge to edge, at even steps."""
        found = self._mask(outline)
        if found is None:
            return
        area, mask, rows, columns = found
        tone = (
            np.interp(rows, np.linspace(0, 1, len(down)), down).astype(np.float32)[:, None, None]
            * np.interp(columns, np.linspace(0, 1, len(across)), across).astype(np.float32)[None, :, None]
        )
        target = self.rgb[area]
        target += (tone * self._grade(code) - target) * mask[..., None]
        self.cover[area] += (1 - self.cover[area]) * mask
        self.shine[area] += (shine - self.shine[area]) * mask

    def shade(self, outline: Floats, down: Span) -> None:
        """Darken what is painted inside a shape."""
        found = self._mask(outline)
        if found is not None:
            area, mask, rows, _ = found
            light = np.interp(rows, np.linspace(0, 1, len(down)), down).astype(np.float32)[:, None]
            self.rgb[area] *= (1 - mask * (1 - light))[..., None]

    def _mask(self, outline: Floats) -> tuple[tuple[slice, slice], Floats, Floats, Floats] | None:
        """The sheet's part that a shape touches, its cover there, and its share of the way down and inwards."""
        points = self._start + np.asarray(outline, np.float64) * self._step
        low, high = points.min(axis=0), points.max(axis=0)
        rows, columns = self.cover.shape
        left, right = max(0, int(low[0]) - 1), min(columns, int(high[0]) + 3)
        top, bottom = max(0, int(low[1]) - 1), min(rows, int(high[1]) + 3)
        if left >= right or top >= bottom:
            return None
        mask = np.zeros((bottom - top, right - left), np.uint8)
        fixed = np.round((points - (left, top)) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, _SHIFT)
        size = np.maximum(high - low, 1e-3)
        down, across = (np.arange(top, bottom) - low[1]) / size[1], (np.arange(left, right) - low[0]) / size[0]
        across = across if self._step[0] > 0 else 1 - across
        return np.s_[top:bottom, left:right], mask.astype(np.float32) / 255, down, across


def box(left: float, right: float, top: float, bottom: float) -> Floats:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def rounded(left: float, right: float, top: float, bottom: float, radius: float) -> Floats:
    """A box with round corners."""
    turn = np.linspace(0, np.pi / 2, 7)
    corners = ((right, top, 1, -1), (right, bottom, 1, 1), (left, bottom, -1, 1), (left, top, -1, -1))
    points = []
    for number, (x, y, side, level) in enumerate(corners):
        angles = turn if number % 2 else turn[::-1]
        points.append(
            np.stack([x + side * radius * (np.cos(angles) - 1), y + level * radius * (np.sin(angles) - 1)], axis=1)
        )
    return np.concatenate(points)


def turned(x: float, foot: float, profile: Sequence[tuple[float, float]]) -> Floats:
    """A thing from the lathe: (height, half its width) from the foot up, rounded between."""
    heights, halves = np.array(profile).T
    at = np.linspace(0, 1, 33)
    ups, wide = (np.interp(at, np.linspace(0, 1, len(profile)), values) for values in (heights, halves))
    if len(profile) > 4:
        kernel = np.array([1, 2, 3, 2, 1]) / 9
        wide = np.convolve(np.pad(wide, 2, mode="edge"), kernel, mode="valid")
    right, left = (np.stack([x + side * wide, foot - ups], axis=1) for side in (1, -1))
    return np.concatenate([right, left[::-1]])


def standing(stage: Stage, nook: Nook, sheet: Sheet, light: Floats) -> Layer:
    """The furniture of a nook, in the room's light and with bright edges."""
    paint = {
        Furnishing.SHELF: _shelf,
        Furnishing.ARMCHAIR: _armchair,
        Furnishing.SIDEBOARD: _sideboard,
        Furnishing.PLANT: _pot_plant,
    }[nook.kind]
    easel = Easel(stage, sheet, nook, np.zeros((*sheet.shape, 3), np.float32))
    paint(easel, stage.scene.random(nook.kind), nook.is_lit)
    lit = light + (1 - light) * easel.shine[..., None]
    rgb = easel.rgb * lit * (1.18 + 0.55 * _rim(easel.cover, nook, sheet)[..., None])
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1).astype(np.float32), easel.cover))


def _rim(cover: Floats, nook: Nook, sheet: Sheet) -> Floats:
    """The edges that face the window, from above."""
    reach = max(1, round(0.0035 * sheet.ppu))
    shift = np.array([[1, 0, -nook.inward * reach], [0, 1, reach]], np.float32)
    beyond = cv2.warpAffine(cover, shift, cover.shape[::-1])
    rim: Floats = cv2.blur(np.clip(cover - beyond, 0, 1), (3, 3)) * cover
    return rim


def _shelf(easel: Easel, random: np.random.Generator, is_lit: bool) -> None:
    """A tall case of books with a trailing plant on top, and a floor lamp beside it."""
    wood = _WOODS[int(random.integers(len(_WOODS)))]
    half, tall, board, levels = 0.15, 0.44, 0.011, 5
    side = box(half, half, -tall, 0)
    side[1:3] = easel.back(side[1:3])
    easel.fill(side, wood, down=(0.62, 0.42), across=(0.9, 0.7))
    easel.fill(box(-half, half, -tall, 0), wood, down=(0.42, 0.30))
    pitch = (tall - 0.025 - board) / levels
    for level in range(levels):
        floor = -0.025 - level * pitch
        _books(easel, random, (-half + board, half - board), floor, pitch - board)
        easel.shade(box(-half, half, floor - pitch, floor), (0.30, 0.82, 0.96, 1.0))
        easel.fill(box(-half, half, floor, floor + board), wood, down=(1.05, 0.72), across=(0.85, 1.1))
    easel.fill(box(-half, half, -0.014, 0), wood, down=(0.6, 0.4))
    for left in (-half, half - board):
        easel.fill(box(left, left + board, -tall, 0), wood, down=(0.95, 0.66), across=(0.8, 1.1))
    easel.fill(
        box(-half - 0.006, half + 0.006, -tall - 0.004, -tall + board), wood, down=(1.2, 0.8), across=(0.85, 1.1)
    )
    _plant(easel, random, (-0.055, -tall - 0.004), 0.11, hanging=True)
    _books_lying(easel, random, 0.075, -tall - 0.004)
    _floor_lamp(easel, _MEASURES[Furnishing.SHELF][0], is_lit)


def _books(easel: Easel, random: np.random.Generator, span: tuple[float, float], floor: float, room: float) -> None:
    """One row of books, with a gap for something else."""
    x, right = span
    gap = random.uniform(span[0] + 0.03, span[1] - 0.07) if random.random() < 0.55 else 9.0
    previous = ""
    while x < right - 0.006:
        if x >= gap:
            _keepsake(easel, random, x + 0.026, floor, room)
            x, gap = x + 0.052, 9.0
            continue
        width = min(float(random.uniform(0.008, 0.019)), right - x)
        height = room * float(random.uniform(0.60, 0.90))
        code = previous if previous and random.random() < 0.3 else _BOOKS[int(random.integers(len(_BOOKS)))]
        lean = 0.012 if random.random() < 0.08 and x + width + 0.012 < right else 0.0
        outline = box(x, x + width, floor - height, floor)
        outline[:2, 0] += lean
        tone = float(random.uniform(0.85, 1.1))
        easel.fill(outline, code, across=(0.62 * tone, tone, 0.72 * tone))
        if random.random() < 0.6 and not lean:
            for share in (0.16, 0.80)[: 1 + int(random.random() < 0.6)]:
                y = floor - height * (1 - share)
                easel.fill(box(x, x + width, y, y + 0.0035), "c9b07a", across=(0.5, 0.9, 0.6))
        x += width + lean + 0.0012
        previous = code


def _keepsake(easel: Easel, random: np.random.Generator, x: float, floor: float, room: float) -> None:
    """A pot or a bowl among the books."""
    code = ("a8917a", "7f8f8c", "b59a72", "8a5f4d")[int(random.integers(4))]
    profile = [(0, 0.008), (0.008, 0.015), (0.022, 0.022)]  # a bowl
    if random.random() < 0.6:
        pot = ((0, 0.009), (0.2, 0.018), (0.4, 0.020), (0.6, 0.013), (0.7, 0.008), (0.74, 0.011))
        profile = [(room * up, half) for up, half in pot]
    easel.fill(turned(x, floor, profile), code, across=(0.6, 1.05, 1.15, 0.75))


def _books_lying(easel: Easel, random: np.random.Generator, x: float, floor: float) -> None:
    """A few books that lie on one another."""
    for number in range(int(random.integers(2, 4))):
        half, thick = float(random.uniform(0.034, 0.045)), float(random.uniform(0.010, 0.014))
        code = _BOOKS[int(random.integers(len(_BOOKS)))]
        shift = float(random.uniform(-0.005, 0.005))
        easel.fill(box(x - half + shift, x + half + shift, floor - thick, floor), code, down=(1.1, 0.7))
        if number % 2:
            easel.fill(box(x - half + shift + 0.006, x - half + shift + 0.010, floor - thick, floor), "c9b07a")
        floor -= thick + 0.0008


def _plant(
    easel: Easel, random: np.random.Generator, foot: tuple[float, float], size: float, *, hanging: bool = False
) -> None:
    """A pot with arching leaves; hanging ones fall over its edge."""
    x, y = foot
    pot = size * 0.42
    count = 17
    angles = np.linspace(-1.35, 1.35, count) + random.uniform(-0.12, 0.12, count)
    for index in np.argsort(-np.abs(np.abs(angles) - 0.9)):
        reach = size * float(random.uniform(0.75, 1.15))
        along = np.linspace(0, 1, 9)
        droop = (0.75 if hanging else 0.35) * reach * along**2.2 * abs(np.sin(angles[index]))
        xs = x + np.sin(angles[index]) * reach * along
        ys = y - pot - np.cos(angles[index]) * reach * along + droop
        wide = size * 0.075 * np.sin(np.pi * np.clip(along * 0.94 + 0.04, 0, 1)) ** 0.8
        slope = np.arctan2(np.gradient(ys), np.gradient(xs))
        off = np.stack([-np.sin(slope), np.cos(slope)], axis=1) * wide[:, None]
        middle = np.stack([xs, ys], axis=1)
        green = _GREENS[int(random.integers(3))]
        easel.fill(np.concatenate([middle + off, (middle - off)[::-1]]), green, down=(0.95, 0.5))
        upper = off if np.sin(angles[index]) < 0 else -off  # the upper half of an arching leaf
        easel.fill(np.concatenate([middle, (middle + upper * 0.9)[::-1]]), green, down=(1.25, 0.75))
    profile = [(0, size * 0.17), (pot * 0.9, size * 0.25), (pot * 0.9, size * 0.28), (pot * 1.1, size * 0.28)]
    easel.fill(turned(x, y, profile), "b08d74", across=(0.55, 0.95, 1.15, 0.8))


def _pot_plant(easel: Easel, random: np.random.Generator, is_lit: bool) -> None:
    _plant(easel, random, (0.0, 0.0), 0.18)


def _floor_lamp(easel: Easel, bulb: tuple[float, float], is_lit: bool) -> None:
    x, y = bulb
    easel.fill(turned(x, 0.006, [(0, 0.040), (0.004, 0.040), (0.010, 0.012)]), "3a3634", across=(0.7, 1.5, 0.8))
    easel.fill(box(x - 0.0035, x + 0.0035, y, 0), "4a4440", across=(0.6, 1.7, 0.8))
    _lampshade(easel, x, y, 0.062, is_lit)


def _lampshade(easel: Easel, x: float, y: float, half: float, is_lit: bool) -> None:
    """A cone of cloth around a bulb; lit, it shines more than all else in the room."""
    outline = np.array([(-0.62, -0.80), (0.62, -0.80), (1.0, 0.62), (-1.0, 0.62)]) * half + (x, y)
    if is_lit:
        easel.fill(outline, "ffe2a8", down=(0.80, 0.98, 0.92), across=(0.80, 0.97, 1.02, 0.97, 0.80), shine=0.92)
    else:
        easel.fill(outline, "cbbd9f", down=(1.0, 0.86), across=(0.72, 1.0, 1.12, 0.9))
    for share, width in ((0.62, half * 1.0), (-0.80, half * 0.62)):
        edge = box(x - width, x + width, y + half * share - 0.004, y + half * share)
        easel.fill(edge, "a98f66", across=(0.7, 1.1, 0.8), shine=0.4 * is_lit)


def _armchair(easel: Easel, random: np.random.Generator, is_lit: bool) -> None:
    """A stuffed chair with a cushion, before a floor lamp."""
    cloth = _CLOTHS[int(random.integers(len(_CLOTHS)))]
    accent = _ACCENTS[int(random.integers(len(_ACCENTS)))]
    _floor_lamp(easel, _MEASURES[Furnishing.ARMCHAIR][0], is_lit)
    easel.enlarge(1.22)
    for x in (-0.115, 0.105):
        leg = np.array([(x, -0.05), (x + 0.018, -0.05), (x + 0.013, 0.004), (x + 0.005, 0.004)])
        easel.fill(leg, "4b3527", across=(0.7, 1.2))
    easel.fill(rounded(-0.112, 0.112, -0.265, -0.05, 0.045), cloth, down=(1.06, 0.70), across=(0.80, 1.0, 1.06, 0.92))
    easel.fill(rounded(-0.094, 0.094, -0.245, -0.08, 0.035), cloth, down=(1.14, 0.78), across=(0.86, 1.05, 1.1, 0.94))
    easel.shade(box(-0.10, 0.10, -0.15, -0.10), (1.0, 0.66))
    easel.fill(rounded(-0.105, 0.105, -0.080, -0.026, 0.010), cloth, down=(0.74, 0.52), across=(0.85, 1.05))
    easel.fill(rounded(-0.096, 0.096, -0.122, -0.072, 0.020), cloth, down=(1.22, 0.88, 0.66), across=(0.88, 1.06))
    for left, light in ((-0.150, 0.92), (0.090, 1.08)):
        easel.shade(box(left - 0.012, left + 0.072, -0.15, -0.04), (0.9, 0.72))
        easel.fill(
            rounded(left, left + 0.060, -0.168, -0.022, 0.028),
            cloth,
            down=(1.24 * light, 0.95 * light, 0.66 * light),
            across=(0.86, 1.05, 0.92),
        )
    tilt = np.array([(0.966, -0.259), (0.259, 0.966)])
    pillow = rounded(-0.038, 0.038, -0.037, 0.037, 0.013) @ tilt + np.array([-0.045, -0.155])
    easel.shade(pillow + np.array([0.004, 0.007]), (0.9, 0.65))
    easel.fill(pillow, accent, down=(1.0, 1.12, 0.72), across=(0.80, 1.05, 0.92))


def _sideboard(easel: Easel, random: np.random.Generator, is_lit: bool) -> None:
    """A low cupboard on legs with a lamp, a vase and books on it."""
    wood = _WOODS[int(random.integers(len(_WOODS)))]
    half, top, bottom = 0.20, -0.185, -0.040
    for x in (-half + 0.02, half - 0.035):
        leg = np.array([(x, bottom), (x + 0.017, bottom), (x + 0.013, 0.004), (x + 0.006, 0.004)])
        easel.fill(easel.back(leg, 0.90), wood, down=(0.35, 0.4))
        easel.fill(leg, wood, down=(0.6, 0.8), across=(0.8, 1.1))
    side = box(half, half, top, bottom)
    side[1:3] = easel.back(side[1:3])
    easel.fill(side, wood, down=(0.72, 0.50), across=(0.95, 0.75))
    easel.fill(box(-half, half, top, bottom), wood, down=(0.92, 0.66), across=(0.84, 1.02))
    for number in range(3):
        left = -half + 0.008 + number * (2 * half - 0.008) / 3
        right = left + (2 * half - 0.008) / 3 - 0.008
        easel.fill(box(left - 0.002, right + 0.002, top + 0.016, bottom - 0.008), wood, down=(0.4, 0.4))
        tone = float(random.uniform(0.94, 1.06))
        easel.fill(
            box(left, right, top + 0.018, bottom - 0.010), wood, down=(1.08 * tone, 0.80 * tone), across=(0.9, 1.06)
        )
        knob = left + 0.014 if number == 2 else right - 0.014
        easel.fill(turned(knob, top + 0.075, [(-0.005, 0.002), (0, 0.005), (0.005, 0.002)]), "c0a26a", down=(1.2, 0.7))
    easel.fill(box(-half - 0.008, half + 0.008, top - 0.006, top + 0.006), wood, down=(1.3, 0.82), across=(0.86, 1.1))
    surface = top - 0.006
    x, y = _MEASURES[Furnishing.SIDEBOARD][0]
    body = [(0, 0.020), (0.004, 0.020), (0.012, 0.014), (0.03, 0.026), (0.05, 0.024), (0.07, 0.008), (0.10, 0.004)]
    easel.fill(turned(x, surface, body), "6f7f80", across=(0.55, 1.0, 1.25, 0.7))
    _lampshade(easel, x, y, 0.058, is_lit)
    _books_lying(easel, random, 0.02, surface)
    _vase(easel, random, 0.135, surface)


def _vase(easel: Easel, random: np.random.Generator, x: float, foot: float) -> None:
    """A vase with a few twigs in leaf."""
    for angle in np.linspace(-0.62, 0.62, 5) + random.uniform(-0.12, 0.12, 5):
        reach = float(random.uniform(0.10, 0.145))
        along = np.linspace(0.15, 1, 8)
        xs, ys = x + np.sin(angle) * reach * along**1.25, foot - 0.055 - np.cos(angle) * reach * along
        stem = np.stack([np.concatenate([xs - 0.001, (xs + 0.001)[::-1]]), np.concatenate([ys, ys[::-1]])], axis=1)
        easel.fill(stem, "5b4a3a")
        for number in range(2, 8):
            side = 1 if number % 2 else -1
            turn = angle + side * float(random.uniform(0.6, 1.0))
            tip = np.array([xs[number] + np.sin(turn) * 0.026, ys[number] - np.cos(turn) * 0.026])
            base, off = np.array([xs[number], ys[number]]), np.array([np.cos(turn), np.sin(turn)]) * 0.0062
            leaf = np.stack([base, base * 0.5 + tip * 0.5 + off, tip, base * 0.5 + tip * 0.5 - off])
            easel.fill(leaf, _GREENS[int(random.integers(3))], down=(1.3, 0.85))
    profile = [(0, 0.014), (0.012, 0.021), (0.03, 0.027), (0.046, 0.021), (0.058, 0.010), (0.068, 0.012)]
    code = ("b9ac9a", "8796a0", "a5735a")[int(random.integers(3))]
    easel.fill(turned(x, foot, profile), code, across=(0.58, 0.98, 1.2, 0.75))
