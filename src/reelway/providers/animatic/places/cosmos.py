"""Outer space: a nebula, stars at two depths and a planet."""

from itertools import pairwise

import cv2
import numpy as np

from reelway.providers.animatic import sky
from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.camera import FAR
from reelway.providers.animatic.canvas import Picture
from reelway.providers.animatic.facts import ColourName, Place
from reelway.providers.animatic.noise import clouds, smoothstep
from reelway.providers.animatic.palette import NAMED, Colour, colour, mix
from reelway.providers.animatic.scene import SceneDescription
from reelway.providers.animatic.stage import Ground, Layer, Setting, Sheet, Stage

_NEBULAE = (
    ("3a1d6e", "c2467f", "ffb37a"),
    ("0d3b66", "2a9d98", "c8f0d8"),
    ("1f2a6e", "7346a3", "f2a3c0"),
    ("4a1a2c", "c8502c", "ffd08a"),
)
_WORLDS = (
    ("20456e", "4f8f6a", "d9c9a0"),
    ("7a4a30", "c98d5b", "f0d9b0"),
    ("35506e", "8fb3c8", "f0f4f8"),
    ("5b2a3c", "b0563f", "e8a05f"),
)
_PLANETS = frozenset({"planet", "planets", "سیارہ", "سیارے", "行星", "星球"})


def space(stage: Stage) -> Setting:
    """Deep space with a planet to one side; subjects float."""
    return Setting([Layer(stage, _nebula(stage)), _near_stars(stage), _planet(stage)], Ground(0.12, 1.0), [])


def _shades(stage: Stage, sets: tuple[tuple[str, str, str], ...], use: str) -> list[Colour]:
    chosen = sets[int(stage.scene.random(use).integers(len(sets)))]
    shades = [colour(code) for code in chosen]
    worn = _planets_colour(stage.scene)
    named = worn if use == "planet colours" else next((name for name in stage.scene.colours if name is not worn), None)
    if named is not None:
        own = NAMED[named]
        shades = [own * np.float32(0.45), own, mix(own, np.ones(3, np.float32), 0.55)]
    return [stage.palette.grade(shade) for shade in shades]


def _planets_colour(scene: SceneDescription) -> ColourName | None:
    """The first colour of the words that is not named right before a nebula, a galaxy or something else out there."""
    for name in scene.colours:
        following = [after for before, after in pairwise(scene.evidence) if before[1] == name]
        if not any(fact == Place.SPACE and phrase not in _PLANETS for phrase, fact in following):
            return name
    return None


def _nebula(stage: Stage) -> Picture:
    sheet = stage.sheet(FAR)
    small = (max(2, sheet.shape[0] // 2), max(2, sheet.shape[1] // 2))
    random = stage.scene.random("nebula noise")
    rows, columns = sheet.cells(1.3)
    cloud = clouds(random, small, (rows, columns), 7, gain=0.5)
    dust = clouds(random, small, (rows * 1.6, columns * 1.6), 7, gain=0.52)
    y = np.linspace(-0.5, 0.5, small[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, small[1], dtype=np.float32)[None]
    tilt = float(random.uniform(-0.45, 0.45))
    band = np.exp(-(((y - tilt * x) / 0.30) ** 2))
    density = np.clip(
        smoothstep(0.20, 0.85, cloud) * (0.30 + 0.85 * band) - 0.35 * smoothstep(0.45, 0.75, dust) * band, 0, 1
    )
    low, middle, high = _shades(stage, _NEBULAE, "nebula")
    glow = density[..., None]
    rgb: Floats = colour("04050d") + low * smoothstep(0.0, 0.5, glow) * np.float32(0.75)
    rgb = (
        rgb
        + middle * smoothstep(0.15, 0.95, glow) * np.float32(0.55)
        + high * smoothstep(0.5, 1.1, glow) * np.float32(0.4)
    )
    full = cv2.resize(rgb.astype(np.float32), sheet.shape[::-1], interpolation=cv2.INTER_LINEAR)
    full += _dots(stage, sheet, "far stars", 1100, 1.0)
    return sheet.picture(np.clip(full, 0, 1, out=full))


def _near_stars(stage: Stage) -> Layer:
    """Brighter stars that shift against the far ones when the camera moves."""
    sheet = stage.sheet(7.0)
    light = _dots(stage, sheet, "near stars", 90, 2.0)
    return Layer(stage, sheet.picture(np.clip(light * 1.2, 0, 1), np.clip(light.max(axis=2), 0, 1)))


def _dots(stage: Stage, sheet: Sheet, use: str, count: int, size: float) -> Floats:
    random = stage.scene.random(use)
    plane = np.zeros(sheet.shape, np.float32)
    places = random.uniform((-1.7, -0.9), (1.7, 0.9), (count, 2))
    values = random.pareto(2.0, count).clip(0.14, 3.0) * 0.55
    for (x, y), value in zip(places, values, strict=True):
        radius = max(0.55, sheet.ppu / 900 * (0.6 + 0.7 * value)) * size**0.5
        sky.stamp(
            plane,
            float((x - sheet.xs[0, 0]) * sheet.ppu),
            float((y - sheet.ys[0, 0]) * sheet.ppu),
            radius,
            float(value),
        )
    return plane[..., None] * np.array([0.93, 0.95, 1.0], np.float32)


def _planet(stage: Stage) -> Layer:
    """A banded or cloudy world, lit from one side, with a thin bright air."""
    random = stage.scene.random("planet")
    radius = float(random.uniform(0.24, 0.34)) * stage.breadth
    side = float(random.choice([-1.0, 1.0]))
    x, y = side * float(random.uniform(0.22, 0.32)) * stage.aspect, float(random.uniform(-0.12, 0.04))
    sheet = stage.sheet(6.0, top=y - radius * 1.3, bottom=y + radius * 1.3)
    across, down = (sheet.xs - x) / radius, (sheet.ys - y) / radius
    distance = np.sqrt(across**2 + down**2)
    bulge = np.sqrt(np.clip(1 - distance**2, 0, 1))
    light_x, light_y, light_z = -side * 0.72, -0.45, 0.53
    lambert = np.clip(across * light_x + down * light_y + bulge * light_z, 0, 1)
    stretch = float(random.choice([1.2, 6.0]))
    surface = clouds(random, sheet.shape, sheet.cells(9.0 / max(0.6, radius * 3), stretch=stretch), 6, gain=0.55)
    low, middle, high = _shades(stage, _WORLDS, "planet colours")
    share = smoothstep(0.36, 0.56, surface)[..., None]
    crown = smoothstep(0.56, 0.72, surface)[..., None]
    ground = low * (1 - share) + middle * share
    ground = ground * (1 - crown) + high * crown
    air = np.clip(1 - np.abs(distance - 0.985) / 0.07, 0, 1) ** 2 * np.clip(lambert * 1.4 + 0.12, 0, 1)
    rgb = ground * (lambert**0.8 * 1.05 + 0.02)[..., None] + air[..., None] * stage.palette.grade(
        colour("a9d4ff")
    ) * np.float32(0.8)
    opacity = np.clip((1 - distance) * radius * sheet.ppu + 0.5, 0, 1)
    halo = np.exp(-np.clip(distance - 1, 0, 9) * 26) * np.clip(across * light_x + down * light_y + 0.35, 0, 1) * 0.45
    cover = np.maximum(opacity, halo)
    rgb = np.where(distance[..., None] > 1.0, stage.palette.grade(colour("9fcbff")), rgb)
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1).astype(np.float32), cover.astype(np.float32)))
