"""The last touch on every frame: vignette, caption, grain, and the step from full to broadcast range."""

from dataclasses import dataclass

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.canvas import Canvas
from reelway.providers.animatic.seeds import stream

_BLACK, _RANGE = 16, 219  # Source: ITU-R BT.709-6, item 5.4: luma of black, and the steps up to white
_GRAIN_STEPS = 1.1  # standard deviation, in luma steps
_GRAIN_MARGIN = 64  # the grain sheet is this much larger than the frame; every frame sees another part of it
_VIGNETTE = 0.20  # how much light the corners lose


@dataclass(frozen=True, slots=True)
class Overlay:
    """A caption over the frame: how much of the picture stays visible, 0 to 1, and the light it adds, 0 to 1.

    Both have the frame's width and cover its rows from `top`, an even number, down.
    """

    top: int
    keep: Floats
    light: Floats


class Finish:
    """Turns a drawn canvas into the planes of an encoder's frame.

    `vignette` and `grain` are 1.0 for the usual amount.
    """

    def __init__(
        self, width: int, height: int, seed: int, *, vignette: float, grain: float, overlay: Overlay | None
    ) -> None:
        self._seed = seed
        keep = _vignette(width, height, vignette)
        light = np.zeros((height, width), np.float32)
        if overlay is not None:
            keep[overlay.top :] *= overlay.keep
            light[overlay.top :] = overlay.light
        self._keep = np.round(_RANGE * keep).astype(np.uint8)
        self._grain = _grain_sheet(width, height, seed, grain)
        self._top = overlay.top if overlay is not None else height
        self._light = np.round(_RANGE * light[self._top :]).astype(np.uint8)
        self._chroma_keep, self._chroma_grey = _chroma_planes(overlay)

    def apply(self, canvas: Canvas, number: int, planes: tuple[Bytes, Bytes, Bytes]) -> None:
        """Write the finished frame into three planes; `number` is the frame's, whose grain is its own."""
        luma, *chromas = planes
        cv2.multiply(canvas.luma, self._keep, dst=canvas.luma, scale=1 / 255)
        if len(self._light):
            cv2.add(canvas.luma[self._top :], self._light, dst=canvas.luma[self._top :])
        top, left = stream(self._seed, f"grain of {number}").integers(0, _GRAIN_MARGIN, 2)
        cv2.add(canvas.luma, self._grain[top : top + canvas.height, left : left + canvas.width], dst=luma)
        for target, source in zip(chromas, (canvas.u, canvas.v), strict=True):
            target[:] = source
            if self._chroma_keep is not None and self._chroma_grey is not None:
                part = cv2.multiply(source[self._top // 2 :], self._chroma_keep, scale=1 / 255)
                target[self._top // 2 :] = cv2.add(part, self._chroma_grey)


def _vignette(width: int, height: int, strength: float) -> Floats:
    across = np.linspace(-1, 1, width, dtype=np.float32)[None]
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    edge = np.clip((across**2 + down**2 - 0.45) / 1.55, 0, 1)
    kept: Floats = (1 - _VIGNETTE * strength * edge).astype(np.float32)
    return kept


def _grain_sheet(width: int, height: int, seed: int, strength: float) -> Bytes:
    """Black level plus film grain."""
    shape = (height + _GRAIN_MARGIN, width + _GRAIN_MARGIN)
    if not strength:
        return np.full(shape, _BLACK, np.uint8)
    noise = stream(seed, "grain").standard_normal(shape, dtype=np.float32)
    cv2.GaussianBlur(noise, (0, 0), 0.55, dst=noise)
    noise *= strength * _GRAIN_STEPS / float(noise.std())
    sheet: Bytes = np.round(noise + _BLACK).clip(0, 255).astype(np.uint8)
    return sheet


def _chroma_planes(overlay: Overlay | None) -> tuple[Bytes | None, Bytes | None]:
    """The caption's effect on half-size chroma: the picture's share and the grey that replaces the rest."""
    if overlay is None:
        return None, None
    rows, columns = overlay.keep.shape
    keep = cv2.resize(overlay.keep, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
    return np.round(255 * keep).astype(np.uint8), np.round(128 * (1 - keep)).astype(np.uint8)
