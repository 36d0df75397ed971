"""A few words in an upper corner, over whatever is there: the mark of a watermarked copy, and the slate of a shot."""

from typing import Final

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Bytes
from reelway.providers.animatic.caption import written

_TEXT: Final = "Reelway · AI generated"
_SIZE, _EDGE = 0.034, 0.035  # of the frame's short side
_OPACITY, _WHITE, _SHADOW = 0.72, 235, 0.45


def watermark(width: int, height: int) -> "CornerText":
    """Upper right: where the video came from."""
    return CornerText(_TEXT, width, height, is_left=False)


def slate(number: int, count: int, width: int, height: int) -> "CornerText":
    """Upper left: which shot this is, counted from 1, and of how many."""
    return CornerText(f"SHOT {number}/{count}", width, height, is_left=True)


class CornerText:
    """Writes one text on finished frames of one size."""

    def __init__(self, text: str, width: int, height: int, *, is_left: bool) -> None:
        size_px = max(9.0, _SIZE * min(width, height))
        letters = written(text, size_px, width)
        edge = max(2, round(_EDGE * min(width, height)))
        self._top = edge // 2 * 2
        rows, columns = (2 * (side // 2) for side in letters.shape)
        letters = letters[:rows, :columns]
        self._left = edge // 2 * 2 if is_left else max(0, (width - columns - edge) // 2 * 2)
        letters = letters[: max(2, (height - self._top) // 2 * 2), : (width - self._left) // 2 * 2]
        shadow = np.clip(1.6 * cv2.GaussianBlur(letters, (0, 0), max(0.8, 0.09 * size_px)), 0, 1)
        keep = (1 - _SHADOW * shadow) * (1 - _OPACITY * letters)
        self._keep = np.round(255 * keep).astype(np.uint8)
        self._light = np.round(_OPACITY * _WHITE * letters + 16 * (1 - keep) * (1 - letters)).astype(np.uint8)
        half = (letters.shape[1] // 2, letters.shape[0] // 2)
        share = cv2.resize(_OPACITY * letters, half, interpolation=cv2.INTER_AREA)
        self._chroma_keep = np.round(255 * (1 - share)).astype(np.uint8)
        self._chroma_grey = np.round(128 * share).astype(np.uint8)

    def apply(self, planes: tuple[Bytes, Bytes, Bytes]) -> None:
        """Write on a finished frame in place."""
        for plane, keep, light, step in (
            (planes[0], self._keep, self._light, 1),
            (planes[1], self._chroma_keep, self._chroma_grey, 2),
            (planes[2], self._chroma_keep, self._chroma_grey, 2),
        ):
            top, left = self._top // step, self._left // step
            part = plane[top : top + keep.shape[0], left : left + keep.shape[1]]
            part[:] = cv2.add(cv2.multiply(part, keep, scale=1 / 255), light)
