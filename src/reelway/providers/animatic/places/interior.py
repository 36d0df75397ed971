"""Indoors: a room with a window, and a photographer's studio."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from reelway.providers.animatic import sky, terrain
from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.facts import Mood, SubjectKind, TimeOfDay, Weather
from reelway.providers.animatic.noise import clouds, smoothstep
from reelway.providers.animatic.palette import NAMED, Colour, Material, colour, luma, mix
from reelway.providers.animatic.places import furniture
from reelway.providers.animatic.places.furniture import Easel, Furnishing, Nook, box
from reelway.providers.animatic.stage import Element, Ground, Layer, Setting, Sheet, Stage
from reelway.providers.animatic.terrain import Relief

_WALLS = ("b9a48c", "8f9f98", "a88f86", "7f8da0", "c0b49a")
_BACKDROPS = ("6f7f8f", "8a6f66", "5f7a72", "75698a", "9a8a6a", "8f9399")
_RUGS = (
    ("94584e", "d0b58c", "644a48"),
    ("64788a", "cfc5ae", "48596a"),
    ("84825f", "d2c49b", "5d5c42"),
    ("936c78", "d6bdae", "644b57"),
)
_FLOOR_Y = 0.235  # where the wall ends
_TABLE_Y = 0.33
_TABLE_WORDS = ("table", "desk", "میز")
_BOOK_WORDS = ("library", "classroom", "office", "图书馆", "教室", "办公室", "کتب خانہ", "دفتر")


def room(stage: Stage) -> Setting:
    """A furnished corner by a window on the day outside, and a table for small things."""
    view = Relief("view", 8.0, 0.10, 0.12, 1.4)
    light = _Light(stage, _nooks(stage))
    behind: list[Element] = [
        *sky.sky(stage),
        terrain.hills(stage, view, Material.CONIFER, bottom=0.3),
    ]
    small = any(subject.kind in (SubjectKind.PRODUCT, SubjectKind.PLANT) for subject in stage.scene.subjects)
    is_empty = not stage.scene.subjects
    has_table = small or (is_empty and any(phrase in _TABLE_WORDS for phrase, _ in stage.scene.evidence))
    parts: list[Callable[[], Element | Sequence[Element]]] = [
        partial(_wall, light),
        partial(_floor, light, has_rug=not has_table),
        partial(_furniture, light),
    ]
    if has_table:
        parts.append(partial(_table, light))
    behind.extend(stage.paint(*parts))
    return Setting(behind, Ground(_TABLE_Y + 0.03 if small else 0.42, 1.0), [])


def _nooks(stage: Stage) -> list[Nook]:
    """What furniture there is: at the side of the wall that the window leaves free and, in wide frames, beyond it."""
    scene, inward = stage.scene, 1.0 if stage.sun[0] > 0 else -1.0
    random = scene.random("furnishing")
    kind = (Furnishing.SHELF, Furnishing.ARMCHAIR, Furnishing.SIDEBOARD)[int(random.integers(3))]
    if any(phrase in _BOOK_WORDS for phrase, _ in scene.evidence):
        kind = Furnishing.SHELF
    is_lit = scene.time_of_day is not TimeOfDay.DAY or scene.mood in (Mood.CALM, Mood.TENDER)
    nook = Nook(kind, 0.0, _FLOOR_Y + 0.036, 0.45 + 0.55 * stage.breadth, inward, is_lit)
    inner, outer = sorted(inward * edge for edge in _pane(stage)[:2])
    gap = 0.12 if stage.aspect > 0.9 else 0.07  # from the pane; a narrow frame would show too little of it otherwise
    nooks = [replace(nook, x=-inward * max(0.275 * stage.aspect, nook.reach[1] + gap - inner))]
    if stage.aspect > 1.3 and random.random() < 0.7:
        nooks.append(Nook(Furnishing.PLANT, inward * (outer + 0.19), nook.foot, 1.0, -inward, is_lit))
    return nooks


def _is_dark(stage: Stage) -> bool:
    return stage.scene.time_of_day is TimeOfDay.NIGHT


def _wall_colour(stage: Stage) -> Colour:
    random = stage.scene.random("wall")
    return stage.palette.grade(colour(_WALLS[int(random.integers(len(_WALLS)))]))


def _pane(stage: Stage) -> tuple[float, float, float, float]:
    """The window: left, right, top, bottom in world units."""
    side = 1.0 if stage.sun[0] > 0 else -1.0
    aside = 0.20 + 0.12 * max(0.0, 1.2 - stage.aspect)  # a narrow frame needs the room for what stands beside it
    centre, half = side * aside * stage.aspect, 0.155 * min(1.5, stage.aspect) ** 0.8
    return centre - half, centre + half, -0.31, 0.075


class _Light:
    """The light in a room: from the window by day, and from a lamp in the dark or where it is cosy."""

    def __init__(self, stage: Stage, nooks: list[Nook]) -> None:
        self.stage, self.nooks = stage, nooks
        is_dark = _is_dark(stage)
        self.tint = np.clip(mix(stage.palette.sun, np.ones(3, np.float32), 0.45), 0, 1)
        if is_dark:
            self.tint = stage.palette.grade(colour("8f9dc4"))
        self._glow = stage.palette.grade(colour("ffcf94"))
        self._outside = (0.22, 0.12) if is_dark else (0.40, 0.44) if nooks[0].is_lit else (0.50, 0.50)
        day = stage.scene.time_of_day is TimeOfDay.DAY
        self._lamp = 0.0 if not nooks[0].is_lit else 1.35 if is_dark else 0.50 if day else 0.75

    def on(self, sheet: Sheet, *, shadow: bool = True) -> Floats:
        """The light on a surface, in red, green and blue, with the furniture's shadow."""
        # It is soft, so it is worked out for one pixel in 16 and enlarged.
        rows, columns = sheet.shape
        ys, xs = (_thinned(values.ravel()) for values in (sheet.ys, sheet.xs))
        ys, xs = ys.reshape(-1, 1), xs.reshape(1, -1)
        left, right, top, bottom = _pane(self.stage)
        across, down = (left + right) / 2 - xs, (top + bottom) / 2 - ys
        base, reach = self._outside
        light = (base + reach * np.exp(-(across**2) * 1.6) * np.exp(-(down**2) * 2.4))[..., None] * self.tint
        if self._lamp:
            light = light + (self._lamp * self._lamplight(xs, ys))[..., None] * self._glow
        for nook in self.nooks if shadow else ():
            light = light * nook.shadow(xs, ys)[..., None]
        result: Floats = cv2.resize(light.astype(np.float32), (columns, rows), interpolation=cv2.INTER_LINEAR)
        return result

    def _lamplight(self, xs: Floats, ys: Floats) -> Floats:
        """A wide glow, two cones out of the shade, and a pool on the floor."""
        x, y = self.nooks[0].lamp
        across, down = xs - x, ys - y
        square = across**2 + down**2
        steep = np.abs(down) / np.sqrt(square + 1e-4)
        wide = np.exp(-(across**2) * 3.0) * np.exp(-(down**2) * 4.5)
        near = (0.30 + 0.70 * smoothstep(0.35, 0.85, steep)) / (1 + square / 0.016)
        pool = np.exp(-((across / 0.34) ** 2)) * np.exp(-(((ys - _FLOOR_Y - 0.08) / 0.10) ** 2))
        glow: Floats = 0.55 * wide + 0.58 * near + 0.40 * pool * smoothstep(_FLOOR_Y - 0.02, _FLOOR_Y + 0.03, ys)
        return glow


