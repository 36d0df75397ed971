"""What videos sound like, found by listening to their samples."""

import hashlib
from pathlib import Path

import av
import numpy as np
import pytest

from animatic.conftest import Screen
from animatic.hearing import RATE_HZ, Samples, lufs, samples_of, share_of_band
from animatic.screening import shoot, spec_of
from reelway.domain.generation import Shot
from reelway.providers.animatic.facts import Mood
from reelway.providers.animatic.scene import describe
from reelway.providers.animatic.sound.loudness import integrated_lufs
from reelway.providers.animatic.sound.mixdown import mixdown
from reelway.providers.animatic.sound.score import Bed, score
from reelway.providers.animatic.storyboard import storyboard

SCENES = (
    "a lake at dawn",
    "a storm at sea with lightning",
    "a city at night",
    "a forest in spring",
    "snowfall in the mountains",
    "a train in the hills",
    "a campfire in the woods at night",
    "outer space",
    "a quiet room",
    "xyzzy",
)


def bed_of(prompt: str, **changes: object) -> Samples:
    """The samples before they are encoded."""
    return mixdown(storyboard(spec_of(prompt, duration_s=3, **changes))).astype(np.float64)


def swell(heard: Samples) -> float:
    """How much the loudness goes up and down: the spread of half seconds, as a share of the mean."""
    count = heard.shape[1] // (RATE_HZ // 2)
    blocks = heard[:, : count * (RATE_HZ // 2)].reshape(2, count, -1)
    levels = np.sqrt((blocks**2).mean(axis=(0, 2)))
    return float(levels.std() / levels.mean())


def test_without_sound_there_is_no_sound_track(film: Screen) -> None:
    with av.open(str(film("hills").path)) as container:
        assert not container.streams.audio


@pytest.mark.parametrize("duration_s", [1, 2, 7, 15])
def test_the_sound_is_as_long_as_the_picture(film: Screen, duration_s: int) -> None:
    shown = film("a lake", sound=True, duration_s=duration_s, width=64, height=36)
    with av.open(str(shown.path)) as container:
        stream, picture = container.streams.audio[0], container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.profile) == ("aac", "LC")
        assert (stream.codec_context.sample_rate, stream.codec_context.layout.name) == (RATE_HZ, "stereo")
        assert stream.start_time == 0
        assert stream.duration * stream.time_base == picture.duration * picture.time_base == duration_s
        assert container.duration == duration_s * 1_000_000
    assert samples_of(shown.path).shape == (2, duration_s * RATE_HZ)


@pytest.mark.parametrize("prompt", SCENES)
def test_every_scene_has_the_same_loudness_and_never_clips(film: Screen, prompt: str) -> None:
    heard = samples_of(film(prompt, sound=True, duration_s=2, width=64, height=36).path)
    assert lufs(heard) == pytest.approx(-23, abs=1.0)
    assert np.abs(heard).max() < 10 ** (-1 / 20)


def test_our_meter_agrees_with_the_one_of_the_engine() -> None:
    times = np.arange(2 * RATE_HZ) / RATE_HZ
    sine = np.stack([0.1 * np.sin(2 * np.pi * 997 * times)] * 2)  # both channels at -20 dB: -20 LUFS
    assert lufs(sine) == pytest.approx(-20, abs=0.1)
    assert integrated_lufs(sine) == pytest.approx(-20, abs=0.1)
    loud_then_soft = np.concatenate([sine, 0.01 * sine], axis=1)
    assert integrated_lufs(loud_then_soft) == pytest.approx(lufs(loud_then_soft), abs=0.1)


@pytest.mark.parametrize("prompt", SCENES)
def test_nothing_clicks(prompt: str) -> None:
    heard = bed_of(prompt)
    steps = np.abs(np.diff(heard, n=2))
    assert steps.max() < 14 * np.quantile(steps, 0.97) + 0.02
    assert np.abs(heard[:, :8]).max() < 0.002  # it comes and goes softly
    assert np.abs(heard[:, -8:]).max() < 0.002


def test_the_sound_follows_the_scene() -> None:
    rain, wind = bed_of("rain on hills"), bed_of("windy mountains at noon")
    assert share_of_band(rain, 1500, 8000) > 4 * share_of_band(wind, 1500, 8000)
    birds, without = bed_of("a meadow in spring at noon"), bed_of("a meadow in spring at noon", negative_prompt="birds")
    assert share_of_band(birds, 2000, 6000) > 1.5 * share_of_band(without, 2000, 6000)
    city, forest = bed_of("a city at noon"), bed_of("a forest at noon")
    assert share_of_band(city, 30, 170) > 2 * share_of_band(forest, 30, 170)


def test_wind_rain_and_surf_are_told_apart_by_their_spectra_and_surf_by_its_swell() -> None:
    wind, rain, surf = bed_of("windy mountains at noon"), bed_of("rain on hills"), bed_of("waves on a beach at noon")
    assert share_of_band(surf, 1500, 8000) > 5 * share_of_band(wind, 1500, 8000)
    assert share_of_band(rain, 1500, 8000) > 2 * share_of_band(surf, 1500, 8000)
    assert swell(surf) > 1.5 * swell(rain)


def test_thunder_follows_the_flash(film: Screen) -> None:
    prompt = "a thunderstorm over the sea at night"
    shown = film(prompt, duration_s=5)
    light = np.array([frame.mean() for frame in shown.frames])
    flash = int(np.argmax(light)) / 24
    heard = mixdown(storyboard(spec_of(prompt, duration_s=5))).astype(np.float64)
    calm, roll = (
        np.square(np.fft.rfft(heard[:, round(at * RATE_HZ) :][:, :24_000], axis=1)[:, 10:80]).__abs__().sum()
        for at in (max(0.0, flash - 0.55), flash + 0.3)
    )
    assert roll > 2 * calm


def test_the_sound_is_cut_with_the_shots(film: Screen) -> None:
    shots = (Shot("rain over a city at night", 1), Shot("outer space", 1), Shot("a meadow in spring at noon", 1))
    heard = samples_of(film("", shots=shots, duration_s=3, sound=True, width=64, height=36).path)
    parts = [heard[:, number * RATE_HZ : (number + 1) * RATE_HZ] for number in range(3)]
    high = [share_of_band(part, 1500, 9000) for part in parts]
    assert high[0] > 5 * high[1] < high[2]
    for cut in (RATE_HZ, 2 * RATE_HZ):  # quiet for a moment, and so without a click
        around = heard[:, cut - 40 : cut + 40]
        assert np.abs(around).max() < 0.35 * np.abs(heard[:, cut - 4800 : cut + 4800]).max()
    near = bed_of("", shots=shots)
    assert np.abs(near[:, RATE_HZ - 8 : RATE_HZ + 8]).max() < 0.002


def test_the_key_comes_from_the_mood() -> None:
    happy, scary = (score(describe(f"{word} hills at noon")) for word in ("happy", "scary"))
    assert (happy.mood, scary.mood) == (Mood.BRIGHT, Mood.TENSE)
    assert happy.key.endswith("major")
    assert scary.key.endswith("phrygian")


@pytest.mark.parametrize(
    ("prompt", "beds"),
    [
        ("surf on the beach", {Bed.SURF}),
        ("a storm at sea", {Bed.SURF, Bed.RAIN, Bed.WIND, Bed.THUNDER}),
        ("a forest on a summer night under a clear sky", {Bed.LEAVES, Bed.CRICKETS}),
        ("a car in the city", {Bed.CITY, Bed.ENGINE}),
        ("ہجوم والے شہر میں بارش", {Bed.CITY, Bed.RAIN}),
        ("春天的森林，鸟", {Bed.LEAVES, Bed.BIRDS}),
    ],
)
def test_the_words_choose_the_beds(prompt: str, beds: set[Bed]) -> None:
    assert beds <= {bed for bed, _ in score(describe(prompt)).levels}


def test_an_image_without_words_gets_the_pad_alone() -> None:
    assert [bed for bed, _ in score(describe("")).levels] == [Bed.PAD]


def test_the_same_request_sounds_the_same(tmp_path: Path) -> None:
    spec = spec_of("a stormy sea with a ship and birds", sound=True, duration_s=2, width=64, height=36)
    sums = set()
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        sums.add(hashlib.sha256(shoot(spec, folder).path.read_bytes()).hexdigest())
    assert len(sums) == 1
