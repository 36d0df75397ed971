"""Makes small videos and looks at them."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from reelway.providers.animatic.engine import render
from reelway.providers.animatic.spec import RenderedVideo, RenderSpec

Pixels = NDArray[np.uint8]

_SMALL = RenderSpec(
    prompt="",
    negative_prompt="",
    duration_s=1,
    width=320,
    height=180,
    cfg_scale=0.5,
    start_frame=None,
    last_frame=None,
    caption=False,
)


def spec_of(prompt: str, **changes: Any) -> RenderSpec:
    """A one-second, 320 x 180 request without a caption, with some fields changed."""
    return replace(_SMALL, prompt=prompt, **changes)


@dataclass
class Film:
    """A finished render."""

    folder: Path
    video: RenderedVideo

    @property
    def path(self) -> Path:
        return self.folder / "video.mp4"

    @cached_property
    def frames(self) -> list[Pixels]:
        """Every frame as RGB."""
        with av.open(str(self.path)) as container:
            return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]

    @property
    def middle(self) -> Pixels:
        return self.frames[len(self.frames) // 2]


def shoot(spec: RenderSpec, folder: Path) -> Film:
    return Film(folder, render(lambda progress: None, spec, folder))


def psnr_db(first: Pixels, second: Pixels) -> float:
    """Peak signal-to-noise ratio: 30 dB and more look alike."""
    error = float(np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2))
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def brightness(frame: Pixels) -> float:
    """Mean luma, 0 to 255."""
    return float((frame.astype(np.float64) @ [0.2126, 0.7152, 0.0722]).mean())


def difference(first: Pixels, second: Pixels) -> float:
    """Mean difference of two frames, in steps of 255."""
    return float(np.abs(first.astype(np.float64) - second.astype(np.float64)).mean())


def picture_shift(first: Pixels, second: Pixels) -> tuple[float, float]:
    """How far the picture moved between two frames, in pixels: to the right and down."""
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32) for frame in (first, second)]
    window = cv2.createHanningWindow(greys[0].shape[::-1], cv2.CV_32F)
    (across, down), _ = cv2.phaseCorrelate(*greys, window)
    return across, down


def picture_growth(first: Pixels, second: Pixels) -> float:
    """How much larger what is seen in the first frame has become in the second; 1.0 is not at all."""
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (first, second)]
    corners = cv2.goodFeaturesToTrack(greys[0], 200, 0.01, 6)
    found, status, _ = cv2.calcOpticalFlowPyrLK(greys[0], greys[1], corners, None)
    kept = status.ravel() == 1
    matrix, _ = cv2.estimateAffinePartial2D(corners[kept], found[kept], ransacReprojThreshold=2.0)
    return float(np.hypot(matrix[0, 0], matrix[0, 1]))


@dataclass(frozen=True)
class Motion:
    """How a picture as a whole moved between two frames: in frame heights, as a factor, and in radians clockwise."""

    right: float
    down: float
    growth: float
    turn: float


def picture_motion(first: Pixels, second: Pixels) -> Motion:
    """The global motion between two frames, by features that are followed from one to the other."""
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (first, second)]
    corners = cv2.goodFeaturesToTrack(greys[0], 500, 0.005, 4)
    found, status, _ = cv2.calcOpticalFlowPyrLK(greys[0], greys[1], corners, None, winSize=(31, 31), maxLevel=4)
    kept = status.ravel() == 1
    matrix, _ = cv2.estimateAffinePartial2D(corners[kept], found[kept], ransacReprojThreshold=2.0)
    height, width = first.shape[:2]
    middle = np.array([width / 2, height / 2])
    moved = (matrix @ [*middle, 1] - middle) / height
    growth = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    return Motion(float(moved[0]), float(moved[1]), growth, float(np.arctan2(matrix[1, 0], matrix[0, 0])))
