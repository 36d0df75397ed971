"""Indoors: a room with a window, and a photographer's studio."""

import numpy as np

from reelway.providers.animatic import sky, terrain
from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.facts import SubjectKind, TimeOfDay, Weather
from reelway.providers.animatic.noise import clouds, smoothstep
from reelway.providers.animatic.palette import NAMED, Colour, Material, colour, luma, mix
from reelway.providers.animatic.stage import Element, Ground, Layer, Setting, Sheet, Stage
from reelway.providers.animatic.terrain import Relief

_WALLS = ("b9a48c", "8f9f98", "a88f86", "7f8da0", "c0b49a")
_BACKDROPS = ("6f7f8f", "8a6f66", "5f7a72", "75698a", "9a8a6a", "8f9399")
_FLOOR_Y = 0.235  # where the wall ends
_TABLE_Y = 0.33


def room(stage: Stage) -> Setting:
    """A wall with a window on the day outside, a floor with the window's light, and a table for small things."""
    view = Relief("view", 8.0, 0.10, 0.12, 1.4)
    behind: list[Element] = [
        *sky.sky(stage),
        terrain.hills(stage, view, Material.CONIFER, bottom=0.3),
        _wall(stage),
        _floor(stage),
    ]
    small = any(subject.kind in (SubjectKind.PRODUCT, SubjectKind.PLANT) for subject in stage.scene.subjects)
    if small or not stage.scene.subjects:
        behind.append(_table(stage))
        return Setting(behind, Ground(_TABLE_Y + 0.03, 1.0), [])
    return Setting(behind, Ground(0.42, 1.0), [])


def _is_dark(stage: Stage) -> bool:
    return stage.scene.time_of_day is TimeOfDay.NIGHT


def _wall_colour(stage: Stage) -> Colour:
    random = stage.scene.random("wall")
    return stage.palette.grade(colour(_WALLS[int(random.integers(len(_WALLS)))]))


def _pane(stage: Stage) -> tuple[float, float, float, float]:
    """The window: left, right, top, bottom in world units."""
    side = 1.0 if stage.sun[0] > 0 else -1.0
    centre, half = side * 0.20 * stage.aspect, 0.155 * min(1.5, stage.aspect) ** 0.8
    return centre - half, centre + half, -0.31, 0.075


def _indoor_light(stage: Stage, sheet: Sheet) -> Floats:
    """Light on a surface: from the window by day, from a lamp by night."""
    left, right, top, bottom = _pane(stage)
    if _is_dark(stage):
        x, y = -0.28 * stage.aspect * (1 if stage.sun[0] > 0 else -1), -0.10
        return 0.16 + 0.85 * np.exp(-((sheet.xs - x) ** 2 * 3 + (sheet.ys - y) ** 2 * 6)).astype(np.float32)
    x, y = (left + right) / 2, (top + bottom) / 2
    return (0.50 + 0.50 * np.exp(-((sheet.xs - x) ** 2 * 1.6 + (sheet.ys - y) ** 2 * 2.4))).astype(np.float32)


def _lamp_tint(stage: Stage) -> Colour:
    if _is_dark(stage):
        return stage.palette.grade(colour("ffd9a0"))
    return np.clip(mix(stage.palette.sun, np.ones(3, np.float32), 0.45), 0, 1)


def _wall(stage: Stage) -> Layer:
    sheet = stage.sheet(1.9, bottom=_FLOOR_Y + 0.05)
    left, right, top, bottom = _pane(stage)
    plaster = clouds(stage.scene.random("plaster"), sheet.shape, sheet.cells(5), 6, gain=0.65)
    light = _indoor_light(stage, sheet) * (0.94 + 0.12 * plaster)
    rgb = light[..., None] * _wall_colour(stage) * _lamp_tint(stage) * np.float32(1.15)
    inside = _box(sheet, left, right, top, bottom)
    frame = _box(sheet, left - 0.022, right + 0.022, top - 0.022, bottom + 0.034)
    middle_x, middle_y = (left + right) / 2, top + 0.40 * (bottom - top)
    bars = np.maximum(
        _box(sheet, middle_x - 0.006, middle_x + 0.006, top, bottom),
        _box(sheet, left, right, middle_y - 0.005, middle_y + 0.005),
    )
    wood = np.clip(_lamp_tint(stage) * (0.75 if not _is_dark(stage) else 0.35), 0, 1)
    rgb += (wood * (light[..., None] * 0.8 + 0.35) - rgb) * np.maximum(frame - inside, bars)[..., None]
    rgb += (rgb * 0.55 - rgb) * _box(sheet, -9, 9, _FLOOR_Y - 0.032, _FLOOR_Y + 0.1)[..., None] * 0.5
    rgb += _curtains(stage, sheet, rgb, light)
    opacity = np.clip(1 - inside + bars, 0, 1)
    opacity = np.maximum(opacity, _curtain_cover(stage, sheet))
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1).astype(np.float32), opacity.astype(np.float32)))


