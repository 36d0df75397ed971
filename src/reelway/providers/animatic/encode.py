"""Frames become an H.264 file: constant 24 frames a second, BT.709, short closed groups of pictures, index in front.

Sound, where there is any, is AAC at 48 kHz in stereo, exactly as long as the picture. Encoding runs in a thread beside
the drawing; both release the interpreter lock while they work.
"""

import queue
import threading
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.spec import FRAMES_PER_SECOND

GROUP_FRAMES_MAX: Final = 2 * FRAMES_PER_SECOND
_QUEUE_FRAMES = 4
_BT709 = 1  # Source: ITU-T H.264, tables E-3 to E-5; FFmpeg's AVCOL_* use the same numbers
_SAMPLE_RATE_HZ = 48_000
_SOUND_BITS_PER_S = 160_000
# On our beds as close to the samples (17 dB) in as many bytes as the usual search, in a quarter of its time.
_SOUND_OPTIONS: Final[Mapping[str, str]] = {"aac_coder": "fast"}
_SOUND_FRAME = 1024  # samples in a frame of AAC-LC; Source: ISO/IEC 14496-3, 4.5.2.1.1
_LIMITED_RANGE = 1  # FFmpeg's AVCOL_RANGE_MPEG

# Settled by bench/animatic.py, see decision 5. The thread count is part of the result: x264 cuts work by it.
_THREADS = 2
_OPTIONS: Final[Mapping[str, str]] = {
    "preset": "veryfast",
    "crf": "22",
    "x264-params": ":".join(
        (
            f"keyint={GROUP_FRAMES_MAX}",
            f"min-keyint={GROUP_FRAMES_MAX}",
            "scenecut=0",
            "open-gop=0",
            # With x264's tree of macroblocks the same frames gave other bytes, about once in thirty, where AVX-512 met
            # a width that is no multiple of 256. Without it, two steps of crf more, size and SSIM are the same.
            "no-mbtree=1",
            "rc-lookahead=0",
            "chromaloc=1",  # our chroma samples lie in the middle of four luma samples
            "aq-mode=3",  # spends more on dark gradients, where bands would show first
            "aq-strength=0.9",
        )
    ),
}


class FrameWriter:
    """Writes one video file. Use as a context manager; the file is complete when the context ends without an error.

    `sound` gives the samples, shape (2, count) within -1 to 1, of the whole film; it is asked once, when they are due.
    """

    def __init__(self, path: Path, width: int, height: int, sound: Callable[[], Floats] | None = None) -> None:
        self.width, self.height = width, height
        self._container = av.open(
            str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}
        )
        self._stream = _open_stream(self._container, width, height)
        self._sound = _SoundTrack(self._container, sound) if sound is not None else None
        self._queue: queue.Queue[av.VideoFrame | None] = queue.Queue(_QUEUE_FRAMES)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="encode")
        self._frames = 0

    def __enter__(self) -> "FrameWriter":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        self._container.close()
        if error is None and self._failure is not None:
            raise self._failure

    def blank(self) -> tuple[av.VideoFrame, tuple[Bytes, Bytes, Bytes]]:
        """An empty frame and views of its three planes, to be filled and handed to `write`."""
        frame = av.VideoFrame(self.width, self.height, "yuv420p")
        planes = [
            np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
            for plane in frame.planes
        ]
        return frame, (planes[0], planes[1], planes[2])

    def write(self, frame: av.VideoFrame) -> None:
        """Queue the next frame; waits while the encoder is behind.

        Raises:
            av.FFmpegError: the encoder failed, for example because the disk is full.
        """
        if self._failure is not None:
            raise self._failure
        frame.pts = self._frames
        frame.time_base = Fraction(1, FRAMES_PER_SECOND)
        self._frames += 1
        self._queue.put(frame)

    def _work(self) -> None:
        """In the thread: encode until None comes; after a failure only empty the queue, so that nobody waits."""
        while (frame := self._queue.get()) is not None:
            self._pass_on(frame)
        self._pass_on(None)

    def _pass_on(self, frame: av.VideoFrame | None) -> None:
        if self._failure is not None:
            return
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
            if self._sound is not None:
                self._sound.encode(None if frame is None or frame.pts is None else frame.pts + 1)
        except BaseException as exc:  # noqa: BLE001 - the edge of this thread; `write` and the exit raise it
            self._failure = exc


class _SoundTrack:
    """The sound of the file, encoded along with the picture."""

    def __init__(self, container: "av.container.OutputContainer", sound: Callable[[], Floats]) -> None:
        self._container, self._ask = container, sound
        self._stream: AudioStream = container.add_stream("aac", rate=_SAMPLE_RATE_HZ, options=dict(_SOUND_OPTIONS))
        self._stream.codec_context.bit_rate = _SOUND_BITS_PER_S
        self._stream.codec_context.layout = "stereo"
        self._stream.codec_context.flags |= av.codec.context.Flags.bitexact
        self._samples: Floats | None = None
        self._done = 0

    def encode(self, frames: int | None) -> None:
        """Encode what belongs to so many frames of picture; None for all that is left."""
        if self._samples is None:
            self._samples = np.ascontiguousarray(self._ask(), np.float32)
        count = self._samples.shape[1]
        due = count if frames is None else min(count, frames * _SAMPLE_RATE_HZ // FRAMES_PER_SECOND)
        while self._done + _SOUND_FRAME <= due or (frames is None and self._done < count):
            part = np.ascontiguousarray(self._samples[:, self._done : self._done + _SOUND_FRAME])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = _SAMPLE_RATE_HZ, self._done, Fraction(1, _SAMPLE_RATE_HZ)
            self._done += part.shape[1]
            self._mux(frame)
        if frames is None:
            self._mux(None)

    def _mux(self, frame: av.AudioFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._container.mux(packet)


def _open_stream(container: "av.container.OutputContainer", width: int, height: int) -> VideoStream:
    stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=dict(_OPTIONS))
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.thread_count = _THREADS
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = _LIMITED_RANGE
    return stream
