"""Untrusted videos are told for what they are, and what cannot be decoded is refused."""

import dataclasses
import struct
from fractions import Fraction
from pathlib import Path

import pytest

from net.probing import LIMITS, inspected, inspected_bytes
from net.samples import (
    write_growing_video,
    write_video,
    write_video_that_stops,
)
from reelway.domain.media import MediaKind
from reelway.net.media import MediaFacts, MediaProblem
from reelway.net.media_tracks import Track


@pytest.mark.parametrize(
    ("name", "codec", "sound", "mime_type", "shown_codec"),
    [("a.mp4", "libx264", "aac", "video/mp4", "h264"), ("a.mp4", "libx264", None, "video/mp4", "h264"),
     ("a.mov", "mpeg4", "pcm_s16le", "video/quicktime", "mpeg4"),
     ("a.webm", "libvpx-vp9", "libopus", "video/webm", "vp9")],
)  # fmt: skip
def test_a_video_is_told_with_its_facts(
    tmp_path: Path, name: str, codec: str, sound: str | None, mime_type: str, shown_codec: str
) -> None:
    facts = inspected(write_video(tmp_path / name, codec=codec, sound=sound, frames=60))

    assert isinstance(facts, MediaFacts)
    assert (facts.kind, facts.mime_type, facts.codec) == (MediaKind.VIDEO, mime_type, shown_codec)
    assert (facts.width, facts.height, facts.has_audio) == (96, 64, sound is not None)
    assert facts.duration_s == pytest.approx(2.5, abs=0.01)
    assert facts.frames_per_second == pytest.approx(24.0, abs=0.01)


@pytest.mark.parametrize("movflags", ["faststart", "", "frag_keyframe+empty_moov"])
@pytest.mark.parametrize("keyframe_every", [1, 12, 1000])
def test_mp4s_of_every_layout_pass(tmp_path: Path, movflags: str, keyframe_every: int) -> None:
    options = {"movflags": movflags} if movflags else {}
    path = write_video(tmp_path / "a.mp4", keyframe_every=keyframe_every, frames=96, options=options)
    facts = inspected(path)

    assert isinstance(facts, MediaFacts)
    assert facts.duration_s == pytest.approx(4.0, abs=0.03)
    assert facts.frames_per_second == pytest.approx(24.0, abs=0.2)


@pytest.mark.parametrize(
    ("stated", "shown"),
    [(Fraction(24), 24.0), (Fraction(24000, 1001), 24000 / 1001), (Fraction(60), 24.0), (Fraction(1, 90_000), 24.0),
     (None, 24.0)],
)  # fmt: skip
def test_a_stated_frame_rate_counts_where_the_packets_bear_it_out(stated: Fraction | None, shown: float) -> None:
    track = Track(True, "h264", 1, stated, None, starts_s=Fraction(0), ends_s=Fraction(2), packets=48)

    assert track.frames_per_second == shown


def test_a_single_picture_is_a_video_too(tmp_path: Path) -> None:
    facts = inspected(write_video(tmp_path / "a.mp4", frames=1, sound=None))

    assert isinstance(facts, MediaFacts)
    assert facts.duration_s == pytest.approx(1 / 24, abs=0.001)


@pytest.mark.parametrize("rotation", [90, -90])
def test_a_video_on_its_side_is_measured_as_it_is_shown(tmp_path: Path, rotation: int) -> None:
    facts = inspected(write_video(tmp_path / "a.mp4", rotation=rotation))

    assert isinstance(facts, MediaFacts)
    assert (facts.width, facts.height) == (64, 96)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.8])
@pytest.mark.parametrize("layout", ["faststart", "moov at the end", "fragmented", "webm"])
def test_a_video_that_is_cut_off_is_broken(tmp_path: Path, layout: str, share: float) -> None:
    data = _video_of(tmp_path, layout)

    assert inspected_bytes(tmp_path, data[: int(len(data) * share)]) is MediaProblem.BROKEN


def _video_of(tmp_path: Path, layout: str) -> bytes:
    if layout == "webm":
        return write_video(tmp_path / "a.webm", codec="libvpx-vp9", sound="libopus", frames=120).read_bytes()
    movflags = {"faststart": "faststart", "fragmented": "frag_keyframe+empty_moov"}.get(layout)
    options = {"movflags": movflags} if movflags else {}
    return write_video(tmp_path / "a.mp4", frames=120, options=options).read_bytes()