def _curtain_cover(stage: Stage, sheet: Sheet) -> Floats:
    left, right, top, bottom = _pane(stage)
    width = 0.085 * min(1.0, stage.aspect)
    flare = 0.02 * np.clip((sheet.ys - top) / 0.6, 0, 1)
    return np.maximum(
        _box(sheet, left - 0.07 - flare, left + width - 0.05 + flare, top - 0.05, bottom + 0.20),
        _box(sheet, right - width + 0.05 - flare, right + 0.07 + flare, top - 0.05, bottom + 0.20),
    )


def _curtains(stage: Stage, sheet: Sheet, rgb: Floats, light: Floats) -> Floats:
    """What to add to the wall for curtains at both sides of the window."""
    named = stage.scene.colours[0] if stage.scene.colours and not stage.scene.subjects else None
    cloth = stage.palette.grade(NAMED[named] if named else colour("c9bfae"))
    folds = 0.80 + 0.20 * np.sin(sheet.xs * 260 + 2.2 * np.sin(sheet.xs * 37) + 0.7 * sheet.ys)
    shade = (light * folds * 1.15)[..., None] * cloth * _lamp_tint(stage)
    added: Floats = (shade - rgb) * _curtain_cover(stage, sheet)[..., None]
    return added


def _floor(stage: Stage) -> Layer:
    """Boards that run away from the camera, with the window's light lying on them."""
    sheet = stage.sheet(1.25, top=_FLOOR_Y)
    near = np.clip((sheet.ys - _FLOOR_Y) / 0.30, 0.02, 2.0)
    boards = (sheet.xs / (0.35 + near)) * 9
    grain = clouds(stage.scene.random("boards"), sheet.shape, sheet.cells(5, stretch=0.25), 5)
    tone = 0.78 + 0.22 * np.sin(np.floor(boards) * 12.9898) + 0.35 * (grain - 0.5)
    seam = smoothstep(0.03, 0.07, np.minimum(boards % 1, 1 - boards % 1) * (0.35 + near))
    light = _indoor_light(stage, sheet) * tone * (0.55 + 0.45 * seam) * 0.9
    direct = stage.scene.weather in (Weather.CLEAR, Weather.CLOUD, Weather.SNOW) and not _is_dark(stage)
    if direct:
        left, right, _, _ = _pane(stage)
        slant = -0.45 * (1 if stage.sun[0] > 0 else -1) * near
        beam = smoothstep(0, 0.05, sheet.xs - left - slant) * smoothstep(
            0, 0.05, right + slant * 0.2 + 0.05 - (sheet.xs - slant)
        )
        light = light + 0.45 * beam * smoothstep(0.05, 0.3, near) * smoothstep(1.25, 0.7, near) * tone
    rgb = light[..., None] * stage.palette.grade(colour("a8754a")) * _lamp_tint(stage) * np.float32(1.2)
    opacity = np.clip((sheet.ys - _FLOOR_Y - 0.012) * sheet.ppu, 0, 1) * np.ones_like(sheet.xs)
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1).astype(np.float32), opacity.astype(np.float32)))


def _table(stage: Stage) -> Layer:
    """A table top across the frame's lower edge."""
    sheet = stage.sheet(1.0, top=_TABLE_Y - 0.02)
    grain = clouds(stage.scene.random("table"), sheet.shape, sheet.cells(2.2, stretch=7), 6, gain=0.6)
    light = _indoor_light(stage, sheet) * (0.72 + 0.6 * (grain - 0.3))
    sheen = (
        0.30 * np.exp(-(((sheet.xs - stage.sun[0] * 0.8) / 0.4) ** 2)) * smoothstep(_TABLE_Y + 0.11, _TABLE_Y, sheet.ys)
    )
    rgb = (
        (light + sheen * luma(_lamp_tint(stage)))[..., None]
        * stage.palette.grade(colour("7a5236"))
        * _lamp_tint(stage)
        * np.float32(1.3)
    )
    edge = smoothstep(_TABLE_Y + 0.125, _TABLE_Y + 0.13, sheet.ys)
    rgb *= (1 - 0.55 * edge)[..., None]
    opacity = np.clip((sheet.ys - _TABLE_Y) * sheet.ppu + 0.5, 0, 1) * np.ones_like(sheet.xs)
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1).astype(np.float32), opacity.astype(np.float32)))


