"""What is asked of the engine and what it hands back; both cross a process border, so both are picklable."""

from dataclasses import dataclass
from pathlib import Path

from reelway.domain.generation import Camera, Shot

FRAMES_PER_SECOND = 24
IMAGE_PIXELS_MAX = 50_000_000  # a frame image is decoded whole: 3 bytes a pixel must stay far below the memory limit

_SHORT_SIDES_PX = {"std": 720, "pro": 1080, "4k": 2160}
_ASPECTS = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1)}
_IMAGE_RATIO_MAX = 2.5


@dataclass(frozen=True, slots=True)
class Brush:
    """A masked part of the start frame, and the way it goes in pixels of that image (x to the right, y down)."""

    mask: Path
    path: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class RenderSpec:
    """Everything that decides the pixels and the samples.

    `negative_prompt` is empty when none was given; `duration_s` is 1 to 15; `width` and `height` are even;
    `cfg_scale` is 0 (loose) to 1 (strict), 0.5 when not given. The frames and masks are local files that were checked
    to be images. `caption` shows the prompt, or each shot's, in the lower third. `shots` fill the whole duration;
    without them `splits_shots` makes a shot of every sentence. `camera` overrules what the words say of the camera.
    `watermark` makes a second file with a visible mark. `voices` and `elements` are only recorded. `slate` shows each
    shot's number where there are several.
    """

    prompt: str
    negative_prompt: str
    duration_s: int
    width: int
    height: int
    cfg_scale: float
    start_frame: Path | None
    last_frame: Path | None
    caption: bool
    shots: tuple[Shot, ...] = ()
    splits_shots: bool = False
    camera: Camera | None = None
    sound: bool = False
    watermark: bool = False
    static_mask: Path | None = None
    brushes: tuple[Brush, ...] = ()
    voices: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    slate: bool = False

    @property
    def frames(self) -> int:
        return self.duration_s * FRAMES_PER_SECOND


@dataclass(frozen=True, slots=True)
class RenderedVideo:
    """Facts about a finished video file, measured on the file itself."""

    width: int
    height: int
    frames: int
    duration_s: float
    size_bytes: int
    sha256: str


def frame_size(mode: str, aspect_ratio: str, image_size: tuple[int, int] | None) -> tuple[int, int]:
    """Width and height in pixels, both even: the mode gives the short side, the image or the aspect ratio the other.

    With `image_size` the frame follows the image's own ratio, bounded to 1:2.5 and 2.5:1.

    Raises:
        KeyError: a mode or an aspect ratio that no card offers; requests are validated long before.
    """
    short_px = _SHORT_SIDES_PX[mode]
    width, height = image_size if image_size is not None else _ASPECTS[aspect_ratio]
    ratio = min(_IMAGE_RATIO_MAX, max(1 / _IMAGE_RATIO_MAX, width / height))
    if ratio >= 1:
        return _even(short_px * ratio), short_px
    return short_px, _even(short_px / ratio)


def _even(length_px: float) -> int:
    return 2 * round(length_px / 2)
