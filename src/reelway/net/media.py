"""Look at untrusted media: what it is, how large, how long, and whether it can be decoded at all.

Decoding happens in a child process only; nothing here imports a decoder into the gateway.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from reelway.domain.media import MediaKind
from reelway.net import process
from reelway.net.media_types import HEAD_BYTES, sniff_mime_type

FORK_SERVER_MODULES = (
    "reelway.net.media_image",
    "reelway.net.media_stream",
    "reelway.net.media_mark",
    "reelway.net.media_frames",
    "reelway.net.media_credentials",
)
"""For `process.preload`: without them every probe takes some 80 ms more, to load the decoders."""

_TRIES = 2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What decoding showed.

    `width` and `height` are pixels as shown, after the file's own orientation. An image has no duration, codec or frame
    rate, not even an animated one, of which the first picture counts. A video's `duration_s` is its picture track's.
    """

    kind: MediaKind
    mime_type: str
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    codec: str | None = None
    frames_per_second: float | None = None
    has_audio: bool = False


class MediaProblem(StrEnum):
    """Why a file is not accepted as media."""

    UNRECOGNISED = "unrecognised"
    """It is no media, or of a format or codec that we do not decode."""
    BROKEN = "broken"
    """It is damaged, cut off, or not what its first bytes say."""
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_LONG = "too_long"
    PROBE_FAILED = "probe_failed"
    """The child crashed, or took too long or too much memory: nothing is known of the file but that."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What a file may demand. `memory_bytes_max` is for the child that decodes it."""

    pixels_max: int = 50_000_000
    duration_s_max: float = 600.0
    deadline_s: float = 20.0
    memory_bytes_max: int = 1 << 30


async def inspect(path: Path, limits: MediaLimits) -> MediaFacts | MediaProblem:
    """Decode `path` in a child and say what it is. The caller bounds how many of these run at once."""
    return await _in_child(_inspect, (path, limits), limits)


async def make_poster(
    video: Path, poster: Path, limits: MediaLimits, width_max: int = 1280
) -> MediaFacts | MediaProblem:
    """Write the video's picture at one third of its time as a JPEG; the facts are the video's.

    There is no file at `poster` when the answer is a problem. A file without pictures is `UNRECOGNISED`.
    """
    is_written = False
    try:
        outcome = await _in_child(_make_poster, (video, poster, limits, width_max), limits)
        is_written = isinstance(outcome, MediaFacts)
        return outcome
    finally:
        if not is_written:
            await asyncio.to_thread(poster.unlink, missing_ok=True)


async def mark_video(video: Path, marked: Path, text: str, limits: MediaLimits) -> MediaFacts | MediaProblem:
    """Write a copy of a video to `marked`, an MP4 with `text` visibly on every picture; the facts are the video's.

    There is no file at `marked` when the answer is a problem. All of the video is encoded anew, so `limits` are wide.
    """
    is_written = False
    try:
        outcome = await _in_child(_mark_video, (video, marked, text, limits), limits)
        is_written = isinstance(outcome, MediaFacts)
        return outcome
    finally:
        if not is_written:
            await asyncio.to_thread(marked.unlink, missing_ok=True)


async def _in_child(
    function: Callable[..., MediaFacts | MediaProblem], arguments: tuple[object, ...], limits: MediaLimits
) -> MediaFacts | MediaProblem:
    """The answer of a child; where one comes to nothing, of a second one, since the first may have been unlucky."""
    child_limits = process.Limits(limits.deadline_s, limits.memory_bytes_max)
    for _ in range(_TRIES):
        try:
            return await process.run(function, arguments, child_limits)
        except process.ProcessFailedError as exc:
            _log.warning("a media probe failed: %s", exc)
    return MediaProblem.PROBE_FAILED


def _inspect(_report: process.Report, path: Path, limits: MediaLimits) -> MediaFacts | MediaProblem:
    from reelway.net import media_image, media_stream

    with path.open("rb") as file:
        mime_type = sniff_mime_type(file.read(HEAD_BYTES))
    if mime_type in media_image.FORMATS:
        return media_image.inspect(path, mime_type, limits)
    if mime_type in media_stream.FORMATS:
        return media_stream.inspect(path, mime_type, limits)
    return MediaProblem.UNRECOGNISED


def _make_poster(
    report: process.Report, video: Path, poster: Path, limits: MediaLimits, width_max: int
) -> MediaFacts | MediaProblem:
    from reelway.net import media_stream

    facts = _inspect(report, video, limits)
    if not isinstance(facts, MediaFacts):
        return facts
    if facts.kind is not MediaKind.VIDEO:
        return MediaProblem.UNRECOGNISED
    return media_stream.write_poster(video, poster, facts, width_max)


def _mark_video(
    report: process.Report, video: Path, marked: Path, text: str, limits: MediaLimits
) -> MediaFacts | MediaProblem:
    from reelway.net import media_mark

    facts = _inspect(report, video, limits)
    if not isinstance(facts, MediaFacts):
        return facts
    if facts.kind is not MediaKind.VIDEO:
        return MediaProblem.UNRECOGNISED
    return media_mark.write_marked(video, marked, facts, text)