def test_the_last_byte_of_an_mp4_counts(tmp_path: Path) -> None:
    data = _video_of(tmp_path, "faststart")

    assert isinstance(inspected_bytes(tmp_path, data), MediaFacts)
    assert inspected_bytes(tmp_path, data[:-1]) is MediaProblem.BROKEN


@pytest.mark.parametrize("part", ["all", "head", "tail"])
def test_a_video_whose_pictures_are_noise_is_broken(tmp_path: Path, part: str) -> None:
    data = bytearray(write_video(tmp_path / "a.mp4", sound=None, frames=120).read_bytes())
    start = data.index(b"mdat") + 4
    length = len(data) - start
    spoiled = {"all": range(length), "head": range(length // 3), "tail": range(length * 2 // 3, length)}[part]
    for offset in spoiled:
        data[start + offset] = 0xA5 ^ (offset * 31 & 0xFF)

    assert inspected_bytes(tmp_path, bytes(data)) is MediaProblem.BROKEN


def test_a_video_whose_pictures_stop_on_the_way_is_broken(tmp_path: Path) -> None:
    path = write_video_that_stops(tmp_path / "a.mp4", frames=240, shown=205)
    assert inspected(path) is MediaProblem.BROKEN

    path = write_video_that_stops(tmp_path / "b.mp4", frames=240, shown=239)
    assert isinstance(inspected(path), MediaFacts)


def test_a_video_that_is_too_long_is_refused_for_the_time_its_packets_take(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", frames=48)
    assert inspected(path, dataclasses.replace(LIMITS, duration_s_max=1.9)) is MediaProblem.TOO_LONG

    header = path.read_bytes()
    lying = header.replace(*_stated_duration(header, 1_000))  # the header says one second
    assert inspected_bytes(tmp_path, lying, dataclasses.replace(LIMITS, duration_s_max=1.9)) is MediaProblem.TOO_LONG


def _stated_duration(data: bytes, duration_ms: int) -> tuple[bytes, bytes]:
    start = data.index(b"mvhd") + 16
    return data[start : start + 8], data[start : start + 4] + struct.pack(">I", duration_ms)


def test_a_short_picture_over_a_long_sound_is_too_long(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", frames=2, sound_s=30.0)

    assert inspected(path, dataclasses.replace(LIMITS, duration_s_max=10.0)) is MediaProblem.TOO_LONG


def test_a_video_with_too_many_pixels_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", frames=2, size=(640, 480))

    assert inspected(path, dataclasses.replace(LIMITS, pixels_max=640 * 480 - 1)) is MediaProblem.TOO_MANY_PIXELS
    assert isinstance(inspected(path, dataclasses.replace(LIMITS, pixels_max=640 * 480)), MediaFacts)


def test_a_video_that_grows_on_the_way_is_refused(tmp_path: Path) -> None:
    sizes = [(96, 64), (96, 64), (400, 300), (96, 64)]
    path = write_growing_video(tmp_path / "a.webm", sizes)

    assert isinstance(inspected(path), MediaFacts)
    assert inspected(path, dataclasses.replace(LIMITS, pixels_max=60_000)) is MediaProblem.TOO_MANY_PIXELS


def test_a_codec_that_is_not_listed_is_not_recognised(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", codec="mpeg2video", sound=None, frames=4)
    assert inspected(path) is MediaProblem.UNRECOGNISED

    data = write_video(tmp_path / "b.mp4", sound=None, frames=4).read_bytes()
    assert inspected_bytes(tmp_path, data.replace(b"avc1", b"????")) is MediaProblem.UNRECOGNISED


def test_containers_that_nobody_accepts_are_not_opened(tmp_path: Path) -> None:
    assert inspected(write_video(tmp_path / "a.mkv", frames=2)) is MediaProblem.UNRECOGNISED


@pytest.mark.parametrize(
    "head",
    [b"\0\0\0\x1cftypisom\0\0\2\0isomiso2mp41", b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", b"ID3\x04\0\0\0\0\0\x0f"],
)
@pytest.mark.parametrize("tail", [b"", bytes(5000), b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n" * 20])
def test_a_container_with_something_else_in_it_is_broken(tmp_path: Path, head: bytes, tail: bytes) -> None:
    assert inspected_bytes(tmp_path, head + tail) is MediaProblem.BROKEN
