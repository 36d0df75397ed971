"""O1 to O16, each broken alone, and every two of them together: the first in the contract's order is told. 7.4."""

import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from contract.openai_videos.wire import IMAGE_URL, KLING_3, TURBO, VIDEOS, data_url, error_of, get
from reelway.catalog import load_catalog
from reelway.domain.generation import Mode
from support.gateway import Account, TestGateway, running_gateway
from support.media import image_bytes, video_bytes
from support.provider import EVERYTHING, ScriptedProvider, scripted_offer

pytestmark = pytest.mark.anyio

Told = tuple[int, str, str | None]
PNG = image_bytes("PNG")
GIF = image_bytes("GIF")
JSON = "application/json"
START = {"image_url": IMAGE_URL}


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule: what it changes of a good request, and what is told of it. `rank` is its place in the order."""

    rank: float
    told: Told
    body: dict[str, Any] = field(default_factory=dict)
    raw: bytes | None = None
    media_type: str = JSON
    key: str | None = None
    model: str | None = None
    """The rule concerns this model only."""


def value(code: str, name: str, status: int = 400) -> Told:
    return (status, code, name)


FAULTS = {
    "O1 other media type": Fault(1, (400, "invalid_content_type", None), media_type="text/plain"),
    "O1 no media type": Fault(1, (400, "invalid_content_type", None), media_type=""),
    "O1 multipart without a boundary": Fault(1, (400, "invalid_content_type", None), media_type="multipart/form-data"),
    "O2 broken JSON": Fault(2, (400, "invalid_body", None), raw=b'{"prompt": '),
    "O2 not an object": Fault(2, (400, "invalid_body", None), raw=b'["prompt"]'),
    "O2 null": Fault(2, (400, "invalid_body", None), raw=b"null"),
    "O2 empty": Fault(2, (400, "invalid_body", None), raw=b""),
    "O2 a key twice": Fault(2, (400, "invalid_body", None), raw=b'{"prompt": "a", "prompt": "b"}'),
    "O2 bad UTF-8": Fault(2, (400, "invalid_body", None), raw=b'{"prompt": "\xff"}'),
    "O3 empty key": Fault(3, value("invalid_value", "Idempotency-Key"), key=""),
    "O3 long key": Fault(3, value("invalid_value", "Idempotency-Key"), key="k" * 256),
    "O3 key of other characters": Fault(3, value("invalid_value", "Idempotency-Key"), key="a\tb"),
    "O4 unknown model": Fault(4, value("model_not_found", "model", 404), {"model": "sora-9"}),
    "O4 empty model": Fault(4, value("model_not_found", "model", 404), {"model": ""}),
    "O4 a number as model": Fault(4, value("invalid_type", "model"), {"model": 3}),
    "O5 no prompt": Fault(5, value("missing_required_parameter", "prompt"), {"prompt": ...}),
    "O5 null prompt": Fault(5, value("missing_required_parameter", "prompt"), {"prompt": None}),
    "O6 a number as prompt": Fault(6, value("invalid_type", "prompt"), {"prompt": 5}),
    "O6 a list as prompt": Fault(6, value("invalid_type", "prompt"), {"prompt": ["a"]}),
    "O7 empty prompt": Fault(7, value("invalid_value", "prompt"), {"prompt": ""}),
    "O7 blank prompt": Fault(7, value("invalid_value", "prompt"), {"prompt": " \n\t\u3000"}),
    "O8 long prompt": Fault(8, value("string_above_max_length", "prompt"), {"prompt": "x" * 2501}),
    "O8 long prompt for its model": Fault(
        8, value("string_above_max_length", "prompt"), {"prompt": "é" * 2001}, model=KLING_3
    ),
    "O9 other seconds": Fault(9, value("invalid_value", "seconds"), {"seconds": "16"}),
    "O9 seconds of another model": Fault(9, value("invalid_value", "seconds"), {"seconds": "7"}, model=TURBO),
    "O9 a fraction": Fault(9, value("invalid_value", "seconds"), {"seconds": 5.5}),
    "O9 a text that is no number": Fault(9, value("invalid_value", "seconds"), {"seconds": "05"}),
    "O9 a boolean as seconds": Fault(9, value("invalid_value", "seconds"), {"seconds": True}),
    "O9 a list as seconds": Fault(9, value("invalid_value", "seconds"), {"seconds": ["5"]}),
    "O10 other size": Fault(10, value("invalid_value", "size"), {"size": "640x480"}),
    "O10 a number as size": Fault(10, value("invalid_value", "size"), {"size": 1280}),
    "O10 a list as size": Fault(10, value("invalid_value", "size"), {"size": ["1280x720"]}),
    "O11 a text as reference": Fault(11, value("invalid_type", "input_reference"), {"input_reference": IMAGE_URL}),
    "O11 an empty object": Fault(11, value("invalid_value", "input_reference"), {"input_reference": {}}),
    "O11 only nulls": Fault(11, value("invalid_value", "input_reference"), {"input_reference": {"image_url": None}}),
    "O11 an unknown key": Fault(
        11, value("invalid_value", "input_reference"), {"input_reference": START | {"detail": "high"}}
    ),
    "O11 both keys": Fault(
        11,
        value("invalid_value", "input_reference"),
        {"input_reference": START | {"file_id": "file_01KB2R8T4NQ6V0X3Z5A7C9E1G5"}},
    ),
    "O11 a number as address": Fault(
        11, value("invalid_type", "input_reference"), {"input_reference": {"image_url": 1}}
    ),
    "O11 http": Fault(
        11,
        value("invalid_value", "input_reference"),
        {"input_reference": {"image_url": "http://cdn.example.com/a.png"}},
    ),
    "O11 a private address": Fault(
        11, value("invalid_value", "input_reference"), {"input_reference": {"image_url": "https://127.0.0.1/a.png"}}
    ),
    "O11 a long address": Fault(
        11,
        value("invalid_value", "input_reference"),
        {"input_reference": {"image_url": f"{IMAGE_URL}?{'a' * 2048}"}},
    ),
    "O11 a text in a data: URL": Fault(
        11, value("invalid_value", "input_reference"), {"input_reference": {"image_url": "data:text/plain;base64,YQ=="}}
    ),
    "O11 a data: URL without base64": Fault(
        11, value("invalid_value", "input_reference"), {"input_reference": {"image_url": "data:image/png,abc"}}
    ),
    "O11 bad base64": Fault(
        11, value("invalid_value", "input_reference"), {"input_reference": {"image_url": "data:image/png;base64,*"}}
    ),
    "O11 a GIF in a data: URL": Fault(
        11, value("invalid_image", "input_reference"), {"input_reference": {"image_url": data_url(GIF)}}
    ),
    "O11 an empty data: URL": Fault(
        11, value("invalid_image", "input_reference"), {"input_reference": {"image_url": data_url(b"")}}
    ),
    "O11 a large data: URL": Fault(
        11,
        value("file_too_large", "input_reference", 413),
        {"input_reference": {"image_url": data_url(bytes(10 * 1024 * 1024 + 1))}},
    ),
    "O11 no such file": Fault(
        11,
        value("file_not_found", "input_reference"),
        {"input_reference": {"file_id": "file_01KB2R8T4NQ6V0X3Z5A7C9E1G5"}},
    ),
    "O11 no file id": Fault(11, value("file_not_found", "input_reference"), {"input_reference": {"file_id": "\x00"}}),
    "O11 a number as file id": Fault(11, value("invalid_type", "input_reference"), {"input_reference": {"file_id": 7}}),
    "O11 the last frame": Fault(
        11.5, value("invalid_value", "last_frame"), {"last_frame": {"image_url": "http://cdn.example.com/a.png"}}
    ),
    "O12 a last frame alone": Fault(12, value("invalid_value", "last_frame"), {"last_frame": START}),
    "O12 a last frame with shots": Fault(
        12,
        value("invalid_value", "last_frame"),
        {"input_reference": START, "last_frame": START, "multi_shots": True},
    ),
    "O13 no last frame on the card": Fault(
        13,
        value("unsupported_parameter", "last_frame"),
        {"input_reference": START, "last_frame": START},
        model="kling-v2-master",
    ),
    "O13 negative_prompt": Fault(
        13.1, value("unsupported_parameter", "negative_prompt"), {"negative_prompt": "rain"}, model=KLING_3
    ),
    "O13 cfg_scale": Fault(13.2, value("unsupported_parameter", "cfg_scale"), {"cfg_scale": 0.5}, model=KLING_3),
    "O13 cfg_scale of a bad type": Fault(
        13.2, value("unsupported_parameter", "cfg_scale"), {"cfg_scale": "a"}, model=KLING_3
    ),
    "O13 sound": Fault(13.3, value("unsupported_parameter", "sound"), {"sound": False}, model=TURBO),
    "O13 multi_shots": Fault(13.4, value("unsupported_parameter", "multi_shots"), {"multi_shots": True}, model=TURBO),
    "O14 negative_prompt": Fault(14.1, value("invalid_type", "negative_prompt"), {"negative_prompt": 5}, model=TURBO),
    "O14 a long negative_prompt": Fault(
        14.1, value("string_above_max_length", "negative_prompt"), {"negative_prompt": "x" * 2501}, model=TURBO
    ),
    "O14 cfg_scale": Fault(14.2, value("invalid_value", "cfg_scale"), {"cfg_scale": 1.01}, model=TURBO),
    "O14 cfg_scale below": Fault(14.2, value("invalid_value", "cfg_scale"), {"cfg_scale": -0.1}, model=TURBO),
    "O14 a text as cfg_scale": Fault(14.2, value("invalid_type", "cfg_scale"), {"cfg_scale": "0.5"}, model=TURBO),
    "O14 a boolean as cfg_scale": Fault(14.2, value("invalid_type", "cfg_scale"), {"cfg_scale": True}, model=TURBO),
    "O14 sound": Fault(14.3, value("invalid_type", "sound"), {"sound": "true"}, model=KLING_3),
    "O14 multi_shots": Fault(14.4, value("invalid_type", "multi_shots"), {"multi_shots": 1}, model=KLING_3),
    "O14 user": Fault(14.5, value("invalid_type", "user"), {"user": 5}),
    "O14 a long user": Fault(14.5, value("string_above_max_length", "user"), {"user": "u" * 257}),
    "O15 n": Fault(15, value("unknown_parameter", "n"), {"n": 1}),
    "O15 style": Fault(15, value("unknown_parameter", "style"), {"style": "natural"}),
    "O15 characters": Fault(15, value("unknown_parameter", "characters"), {"characters": [{"id": "char_1"}]}),
    "O16 size": Fault(16, value("unsupported_value", "size"), {"size": "3840x2160"}),
    "O16 sound": Fault(16.1, value("unsupported_value", "sound"), {"sound": True}, model=KLING_3),
}
"""Each rule of 7.4 by some ways to break it."""


@pytest.fixture(scope="module")
async def narrow(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestGateway]:
    """A gateway whose provider makes neither 4k nor sound, so that O16 can be broken."""
    capability = replace(EVERYTHING, modes=frozenset({Mode.STD, Mode.PRO}), sound=False)
    provider = ScriptedProvider(scripted_offer(load_catalog(), capability=capability), video_bytes())
    folder: Path = tmp_path_factory.mktemp("narrow")
    async with running_gateway(folder, scripted=provider) as gateway:
        yield gateway


@pytest.fixture(scope="module")
async def caller(narrow: TestGateway) -> Account:
    return await narrow.account()


def good_body(model: str | None) -> dict[str, Any]:
    return {"prompt": "A bottle", "seconds": "5", "size": "1280x720"} | ({} if model is None else {"model": model})


async def send(gateway: TestGateway, account: Account, *faults: Fault) -> Told:
    """A good request with these rules broken."""
    model = next((fault.model for fault in faults if fault.model is not None), None)
    body = good_body(model)
    for fault in sorted(faults, key=lambda fault: -fault.rank):  # an earlier rule's field wins
        body |= fault.body
    raw = next((fault.raw for fault in faults if fault.raw is not None), None)
    if raw is None:
        raw = json.dumps({name: item for name, item in body.items() if item is not ...}).encode()
    headers = dict(account.headers)
    media_type = next((fault.media_type for fault in faults if fault.media_type != JSON), JSON)
    if media_type:
        headers["Content-Type"] = media_type
    key = next((fault.key for fault in faults if fault.key is not None), None)
    if key is not None:
        headers["Idempotency-Key"] = key
    answer = await gateway.http.post(VIDEOS, content=raw, headers=headers)
    return error_of(answer)


@pytest.mark.parametrize("name", FAULTS)
async def test_7_4_one_broken_rule_is_told(narrow: TestGateway, caller: Account, name: str) -> None:
    fault = FAULTS[name]
    assert await send(narrow, caller, fault) == fault.told
    assert (await get(narrow, caller)).json()["data"] == []


def pairs() -> list[tuple[str, str]]:
    """Every two rules that can be broken at once: of different places, for the same model, and in different fields."""
    found = []
    for first, second in itertools.combinations(FAULTS, 2):
        one, other = FAULTS[first], FAULTS[second]
        is_same_place = one.rank == other.rank
        models = {fault.model for fault in (one, other) if fault.model is not None}
        is_hidden = bool(one.body.keys() & other.body.keys()) or (one.raw is not None and other.raw is not None)
        names_model = any("model" in fault.body for fault in (one, other)) and models
        is_last_frame = "last_frame" in other.body and "input_reference" in one.body | other.body
        if not (is_same_place or len(models) > 1 or is_hidden or names_model or is_last_frame):
            found.append((first, second))
    return found


def representatives(chosen: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """One pair for every two places of the order: the first that there is."""
    by_places: dict[tuple[float, float], tuple[str, str]] = {}
    for first, second in chosen:
        by_places.setdefault((FAULTS[first].rank, FAULTS[second].rank), (first, second))
    return list(by_places.values())


@pytest.mark.parametrize(("first", "second"), representatives(pairs()))
async def test_7_4_of_two_broken_rules_the_first_in_the_order_is_told(
    narrow: TestGateway, caller: Account, first: str, second: str
) -> None:
    one, other = sorted((FAULTS[first], FAULTS[second]), key=lambda fault: fault.rank)
    assert await send(narrow, caller, one, other) == one.told


async def test_4_3_what_comes_before_the_fields_is_told_before_them(narrow: TestGateway, caller: Account) -> None:
    """The key before the size of the body, that before its type, that before its fields."""
    large = b" " * (16 * 1024 * 1024 + 1)
    bad = {"Authorization": "Bearer wrong", "Content-Type": "text/plain"}
    answer = await narrow.http.post(VIDEOS, content=large, headers=bad)
    assert error_of(answer) == (401, "invalid_api_key", None)
    answer = await narrow.http.post(VIDEOS, content=large, headers=caller.headers | {"Content-Type": "text/plain"})
    assert error_of(answer) == (413, "request_too_large", None)


async def test_4_3_credits_are_looked_at_last(narrow: TestGateway) -> None:
    poor = await narrow.account(credits=0)
    for name in ("O15 n", "O16 size", "O5 no prompt"):
        assert await send(narrow, poor, FAULTS[name]) == FAULTS[name].told
    answer = await narrow.http.post(VIDEOS, json=good_body(None), headers=poor.headers)
    assert error_of(answer) == (429, "insufficient_quota", None)
    assert answer.headers["x-should-retry"] == "false"
    assert "Retry-After" not in answer.headers
