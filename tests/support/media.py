"""Real media files, made at test time."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from PIL import Image

from reelway.providers.base import VideoFacts


def image_bytes(
    image_format: str, size: tuple[int, int] = (64, 48), colour: tuple[int, int, int] = (200, 40, 40)
) -> bytes:
    """An image of one colour: "JPEG", "PNG", "WEBP", "GIF"."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, image_format)
    return buffer.getvalue()


def noise_png(size_bytes_min: int) -> bytes:
    """A PNG of at least so many bytes: noise cannot be compressed."""
    side = int((size_bytes_min / 3) ** 0.5) + 64
    pixels = np.random.default_rng(7).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=0)
    assert len(buffer.getvalue()) >= size_bytes_min
    return buffer.getvalue()


def video_bytes(seconds: float = 1, size: tuple[int, int] = (64, 48), container_format: str = "mp4") -> bytes:
    """A short H.264 video with a moving grey."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_format) as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(round(24 * seconds)):
            pixels = np.full((size[1], size[0], 3), number * 5 % 256, dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return buffer.getvalue()


def decoded(path: Path) -> tuple[int, int, int]:
    """Frames, width and height of a video, by decoding all of it."""
    with av.open(str(path)) as container:
        frames = [(frame.width, frame.height) for frame in container.decode(video=0)]
    return len(frames), *frames[0]


def facts_of(video: bytes) -> VideoFacts:
    """What a provider that measured its own output would say of it."""
    with av.open(io.BytesIO(video), mode="r") as container:
        stream = container.streams.video[0]
        assert container.duration is not None
        duration_s = container.duration / av.time_base
        size = (stream.width, stream.height)
    return VideoFacts(*size, duration_s, "h264", len(video), hashlib.sha256(video).hexdigest())


Maker = Callable[[], bytes]
