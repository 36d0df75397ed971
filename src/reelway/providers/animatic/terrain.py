"""Land: mountain ranges, hills and dunes, as layers with light, shade and the haze of their distance."""

from dataclasses import dataclass

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.noise import clouds, profile, smoothstep
from reelway.providers.animatic.palette import Colour, Material, mix
from reelway.providers.animatic.stage import Layer, Sheet, Stage

_SLOPE_SCALES = (0.006, 0.02, 0.06, 0.15)  # world units over which a slope is averaged, finer near the crest


@dataclass(frozen=True, slots=True)
class Relief:
    """One range's shape: the line its feet stand on, its height above it, and how many bumps a world unit has."""

    name: str
    depth: float
    base: float
    height: float
    frequency: float


def crest(stage: Stage, relief: Relief, xs: Floats, *, ridged: bool, octaves: int = 6) -> Floats:
    """The height of the skyline along x."""
    random = stage.scene.random(f"crest {relief.name}")
    line = profile(random, xs, relief.frequency, octaves, gain=0.48 if ridged else 0.36, ridged=ridged)
    share = np.clip(0.5 + (0.62 if ridged else 0.5) * line, 0.02, 1.2)
    return (relief.base - relief.height * share).astype(np.float32)


def mountains(stage: Stage, relief: Relief, *, snow_line: float, bottom: float, forested: float = 0.0) -> Layer:
    """A rocky range; `snow_line` is the height, in shares of the range's own, above which snow lies."""
    sheet = stage.sheet(relief.depth, top=relief.base - relief.height * 1.25, bottom=bottom)
    line = crest(stage, relief, sheet.xs, ridged=True, octaves=7)
    below = sheet.ys - line
    random = stage.scene.random(f"rock {relief.name}")
    rough = clouds(random, sheet.shape, sheet.cells(9 / relief.height * 0.3, stretch=0.6), 5, gain=0.6)
    light = _slope_light(stage, sheet, line, below + 0.16 * relief.height * (rough - 0.5))
    light = np.clip(light + 0.9 * (rough - 0.5), 0, 1)
    altitude = (relief.base - sheet.ys) / relief.height + 0.55 * (rough - 0.5) + 0.25 * (light - 0.5)
    snow = smoothstep(snow_line - 0.05, snow_line + 0.06, altitude)
    trees = smoothstep(forested + 0.05, forested - 0.05, altitude + 0.3 * (rough - 0.5)) if forested else None
    palette = stage.palette
    planes = _between(palette.material(Material.ROCK, 0.06), palette.material(Material.ROCK, 0.85), light)
    _paint(planes, _between(palette.material(Material.SNOW, 0.14), palette.material(Material.SNOW, 0.95), light), snow)
    if trees is not None:
        dark = palette.material(Material.CONIFER, 0.1)
        _paint(planes, _between(dark, palette.material(Material.CONIFER, 0.7), light), trees)
    return _distant(stage, sheet, planes, below, valley=relief.base - 0.15 * relief.height)


def hills(stage: Stage, relief: Relief, material: Material, *, bottom: float, furrows: float = 0.0) -> Layer:
    """Rounded land with patches of growth; `furrows` 0 to 1 ploughs it."""
    sheet = stage.sheet(relief.depth, top=relief.base - relief.height * 1.15, bottom=bottom)
    line = crest(stage, relief, sheet.xs, ridged=False, octaves=4)
    below = sheet.ys - line
    random = stage.scene.random(f"ground {relief.name}")
    patches = clouds(random, sheet.shape, sheet.cells(7.0, stretch=4.5), 6, gain=0.62)
    light = _slope_light(stage, sheet, line, below * 0.6) * 0.55 + 0.42
    light = light + 0.75 * (patches - 0.5) - 0.5 * np.clip(below, 0, 0.6)
    if furrows:
        light = light + furrows * 0.10 * np.sin(below * 160 / relief.depth + 8 * patches)
    light = np.clip(light + 0.35 * np.exp(-below * 45), 0, 1)
    palette = stage.palette
    planes = _between(palette.material(material, 0.06), palette.material(material, 0.95), light)
    return _distant(stage, sheet, planes, below, valley=9.0)


