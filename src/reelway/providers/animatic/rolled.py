"""A camera that rolls: the scene is drawn upright and larger than the frame, and every frame is turned.

Water mirrors along level lines, so nothing in a scene is ever drawn at a slant.
"""

import math
from typing import Protocol

import cv2
import numpy as np

from reelway.domain.generation import Camera
from reelway.providers.animatic.camera import ease, reach_of
from reelway.providers.animatic.canvas import Canvas
from reelway.providers.animatic.spec import FRAMES_PER_SECOND

_FULL_RAD = 0.27  # how far a roll of 10 turns in five seconds
_PIXELS_MAX = 4_500_000  # of the larger canvas; beyond, it is enlarged a little


class Upright(Protocol):
    """What is turned: it draws the scene without a roll."""

    def draw(self, canvas: Canvas, frame: int) -> None: ...


class Roll:
    """How a camera rolls in one clip, and how much larger than the frame its pictures must be for it."""

    def __init__(self, camera: Camera | None, width: int, height: int, frames: int) -> None:
        self._frames = frames
        reach = reach_of(frames / FRAMES_PER_SECOND)
        self._angle_rad = _FULL_RAD * camera.roll / 10 * reach if camera is not None else 0.0
        turn, ratio = abs(self._angle_rad), max(width / height, height / width)
        self.margin = math.cos(turn) + math.sin(turn) * ratio if turn else 1.0
        scale = min(self.margin, math.sqrt(_PIXELS_MAX / (width * height)) if turn else 1.0)
        scale = max(1.0, scale)
        self.width, self.height = (2 * math.ceil(side * scale / 2) for side in (width, height))

    @property
    def is_level(self) -> bool:
        return self._angle_rad == 0.0

    def angle_rad(self, frame: int) -> float:
        """How far the picture is turned, clockwise: against the camera."""
        return -self._angle_rad * ease(frame / max(1, self._frames - 1))


class RolledFootage:
    """Footage seen by a rolling camera."""

    def __init__(self, inner: Upright, roll: Roll) -> None:
        self._inner, self._roll = inner, roll
        self._canvas = Canvas(roll.width, roll.height)

    def draw(self, canvas: Canvas, frame: int) -> None:
        self._inner.draw(self._canvas, frame)
        angle = self._roll.angle_rad(frame)
        scale = self._roll.margin * canvas.height / self._canvas.height
        for target, source in zip(
            (canvas.luma, canvas.u, canvas.v), (self._canvas.luma, self._canvas.u, self._canvas.v), strict=True
        ):
            to_source = _turn(source.shape, target.shape, angle, scale)
            cv2.warpAffine(
                source,
                to_source,
                target.shape[::-1],
                dst=target,
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )


def _turn(
    source: tuple[int, ...], target: tuple[int, ...], angle_rad: float, scale: float
) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """From a target pixel to the source's: turned about the middle."""
    cos, sin = math.cos(angle_rad) / scale, math.sin(angle_rad) / scale
    middle_x, middle_y = (target[1] - 1) / 2, (target[0] - 1) / 2
    return np.array(
        [
            [cos, sin, (source[1] - 1) / 2 - cos * middle_x - sin * middle_y],
            [-sin, cos, (source[0] - 1) / 2 + sin * middle_x - cos * middle_y],
        ]
    )
