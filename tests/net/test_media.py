"""Media is looked at in a child, and a video gets its poster there."""

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from net.probing import LIMITS, inspected
from net.samples import (
    picture,
    write_counting_video,
    write_sound,
    write_video,
)
from reelway.domain.media import MediaKind
from reelway.net import media, process
from reelway.net.media import MediaFacts, MediaProblem


def test_a_probe_that_runs_out_of_time_or_memory_has_failed(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    picture(3000, 2000).save(path, compress_level=1)

    assert inspected(path, dataclasses.replace(LIMITS, deadline_s=0.01)) is MediaProblem.PROBE_FAILED
    little = dataclasses.replace(LIMITS, memory_bytes_max=4 * 1024 * 1024)
    assert inspected(path, little) is MediaProblem.PROBE_FAILED


def test_a_file_that_is_not_there_has_failed_its_probe(tmp_path: Path) -> None:
    assert inspected(tmp_path / "missing") is MediaProblem.PROBE_FAILED


def test_nothing_is_decoded_in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoders are only ever called through `process.run`."""
    calls: list[str] = []

    async def recorded(
        function: Callable[..., object], arguments: tuple[object, ...], limits: process.Limits
    ) -> object:
        calls.append(function.__name__)
        return MediaProblem.BROKEN

    monkeypatch.setattr(process, "run", recorded)
    path = tmp_path / "a.jpg"
    picture().save(path)

    assert inspected(path) is MediaProblem.BROKEN
    assert calls == ["_inspect"]


def poster_of(video: Path, poster: Path, width_max: int = 1280) -> MediaFacts | MediaProblem:
    return asyncio.run(asyncio.wait_for(media.make_poster(video, poster, LIMITS, width_max), 30))


def brightness(image: Image.Image, x: float, y: float) -> int:
    value = image.convert("L").getpixel((int(image.width * x), int(image.height * y)))
    assert isinstance(value, float | int)
    return round(value)


def test_a_poster_is_a_jpeg_of_the_video_and_its_facts_are_the_videos(tmp_path: Path) -> None:
    facts = poster_of(write_video(tmp_path / "a.mp4"), tmp_path / "a.jpg")

    assert isinstance(facts, MediaFacts)
    assert (facts.kind, facts.width, facts.duration_s) == (MediaKind.VIDEO, 96, 2.0)
    with Image.open(tmp_path / "a.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (96, 64))
        assert brightness(image, 0.25, 0.5) > 200
        assert brightness(image, 0.75, 0.5) < 60


def test_a_poster_is_made_small_and_keeps_its_shape(tmp_path: Path) -> None:
    poster_of(write_video(tmp_path / "a.mp4", size=(640, 360), frames=6), tmp_path / "a.jpg", width_max=100)

    with Image.open(tmp_path / "a.jpg") as image:
        assert image.size == (100, 56)


@pytest.mark.parametrize(("rotation", "is_top_bright"), [(90, False), (-90, True)])
def test_a_poster_is_turned_as_players_turn_the_video(tmp_path: Path, rotation: int, is_top_bright: bool) -> None:
    """The left half is bright; turned by 90 degrees against the clock it is at the bottom."""
    poster_of(write_video(tmp_path / "a.mp4", rotation=rotation), tmp_path / "a.jpg")

    with Image.open(tmp_path / "a.jpg") as image:
        assert image.size == (64, 96)
        assert (brightness(image, 0.5, 0.25) > 128) is is_top_bright
        assert (brightness(image, 0.5, 0.75) > 128) is not is_top_bright


def test_a_poster_shows_the_picture_at_one_third(tmp_path: Path) -> None:
    poster_of(write_counting_video(tmp_path / "a.mp4", frames=90, keyframe_every=25), tmp_path / "a.jpg")

    with Image.open(tmp_path / "a.jpg") as image:
        assert brightness(image, 0.5, 0.5) == pytest.approx(30 * 2 + 40, abs=3)


def test_there_is_no_poster_of_what_is_no_video(tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "a.mp3", "mp3", "libmp3lame")
    picture().save(tmp_path / "a.png")
    data = write_video(tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])

    assert poster_of(sound, tmp_path / "p.jpg") is MediaProblem.UNRECOGNISED
    assert poster_of(tmp_path / "a.png", tmp_path / "p.jpg") is MediaProblem.UNRECOGNISED
    assert poster_of(tmp_path / "cut.mp4", tmp_path / "p.jpg") is MediaProblem.BROKEN
    assert not (tmp_path / "p.jpg").exists()


def test_a_poster_that_cannot_be_written_whole_is_not_left_behind(tmp_path: Path) -> None:
    (tmp_path / "p.jpg").write_bytes(b"half a poster")
    limits = dataclasses.replace(LIMITS, deadline_s=0.01)

    outcome = asyncio.run(media.make_poster(write_video(tmp_path / "a.mp4"), tmp_path / "p.jpg", limits))

    assert outcome is MediaProblem.PROBE_FAILED
    assert not (tmp_path / "p.jpg").exists()
