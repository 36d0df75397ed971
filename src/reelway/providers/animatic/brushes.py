"""Motion brushes: masked parts of an image that go along a path, over an image with the holes filled behind them."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.camera import ease
from reelway.providers.animatic.canvas import Canvas, Picture, encode_pixels, yuv_planes
from reelway.providers.animatic.spec import Brush
from reelway.providers.animatic.stills import load_mask, placement

_FILL_SIDE_PX: Final = 360  # holes are filled at this short side: what is behind is a guess anyway
_BORDER: Final = 0.012  # of the short side: how much of what is around a hole makes the colours in it
_LEVEL: Final = 4.0  # how much more the left and the right count than above and below
_FEATHER: Final = 0.004  # of the short side
_SPREAD: Final = 0.012  # of the short side: a hole is larger than what moves out of it


class BrushedFootage:
    """An image that stands still but for its brushed parts. The first frame is the image itself."""

    def __init__(self, still: Bytes, image_size: tuple[int, int], brushes: Sequence[Brush], frames: int) -> None:
        self._frames = frames
        height, width = still.shape[:2]
        masks = [load_mask(brush.mask, width, height) for brush in brushes]
        scale, left, top = placement(image_size, width, height)
        self._paths = [np.array(brush.path, np.float64) * scale + (left, top) for brush in brushes]
        self._behind = yuv_planes(_filled(still, masks))
        self._parts = [_cut_out(still, mask) for mask in masks]
        self._first = yuv_planes(still)

    def draw(self, canvas: Canvas, frame: int) -> None:
        planes = self._behind if frame else self._first
        for target, source in zip((canvas.luma, canvas.u, canvas.v), planes, strict=True):
            target[:] = source
        if not frame:
            return
        done = ease(frame / max(1, self._frames - 1))
        for part, path in zip(self._parts, self._paths, strict=True):
            if part is not None:
                gone = along(path, done) - path[0]
                canvas.lay(part, np.array([[1, 0, gone[0]], [0, 1, gone[1]], [0, 0, 1.0]]))


def along(path: Floats, done: float) -> Floats:
    """The point at a share of a path's length."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    lengths = np.concatenate([[0.0], np.cumsum(steps)])
    at = done * lengths[-1]
    return np.array([np.interp(at, lengths, path[:, axis]) for axis in (0, 1)])


def _filled(still: Bytes, masks: Sequence[Floats]) -> Bytes:
    """The image without its brushed parts: what is around them is continued over the holes."""
    height, width = still.shape[:2]
    hole = (np.max(masks, axis=0) > 0.3).astype(np.uint8)
    reach = 2 * max(1, round(_SPREAD * min(height, width))) + 1
    hole = cv2.dilate(hole, np.ones((reach, reach), np.uint8))
    scale = min(1.0, _FILL_SIDE_PX / min(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    small = _continued(
        cv2.resize(still, size, interpolation=cv2.INTER_AREA), cv2.resize(hole, size, interpolation=cv2.INTER_NEAREST)
    )
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    share = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), max(0.8, _FEATHER * min(height, width)))[..., None]
    result: Bytes = np.round(still + (large - still) * share).clip(0, 255).astype(np.uint8)
    return result


def _continued(picture: Bytes, hole: Bytes) -> Floats:
    """A picture whose hole takes its colours from the nearest pixels to the left, right, above and below.

    What is level in a picture mostly goes on behind things, so the sides count for more.
    """
    near = max(1.0, _BORDER * min(hole.shape))
    there = (hole == 0).astype(np.float32)
    light = cv2.GaussianBlur(picture.astype(np.float32) * there[..., None], (0, 0), near)
    border = light / np.maximum(cv2.GaussianBlur(there, (0, 0), near), 1e-4)[..., None]
    total, weights = np.zeros_like(border), np.zeros(hole.shape, np.float32)
    rows, columns = np.indices(hole.shape)
    for turned, bias in ((False, _LEVEL), (True, 1.0)):
        for backwards in (False, True):
            source = _nearest_before(hole.T if turned else hole, backwards=backwards)
            source = source.T if turned else source
            own = rows if turned else columns
            weight = np.where(source >= 0, bias / (np.abs(own - source) + 1.0), 0).astype(np.float32)
            found = border[source, columns] if turned else border[rows, source]
            total += found * weight[..., None]
            weights += weight
    filled = total / np.maximum(weights, 1e-6)[..., None]
    soft = cv2.GaussianBlur(np.where(hole[..., None] > 0, filled, border), (0, 0), near)
    result: Floats = np.where(hole[..., None] > 0, soft, picture).astype(np.float32)
    return result


def _nearest_before(hole: Bytes, *, backwards: bool) -> NDArray[np.int64]:
    """For every pixel the column of the nearest one in its row that is no hole, looking one way; -1 for none."""
    looked = hole[:, ::-1] if backwards else hole
    at = np.where(looked == 0, np.arange(hole.shape[1])[None], -1)
    nearest = np.maximum.accumulate(at, axis=1)
    if not backwards:
        return nearest
    mirrored = np.where(nearest >= 0, hole.shape[1] - 1 - nearest, -1)
    return mirrored[:, ::-1]


def _cut_out(still: Bytes, mask: Floats) -> Picture | None:
    """One brushed part as a picture with soft edges; None where the mask marks nothing."""
    rows, columns = (np.flatnonzero(mask.max(axis=axis) > 0.3) for axis in (1, 0))
    if not rows.size:
        return None
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.8, _FEATHER * min(mask.shape)))
    edge = round(3 * _FEATHER * min(mask.shape)) + 2
    top, bottom = max(0, rows[0] - edge), min(mask.shape[0], rows[-1] + 1 + edge)
    left, right = max(0, columns[0] - edge), min(mask.shape[1], columns[-1] + 1 + edge)
    area = np.s_[top:bottom, left:right]
    rgb = np.ascontiguousarray(still[area]).astype(np.float32) / 255
    to_frame = np.array([[1.0, 0, left], [0, 1, top], [0, 0, 1]])
    return Picture(encode_pixels(rgb, np.ascontiguousarray(soft[area])), to_frame, 1.0, is_opaque=False)
