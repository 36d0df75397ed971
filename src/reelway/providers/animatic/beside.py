"""What lies beside the video: poster, thumbnail, a sheet for scrubbing, a preview, and how the request was read."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import cv2
from PIL import Image

from reelway.providers.animatic.arrays import Bytes
from reelway.providers.animatic.canvas import decode_pixels
from reelway.providers.animatic.output import POSTER_NAME, PREVIEW_NAME, SPRITESHEET_NAME, THUMBNAIL_NAME
from reelway.providers.animatic.sound.score import score
from reelway.providers.animatic.spec import FRAMES_PER_SECOND, RenderSpec
from reelway.providers.animatic.storyboard import Take

_POSTER_WIDTH_MAX: Final = 1280
_POSTER_AT: Final = 0.42  # share of the clip that has passed in the representative frame
_THUMBNAIL_WIDTH_MAX: Final = 640
_SHEET_COLUMNS, _SHEET_ROWS, _SHEET_WIDTH = 4, 3, 320
_PREVIEW_FRAMES_MAX: Final = 18
_PREVIEW_WIDTH: Final = 240
_PREVIEW_STEP_MS: Final = 140
_JPEG_QUALITY, _WEBP_QUALITY = 88, 78

Planes = tuple[Bytes, Bytes, Bytes]


class Gallery:
    """Collects small copies of some frames while a film is drawn, and makes pictures of them in the end."""

    def __init__(self, frames: int) -> None:
        self._poster_at = round(_POSTER_AT * (frames - 1))
        self._middle = frames // 2
        count = _SHEET_COLUMNS * _SHEET_ROWS
        self._sheet_at = [number * frames // count for number in range(count)]
        steps = min(_PREVIEW_FRAMES_MAX, frames)
        self._preview_at = [number * frames // steps for number in range(steps)]
        self._poster: Image.Image | None = None
        self._thumbnail: Image.Image | None = None
        self._cells: dict[int, Image.Image] = {}
        self._stills: list[Image.Image] = []

    def see(self, number: int, planes: Planes) -> None:
        """Look at a finished frame; each is shown once, in their order."""
        if number == self._poster_at:
            self._poster = _small(planes, min(planes[0].shape[1], _POSTER_WIDTH_MAX))
        if number == self._middle:
            self._thumbnail = _small(planes, min(planes[0].shape[1], _THUMBNAIL_WIDTH_MAX))
        if number in self._sheet_at:
            self._cells[number] = _small(planes, _SHEET_WIDTH)
        if number in self._preview_at:
            self._stills.append(_small(planes, min(planes[0].shape[1], _PREVIEW_WIDTH)))

    def files(self) -> Mapping[str, bytes]:
        """Every picture by its name."""
        assert self._poster is not None
        assert self._thumbnail is not None
        return {
            POSTER_NAME: _encoded(self._poster, "JPEG", quality=_JPEG_QUALITY, optimize=True),
            THUMBNAIL_NAME: _encoded(self._thumbnail, "WEBP", quality=_WEBP_QUALITY, method=2),
            SPRITESHEET_NAME: _encoded(self._sheet(), "JPEG", quality=80),
            PREVIEW_NAME: _encoded(
                self._stills[0],
                "WEBP",
                save_all=True,
                append_images=self._stills[1:],
                duration=_PREVIEW_STEP_MS,
                loop=0,
                quality=60,
                method=0,
            ),
        }

    def _sheet(self) -> Image.Image:
        cells = [self._cells[number] for number in self._sheet_at]
        width, height = cells[0].size
        sheet = Image.new("RGB", (_SHEET_COLUMNS * width, _SHEET_ROWS * height))
        for number, cell in enumerate(cells):
            sheet.paste(cell, (number % _SHEET_COLUMNS * width, number // _SHEET_COLUMNS * height))
        return sheet


def understanding(spec: RenderSpec, takes: Sequence[Take]) -> bytes:
    """How the request was understood, as JSON text."""
    request: dict[str, Any] = {
        "prompt": spec.prompt,
        "negative_prompt": spec.negative_prompt,
        "cfg_scale": spec.cfg_scale,
        "camera_control": asdict(spec.camera) if spec.camera is not None else None,
        "sound": spec.sound,
        "watermark": spec.watermark,
        "captions": spec.caption,
        "slate": spec.slate,
        "voices": spec.voices,
        "elements": spec.elements,
        "images": [
            name
            for name, path in (
                ("start_frame", spec.start_frame),
                ("last_frame", spec.last_frame),
                ("static_mask", spec.static_mask),
            )
            if path is not None
        ],
        "motion_brushes": [{"path": brush.path} for brush in spec.brushes],
    }
    film = {
        "width": spec.width,
        "height": spec.height,
        "frames_per_second": FRAMES_PER_SECOND,
        "frames": spec.frames,
        "duration_s": spec.duration_s,
        "shots": "split by sentences" if spec.splits_shots else "as listed" if spec.shots else "one",
    }
    content = {"version": 1, "request": request, "film": film, "shots": [_shot(spec, take) for take in takes]}
    return json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")


def _shot(spec: RenderSpec, take: Take) -> dict[str, Any]:
    played = score(take.scene)
    sound = {
        "key": played.key,
        "beds": {str(bed): level for bed, level in played.levels},
        "louder_lu": played.louder_lu,
    }
    return {
        "number": take.number + 1,
        "prompt": take.prompt,
        "first_frame": take.first_frame,
        "frames": take.frames,
        "begins_with_image": take.start_frame is not None,
        "ends_with_image": take.last_frame is not None,
        "scene": take.scene.as_json(),
        "sound": sound if spec.sound else None,
    }


def _small(planes: Planes, width: int) -> Image.Image:
    """A finished frame at another width, as RGB: made small first, by halves, because that costs least."""
    luma, u, v = planes
    while luma.shape[1] >= 2 * width and all(side % 2 == 0 for side in (*luma.shape, *u.shape)):
        luma, u, v = (_resized(plane, (plane.shape[1] // 2, plane.shape[0] // 2)) for plane in (luma, u, v))
    if width != luma.shape[1]:
        size = width, max(2, round(luma.shape[0] * width / luma.shape[1]))
        luma, u, v = (_resized(plane, size) for plane in (luma, u, v))
    return Image.fromarray(decode_pixels(luma, u, v))


def _resized(plane: Bytes, size: tuple[int, int]) -> Bytes:
    way = cv2.INTER_AREA if size[0] < plane.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(plane, size, interpolation=way)


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
