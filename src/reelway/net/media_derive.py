"""Pictures of a kept video, made when somebody asks for them: decoded in a child process only, like all media."""

import asyncio
import logging
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import assert_never

from reelway.net import process
from reelway.net.media import MediaLimits, MediaProblem

_DEADLINE_S = 60.0
"""Longer than a look at an upload: twelve pictures of the longest 4k video are decoded on one thread."""

_log = logging.getLogger(__name__)


class Picture(StrEnum):
    """What is made: a small WebP, a JPEG of twelve small pictures, or the first or last picture in full size as
    JPEG."""

    THUMBNAIL = "thumbnail"
    SPRITESHEET = "spritesheet"
    FIRST_FRAME = "first_frame"
    LAST_FRAME = "last_frame"


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """Pixels of a picture that was made."""

    width: int
    height: int


async def make_picture(
    picture: Picture, video: Path, target: Path, limits: MediaLimits, size_bytes_max: int
) -> PictureFacts | MediaProblem:
    """Write a picture of an MP4 that was inspected when it was kept. The caller bounds how many run at once.

    There is no file at `target` when the answer is a problem. `size_bytes_max` bounds the first and the last frame
    only; the others are small by their measures.
    """
    limits = replace(limits, deadline_s=max(limits.deadline_s, _DEADLINE_S))
    is_written = False
    try:
        outcome = await process.run(
            _make, (picture, video, target, size_bytes_max), process.Limits(limits.deadline_s, limits.memory_bytes_max)
        )
        is_written = isinstance(outcome, PictureFacts)
        return outcome
    except process.ProcessFailedError as exc:
        _log.warning("a picture could not be made: %s", exc)
        return MediaProblem.PROBE_FAILED
    finally:
        if not is_written:
            await asyncio.to_thread(target.unlink, missing_ok=True)


def _make(
    _report: process.Report, picture: Picture, video: Path, target: Path, size_bytes_max: int
) -> PictureFacts | MediaProblem:
    from reelway.net import media_frames

    match picture:
        case Picture.THUMBNAIL:
            return media_frames.write_thumbnail(video, target)
        case Picture.SPRITESHEET:
            return media_frames.write_spritesheet(video, target)
        case Picture.FIRST_FRAME:
            return media_frames.write_first_frame(video, target, size_bytes_max)
        case Picture.LAST_FRAME:
            return media_frames.write_last_frame(video, target, size_bytes_max)
        case _:
            assert_never(picture)
