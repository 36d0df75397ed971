"""What styles, moods and the newer places do to the picture."""

import cv2
import numpy as np
import pytest

from animatic.conftest import Screen
from animatic.screening import Pixels, brightness, difference
from reelway.providers.animatic.canvas import Canvas
from reelway.providers.animatic.facts import Mood, Place, Style, SubjectKind
from reelway.providers.animatic.looks import look_of
from reelway.providers.animatic.scene import describe

_STATIC = ", static shot"


def edges(frame: Pixels) -> float:
    return float(cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_64F).std())


def colourfulness(frame: Pixels) -> float:
    return float(np.ptp(frame.astype(int), axis=2).mean())


def test_a_watercolour_has_white_margins_and_flat_washes(film: Screen) -> None:
    shown, plain = film(f"watercolour hills at noon{_STATIC}").middle, film(f"hills at noon{_STATIC}").middle
    assert np.quantile(shown[:3], 0.02) > 190
    assert np.quantile(shown[:, :3], 0.02) > 190
    assert brightness(shown) > brightness(plain)


def test_a_sketch_is_dark_lines_on_bright_paper(film: Screen) -> None:
    frame = film(f"pencil sketch of a castle at noon{_STATIC}").middle
    assert np.median(frame) > 190
    assert 0.002 < (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) < 110).mean() < 0.3
    assert colourfulness(frame) < 20


def test_cinema_has_bars_but_an_upright_frame_has_none(film: Screen) -> None:
    wide = film(f"cinematic hills at noon{_STATIC}").middle
    assert wide[:20].max() < 12
    assert wide[-20:].max() < 12
    assert wide[40:140].mean() > 60
    assert film(f"cinematic hills at noon{_STATIC}", width=180, height=320).middle[:20].mean() > 40


def test_neon_light_spreads_with_its_colour() -> None:
    canvas = Canvas(320, 180)
    canvas.luma[80:100, 150:170] = 220
    canvas.u[40:50, 75:85] = 200
    look_of(Style.NEON, 1, 320, 180).apply(canvas, 0)
    assert canvas.luma[74, 160] > 15
    assert canvas.u[37, 80] > 129
    assert canvas.luma[10, 10] == 0


def test_noir_is_grey_and_old_film_is_brown(film: Screen) -> None:
    assert colourfulness(film(f"film noir street at night{_STATIC}").middle) < 4
    red, _, blue = film(f"vintage film of hills at noon{_STATIC}").middle.reshape(-1, 3).astype(float).mean(axis=0)
    assert red > blue + 12


def test_old_film_is_unsteady(film: Screen) -> None:
    old, plain = film(f"vintage film of hills at noon{_STATIC}"), film(f"hills at noon{_STATIC}")
    assert difference(old.frames[10], old.frames[11]) > 1.5 * difference(plain.frames[10], plain.frames[11])


def test_pixel_art_is_made_of_squares(film: Screen) -> None:
    frame = film(f"pixel art hills at noon{_STATIC}", width=384, height=192).middle.astype(int)
    steps = np.abs(np.diff(frame[:, :, 1], axis=1)).mean(axis=0)  # between columns
    inside = np.delete(steps, np.arange(1, len(steps), 2))
    assert steps[1::2].mean() > 4 * inside.mean()


@pytest.mark.parametrize("style", list(Style))
def test_every_style_is_drawn_in_every_shape(film: Screen, style: Style) -> None:
    for size in ((160, 90), (90, 160), (36, 90)):
        frame = film(f"{style} a man in a field", width=size[0], height=size[1], caption=True).middle
        assert frame.std() > 5


def test_sad_hills_have_less_colour_than_happy_ones(film: Screen) -> None:
    sad, happy = (film(f"hills at noon, a {word} day{_STATIC}").middle for word in ("sad", "happy"))
    assert colourfulness(sad) < 0.85 * colourfulness(happy)


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        ("a narrow alley in the city", Place.STREET),
        ("ایک مصروف بازار", Place.STREET),
        ("上海的小巷", Place.STREET),
        ("a diver over a coral reef", Place.UNDERWATER),
        ("海底的珊瑚", Place.UNDERWATER),
        ("a city skyline", Place.CITY),
    ],
)
def test_the_newer_places_are_found(prompt: str, place: Place) -> None:
    assert describe(prompt).place is place


def test_a_street_has_a_bright_gap_between_its_houses(film: Screen) -> None:
    frame = film(f"a street at noon under a clear sky{_STATIC}").middle.astype(int)
    sky = (frame[..., 2] > frame[..., 0] + 15)[:90]
    assert sky[:, 130:190].mean() > 0.5
    assert sky[:, :80].mean() < 0.4


def test_it_gets_darker_and_bluer_down_in_the_sea(film: Screen) -> None:
    frame = film(f"underwater reef at noon{_STATIC}").middle.astype(float)
    upper, lower = frame[:20].mean(axis=(0, 1)), frame[85:100].mean(axis=(0, 1))
    assert upper.sum() > 1.2 * lower.sum()
    assert lower[2] > 1.5 * lower[0]


def test_a_plural_is_more_than_one() -> None:
    assert [subject.count for subject in describe("horses and a dog in a field").subjects] == [3, 1]
    assert describe("two cats").subjects[0].count == 2
    assert describe("children on the beach").subjects[0].kind is SubjectKind.PERSON
    assert describe("children on the beach").subjects[0].count == 3
    assert describe("春天的樱花树下，两个女孩").subjects[-1].count == 2
    assert describe("一群鸟").subjects[0].count == 5


def test_a_panda_is_no_cat() -> None:
    assert [subject.figure.value for subject in describe("一只熊猫在竹林里").subjects] == ["panda"]


@pytest.mark.parametrize(
    ("prompt", "mood"),
    [
        ("a joyful feast", Mood.BRIGHT),
        ("اداس شام", Mood.SAD),
        ("神秘的森林", Mood.MYSTERIOUS),
        ("storm at sea", Mood.TENSE),
    ],
)
def test_the_mood_is_read_or_follows_from_the_scene(prompt: str, mood: Mood) -> None:
    assert describe(prompt).mood is mood