def dunes(stage: Stage, relief: Relief, *, bottom: float) -> Layer:
    """Sand with a sharp crest: a sunny side, a shaded side and ripples."""
    sheet = stage.sheet(relief.depth, top=relief.base - relief.height * 1.2, bottom=bottom)
    line = crest(stage, relief, sheet.xs, ridged=False, octaves=2)
    below = sheet.ys - line
    random = stage.scene.random(f"sand {relief.name}")
    wind = clouds(random, sheet.shape, sheet.cells(1.2, stretch=3.0), 3)
    side = 1.0 if stage.sun[0] > 0 else -1.0
    slope = np.gradient(line, axis=1) * sheet.ppu * side
    spine = relief.height * (0.25 + 0.9 * np.clip(profile(random, sheet.xs, 1.1, 2) + 0.25, 0, 1.3))
    edge = (below - spine - 0.5 * relief.height * (wind - 0.5)) / (0.05 + 0.12 * relief.height)
    shaded = smoothstep(0.05, -0.35, slope) * smoothstep(0.5, -0.5, edge)
    ripples = 0.035 * np.sin((below * 420 + 50 * wind + sheet.xs * 14) / relief.depth) * (1 if relief.depth < 4 else 0)
    light = np.clip(0.86 + 0.35 * slope + 0.4 * (wind - 0.5) - 0.62 * shaded - 0.5 * below + ripples, 0, 1)
    palette = stage.palette
    planes = _between(palette.material(Material.SAND, 0.05), palette.material(Material.SAND, 1.0), light)
    return _distant(stage, sheet, planes, below, valley=9.0)


def _slope_light(stage: Stage, sheet: Sheet, line: Floats, below: Floats) -> Floats:
    """Light by the slope of the skyline above each point, averaged over more of it the further down the point is."""
    side = -1.0 if stage.sun[0] > 0 else 1.0
    slope = np.gradient(line[0]) * sheet.ppu * side * -1.0
    columns = np.arange(sheet.shape[1])
    lights = []
    for scale in _SLOPE_SCALES:
        width = max(1, round(scale * sheet.ppu)) * 2 + 1
        smooth = cv2.blur(slope.reshape(1, -1).astype(np.float32), (width, 1))[0]
        lights.append(np.clip(0.5 + 0.42 * smooth, 0, 1))
    level = np.clip(np.log2(np.maximum(below, 0.004) / 0.012) * 0.62, 0, len(lights) - 1.001).astype(np.float32)
    whole = level.astype(np.int32)
    part = level - whole
    table = np.stack(lights).astype(np.float32)
    result: Floats = table[whole, columns] * (1 - part) + table[whole + 1, columns] * part
    return result


def _between(dark: Colour, bright: Colour, light: Floats) -> Floats:
    """Colours between two by a scalar sheet, as three planes: shape (3, rows, columns)."""
    planes: Floats = dark[:, None, None] + (bright - dark)[:, None, None] * light.astype(np.float32)
    return planes


def _paint(planes: Floats, over: Floats, share: Floats) -> None:
    """Lay other planes over, `share` 0 to 1 of them."""
    over -= planes
    over *= share
    planes += over


def _distant(stage: Stage, sheet: Sheet, planes: Floats, below: Floats, *, valley: float) -> Layer:
    """Fade the layer into the haze, more so towards a valley's floor, warm its crest near the sun, and cut it out."""
    palette = stage.palette
    share = palette.haze_share(sheet.depth)
    low = smoothstep(valley - 0.02, valley + 0.16, sheet.ys) * min(1.0, 0.25 + share)
    fade = np.clip(share + (1 - share) * low, 0, 1).astype(np.float32)
    haze = mix(palette.haze, palette.sky[-1], min(0.5, share * 0.4))
    planes *= 1 - fade
    planes += haze[:, None, None] * fade
    strength = np.float32(0.22 * min(1.0, float(palette.key.max())))
    rim = np.exp(-np.maximum(below, 0) * 55) * (strength * np.exp(-np.abs(sheet.xs - stage.sun[0]) / 0.35))
    for plane, part in zip(planes, palette.sun, strict=True):
        plane += rim * part
    opacity = np.clip(below * sheet.ppu + 0.5, 0, 1).astype(np.float32)
    np.clip(planes, 0, 1, out=planes)
    return Layer(stage, sheet.picture(cv2.merge(list(planes)), opacity))
