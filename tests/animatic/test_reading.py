"""Which facts a text's words name."""

import time

import pytest

from reelway.providers.animatic.facts import CameraMove, Fact, Feature, Figure, Place, TimeOfDay, Weather
from reelway.providers.animatic.lexicon import SPACED, UNSPACED, phrases
from reelway.providers.animatic.reading import read


def facts_in(text: str) -> list[Fact]:
    return [mention.fact for mention in read(text).mentions]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Snowy MOUNTAINS at dawn", {Place.MOUNTAINS, TimeOfDay.DAWN, Weather.SNOW}),
        ("the cities at night", {Place.CITY, TimeOfDay.NIGHT}),
        ("foxes by a lake, pan left", {Figure.FOX, Place.LAKE, CameraMove.PAN_LEFT}),
        ("برف پوش پہاڑوں میں صبح", {Place.MOUNTAINS, TimeOfDay.DAWN}),
        ("سمندر کے کنارے شام کو ایک گھوڑا", {Place.SEA, TimeOfDay.DUSK, Figure.HORSE}),
        ("夜晚的上海下雨", {Place.CITY, TimeOfDay.NIGHT, Weather.RAIN}),
        ("沙漠中的骆驼，黄昏", {Place.DESERT, Figure.CAMEL, TimeOfDay.DUSK}),
    ],
)
def test_words_of_three_languages_are_recognised(text: str, named: set[Fact]) -> None:
    assert named <= set(facts_in(text))


def test_arabic_look_alikes_and_vowel_signs_do_not_hide_an_urdu_word() -> None:
    assert Place.LAKE in facts_in("\u062c\u06be\u0650\u064a\u0644")  # with a kasra and the Arabic yeh


def test_the_longest_phrase_counts_and_not_the_words_inside_it() -> None:
    assert facts_in("上海") == [Place.CITY]  # which ends in the character for the sea
    assert Figure.TREE not in facts_in("a palm tree")


def test_a_word_inside_another_word_is_not_taken_for_it() -> None:
    assert facts_in("carpet seasonal catalogue brainstorming") == []


@pytest.mark.parametrize("text", ["a street without any rain", "no rain today", "بارش کے بغیر", "没有雨"])
def test_what_is_said_to_be_absent_is_not_present(text: str) -> None:
    reading = read(text)
    assert Weather.RAIN in reading.absent
    assert Weather.RAIN not in [mention.fact for mention in reading.mentions]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a horse", 1),
        ("three wild horses", 3),
        ("a flock of birds", 7),
        ("دو گھوڑے", 2),
        ("a fish", 1),
        ("his tiny fish", 1),
        ("shiny fish", 3),
        ("a very small but bright fish", 1),
    ],
)
def test_a_number_before_a_subject_is_counted(text: str, count: int) -> None:
    assert read(text).mentions[0].count == count


def test_no_phrase_is_longer_than_the_reader_looks() -> None:
    for table in SPACED:
        for phrase, fact in phrases(table):
            assert fact in facts_in(phrase) or fact in read(phrase).absent, f"{phrase!r} is never found"
    for table in UNSPACED:
        for phrase, fact in phrases(table):
            assert fact in facts_in(phrase), f"{phrase!r} is never found"


def test_every_feature_a_prompt_can_ask_for_has_a_word() -> None:
    named = {fact for table in (*SPACED, *UNSPACED) for _, fact in phrases(table)}
    assert set(Feature) <= named


@pytest.mark.parametrize(
    "text",
    ["", "\0" * 2500, "😀" * 2500, "\u202e" * 2500, "a\u0301" * 1250, "\ud800" * 2500, "no " * 800, "山" * 2500],
    ids=["empty", "nul", "emoji", "override", "marks", "surrogates", "no", "mountains"],
)
def test_any_text_is_read_in_a_moment(text: str) -> None:
    read("warm the tables up")
    started = time.perf_counter()
    read(text)
    assert time.perf_counter() - started < 0.5
