"""Make a visibly marked copy of a video. Only children import this module: `net/media` is the way in."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from reelway.net.media import MediaFacts, MediaProblem
from reelway.net.media_tracks import FFMPEG_ERRORS, RefusedError, decodable_streams, opened, set_decoder_limits

Bytes = NDArray[np.uint8]
Shares = NDArray[np.float32]

TEXT_HEIGHT_SHARE = 1 / 20  # of the shorter side
TEXT_PX_MIN = 12
TEXT_ALPHA = 170
EDGE_ALPHA = 120
_WHITE, _BLACK, _GREY = 235, 16, 128  # Source: ITU-R BT.709, limited range
_RATE = Fraction(24)
_OPTIONS = {"preset": "superfast", "crf": "19", "x264-params": "rc-lookahead=10"}
_THREADS = 2


@dataclass(frozen=True, slots=True)
class _Mark:
    """A text to be laid over a part of each picture. `share` is how much of a pixel it takes, 0 to 1.

    The part begins at `left` and `top` and has even sides, so that it covers whole samples of colour.
    """

    left: int
    top: int
    luma: Shares
    share: Shares
    colour_share: Shares


def write_marked(video: Path, marked: Path, facts: MediaFacts, text: str) -> MediaFacts | MediaProblem:
    """Write a copy of a video that `inspect` has passed, as an MP4 with `text` at the bottom right of every picture.

    Pictures are turned as players turn them; their times and the sound stay as they are.
    """
    try:
        with (
            opened(video, facts.mime_type) as source,
            av.open(str(marked), "w", format="mp4", options={"movflags": "+faststart"}) as target,
        ):
            pictures, *sounds = decodable_streams(source)
            assert isinstance(pictures, VideoStream)
            size = pictures.codec_context
            set_decoder_limits(size, size.width * size.height)
            copied = {sound.index: target.add_stream_from_template(sound) for sound in sounds if _is_sound(sound)}
            writer = _Writer(target, pictures, facts, text)
            for packet in source.demux(pictures, *sounds):
                if packet.stream.index == pictures.index:
                    for frame in pictures.decode(packet):
                        writer.write(frame)
                elif packet.dts is not None:
                    packet.stream = copied[packet.stream.index]
                    target.mux(packet)
            writer.finish()
    except MemoryError:
        raise
    except (RefusedError, *FFMPEG_ERRORS):
        return MediaProblem.BROKEN
    return facts


def _is_sound(stream: VideoStream | AudioStream) -> bool:
    return isinstance(stream, AudioStream)


class _Writer:
    """Encodes the marked pictures. The stream is opened before the first packet is written, as the container asks."""

    def __init__(self, target: OutputContainer, source: VideoStream, facts: MediaFacts, text: str) -> None:
        assert facts.width is not None
        assert facts.height is not None
        self._target = target
        self._width, self._height = facts.width // 2 * 2, facts.height // 2 * 2
        self._mark = _drawn(text, self._width, self._height)
        self._stream = target.add_stream("libx264", rate=source.average_rate or _RATE, options=dict(_OPTIONS))
        self._stream.width, self._stream.height, self._stream.pix_fmt = self._width, self._height, "yuv420p"
        context, seen = self._stream.codec_context, source.codec_context
        context.thread_count = _THREADS
        context.time_base = source.time_base or 1 / _RATE
        context.color_range = seen.color_range
        context.color_primaries, context.color_trc = seen.color_primaries, seen.color_trc
        context.colorspace = seen.colorspace

    def write(self, frame: VideoFrame) -> None:
        planes = self._planes(frame)
        _lay_over(planes, self._mark, self._height)
        made = VideoFrame.from_ndarray(planes, format="yuv420p")
        made.pts, made.time_base, made.duration = frame.pts, frame.time_base, frame.duration
        for packet in self._stream.encode(made):
            self._target.mux(packet)

    def finish(self) -> None:
        for packet in self._stream.encode(None):
            self._target.mux(packet)

    def _planes(self, frame: VideoFrame) -> Bytes:
        """A copy of the picture's samples, the luma first, turned as players turn it."""
        turns = frame.rotation // 90 % 4
        whole = frame
        if turns:
            turned: Bytes = np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), turns), np.uint8)
            whole = VideoFrame.from_ndarray(turned, format="rgb24")
        fitted = whole.reformat(self._width, self._height, format="yuv420p")
        return np.array(fitted.to_ndarray(), np.uint8)  # a copy: the decoder still reads its own pictures


def _drawn(text: str, width: int, height: int) -> _Mark:
    """The text in white with a dark edge, so that it shows on any picture."""
    size_px = max(TEXT_PX_MIN, round(min(width, height) * TEXT_HEIGHT_SHARE))
    font = ImageFont.load_default(size_px)
    edge_px = max(1, size_px // 14)
    left, top, right, bottom = font.getbbox(text, stroke_width=edge_px)
    box_width = min(width, _even(right - left))
    box_height = min(height, _even(bottom - top))
    canvas = Image.new("LA", (box_width, box_height), (_BLACK, 0))
    place = (-left, -top)
    pen = ImageDraw.Draw(canvas)
    pen.text(place, text, (_BLACK, EDGE_ALPHA), font, stroke_width=edge_px, stroke_fill=(_BLACK, EDGE_ALPHA))
    pen.text(place, text, (_WHITE, TEXT_ALPHA), font)
    samples = np.asarray(canvas, np.float32)
    share: Shares = samples[:, :, 1] / np.float32(255)
    margin_px = size_px // 2
    return _Mark(
        left=max(0, width - box_width - margin_px) // 2 * 2,
        top=max(0, height - box_height - margin_px) // 2 * 2,
        luma=samples[:, :, 0],
        share=share,
        colour_share=share.reshape(box_height // 2, 2, box_width // 2, 2).mean((1, 3)),
    )


def _even(length: float) -> int:
    return -(-int(-(-length // 1)) // 2) * 2


def _lay_over(planes: Bytes, mark: _Mark, height: int) -> None:
    """Mix the mark into the samples of a `yuv420p` picture, of which the two colour planes lie below the luma."""
    rows, columns = mark.share.shape
    luma = planes[mark.top : mark.top + rows, mark.left : mark.left + columns]
    _mix(luma, mark.luma, mark.share)
    for colour in _colour_planes(planes, height):
        part = colour[mark.top // 2 : (mark.top + rows) // 2, mark.left // 2 : (mark.left + columns) // 2]
        _mix(part, np.float32(_GREY), mark.colour_share)


def _mix(samples: Bytes, over: Shares | np.float32, share: Shares) -> None:
    samples[...] = np.rint(samples * (1 - share) + over * share).astype(np.uint8)


def _colour_planes(planes: Bytes, height: int) -> Iterator[Bytes]:
    width = planes.shape[1]
    colours = planes[height:].reshape(-1)
    size = width * height // 4
    for number in (0, 1):
        yield colours[number * size : (number + 1) * size].reshape(height // 2, width // 2)
