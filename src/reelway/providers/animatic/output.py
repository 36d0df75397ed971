"""What a render leaves in its folder, and how it reports. Light: the gateway's own process imports it too."""

import json
from collections.abc import Callable
from pathlib import Path

from reelway.providers.animatic.spec import RenderedVideo

VIDEO_NAME, POSTER_NAME, FACTS_NAME = "video.mp4", "poster.jpg", "video.json"
WATERMARK_NAME, THUMBNAIL_NAME, SPRITESHEET_NAME = "watermark.mp4", "thumbnail.webp", "spritesheet.jpg"
PREVIEW_NAME, UNDERSTANDING_NAME = "preview.webp", "animatic.json"
BESIDE_NAMES = (WATERMARK_NAME, THUMBNAIL_NAME, SPRITESHEET_NAME, PREVIEW_NAME, UNDERSTANDING_NAME)
"""What else may lie beside the video and its poster; the watermarked copy only where it was asked for."""

Report = Callable[[float], None]


def read_rendered(folder: Path) -> RenderedVideo | None:
    """The facts of a finished render; None while there is none."""
    if not (folder / VIDEO_NAME).is_file():
        return None
    return RenderedVideo(**json.loads((folder / FACTS_NAME).read_text()))
