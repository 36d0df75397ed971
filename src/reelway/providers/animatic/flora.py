"""Trees and grass: single shapes, and layers full of them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.noise import clouds, profile
from reelway.providers.animatic.palette import Colour, Material, mix
from reelway.providers.animatic.stage import Layer, Sheet, Stage

_SHIFT = 4  # OpenCV's fixed point: coordinates in sixteenths of a pixel
_SHADE, _MIDDLE, _LIT = 40, 110, 215


class TreeKind(StrEnum):
    CONIFER = "conifer"
    BROADLEAF = "broadleaf"
    PALM = "palm"
    BAMBOO = "bamboo"


@dataclass(frozen=True, slots=True)
class Row:
    """Trees along a line: how far, how high in world units, how many a world unit, and how evenly they cover it."""

    name: str
    depth: float
    height: float
    per_unit: float
    kind: TreeKind
    gaps: float = 0.0


class Grove:
    """A mask of trees and the light on them, being drawn."""

    def __init__(self, shape: tuple[int, int], sun_side: float) -> None:
        self.mask: Bytes = np.zeros(shape, np.uint8)
        self.light: Bytes = np.full(shape, _SHADE, np.uint8)
        self._sun_side = sun_side

    def polygon(self, points: Floats, light: int) -> None:
        fixed = [np.round(points * (1 << _SHIFT)).astype(np.int32)]
        cv2.fillPoly(self.mask, fixed, 255, cv2.LINE_AA, _SHIFT)
        cv2.fillPoly(self.light, fixed, light, cv2.LINE_AA, _SHIFT)

    def disc(self, x: float, y: float, radius: float, light: int) -> None:
        centre = (round(x * (1 << _SHIFT)), round(y * (1 << _SHIFT)))
        size = round(max(0.4, radius) * (1 << _SHIFT))
        cv2.circle(self.mask, centre, size, 255, -1, cv2.LINE_AA, _SHIFT)
        cv2.circle(self.light, centre, size, light, -1, cv2.LINE_AA, _SHIFT)

    def soften(self, radius_px: float) -> None:
        """Put everything out of focus."""
        self.mask = cv2.GaussianBlur(self.mask, (0, 0), max(0.3, radius_px))
        self.light = cv2.GaussianBlur(self.light, (0, 0), max(0.3, radius_px))

    def ruffle(self, random: np.random.Generator, leaf_px: float, strength: float) -> None:
        """Break up outlines and shades with noise the size of leaves."""
        rows, columns = self.mask.shape
        leaves = clouds(random, (rows, columns), (rows / leaf_px / 2, columns / leaf_px / 2), 2) - 0.5
        soft = cv2.GaussianBlur(self.mask, (0, 0), max(0.4, leaf_px * 0.4)).astype(np.float32) / 255
        edge = np.clip((soft - 0.45 + leaves * strength) * max(1.0, leaf_px) + 0.5, 0, 1) * np.clip(soft * 12, 0, 1)
        self.mask = np.round(255 * edge).astype(np.uint8)
        light = cv2.GaussianBlur(self.light, (0, 0), max(0.4, leaf_px * 0.35)).astype(np.float32)
        self.light = np.clip(light + leaves * 260 * strength, 0, 255).astype(np.uint8)

    def conifer(self, random: np.random.Generator, x: float, foot: float, height: float) -> None:
        """A spruce: tiers of drooping branches, the sunny half lighter."""
        tiers = int(np.clip(height / 5, 3, 9))
        width = height * random.uniform(0.17, 0.23)
        jitter = random.uniform(0.8, 1.2, (2, tiers))
        ys = foot - height * np.linspace(1.0, 0.06, tiers + 1)
        outlines = []
        for side in (0, 1):
            sign = -1 if side == 0 else 1
            outline = [(x, ys[0])]
            for tier in range(tiers):
                reach = width * (tier + 1) / tiers * jitter[side, tier]
                outline += [(x + sign * reach, ys[tier + 1]), (x + sign * reach * 0.55, ys[tier + 1] - height * 0.012)]
            outlines.append([*outline, (x, ys[-1])])
        tone = int(random.integers(-14, 14))
        sunny = 1 if self._sun_side > 0 else 0
        self.polygon(
            np.array([(x - height * 0.012, foot), (x + height * 0.012, foot), (x, foot - height * 0.2)], np.float32),
            _SHADE,
        )
        self.polygon(np.array(outlines[1 - sunny], np.float32), _SHADE + tone + 14)
        self.polygon(np.array(outlines[sunny], np.float32), _MIDDLE + tone + 40)

    def broadleaf(self, random: np.random.Generator, x: float, foot: float, height: float) -> None:
        """A round crown on a trunk."""
        trunk = height * 0.035
        crown_y, crown = foot - height * 0.62, height * 0.36
        self.polygon(
            np.array(
                [(x - trunk, foot), (x + trunk, foot), (x + trunk * 0.5, crown_y), (x - trunk * 0.5, crown_y)],
                np.float32,
            ),
            20,
        )
        self.heap(random, (x, crown_y), crown, 40 if height > 60 else 16)

    def heap(self, random: np.random.Generator, middle: tuple[float, float], radius: float, clumps: int) -> None:
        """A crown: clumps of leaves over one another, each with a shaded foot and a top lit from the sun's side."""
        angles, reach = np.arange(clumps) * 2.39996, np.sqrt(np.linspace(0.0, 1.0, clumps))  # an even spiral
        xs = middle[0] + np.cos(angles) * reach * radius * random.uniform(0.84, 1.0, clumps)
        ys = middle[1] + np.sin(angles) * reach * radius * random.uniform(0.58, 0.72, clumps)
        sizes = radius * random.uniform(0.19, 0.30, clumps) * (1.15 - 0.35 * reach)
        for index in np.argsort(ys):  # the upper ones are behind
            dim = round(46 * np.clip((ys[index] - middle[1]) / radius + 0.2, 0, 1))
            for light, shift, share in ((_SHADE, 0.0, 1.0), (_MIDDLE, 0.16, 0.84), (_LIT - 30, 0.36, 0.50)):
                dx, dy = self._sun_side * sizes[index] * shift * 0.8, -sizes[index] * shift
                self.disc(xs[index] + dx, ys[index] + dy, sizes[index] * share, max(12, light - dim))

    def fork(self, x: float, foot: float, height: float) -> None:
        """A thick trunk that spreads its roots and forks into three boughs."""
        limbs = (
            [(0.0, 0.0, 0.085), (0.005, -0.05, 0.050), (0.012, -0.24, 0.036), (0.0, -0.50, 0.022)],
            [(0.008, -0.24, 0.030), (-0.08, -0.37, 0.020), (-0.17, -0.54, 0.010)],
            [(0.012, -0.28, 0.028), (0.09, -0.40, 0.019), (0.19, -0.57, 0.009)],
        )
        for limb in limbs:
            for share, shift, light in ((1.0, 0.0, _SHADE), (0.45, 0.4 * self._sun_side, _MIDDLE)):
                right = [(x + height * (at + half * (shift + share)), foot + height * up) for at, up, half in limb]
                left = [(x + height * (at + half * (shift - share)), foot + height * up) for at, up, half in limb]
                self.polygon(np.array([*right, *left[::-1]], np.float32), light)

    def palm(self, random: np.random.Generator, x: float, foot: float, height: float) -> None:
        """A bent trunk with drooping fronds."""
        lean = random.uniform(-0.18, 0.18) * height
        rise = np.linspace(0, 1, 9)
        trunk_xs, trunk_ys = x + lean * rise**1.7, foot - height * 0.86 * rise
        half = height * (0.022 - 0.010 * rise)
        left, right = np.stack([trunk_xs - half, trunk_ys], 1), np.stack([trunk_xs + half, trunk_ys], 1)
        self.polygon(np.concatenate([left, right[::-1]]).astype(np.float32), _SHADE)
        top_x, top_y = trunk_xs[-1], trunk_ys[-1]
        for angle in np.linspace(-2.9, -0.24, 9) + random.uniform(-0.12, 0.12, 9):
            reach = height * random.uniform(0.30, 0.38)
            along = np.linspace(0, 1, 8)
            xs = top_x + np.cos(angle) * reach * along
            ys = top_y + np.sin(angle) * reach * along * 0.75 + 0.85 * reach * along**2.2
            width = height * 0.034 * np.sin(np.pi * np.clip(along * 0.92 + 0.06, 0, 1))
            frond = np.concatenate([np.stack([xs, ys - width], 1), np.stack([xs, ys + width * 1.2], 1)[::-1]])
            lit = _LIT - 40 if np.cos(angle) * self._sun_side > 0 else _MIDDLE - 30
            self.polygon(frond.astype(np.float32), lit)

    def bamboo(self, random: np.random.Generator, x: float, foot: float, height: float) -> None:
        """A slender stem in joints that nods at its top, with sprays of narrow leaves from its middle up."""
        rise = np.linspace(0, 1, 15)
        lean, half = random.uniform(-0.10, 0.10) * height, height * random.uniform(0.0075, 0.0105)
        stem_xs, stem_ys = x + lean * rise**2.4, foot - height * rise
        halves = np.maximum(half * (1 - 0.72 * rise), 0.35)
        tone = int(random.integers(-18, 18))
        for shift, share, light in ((0.0, 1.0, _SHADE + 34 + tone), (0.4 * self._sun_side, 0.45, _MIDDLE + 46 + tone)):
            left, right = stem_xs + halves * (shift - share), stem_xs + halves * (shift + share)
            outline = np.stack([np.concatenate([left, right[::-1]]), np.concatenate([stem_ys, stem_ys[::-1]])], 1)
            self.polygon(outline.astype(np.float32), light)
        for joint in range(1, 14):
            joint_x, joint_y, wide = stem_xs[joint], stem_ys[joint], halves[joint] * 1.35
            ring = [(joint_x - wide, joint_y), (joint_x + wide, joint_y), (joint_x + wide, joint_y + half * 0.5)]
            self.polygon(np.array([*ring, (joint_x - wide, joint_y + half * 0.5)], np.float32), _SHADE + tone)
            if joint > 4:
                self._spray(random, joint_x, joint_y, height * random.uniform(0.075, 0.12))

    def _spray(self, random: np.random.Generator, x: float, y: float, length: float) -> None:
        """A few narrow leaves that hang to both sides."""
        for side in (-1.0, 1.0):
            stalk_x, stalk_y = x + side * length * random.uniform(0.2, 0.7), y - length * random.uniform(0.0, 0.35)
            for angle in random.uniform(-0.25, 1.15, 3):
                reach = length * random.uniform(0.7, 1.2)
                tip = np.array([stalk_x + side * reach * np.cos(angle), stalk_y + reach * np.sin(angle)])
                across = np.array([-np.sin(angle) * side, np.cos(angle)]) * reach * 0.085
                middle = np.array([stalk_x, stalk_y]) * 0.55 + tip * 0.45
                leaf = np.stack([(stalk_x, stalk_y), middle + across, tip, middle - across]).astype(np.float32)
                self.polygon(leaf, _LIT - 20 if side == self._sun_side else _MIDDLE)

    def bare(self, random: np.random.Generator, x: float, foot: float, height: float) -> None:
        """A leafless tree: branches that fork four times."""
        branches = [(x, foot, -np.pi / 2, height * 0.30, height * 0.030)]
        for _ in range(5):
            grown = []
            for start_x, start_y, angle, length, half in branches:
                end_x, end_y = start_x + np.cos(angle) * length, start_y + np.sin(angle) * length
                across = np.array([-np.sin(angle), np.cos(angle)])
                ends = np.array([[start_x, start_y], [end_x, end_y]])
                thick = np.array([[half], [half * 0.68]])
                self.polygon(
                    np.concatenate([ends + across * thick, (ends - across * thick)[::-1]]).astype(np.float32), _SHADE
                )
                turns = random.uniform(0.22, 0.55, 2) * np.array([-1, 1])
                grown += [
                    (end_x, end_y, angle + turn, length * random.uniform(0.66, 0.82), half * 0.66) for turn in turns
                ]
            branches = grown


