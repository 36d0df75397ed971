"""What a form holds becomes a request and comes back out of a task; what a dialect says of it finds its field."""

from dataclasses import replace
from typing import Any

import pytest

from reelway.catalog import load_catalog
from reelway.console.cameras import AXES, CHOICES, camera_control, choice_of, number_of
from reelway.console.composing import FORM, place_of
from reelway.console.drafts import (
    Draft,
    DraftShot,
    board_in,
    changed_model,
    draft_in,
    draft_of,
    fresh_draft,
    kling_body,
    rivya_body,
    without_shots,
)
from reelway.console.forms import Fields
from reelway.console.language import load_languages
from reelway.console.problem_words import WORDS, worded
from reelway.dialects.base import ParseContext, WireRequest
from reelway.dialects.kling.create import parse_image2video, parse_text2video
from reelway.dialects.rivya.parse import parse_quote
from reelway.domain.errors import Problem, ValidationFailedError
from reelway.domain.generation import Generation
from reelway.domain.records import KeptAnswer
from reelway.domain.task import Task

CATALOG = load_catalog()
URL = "https://example.com/a.png"
LANGUAGES = load_languages()


def _answer(_task: Task) -> KeptAnswer:
    return KeptAnswer(200, (), b"")


CONTEXT = ParseContext(
    catalog=CATALOG,
    available_models=frozenset(card.id for card in CATALOG),
    file_base_url="https://reelway.example/files",
    own_files={},
    holds_duration=lambda _token, _file: False,
    answer_of=_answer,
    serves_route=lambda _model, _route: True,
)


def by_rivya(draft: Draft) -> Generation:
    submission = parse_quote(WireRequest({}, {}, {}, rivya_body(draft, {})), CONTEXT).submission
    assert submission is not None
    return submission.generation


def by_kling(draft: Draft) -> Generation:
    parse = parse_image2video if draft.start_frame or draft.last_frame else parse_text2video
    return parse(WireRequest({}, {}, {}, kling_body(draft, {})), CONTEXT).submission.generation


def kling_problems(draft: Draft) -> tuple[Problem, ...]:
    with pytest.raises(ValidationFailedError) as caught:
        by_kling(draft)
    return caught.value.problems


@pytest.mark.parametrize("card", list(CATALOG), ids=lambda card: card.id)
def test_a_fresh_form_of_every_model_is_a_valid_request_in_both_dialects(card: Any) -> None:
    draft = replace(fresh_draft(card), prompt="Rain")
    assert by_rivya(draft).prompt == "Rain"
    plain = replace(by_kling(draft), needs_cfg_scale=False)
    assert plain == by_rivya(draft)


@pytest.mark.parametrize("card", list(CATALOG), ids=lambda card: card.id)
def test_what_a_task_asked_for_is_the_draft_again(card: Any) -> None:
    draft = replace(fresh_draft(card), prompt="Rain", start_frame=URL)
    assert draft_of(by_rivya(draft), card) == draft
    if card.names.kling is not None and card.id.startswith("kling-v1"):
        moved = replace(draft, camera="zoom_in", strength="2.5")
        assert draft_of(by_kling(moved), card) == moved


def test_shots_come_back_with_their_cameras() -> None:
    card = CATALOG["kling-3-0"]
    shots = (DraftShot("A fox", "2", "orbit"), DraftShot("Snow", "4", ""))
    draft = replace(fresh_draft(card), shots=shots)
    made = by_kling(draft)
    assert (made.duration_s, [shot.prompt for shot in made.shots]) == (6, ["A fox Camera: orbit shot.", "Snow"])
    assert draft_of(made, card).shots == shots
    alone = without_shots(draft_of(made, card), card)
    assert (alone.prompt, alone.shots, alone.values["multi_shots"], alone.values["duration"]) == (
        "Snow",
        (),
        "false",
        "6",
    )


@pytest.mark.parametrize("choice", CHOICES)
def test_every_camera_is_understood_and_comes_back(choice: str) -> None:
    draft = replace(fresh_draft(CATALOG["kling-v1"]), prompt="x", camera=choice, strength="3")
    camera = by_kling(draft).camera
    assert choice_of(camera) == (choice, "3" if choice in AXES else "5")


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"prompt": ""}, ["prompt"]),
        ({"prompt": "x" * 2_501}, ["prompt"]),
        ({"strength": "11"}, ["camera"]),
        ({"strength": "much"}, ["camera"]),
        ({"camera": "upside_down"}, ["camera"]),
        ({"last_frame": URL}, [FORM, "start_frame"]),
        ({"values": {"duration": "99", "mode": "best"}}, ["param-mode", "param-duration"]),
        ({"start_frame": "file_unknown"}, ["start_frame"]),
    ],
)
def test_what_kling_says_finds_its_field(changes: dict[str, Any], places: list[str]) -> None:
    card = CATALOG["kling-v1-6"]
    draft = replace(fresh_draft(card), **({"prompt": "x", "camera": "zoom_in"} | changes))
    found = [place_of(problem.field, card) for problem in kling_problems(draft)]
    assert set(found) <= set(places)
    assert found


