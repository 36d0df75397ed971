"""A figure in the scene: where it is at each moment, its colours in the scene's light, and its shadow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from reelway.providers.animatic.arrays import Bytes
from reelway.providers.animatic.camera import Matrix
from reelway.providers.animatic.canvas import Canvas, yuv
from reelway.providers.animatic.facts import Place, Style, TimeOfDay, Weather
from reelway.providers.animatic.palette import Colour, colour, mix
from reelway.providers.animatic.stage import Moment, Stage
from reelway.providers.animatic.subjects.roles import Motion, Role
from reelway.providers.animatic.subjects.shapes import Part, Tone

_SHIFT = 4
_SMALL_LIGHT = (Place.STUDIO, Place.ROOM, Place.SPACE, Place.ABSTRACT)  # places whose light is not the sky's
_OPACITY = {Tone.BEAM: 0.26, Tone.STEAM: 0.22}
_LEAP_S = 2.4
_REFLECTION = 0.30


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a figure is placed: its middle at half time, its feet, its distance, its size, and which way it goes."""

    x: float
    y: float
    depth: float
    size: float
    facing: float  # 1 to the right, -1 to the left
    offset: float  # phases that it is ahead, so that a group does not march in step


class Actor:
    """One figure, drawn outline by outline in every frame."""

    def __init__(self, stage: Stage, role: Role, mark: Mark, own: Colour, duration_s: float) -> None:
        assert role.draw is not None, "a figure without outlines is no actor"
        self._stage, self._role, self._mark, self._draw = stage, role, mark, role.draw
        self._duration_s = duration_s
        path = min(role.speed * duration_s, 0.62 * stage.aspect)
        self._speed = path / duration_s
        self._tones = {tone: yuv(value) for tone, value in _tones(stage, own, role, mark.depth).items()}
        shade = stage.palette.lit(colour("101014"), 0.2)
        self._shade = yuv(shade)
        self._sun = yuv(np.clip(stage.palette.sun, 0, 1))
        self._rim = 0.34 + 0.24 * min(1.0, float(stage.palette.key.max()))
        self._shadow = _soft_ellipse()

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        to_screen = self._stage.to_screen(moment.pose, self._mark.depth)
        distance = self._speed * moment.time_s
        x = self._mark.x + self._mark.facing * (distance - self._speed * self._duration_s / 2)
        parts = self._draw(self._phase(distance, moment.time_s))
        lift, turn = self._lift(moment.time_s)
        to_pixels = to_screen @ self._placing(x, self._mark.y + lift, turn)
        if self._role.motion in (Motion.WALKS, Motion.DRIVES, Motion.STANDS):
            self._lay_shadow(canvas, to_screen, x)
        water_line = None
        if self._role.motion in (Motion.SAILS, Motion.LEAPS):
            water_line = float((to_screen @ (x, self._mark.y, 1))[1])
        self._paint(canvas, parts, to_pixels, water_line)

    def _phase(self, distance: float, time_s: float) -> float:
        match self._role.motion:
            case Motion.WALKS | Motion.DRIVES:
                return distance / (self._role.stride * self._mark.size) + self._mark.offset
            case Motion.FLIES:
                return 1.15 * time_s + self._mark.offset
            case Motion.LEAPS:
                return 1.6 * time_s + self._mark.offset
            case _:
                return time_s + self._mark.offset * 3

    def _lift(self, time_s: float) -> tuple[float, float]:
        """How far the figure is off its mark, downwards, and its turn in radians."""
        size, beat = self._mark.size, time_s + 7 * self._mark.offset
        match self._role.motion:
            case Motion.SAILS:
                return 0.018 * size * math.sin(1.7 * beat), 0.0
            case Motion.FLIES:
                return 0.06 * size * math.sin(0.9 * beat), 0.03 * math.sin(0.9 * beat + 1)
            case Motion.FLOATS:
                return 0.07 * size * math.sin(0.5 * beat), 0.06 * math.sin(0.37 * beat) + self._tilt()
            case Motion.LEAPS:
                share = (beat / _LEAP_S) % 1
                return size * (0.75 - 5.2 * share * (1 - share)), 1.0 * (share - 0.5) * 2 * 0.75
            case _:
                return 0.0, 0.0

    def _tilt(self) -> float:
        return 0.45 if self._stage.scene.place is Place.SPACE and self._role.speed > 0.04 else 0.0

    def _placing(self, x: float, y: float, turn: float) -> Matrix:
        """From a figure's units to world units; it turns about its middle."""
        size, facing = self._mark.size, self._mark.facing
        cos, sin = math.cos(turn) * size, math.sin(turn) * size
        middle = 0.5 if self._role.motion in (Motion.FLIES, Motion.FLOATS, Motion.LEAPS) else 0.0
        around = np.array([[1.0, 0, 0], [0, 1, middle], [0, 0, 1]])
        turned = np.array([[cos, -sin, 0], [sin, cos, -middle * size], [0, 0, 1.0]])
        placed = np.array([[facing, 0, x], [0, 1, y], [0, 0, 1.0]])
        result: Matrix = placed @ turned @ around
        return result

    def _lay_shadow(self, canvas: Canvas, to_screen: Matrix, x: float) -> None:
        half = 0.55 * self._role.width * self._mark.size / self._role.height
        corners = to_screen @ np.array(
            [[x - half, x + half], [self._mark.y - 0.10 * half, self._mark.y + 0.13 * half], [1, 1]]
        )
        left, right = (2 * round(value / 2) for value in corners[0])
        top, bottom = (2 * round(value / 2) for value in corners[1])
        if right - left < 4 or bottom - top < 2 or right - left > 4 * canvas.width:
            return
        shadow = cv2.resize(self._shadow, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        first, last = max(0, left), min(canvas.width, right)
        upper, lower = max(0, top), min(canvas.height, bottom)
        if first < last and upper < lower:
            part = np.ascontiguousarray(shadow[upper - top : lower - top, first - left : last - left])
            canvas.tint(part, self._shade, first, upper)

    def _paint(self, canvas: Canvas, parts: Sequence[Part], to_pixels: Matrix, water_line: float | None) -> None:
        points = np.concatenate([part.points for part in parts]) @ to_pixels[:2, :2].T + to_pixels[:2, 2]
        area = _area(canvas, points)
        if area is None:
            return
        left, top, width, height = area
        whole = np.zeros((height, width), np.uint8)
        brush = _Brush(canvas, points, whole, (left, top), self._dry_rows(canvas, water_line))
        last = 0
        for part in parts:
            first, last = last, last + len(part.points)
            opacity = _OPACITY.get(part.tone, 1.0)
            if opacity < 1.0:
                brush.veil(points[first:last], self._tones[part.tone], opacity)
            else:
                brush.fill(first, last, self._tones[part.tone], is_solid=part.tone is not Tone.GLOW)
        self._model(canvas, whole, left, top)
        if self._role.motion is Motion.SAILS and water_line is not None:
            self._reflect(canvas, whole, left, round(water_line), round(water_line) - top)

    def _dry_rows(self, canvas: Canvas, water_line: float | None) -> int:
        """Down to which row the figure is out of the water."""
        if water_line is None or self._role.motion is not Motion.LEAPS:
            return canvas.height
        return min(canvas.height, max(0, round(water_line)))

    def _model(self, canvas: Canvas, whole: Bytes, left: int, top: int) -> None:
        """Shade towards the feet, and a rim of light on the sun's side."""
        height, width = whole.shape
        falloff = np.round(np.linspace(0, 90, height)).astype(np.uint8)[:, None]
        canvas.tint(
            cv2.multiply(whole, np.broadcast_to(falloff, whole.shape).copy(), scale=1 / 255), self._shade, left, top
        )
        reach = max(1, round(0.008 * self._mark.size * canvas.height))
        across = reach if self._stage.sun[0] > self._mark.x else -reach
        if width <= 2 * reach or height <= 2 * reach:
            return
        beyond = np.zeros_like(whole)
        source = whole[: height - reach, max(0, across) : width + min(0, across)]
        beyond[reach:, max(0, -across) : width + min(0, -across)] = source
        rim = cv2.blur(cv2.subtract(whole, beyond), (3, 3))
        canvas.tint(cv2.convertScaleAbs(cv2.min(rim, whole), alpha=self._rim), self._sun, left, top)

    def _reflect(self, canvas: Canvas, whole: Bytes, left: int, line: int, rows_above: int) -> None:
        """The figure's broken mirror image on the water."""
        line = line // 2 * 2
        count = min(rows_above, canvas.height - line) // 2 * 2
        if count < 4 or line < 0:
            return
        depth = np.arange(count)
        wobble = np.round(0.5 * np.sqrt(depth) * np.sin(depth * 0.9)).astype(int)
        source = np.clip(rows_above - 1 - (depth * 1.25).astype(int), 0, whole.shape[0] - 1)
        mirrored = np.stack([np.roll(whole[row], shift) for row, shift in zip(source, wobble, strict=True)])
        fade = (
            np.linspace(_REFLECTION, 0.05, count, dtype=np.float32)[:, None]
            * (0.75 + 0.25 * np.sin(depth * 1.7))[:, None]
        )
        canvas.tint((mirrored * fade).astype(np.uint8), self._tones[Tone.DARK], left, line)


class _Brush:
    """Fills a figure's outlines on a canvas, down to the row `dry`, and what is solid of them in a mask as well.

    The mask lies on the canvas at `corner`, on even pixels. OpenCV's filling smooths edges by itself, so an outline is
    filled straight in the three planes, which costs a third of a mask and its blending.
    """

    def __init__(
        self, canvas: Canvas, points: NDArray[np.float64], whole: Bytes, corner: tuple[int, int], dry: int
    ) -> None:
        self._canvas, self._dry = canvas, dry
        self._luma, self._whole = canvas.luma[:dry], whole[: max(0, dry - corner[1])]
        self._u, self._v = canvas.u[: (dry + 1) // 2], canvas.v[: (dry + 1) // 2]
        self._fixed = np.round(points * (1 << _SHIFT)).astype(np.int32)
        self._halved = self._fixed - (1 << _SHIFT) // 2  # a chroma sample lies in the middle of four of luma
        self._inside = self._fixed - np.array(corner, np.int32) * (1 << _SHIFT)

    def fill(self, first: int, last: int, tone: tuple[float, float, float], *, is_solid: bool) -> None:
        """Fill the outline of the points from `first` to before `last`."""
        cv2.fillPoly(self._luma, [self._fixed[first:last]], tone[0], cv2.LINE_AA, _SHIFT)
        halved = [self._halved[first:last]]
        cv2.fillPoly(self._u, halved, tone[1], cv2.LINE_AA, _SHIFT + 1)
        cv2.fillPoly(self._v, halved, tone[2], cv2.LINE_AA, _SHIFT + 1)
        if is_solid:
            cv2.fillPoly(self._whole, [self._inside[first:last]], 255, cv2.LINE_AA, _SHIFT)

    def veil(self, outline: NDArray[np.float64], tone: tuple[float, float, float], opacity: float) -> None:
        """Fill an outline that lets see through."""
        area = _area(self._canvas, outline)
        if area is None:
            return
        left, top, width, height = area
        mask = np.zeros((height, width), np.uint8)
        fixed = np.round((outline - (left, top)) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255 * opacity, cv2.LINE_AA, _SHIFT)
        mask[max(0, self._dry - top) :] = 0
        self._canvas.tint(mask, tone, left, top)


def _area(canvas: Canvas, points: NDArray[np.float64]) -> tuple[int, int, int, int] | None:
    """The frame's part that outlines touch, on even pixels."""
    lowest, highest = points.min(axis=0), points.max(axis=0)
    left, top = (max(0, int(value - 2) // 2 * 2) for value in lowest)
    right, bottom = min(canvas.width, int(highest[0] + 4) // 2 * 2), min(canvas.height, int(highest[1] + 4) // 2 * 2)
    return (left, top, right - left, bottom - top) if right - left > 2 and bottom - top > 2 else None


def _soft_ellipse() -> Bytes:
    down, across = np.linspace(-1, 1, 24)[:, None], np.linspace(-1, 1, 96)[None]
    shadow: Bytes = np.round(150 * np.clip(1 - np.sqrt(down**2 + across**2), 0, 1) ** 0.8).astype(np.uint8)
    return shadow


def _tones(stage: Stage, own: Colour, role: Role, depth: float) -> dict[Tone, Colour]:
    """Every tone's colour in the scene's light."""
    palette, scene = stage.palette, stage.scene
    own = palette.grade(own)
    dark_hours = scene.time_of_day in (TimeOfDay.NIGHT, TimeOfDay.DUSK) or scene.weather is Weather.STORM
    dim = 0.7 if scene.time_of_day is TimeOfDay.NIGHT and scene.place is not Place.SPACE else 1.0

    def lit(value: Colour, exposure: float) -> Colour:
        if scene.place in _SMALL_LIGHT:
            return np.clip(value * np.float32((0.28 + 0.85 * exposure) * dim), 0, 1)
        least = (
            0.22 + 0.30 * exposure if scene.place in (Place.CITY, Place.STREET) else 0.12 + 0.20 * exposure
        )  # streets have lamps
        if scene.style is Style.NOIR:
            least += 0.34  # or else nobody would be seen in the dark
        seen = np.maximum(palette.lit(value, exposure), value * np.float32(least))
        return palette.hazed(seen, 1 + 0.5 * (depth - 1))

    glass = mix(palette.sky[1], palette.sky[-1], 0.35) if scene.place not in _SMALL_LIGHT else colour("3a4652")
    shines = dark_hours or role.motion is Motion.FLOATS
    return {
        Tone.BODY: lit(own, 0.55),
        Tone.LIGHT: lit(mix(own, np.ones(3, np.float32), 0.16), 0.95),
        Tone.DARK: lit(mix(own, colour("1a1a20"), 0.62), 0.3),
        Tone.BLACK: lit(palette.grade(colour("1c1b20")), 0.45),
        Tone.SKIN: lit(palette.grade(colour("b98a68")), 0.65),
        Tone.GLASS: palette.grade(np.clip(glass * np.float32(0.62), 0, 1)),
        Tone.GLOW: palette.grade(colour("ffd488")) if shines else lit(glass, 0.35),
        Tone.WHITE: lit(palette.grade(colour("efece4")), 0.85),
        Tone.GREEN: lit(palette.grade(mix(own, colour("6fa04a"), 0.88)), 0.75),
        Tone.BEAM: palette.grade(colour("ffeec2")),
        Tone.STEAM: palette.grade(colour("f4f4f4")),
    }