def tree_row(stage: Stage, row: Row, foot: Callable[[Floats], Floats]) -> Layer:
    """A layer of trees whose feet follow a line given as the height at each x."""
    seen = stage.seen(row.depth)
    line = foot(np.linspace(seen.left, seen.right, 200, dtype=np.float32))
    sheet = stage.sheet(row.depth, top=float(line.min()) - row.height * 1.35, bottom=float(line.max()) + 0.03)
    random = stage.scene.random(f"trees {row.name}")
    grove = Grove(sheet.shape, 1.0 if stage.sun[0] > 0 else -1.0)
    draw = _drawer(grove, stage, row.kind)
    reach = 2.6  # the same trees stand at the same places however wide the view is
    count = round(2 * reach * row.per_unit)
    xs = np.linspace(-reach, reach, count) + random.uniform(-0.4, 0.4, count) * (2 * reach / count)
    keep = profile(random, xs.astype(np.float32), 1.3, 2) > row.gaps * 2 - 1
    sizes = row.height * random.uniform(0.62, 1.0, count) ** 0.8
    feet = foot(xs.astype(np.float32)) + random.uniform(0, 0.012, count)
    children = random.spawn(count)
    for index in np.argsort(feet):
        if keep[index] and seen.left - row.height < xs[index] < seen.right + row.height:
            x, y = (xs[index] - sheet.xs[0, 0]) * sheet.ppu, (feet[index] - sheet.ys[0, 0]) * sheet.ppu
            draw(children[index], float(x), float(y), float(sizes[index] * sheet.ppu))
    if row.kind is TreeKind.BROADLEAF and not stage.scene.is_snowy:
        grove.ruffle(random, min(row.height * 0.030, 0.006) * sheet.ppu, 0.7)
    elif row.kind is TreeKind.CONIFER:
        grove.ruffle(random, row.height * 0.016 * sheet.ppu, 0.4)
    return _coloured(stage, sheet, grove, row)


