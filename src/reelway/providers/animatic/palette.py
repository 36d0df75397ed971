"""Colours: what the light of a time of day and a weather makes of the sky and of every material."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TypeAlias

import numpy as np

from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.facts import ColourName, Mood, Season, Style, TimeOfDay, Weather
from reelway.providers.animatic.scene import SceneDescription

Colour: TypeAlias = Floats  # red, green, blue, 0 to 1, as displayed


class Material(StrEnum):
    ROCK = "rock"
    SNOW = "snow"
    GRASS = "grass"
    FOLIAGE = "foliage"
    CONIFER = "conifer"
    SAND = "sand"
    EARTH = "earth"
    WATER = "water"
    STONE = "stone"
    BARK = "bark"
    CLOUD = "cloud"


def colour(code: str) -> Colour:
    """The colour of an "rrggbb" code."""
    return np.array([int(code[start : start + 2], 16) / 255 for start in (0, 2, 4)], np.float32)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` 0 gives the first colour, 1 the second."""
    return first * np.float32(1 - share) + second * np.float32(share)


def luma(value: Colour) -> float:
    return float(value @ np.array([0.2126, 0.7152, 0.0722], np.float32))


NAMED: Mapping[ColourName, Colour] = {
    ColourName.RED: colour("c8302c"),
    ColourName.ORANGE: colour("e07b2a"),
    ColourName.GOLD: colour("d9a441"),
    ColourName.YELLOW: colour("e8c83a"),
    ColourName.GREEN: colour("3f8f4f"),
    ColourName.TEAL: colour("2a9d98"),
    ColourName.BLUE: colour("2f62b5"),
    ColourName.PURPLE: colour("7346a3"),
    ColourName.PINK: colour("e283a6"),
    ColourName.BROWN: colour("7b5236"),
    ColourName.WHITE: colour("f1f0ea"),
    ColourName.GREY: colour("8b9097"),
    ColourName.BLACK: colour("23242a"),
}

_MATERIALS: Mapping[Material, Colour] = {
    Material.ROCK: colour("7d7676"),
    Material.SNOW: colour("f4f6fb"),
    Material.GRASS: colour("83a04c"),
    Material.FOLIAGE: colour("5f8a45"),
    Material.CONIFER: colour("3f6650"),
    Material.SAND: colour("dcb27a"),
    Material.EARTH: colour("80634a"),
    Material.WATER: colour("2d6a86"),
    Material.STONE: colour("a39c94"),
    Material.BARK: colour("4d4038"),
    Material.CLOUD: colour("ffffff"),
}

_SEASONAL: Mapping[Season, Mapping[Material, Colour]] = {
    Season.SPRING: {Material.GRASS: colour("8fb552"), Material.FOLIAGE: colour("e3a5bb")},
    Season.SUMMER: {},
    Season.AUTUMN: {Material.GRASS: colour("b09a4c"), Material.FOLIAGE: colour("cf7a2e")},
    Season.WINTER: {
        Material.GRASS: colour("e3e9f1"),
        Material.FOLIAGE: colour("a9b4bd"),
        Material.EARTH: colour("c9cfd8"),
        Material.CONIFER: colour("7f958f"),
    },
}


def _ungraded(value: Colour) -> Colour:
    return value


Grade = Callable[[Colour], Colour]


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one scene.

    `sky` runs from the zenith to the horizon in even steps. `key` is the light that falls on things and `fill` what the
    shadows get; `sun` is the colour of the disc and its glow. `haze` is what distance fades into, `haze_density` how
    fast. `grade` is what the style does to a colour that comes from elsewhere, such as a lamp's.
    """

    sky: tuple[Colour, ...]
    key: Colour
    fill: Colour
    sun: Colour
    haze: Colour
    haze_density: float
    materials: Mapping[Material, Colour]
    grade: Grade = _ungraded

    def lit(self, albedo: Colour, exposure: float) -> Colour:
        """A surface's colour; exposure 0 is full shade and 1 full light."""
        return np.clip(albedo * (self.fill + self.key * np.float32(exposure)), 0, 1).astype(np.float32)

    def material(self, material: Material, exposure: float) -> Colour:
        return self.lit(self.materials[material], exposure)

    def hazed(self, value: Colour, depth: float) -> Colour:
        """The colour as it looks at a distance."""
        return mix(value, self.haze, self.haze_share(depth))

    def haze_share(self, depth: float) -> float:
        return float(1 - np.exp(-self.haze_density * max(0.0, depth - 1)))


