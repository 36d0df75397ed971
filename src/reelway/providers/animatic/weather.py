"""Weather before the camera: rain, falling snow, drifting fog and lightning."""

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.canvas import Canvas
from reelway.providers.animatic.facts import Feature, Place, TimeOfDay, Weather
from reelway.providers.animatic.noise import clouds, smoothstep
from reelway.providers.animatic.palette import mix
from reelway.providers.animatic.scene import SceneDescription
from reelway.providers.animatic.stage import Element, Layer, Moment, Stage

_SHIFT = 4  # OpenCV's fixed point: coordinates in sixteenths of a pixel
_INDOORS = (Place.ROOM, Place.STUDIO, Place.SPACE, Place.ABSTRACT, Place.UNDERWATER)
_FLASH_FRAMES = (1.0, 0.35, 0.75, 0.45, 0.25, 0.12, 0.05)  # brightness of one lightning, frame by frame


def weather(stage: Stage, frames: int) -> list[Element]:
    """What the weather puts before everything else; nothing where there is none."""
    scene = stage.scene
    if scene.place in _INDOORS:
        return []
    elements: list[Element] = []
    if scene.weather is Weather.FOG or scene.weather in (Weather.RAIN, Weather.STORM, Weather.SNOW):
        elements.append(_fog(stage, thick=scene.weather is Weather.FOG))
    if scene.weather in (Weather.RAIN, Weather.STORM) and Weather.RAIN not in scene.absent:
        elements.append(Rain(stage))
    if scene.weather is Weather.SNOW:
        elements.append(Snow(stage))
    if scene.shows(Feature.LIGHTNING, usually=scene.weather is Weather.STORM):
        elements.append(Lightning(stage, frames))
    return elements


def _fog(stage: Stage, *, thick: bool) -> Layer:
    """A veil of drifting swathes, denser near the ground."""
    sheet = stage.sheet(1.6, detail=0.25, drift=0.5)
    random = stage.scene.random("fog")
    swathes = clouds(random, sheet.shape, sheet.cells(2.2, stretch=3.5), 5)
    low = smoothstep(stage.horizon - 0.45, stage.horizon + 0.20, sheet.ys)
    reach = 0.6 if thick else 0.26
    opacity = np.clip(reach * (0.25 + 0.75 * low) * (0.55 + 0.9 * (swathes - 0.25)), 0, 0.85)
    tone = np.clip(mix(stage.palette.haze, stage.palette.sky[-1], 0.5), 0, 1)
    rgb = np.broadcast_to(tone, (*sheet.shape, 3)).astype(np.float32)
    return Layer(stage, sheet.picture(rgb, opacity.astype(np.float32)), 0.03)


class Rain:
    """Streaks at three distances; the nearest are long, fast and few."""

    def __init__(self, stage: Stage) -> None:
        scene = stage.scene
        random = scene.random("rain")
        heavy = 1.7 if scene.weather is Weather.STORM else 1.0
        self._slant = (0.10 + 0.12 * float(random.random())) * (1 if random.random() < 0.5 else -1) * heavy
        self._light: Bytes = np.zeros((stage.height, stage.width), np.uint8)
        night = 0.62 if scene.time_of_day is TimeOfDay.NIGHT else 1.0
        self._sheets = []
        for count, length, speed, tone in ((360, 0.045, 1.5, 22), (170, 0.085, 2.2, 34), (46, 0.16, 3.1, 44)):
            drops = random.uniform(0, 1, (round(count * heavy * max(0.4, stage.aspect / 1.78)), 3))
            self._sheets.append((drops, length, speed * (0.9 + 0.2 * heavy), tone * night))

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        height, width = self._light.shape
        self._light[:] = 0
        for drops, length, speed, tone in self._sheets:
            fall = (drops[:, 1] * 1.2 + moment.time_s * speed * (0.85 + 0.3 * drops[:, 2])) % 1.2 - 0.1
            across = (drops[:, 0] * 1.5 - 0.25) * width + self._slant * fall * height
            heads = np.stack([across, fall * height], 1)
            tails = heads - np.array([self._slant, 1.0]) * length * height
            thickness = max(1, round(height * (0.0011 if tone < 40 else 0.0020)))
            streaks = np.round(np.stack([tails, heads], 1) * (1 << _SHIFT)).astype(np.int32)
            cv2.polylines(self._light, list(streaks), False, tone, thickness, cv2.LINE_AA, _SHIFT)
        canvas.lighten(self._light)


