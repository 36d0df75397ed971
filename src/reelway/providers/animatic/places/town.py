"""A city: three depths of buildings with lit windows behind a street."""

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from reelway.providers.animatic import sky
from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.facts import ShotSize, Style, TimeOfDay, Weather
from reelway.providers.animatic.noise import clouds, profile, smoothstep
from reelway.providers.animatic.palette import Colour, Material, colour, mix
from reelway.providers.animatic.stage import Ground, Layer, Setting, Sheet, Stage
from reelway.providers.animatic.water import Water

_REACH = 2.8  # half the built width in world units


@dataclass(frozen=True, slots=True)
class Block:
    """One depth of buildings: their usual height and width, and the size of a window."""

    name: str
    depth: float
    foot: float
    height: float
    width: float
    window: float


def city(stage: Stage) -> Setting:
    """Towers far, blocks nearer, a street that is wet when it rains; from the air, roofs down to the frame's edge."""
    foot, scale = stage.horizon + 0.10, stage.breadth
    blocks = [
        Block("far", 9.0, foot - 0.03, 0.44 * scale, 0.075 * scale, 0.008),
        Block("middle", 5.0, foot, 0.34 * scale, 0.10 * scale, 0.011),
        Block("near", 2.8, foot + 0.05, 0.24 * scale, 0.15 * scale, 0.016),
    ]
    from_above = stage.scene.shot_size is ShotSize.AERIAL
    if from_above:
        blocks += [
            Block("nearer", 2.2, foot + 0.22, 0.22 * scale, 0.15 * scale, 0.016),
            Block("nearest", 1.8, foot + 0.46, 0.26 * scale, 0.18 * scale, 0.019),
        ]
    behind = stage.paint(lambda: sky.sky(stage), *(partial(_buildings, stage, block) for block in blocks))
    if not from_above and stage.scene.weather in (Weather.RAIN, Weather.STORM):
        behind.append(Water(stage, shore=foot + 0.055, depth=2.8, roughness=0.12))
    if not from_above:
        behind.append(_street(stage, foot + 0.065, wet=stage.scene.weather in (Weather.RAIN, Weather.STORM)))
    return Setting(behind, Ground(foot + 0.19, 1.0), [])


def _street(stage: Stage, top: float, *, wet: bool) -> Layer:
    """A pavement, a kerb and a road with a broken line, lit by what stands behind; if wet, it mirrors that."""
    sheet = stage.sheet(1.3, top=top)
    palette = stage.palette
    random = stage.scene.random("street")
    rough = clouds(random, sheet.shape, sheet.cells(60, stretch=3), 3, gain=0.8) - 0.5
    down = (sheet.ys - top) / 0.3
    exposure = np.clip(0.42 - 0.25 * down + 0.16 * rough, 0, 1)
    kerb = 0.16
    road = smoothstep(kerb, kerb + 0.02, down)
    light, dark = palette.material(Material.STONE, 0.8), palette.material(Material.STONE, 0.0) * np.float32(0.8)
    rgb = dark + (light - dark) * (exposure * (1 - 0.45 * road))[..., None]
    rgb += (light - rgb) * (0.35 * np.exp(-(((down - kerb) / 0.018) ** 2)))[..., None]
    dash = smoothstep(0.30, 0.36, np.abs((sheet.xs * 2.4) % 1 - 0.5) * -1 + 0.62) * np.exp(
        -(((down - 0.62) / 0.028) ** 4)
    )
    rgb += (light - rgb) * (0.5 * dash)[..., None]
    if stage.scene.time_of_day in (TimeOfDay.NIGHT, TimeOfDay.DUSK):
        glow = np.exp(-down * 2.2) * (0.5 + 0.5 * profile(random, sheet.xs, 2.2, 3)) * 0.30
        rgb += glow[..., None] * lamp_colour(stage, random)
    opacity = np.clip((sheet.ys - top) * sheet.ppu, 0, 1) * np.ones_like(sheet.xs)
    if wet:
        opacity = opacity * np.clip(0.80 + 0.5 * rough - 0.25 * road, 0, 1)
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1).astype(np.float32), opacity.astype(np.float32)))


def _buildings(stage: Stage, block: Block) -> Layer:
    sheet = stage.sheet(block.depth, top=block.foot - block.height * 1.9, bottom=block.foot + 0.12)
    random = stage.scene.random(f"buildings {block.name}")
    palette = stage.palette
    night = stage.scene.time_of_day in (TimeOfDay.NIGHT, TimeOfDay.DUSK)
    wall, shade = palette.material(Material.STONE, 0.55), palette.material(Material.STONE, 0.1)
    rgb = np.empty((*sheet.shape, 3), np.float32)
    rgb[:] = palette.hazed(shade, block.depth)
    opacity = (sheet.ys > block.foot - 0.004).astype(np.float32) * np.ones_like(sheet.xs)
    glow = np.zeros((*sheet.shape, 3), np.float32)
    x = -_REACH
    while x < _REACH:
        width = block.width * float(random.uniform(0.55, 1.35))
        tall = 0.5 + 0.5 * float(profile(stage.scene.random("downtown"), np.array([x], np.float32), 0.8, 2)[0])
        height = block.height * float(random.uniform(0.45, 1.0)) * (0.45 + 1.1 * tall)
        warmth = random.normal(0, 0.07, 3).astype(np.float32)
        tone = np.clip(mix(wall, shade, float(random.uniform(0.0, 0.9))) * (1 + warmth), 0, 1)
        building = random.spawn(1)[0]
        _raise(
            stage,
            sheet,
            block,
            building,
            (x, width, height),
            palette.hazed(tone, block.depth),
            (rgb, opacity, glow),
            lit=night,
        )
        x += width * float(random.uniform(0.82, 1.15))
    haze = np.clip((sheet.ys - (block.foot - 0.7 * block.height)) / (0.7 * block.height), 0, 1)[..., None] * 0.55
    rgb += (palette.haze - rgb) * haze * np.float32(palette.haze_share(block.depth + 2))
    if night:
        bloom = cv2.GaussianBlur(glow, (0, 0), 0.006 * sheet.ppu)
        rgb += glow + bloom * np.float32(0.9)
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1, out=rgb), opacity))