def _drawer(grove: Grove, stage: Stage, kind: TreeKind) -> Callable[[np.random.Generator, float, float, float], None]:
    if kind is TreeKind.BROADLEAF and stage.scene.is_snowy:
        return grove.bare
    return {
        TreeKind.CONIFER: grove.conifer,
        TreeKind.BROADLEAF: grove.broadleaf,
        TreeKind.PALM: grove.palm,
        TreeKind.BAMBOO: grove.bamboo,
    }[kind]


def _coloured(stage: Stage, sheet: Sheet, grove: Grove, row: Row) -> Layer:
    palette = stage.palette
    material = {
        TreeKind.CONIFER: Material.CONIFER,
        TreeKind.BROADLEAF: Material.FOLIAGE,
        TreeKind.PALM: Material.FOLIAGE,
        TreeKind.BAMBOO: Material.FOLIAGE,
    }[row.kind]
    dark, bright = palette.material(material, 0.0) * np.float32(0.85), palette.material(material, 0.95)
    if row.kind is TreeKind.BROADLEAF and stage.scene.is_snowy:
        dark, bright = palette.material(Material.BARK, 0.1), palette.material(Material.BARK, 0.6)
    snowy = stage.scene.is_snowy and row.kind is TreeKind.CONIFER
    if snowy:
        bright = mix(bright, palette.material(Material.SNOW, 0.85), 0.75)
    return cut_out(stage, sheet, grove, palette.hazed(dark, row.depth), palette.hazed(bright, row.depth))


def cut_out(stage: Stage, sheet: Sheet, grove: Grove, dark: Colour, bright: Colour) -> Layer:
    """A grove as a layer between two colours."""
    light = grove.light.astype(np.float32) / 255
    rgb = cv2.merge([light * float(bright[channel] - dark[channel]) + float(dark[channel]) for channel in range(3)])
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1), grove.mask.astype(np.float32) / 255))
