"""The prompt as a caption."""

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from animatic.conftest import Screen
from reelway.providers.animatic.caption import caption, clean
from reelway.providers.animatic.fonts import Typeface, typeface_for, typeface_order

ENGLISH = "Mountains at noon, static shot"
URDU = "دوپہر کے وقت پہاڑ، ساکن کیمرہ"
CHINESE = "正午的山，固定镜头"


def letters(text: str, width: int = 1280, height: int = 720) -> NDArray[np.float32]:
    """The white of a caption's letters as a full frame, 0 to 1."""
    overlay = caption(text, width, height)
    assert overlay is not None
    frame = np.zeros((height, width), np.float32)
    frame[overlay.top :] = overlay.light
    return frame


def columns(frame: NDArray[np.float32]) -> tuple[int, int]:
    """The first and the last column that letters touch."""
    touched = np.flatnonzero(frame.max(axis=0) > 0.2)
    return int(touched[0]), int(touched[-1])


def line_count(frame: NDArray[np.float32]) -> int:
    """How many bands of rows hold most of the ink."""
    ink = frame.sum(axis=1) > 0.12 * frame.sum(axis=1).max()
    return int(np.count_nonzero(np.diff(ink.astype(int)) == 1))


@pytest.mark.parametrize("prompt", [ENGLISH, URDU, CHINESE], ids=["english", "urdu", "chinese"])
def test_a_caption_changes_the_lower_third_and_nothing_above(film: Screen, prompt: str) -> None:
    size = {"width": 640, "height": 360}
    shown, bare = film(prompt, caption=True, **size), film(prompt, **size)
    changed = np.abs(shown.middle.astype(int) - bare.middle.astype(int)).mean(axis=2)
    assert changed[:238].mean() < 1.0  # what compression may do
    assert (changed[240:] > 60).mean() > 0.002


def test_left_to_right_text_stands_left_and_right_to_left_text_right_within_the_margins() -> None:
    for text in (ENGLISH, CHINESE):
        first, last = columns(letters(text))
        assert 64 - 3 <= first < 75
        assert last < 900
    first, last = columns(letters(URDU))
    assert first > 380
    assert 1205 < last <= 1280 - 64 + 3


def test_letters_stay_in_the_lower_third_above_the_foot_margin() -> None:
    rows = np.flatnonzero(letters("Åqgjपी ے " * 60).max(axis=1) > 0.2)
    assert rows[0] >= 480
    assert rows[-1] <= 720 * 0.97


def test_long_text_is_wrapped_to_three_lines() -> None:
    text = "A very long sentence about nothing at all that goes on and on. " * 20
    assert line_count(letters("short")) == 1
    assert line_count(letters(text)) == 3


def test_cut_text_ends_in_an_ellipsis() -> None:
    last_line = letters("whole " * 200)[660:]
    tail = last_line[:, columns(last_line)[1] - 20 :]
    rows = np.flatnonzero(tail.max(axis=1) > 0.2)
    assert 0 < np.ptp(rows) < 6  # nothing there is as high as a letter: dots


def test_one_word_that_is_wider_than_the_frame_is_broken() -> None:
    frame = letters("x" * 400)
    assert line_count(frame) == 3
    assert columns(frame)[1] <= 1280 - 64


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a fox 🦊 runs 🚀", "a fox runs"),
        ("nul\0and\ttab\r\nline", "nul and tab line"),
        ("\u202eright to left\u202c override", "right to left override"),
        ("a\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301", "a\u0301\u0301\u0301\u0301"),
        ("\u0301starts with a mark", "starts with a mark"),
        ("\ud800lone", "lone"),
    ],
)
def test_what_cannot_be_written_is_left_out(text: str, same: str) -> None:
    assert np.array_equal(letters(text), letters(same))


@pytest.mark.parametrize("text", ["", "   ", "😀" * 2500, "\u200d\u200d", "\0\0", "\u0301" * 90])
def test_nothing_to_write_is_no_caption(text: str) -> None:
    assert caption(text, 1280, 720) is None


def test_the_first_letter_of_right_to_left_text_is_the_rightmost() -> None:
    first, both = letters("א"), letters("אב")
    left, right = columns(first)
    assert np.array_equal(both[:, left + 1 : right + 1] > 0.5, first[:, left + 1 : right + 1] > 0.5)
    assert columns(both)[0] < left


def test_the_words_of_a_right_to_left_line_run_from_right_to_left() -> None:
    alone, mixed = letters("שלום"), letters("שלום abc")
    left, right = columns(alone)
    assert np.array_equal(mixed[:, left + 1 : right + 1] > 0.5, alone[:, left + 1 : right + 1] > 0.5)


def test_arabic_letters_join() -> None:
    apart = letters("\u200c".join("سلام"))
    joined = letters("سلام")
    assert columns(joined)[1] - columns(joined)[0] < columns(apart)[1] - columns(apart)[0]


def test_a_latin_word_inside_urdu_keeps_its_own_direction_and_its_brackets_face_each_other() -> None:
    frame = letters("گاڑی b (c) ہے")
    inside = letters("b (c)")
    first, last = columns(inside)
    word = inside[:, first : last + 1]
    found = max(float((frame[:, left : left + word.shape[1]] * word).sum()) for left in range(1280 - word.shape[1]))
    assert found > 0.9 * float((word * word).sum())  # the same picture stands somewhere in the line


def test_japanese_korean_and_chinese_use_the_letters_of_their_country() -> None:
    assert typeface_order("夜の東京")[0] is Typeface.JAPANESE
    assert typeface_order("한국의 山")[0] is Typeface.KOREAN
    assert typeface_order("夜晚")[0] is Typeface.SIMPLIFIED


@pytest.mark.parametrize("letter", list("aÉжλשسٹहก한かあ中國𠮷，…—"))
def test_a_font_is_found_for_every_script(letter: str) -> None:
    assert typeface_for(letter, typeface_order(letter)) is not None


def test_emoji_have_no_font() -> None:
    assert typeface_for("🚀", typeface_order("🚀")) is None


def test_a_caption_is_laid_out_in_a_moment_whatever_the_text() -> None:
    for text in ("(" * 2500, "سلام " * 500, "\ufdfa" * 2500, "1%" * 1250, "ཧཱུྃ" * 600, "中" * 2500):
        caption(text, 1280, 720)
        started = time.perf_counter()
        caption(text, 1280, 720)
        assert time.perf_counter() - started < 1.0


@pytest.mark.parametrize("size", [(720, 1280), (720, 720), (320, 180), (1800, 720), (720, 1800), (64, 64)])
def test_a_caption_fits_every_frame(size: tuple[int, int]) -> None:
    overlay = caption("A caption that is long enough to be wrapped more than once in a narrow frame", *size)
    if overlay is not None:
        assert overlay.keep.shape == overlay.light.shape == (size[1] - overlay.top, size[0])
        assert overlay.top >= size[1] * 2 / 3
        assert overlay.top % 2 == 0
        assert float(overlay.light.max()) > 0.5


def test_cleaning_bounds_the_length_and_the_towers_of_marks() -> None:
    assert len(clean("x" * 2500)) == 600
    assert len(clean("q" + "\u0317" * 50)) == 5


def test_cleaning_keeps_joiners_inside_words() -> None:
    assert clean("می\u200cخواہم") == "می\u200cخواہم"
