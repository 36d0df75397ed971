"""Pictures out of videos that were inspected before. Only children import this module: `net/media` is the way in, and
`net/media_derive` for what is made when somebody asks for it.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from reelway.net.media import MediaProblem
from reelway.net.media_derive import PictureFacts
from reelway.net.media_tracks import (
    FFMPEG_ERRORS,
    RefusedError,
    Track,
    decodable_streams,
    measured_tracks,
    opened,
    set_decoder_limits,
)

THUMBNAIL_WIDTH_MAX = 640
SHEET_COLUMNS = 4
SHEET_ROWS = 3
SHEET_CELL_WIDTH = 320
"""Sizes of the pictures. Source: OpenAI Videos contract, section 11."""
_WHOLE = 1 << 16
_HEIGHT_MAX = 2_560
_CELL_HEIGHT_MAX = 1_280
"""However narrow a video is, its pictures stay this low, so that the memory and the bytes they take are bounded."""
_WEBP_QUALITY = 82
_JPEG_QUALITY = 85
_FRAME_QUALITIES = (95, 90, 80, 60)


def write_thumbnail(video: Path, target: Path) -> PictureFacts | MediaProblem:
    """One picture from the middle, at most 640 pixels wide, as WebP."""
    pictures = _pictures(video, (Fraction(1, 2),), lambda frame: picture_of(frame, THUMBNAIL_WIDTH_MAX, _HEIGHT_MAX))
    if isinstance(pictures, MediaProblem):
        return pictures
    pictures[0].save(target, "WEBP", quality=_WEBP_QUALITY)
    return PictureFacts(*pictures[0].size)


def write_spritesheet(video: Path, target: Path) -> PictureFacts | MediaProblem:
    """Twelve pictures at even steps, each from the middle of its twelfth, as one JPEG read like a page."""
    count = SHEET_COLUMNS * SHEET_ROWS
    shares = [Fraction(2 * number + 1, 2 * count) for number in range(count)]
    cells = _pictures(video, shares, lambda frame: picture_of(frame, SHEET_CELL_WIDTH, _CELL_HEIGHT_MAX, enlarges=True))
    if isinstance(cells, MediaProblem):
        return cells
    height = max(cell.height for cell in cells)  # a video may change its form on the way
    sheet = Image.new("RGB", (SHEET_COLUMNS * SHEET_CELL_WIDTH, SHEET_ROWS * height))
    for number, cell in enumerate(cells):
        row, column = divmod(number, SHEET_COLUMNS)
        left = column * SHEET_CELL_WIDTH + (SHEET_CELL_WIDTH - cell.width) // 2
        sheet.paste(cell, (left, row * height))
    sheet.save(target, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return PictureFacts(*sheet.size)


def write_first_frame(video: Path, target: Path, size_bytes_max: int) -> PictureFacts | MediaProblem:
    """The first picture in full size as a JPEG with whole colours, as fine as fits into `size_bytes_max`."""
    return _write_whole(video, Fraction(0), target, size_bytes_max)


def write_last_frame(video: Path, target: Path, size_bytes_max: int) -> PictureFacts | MediaProblem:
    """The last picture, as the first one."""
    return _write_whole(video, Fraction(1), target, size_bytes_max)


def _write_whole(video: Path, share: Fraction, target: Path, size_bytes_max: int) -> PictureFacts | MediaProblem:
    pictures = _pictures(video, (share,), lambda frame: picture_of(frame, _WHOLE, _WHOLE))
    if isinstance(pictures, MediaProblem):
        return pictures
    for quality in _FRAME_QUALITIES:
        pictures[0].save(target, "JPEG", quality=quality, subsampling=0)
        if target.stat().st_size <= size_bytes_max:
            break
    return PictureFacts(*pictures[0].size)


def _pictures(
    video: Path, shares: Sequence[Fraction], picture: Callable[[VideoFrame], Image.Image]
) -> list[Image.Image] | MediaProblem:
    """Pictures of an MP4 at these shares of its time, which ascend from 0 to 1; one whole frame is held at once."""
    try:
        with opened(video, "video/mp4") as container:
            main = measured_tracks(container, video)[0]
        if not main.is_video:
            return MediaProblem.UNRECOGNISED
        starts_s = main.starts_s or Fraction(0)
        with opened(video, "video/mp4") as container:
            frames = frames_at(container, main, [starts_s + main.duration_s * share for share in shares])
            return [picture(frame) for frame in frames]
    except MemoryError:  # one of FFmpeg's errors is this too; it tells of our limit and not of the file
        raise
    except RefusedError as exc:
        return exc.problem
    except FFMPEG_ERRORS:
        return MediaProblem.BROKEN


def frames_at(container: InputContainer, main: Track, times_s: Sequence[Fraction]) -> Iterator[VideoFrame]:
    """The picture shown at each of the times, which ascend; the last one there is for a time behind the end.

    What lies between a picture and the keyframe before the next one is not decoded.

    Raises:
        RefusedError: there is no picture.
    """
    stream = decodable_streams(container)[0]
    assert isinstance(stream, VideoStream)
    set_decoder_limits(stream.codec_context, main.pixels)
    starts = [max((number for number, at_s in main.keyframes if at_s <= time_s), default=0) for time_s in times_s]
    shown: VideoFrame | None = None
    wanted = 0
    is_skipping = False
    for number, packet in enumerate(container.demux(stream)):
        if wanted == len(times_s):
            return
        if number < starts[wanted]:
            is_skipping = True
            continue
        if is_skipping:
            stream.codec_context.flush_buffers()
            is_skipping = False
        for frame in stream.decode(packet):
            while wanted < len(times_s) and shown is not None and _is_after(frame, times_s[wanted]):
                yield shown
                wanted += 1
            shown = frame
    if shown is None:
        raise RefusedError(MediaProblem.BROKEN)
    for _ in range(wanted, len(times_s)):
        yield shown


def _is_after(frame: VideoFrame, time_s: Fraction) -> bool:
    return frame.time is not None and frame.time > time_s


def picture_of(frame: VideoFrame, width_max: int, height_max: int, *, enlarges: bool = False) -> Image.Image:
    """The frame as players show it, turned by the file's own orientation and fitted into a box."""
    is_on_its_side = bool(frame.rotation % 180)
    shown_width, shown_height = (frame.height, frame.width) if is_on_its_side else (frame.width, frame.height)
    scale = min(width_max / shown_width, height_max / shown_height)
    if not enlarges:
        scale = min(1.0, scale)
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    small = frame.reformat(width, height, format="rgb24", interpolation="AREA" if scale < 1 else "BICUBIC")
    rows = small.planes[0]
    picture = Image.frombytes("RGB", (width, height), bytes(rows), "raw", "RGB", rows.line_size)
    return picture.rotate(frame.rotation, expand=True)
