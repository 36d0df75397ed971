"""How a request is understood."""

import json

import pytest

from reelway.providers.animatic.facts import (
    CameraMove,
    ColourName,
    Feature,
    Figure,
    Place,
    Season,
    ShotSize,
    Style,
    TimeOfDay,
    Weather,
)
from reelway.providers.animatic.scene import SceneDescription, describe


def figures(scene: SceneDescription) -> list[Figure]:
    return [subject.figure for subject in scene.subjects]


def test_a_prompt_names_place_time_weather_season_camera_shot_and_style() -> None:
    scene = describe("Wide shot: an old oak on a hill in autumn, foggy dusk, camera pans left, film noir")
    assert (scene.place, scene.time_of_day, scene.weather) == (Place.HILLS, TimeOfDay.DUSK, Weather.FOG)
    assert (scene.season, scene.shot_size, scene.style) == (Season.AUTUMN, ShotSize.WIDE, Style.NOIR)
    assert scene.camera == (CameraMove.PAN_LEFT,)
    assert figures(scene) == [Figure.TREE]


@pytest.mark.parametrize(
    ("prompt", "colours"),
    [
        ("a woman in a green dress in a field", ["green"]),
        ("a woman and a black cat", [None, "black"]),
        ("a man in a blue coat and a red car", ["blue", "red"]),
        ("a woman by a blue lake", [None]),
        ("a girl in a white room", [None]),
        ("two boys wearing yellow shirts", ["yellow"]),
        ("a dog with a red ball", [None]),
        ("a man and an eagle", [None, "brown"]),
        ("a man drinking coffee in a room", [None, "brown"]),
        ("a woman under an orange moon", [None]),
    ],
)
def test_a_colour_after_a_person_is_of_the_clothes_unless_it_is_of_something_else(
    prompt: str, colours: list[str | None]
) -> None:
    assert [subject.colour for subject in describe(prompt).subjects] == colours


def test_subjects_come_in_the_order_of_the_text_with_number_and_colour() -> None:
    scene = describe("three white horses and a red car on a beach")
    assert [(subject.figure, subject.count, subject.colour) for subject in scene.subjects] == [
        (Figure.HORSE, 3, ColourName.WHITE),
        (Figure.CAR, 1, ColourName.RED),
    ]


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        ("a dragon over a castle", Place.HILLS),
        ("an eagle and an aeroplane", Place.SKY),
        ("an astronaut", Place.SPACE),
        ("a sailboat", Place.SEA),
        ("a perfume bottle", Place.STUDIO),
        ("a camel", Place.DESERT),
        ("a flock of birds", Place.SKY),
        ("a village in the mountains", Place.MOUNTAINS),
        ("a lake between mountains", Place.LAKE),
        ("a forest under a blue sky", Place.FOREST),
    ],
)
def test_the_place_follows_the_words_or_else_the_subject(prompt: str, place: Place) -> None:
    assert describe(prompt).place is place


def test_an_unknown_prompt_gives_the_same_scene_every_time_and_others_give_others() -> None:
    assert describe("qwxz plorf") == describe("qwxz plorf")
    scenes = {(scene.place, scene.time_of_day, scene.seed) for scene in map(describe, map(str, range(40)))}
    assert len(scenes) == 40
    assert len({place for place, _, _ in scenes}) >= 5


@pytest.mark.parametrize(
    ("prompt", "negative_prompt", "check"),
    [
        ("a rainy city", "rain", lambda scene: scene.weather not in (Weather.RAIN, Weather.STORM)),
        ("a man and a dog in a park", "people", lambda scene: figures(scene) == [Figure.DOG]),
        ("a city by the sea", "city", lambda scene: scene.place is Place.SEA),
        ("hills at night", "night", lambda scene: scene.time_of_day is not TimeOfDay.NIGHT),
        ("a plain", "moon, stars", lambda scene: not scene.shows(Feature.MOON, usually=True)),
        ("an aerial shot of hills", "aerial", lambda scene: CameraMove.FLY not in scene.camera),
    ],
)
def test_the_negative_prompt_removes_what_it_names(prompt: str, negative_prompt: str, check: object) -> None:
    assert callable(check)
    assert not check(describe(prompt))
    assert check(describe(prompt, negative_prompt))


def test_the_negative_prompt_keeps_the_rest_of_the_picture() -> None:
    assert describe("a rainy city", "rain").seed == describe("a rainy city").seed


def test_a_lower_cfg_scale_lets_chance_stray_further() -> None:
    assert describe("hills", cfg_scale=0.0).variation > describe("hills", cfg_scale=0.9).variation


def test_the_description_is_plain_json_and_shows_which_words_were_understood() -> None:
    scene = describe("a red fox in a snowy forest at night, slowly push in", "people, rain")
    shown = json.loads(json.dumps(scene.as_json()))
    assert shown["place"] == "forest"
    assert ["snowy", "snow"] in shown["evidence"]
    assert shown["absent"] == ["person", "rain"]
