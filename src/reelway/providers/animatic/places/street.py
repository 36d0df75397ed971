"""A street: house fronts on both sides that step away into the distance, lamps, signs, and a road, wet in rain."""

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from reelway.providers.animatic import sky
from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.facts import Feature, ShotSize, Style, TimeOfDay, Weather
from reelway.providers.animatic.noise import clouds, smoothstep
from reelway.providers.animatic.palette import Colour, Material, colour, mix
from reelway.providers.animatic.places.town import city, lamp_colour, pixels_of, window_grid
from reelway.providers.animatic.stage import Element, Ground, Layer, Setting, Sheet, Stage
from reelway.providers.animatic.water import Water

_DEPTHS = (18.0, 11.0, 7.2, 5.0, 3.6, 2.6)
_SEEN_ASIDE = 0.34  # world units that a camera may see past the corner of a nearer house
_SIDES = (-1.0, 1.0)  # left and right
_HALF = 0.92  # half the street's width at depth 1, in world units
_WIDEST = 0.62 * 2.4  # a house front at depth 1
_MARGIN = 0.05  # world units painted beyond the fronts
_GLOW = 0.5  # how far a lamp's light reaches at depth 1
_FALL = 0.60  # how far below the horizon the ground lies at depth 1
_FACADES = ("b08d74", "8f8578", "a8794f", "7f868c", "b7a68f", "8a5f4f")
_SIGNS = ("ff4fa3", "3fe0ff", "ffd23f", "b06bff", "5dff9a", "ff6a3d")


@dataclass(frozen=True, slots=True)
class _Front:
    """A house front: which side it is on (-1 left), its near corner and far corner across, its foot and its height."""

    side: float
    inner: float
    outer: float
    foot: float
    height: float


def street(stage: Stage) -> Setting:
    """From the air a street is the city around it."""
    if stage.scene.shot_size is ShotSize.AERIAL:
        return city(stage)
    horizon = stage.horizon
    wet = stage.scene.weather in (Weather.RAIN, Weather.STORM)
    rows = [
        partial(_fronts, stage, depth, nearer, side)
        for depth, nearer in zip(_DEPTHS, (*_DEPTHS[1:], None), strict=True)
        for side in _SIDES
    ]
    *fronts, road = stage.paint(*rows, lambda: _road(stage, wet=wet))
    behind: list[Element] = [*sky.sky(stage, bottom=horizon + 0.1)]
    if wet:  # what the road mirrors must be there before it
        behind.extend(fronts)
        behind.append(Water(stage, shore=horizon + _FALL / _DEPTHS[0], depth=6.0, roughness=0.10))
    behind.append(road)
    for depth, pair in zip(_DEPTHS, zip(fronts[::2], fronts[1::2], strict=True), strict=True):
        if not wet or depth < 4:
            behind.extend(pair)
        if depth < 12:
            behind.extend(_lamp(stage, depth * 0.94, side) for side in _SIDES)
    return Setting(behind, Ground(horizon + _FALL / 1.75, 1.4), [])


def _is_lit(stage: Stage) -> bool:
    return stage.scene.time_of_day in (TimeOfDay.NIGHT, TimeOfDay.DUSK)


def _fronts(stage: Stage, depth: float, nearer: float | None, side: float) -> Layer:
    """One side of the street at one distance, as far aside as the nearer houses let it be seen."""
    foot = stage.horizon + _FALL / depth
    end = _HALF / nearer + _SEEN_ASIDE if nearer is not None else 1.9
    edges = sorted((side * (_HALF / depth - _MARGIN), side * (end + _WIDEST / depth + _MARGIN)))
    sheet = stage.sheet(depth, bottom=foot + 0.03, across=(edges[0], edges[1]))
    random = stage.scene.random(f"fronts {depth} {side}")
    rgb = np.zeros((*sheet.shape, 3), np.float32)
    glow, opacity = np.zeros_like(rgb), np.zeros(sheet.shape, np.float32)
    inner = _HALF / depth + 0.02
    while inner < end:
        width = float(random.uniform(0.34, 0.62)) * 2.4 / depth + 0.02
        height = float(random.uniform(0.85, 1.9)) * 1.7 / depth**0.8 * stage.breadth
        front = _Front(side, inner, inner + width, foot, height)
        _build(stage, sheet, front, depth, random.spawn(1)[0], (rgb, glow, opacity))
        inner += width
    haze = stage.palette.haze_share(depth) * smoothstep(foot - 1.2 / depth, foot, sheet.ys)[..., None] * 0.8
    rgb += (stage.palette.haze - rgb) * haze
    if _is_lit(stage):
        rgb += glow + cv2.GaussianBlur(glow, (0, 0), 0.011 * sheet.ppu) * np.float32(0.9)
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1, out=rgb), opacity))


