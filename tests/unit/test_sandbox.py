"""Directives in prompts: what is read out of them, and what is left for the picture."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelway.domain.errors import SandboxDirectiveError
from reelway.domain.generation import Generation, Mode, Shot
from reelway.domain.sandbox import FAILURES, Directives, all_texts, directives_of, plain, without_directives
from reelway.domain.task import FailureCode

GENERATION = Generation("kling-3-0", "A bottle", 5, "16:9", Mode.PRO)


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("A bottle", Directives()),
        ("A bottle [[reelway: delay=20s]]", Directives(delay_s=20)),
        ("[[reelway:delay=0.5]] A bottle", Directives(delay_s=0.5)),
        ("[[ reelway : hang ]]", Directives(hangs=True)),
        ("[[REELWAY: throttle]]", Directives(throttles=1)),
        ("[[reelway: throttle=3]]", Directives(throttles=3)),
        ("[[reelway: lost-answer]]", Directives(loses_answer=True)),
        ("[[reelway: fail=content_violation]]", Directives(failure=FailureCode.CONTENT_REJECTED)),
        ("[[reelway: delay=2s, fail=INVALID_IMAGE_URL]]", Directives(2, FailureCode.INVALID_REFERENCE)),
        ("[[reelway: delay=2s]] then [[reelway: hang]]", Directives(2, hangs=True)),
        ("[[elsewhere: hang]] [reelway: hang]", Directives()),
    ],
)
def test_directives_are_read(prompt: str, wanted: Directives) -> None:
    assert directives_of(prompt) == wanted


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_can_be_asked_for(name: str) -> None:
    assert directives_of(f"[[reelway: fail={name}]]").failure is FAILURES[name]


@pytest.mark.parametrize(
    "inside",
    ["", "dance", "fail", "fail=NOTHING", "delay", "delay=-1s", "delay=9999s", "delay=1h", "throttle=0", "throttle=21",
     "hang, dance", "Hang", "delay=٣s"],
)  # fmt: skip
def test_what_is_no_directive_is_told_with_what_there_is(inside: str) -> None:
    with pytest.raises(SandboxDirectiveError) as refused:
        directives_of(f"A bottle [[reelway: {inside}]]")
    assert any(word.startswith("hang") for word in refused.value.allowed)


def test_directives_are_no_part_of_the_picture() -> None:
    prompt = "A bottle [[reelway: delay=20s]]turns"
    assert without_directives(prompt) == "A bottle turns"
    assert without_directives("A [[bottle]]") == "A [[bottle]]"
    shots = (Shot("One [[reelway: hang]]", 2), Shot("Two", 3))
    assert plain(replace(GENERATION, prompt=prompt, shots=shots)) == replace(
        GENERATION, prompt="A bottle turns", shots=(Shot("One", 2), Shot("Two", 3))
    )


def test_directives_in_shots_count() -> None:
    generation = replace(GENERATION, prompt="", shots=(Shot("One [[reelway: hang]]", 2), Shot("Two", 3)))
    assert directives_of(all_texts(generation)).hangs


@given(st.text(max_size=200))
def test_any_prompt_is_either_read_or_refused(prompt: str) -> None:
    is_refused = False
    try:
        directives_of(prompt)
    except SandboxDirectiveError:
        is_refused = True
    assert not is_refused or "[[" in prompt