def _thinned(values: Floats) -> Floats:
    """Every fourth of evenly spaced values, or as near as a whole number of them comes."""
    count = max(2, -(-len(values) // 4))
    step = len(values) / count
    result: Floats = values[0] + (values[1] - values[0]) * ((np.arange(count, dtype=np.float32) + 0.5) * step - 0.5)
    return result


def _furniture(light: _Light) -> list[Element]:
    """What stands at the wall, at the floor's own depth so that it does not slide on it."""
    layers: list[Element] = []
    for nook in light.nooks:
        outwards, inwards, up = nook.reach
        edges = sorted((nook.x - nook.inward * outwards, nook.x + nook.inward * inwards))
        across = (edges[0], edges[1])
        sheet = light.stage.sheet(1.25, top=nook.foot - up, bottom=nook.foot + 0.02, across=across)
        layers.append(furniture.standing(light.stage, nook, sheet, light.on(sheet, shadow=False)))
    return layers


def _wall(room_light: _Light) -> Layer:
    stage = room_light.stage
    sheet = stage.sheet(1.9, bottom=stage.hidden_below(1.9, by=1.25, y=_FLOOR_Y + 0.02))
    plaster = clouds(stage.scene.random("plaster"), sheet.shape, sheet.cells(5), 6, gain=0.65)
    light = room_light.on(sheet)
    rgb = _toned(1.081 + 0.138 * plaster, _wall_colour(stage))
    _hang_pictures(stage, room_light.nooks[0], sheet, rgb)
    cv2.multiply(rgb, light, dst=rgb)
    rgb *= 1 - 0.225 * _box(sheet, -9, 9, _FLOOR_Y - 0.032, 9)[:, :1, None]
    opacity = np.ones(sheet.shape, np.float32)
    left, right, top, bottom = _pane(stage)
    area, part = _part(sheet, (left - 0.12, right + 0.12, top - 0.07, bottom + 0.22))
    if part.xs.size and part.ys.size:
        opacity[area] = _window(room_light, part, rgb[area], light[area])
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1, out=rgb), opacity))


