"""Open untrusted video and audio with FFmpeg and measure their tracks from the packets. For children only.

FFmpeg gets an open file and the one container format that the first bytes tell; it may open nothing else, follow no
reference, and use only the decoders that are listed here.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import av
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from reelway.net.media import MediaProblem

FORMATS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "audio/mp4": "mov",
    "video/webm": "matroska",
    "audio/mpeg": "mp3",
    "audio/aac": "aac",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
}
"""The types that are decoded at all, with the one FFmpeg demuxer that may read them."""

CODECS = frozenset(
    {"h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "prores", "mjpeg"}
    | {"aac", "mp3", "opus", "vorbis", "flac", "alac", "ac3", "eac3"}
    | {"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_s16be", "pcm_s24be"}
    | {"pcm_alaw", "pcm_mulaw"}
)
_OTHER_DECODERS = frozenset({"libdav1d", "mp3float"})  # what FFmpeg takes for av1 and mp3

FFMPEG_ERRORS = (av.error.FFmpegError, OSError, EOFError, ValueError, LookupError, ArithmeticError)

# Packets may end this much before the header's stated end. Only these containers state an end that is not a guess.
DURATION_SLACK_S = Fraction(1, 2)
DURATION_SLACK_SHARE = Fraction(1, 50)
PADDING_PIXELS = 1 << 16  # FFmpeg rounds sides up before it compares; exact limits are for the caller to keep
RATE_SLACK_SHARE = Fraction(1, 50)
_STATES_DURATION = frozenset({"mov", "matroska"})
WAV_ENDLESS_BYTES = 0x7FFF0000  # a writer to a pipe states no size: 0, or a number near 2^31 or 2^32

_CONTAINER_OPTIONS = {
    "protocol_whitelist": "none",
    "codec_whitelist": ",".join(sorted(CODECS | _OTHER_DECODERS)),
    "max_streams": "32",
}
_COVER = Disposition.attached_pic | Disposition.timed_thumbnails


class RefusedError(Exception):
    """The file is not accepted."""

    def __init__(self, problem: MediaProblem) -> None:
        self.problem = problem
        super().__init__(problem)


if TYPE_CHECKING:
    AnyPacket: TypeAlias = Packet[Stream]
else:
    AnyPacket = Packet  # PyAV's classes are generic to type checkers only


@dataclass(slots=True)
class Track:
    """One stream as its header and its packets show it. It outlives the container, whose streams do not.

    `keyframes` holds the number and the time of each packet that decoding can start at. `rate` and `stated_s` are what
    the header states of the frame rate and the duration.
    """

    is_video: bool
    codec: str
    pixels: int
    rate: Fraction | None
    stated_s: Fraction | None
    starts_s: Fraction | None = None
    ends_s: Fraction = Fraction(0)
    packets: int = 0
    keyframes: list[tuple[int, Fraction]] = field(default_factory=list)

    @property
    def duration_s(self) -> Fraction:
        """From the first packet, or from 0 where an encoder's run-in lies before it, to the end of the last."""
        return self.ends_s - max(self.starts_s or Fraction(0), Fraction(0))

    @property
    def frames_per_second(self) -> float | None:
        """As stated, where the packets bear it out."""
        if self.duration_s <= 0:
            return float(self.rate) if self.rate else None
        counted = self.packets / self.duration_s
        is_borne_out = self.rate is not None and abs(self.rate - counted) <= counted * RATE_SLACK_SHARE
        return float(self.rate if self.rate is not None and is_borne_out else counted)

    def add(self, packet: AnyPacket) -> None:
        """Count the next packet of this stream; an empty one only marks its end."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            time_s = stamp * packet.time_base
            self.starts_s = time_s if self.starts_s is None else min(self.starts_s, time_s)
            self.ends_s = max(self.ends_s, time_s + self._shown_s(packet))
            if self.is_video and packet.is_keyframe:
                self.keyframes.append((self.packets, time_s))
        if packet.size > 0:
            self.packets += 1

    def _shown_s(self, packet: AnyPacket) -> Fraction:
        if packet.duration:
            return packet.duration * packet.time_base
        return 1 / self.rate if self.is_video and self.rate else Fraction(0)


def _track(stream: VideoStream | AudioStream) -> Track:
    stated_s = stream.duration * stream.time_base if stream.duration and stream.time_base else None
    codec = _codec_name(stream)
    if isinstance(stream, AudioStream):
        return Track(False, codec, 0, None, stated_s)
    size = stream.codec_context
    return Track(True, codec, size.width * size.height, stream.average_rate or None, stated_s)


@contextlib.contextmanager
def opened(path: Path, mime_type: str) -> Iterator[InputContainer]:
    """The container in `path`, of one of `FORMATS`."""
    with (
        path.open("rb") as file,
        av.open(file, "r", format=FORMATS[mime_type], container_options=_CONTAINER_OPTIONS) as container,
    ):
        yield container


def measured_tracks(container: InputContainer, path: Path) -> list[Track]:
    """Read every packet of the first picture track and the first sound track; the pictures come first.

    Raises:
        RefusedError: there is no track, a codec is not listed, or a part of the file is missing.
    """
    streams = decodable_streams(container)
    tracks = {stream.index: _track(stream) for stream in streams}
    may_be_cut = _is_endless_wav(path)
    for packet in container.demux(*streams):
        if packet.is_corrupt and not may_be_cut:
            raise RefusedError(MediaProblem.BROKEN)
        tracks[packet.stream.index].add(packet)
    if any(track.packets == 0 for track in tracks.values()) or _is_end_missing(container, list(tracks.values())):
        raise RefusedError(MediaProblem.BROKEN)
    return list(tracks.values())


def set_decoder_limits(context: CodecContext, pixels_max: int) -> None:
    """One thread, because each reserves address space of which a child has little, and a bound on every picture."""
    context.thread_count = 1
    context.options = {"max_pixels": str(2 * pixels_max + PADDING_PIXELS)}


def decodable_streams(container: InputContainer) -> list[VideoStream | AudioStream]:
    """The first picture stream, if there is one, and the first sound stream. A cover picture does not count."""
    pictures = [stream for stream in container.streams.video if not stream.disposition & _COVER]
    streams: list[VideoStream | AudioStream] = [*pictures[:1], *container.streams.audio[:1]]
    if not streams:
        raise RefusedError(MediaProblem.BROKEN)
    if any(_codec_name(stream) not in CODECS for stream in streams):
        raise RefusedError(MediaProblem.UNRECOGNISED)
    return streams


def _codec_name(stream: VideoStream | AudioStream) -> str:
    """The codec's name, whichever decoder reads it; empty where there is none for it."""
    context: CodecContext | None = stream.codec_context
    return context.codec.canonical_name if context is not None else ""


def _is_endless_wav(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(8)
    size_bytes = int.from_bytes(head[4:8], "little")
    return head.startswith(b"RIFF") and (size_bytes == 0 or size_bytes >= WAV_ENDLESS_BYTES)


def _is_end_missing(container: InputContainer, tracks: list[Track]) -> bool:
    if container.format.name not in _STATES_DURATION:
        return False
    stated_s = [track.stated_s for track in tracks if track.stated_s is not None]
    if not stated_s and container.duration and len(container.streams) == len(tracks):
        stated_s = [Fraction(container.duration, av.time_base)]
    seen_s = max(track.ends_s for track in tracks)
    return bool(stated_s) and seen_s < max(stated_s) * (1 - DURATION_SLACK_SHARE) - DURATION_SLACK_S
