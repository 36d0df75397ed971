"""Media files made at test time, whole and damaged."""

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.container
import numpy as np
from PIL import Image

SAMPLE_RATE = 48_000
_SAMPLES = {"flt": (1.0, "f4"), "s16": (2.0**15, "i2"), "s32": (2.0**31, "i4")}


def picture(width: int = 64, height: int = 48, seed: int = 1) -> Image.Image:
    """Noise, which no format can pack into almost nothing."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


def image_bytes(image: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_header(width: int, height: int) -> bytes:
    """A PNG that states its size, in gray of one bit a pixel, and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(bytes(1000)))
        + png_chunk(b"IEND", b"")
    )


def webp_header(width: int, height: int) -> bytes:
    """An extended WebP that states its canvas and holds one tiny picture."""
    canvas = b"\x10\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    lossless = image_bytes(picture(8, 8), "WEBP", lossless=True)[12:]
    body = b"WEBP" + b"VP8X" + struct.pack("<I", len(canvas)) + canvas + lossless
    return b"RIFF" + struct.pack("<I", len(body)) + body


def write_video(
    path: Path,
    *,
    codec: str = "libx264",
    sound: str | None = "aac",
    size: tuple[int, int] = (96, 64),
    frames: int = 48,
    frames_per_second: int = 24,
    keyframe_every: int = 12,
    rotation: int = 0,
    sound_s: float | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Noise under a white left half and a black right half, hiss, and the moov atom in front."""
    if options is None:
        options = {"movflags": "faststart"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(path, "w", options=options) as container:
        video = cast(av.VideoStream, container.add_stream(codec, rate=frames_per_second))
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.codec_context.gop_size = keyframe_every
        if rotation:
            video.set_display_rotation(rotation)
        audio = _add_sound(container, sound) if sound else None
        for number in range(frames):
            container.mux(video.encode(_frame(size, number)))
        container.mux(video.encode())
        if audio is not None:
            _write_sound(container, audio, frames / frames_per_second if sound_s is None else sound_s)
    return path


def write_sound(path: Path, container_format: str, codec: str, duration_s: float = 3.0, cover: bool = False) -> Path:
    with av.open(path, "w", format=container_format) as container:
        audio = _add_sound(container, codec)
        if cover:
            image = container.add_stream("mjpeg", rate=1)
            image.width, image.height, image.pix_fmt = 64, 48, "yuvj420p"
            image.disposition = av.stream.Disposition.attached_pic
            frame = av.VideoFrame.from_ndarray(np.asarray(picture()), "rgb24").reformat(format="yuvj420p")
            for packet in [*image.encode(frame), *image.encode()]:
                container.mux(packet)
        _write_sound(container, audio, duration_s)
    return path


def write_growing_video(path: Path, sizes: list[tuple[int, int]]) -> Path:
    """A WebM whose pictures change their size on the way: one picture of each size."""
    with av.open(path, "w") as container:
        video = container.add_stream("libvpx-vp9", rate=24)
        video.width, video.height = sizes[0]
        video.pix_fmt = "yuv420p"
        for number, (width, height) in enumerate(sizes):
            encoder = av.CodecContext.create("libvpx-vp9", "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.time_base = Fraction(1, 24)
            for packet in [*encoder.encode(_frame((width, height), 0)), *encoder.encode()]:
                packet.stream = video
                packet.pts = packet.dts = number
                packet.time_base = Fraction(1, 24)
                container.mux(packet)
    return path


def write_counting_video(path: Path, frames: int, keyframe_every: int) -> Path:
    """Each picture is one gray: twice its number, and 40."""
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", rate=30, options={"crf": "1"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.gop_size = keyframe_every
        for number in range(frames):
            gray = np.full((48, 64, 3), 2 * number + 40, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(gray, "rgb24").reformat(format="yuv420p")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return path


def write_video_that_stops(path: Path, frames: int, shown: int) -> Path:
    """All packets are there and well formed, but from the `shown`th on they hold filler in the place of pictures."""
    source = write_video(path.with_name("source.mp4"), sound=None, frames=frames, keyframe_every=1000)
    filler = struct.pack(">I", 40) + b"\x0c" + b"\xff" * 38 + b"\x80"  # H.264, NAL unit type 12
    with av.open(source) as whole, av.open(path, "w") as container:
        video = container.add_stream_from_template(whole.streams.video[0])
        for number, packet in enumerate(whole.demux(video=0)):
            if packet.size == 0:
                continue
            if number >= shown:
                packet = _with_other_data(packet, filler)
            packet.stream = video
            container.mux(packet)
    return path


def _with_other_data(packet: Any, data: bytes) -> Any:
    other = av.Packet(data)
    other.pts, other.dts, other.duration, other.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    return other


def _frame(size: tuple[int, int], number: int) -> av.VideoFrame:
    width, height = size
    pixels = np.random.default_rng(number).integers(0, 40, (height, width, 3), dtype=np.uint8)
    pixels[:, : width // 2] += 215
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
    frame.pts = number
    return frame


def _add_sound(container: av.container.OutputContainer, codec: str) -> av.AudioStream:
    audio = cast(av.AudioStream, container.add_stream(codec, rate=SAMPLE_RATE))
    audio.layout = "mono"
    return audio


def _write_sound(container: av.container.OutputContainer, audio: av.AudioStream, duration_s: float) -> None:
    context = audio.codec_context
    samples = context.frame_size or 1024
    for start in range(0, round(duration_s * SAMPLE_RATE), samples):
        frame = av.AudioFrame(format=context.format.name, layout="mono", samples=samples)
        noise = np.random.default_rng(start).uniform(-0.3, 0.3, samples)
        full_scale, number = _SAMPLES[context.format.name.removesuffix("p")]
        frame.planes[0].update((noise * full_scale).astype(number).tobytes())
        frame.rate, frame.pts = SAMPLE_RATE, start
        container.mux(audio.encode(frame))
    container.mux(audio.encode())