_TIMES: Mapping[TimeOfDay, Palette] = {
    TimeOfDay.DAWN: Palette(
        sky=(colour("3d4f8c"), colour("8d86bd"), colour("eab0ab"), colour("fde2bd")),
        key=np.array([0.95, 0.72, 0.58], np.float32),
        fill=np.array([0.30, 0.30, 0.42], np.float32),
        sun=colour("ffe2b4"),
        haze=colour("ecc0b6"),
        haze_density=0.13,
        materials=_MATERIALS,
    ),
    TimeOfDay.DAY: Palette(
        sky=(colour("2d6cb4"), colour("5c9dd6"), colour("a3cdeb"), colour("e0f0f6")),
        key=np.array([0.78, 0.75, 0.68], np.float32),
        fill=np.array([0.36, 0.42, 0.50], np.float32),
        sun=colour("fff7e2"),
        haze=colour("c3dcec"),
        haze_density=0.11,
        materials=_MATERIALS,
    ),
    TimeOfDay.DUSK: Palette(
        sky=(colour("23285c"), colour("6b4585"), colour("dd6a62"), colour("ffbd74")),
        key=np.array([0.95, 0.52, 0.32], np.float32),
        fill=np.array([0.22, 0.18, 0.30], np.float32),
        sun=colour("ffd08a"),
        haze=colour("dd8471"),
        haze_density=0.13,
        materials=_MATERIALS,
    ),
    TimeOfDay.NIGHT: Palette(
        sky=(colour("060b20"), colour("0d1a3d"), colour("1a3462"), colour("305583")),
        key=np.array([0.19, 0.25, 0.40], np.float32),
        fill=np.array([0.055, 0.075, 0.14], np.float32),
        sun=colour("e6edff"),
        haze=colour("23406a"),
        haze_density=0.12,
        materials=_MATERIALS,
    ),
}

# How a weather grades the light: greyness, brightness, density of the haze, and how much direct light is left.
_WEATHERS: Mapping[Weather, tuple[float, float, float, float]] = {
    Weather.CLEAR: (0.0, 1.0, 1.0, 1.0),
    Weather.CLOUD: (0.22, 0.95, 1.2, 0.72),
    Weather.RAIN: (0.6, 0.72, 2.0, 0.35),
    Weather.SNOW: (0.5, 0.98, 2.2, 0.55),
    Weather.FOG: (0.5, 0.98, 3.0, 0.5),
    Weather.STORM: (0.6, 0.5, 1.6, 0.3),
}

# How a style grades every colour: saturation, contrast, and a tint with its strength.
_STYLES: Mapping[Style, tuple[float, float, Colour, float]] = {
    Style.NOIR: (0.0, 1.25, colour("808080"), 0.0),
    Style.VINTAGE: (0.5, 0.9, colour("c9a26b"), 0.22),
    Style.NEON: (1.35, 1.1, colour("7a2bd6"), 0.16),
    Style.WATERCOLOUR: (0.8, 0.78, colour("f5ecd9"), 0.22),
    Style.SKETCH: (0.5, 1.0, colour("e8e2d4"), 0.05),
    Style.CINEMA: (1.08, 1.10, colour("20536a"), 0.07),
    Style.PIXELS: (1.25, 1.10, colour("4a3f8f"), 0.04),
}


# Saturation, contrast, tint and its strength, for a mood that the words name.
_MOODS: Mapping[Mood, tuple[float, float, Colour, float]] = {
    Mood.BRIGHT: (1.12, 1.02, colour("ffe9b0"), 0.05),
    Mood.CALM: (0.94, 0.96, colour("b9d3e0"), 0.06),
    Mood.TENDER: (1.02, 0.97, colour("ffc9a8"), 0.10),
    Mood.SAD: (0.66, 0.94, colour("5f7688"), 0.10),
    Mood.TENSE: (0.70, 1.14, colour("1f3a3a"), 0.12),
    Mood.EPIC: (1.10, 1.12, colour("c98a4a"), 0.05),
    Mood.MYSTERIOUS: (0.92, 1.02, colour("4a4a8f"), 0.12),
}


