"""Pictures that the camera shifts and never resizes: when it pans, tilts, trucks or cranes, and when it stands still.

Their planes are taken apart once and shifted one by one, chroma at half size, which costs a third of the general way
over warped pixels of four bytes (`canvas.Canvas.lay`).
"""

from typing import Final

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Bytes
from reelway.providers.animatic.camera import Matrix
from reelway.providers.animatic.canvas import CLEAR, Canvas, Picture, lay_over

_PAD = 2  # clear pixels around a picture, so that its edges move as softly as the rest
_EXACT = 1e-6  # of a scale: over the widest frame less than a hundredth of a pixel
_SCALES: Final = (1.0, 2.0)  # what a picture may be enlarged by; those of 2 are soft and sampled at half size


def slides(forward: Matrix) -> bool:
    """Whether a matrix from a picture's pixels to the frame's only shifts, after enlarging not at all or twice."""
    across, down = float(forward[0, 0]), float(forward[1, 1])
    is_upright = not forward[0, 1] and not forward[1, 0] and abs(across - down) < _EXACT
    return is_upright and any(abs(across - scale) < _EXACT for scale in _SCALES)


class SlidingPicture:
    """A picture's planes: luma and transmission at full size, chromas and their transmission at half size.

    Where `scale` is 2 all are as the picture has them. `to_screen` must never change the size that `forward` gave it.
    """

    def __init__(self, picture: Picture, forward: Matrix) -> None:
        self.depth = picture.depth
        self._scale = round(float(forward[0, 0]))
        self._to_world, self._is_opaque = picture.to_world, picture.is_opaque
        padded, self._pad = _padded(picture)
        self._size = padded.shape[1], padded.shape[0]
        self._luma, u, v, transmission = cv2.split(padded)
        self._transmission = None if self._is_opaque else transmission
        if self._scale == 1:
            padded = cv2.resize(padded, (padded.shape[1] // 2, padded.shape[0] // 2), interpolation=cv2.INTER_AREA)
            _, u, v, transmission = cv2.split(padded)
        self._chromas = u, v
        self._chroma_transmission = None if self._is_opaque else transmission

    def draw(self, canvas: Canvas, to_screen: Matrix) -> None:
        x, y = (float(value) - self._pad * self._scale for value in (to_screen @ self._to_world)[:2, 2])
        area = self._area(canvas, x, y)
        if area is None:
            return
        left, top, width, height = area
        luma = canvas.luma[top : top + height, left : left + width]
        u, v = (plane[top // 2 :, left // 2 :][: height // 2, : width // 2] for plane in (canvas.u, canvas.v))
        if self._scale == 1:
            corner, half_corner = (left - x, top - y), ((left - x) / 2, (top - y) / 2)
            _shift_over(luma, self._luma, self._transmission, corner)
        else:  # a sample of the half size lies in the middle of four of the frame's
            half_corner = (left + 0.5 - x) / 2, (top + 0.5 - y) / 2
            self._enlarge_over(luma, half_corner)
        for target, plane in zip((u, v), self._chromas, strict=True):
            _shift_over(target, plane, self._chroma_transmission, half_corner)

    def _area(self, canvas: Canvas, x: float, y: float) -> tuple[int, int, int, int] | None:
        """The part of the frame that the picture touches, on even pixels; None when it is outside."""
        if self._is_opaque:
            return 0, 0, canvas.width, canvas.height
        left, top = (max(0, int(np.floor(edge)) // 2 * 2) for edge in (x, y))
        right, bottom = (
            min(most, (int(np.ceil(start + self._scale * length)) + 1) // 2 * 2)
            for most, start, length in zip((canvas.width, canvas.height), (x, y), self._size, strict=True)
        )
        return (left, top, right - left, bottom - top) if right > left and bottom > top else None

    def _enlarge_over(self, target: Bytes, corner: tuple[float, float]) -> None:
        height, width = target.shape
        size = (width // 2, height // 2)
        luma = cv2.resize(_shifted(self._luma, size, corner), (width, height), interpolation=cv2.INTER_LINEAR)
        transmission = None
        if self._transmission is not None:
            half = _shifted(self._transmission, size, corner)
            transmission = cv2.resize(half, (width, height), interpolation=cv2.INTER_LINEAR)
        lay_over(target, luma, transmission)


def _padded(picture: Picture) -> tuple[Bytes, int]:
    """The pixels within a clear border, both sides even; what is opaque only gets its last row and column twice."""
    height, width = picture.pixels.shape[:2]
    pad = 0 if picture.is_opaque else _PAD
    border = cv2.BORDER_REPLICATE if picture.is_opaque else cv2.BORDER_CONSTANT
    sides = (pad, pad + height % 2, pad, pad + width % 2)
    return cv2.copyMakeBorder(picture.pixels, *sides, border, value=CLEAR), pad


def _shift_over(target: Bytes, plane: Bytes, transmission: Bytes | None, corner: tuple[float, float]) -> None:
    size = (target.shape[1], target.shape[0])
    through = _shifted(transmission, size, corner) if transmission is not None else None
    lay_over(target, _shifted(plane, size, corner), through)


def _shifted(plane: Bytes, size: tuple[int, int], corner: tuple[float, float]) -> Bytes:
    """A window of a plane, its first pixel's middle at `corner`, between pixels in proportion; edges go on."""
    middle = corner[0] + (size[0] - 1) / 2, corner[1] + (size[1] - 1) / 2
    return cv2.getRectSubPix(plane, size, middle)
