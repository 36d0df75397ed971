"""Prompts: their length in code points, in any script, and what does not count as a prompt. C9 to C12."""

import json
import unicodedata
from typing import Any

import pytest

from contract.rivya.wire import KLING_3, TURBO, body_of, post, post_raw, problem, problems_of, task_of
from reelway.domain.generation import generation_of
from reelway.domain.ids import TaskId
from support.gateway import Account, TestGateway

pytestmark = pytest.mark.anyio

MAXIMA = [(TURBO, 2500), (KLING_3, 2000)]
URDU = "ایک شیشے کی بوتل میز پر گھومتی ہے "
FAMILY = "👨‍👩‍👧‍👦"  # seven code points that are drawn as one
TEXTS = {
    "latin": "A bottle turns. ",
    "urdu": URDU,
    "emoji": "😀🎬🚀",
    "joined emoji": FAMILY,
    "combining": unicodedata.normalize("NFD", "é"),
    "chinese": "一只玻璃瓶在黑色的桌子上慢慢转动",
    "quotes": "\"\\'\n\t",
    "private use": "\U0010fffd\ue000",
}


def text_of(kind: str, length: int) -> str:
    """A text of so many code points that is not only whitespace."""
    text = TEXTS[kind]
    return (text * (length // len(text) + 1))[: length - 1] + "."


async def prompt_in(gateway: TestGateway, answer: Any) -> str:
    task = await gateway.task(TaskId(task_of(answer, 202)["id"]))
    return generation_of(task.generation).prompt


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize(("model", "maximum"), MAXIMA)
async def test_c09_c10_a_prompt_of_the_maximum_passes_unchanged_and_one_more_does_not(
    shared: TestGateway, account: Account, model: str, maximum: int, kind: str
) -> None:
    longest = text_of(kind, maximum)
    assert len(longest) == maximum
    assert await prompt_in(shared, await post(shared, account, body_of(model=model, prompt=longest))) == longest
    answer = await post(shared, account, body_of(model=model, prompt=text_of(kind, maximum + 1)))
    assert problems_of(answer) == [problem("prompt", f"At most {maximum} characters.")]


async def test_c09_a_prompt_of_one_code_point_passes(shared: TestGateway, account: Account) -> None:
    for prompt in ("x", "😀", "ک", "\0"):
        assert await prompt_in(shared, await post(shared, account, body_of(prompt=prompt))) == prompt


async def test_c10_the_longer_prompt_passes_only_for_the_model_that_takes_it(
    shared: TestGateway, account: Account
) -> None:
    prompt = "x" * 2001
    task_of(await post(shared, account, body_of(model=TURBO, prompt=prompt)), 202)
    answer = await post(shared, account, body_of(model=KLING_3, prompt=prompt))
    assert problems_of(answer) == [problem("prompt", "At most 2000 characters.")]


@pytest.mark.parametrize("is_escaped", [True, False])
async def test_c11_emoji_outside_the_bmp_count_as_one_however_they_are_spelled(
    shared: TestGateway, account: Account, is_escaped: bool
) -> None:
    raw = json.dumps(body_of(prompt="🎬" * 2500), ensure_ascii=is_escaped).encode()
    assert (b"\\ud83c\\udfac" in raw) is is_escaped
    assert await prompt_in(shared, await post_raw(shared, account, raw)) == "🎬" * 2500
    raw = json.dumps(body_of(prompt="🎬" * 2501), ensure_ascii=is_escaped).encode()
    assert problems_of(await post_raw(shared, account, raw)) == [problem("prompt", "At most 2500 characters.")]


@pytest.mark.parametrize("prompt", ["", " ", "\n", " \r\n\t ", "\u00a0\u2003\u3000\u2028", " " * 3000])
async def test_c12_a_prompt_of_whitespace_only_is_refused(shared: TestGateway, account: Account, prompt: str) -> None:
    answer = await post(shared, account, body_of(prompt=prompt))
    assert problems_of(answer) == [problem("prompt", "Must not be empty.")]


async def test_c12_whitespace_around_a_prompt_stays_and_counts(shared: TestGateway, account: Account) -> None:
    prompt = " " + "x" * 2498 + "\n"
    assert await prompt_in(shared, await post(shared, account, body_of(prompt=prompt))) == prompt
    answer = await post(shared, account, body_of(prompt=prompt + " "))
    assert problems_of(answer) == [problem("prompt", "At most 2500 characters.")]


@pytest.mark.parametrize("kind", TEXTS)
async def test_7_2_a_negative_prompt_of_2500_code_points_passes_and_2501_does_not(
    shared: TestGateway, account: Account, kind: str
) -> None:
    for length in (1, 2500):
        task_of(await post(shared, account, body_of(params={"negative_prompt": text_of(kind, length)})), 202)
    answer = await post(shared, account, body_of(params={"negative_prompt": text_of(kind, 2501)}))
    assert problems_of(answer) == [problem("params.negative_prompt", "At most 2500 characters.")]


async def test_bad_input_a_prompt_with_nul_and_other_controls_is_made_like_any_other(
    shared: TestGateway, account: Account
) -> None:
    for prompt in ("a\0b", "\x01\x1b[31m", "a\u202eb", "\ufeffa", "\ufffe"):
        answer = await post(shared, account, body_of(prompt=prompt, params={"negative_prompt": prompt}))
        assert await prompt_in(shared, answer) == prompt
        assert task_of(await shared.ended(account, TaskId(answer.json()["id"])))["status"] == "succeeded"
