"""A marked copy shows the mark in every picture, and keeps the times, the size and the sound of the video."""

import asyncio
import dataclasses
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from net.probing import LIMITS, inspected
from net.samples import picture, write_sound, write_video
from reelway.net import media
from reelway.net.media import MediaFacts, MediaProblem

TEXT = "AI generated"


def marked(video: Path, target: Path, limits: media.MediaLimits = LIMITS) -> MediaFacts | MediaProblem:
    return asyncio.run(asyncio.wait_for(media.mark_video(video, target, TEXT, limits), 60))


def write_grey(path: Path, size: tuple[int, int] = (320, 180), level: int = 128, frames: int = 24) -> Path:
    """A video of one even grey, in which nothing but a mark can be seen."""
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", rate=24)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), level, np.uint8), "rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return path


def pictures(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(path) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def times(path: Path) -> list[float]:
    with av.open(path) as container:
        return [frame.time for frame in container.decode(video=0) if frame.time is not None]


def sounds(path: Path) -> list[tuple[bytes, Fraction]]:
    """Every packet of the sound with its time."""
    with av.open(path) as container:
        packets = container.demux(audio=0)
        return [(bytes(packet), packet.pts * packet.time_base) for packet in packets if packet.size]


@pytest.mark.parametrize("level", [16, 128, 240])
def test_every_picture_shows_the_mark_at_the_bottom_right_and_nowhere_else(tmp_path: Path, level: int) -> None:
    video, target = write_grey(tmp_path / "a.mp4", level=level), tmp_path / "b.mp4"
    facts = marked(video, target)

    assert isinstance(facts, MediaFacts)
    before, after = pictures(video), pictures(target)
    assert len(after) == len(before) == 24
    for old, new in zip(before, after, strict=True):
        changes = np.abs(old.astype(int) - new.astype(int))
        assert changes[130:, 200:].max() > 40
        assert np.count_nonzero(changes[150:, 200:] > 20) > 150
        assert changes[:120].max() < 12
        assert changes[:, :140].max() < 12


def test_times_size_and_length_stay_as_they_are(tmp_path: Path) -> None:
    video, target = write_video(tmp_path / "a.mp4", size=(96, 64), frames=60), tmp_path / "b.mp4"
    marked(video, target)

    before, after = inspected(video), inspected(target)
    assert isinstance(before, MediaFacts)
    assert isinstance(after, MediaFacts)
    assert (after.width, after.height, after.codec, after.mime_type) == (96, 64, "h264", "video/mp4")
    assert after.duration_s == pytest.approx(before.duration_s, abs=0.001)
    assert times(target) == pytest.approx(times(video), abs=0.001)


def test_the_sound_is_copied_packet_by_packet(tmp_path: Path) -> None:
    video, target = write_video(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    marked(video, target)

    assert sounds(target) == sounds(video)
    assert len(sounds(video)) > 50


def test_a_silent_video_stays_silent(tmp_path: Path) -> None:
    target = tmp_path / "b.mp4"
    marked(write_video(tmp_path / "a.mp4", sound=None), target)

    facts = inspected(target)
    assert isinstance(facts, MediaFacts)
    assert not facts.has_audio


@pytest.mark.parametrize(("rotation", "is_top_bright"), [(90, False), (-90, True)])
def test_a_video_on_its_side_is_marked_as_it_is_shown(tmp_path: Path, rotation: int, is_top_bright: bool) -> None:
    """Its left half is white and its right half black."""
    video, target = write_video(tmp_path / "a.mp4", rotation=rotation), tmp_path / "b.mp4"
    marked(video, target)

    facts = inspected(target)
    assert isinstance(facts, MediaFacts)
    assert (facts.width, facts.height) == (64, 96)
    first = pictures(target)[0]
    assert first.shape == (96, 64)
    assert (first[:40, :20].mean() > first[56:, :20].mean()) == is_top_bright


def test_a_webm_becomes_an_mp4(tmp_path: Path) -> None:
    target = tmp_path / "b.mp4"
    marked(write_video(tmp_path / "a.webm", codec="libvpx-vp9", sound="libopus"), target)

    facts = inspected(target)
    assert isinstance(facts, MediaFacts)
    assert (facts.mime_type, facts.codec, facts.has_audio) == ("video/mp4", "h264", True)


def test_what_is_no_video_cannot_be_marked_and_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "b.mp4"
    picture().save(tmp_path / "a.png")
    (tmp_path / "broken.mp4").write_bytes(write_video(tmp_path / "a.mp4").read_bytes()[:5000])

    assert marked(write_sound(tmp_path / "a.mp3", "mp3", "mp3"), target) is MediaProblem.UNRECOGNISED
    assert marked(tmp_path / "a.png", target) is MediaProblem.UNRECOGNISED
    assert marked(tmp_path / "broken.mp4", target) is MediaProblem.BROKEN
    assert not target.exists()


def test_a_mark_that_takes_too_long_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "b.mp4"
    video = write_video(tmp_path / "a.mp4", size=(640, 360), frames=96)

    assert marked(video, target, dataclasses.replace(LIMITS, deadline_s=0.3)) is MediaProblem.PROBE_FAILED
    assert not target.exists()
