"""Footage from one image: a camera moves before it, and what is near moves further than what is far.

The depth is guessed (`relief_guess`). Of a start frame the first frame is exactly the image, of a last frame the last.
"""

import math
from dataclasses import dataclass, fields

import cv2
import numpy as np

from reelway.domain import generation
from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.camera import ease, reach_of
from reelway.providers.animatic.canvas import Canvas, yuv_planes
from reelway.providers.animatic.facts import CameraMove, Pace
from reelway.providers.animatic.relief_guess import nearness
from reelway.providers.animatic.scene import SceneDescription
from reelway.providers.animatic.spec import FRAMES_PER_SECOND

_ROLL_RAD = 0.24
_PAD = 0.22  # of each side: how far the picture is continued beyond its edge for a camera that goes back


@dataclass(frozen=True, slots=True)
class View:
    """How far the camera has gone from where it sees just the image. Lengths are in frame heights.

    `shift` moves what is near further than what is far; `look` moves everything alike. `push` comes closer, to what is
    near more than to what is far; `zoom` is the logarithm of an even magnification; `roll` turns the camera clockwise,
    in radians. `pivot` is the nearness that stays in its place while the camera shifts.
    """

    shift_x: float = 0.0
    shift_y: float = 0.0
    look_x: float = 0.0
    look_y: float = 0.0
    push: float = 0.0
    zoom: float = 0.0
    roll: float = 0.0
    pivot: float = 0.0

    def times(self, share: float) -> "View":
        """The same way, gone for a share of it; `pivot` is no way."""
        ways = {field.name: share * getattr(self, field.name) for field in fields(self) if field.name != "pivot"}
        return View(**ways, pivot=self.pivot)


_WAYS: dict[CameraMove, View] = {
    CameraMove.STATIC: View(),
    CameraMove.PUSH_IN: View(push=0.15, zoom=0.05),
    CameraMove.PULL_OUT: View(push=-0.11, zoom=-0.05),
    CameraMove.PAN_LEFT: View(look_x=-0.17, shift_x=-0.05),
    CameraMove.PAN_RIGHT: View(look_x=0.17, shift_x=0.05),
    CameraMove.TILT_UP: View(look_y=-0.13, shift_y=-0.03),
    CameraMove.TILT_DOWN: View(look_y=0.13, shift_y=0.03),
    CameraMove.TRUCK_LEFT: View(shift_x=-0.20, look_x=-0.03),
    CameraMove.TRUCK_RIGHT: View(shift_x=0.20, look_x=0.03),
    CameraMove.CRANE_UP: View(shift_y=-0.14, look_y=-0.02),
    CameraMove.CRANE_DOWN: View(shift_y=0.14, look_y=0.02),
    CameraMove.ORBIT: View(shift_x=0.22, push=0.05, pivot=0.55),
    CameraMove.FLY: View(push=0.20, zoom=0.03, look_y=-0.03),
    CameraMove.HANDHELD: View(push=0.04, zoom=0.03),
}
_NAMED_WAYS: dict[generation.CameraMove, View] = {
    generation.CameraMove.DOWN_BACK: View(push=-0.12, zoom=-0.04, shift_y=0.08, look_y=0.02),
    generation.CameraMove.FORWARD_UP: View(push=0.14, zoom=0.04, look_y=-0.10),
    generation.CameraMove.RIGHT_TURN_FORWARD: View(push=0.14, zoom=0.03, look_x=0.15),
    generation.CameraMove.LEFT_TURN_FORWARD: View(push=0.14, zoom=0.03, look_x=-0.15),
}


def _axis_way(camera: generation.Camera) -> View:
    """One axis of a camera control, -10 to 10. Source: as `camera._axis_pose`."""
    return View(
        shift_x=0.26 * camera.horizontal / 10,
        shift_y=-0.18 * camera.vertical / 10,
        look_x=0.19 * camera.tilt / 10,
        look_y=-0.13 * camera.pan / 10,
        zoom=-0.22 * camera.zoom / 10 if camera.zoom > 0 else -0.42 * camera.zoom / 10,
        roll=_ROLL_RAD * camera.roll / 10,
    )