def _build(
    stage: Stage,
    sheet: Sheet,
    front: _Front,
    depth: float,
    random: np.random.Generator,
    painted: tuple[Floats, Floats, Floats],
) -> None:
    """One house: wall, cornice, windows, a shop window at the foot and now and then a sign."""
    left, right = sorted((front.side * front.inner, front.side * front.outer))
    body = pixels_of(sheet, left, right, front.foot - front.height, front.foot)
    if body is None:
        return
    rgb, glow, opacity = painted
    palette = stage.palette
    wall = palette.grade(colour(_FACADES[int(random.integers(len(_FACADES)))]))
    tone = palette.hazed(palette.lit(wall, 0.30 + 0.30 * float(random.random())), depth)
    rgb[body], opacity[body], glow[body] = tone, 1.0, 0.0
    rows = body[0].stop - body[0].start
    shade = np.linspace(1.12, 0.74, rows, dtype=np.float32)[:, None, None]
    rgb[body] *= shade
    cornice = pixels_of(sheet, left, right, front.foot - front.height, front.foot - front.height + 0.05 / depth)
    if cornice is not None:
        rgb[cornice] *= np.float32(0.72)
    corner_x = sorted((front.side * front.inner, front.side * (front.inner + 0.05 / depth)))
    corner = pixels_of(sheet, corner_x[0], corner_x[1], front.foot - front.height, front.foot)
    if corner is not None:  # the edge that looks down the street catches the light
        rgb[corner] *= np.float32(1.22)
    upper = pixels_of(
        sheet,
        left + 0.03 / depth,
        right - 0.03 / depth,
        front.foot - front.height + 0.09 / depth,
        front.foot - 0.42 / depth,
    )
    if upper is not None:
        window_grid(stage, random, (upper, 0.062 / depth * sheet.ppu), (rgb, glow), lit=_is_lit(stage))
    _shop(stage, sheet, (left, right), front, depth, random, painted)


def _shop(
    stage: Stage,
    sheet: Sheet,
    across: tuple[float, float],
    front: _Front,
    depth: float,
    random: np.random.Generator,
    painted: tuple[Floats, Floats, Floats],
) -> None:
    rgb, glow, _ = painted
    left, right = across
    edge = 0.06 * (right - left)
    pane = pixels_of(sheet, left + edge, right - edge, front.foot - 0.28 / depth, front.foot - 0.03 / depth)
    lamp = lamp_colour(stage, random)
    if pane is not None:
        glass = mix(stage.palette.sky[1], stage.palette.fill, 0.6) * np.float32(0.6)
        rgb[pane] += (glass - rgb[pane]) * np.float32(0.75)
        if _is_lit(stage) and random.random() < 0.7:
            bars = (np.arange(pane[1].stop - pane[1].start) / max(2.0, 0.10 / depth * sheet.ppu)) % 1 > 0.1
            glow[pane] += lamp * (np.float32(0.40) * bars)[None, :, None]
    awning = pixels_of(sheet, left + edge / 2, right - edge / 2, front.foot - 0.36 / depth, front.foot - 0.28 / depth)
    hue = stage.palette.grade(colour(_SIGNS[int(random.integers(len(_SIGNS)))]))
    if awning is not None:
        rgb[awning] = stage.palette.hazed(stage.palette.lit(hue * np.float32(0.75), 0.55), depth)
    if _is_lit(stage) and (stage.scene.style is Style.NEON or random.random() < 0.4):
        x = sorted((front.side * (front.inner + 0.02 / depth), front.side * (front.inner + 0.095 / depth)))
        tall = float(random.uniform(0.3, 0.7)) / depth
        top = front.foot - 0.5 / depth - tall
        sign = pixels_of(sheet, x[0], x[1], top, top + tall)
        if sign is not None:
            glow[sign] = hue * np.float32(0.95)