def _part(sheet: Sheet, sides: tuple[float, float, float, float]) -> tuple[tuple[slice, slice], Sheet]:
    """The part of a sheet between left, right, top and bottom, and where it lies in it."""
    columns, rows = np.searchsorted(sheet.xs[0], sides[:2]), np.searchsorted(sheet.ys[:, 0], sides[2:])
    area = slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1]))
    return area, replace(sheet, xs=sheet.xs[:, area[1]], ys=sheet.ys[area[0]])


def _toned(values: Floats, tone: Colour) -> Floats:
    """One colour in many brightnesses."""
    result: Floats = cv2.merge([np.float32(part) * values for part in tone])
    return result


def _window(room_light: _Light, sheet: Sheet, rgb: Floats, light: Floats) -> Floats:
    """Paint a frame, bars and curtains on the wall; returns what of it is solid."""
    stage = room_light.stage
    left, right, top, bottom = _pane(stage)
    inside = _box(sheet, left, right, top, bottom)
    frame = _box(sheet, left - 0.022, right + 0.022, top - 0.022, bottom + 0.034)
    middle_x, middle_y = (left + right) / 2, top + 0.40 * (bottom - top)
    bars = np.maximum(
        _box(sheet, middle_x - 0.006, middle_x + 0.006, top, bottom),
        _box(sheet, left, right, middle_y - 0.005, middle_y + 0.005),
    )
    wood = 0.75 if not _is_dark(stage) else 0.6
    rgb += (wood * (light * 0.8 + 0.35 * room_light.tint) - rgb) * np.maximum(frame - inside, bars)[..., None]
    curtains = _curtain_cover(stage, sheet)
    named = stage.scene.colours[0] if stage.scene.colours and not stage.scene.subjects else None
    cloth = stage.palette.grade(NAMED[named] if named else colour("c9bfae"))
    folds = 0.80 + 0.20 * np.sin(sheet.xs * 260 + 2.2 * np.sin(sheet.xs * 37) + 0.7 * sheet.ys)
    rgb += (light * _toned(folds * 1.15, cloth) - rgb) * curtains[..., None]
    rod = _box(sheet, left - 0.10, right + 0.10, top - 0.056, top - 0.046)
    rgb += (stage.palette.grade(colour("4e4038")) * light * 1.1 - rgb) * rod[..., None]
    solid: Floats = np.maximum(np.clip(1 - inside + bars, 0, 1), curtains)
    return solid


