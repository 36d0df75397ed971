"""Several shots in one video: where the cuts are, and what each shot shows."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from animatic.conftest import Screen
from animatic.screening import Film, brightness, difference, picture_motion, psnr_db, spec_of
from reelway.domain.generation import Shot
from reelway.providers.animatic.facts import Place, Style, TimeOfDay
from reelway.providers.animatic.scene import describe
from reelway.providers.animatic.storyboard import sentences, storyboard


def cuts(shown: Film) -> list[int]:
    """The frames that differ from the one before far more than their neighbours do."""
    steps = [difference(first, second) for first, second in pairwise(shown.frames)]
    found = []
    for at, step in enumerate(steps):
        around = [steps[near] for near in range(max(0, at - 3), min(len(steps), at + 4)) if near != at]
        if step > 6 and step > 5 * float(np.median(around)):
            found.append(at + 1)
    return found


STORY = (
    Shot("a mountain lake at noon, pan left", 2),
    Shot("a city at night, static shot", 1),
    Shot("a desert at sunset, tilt up", 2),
)


def test_the_cuts_are_hard_and_at_the_very_frames(film: Screen) -> None:
    shown = film("", shots=STORY, duration_s=5)
    assert len(shown.frames) == 120
    assert cuts(shown) == [48, 72]


def test_each_shot_has_its_own_scene_and_its_own_camera(film: Screen) -> None:
    frames = film("", shots=STORY, duration_s=5).frames
    assert brightness(frames[60]) < 0.5 * brightness(frames[24])
    assert frames[100][..., 0].mean() > frames[100][..., 2].mean() + 20
    assert picture_motion(frames[16], frames[32]).right > 0.02
    assert abs(picture_motion(frames[52], frames[68]).right) < 0.005
    assert picture_motion(frames[88], frames[104]).down > 0.02


def test_a_shot_alone_looks_as_it_does_in_company(film: Screen) -> None:
    alone = film(STORY[0].prompt, duration_s=2)
    assert psnr_db(alone.frames[20], film("", shots=STORY, duration_s=5).frames[20]) > 30


def test_six_shots_of_the_same_words_are_six_pictures(film: Screen) -> None:
    shown = film("", shots=tuple(Shot("hills at noon", 1) for _ in range(6)), duration_s=6)
    assert cuts(shown) == [24, 48, 72, 96, 120]


def test_an_intelligent_split_makes_a_shot_of_every_sentence(film: Screen) -> None:
    text = "A red car drives through the desert at noon. Night falls over the city. Snow covers the mountains at dawn!"
    shown = film(text, splits_shots=True, duration_s=6)
    assert cuts(shown) == [take.first_frame for take in storyboard(spec_of(text, splits_shots=True, duration_s=6))][1:]
    assert len(cuts(shown)) == 2


def test_shots_that_say_nothing_of_it_stay_where_and_when_they_were() -> None:
    text = "A noir city at night in the rain. She waits. A man comes closer."
    takes = storyboard(spec_of(text, splits_shots=True, duration_s=6))
    assert [take.scene.place for take in takes] == [Place.CITY] * 3
    assert [take.scene.time_of_day for take in takes] == [TimeOfDay.NIGHT] * 3
    assert {take.scene.style for take in takes} == {Style.NOIR}
    assert len({take.scene.shot_size for take in takes}) == 3


def test_one_shot_is_read_as_ever() -> None:
    (take,) = storyboard(spec_of("hills. sea."))
    assert take.scene == describe("hills. sea.")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("A man walks. A dog runs! Is it day?", ["A man walks.", "A dog runs!", "Is it day?"]),
        ("一只猫在房间里。窗外下雪！", ["一只猫在房间里。", "窗外下雪！"]),
        ("ایک آدمی چل رہا ہے۔ بارش ہو رہی ہے۔", ["ایک آدمی چل رہا ہے۔", "بارش ہو رہی ہے۔"]),
        ("Dr. Khan walks at 3.5 km/h. He stops...", ["Dr. Khan walks at 3.5 km/h.", "He stops..."]),
        ("first line\nsecond line", ["first line", "second line"]),
        ("... !!", []),
        ("", []),
    ],
)
def test_sentences_end_in_every_script(text: str, parts: list[str]) -> None:
    assert sentences(text, 6) == parts


@pytest.mark.parametrize("duration_s", [1, 2, 3, 7, 15])
def test_sentences_share_the_time_in_whole_seconds(duration_s: int) -> None:
    text = "One. Two is longer than the first. Three! Four? Five; six. Seven. Eight is the last one of them all."
    takes = storyboard(spec_of(text, splits_shots=True, duration_s=duration_s))
    assert sum(take.frames for take in takes) == 24 * duration_s
    assert all(take.frames >= 24 and take.frames % 24 == 0 for take in takes)
    assert len(takes) == min(6, duration_s)
    assert " ".join(take.prompt for take in takes) == text


def test_the_images_open_the_first_and_close_the_last_shot(film: Screen, tmp_path: Path) -> None:
    paths = []
    for number, words in enumerate(("a lake in the mountains at noon", "a city at night")):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(film(words).middle).save(paths[-1])
    shown = film("", shots=STORY, duration_s=5, start_frame=paths[0], last_frame=paths[1])
    assert psnr_db(shown.frames[0], np.asarray(Image.open(paths[0]))) >= 30
    assert psnr_db(shown.frames[-1], np.asarray(Image.open(paths[1]))) >= 30
    assert cuts(shown) == [48, 72]


def test_a_voice_call_is_no_word_of_the_picture() -> None:
    (take,) = storyboard(spec_of("hills <<<voice_1>>> at noon"))
    assert take.prompt == "hills   at noon"


# --- slates -----------------------------------------------------------------------------------------------------------


def changed_area(first: Film, second: Film, frame: int) -> tuple[float, float, float]:
    """How far right and down two films differ in a frame, in shares of it, and how much of it that is."""
    difference = np.abs(first.frames[frame].astype(np.float32) - second.frames[frame]).max(axis=2)
    apart = cv2.blur(difference, (5, 5)) > 30  # letters, but not the encoder's specks
    rows, columns = np.nonzero(apart)
    if not rows.size:
        return 0.0, 0.0, 0.0
    return (columns.max() + 1) / apart.shape[1], (rows.max() + 1) / apart.shape[0], float(apart.mean())


def test_a_slate_stands_in_the_upper_left_corner_of_every_shot_and_nowhere_else(film: Screen) -> None:
    size = {"width": 640, "height": 360}
    plain = film("", shots=STORY, duration_s=5, **size)
    with_slate = film("", shots=STORY, duration_s=5, slate=True, **size)
    for frame in (0, 47, 48, 71, 72, 119):
        right, down, share = changed_area(plain, with_slate, frame)
        assert 0.05 < right < 0.25, frame
        assert 0.03 < down < 0.15, frame
        assert 0.0003 < share < 0.02, frame
    assert cuts(with_slate) == [48, 72]


def test_each_shots_slate_has_its_own_number_and_a_single_shot_has_none(film: Screen) -> None:
    night = tuple(Shot("a dark room at night, static shot", 1) for _ in range(2))
    shown = film("", shots=night, duration_s=2, slate=True, width=640, height=360)
    corners = [shown.frames[frame][:54, :160].astype(int) for frame in (12, 36)]
    assert np.abs(corners[0] - corners[1]).max() > 80, "another number"
    alone = [film("hills at noon", slate=slate) for slate in (False, True)]
    assert np.array_equal(alone[0].frames[12], alone[1].frames[12])