def _box(sheet: Sheet, left: float | Floats, right: float | Floats, top: float, bottom: float) -> Floats:
    """Cover of a rectangle with smooth edges; its sides may follow the rows."""
    across = np.clip(np.minimum(sheet.xs - left, right - sheet.xs) * sheet.ppu + 0.5, 0, 1)
    down = np.clip(np.minimum(sheet.ys - top, bottom - sheet.ys) * sheet.ppu + 0.5, 0, 1)
    return (across * down).astype(np.float32)


def studio(stage: Stage) -> Setting:
    """A seamless backdrop with a pool of light and a round plinth."""
    named = next(iter(stage.scene.colours), None)
    random = stage.scene.random("backdrop")
    chosen = NAMED[named] if named else colour(_BACKDROPS[int(random.integers(len(_BACKDROPS)))])
    paper = stage.palette.grade(chosen)
    dim = 0.45 if stage.scene.time_of_day is TimeOfDay.NIGHT else 1.0
    return Setting([_backdrop(stage, paper, dim), _plinth(stage, paper, dim)], Ground(0.285, 1.0), [])


def _backdrop(stage: Stage, paper: Colour, dim: float) -> Layer:
    sheet = stage.sheet(2.5)
    x = 0.10 * (1 if stage.sun[0] > 0 else -1)
    pool = np.exp(-(((sheet.xs - x) / 0.62) ** 2 + ((sheet.ys + 0.06) / 0.42) ** 2))
    floor = smoothstep(0.20, 0.34, sheet.ys) * np.exp(-((sheet.xs / 0.8) ** 2))
    light = (0.26 + 0.95 * pool * dim + 0.34 * floor * dim)[..., None]
    rgb = light * paper + np.float32(0.10 * dim) * pool[..., None]
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1).astype(np.float32)))


def _plinth(stage: Stage, paper: Colour, dim: float) -> Layer:
    """A low cylinder: a bright oval top, a rounded side, and a soft shadow under it."""
    sheet = stage.sheet(1.0, top=0.15)
    half, y, lift, tall = 0.36 * stage.breadth, 0.29, 0.055 * stage.breadth, 0.075
    side = 1.0 if stage.sun[0] > 0 else -1.0
    top = np.sqrt((sheet.xs / half) ** 2 + ((sheet.ys - y) / lift) ** 2)
    foot = np.sqrt((sheet.xs / half) ** 2 + ((sheet.ys - y - tall) / lift) ** 2)
    edge = half * sheet.ppu * 0.3
    top_cover = np.clip((1 - top) * edge, 0, 1)
    between = (np.abs(sheet.xs) < half) & (sheet.ys > y) & (sheet.ys < y + tall)
    body = np.maximum(np.clip((1 - foot) * edge, 0, 1), between.astype(np.float32))
    shadow = np.exp(-((np.maximum(foot - 0.8, 0) / 0.42) ** 2)) * 0.62
    round_light = np.clip(0.62 + 0.5 * side * sheet.xs / half - 0.25 * (sheet.xs / half) ** 2, 0.15, 1.1)
    bright = mix(paper, np.ones(3, np.float32), 0.45)
    rgb = np.zeros((*sheet.shape, 3), np.float32) + paper * np.float32(0.12)
    rgb += ((round_light * 0.62 * dim)[..., None] * bright - rgb) * body[..., None]
    sheen = (
        0.86
        + 0.20 * np.exp(-(((sheet.xs - side * 0.10) / 0.22) ** 2))
        - 0.28 * np.exp(-((sheet.xs / 0.13) ** 2 + ((sheet.ys - y) / 0.02) ** 2))
    )
    rgb += ((sheen * dim)[..., None] * bright - rgb) * top_cover[..., None]
    cover = np.maximum(np.maximum(body, top_cover), shadow)
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1, out=rgb), cover.astype(np.float32)))
