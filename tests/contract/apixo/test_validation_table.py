"""The table of section 6.3, row by row: each rule broken alone gives exactly its text, and the good values pass."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.apixo.wire import (
    END_URL,
    HOOK_URL,
    PROMPT,
    START_URL,
    TURBO,
    path_of,
    post,
    problems_of,
    request,
    task_id_of,
    with_images,
)
from reelway.domain.generation import Generation, Mode, generation_of
from reelway.domain.ids import TaskId
from support.gateway import CREDITS, Account, TestGateway, running_gateway

pytestmark = pytest.mark.anyio

HOOK: dict[str, Any] = {"request_type": "callback", "callback_url": HOOK_URL}
NOT_TEXTS: list[Any] = [5, 0.5, True, False, [], {}, ["x"], {"en": "x"}]
LONG_URL = "https://cdn.example.com/"
BAD_URLS: list[Any] = [
    *NOT_TEXTS,
    "",
    "x.png",
    "http://cdn.example.com/x.png",
    "ftp://cdn.example.com/x.png",
    "file:///etc/passwd",
    "data:image/png;base64,AAAA",
    "https://",
    "https://user:word@cdn.example.com/x.png",
    "https://cdn.example.com/x.png#part",
    "https://LOCALHOST./x.png",
    "https://a.localhost/x.png",
    "https://printer.local/x.png",
    "https://api.internal/x.png",
    "https://box.home.arpa/x.png",
    "https://intranet/x.png",
    "https://127.0.0.1/x.png",
    "https://2130706433/x.png",
    "https://10.0.0.1/x.png",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/x.png",
    "https://0.0.0.0/x.png",
    "https://224.0.0.1/x.png",
    "https://[::1]/x.png",
    "https://[fd00::1]/x.png",
    "https://[::ffff:10.0.0.1]/x.png",
    LONG_URL + "x" * (2049 - len(LONG_URL)),
]

A5 = "Invalid value for request_type: must be one of async, callback"
A6 = "Missing required field: callback_url"
A7 = "Invalid value for callback_url: must be a public https URL"
A8 = "Invalid value for provider: must be one of auto, value, official"
A10 = "Invalid value for source: must be a string"
A11 = "Missing required field: input"
A12 = "Invalid value for input: must be an object"
A13 = "Invalid value for input.mode: must be one of text-to-video, image-to-video"
A14 = "Missing required field: input.prompt"
A15 = "Invalid value for input.prompt: must be a string"
A16 = "Invalid value for input.prompt: must not be empty"
A17 = "Invalid value for input.prompt: at most 2500 characters"
A18 = "Invalid value for input.duration: must be 5 or 10"
A19 = "Missing required field: input.image_urls"
A20 = "Invalid value for input.image_urls: must be an array of 1 or 2 URLs"
A21 = "Invalid value for input.image_urls[{}]: must be a public https URL"
A22 = "Invalid value for input.image_urls: not allowed in text-to-video"
A23 = "Invalid value for input.aspect_ratio: must be one of 16:9, 9:16, 1:1"
A24 = "Invalid value for input.negative_prompt: must be a string of at most 2500 characters"
A25 = "Invalid value for input.cfg_scale: must be a number from 0 to 1"

# Each row: the rule, its text, and requests that break nothing else.
ROWS: dict[str, tuple[str, list[Any]]] = {
    "a05": (A5, [request({"request_type": value}) for value in ("", "sync", "Async", "poll", *NOT_TEXTS)]),
    "a06": (A6, [request({"request_type": "callback"} | more) for more in ({}, {"callback_url": None})]),
    "a07": (
        A7,
        [
            request({"request_type": request_type, "callback_url": url})
            for url in BAD_URLS
            for request_type in ("callback", "async", None, ...)
        ],
    ),
    "a08": (
        A8,
        [request({"provider": value}) for value in ("", "cheap", "Auto", "embedded", "preview", "paid", *NOT_TEXTS)],
    ),
    "a10": (A10, [request({"source": value}) for value in NOT_TEXTS]),
    "a11": (A11, [{}, request({"input": ...}), HOOK, {"provider": "auto", "source": "x"}]),
    "a12": (A12, [request({"input": value}) for value in (None, "", "x", 5, True, [], [{"prompt": PROMPT}])]),
    "a13": (A13, [request(mode=value) for value in ("", "video-to-video", "std", "Text-To-Video", *NOT_TEXTS)]),
    "a14": (A14, [request(prompt=...)]),
    "a15": (A15, [request(prompt=value) for value in (None, *NOT_TEXTS)]),
    "a16": (A16, [request(prompt=value) for value in ("", " ", " \n\t", "\u00a0\u3000")]),
    "a17": (A17, [request(prompt=value) for value in ("x" * 2501, "ک" * 2501, "😀" * 2501, "x" + " " * 2500)]),
    "a18": (
        A18,
        [
            request(duration=value)
            for value in (
                0,
                4,
                6,
                15,
                -5,
                5.5,
                1e300,
                10**40,
                "",
                "6",
                "5.0",
                "05",
                " 5",
                "5s",
                True,
                False,
                [],
                {},
                [5],
            )
        ],
    ),
    "a19": (
        A19,
        [
            request(mode="image-to-video"),
            with_images(),
            request(mode="image-to-video", image_urls=None),
        ],
    ),
    "a20": (
        A20,
        [
            *(
                request(mode=mode, image_urls=value)
                for mode in ("image-to-video", "text-to-video", ...)
                for value in (START_URL, "", 5, 0, True, False, {}, {"0": START_URL})
            ),
            with_images(START_URL, END_URL, START_URL),
            with_images(*[START_URL] * 1000),
        ],
    ),
    "a21": (A21.format(0), [with_images(url) for url in (None, *BAD_URLS)]),
    "a21-second": (A21.format(1), [with_images(START_URL, url) for url in (None, *BAD_URLS)]),
    "a22": (
        A22,
        [
            request(mode=mode, image_urls=urls)
            for mode in ("text-to-video", None, ...)
            for urls in ([START_URL], [START_URL, END_URL])
        ],
    ),
    "a23": (
        A23,
        [
            *(request(aspect_ratio=value) for value in ("", "4:3", "16/9", "auto", *NOT_TEXTS)),
            with_images(START_URL, aspect_ratio="4:3"),
        ],
    ),
    "a24": (A24, [request(negative_prompt=value) for value in ("x" * 2501, "😀" * 2501, *NOT_TEXTS)]),
    "a25": (
        A25,
        [
            request(cfg_scale=value)
            for value in (-0.1, 1.1, -1, 2, 10**40, 1e300, "0.5", "", True, False, [], {}, [0.5])
        ],
    ),
    "a26": ("Unknown field: input.seed", [request(seed=value) for value in (None, 5, "x")]),
    "a26-sound": ("Unknown field: input.sound", [request(sound=True)]),
    "a26-empty": ("Unknown field: input.", [request(**{"": 5})]),
    "a26-urdu": ("Unknown field: input.مدت", [request(مدت=5)]),
    "a27": ("Unknown field: priority", [request({"priority": value}) for value in (None, 5, "x")]),
    "a27-model": ("Unknown field: model", [request({"model": TURBO})]),
    "a27-prompt": ("Unknown field: prompt", [request({"prompt": PROMPT})]),
}


@pytest.fixture(scope="module")
async def visitor(shared: TestGateway) -> AsyncIterator[Account]:
    """An account that is always turned away: in the end it has all its credits."""
    account = await shared.account()
    yield account
    assert await shared.available_credits(account) == CREDITS


@pytest.mark.parametrize("row", ROWS)
async def test_6_3_a_rule_broken_alone_gives_its_text(shared: TestGateway, visitor: Account, row: str) -> None:
    text, bodies = ROWS[row]
    for body in bodies:
        assert problems_of(await post(shared, visitor, body)) == [text], body


# --- rules about the request as a whole -------------------------------------------------------------------------------


async def send(
    gateway: TestGateway, account: Account, raw: bytes, media_type: str | None = "application/json", **more: str
) -> httpx.Response:
    headers = account.headers | ({} if media_type is None else {"Content-Type": media_type}) | more
    return await gateway.http.post(path_of(), content=raw, headers=headers)


GOOD = json.dumps(request()).encode()


@pytest.mark.parametrize(
    "media_type", [None, "", "text/plain", "application/jsonx", "text/json", "multipart/form-data"]
)
async def test_a1_another_media_type(shared: TestGateway, visitor: Account, media_type: str | None) -> None:
    for raw in (GOOD, b"{", b""):
        answer = await send(shared, visitor, raw, media_type, **{"Idempotency-Key": "x" * 256})
        assert problems_of(answer) == ["Content-Type must be application/json"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"nul",
        b"{'input': {}}",
        b'{"input":{},}',
        b'{"input":{"cfg_scale":NaN}}',
        b'{"input":{"cfg_scale":Infinity}}',
        b'{"input":{"cfg_scale":-Infinity}}',
        b'{"input":{"cfg_scale":1e999}}',
        b'{"input":{"prompt":"\xff"}}',
        b'{"input":{"prompt":"\\ud800"}}',
        b'{"input":{"prompt":"a","prompt":"b"}}',
        GOOD + GOOD,
    ],
)
async def test_a2_a_body_that_is_not_json(shared: TestGateway, visitor: Account, raw: bytes) -> None:
    answer = await send(shared, visitor, raw, **{"Idempotency-Key": "x" * 256})
    assert problems_of(answer) == ["Body is not valid JSON"]


@pytest.mark.parametrize("raw", [b"[]", b"5", b'"text"', b"null", b"true", b"[" + GOOD + b"]"])
async def test_a3_a_body_that_is_no_object(shared: TestGateway, visitor: Account, raw: bytes) -> None:
    answer = await send(shared, visitor, raw, **{"Idempotency-Key": "x" * 256})
    assert problems_of(answer) == ["Body must be a JSON object"]


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
async def test_a4_an_idempotency_key_that_is_none(shared: TestGateway, visitor: Account, key: str) -> None:
    for body in (request(), request(prompt="")):
        answer = await post(shared, visitor, body, **{"Idempotency-Key": key})
        assert problems_of(answer) == ["Invalid Idempotency-Key: must be 1 to 255 printable ASCII characters"]


# --- good values ------------------------------------------------------------------------------------------------------


async def generation_made(
    gateway: TestGateway, account: Account, body: Any, model: str = TURBO
) -> tuple[Generation, int]:
    """What was made of a request, and its price."""
    task = await gateway.task(TaskId(task_id_of(await post(gateway, account, body, model))))
    assert (task.dialect, task.wire_model) == ("apixo", model)
    return generation_of(task.generation), task.price_credits


async def test_6_2_the_smallest_request_takes_every_default(shared: TestGateway, account: Account) -> None:
    expected = Generation("kling-v2-5-turbo-pro", PROMPT, 5, "16:9", Mode.PRO)
    nulls = dict.fromkeys(("mode", "duration", "image_urls", "aspect_ratio", "negative_prompt", "cfg_scale"))
    tops = dict.fromkeys(("request_type", "callback_url", "provider", "source"))
    for body in (
        request(),
        request(tops, **nulls),
        request({"request_type": "async", "provider": "auto"}, mode="text-to-video", image_urls=[], negative_prompt=""),
    ):
        assert await generation_made(shared, account, body) == (expected, 42)


async def test_6_2_good_values_arrive_as_they_are(shared: TestGateway, account: Account) -> None:
    for value, duration_s in ((5, 5), (10, 10), ("5", 5), ("10", 10), (5.0, 5), (10.0, 10)):
        assert (await generation_made(shared, account, request(duration=value)))[0].duration_s == duration_s
    for ratio in ("16:9", "9:16", "1:1"):
        assert (await generation_made(shared, account, request(aspect_ratio=ratio)))[0].aspect_ratio == ratio
    for scale in (0, 0.0, 0.37, 1, 1.0):
        assert (await generation_made(shared, account, request(cfg_scale=scale)))[0].cfg_scale == scale
    for text in ("x", " ", "x" * 2500, "😀" * 2500):
        assert (await generation_made(shared, account, request(negative_prompt=text)))[0].negative_prompt == text
    for text in ("x", " x ", "x" * 2500, "😀" * 2500, "a\0b"):
        assert (await generation_made(shared, account, request(prompt=text)))[0].prompt == text


async def test_6_2_images_become_frames_and_the_aspect_ratio_loses_its_effect(
    shared: TestGateway, account: Account
) -> None:
    found, _ = await generation_made(shared, account, with_images(START_URL, aspect_ratio="9:16"))
    assert found.start_frame is not None
    assert (found.start_frame.url, found.last_frame, found.aspect_ratio) == (START_URL, None, "16:9")
    found, _ = await generation_made(shared, account, with_images(START_URL, END_URL))
    assert found.start_frame is not None
    assert found.last_frame is not None
    assert (found.start_frame.url, found.last_frame.url) == (START_URL, END_URL)


async def test_11_the_price_follows_the_units(shared: TestGateway, account: Account) -> None:
    assert (await generation_made(shared, account, request(duration=5)))[1] == 42
    assert (await generation_made(shared, account, request(duration=10)))[1] == 84


# Contract 2 and 6.2: mode, durations and prompt length of each name, and its price for 5 s (Kling contract, 14).
MODELS = {
    "kling-2-5-turbo-pro": ("kling-v2-5-turbo-pro", Mode.PRO, "5 or 10", 2500, 42),
    "kling-2-6": ("kling-2-6", Mode.PRO, "5 or 10", 2500, 55),
    "kling-2-1": ("kling-v2-1", Mode.STD, "5 or 10", 2500, 32),
    "kling-3-0-std": ("kling-3-0", Mode.STD, "3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 or 15", 2000, 68),
}


@pytest.mark.parametrize("model", MODELS)
async def test_6_2_every_name_stands_for_its_card_and_mode(shared: TestGateway, account: Account, model: str) -> None:
    card, mode, durations, prompt_max, price = MODELS[model]
    body = with_images(START_URL, END_URL, prompt="x" * prompt_max, negative_prompt="x" * 2500, cfg_scale=0.7)
    found, price_credits = await generation_made(shared, account, body, model)
    assert (found.model, found.mode, found.duration_s, price_credits) == (card, mode, 5, price)
    assert (found.cfg_scale, len(found.negative_prompt)) == (0.7, 2500)
    answer = await post(shared, account, request(prompt="x" * (prompt_max + 1), duration=16), model)
    assert problems_of(answer) == [
        f"Invalid value for input.prompt: at most {prompt_max} characters",
        f"Invalid value for input.duration: must be {durations}",
    ]


async def test_9_a_callback_is_kept_with_its_policy_only_where_it_is_asked_for(
    shared: TestGateway, account: Account
) -> None:
    task = await shared.task(TaskId(task_id_of(await post(shared, account, request(HOOK)))))
    assert (task.callback_url, task.callback_policy) == (HOOK_URL, "exactly_200")
    body = request({"request_type": "async", "callback_url": HOOK_URL})
    task = await shared.task(TaskId(task_id_of(await post(shared, account, body))))
    assert (task.callback_url, task.callback_policy) == (None, None)


async def test_1_4_the_operator_may_allow_private_callbacks_and_images_stay_public(tmp_path: Path) -> None:
    private = "http://127.0.0.1:9000/hook"
    async with running_gateway(tmp_path, dangerous_allow_private_callbacks=True) as gateway:
        owner = await gateway.account()
        answer = await post(gateway, owner, request({"request_type": "callback", "callback_url": private}))
        assert (await gateway.task(TaskId(task_id_of(answer)))).callback_url == private
        for url in ("http://user@127.0.0.1/", "http://127.0.0.1/#x", "ftp://127.0.0.1/", "http://127.0.0.1:99999/"):
            body = request({"request_type": "callback", "callback_url": url})
            assert problems_of(await post(gateway, owner, body)) == [A7]
        assert problems_of(await post(gateway, owner, with_images(private))) == [A21.format(0)]
