"""What a place is built on: the frame, the camera, the light, and sheets to paint on, just as large as needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.camera import CameraPath, Matrix, Pose, Rect, view_to_pixels, world_to_view
from reelway.providers.animatic.canvas import Canvas, Picture, encode_pixels
from reelway.providers.animatic.facts import ShotSize, TimeOfDay
from reelway.providers.animatic.palette import Palette
from reelway.providers.animatic.parallel import in_parallel
from reelway.providers.animatic.scene import SceneDescription
from reelway.providers.animatic.sliding import SlidingPicture, slides

_EDGE = 0.02  # world units painted beyond what the camera sees
_LEVEL_REACH = 0.39  # from the horizon of a level camera to the frame's lower edge
_VISIBLE = 1 / 510  # less opacity than this is none in eight bits
_DETAIL_MAX = 1.25  # a layer is painted no finer than this many pixels for one of the frame
_PARALLEL_PIXELS_MAX = 1280 * 720  # what is painted of a larger frame takes a hundred megabytes of floats a part
_DETAIL_MIN = 0.5  # a camera that always sees things smaller than at rest needs less


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame's time and camera."""

    frame: int
    time_s: float
    pose: Pose


class Element(Protocol):
    """Something that draws itself over what stands behind it."""

    def draw(self, canvas: Canvas, moment: Moment) -> None: ...


@dataclass(frozen=True, slots=True)
class Ground:
    """Where subjects stand: the height of their feet and their distance from the camera."""

    y: float
    depth: float


@dataclass(frozen=True, slots=True)
class Setting:
    """A built place: what is behind the subjects, where they are, and what is in front of them."""

    behind: Sequence[Element]
    ground: Ground
    front: Sequence[Element]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A rectangle of the world as a grid of pixels, to be painted on.

    `xs` has shape (1, columns) and `ys` (rows, 1): world units at the pixel centres. `ppu` is pixels per world unit.
    """

    xs: Floats
    ys: Floats
    ppu: float
    depth: float

    @property
    def shape(self) -> tuple[int, int]:
        return self.ys.shape[0], self.xs.shape[1]

    def cells(self, per_unit: float, stretch: float = 1.0) -> tuple[float, float]:
        """How many noise bumps fit; `stretch` above 1 makes them wider than high."""
        rows, columns = self.shape
        return rows / self.ppu * per_unit, columns / self.ppu * per_unit / stretch

    def picture(self, rgb: Floats, opacity: Floats | None = None) -> Picture:
        """The painted sheet without its empty margins."""
        first_row, first_column = 0, 0
        if opacity is not None:
            rows, columns = (np.flatnonzero(opacity.max(axis=axis) > _VISIBLE) for axis in (1, 0))
            if rows.size:
                first_row, first_column = int(rows[0]), int(columns[0])
                area = np.s_[first_row : rows[-1] + 1, first_column : columns[-1] + 1]
                rgb, opacity = np.ascontiguousarray(rgb[area]), np.ascontiguousarray(opacity[area])
        left, top = float(self.xs[0, first_column]), float(self.ys[first_row, 0])
        to_world = np.array([[1 / self.ppu, 0, left], [0, 1 / self.ppu, top], [0, 0, 1]], np.float64)
        return Picture(encode_pixels(rgb, opacity), to_world, self.depth, opacity is None)


class Stage:
    """The frame, the camera and the light of one scene."""

    def __init__(self, scene: SceneDescription, palette: Palette, path: CameraPath, width: int, height: int) -> None:
        self.scene = scene
        self.palette = palette
        self.path = path
        self.width, self.height = width, height
        self.aspect = width / height
        self.breadth = min(1.0, 0.35 + 0.4 * self.aspect)  # narrow frames need smaller things

    @cached_property
    def horizon(self) -> float:
        """The height of the horizon; 0 is the frame's middle and positive is below it."""
        base = {ShotSize.AERIAL: -0.16, ShotSize.WIDE: 0.10, ShotSize.MEDIUM: 0.11, ShotSize.CLOSE: 0.15}[
            self.scene.shot_size
        ]
        return base + self.scene.variation * float(self.scene.random("horizon").uniform(-0.06, 0.06))

    def below_horizon(self, distance: float) -> float:
        """A height under the horizon, in world units of a level camera; a high camera sees the land spread further."""
        return self.horizon + distance * (0.5 - self.horizon) / _LEVEL_REACH

    @cached_property
    def sun(self) -> tuple[float, float]:
        """Where the sun or the moon stands."""
        random = self.scene.random("sun")
        side = float(random.choice([-1.0, 1.0])) * float(random.uniform(0.14, 0.30)) * self.aspect
        height = {
            TimeOfDay.DAWN: self.horizon - 0.10,
            TimeOfDay.DAY: -0.36,
            TimeOfDay.DUSK: self.horizon - 0.085,
            TimeOfDay.NIGHT: -0.27,
        }[self.scene.time_of_day]
        return side, height

    def sheet(
        self,
        depth: float,
        *,
        top: float = -9.0,
        bottom: float = 9.0,
        across: tuple[float, float] = (-99.0, 99.0),
        detail: float = 1.0,
        drift: float = 0.0,
    ) -> Sheet:
        """A sheet over all that the camera ever sees of a depth, between two heights and, where there is nothing else
        to paint, between two places `across`.

        `detail` below 1 suits soft things. `drift` is how far the layer travels by itself, in world units.
        """
        seen = self.path.cover(depth, self.aspect)
        left, right = seen.left - _EDGE - max(0.0, drift), seen.right + _EDGE - min(0.0, drift)
        left, right = min(max(left, across[0]), right), max(min(right, across[1]), left)
        top, bottom = max(top, seen.top - _EDGE), min(bottom, seen.bottom + _EDGE)
        finest = min(_DETAIL_MAX, max(_DETAIL_MIN, self.path.magnification(depth)))
        ppu = self.height * detail * finest
        left, top = (float(np.floor(edge * ppu)) / ppu for edge in (left, top))  # one grid for all sheets of a depth
        columns, rows = max(2, round((right - left) * ppu)), max(2, round((bottom - top) * ppu))
        xs = (left + (np.arange(columns, dtype=np.float32) + 0.5) / np.float32(ppu)).reshape(1, -1)
        ys = (top + (np.arange(rows, dtype=np.float32) + 0.5) / np.float32(ppu)).reshape(-1, 1)
        return Sheet(xs.astype(np.float32), ys.astype(np.float32), ppu, depth)

    def hidden_below(self, depth: float, *, by: float, y: float) -> float:
        """Where a layer may end: below this height it is always behind one at depth `by` that is solid below `y`."""
        return self.path.lowest(depth, by, y) + _EDGE

    def paint(self, *parts: "Callable[[], Element | Sequence[Element]]") -> list[Element]:
        """The elements of parts that do not need each other, in their order; where memory allows, two at a time."""
        is_large = self.width * self.height > _PARALLEL_PIXELS_MAX
        painted = [part() for part in parts] if is_large else in_parallel(parts)
        return [element for found in painted for element in (found if isinstance(found, Sequence) else [found])]

    def seen(self, depth: float) -> Rect:
        return self.path.cover(depth, self.aspect)

    def to_screen(self, pose: Pose, depth: float) -> Matrix:
        return view_to_pixels(self.width, self.height) @ world_to_view(pose, depth)


