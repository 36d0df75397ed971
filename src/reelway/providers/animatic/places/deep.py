"""Under water: light that falls from above in shafts, a reef in two depths, weed that sways and bubbles."""

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.camera import FAR
from reelway.providers.animatic.canvas import Canvas
from reelway.providers.animatic.facts import TimeOfDay
from reelway.providers.animatic.noise import clouds, profile, smoothstep
from reelway.providers.animatic.palette import Colour, colour, mix
from reelway.providers.animatic.sky import gradient
from reelway.providers.animatic.stage import Element, Ground, Layer, Moment, Setting, Stage

_SHIFT = 4
_CORALS = ("d9576b", "e08a4a", "c9a24a", "8f5fb0", "d977a5", "5f9f8a")


def underwater(stage: Stage) -> Setting:
    """Open water over a reef."""
    behind: list[Element] = [_water(stage), Shafts(stage)]
    behind.append(_reef(stage, 5.0, 0.30, 0.10, dim=0.62))
    behind.append(_reef(stage, 2.4, 0.40, 0.13, dim=0.34))
    front: list[Element] = [_reef(stage, 1.25, 0.52, 0.13, dim=0.08), Bubbles(stage)]
    return Setting(behind, Ground(0.30, 1.0), front)


def _light(stage: Stage) -> float:
    return {TimeOfDay.NIGHT: 0.42, TimeOfDay.DAY: 1.0}.get(stage.scene.time_of_day, 0.8)


def _depths(stage: Stage) -> tuple[Colour, ...]:
    tones = [colour(code) * np.float32(_light(stage)) for code in ("bff0ea", "4fb7c4", "1d7a9c", "0d4a72", "06263f")]
    return tuple(stage.palette.grade(np.clip(tone, 0, 1)) for tone in tones)


def _water(stage: Stage) -> Layer:
    sheet = stage.sheet(FAR)
    down = np.clip((sheet.ys[:, 0] + 0.62) / 1.2, 0, 1)
    rgb = np.repeat(gradient(_depths(stage), down**0.8)[:, None, :], sheet.shape[1], axis=1)
    small = (max(2, sheet.shape[0] // 8), max(2, sheet.shape[1] // 8))
    murk = clouds(stage.scene.random("murk"), small, (3, 4), 3) - 0.5
    rgb += (0.10 * cv2.resize(murk, sheet.shape[::-1], interpolation=cv2.INTER_CUBIC))[..., None] * rgb
    surface = np.exp(-((sheet.ys + 0.62) / 0.16)) * np.exp(-(((sheet.xs - stage.sun[0]) / 0.8) ** 2))
    rgb += 0.35 * _light(stage) * surface[..., None].astype(np.float32)
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1).astype(np.float32)))


def _reef(stage: Stage, depth: float, base: float, height: float, *, dim: float) -> Layer:
    """One bank of the sea floor with corals and weed on it; what is far is the colour of the water."""
    sheet = stage.sheet(depth, top=base - height * 3.0)
    random = stage.scene.random(f"reef {depth}")
    line = base - height * (0.5 + 0.5 * profile(random, sheet.xs, 1.1, 4))
    below = sheet.ys - line
    rough = clouds(random, sheet.shape, sheet.cells(12.0, stretch=1.6), 5, gain=0.6) - 0.5
    water = mix(_depths(stage)[2], _depths(stage)[3], 0.5)
    sand = stage.palette.grade(colour("cdbb94")) * np.float32(0.75 * _light(stage))
    exposure = np.clip(0.62 - 0.8 * below + 0.6 * rough, 0.1, 1.0)
    rgb = (sand * exposure[..., None]).astype(np.float32)
    opacity = np.clip(below * sheet.ppu + 0.5, 0, 1).astype(np.float32)
    _grow(stage, sheet.xs, sheet.ys, (line, height), random, (rgb, opacity))
    if depth < 1.5:  # right before the lens all is shade
        rgb *= np.float32(0.35)
    share = np.float32(dim + 0.15)
    rgb += (water - rgb) * share
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1), opacity))