def _road(stage: Stage, *, wet: bool) -> Layer:
    """Roadway, kerbs and pavements in perspective; a wet road lets the mirror image below it through."""
    top = stage.horizon + _FALL / _DEPTHS[0]
    sheet = stage.sheet(1.6, top=top)
    palette = stage.palette
    below = np.maximum(sheet.ys - stage.horizon, 1e-3)
    across, away = sheet.xs / below * _FALL, _FALL / below
    rough = clouds(stage.scene.random("road"), sheet.shape, sheet.cells(46, stretch=3.5), 4, gain=0.75) - 0.5
    is_pavement = smoothstep(0.60, 0.615, np.abs(across))
    dark, light = palette.material(Material.STONE, 0.02) * np.float32(0.75), palette.material(Material.STONE, 0.55)
    rgb = dark + (light - dark) * (0.30 + 0.38 * is_pavement + 0.22 * rough)[..., None]
    joints = smoothstep(0.90, 0.96, (away * 3) % 1) * is_pavement * np.clip(3 - away, 0, 1)
    kerb = np.exp(-(((np.abs(across) - 0.605) / 0.012) ** 2))
    dashes = smoothstep(0.012, 0.008, np.abs(across)) * smoothstep(0.42, 0.48, (away * 0.9) % 1)
    rgb *= (1 - 0.25 * joints)[..., None]
    rgb += (light - rgb) * (0.55 * kerb + 0.6 * dashes)[..., None]
    fade = np.clip((away - 1) * 0.07, 0, 0.8) * (1 if not wet else 0.6)
    rgb += (palette.haze - rgb) * (fade * palette.haze_density * 4)[..., None].clip(0, 0.8)
    if _is_lit(stage):
        random = stage.scene.random("pools")
        for depth in (5.4, 3.6, 2.5, 1.7):
            for side in (-1, 1):
                pool = np.exp(-((across - 0.52 * side) ** 2) / 0.04 - ((away - depth) / (0.22 * depth)) ** 2)
                rgb += 0.30 * pool[..., None] * lamp_colour(stage, random)
    opacity = np.clip((sheet.ys - top) * sheet.ppu, 0, 1) * np.ones_like(sheet.xs)
    if wet:
        opacity = opacity * (0.50 + 0.35 * is_pavement + 0.35 * np.abs(rough))
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1).astype(np.float32), np.clip(opacity, 0, 1).astype(np.float32)))


def _lamp(stage: Stage, depth: float, side: float) -> Layer:
    """A street lamp, burning when it is dark."""
    foot = stage.horizon + _FALL / depth
    x = side * 0.66 / depth
    reach = (x - _GLOW / depth, x + _GLOW / depth)
    sheet = stage.sheet(depth, top=foot - 1.1 / depth, bottom=foot + 0.01, across=reach)
    pole = stage.palette.hazed(stage.palette.lit(colour("2c2f33"), 0.4), depth)
    rgb = np.empty((*sheet.shape, 3), np.float32)
    rgb[:] = pole
    opacity = np.zeros(sheet.shape, np.float32)
    height = 0.78 / depth
    half = max(0.006 / depth, 0.7 / sheet.ppu)
    is_pole = (np.abs(sheet.xs - x) < half) & (sheet.ys > foot - height) & (sheet.ys < foot)
    arm = (np.abs(sheet.ys - (foot - height)) < half) & (np.abs(sheet.xs - (x - side * 0.05 / depth)) < 0.05 / depth)
    opacity[is_pole | arm] = 1.0
    head = np.sqrt((sheet.xs - (x - side * 0.09 / depth)) ** 2 + (sheet.ys - (foot - height + 0.012 / depth)) ** 2)
    lamp = smoothstep(0.024 / depth, 0.014 / depth, head)
    if _is_lit(stage) and Feature.SUN not in stage.scene.features:
        light: Colour = stage.palette.grade(colour("ffdf9e"))
        halo = 0.5 * np.exp(-((head / (0.10 / depth)) ** 1.3))
        share = np.clip(lamp + halo, 0, 1)[..., None]
        rgb += (light - rgb) * share
        opacity = np.maximum(opacity, np.clip(lamp + halo, 0, 1))
    else:
        opacity = np.maximum(opacity, lamp)
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1), opacity.astype(np.float32)))