class StillFootage:
    """A move over one image. `ends_whole`: the image is where the camera arrives, not where it begins.

    Without `has_depth` everything moves alike: an image with a fill at its sides has edges that would bend.
    `rest` 0 to 1, of the frame's size, is how much a part of the image stays where it is; None when nothing does.
    """

    def __init__(
        self,
        scene: SceneDescription,
        still: Bytes,
        frames: int,
        *,
        ends_whole: bool = False,
        has_depth: bool = True,
        rest: Floats | None = None,
    ) -> None:
        self._frames = frames
        self._height, self._width = still.shape[:2]
        self._ends_whole = ends_whole
        self._is_shaken = scene.control is None and CameraMove.HANDHELD in scene.camera
        self._way = _way(scene, frames, ends_whole=ends_whole)
        goes_out = max(-self._way.push, -self._way.zoom) > 0
        if ends_whole:
            goes_out = max(self._way.push, self._way.zoom) > 0
        self._pad = (2 * round(_PAD * self._height / 2), 2 * round(_PAD * self._width / 2)) if goes_out else (0, 0)
        self._planes = yuv_planes(_continued(still, self._pad) if goes_out else still)
        half = (self._width // 2, self._height // 2)
        near = nearness(still) if has_depth else np.full((8, 8), 0.5, np.float32)
        self._near = cv2.resize(near, half, interpolation=cv2.INTER_LINEAR)
        self._near_min, self._near_max = float(near.min()), float(near.max())
        self._rest = None if rest is None else 1 - cv2.resize(rest, half, interpolation=cv2.INTER_AREA)
        aspect = self._width / self._height
        self._xs = ((np.arange(half[0], dtype=np.float32) + 0.5) / half[0] - 0.5)[None] * np.float32(aspect)
        self._ys = ((np.arange(half[1], dtype=np.float32) + 0.5) / half[1] - 0.5)[:, None]

    def draw(self, canvas: Canvas, frame: int) -> None:
        view = self.view(frame)
        if view == View(pivot=view.pivot):
            self._show(canvas)
            return
        to_x, to_y = self._sources(view)
        if self._rest is not None:
            to_x = self._xs + (to_x - self._xs) * self._rest
            to_y = self._ys + (to_y - self._ys) * self._rest
        rows, columns = self._pad
        full_x = to_x * np.float32(self._height) + np.float32(self._width / 2 - 0.5 + columns)
        half_x = to_x * np.float32(self._height / 2) + np.float32((self._width / 2 + columns) / 2 - 0.5)
        full_y = to_y * np.float32(self._height) + np.float32(self._height / 2 - 0.5 + rows)
        half_y = to_y * np.float32(self._height / 2) + np.float32((self._height / 2 + rows) / 2 - 0.5)
        size = (self._width, self._height)
        maps = [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in (full_x, full_y)]
        cv2.remap(
            self._planes[0], maps[0], maps[1], cv2.INTER_CUBIC, dst=canvas.luma, borderMode=cv2.BORDER_REFLECT_101
        )
        for target, source in zip((canvas.u, canvas.v), self._planes[1:], strict=True):
            cv2.remap(source, half_x, half_y, cv2.INTER_LINEAR, dst=target, borderMode=cv2.BORDER_REFLECT_101)

    def _show(self, canvas: Canvas) -> None:
        rows, columns = self._pad
        luma, u, v = self._planes
        canvas.luma[:] = luma[rows : rows + self._height, columns : columns + self._width]
        for target, source in ((canvas.u, u), (canvas.v, v)):
            area = source[rows // 2 :, columns // 2 :]
            target[:] = area[: self._height // 2, : self._width // 2]

    def view(self, frame: int) -> View:
        """Where the camera is in one frame."""
        done = ease(frame / max(1, self._frames - 1))
        view = self._way.times(done - 1 if self._ends_whole else done)
        if not self._is_shaken:
            return view
        time_s = frame / FRAMES_PER_SECOND
        calm = min(1.0, (self._frames - 1 - frame if self._ends_whole else frame) / FRAMES_PER_SECOND)
        return View(
            view.shift_x,
            view.shift_y,
            view.look_x + calm * (0.010 * math.sin(2.7 * time_s) + 0.006 * math.sin(6.1 * time_s + 1)),
            view.look_y + calm * (0.009 * math.sin(3.3 * time_s + 1) + 0.004 * math.sin(7.3 * time_s)),
            view.push,
            view.zoom,
            calm * 0.006 * math.sin(2.3 * time_s),
            view.pivot,
        )

    def _sources(self, view: View) -> tuple[Floats, Floats]:
        """For every second pixel of the frame, which point of the image is seen there: in frame heights from its
        middle."""
        scale = 1 / (self._tightness(view) * math.exp(view.zoom))
        cos, sin = math.cos(view.roll) * scale, math.sin(view.roll) * scale
        base_x = cos * self._xs - sin * self._ys + view.look_x
        base_y = sin * self._xs + cos * self._ys + view.look_y
        near = self._near
        for _ in range(2):  # the nearness that counts is that of the point which is found
            found_x, found_y = self._displaced(view, base_x, base_y, near)
            near = self._near_at(found_x, found_y)
        return self._displaced(view, base_x, base_y, near)

    def _displaced(self, view: View, base_x: Floats, base_y: Floats, near: Floats) -> tuple[Floats, Floats]:
        closer = 1 / (1 + view.push * near) if view.push else 1.0
        found_x = base_x * closer + view.shift_x * (near - view.pivot)
        found_y = base_y * closer + view.shift_y * (near - view.pivot)
        return found_x.astype(np.float32), found_y.astype(np.float32)

    def _near_at(self, x: Floats, y: Floats) -> Floats:
        half_x = x * np.float32(self._height / 2) + np.float32(self._width / 4 - 0.5)
        half_y = y * np.float32(self._height / 2) + np.float32(self._height / 4 - 0.5)
        found: Floats = cv2.remap(self._near, half_x, half_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return found

    def _tightness(self, view: View) -> float:
        """How much closer the camera must be so that it does not see beyond the image where it has gone aside."""
        aspect = self._width / self._height
        parallax = max(abs(self._near_max - view.pivot), abs(self._near_min - view.pivot))
        aside_x = abs(view.look_x) + abs(view.shift_x) * parallax
        aside_y = abs(view.look_y) + abs(view.shift_y) * parallax
        needed = max(aspect / (aspect - 2 * aside_x), 1 / (1 - 2 * aside_y)) if not any(self._pad) else 1.0
        turn = abs(view.roll)
        return float(needed * (math.cos(turn) + math.sin(turn) * max(aspect, 1 / aspect)))


def _way(scene: SceneDescription, frames: int, *, ends_whole: bool) -> View:
    """The whole way of the camera: the request's own, that of the words, or else slowly closer and a little aside."""
    reach = reach_of(frames / FRAMES_PER_SECOND)
    control = scene.control
    if control is not None:
        is_simple = control.move is generation.CameraMove.SIMPLE
        return (_axis_way(control) if is_simple else _NAMED_WAYS[control.move]).times(reach)
    pace = {Pace.SLOW: 0.6, Pace.FAST: 1.4, None: 1.0}[scene.pace]
    loose = 0.85 + 0.3 * scene.variation
    if scene.is_camera_named:
        named = [_WAYS[move] for move in scene.camera]
        way = View(**{field.name: sum(getattr(part, field.name) for part in named) for field in fields(View)}).times(
            1 / math.sqrt(len(named))
        )
    else:
        random = scene.random("focus")
        aside = float(random.choice([-1.0, 1.0])) * float(random.uniform(0.04, 0.09))
        way = View(push=0.15, zoom=0.06, shift_x=aside, pivot=0.5)
        way = way.times(-1.0) if ends_whole else way
    return way.times(pace * loose * reach)


def _continued(still: Bytes, pad: tuple[int, int]) -> Bytes:
    """The image continued beyond its edges by its own mirror image, ever softer the further out."""
    rows, columns = pad
    height, width = still.shape[:2]
    wide = cv2.copyMakeBorder(still, rows, rows, columns, columns, cv2.BORDER_REFLECT_101)
    size = (max(8, wide.shape[1] // 8), max(8, wide.shape[0] // 8))
    small = cv2.GaussianBlur(cv2.resize(wide, size, interpolation=cv2.INTER_AREA), (0, 0), size[1] / 22)
    soft = cv2.resize(small, wide.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    down = np.maximum(0, np.abs(np.arange(wide.shape[0]) - (wide.shape[0] - 1) / 2) - height / 2) / (0.5 * rows)
    across = np.maximum(0, np.abs(np.arange(wide.shape[1]) - (wide.shape[1] - 1) / 2) - width / 2) / (0.5 * columns)
    share = np.clip(np.maximum(down[:, None], across[None]), 0, 1).astype(np.float32)[..., None]
    result: Bytes = np.round(wide + (soft.astype(np.float32) - wide) * share).clip(0, 255).astype(np.uint8)
    return result