class Layer:
    """A picture of the scene, still or drifting by itself."""

    def __init__(self, stage: Stage, picture: Picture, drift_per_s: float = 0.0) -> None:
        self._stage = stage
        self._depth = picture.depth
        self._picture: Picture | SlidingPicture = picture
        self._is_settled = False  # the first frame shows which kind of picture this will be
        self._drift_per_s = drift_per_s

    def under(self, front: "Layer") -> "Layer":
        """This layer and one of the same depth before it as a single layer, which costs less to draw."""
        assert isinstance(self._picture, Picture), "layers are joined before the first frame"
        assert isinstance(front._picture, Picture)
        return Layer(self._stage, self._picture.under(front._picture), self._drift_per_s)

    def stance(self, moment: Moment) -> Matrix:
        """Where it stands on the screen; two moments with one stance show the same."""
        to_screen = self._stage.to_screen(moment.pose, self._depth)
        if self._drift_per_s:
            to_screen = to_screen @ np.array([[1, 0, self._drift_per_s * moment.time_s], [0, 1, 0], [0, 0, 1]])
        return to_screen

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        to_screen = self.stance(moment)
        if not self._is_settled and isinstance(self._picture, Picture):
            self._is_settled = True
            forward = to_screen @ self._picture.to_world
            if slides(forward) and self._stage.path.only_shifts(self._depth):
                self._picture = SlidingPicture(self._picture, forward)
        if isinstance(self._picture, SlidingPicture):
            self._picture.draw(canvas, to_screen)
        else:
            canvas.lay(self._picture, to_screen)
