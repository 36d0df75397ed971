"""What drawn pictures show, found by looking at their pixels."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from tools.contact_sheet import frames_of

from animatic.conftest import Screen
from animatic.screening import Pixels, brightness, difference, picture_growth, picture_shift, spec_of
from reelway.providers.animatic import stage
from reelway.providers.animatic.facts import Figure

_STATIC = ", static shot"


def hue_balance(frame: Pixels) -> float:
    """How much redder than blue a frame is."""
    red, _, blue = frame.astype(np.float64).reshape(-1, 3).mean(axis=0)
    return float(red - blue)


def detail(frame: Pixels) -> float:
    """How much fine detail a frame has."""
    return float(cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_64F).std())


def test_night_is_darker_than_dawn_and_dawn_darker_than_day(film: Screen) -> None:
    night, dawn, day = (brightness(film(f"hills {time}").middle) for time in ("at night", "at dawn", "at noon"))
    assert night < 0.55 * dawn
    assert dawn < 0.98 * day


def test_a_sunset_is_redder_than_a_day(film: Screen) -> None:
    assert hue_balance(film("desert at sunset").middle) > hue_balance(film("desert at noon").middle) + 30


def ground_colour(frame: Pixels) -> tuple[float, float, float]:
    """Mean red, green and blue near the lower edge."""
    red, green, blue = frame[150:178, 20:300].astype(np.float64).reshape(-1, 3).mean(axis=0)
    return float(red), float(green), float(blue)


def test_the_ground_has_the_colour_of_its_place(film: Screen) -> None:
    sand, grass, water = (
        ground_colour(film(f"{place} at noon under a clear sky{_STATIC}").middle)
        for place in ("a desert", "a meadow", "a ship on the sea")
    )
    assert sand[0] > sand[1] > sand[2]
    assert grass[1] > max(grass[0], grass[2])
    assert water[2] > water[0]


def test_a_lake_mirrors_what_stands_above_it(film: Screen) -> None:
    grey = cv2.cvtColor(film(f"a lake at noon{_STATIC}").middle, cv2.COLOR_RGB2GRAY).astype(np.float64)
    likeness = {}
    for shore in range(90, 125):  # the shore line is where the picture below is most like the one above, upside down
        above, below = grey[shore - 30 : shore][::-1], grey[shore : shore + 30]
        likeness[shore] = float(np.corrcoef(above.ravel(), below.ravel())[0, 1])
    assert max(likeness.values()) > 0.7


def test_a_city_has_walls_and_a_desert_has_none(film: Screen) -> None:
    def upright(frame: Pixels) -> float:
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        edges = [np.abs(cv2.Sobel(grey, cv2.CV_64F, *order)) for order in ((1, 0), (0, 1))]
        return float((edges[0] > 60).mean())

    assert upright(film(f"a city at noon{_STATIC}").middle) > 10 * upright(film(f"a desert at noon{_STATIC}").middle)


def test_space_is_black_with_stars(film: Screen) -> None:
    grey = cv2.cvtColor(film("outer space", width=640, height=360).middle, cv2.COLOR_RGB2GRAY)
    assert np.median(grey) < 60
    points = grey.astype(int) - cv2.medianBlur(grey, 7) > 30
    assert cv2.connectedComponents(points.astype(np.uint8))[0] > 110


def test_a_room_has_a_window_that_is_brighter_than_its_walls(film: Screen) -> None:
    frame = film(f"a living room at noon under a clear sky{_STATIC}").middle[:110].astype(int)
    bright = frame.sum(axis=2) > 1.4 * np.median(frame.sum(axis=2))
    blue = frame[..., 2] > frame[..., 0] + 20
    assert 0.02 < (bright & blue).mean() < 0.3


def test_a_lamp_lights_a_room_at_night_on_the_side_of_the_furniture(film: Screen) -> None:
    def warmth(frame: Pixels) -> list[float]:
        """How much redder than blue the wall is, in the left and the right half."""
        wall = frame[:110].astype(np.float64)
        return [float((half[..., 0] - half[..., 2]).mean()) for half in (wall[:, :160], wall[:, 160:])]

    night, noon = (warmth(film(f"a living room {time}{_STATIC}").middle) for time in ("at night", "at noon"))
    assert max(night) - min(night) > 15
    assert max(night) - min(night) > 1.5 * abs(noon[0] - noon[1])


@pytest.mark.parametrize("weather", ["rain", "snowfall"])
def test_rain_and_snow_fall_through_the_picture(film: Screen, weather: str) -> None:
    shown, dry = film(f"a meadow in {weather}{_STATIC}"), film(f"a meadow under a clear sky{_STATIC}")
    moved = difference(shown.frames[10], shown.frames[12])
    assert moved > 3 * difference(dry.frames[10], dry.frames[12])


def test_the_negative_prompt_takes_the_rain_out(film: Screen) -> None:
    wet = film(f"a rainy meadow{_STATIC}")
    dry = film(f"a rainy meadow{_STATIC}", negative_prompt="rain")
    assert difference(dry.frames[10], dry.frames[12]) < 0.5 * difference(wet.frames[10], wet.frames[12])


@pytest.mark.parametrize("words", ["hills in winter at noon", "hills in falling snow at noon"])
def test_snow_covers_the_ground(film: Screen, words: str) -> None:
    white, green = ground_colour(film(words).middle), ground_colour(film("hills in summer at noon").middle)
    assert np.ptp(white) < 0.5 * np.ptp(green)
    assert min(white) > 120


def test_a_storm_is_darker_and_greyer_than_a_clear_day(film: Screen) -> None:
    storm, clear = (
        film(f"a storm over hills at noon{_STATIC}").frames[0],
        film(f"sunny hills at noon{_STATIC}").frames[0],
    )
    assert brightness(storm) < 0.7 * brightness(clear)
    assert np.ptp(storm.astype(int), axis=2).mean() < 0.6 * np.ptp(clear.astype(int), axis=2).mean()


def test_fog_takes_contrast_away(film: Screen) -> None:
    foggy, clear = film("a lake in dense fog at noon").middle, film("a lake on a sunny day at noon").middle
    assert foggy.std() < 0.8 * clear.std()


@pytest.mark.parametrize("figure", list(Figure))
def test_every_subject_is_visible_in_its_own_picture(film: Screen, figure: Figure) -> None:
    prompt = f"a {figure.value.replace('_', ' ')} in a field at noon{_STATIC}"
    with_it, without = film(prompt), film(prompt, negative_prompt=figure.value)
    changed = np.abs(with_it.middle.astype(int) - without.middle.astype(int)).max(axis=2) > 24
    assert 0.002 < changed.mean() < 0.5, f"{changed.mean():.4f} of the picture shows the {figure}"


def test_a_walker_walks(film: Screen) -> None:
    prompt = f"a man in a field at noon{_STATIC}"
    walking, empty = film(prompt, duration_s=3), film(prompt, duration_s=3, negative_prompt="man")

    def middle_x(frame: int) -> float:
        changed = np.abs(walking.frames[frame].astype(int) - empty.frames[frame].astype(int)).max(axis=2) > 40
        return float(np.nonzero(changed)[1].mean())

    positions = [middle_x(frame) for frame in (4, 36, 68)]
    steps = np.diff(positions)
    assert abs(positions[2] - positions[0]) > 25
    assert (steps > 0).all() or (steps < 0).all()


def test_a_named_colour_is_the_subjects_colour(film: Screen) -> None:
    def car_colour(name: str) -> tuple[float, float, float]:
        prompt = f"a {name} car in a field at noon{_STATIC}"
        frame, empty = film(prompt).middle.astype(int), film(prompt, negative_prompt="car").middle.astype(int)
        red, green, blue = frame[np.abs(frame - empty).max(axis=2) > 40].mean(axis=0)
        return red, green, blue

    red, blue = car_colour("red"), car_colour("blue")
    assert red[0] > 1.4 * max(red[1], red[2])
    assert blue[2] > 1.2 * max(blue[0], blue[1])


def hues_of(frame: Pixels, empty: Pixels) -> list[int]:
    """The hues of what is in a frame and not in an empty one, in twelfths of the circle, each of a tenth of it."""
    shown = np.abs(frame.astype(int) - empty.astype(int)).max(axis=2) > 40
    hue, saturation, _ = np.moveaxis(cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)[shown].astype(int), -1, 0)
    counts = np.bincount(hue[saturation > 90] // 15, minlength=12)
    return [int(part) for part in np.flatnonzero(counts > 0.1 * counts.sum())]


def test_colourful_fish_have_several_colours_and_plain_fish_one(film: Screen) -> None:
    def hues(words: str) -> list[int]:
        prompt = f"{words} underwater at noon{_STATIC}"
        return hues_of(film(prompt).middle, film(prompt, negative_prompt="fish").middle)

    assert len(hues("colourful fish")) >= 3 > len(hues("five red fish"))


def test_vibrant_words_leave_a_named_colour_and_a_panda_alone(film: Screen) -> None:
    def tint(figure: str, words: str) -> NDArray[np.float64]:
        frame, empty = (film(f"{words}{_STATIC}", negative_prompt=gone).middle.astype(int) for gone in ("", figure))
        colour: NDArray[np.float64] = frame[np.abs(frame - empty).max(axis=2) > 40].mean(axis=0)
        return colour

    red = tint("car", "a red car in a field at noon, vibrant colours")
    assert red[0] > 1.3 * max(red[1], red[2])
    assert np.ptp(tint("panda", "a panda in a field at noon, vibrant colours")) < 40


def test_places_look_the_same_whether_their_parts_are_painted_one_by_one_or_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for words in ("a forest in autumn", "a street at night in the rain", "a lake in the mountains", "a city at dusk"):
        spec = spec_of(words)
        at_once = next(frames_of(spec, [0]))
        with monkeypatch.context() as patch:
            patch.setattr(stage, "in_parallel", lambda parts: [part() for part in parts])
            assert np.array_equal(next(frames_of(spec, [0])), at_once), words


def test_a_tree_is_pink_in_bloom_and_orange_in_autumn_and_green_in_summer(film: Screen) -> None:
    def crown(words: str) -> NDArray[np.float64]:
        prompt = f"{words}, hills at noon{_STATIC}"
        frame, empty = film(prompt).middle.astype(int), film(prompt, negative_prompt="tree").middle.astype(int)
        changed = np.abs(frame - empty).max(axis=2) > 40
        changed[120:] = False  # the trunk
        tint: NDArray[np.float64] = frame[changed].mean(axis=0)
        return tint

    bloom, autumn, summer = crown("a cherry tree in spring"), crown("a tree in autumn"), crown("a tree in summer")
    assert bloom[0] > bloom[2] > bloom[1]
    assert autumn[0] > autumn[1] > autumn[2]
    assert summer[1] > max(summer[0], summer[2])


def test_a_bamboo_grove_is_made_of_upright_stems(film: Screen) -> None:
    def uprightness(words: str) -> float:
        grey = cv2.cvtColor(film(f"{words} at noon{_STATIC}").middle[:110], cv2.COLOR_RGB2GRAY)
        across, down = (np.abs(cv2.Sobel(grey, cv2.CV_64F, *order)).mean() for order in ((1, 0), (0, 1)))
        return float(across / down)

    assert uprightness("a bamboo grove") > 1.3 * uprightness("an oak forest in autumn")


def test_a_panda_is_black_and_white(film: Screen) -> None:
    prompt = f"a panda in a field at noon, close up{_STATIC}"
    frame, empty = film(prompt).middle.astype(int), film(prompt, negative_prompt="panda").middle.astype(int)
    panda = frame[np.abs(frame - empty).max(axis=2) > 24]
    assert (np.ptp(panda, axis=1) < 70).mean() > 0.7, "it has hardly any colour"
    assert (panda.mean(axis=1) > 150).mean() > 0.25, "much of it is white"
    assert (panda.mean(axis=1) < 70).mean() > 0.12, "and its legs are black"


@pytest.mark.parametrize(
    ("words", "across", "down"),
    [
        ("camera pans left", 1, 0),
        ("camera pans right", -1, 0),
        ("tracking left", 1, 0),
        ("tracking right", -1, 0),
        ("tilt up", 0, 1),
        ("tilt down", 0, -1),
    ],
)
def test_the_picture_moves_against_the_camera(film: Screen, words: str, across: int, down: int) -> None:
    shown = film(f"mountains at noon, {words}", duration_s=2)
    moved = np.array(picture_shift(shown.frames[20], shown.frames[28]))
    wanted = np.array([across, down])
    assert moved @ wanted > 1.0
    assert abs(moved @ wanted[::-1]) < 0.35 * abs(moved @ wanted)


@pytest.mark.parametrize(("words", "grows"), [("push in", True), ("dolly out", False)])
def test_the_picture_grows_when_the_camera_comes_closer(film: Screen, words: str, grows: bool) -> None:
    shown = film(f"mountains at noon, {words}", duration_s=2)
    growth = picture_growth(shown.frames[8], shown.frames[40])
    assert growth > 1.008 if grows else growth < 0.992


def test_a_locked_camera_leaves_the_mountains_where_they_are(film: Screen) -> None:
    shown = film(f"mountains at noon{_STATIC}", duration_s=2)
    across, down = picture_shift(shown.frames[4], shown.frames[44])
    assert max(abs(across), abs(down)) < 0.3


def test_a_fast_camera_goes_further_than_a_slow_one(film: Screen) -> None:
    fast, slow = (film(f"mountains at noon, {words} pan right", duration_s=2) for words in ("fast", "slow"))
    reach = [abs(picture_shift(shown.frames[20], shown.frames[28])[0]) for shown in (fast, slow)]
    assert reach[0] > 1.5 * reach[1]


def test_noir_has_no_colour(film: Screen) -> None:
    frame = film("film noir city at night").middle.astype(int)
    assert np.ptp(frame, axis=2).mean() < 0.35 * np.ptp(film("city at night").middle.astype(int), axis=2).mean()


def test_a_looser_cfg_scale_strays_further_from_the_strict_picture(film: Screen) -> None:
    prompt = f"hills at noon{_STATIC}"
    strict, middle, loose = (film(prompt, cfg_scale=scale).middle for scale in (1.0, 0.7, 0.0))
    assert difference(strict, loose) > difference(strict, middle) > 0.5


def test_gradients_do_not_band(film: Screen) -> None:
    sky = film(f"desert at dusk under a clear sky{_STATIC}", width=640, height=360, negative_prompt="clouds").middle
    column = sky[10:150, 400:440].astype(np.float64).mean(axis=(1, 2))
    steps = np.abs(np.diff(column))
    assert steps.max() < 3.0  # no jump from one row to the next
    assert (steps < 0.02).mean() < 0.2  # and no flat steps between jumps


def test_a_storm_flashes_twice_at_most(film: Screen) -> None:
    levels = [brightness(frame) for frame in film("a thunderstorm over the sea at night", duration_s=5).frames]
    usual = float(np.median(levels))
    bright = [level > usual * 1.25 for level in levels]
    starts = sum(now and not before for before, now in zip([False, *bright], bright, strict=False))
    assert 1 <= starts <= 4  # two flashes, each of which flickers once


def test_the_clip_never_jumps(film: Screen) -> None:
    frames = film("a car in a city at dusk, tracking shot", duration_s=2).frames
    steps = [difference(earlier, later) for earlier, later in pairwise(frames)]
    assert max(steps) < 4 * float(np.median(steps))


@pytest.mark.parametrize("size", [(90, 160), (160, 90), (128, 128), (36, 90), (90, 36), (640, 256), (16, 16)])
def test_every_shape_of_frame_is_filled(film: Screen, size: tuple[int, int]) -> None:
    frame = film("a woman and a dog by a lake", width=size[0], height=size[1], caption=True).middle
    assert frame.shape[:2] == (size[1], size[0])
    assert detail(frame) > 0.5


def hue_share(frame: Pixels, channel: int) -> float:
    """How much of a picture is clearly of one colour: red, green or blue."""
    apart = frame.astype(int) - np.delete(frame, channel, axis=2).max(axis=2, keepdims=True)
    return float((apart[..., channel] > 25).mean())


def test_a_planet_and_a_nebula_have_the_colours_that_the_words_give_them(film: Screen) -> None:
    for prompt in ("space with a green planet", "a green planet in space", "خلا میں ایک سبز سیارہ"):
        assert hue_share(film(prompt).middle, 1) > 0.02, prompt
    assert hue_share(film("a red nebula in space").middle, 0) > 0.05
    both = film("a green planet in a red galaxy").middle
    assert hue_share(both, 1) > 0.02
    assert hue_share(both, 0) > 0.02