def palette_of(scene: SceneDescription) -> Palette:
    """The colours for a scene: time of day, then weather, season, named colours, chance and style."""
    palette = _TIMES[scene.time_of_day]
    palette = replace(palette, materials={**_MATERIALS, **_SEASONAL.get(_ground_season(scene), {})})
    palette = _under(palette, scene.weather, 0.4 if scene.time_of_day is TimeOfDay.NIGHT else 1.0)
    if scene.colours and not scene.subjects:
        palette = _tinted(palette, NAMED[scene.colours[0]], 0.35)
    drift = scene.random("palette").normal(0, 1, 3).astype(np.float32) * np.float32(0.045 * scene.variation)
    palette = _graded(palette, lambda value: np.clip(value * (1 + drift), 0, 1))
    if scene.is_mood_named:
        saturation, contrast, tint, strength = _MOODS[scene.mood]
        palette = _graded(
            palette, partial(_styled, saturation=saturation, contrast=contrast, tint=tint, strength=strength)
        )
    if scene.style is not None:
        saturation, contrast, tint, strength = _STYLES[scene.style]
        grade = palette.grade
        styled = partial(_styled, saturation=saturation, contrast=contrast, tint=tint, strength=strength)
        palette = replace(_graded(palette, styled), grade=lambda value: styled(grade(value)))
    return palette


def _ground_season(scene: SceneDescription) -> Season:
    """What lies on the ground: falling snow lies, whatever the season's name."""
    return Season.WINTER if scene.is_snowy else scene.season or Season.SUMMER


def _under(palette: Palette, weather: Weather, share: float) -> Palette:
    """The palette in a weather; `share` below 1 darkens less, for what is dark already."""
    greyness, brightness, density, direct = _WEATHERS[weather]
    brightness, direct = (1 - (1 - value) * share for value in (brightness, direct))
    sky = tuple(_greyed(value, greyness) * np.float32(brightness) for value in palette.sky)
    middle = mix(sky[-1], sky[-2], 0.5)
    haze = mix(
        _greyed(palette.haze, greyness) * np.float32(brightness), middle, 0.4 if weather is not Weather.CLEAR else 0.0
    )
    return replace(
        palette,
        sky=sky,
        key=_greyed(palette.key, greyness) * np.float32(direct),
        fill=_greyed(palette.fill, greyness * 0.6) * np.float32(brightness * (1 + 0.5 * (1 - direct))),
        haze=haze,
        haze_density=palette.haze_density * density,
    )


def _greyed(value: Colour, share: float) -> Colour:
    return mix(value, np.full(3, luma(value), np.float32), share)


def _tinted(palette: Palette, tint: Colour, share: float) -> Palette:
    def towards(value: Colour) -> Colour:
        bright = luma(value)
        return mix(value, np.clip(tint * np.float32(bright / max(0.05, luma(tint))), 0, 1), share)

    return replace(palette, sky=tuple(map(towards, palette.sky)), haze=towards(palette.haze), key=towards(palette.key))


def _styled(value: Colour, saturation: float, contrast: float, tint: Colour, strength: float) -> Colour:
    grey = np.full(3, luma(value), np.float32)
    graded = (grey + (value - grey) * np.float32(saturation) - np.float32(0.42)) * np.float32(contrast) + np.float32(
        0.42
    )
    return mix(np.clip(graded, 0, 1), tint, strength)


def _graded(palette: Palette, grade: Grade) -> Palette:
    return replace(
        palette,
        sky=tuple(map(grade, palette.sky)),
        key=grade(palette.key),
        fill=grade(palette.fill),
        sun=grade(palette.sun),
        haze=grade(palette.haze),
        materials={name: grade(value) for name, value in palette.materials.items()},
        grade=grade,
    )
