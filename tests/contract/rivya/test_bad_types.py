"""Bad input, field by field: every JSON type in every place gets 202 or the contract's 400 at that very place."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.rivya.wire import (
    BODY_KEYS,
    GENERATIONS,
    ITEM_KEYS,
    KLING_3,
    KLING_3_PARAMS,
    QUOTE,
    TURBO,
    TURBO_PARAMS,
    body_of,
    item,
    post,
    post_raw,
    problems_of,
    task_of,
    with_items,
)
from reelway.catalog import load_catalog
from reelway.dialects.base import ParseContext
from reelway.dialects.rivya.parse import parse_generation
from reelway.wire import strict_json
from support.exchange import raw_exchange
from support.gateway import Account, TestGateway, running_gateway

pytestmark = pytest.mark.anyio

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 5, 5.0, 0.5, 1e-9, 10**18, -(10**40), 10**400, 1e300, -0.0,
    "", " ", "5", "true", "image", "https://cdn.example.com/x.png", "\0", "😀", "ک" * 300, "x" * 3000,
    [], [None], [[]], [1, 2, 3, 4], ["x"], [{}], {}, {"a": 1}, {"": None}, {"url": "x", "kind": "image"},
]  # fmt: skip


@pytest.fixture(scope="module")
async def tireless(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[TestGateway, Account]]:
    """A gateway that takes any number of requests and never works on what it took."""
    folder: Path = tmp_path_factory.mktemp("tireless")
    async with running_gateway(
        folder, roles="api", requests_per_minute_max=10**9, unfinished_tasks_max=10**9
    ) as gateway:
        yield gateway, await gateway.account(10**12)
        assert not await gateway.core.store.unbalanced_accounts()


def is_at(field: str, place: str) -> bool:
    """Whether a problem's field is the place itself or something below it."""
    return field == place or field.startswith((f"{place}.", f"{place}["))


async def judge(gateway: TestGateway, account: Account, body: Any, place: str) -> None:
    """Create and quote agree, and all problems lie at the place where the odd value stands."""
    answer = await post(gateway, account, body)
    quote = await post(gateway, account, body, QUOTE)
    assert quote.status_code == 200, quote.text
    if answer.status_code == 202:
        task_of(answer, 202)
        assert quote.json()["valid"] is True
    else:
        problems = problems_of(answer)
        assert all(is_at(problem["field"], place) for problem in problems), (place, problems)
        assert quote.json()["problems"] == problems


@pytest.mark.parametrize("key", [*BODY_KEYS, "files", "extra"])
async def test_bad_input_every_type_in_every_top_level_field(tireless: tuple[TestGateway, Account], key: str) -> None:
    for value in VALUES:
        await judge(*tireless, body_of(**{key: value}), key)


@pytest.mark.parametrize(
    ("model", "key"),
    [(TURBO, key) for key in [*TURBO_PARAMS, "extra"]] + [(KLING_3, key) for key in [*KLING_3_PARAMS, "cfg_scale"]],
)
async def test_bad_input_every_type_in_every_parameter(
    tireless: tuple[TestGateway, Account], model: str, key: str
) -> None:
    for value in VALUES:
        await judge(*tireless, body_of(model=model, params={key: value}), f"params.{key}")


@pytest.mark.parametrize("key", [*ITEM_KEYS, "extra"])
async def test_bad_input_every_type_in_every_field_of_an_item(tireless: tuple[TestGateway, Account], key: str) -> None:
    for value in VALUES:
        await judge(*tireless, with_items(item(), item() | {key: value}), f"params.referenceMediaItems[1].{key}")


async def test_bad_input_every_type_as_an_item_and_as_the_body(tireless: tuple[TestGateway, Account]) -> None:
    gateway, account = tireless
    for value in VALUES:
        await judge(gateway, account, with_items(value), "params.referenceMediaItems[0]")
        raw = json.dumps(value).encode()
        answer = await post_raw(gateway, account, raw)
        assert answer.status_code == 400
        if not isinstance(value, dict):
            assert [problem["field"] for problem in problems_of(answer)] == ["body"]


# --- a wider search, without HTTP: the translator is pure -------------------------------------------------------------

texts = st.text(max_size=20) | st.sampled_from(
    ["", "5", "10", "16:9", "true", "false", "image", "std", "\0", PNG := "image/png"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))
items = st.dictionaries(st.sampled_from([*ITEM_KEYS, "x"]), scalars, max_size=7)
params = st.dictionaries(
    st.sampled_from([*TURBO_PARAMS, *KLING_3_PARAMS, "x"]), values | st.lists(items | values, max_size=4), max_size=8
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from([TURBO, KLING_3, "kling-v2-1-master", "kling-9"]) | values,
        "prompt": texts | values,
        "params": params | values,
        "client_request_id": values,
        "files": values,
        "x": values,
    },
)


CATALOG = load_catalog()
CONTEXT = ParseContext(
    catalog=CATALOG,
    available_models=frozenset(card.id for card in CATALOG),
    file_base_url="https://gw.example.com/files",
    own_files={},
    holds_duration=lambda _token, _file: False,
    answer_of=lambda _task: pytest.fail("nothing is created here"),
    serves_route=lambda _model, _route: True,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=bodies)
def test_bad_input_any_body_is_a_submission_or_a_list_of_worded_problems(body: Any) -> None:
    submission, problems = parse_generation(body, CONTEXT)
    assert (submission is None) == bool(problems)
    for problem in problems:
        assert isinstance(problem.field, str)
        assert problem.message
    assert strict_json.decode(strict_json.encode(body)) == body
    assert strict_json.fingerprint(body) == strict_json.fingerprint(json.loads(json.dumps(body)))


async def test_bad_input_the_paths_and_queries_of_a_fuzzer_get_the_contracts_answers(
    tireless: tuple[TestGateway, Account],
) -> None:
    gateway, account = tireless
    odd = ["%00", "%ff", "..", "%2e%2e%2f", "a%2Fb", "?", "%", "%zz", "a" * 4000, "%F0%9F%98%80", ";x=1", "task_%0d%0a"]
    for text in odd:
        for path in (
            f"{GENERATIONS}/{text}",
            f"/api/v1/files/{text}",
            f"/api/v1/{text}",
            f"{GENERATIONS}?limit={text}",
        ):
            request = f"GET {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {account.key}\r\n\r\n"
            answer = await raw_exchange(gateway, request.encode())
            assert answer.status_code in (200, 400, 404), (path, answer.text)
            if answer.status_code != 200:
                assert answer.json()["error"]["requestId"] == answer.headers["X-Request-Id"], path