def _hang_pictures(stage: Stage, nook: Nook, sheet: Sheet, wall: Floats) -> None:
    """Hang framed pictures over low furniture, or one beside what is tall, on a wall that is still without light."""
    random = stage.scene.random("pictures")
    easel = Easel(stage, sheet, nook, wall)
    if nook.kind is Furnishing.SHELF:
        hung = [(0.42, -0.36, 0.062, 0.080)] if stage.aspect > 1.3 else []
    elif nook.kind is Furnishing.ARMCHAIR:
        hung = [(0.035, -0.455, 0.085, 0.062), (0.190, -0.440, 0.042, 0.054)][: int(random.integers(1, 3))]
    else:
        hung = [(-0.005, -0.49, 0.056, 0.070), (0.125, -0.49, 0.056, 0.070)]
    frame = ("4a3a30", "8c7454", "3b3b3d", "d4cbb8")[int(random.integers(4))]
    for x, y, half, tall in hung:
        for grow, dim in ((0.016, 0.90), (0.010, 0.86), (0.005, 0.82)):  # a soft shadow on the wall, away from light
            easel.shade(
                box(x - half - grow - 0.006, x + half + grow - 0.004, y - tall, y + tall + grow + 0.006), (dim, dim)
            )
        easel.fill(box(x - half, x + half, y - tall, y + tall), frame, down=(1.2, 0.8), across=(0.85, 1.1))
        edge = 0.009
        easel.fill(box(x - half + edge, x + half - edge, y - tall + edge, y + tall - edge), "d9d0bd", down=(0.82, 0.95))
        _landscape(easel, random, (x, y), half - 0.022, tall - 0.022)


def _landscape(
    easel: Easel, random: np.random.Generator, middle: tuple[float, float], half: float, tall: float
) -> None:
    """A small painting of hills under a sun."""
    x, y = middle
    sky, far, near = (("b9b29a", "7d8a82", "56635a"), ("c9a98c", "8d6f68", "5a4a50"), ("9fb0b8", "6f8496", "47586a"))[
        int(random.integers(3))
    ]
    easel.fill(box(x - half, x + half, y - tall, y + tall), sky, down=(0.88, 1.12))
    sun_x, sun_y, radius = x + half * float(random.uniform(-0.5, 0.5)), y - tall * 0.30, 0.22 * min(half, tall)
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    easel.fill(np.stack([sun_x + radius * np.cos(turn), sun_y + radius * np.sin(turn)], axis=1), "e6d3a8")
    along = np.linspace(-1, 1, 17)
    for code, level, swing in ((far, 0.05, 0.20), (near, 0.45, 0.16)):
        phase, rate = float(random.uniform(0, 6)), float(random.uniform(1.6, 2.8))
        ridge = y + tall * (level - swing * np.sin(along * rate + phase))
        line = np.stack([x + half * along, ridge], axis=1)
        easel.fill(np.concatenate([line, [(x + half, y + tall), (x - half, y + tall)]]), code, down=(1.1, 0.85))


def _curtain_cover(stage: Stage, sheet: Sheet) -> Floats:
    left, right, top, bottom = _pane(stage)
    width = 0.085 * min(1.0, stage.aspect)
    flare = 0.02 * np.clip((sheet.ys - top) / 0.6, 0, 1)
    return np.maximum(
        _box(sheet, left - 0.07 - flare, left + width - 0.05 + flare, top - 0.05, bottom + 0.20),
        _box(sheet, right - width + 0.05 - flare, right + 0.07 + flare, top - 0.05, bottom + 0.20),
    )


def _floor(room_light: _Light, *, has_rug: bool) -> Layer:
    """Boards that run away from the camera, with a rug and the window's light lying on them."""
    stage = room_light.stage
    sheet = stage.sheet(1.25, top=_FLOOR_Y)
    near = np.clip((sheet.ys - _FLOOR_Y) / 0.30, 0.02, 2.0)
    boards = (sheet.xs / (0.35 + near)) * 9
    grain = clouds(stage.scene.random("boards"), sheet.shape, sheet.cells(5, stretch=0.25), 5)
    tone = 0.78 + 0.22 * np.sin(np.floor(boards) * 12.9898) + 0.35 * (grain - 0.5)
    seam = smoothstep(0.03, 0.07, np.minimum(boards % 1, 1 - boards % 1) * (0.35 + near))
    rgb = _toned(tone * (0.55 + 0.45 * seam) * 1.08, stage.palette.grade(colour("a8754a")))
    if has_rug:
        area, part = _part(sheet, (-0.6, 0.6, _FLOOR_Y + 0.055, _FLOOR_Y + 0.21))
        if part.xs.size and part.ys.size:
            cloth, cover = _rug(stage, part, 0.35 + near[area[0]])
            rgb[area] += (cloth - rgb[area]) * cover[..., None]
    light = room_light.on(sheet)
    if stage.scene.weather in (Weather.CLEAR, Weather.CLOUD, Weather.SNOW):
        left, right, _, _ = _pane(stage)
        slant = -0.45 * (1 if stage.sun[0] > 0 else -1) * near
        beam = smoothstep(0, 0.05, sheet.xs - left - slant) * smoothstep(
            0, 0.05, right + slant * 0.2 + 0.05 - (sheet.xs - slant)
        )
        strength = 0.10 if _is_dark(stage) else 0.45
        beam = beam * smoothstep(0.05, 0.3, near) * smoothstep(1.25, 0.7, near) * strength
        cv2.add(light, _toned(beam, room_light.tint), dst=light)
    opacity = np.clip((sheet.ys - _FLOOR_Y - 0.012) * sheet.ppu, 0, 1) * np.ones_like(sheet.xs)
    cv2.multiply(rgb, light, dst=rgb)
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1, out=rgb), opacity.astype(np.float32)))


