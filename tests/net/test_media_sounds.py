"""Untrusted sound is told for what it is, and what cannot be decoded is refused."""

import struct
from pathlib import Path

import pytest

from net.probing import inspected, inspected_bytes
from net.samples import (
    write_sound,
)
from reelway.domain.media import MediaKind
from reelway.net.media import MediaFacts, MediaProblem


@pytest.mark.parametrize(
    ("container", "codec", "mime_type", "shown_codec"),
    [("mp3", "libmp3lame", "audio/mpeg", "mp3"), ("wav", "pcm_s16le", "audio/wav", "pcm_s16le"),
     ("ogg", "libopus", "audio/ogg", "opus"), ("ipod", "aac", "audio/mp4", "aac"), ("adts", "aac", "audio/aac", "aac"),
     ("mp4", "aac", "audio/mp4", "aac"), ("webm", "libopus", "audio/webm", "opus")],
)  # fmt: skip
def test_sound_is_told_with_its_length(
    tmp_path: Path, container: str, codec: str, mime_type: str, shown_codec: str
) -> None:
    facts = inspected(write_sound(tmp_path / "a", container, codec))

    assert isinstance(facts, MediaFacts)
    assert (facts.kind, facts.mime_type, facts.codec) == (MediaKind.AUDIO, mime_type, shown_codec)
    assert (facts.width, facts.height, facts.frames_per_second, facts.has_audio) == (None, None, None, True)
    assert facts.duration_s == pytest.approx(3.0, abs=0.06)


def test_the_picture_of_an_album_does_not_make_a_song_a_video(tmp_path: Path) -> None:
    facts = inspected(write_sound(tmp_path / "a.mp3", "mp3", "libmp3lame", cover=True))

    assert isinstance(facts, MediaFacts)
    assert facts.kind is MediaKind.AUDIO


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("ipod", "aac")])
def test_sound_that_is_cut_off_is_broken(tmp_path: Path, container: str, codec: str) -> None:
    data = write_sound(tmp_path / "a", container, codec).read_bytes()

    assert inspected_bytes(tmp_path, data[: len(data) * 2 // 3]) is MediaProblem.BROKEN


@pytest.mark.parametrize(("container", "codec"), [("mp3", "libmp3lame"), ("ogg", "libopus"), ("adts", "aac")])
def test_a_stream_that_may_end_anywhere_is_as_long_as_what_is_there(tmp_path: Path, container: str, codec: str) -> None:
    data = write_sound(tmp_path / "a", container, codec).read_bytes()
    facts = inspected_bytes(tmp_path, data[: len(data) * 2 // 3])

    assert isinstance(facts, MediaFacts)
    assert facts.duration_s is not None
    assert 0.9 < facts.duration_s < 2.2


@pytest.mark.parametrize("size_bytes", [0, 0xFFFFFFFF])
def test_a_wav_that_was_written_to_a_pipe_passes(tmp_path: Path, size_bytes: int) -> None:
    data = bytearray(write_sound(tmp_path / "a", "wav", "pcm_s16le").read_bytes())
    data[4:8] = struct.pack("<I", size_bytes)
    start = data.index(b"data") + 4
    data[start : start + 4] = struct.pack("<I", size_bytes)
    facts = inspected_bytes(tmp_path, bytes(data))

    assert isinstance(facts, MediaFacts)
    assert facts.duration_s == pytest.approx(3.0, abs=0.06)


@pytest.mark.parametrize(("container", "codec"), [("mp3", "libmp3lame"), ("ogg", "libopus"), ("adts", "aac")])
def test_a_sound_file_of_which_only_the_head_is_right_is_broken(tmp_path: Path, container: str, codec: str) -> None:
    data = bytearray(write_sound(tmp_path / "a", container, codec).read_bytes())
    for offset in range(40, len(data)):
        data[offset] = 0xA5 ^ (offset * 31 & 0xFF)

    assert inspected_bytes(tmp_path, bytes(data)) is MediaProblem.BROKEN