class Snow:
    """Flakes at many distances that sway as they fall; drawn half size, because they are soft."""

    def __init__(self, stage: Stage) -> None:
        random = stage.scene.random("snow")
        count = round(330 * max(0.45, stage.aspect / 1.78))
        self._places = random.uniform(0, 1, (count, 2))
        self._near = random.uniform(0, 1, count) ** 2.6
        self._phases = random.uniform(0, 2 * np.pi, count)
        self._light: Bytes = np.zeros((stage.height // 2, stage.width // 2), np.uint8)
        self._tone = 130 if stage.scene.time_of_day is TimeOfDay.NIGHT else 190
        self._wind = 0.05 * float(random.choice([-1.0, 1.0]))

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        height, width = self._light.shape
        speed = 0.09 + 0.24 * self._near
        sway = 0.010 * (0.4 + self._near) * np.sin(self._phases + moment.time_s * (1.1 + self._phases / 6))
        xs = ((self._places[:, 0] + sway + self._wind * moment.time_s * (0.5 + self._near)) % 1.1 - 0.05) * width
        ys = ((self._places[:, 1] + speed * moment.time_s) % 1.1 - 0.05) * height
        radii = (0.0011 + 0.0046 * self._near) * height
        tones = self._tone * (0.95 - 0.62 * self._near)
        self._light[:] = 0
        fixed = np.round(np.stack([xs, ys, np.maximum(radii, 0.8)], 1) * (1 << _SHIFT)).astype(int).tolist()
        for (x, y, radius), tone in zip(fixed, tones.tolist(), strict=True):
            cv2.circle(self._light, (x, y), radius, tone, -1, cv2.LINE_AA, _SHIFT)
        cv2.GaussianBlur(self._light, (0, 0), max(0.75, height * 0.0024), dst=self._light)
        canvas.lighten(cv2.resize(self._light, (canvas.width, canvas.height), interpolation=cv2.INTER_LINEAR))


def flash_frames(scene: SceneDescription, frames: int) -> list[int]:
    """The frames of a clip in which lightning strikes; thunder is heard after each."""
    count = 2 if frames > 72 else 1
    starts = np.linspace(0.15, 0.75, count) + scene.random("lightning").uniform(0, 0.15, count)
    return [int(start * frames) for start in starts]


class Lightning:
    """One or two flashes with a bolt; never more than that, for viewers whom flicker harms."""

    def __init__(self, stage: Stage, frames: int) -> None:
        random = stage.scene.random("bolts")
        self._stage = stage
        self._starts = flash_frames(stage.scene, frames)
        self._bolts = [self._bolt(random) for _ in self._starts]

    def _bolt(self, random: np.random.Generator) -> list[Floats]:
        """A crooked line from the clouds to the ground with two branches, in world units."""
        x = float(random.uniform(-0.38, 0.38)) * self._stage.aspect
        ys = np.linspace(-0.5, self._stage.horizon, 22, dtype=np.float32)
        xs = (x + np.cumsum(random.normal(0, 0.014, 22))).astype(np.float32)
        lines = [np.stack([xs, ys], 1)]
        for start in (6, 12):
            reach = np.cumsum(random.normal(0.018, 0.012, 7)) * float(random.choice([-1.0, 1.0]))
            lines.append(np.stack([xs[start] + reach, ys[start : start + 7]], 1).astype(np.float32))
        return lines

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        for start, bolt in zip(self._starts, self._bolts, strict=True):
            age = moment.frame - start
            if 0 <= age < len(_FLASH_FRAMES):
                power = _FLASH_FRAMES[age]
                cv2.convertScaleAbs(canvas.luma, dst=canvas.luma, alpha=1 + 0.55 * power, beta=26 * power)
                self._draw_bolt(canvas, moment, bolt, power)

    def _draw_bolt(self, canvas: Canvas, moment: Moment, bolt: list[Floats], power: float) -> None:
        light = np.zeros((canvas.height, canvas.width), np.uint8)
        to_screen = self._stage.to_screen(moment.pose, 40.0)
        for index, line in enumerate(bolt):
            points = line @ to_screen[:2, :2].T + to_screen[:2, 2]
            fixed = [np.round(points * (1 << _SHIFT)).astype(np.int32)]
            cv2.polylines(
                light,
                fixed,
                False,
                255 * power,
                max(1, round(canvas.height * (0.004 if index == 0 else 0.002))),
                cv2.LINE_AA,
                _SHIFT,
            )
        glow = cv2.GaussianBlur(light, (0, 0), canvas.height * 0.012)
        canvas.lighten(cv2.addWeighted(light, 1.0, glow, 1.6, 0))