def _raise(
    stage: Stage,
    sheet: Sheet,
    block: Block,
    random: np.random.Generator,
    plot: tuple[float, float, float],
    tone: Colour,
    painted: tuple[Floats, Floats, Floats],
    *,
    lit: bool,
) -> None:
    """Put one building on a plot (left edge, width, height): body, roof, sunny side and windows."""
    x, width, height = plot
    body = pixels_of(sheet, x, x + width, block.foot - height, block.foot)
    if body is None:
        return
    rgb, opacity, glow = painted
    rgb[body], opacity[body], glow[body] = tone, 1.0, 0.0
    side = x + 0.72 * width if stage.sun[0] > 0 else x
    edge = pixels_of(sheet, side, side + 0.28 * width, block.foot - height, block.foot)
    if edge is not None:
        rgb[edge] = np.clip(tone * np.float32(1.16), 0, 1)
    if random.random() < 0.4:
        inset = width * float(random.uniform(0.15, 0.35))
        roof = pixels_of(sheet, x + inset, x + width - inset, block.foot - height * 1.14, block.foot - height)
        if roof is not None:
            rgb[roof], opacity[roof], glow[roof] = tone, 1.0, 0.0
    if random.random() < 0.3:
        mast = pixels_of(
            sheet, x + width * 0.48, x + width * 0.48 + 0.004, block.foot - height * 1.4, block.foot - height
        )
        if mast is not None:
            rgb[mast], opacity[mast] = tone, 1.0
    window_grid(stage, random, (body, block.window * sheet.ppu), (rgb, glow), lit=lit)


def window_grid(
    stage: Stage,
    random: np.random.Generator,
    where: tuple[tuple[slice, slice], float],
    painted: tuple[Floats, Floats],
    *,
    lit: bool,
) -> None:
    """A grid of windows, the pixels between two of them given; at night some are lit, by day they mirror the sky."""
    (rows, columns), size_px = where
    pitch = max(3.0, size_px)
    down, across = np.arange(rows.stop - rows.start) / (pitch * 1.25), np.arange(columns.stop - columns.start) / pitch
    count = int(down[-1]) + 1, int(across[-1]) + 1
    pane = ((down % 1 > 0.35)[:, None] & (across % 1 > 0.3)[None]).astype(np.float32)
    share = float(random.uniform(0.05, 0.34))
    floors = random.random((count[0], 1)) < 0.10  # an office that is still at work lights a whole floor
    on = ((random.random(count) < share) | floors) * random.uniform(0.25, 1.0, count)
    light = on.astype(np.float32)[down.astype(int)][:, across.astype(int)] * pane
    rgb, glow = painted
    if lit:
        lamp = lamp_colour(stage, random)
        glow[rows, columns] += light[..., None] * lamp
    glass = mix(stage.palette.sky[1], stage.palette.fill, 0.5)
    rgb[rows, columns] += (glass - rgb[rows, columns]) * (pane * np.float32(0.22))[..., None]


def lamp_colour(stage: Stage, random: np.random.Generator) -> Colour:
    neon = stage.scene.style is Style.NEON
    codes = ("ff4fa3", "47e6ff", "b06bff", "ffd27a") if neon else ("ffd391", "ffc06a", "ffe7bd", "bcd8ff")
    strength = 0.85 if stage.scene.time_of_day is TimeOfDay.NIGHT else 0.6
    return stage.palette.grade(colour(codes[int(random.integers(len(codes)))])) * np.float32(strength)


def pixels_of(sheet: Sheet, left: float, right: float, top: float, bottom: float) -> tuple[slice, slice] | None:
    """The pixels of a rectangle in world units; None when there are none."""
    rows, columns = sheet.shape
    first_column, last_column = (round((x - sheet.xs[0, 0]) * sheet.ppu) for x in (left, right))
    first_row, last_row = (round((y - sheet.ys[0, 0]) * sheet.ppu) for y in (top, bottom))
    first_column, last_column = max(0, first_column), min(columns, last_column)
    first_row, last_row = max(0, first_row), min(rows, last_row)
    if first_column >= last_column or first_row >= last_row:
        return None
    return slice(first_row, last_row), slice(first_column, last_column)
