"""Small things in the air: leaves, petals, fireflies, sparks and dust."""

import cv2
import numpy as np
from numpy.typing import NDArray

from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.canvas import Canvas, yuv
from reelway.providers.animatic.facts import Feature, Place, Season, SubjectKind, TimeOfDay, Weather
from reelway.providers.animatic.palette import Material, colour
from reelway.providers.animatic.stage import Element, Moment, Stage

_SHIFT = 4


def particles(stage: Stage) -> list[Element]:
    """What is asked for, and what belongs to the season and the place."""
    scene = stage.scene
    outdoors = scene.place in (Place.FOREST, Place.HILLS, Place.LAKE)
    calm = scene.weather in (Weather.CLEAR, Weather.CLOUD, Weather.FOG)
    night = scene.time_of_day is TimeOfDay.NIGHT
    elements: list[Element] = []
    if scene.shows(Feature.LEAVES, usually=scene.season is Season.AUTUMN and outdoors and calm):
        elements.append(Flutter(stage, "leaves", 34, 0.0085))
    if scene.shows(Feature.PETALS, usually=scene.season is Season.SPRING and outdoors and calm):
        elements.append(Flutter(stage, "petals", 46, 0.0055))
    if scene.shows(Feature.FIREFLIES, usually=scene.place is Place.FOREST and night and calm):
        elements.append(Glow(stage, "fireflies", 44, colour("e8ff8a"), rise=0.0, wander=0.05))
    if scene.shows(Feature.SPARKS, usually=False):
        elements.append(Glow(stage, "sparks", 80, colour("ffb04a"), rise=0.16, wander=0.03))
    indoors = scene.place in (Place.ROOM, Place.STUDIO)
    product = any(subject.kind is SubjectKind.PRODUCT for subject in scene.subjects)
    if scene.shows(Feature.DUST, usually=indoors or product):
        elements.append(Glow(stage, "dust", 36, colour("fff0d8"), rise=0.008, wander=0.03, strength=0.2))
    return elements


class Flutter:
    """Leaves or petals that tumble down and across."""

    def __init__(self, stage: Stage, kind: str, count: int, size: float) -> None:
        random = stage.scene.random(kind)
        self._stage = stage
        self._size = size
        self._places = random.uniform(0, 1, (count, 2))
        self._near = random.uniform(0.35, 1.35, count)
        self._spins = random.uniform(1.2, 3.4, count)
        self._phases = random.uniform(0, 2 * np.pi, count)
        palette = stage.palette
        if kind == "petals":
            tones = [palette.lit(palette.grade(colour("f6c3d3")), exposure) for exposure in (0.5, 0.9)]
        else:
            tones = [palette.lit(palette.grade(colour(code)), 0.8) for code in ("d9822b", "b5482a", "d8b03a")]
            if stage.scene.season is not Season.AUTUMN:
                tones = [palette.material(Material.FOLIAGE, exposure) for exposure in (0.5, 0.9)]
        self._colours = [yuv(tone) for tone in tones]
        self._mask: Bytes = np.zeros((stage.height, stage.width), np.uint8)

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        time_s, aspect = moment.time_s, self._stage.aspect
        swing = 0.025 * np.sin(self._phases + 1.7 * time_s)
        xs = ((self._places[:, 0] + 0.045 * time_s * self._near + swing) % 1.2 - 0.1) * canvas.width
        ys = ((self._places[:, 1] + 0.085 * time_s * self._near) % 1.2 - 0.1) * canvas.height
        size = self._size * self._near * canvas.height * min(1.0, 0.5 + 0.3 * aspect)
        turn = self._phases + self._spins * time_s
        flat = 0.25 + 0.75 * np.abs(np.cos(self._phases * 2 + self._spins * 1.3 * time_s))
        for index, tone in enumerate(self._colours):
            chosen = slice(index, None, len(self._colours))
            self._mask[:] = 0
            polygons = _lozenges(xs[chosen], ys[chosen], size[chosen], turn[chosen], flat[chosen])
            cv2.fillPoly(self._mask, list(polygons), 235, cv2.LINE_AA, _SHIFT)
            canvas.tint(self._mask, tone, 0, 0)


def _lozenges(xs: Floats, ys: Floats, size: Floats, turn: Floats, flat: Floats) -> NDArray[np.int32]:
    """Leaf shapes as fixed-point polygons, shape (count, 6, 2)."""
    outline = np.array([[-1.0, 0.0], [-0.35, 0.55], [0.45, 0.45], [1.15, 0.0], [0.45, -0.45], [-0.35, -0.55]])
    along, across = outline[:, 0][None] * size[:, None], outline[:, 1][None] * (size * flat)[:, None]
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    points = np.stack([xs[:, None] + along * cos - across * sin, ys[:, None] + along * sin + across * cos], axis=-1)
    return np.round(points * (1 << _SHIFT)).astype(np.int32)


class Glow:
    """Points of light that drift and breathe; drawn half size, because they are soft."""

    def __init__(
        self, stage: Stage, kind: str, count: int, tone: Floats, *, rise: float, wander: float, strength: float = 1.0
    ) -> None:
        random = stage.scene.random(kind)
        self._places = random.uniform(0, 1, (count, 2))
        self._near = random.uniform(0.0, 1.0, count) ** 2
        self._phases = random.uniform(0, 2 * np.pi, (count, 3))
        self._rise, self._wander = rise, wander
        luma, u, v = yuv(stage.palette.grade(tone))
        self._luma = luma * strength
        self._tint = (luma, u, v)
        self._coloured = strength > 0.5
        self._light: Bytes = np.zeros((stage.height // 2, stage.width // 2), np.uint8)

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        height, width = self._light.shape
        time_s = moment.time_s
        drift_x = self._wander * np.sin(self._phases[:, 0] + 0.9 * time_s) + 0.4 * self._wander * np.sin(
            self._phases[:, 2] + 2.1 * time_s
        )
        drift_y = self._wander * np.cos(self._phases[:, 1] + 0.7 * time_s) - self._rise * time_s * (0.6 + self._near)
        xs = ((self._places[:, 0] + drift_x) % 1.1 - 0.05) * width
        ys = ((self._places[:, 1] + drift_y) % 1.1 - 0.05) * height
        breath = 0.25 + 0.75 * np.clip(0.5 + 0.7 * np.sin(self._phases[:, 2] + 2.3 * time_s), 0, 1)
        radii = np.maximum((0.0018 + 0.005 * self._near) * height, 0.5)
        self._light[:] = 0
        fixed = np.round(np.stack([xs, ys, radii], 1) * (1 << _SHIFT)).astype(int).tolist()
        for (x, y, radius), power in zip(fixed, (breath * 255).tolist(), strict=True):
            cv2.circle(self._light, (x, y), radius, power, -1, cv2.LINE_AA, _SHIFT)
        halo = cv2.GaussianBlur(self._light, (0, 0), height * 0.010)
        light = cv2.addWeighted(cv2.GaussianBlur(self._light, (0, 0), height * 0.0016), 0.9, halo, 1.3, 0)
        full = cv2.resize(light, (canvas.width, canvas.height), interpolation=cv2.INTER_LINEAR)
        if self._coloured:
            canvas.tint(full, self._tint, 0, 0)
        else:
            canvas.lighten(cv2.convertScaleAbs(full, alpha=self._luma / 255))