def _grow(
    stage: Stage,
    xs: Floats,
    ys: Floats,
    ground: tuple[Floats, float],
    random: np.random.Generator,
    painted: tuple[Floats, Floats],
) -> None:
    """Corals like fans and like brains, and tufts of weed, along the crest."""
    line, height = ground
    rgb, opacity = painted
    for _ in range(26):
        column = int(random.integers(0, xs.shape[1]))
        x, y = float(xs[0, column]), float(line[0, column])
        tone = stage.palette.grade(colour(_CORALS[int(random.integers(len(_CORALS)))])) * np.float32(
            0.9 * _light(stage)
        )
        size = height * float(random.uniform(0.4, 1.25))
        window = _around(xs, ys, x, y, size)
        if window is None:
            continue
        dx, dy = (xs[:, window[1]] - x) / size, (y - ys[window[0]]) / size
        kind = random.random()
        if kind < 0.4:  # a brain: a half ball with furrows
            radius = np.sqrt(dx**2 + (dy / 0.75) ** 2)
            shape = smoothstep(0.62, 0.58, radius)
            light = 0.55 + 0.4 * dy + 0.14 * np.sin(18 * np.arctan2(dx, dy + 0.2) + 5 * radius)
        else:  # a fan of branches, or weed
            branches = 5 if kind < 0.75 else 9
            lean = dx - 0.22 * np.sin(3.1 * dy + x * 7)
            angle = np.arctan2(lean, np.maximum(dy + 0.08, 1e-3))
            reach = np.sqrt(lean**2 + dy**2)
            ribs = np.abs(np.sin(branches * angle * (1.0 if kind < 0.75 else 1.6)))
            shape = smoothstep(0.45, 0.6, ribs) * smoothstep(1.0, 0.92, reach) * smoothstep(-0.06, 0.02, dy)
            shape *= (np.abs(angle) < 1.0).astype(np.float32)
            light = 0.45 + 0.5 * reach
        cover = np.clip(shape, 0, 1).astype(np.float32)
        rgb[window] += (tone * np.clip(light, 0.15, 1.1)[..., None] - rgb[window]) * cover[..., None]
        opacity[window] = np.maximum(opacity[window], cover)


def _around(xs: Floats, ys: Floats, x: float, y: float, size: float) -> tuple[slice, slice] | None:
    columns = np.flatnonzero(np.abs(xs[0] - x) < size * 1.1)
    rows = np.flatnonzero((ys[:, 0] > y - size * 1.1) & (ys[:, 0] < y + size * 0.3))
    if not columns.size or not rows.size:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


class Shafts:
    """Slanting shafts of light that wander; drawn small, for they are soft."""

    def __init__(self, stage: Stage) -> None:
        random = stage.scene.random("shafts")
        self._stage = stage
        self._size = (max(8, stage.width // 8), max(8, stage.height // 8))
        self._places, self._rates = random.uniform(-0.1, 1.1, 9), random.uniform(0.2, 0.6, 9)
        self._widths, self._phases = random.uniform(0.012, 0.06, 9), random.uniform(0, 6.28, 9)
        self._power = 46 * _light(stage)

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        width, height = self._size
        down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
        across = np.linspace(0, 1, width, dtype=np.float32)[None] + 0.22 * down
        light = np.zeros((height, width), np.float32)
        for place, rate, breadth, phase in zip(self._places, self._rates, self._widths, self._phases, strict=True):
            at = place + 0.03 * np.sin(rate * moment.time_s + phase)
            glow = 0.55 + 0.45 * np.sin(1.7 * rate * moment.time_s + phase * 2)
            light += glow * np.exp(-(((across - at) / (breadth * (1 + 1.4 * down))) ** 2))
        light *= self._power * (1 - down) ** 1.3
        small = light.clip(0, 120).astype(np.uint8)
        canvas.lighten(cv2.resize(small, (canvas.width, canvas.height), interpolation=cv2.INTER_CUBIC))


class Bubbles:
    """Bubbles and floating grains that rise and sway."""

    def __init__(self, stage: Stage) -> None:
        random = stage.scene.random("bubbles")
        self._places = random.uniform(0, 1, (70, 2))
        self._near, self._phases = random.uniform(0, 1, 70) ** 2, random.uniform(0, 6.28, 70)
        self._light: Bytes = np.zeros((stage.height, stage.width), np.uint8)

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        height, width = self._light.shape
        time_s = moment.time_s
        xs = (self._places[:, 0] + 0.008 * np.sin(2.1 * time_s + self._phases)) % 1.0 * width
        ys = (self._places[:, 1] - (0.02 + 0.11 * self._near) * time_s) % 1.1 * height
        radii = np.maximum((0.0012 + 0.0075 * self._near) * height, 0.7)
        self._light[:] = 0
        fixed = np.round(np.stack([xs, ys, radii], 1) * (1 << _SHIFT)).astype(int).tolist()
        for (x, y, radius), near in zip(fixed, self._near.tolist(), strict=True):
            if near > 0.25:
                cv2.circle(self._light, (x, y), radius, 70, max(1, round(height / 540)), cv2.LINE_AA, _SHIFT)
                shine = (x - radius // 3, y - radius // 3)
                cv2.circle(self._light, shine, max(8, radius // 4), 110, -1, cv2.LINE_AA, _SHIFT)
            else:
                cv2.circle(self._light, (x, y), radius, 60, -1, cv2.LINE_AA, _SHIFT)
        canvas.lighten(self._light)