def test_what_the_main_dialect_says_finds_its_field() -> None:
    card = CATALOG["kling-v1-6"]
    values = {"mode": "best", "duration": "7", "cfg_scale": "2", "negative_prompt": "x" * 2_501}
    draft = Draft(card, values=values, start_frame="http://10.0.0.1/a", last_frame="file_gone")
    problems = parse_quote(WireRequest({}, {}, {}, rivya_body(draft, {})), CONTEXT).problems
    assert {place_of(problem.field, card) for problem in problems} == {
        "prompt",
        "param-mode",
        "param-duration",
        "param-cfg_scale",
        "param-negative_prompt",
        "start_frame",
        "last_frame",
    }
    assert place_of("params", card) == place_of("client_request_id", card) == FORM


def test_shots_are_told_by_their_number() -> None:
    card = CATALOG["kling-3-0"]
    shots = (DraftShot("x", "1"), DraftShot("", "0"), DraftShot("x" * 513, "2"))
    problems = kling_problems(replace(fresh_draft(card), shots=shots))
    assert [place_of(problem.field, card) for problem in problems] == [
        "shot-2-prompt",
        "shot-2-seconds",
        "shot-3-prompt",
    ]


def test_another_model_keeps_what_it_offers() -> None:
    values = {"duration": "10", "aspect_ratio": "9:16", "negative_prompt": "rain", "cfg_scale": "0.9", "mode": "std"}
    draft = Draft(CATALOG["kling-v1-6"], "x", values, start_frame=URL, last_frame=URL)
    changed = changed_model(draft, CATALOG["kling-3-0"])
    assert changed.values == {
        "mode": "std",
        "multi_shots": "false",
        "duration": "10",
        "sound": "false",
        "aspect_ratio": "9:16",
    }
    assert (changed.prompt, changed.start_frame, changed.last_frame) == ("x", URL, URL)


def test_a_form_may_leave_out_whatever_it_likes() -> None:
    card = CATALOG["kling-3-0"]
    assert draft_in(Fields(), card) == fresh_draft(card)
    assert board_in(Fields(), card).shots == (DraftShot(),)
    many = Fields({"shot_prompt": ("x",) * 9, "shot_seconds": ("1",) * 9, "shot_camera": ("",) * 9})
    assert len(board_in(many, card).shots) == 6
    assert replace(fresh_draft(card), shots=(DraftShot("x", "many"), DraftShot("x", "2"))).total_s == 2


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-inf"])
def test_what_is_no_number_stays_a_text(text: str) -> None:
    assert number_of(text) == text
    assert camera_control("zoom_in", text or "x") == {"type": "simple", "config": {"zoom": text or "x"}}


@pytest.mark.parametrize(
    ("message", "english"),
    [
        ("Required.", "Required."),
        ("must not be empty", "Write something."),
        ("At most 2500 characters.", "At most 2500 characters."),
        ("at most 512 characters", "At most 512 characters."),
        ("Must be between 0 and 1.", "From 0 to 1."),
        ("Must be between 0.5 and 1.5.", "From 0.5 to 1.5."),
        ("must be from -10 to 10", "From -10 to 10."),
        ("must be one of 3 to 15", "From 3 to 15."),
        ("must be one of std, pro, 4k", "This value is not on offer."),
        ("Must be one of the allowed values.", "This value is not on offer."),
        ("Unknown or expired file.", "The file is not there any more. Choose it again."),
        ("Must be a public https URL of at most 2048 characters.", "Must be a public https address."),
        ("must be a public https URL or base64", "Must be a public https address."),
        ("Not supported by any configured provider.", "No configured provider can do this."),
        ("Unknown sandbox directive: fly.", "There is no sandbox directive fly."),
        ("A last frame cannot be combined with multi_shots.", "A last frame cannot be combined with shots."),
        ("the durations add up to 6, not 7", "The shots add up to 6 seconds, not 7."),
        ("<<<image_2>>> has no input", "<<<image_2>>> stands for nothing here."),
        ("Must be a whole number from 0 to 24.", "A whole number from 0 to 24."),
        ("Must be 1 to 100 characters.", "1 to 100 characters."),
        ("Must be a non-empty list.", "Choose at least one."),
        ("At most 20 webhook endpoints.", "At most 20 webhooks. Delete one first."),
        ("The webhook URL must be a public https URL.", "Must be a public https address."),
        ("something new", "something new"),
    ],
)
def test_messages_of_the_dialects_are_worded(message: str, english: str) -> None:
    assert worded(LANGUAGES["en"], message) == english


def test_every_wording_exists_in_every_language() -> None:
    for _, key in WORDS:
        assert all(language.has(key) for language in LANGUAGES.values()), key
