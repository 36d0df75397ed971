"""Decode untrusted video and audio with FFmpeg. Only children import this module: `net/media` is the way in."""

import math
from fractions import Fraction
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from reelway.domain.media import MediaKind
from reelway.net.media import MediaFacts, MediaLimits, MediaProblem
from reelway.net.media_frames import frames_at, picture_of
from reelway.net.media_tracks import (
    FFMPEG_ERRORS,
    FORMATS,
    AnyPacket,
    RefusedError,
    Track,
    decodable_streams,
    measured_tracks,
    opened,
    set_decoder_limits,
)

__all__ = ["FORMATS", "inspect", "write_poster"]

HEAD_PACKETS = 24
FRAMES_MAX = 900  # a longer last part (some browsers record a whole clip behind one keyframe) is believed from here on
TAIL_SLACK_S = 1.0
FAULTY_SHARE_MAX = 0.2
POSTER_QUALITY = 88
POSTER_HEIGHT_MAX = 1 << 16  # what a JPEG can have: only the width is bounded


def inspect(path: Path, mime_type: str, limits: MediaLimits) -> MediaFacts | MediaProblem:
    """Read every packet, decode a video's first and last part and all of the sound, and state what was found."""
    try:
        with opened(path, mime_type) as container:
            tracks = measured_tracks(container, path)
            if max(track.duration_s for track in tracks) > limits.duration_s_max:
                return MediaProblem.TOO_LONG
            if tracks[0].pixels > limits.pixels_max:
                return MediaProblem.TOO_MANY_PIXELS
        with opened(path, mime_type) as container:
            picture = _decode_samples(container, tracks, limits.pixels_max)
    except RefusedError as exc:
        return exc.problem
    except MemoryError:  # one of FFmpeg's errors is this too; it tells of our limit and not of the file
        raise
    except FFMPEG_ERRORS:
        return MediaProblem.BROKEN
    return _facts(mime_type, tracks, picture)


def _facts(mime_type: str, tracks: list[Track], picture: VideoFrame | None) -> MediaFacts:
    kind = MediaKind.AUDIO if picture is None else MediaKind.VIDEO
    mime_type = f"{kind}/{mime_type.partition('/')[2]}"  # an MP4 without pictures is audio/mp4
    duration_s, codec = float(tracks[0].duration_s), tracks[0].codec
    if picture is None:
        return MediaFacts(kind, mime_type, duration_s=duration_s, codec=codec, has_audio=True)
    width, height = (picture.height, picture.width) if picture.rotation % 180 else (picture.width, picture.height)
    rate = tracks[0].frames_per_second
    return MediaFacts(kind, mime_type, width, height, duration_s, codec, rate, has_audio=len(tracks) > 1)


def write_poster(video: Path, poster: Path, facts: MediaFacts, width_max: int) -> MediaFacts | MediaProblem:
    """Write the picture at one third of a video that `inspect` has passed, turned as players turn it."""
    try:
        with opened(video, facts.mime_type) as container:
            main = measured_tracks(container, video)[0]
        with opened(video, facts.mime_type) as container:
            time_s = (main.starts_s or Fraction(0)) + main.duration_s / 3
            frame = next(frames_at(container, main, (time_s,)))
    except MemoryError:
        raise
    except (RefusedError, *FFMPEG_ERRORS):
        return MediaProblem.BROKEN
    picture_of(frame, width_max, POSTER_HEIGHT_MAX).save(poster, "JPEG", quality=POSTER_QUALITY, optimize=True)
    return facts


def _decode_samples(container: InputContainer, tracks: list[Track], pixels_max: int) -> VideoFrame | None:
    """Decode enough of each track to know that it is sound; the first picture, if there are pictures."""
    streams = decodable_streams(container)
    decoders = {
        stream.index: _Decoder(track, stream, pixels_max) for track, stream in zip(tracks, streams, strict=True)
    }
    for packet in container.demux(*streams):
        decoders[packet.stream.index].take(packet)  # not `stream_index`, which is 0 in every end-of-stream packet
    for decoder in decoders.values():
        decoder.refuse_unsound()
    return decoders[streams[0].index].first_picture


class _Decoder:
    """Decodes the first packets of a video track and all from its last keyframe on; of a sound track, everything."""

    def __init__(self, track: Track, stream: VideoStream | AudioStream, pixels_max: int) -> None:
        self.first_picture: VideoFrame | None = None
        self._track = track
        self._stream = stream
        self._pixels_max = pixels_max
        self._tail_starts = track.keyframes[-1][0] if track.is_video and track.keyframes else 0
        self._number = self._tried = self._faulty = self._frames = 0
        self._seen_until_s = -math.inf
        set_decoder_limits(stream.codec_context, pixels_max)

    def take(self, packet: AnyPacket) -> None:
        number, self._number = self._number, self._number + 1
        if number < HEAD_PACKETS or number >= self._tail_starts:
            if not self._is_enough:
                self._decode(packet)
        elif number == HEAD_PACKETS:  # what follows is left out: take what the decoder still holds and start afresh
            self._decode(None)
            self._stream.codec_context.flush_buffers()

    @property
    def _is_enough(self) -> bool:
        return self._track.is_video and self._frames >= FRAMES_MAX

    def _decode(self, packet: AnyPacket | None) -> None:
        self._tried += 1
        try:
            frames = self._stream.decode(packet)
        except MemoryError:
            raise
        except FFMPEG_ERRORS:
            self._faulty += 1
            return
        for frame in frames:
            self._frames += 1
            if isinstance(frame, VideoFrame):
                self._take_picture(frame)
            if packet is not None and frame.time is not None:
                self._seen_until_s = max(self._seen_until_s, frame.time)

    def _take_picture(self, picture: VideoFrame) -> None:
        if picture.width * picture.height > self._pixels_max:  # a stream may change its size on the way
            raise RefusedError(MediaProblem.TOO_MANY_PIXELS)
        if self.first_picture is None:
            self.first_picture = picture

    def refuse_unsound(self) -> None:
        is_faulty = self._frames == 0 or self._faulty > self._tried * FAULTY_SHARE_MAX
        is_cut_off = self._seen_until_s < float(self._track.ends_s) - TAIL_SLACK_S and not self._is_enough
        if is_faulty or is_cut_off:
            raise RefusedError(MediaProblem.BROKEN)