def _rug(stage: Stage, sheet: Sheet, scale: Floats) -> tuple[Floats, Floats]:
    """A rug in the floor's perspective: its colours without light, and its cover.

    `scale` is how large a row of the floor appears.
    """
    random = stage.scene.random("rug")
    is_round = bool(random.random() < 0.35)
    ground, pattern, border = (stage.palette.grade(colour(code)) for code in _RUGS[int(random.integers(len(_RUGS)))])
    half, far, near = (0.44 if is_round else 0.56) * stage.breadth, 1 / 0.56, 1 / 1.02
    across = sheet.xs / (scale * half)
    along = (1 / scale - (far + near) / 2) / ((far - near) / 2)
    across_px, along_px = 1 / (scale * half * sheet.ppu), 2 / (0.30 * scale**2 * (far - near) * sheet.ppu)
    if is_round:
        out, blur = np.sqrt(across**2 + along**2), (across_px + along_px) / 2
    else:
        out, blur = np.maximum(np.abs(across), np.abs(along)), np.maximum(across_px, along_px * 0.8)
    diamond = np.abs(across) + np.abs(along) if not is_round else out * 1.6

    def band(distance: Floats, low: float, high: float) -> Floats:
        return np.clip((distance - low) / blur + 0.5, 0, 1) * np.clip((high - distance) / blur + 0.5, 0, 1)

    lines = np.maximum(band(out, 0.76, 0.80), band(out, 0.93, 0.96))
    lines = np.maximum(lines, np.maximum(band(diamond, 0.50, 0.56), band(diamond, -1.0, 0.16)) * 0.7)
    rgb = ground + (border - ground) * np.maximum(band(out, 0.80, 0.93), band(diamond, 0.16, 0.50) * 0.5)[..., None]
    rgb += (pattern - rgb) * (lines * 0.75)[..., None]
    pile = clouds(random, sheet.shape, sheet.cells(150, stretch=2.0), 2, gain=0.8)
    rgb *= (0.88 + 0.24 * pile)[..., None]
    cover: Floats = np.clip((1 - out) / blur + 0.5, 0, 1).astype(np.float32)
    return rgb.astype(np.float32), cover


def _table(room_light: _Light) -> Layer:
    """A table top across the frame's lower edge."""
    stage = room_light.stage
    sheet = stage.sheet(1.0, top=_TABLE_Y - 0.02)
    grain = clouds(stage.scene.random("table"), sheet.shape, sheet.cells(2.2, stretch=7), 6, gain=0.6)
    light = room_light.on(sheet, shadow=False) * (0.72 + 0.6 * (grain - 0.3))[..., None]
    sheen = (
        0.30 * np.exp(-(((sheet.xs - stage.sun[0] * 0.8) / 0.4) ** 2)) * smoothstep(_TABLE_Y + 0.11, _TABLE_Y, sheet.ys)
    )
    light += (sheen * luma(room_light.tint) * (0.4 if _is_dark(stage) else 1.0))[..., None] * room_light.tint
    rgb = light * stage.palette.grade(colour("7a5236")) * np.float32(1.3)
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
