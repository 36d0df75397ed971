"""The list of tasks: pages, filters, bad values. Section 12.1."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contract.rivya.wire import (
    GENERATIONS,
    KLING_3,
    TURBO,
    assert_task,
    body_of,
    fields_of,
    get,
    listed_ids,
    post,
    problems_of,
    task_of,
)
from reelway.domain.task import State
from support.gateway import Account, TestGateway, running_gateway
from support.staging import in_state, provider_of

pytestmark = pytest.mark.anyio

COUNT = 25
STATUSES = ["queued", "processing", "succeeded", "failed"]


@pytest.fixture(scope="module")
async def shelf(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[TestGateway, Account, list[str]]]:
    """An account with 25 queued tasks, newest first, beside another account with some of its own."""
    async with running_gateway(tmp_path_factory.mktemp("shelf")) as gateway:
        provider_of(gateway).free_slots = 0
        owner, other = await gateway.account(), await gateway.account()
        ids: list[str] = []
        for number in range(COUNT):
            model = KLING_3 if number % 5 == 0 else TURBO
            ids.insert(0, await gateway.created(owner, model=model, client_request_id=f"order-{number % 3}"))
            await gateway.created(other)
            gateway.clock.advance(0.001)
        yield gateway, owner, ids


async def pages(gateway: TestGateway, owner: Account, **query: Any) -> list[dict[str, Any]]:
    """All pages from the first to the last, each in its shape."""
    found = []
    cursor = None
    while True:
        answer = await get(gateway, owner, GENERATIONS, **query, **({} if cursor is None else {"cursor": cursor}))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert list(page) == ["object", "data", "has_more", "next_cursor"]
        assert page["object"] == "list"
        assert page["has_more"] is (page["next_cursor"] is not None)
        for task in page["data"]:
            assert_task(task)
        found.append(page)
        assert len(found) <= COUNT + 1
        if not page["has_more"]:
            return found
        cursor = page["next_cursor"]


@pytest.mark.parametrize(
    ("limit", "sizes"),
    [
        (1, [1] * 25),
        (7, [7, 7, 7, 4]),
        (12, [12, 12, 1]),
        (24, [24, 1]),
        (25, [25]),
        (100, [25]),
        (None, [20, 5]),
    ],
)
async def test_12_1_the_pages_together_are_all_own_tasks_newest_first(
    shelf: tuple[TestGateway, Account, list[str]], limit: int | None, sizes: list[int]
) -> None:
    gateway, owner, ids = shelf
    found = await pages(gateway, owner, **({} if limit is None else {"limit": limit}))
    assert [len(page["data"]) for page in found] == sizes
    assert [task["id"] for page in found for task in page["data"]] == ids
    assert found[-1]["next_cursor"] is None


async def test_12_1_the_cursor_is_that_of_the_contracts_example(shelf: tuple[TestGateway, Account, list[str]]) -> None:
    gateway, owner, ids = shelf
    page = (await get(gateway, owner, GENERATIONS, limit=1)).json()
    assert page["next_cursor"] == "c1_" + ids[0].removeprefix("task_")


async def test_12_1_a_page_stays_the_same_when_new_tasks_come(stage: TestGateway, owner: Account) -> None:
    provider_of(stage).free_slots = 0
    ids: list[str] = []
    for _ in range(4):
        ids.insert(0, await stage.created(owner))
        stage.clock.advance(0.001)
    cursor = (await get(stage, owner, GENERATIONS, limit=2)).json()["next_cursor"]
    await stage.created(owner)
    assert await listed_ids(stage, owner, limit=2, cursor=cursor) == ids[2:]


@pytest.mark.parametrize("model", [TURBO, KLING_3])
@pytest.mark.parametrize("client_request_id", [None, "order-0", "order-2"])
async def test_12_1_filters_hold_on_every_page_and_together(
    shelf: tuple[TestGateway, Account, list[str]], model: str, client_request_id: str | None
) -> None:
    gateway, owner, ids = shelf
    wanted = [
        task_id
        for number, task_id in zip(reversed(range(COUNT)), ids, strict=True)
        if (number % 5 == 0) == (model == KLING_3) and client_request_id in (None, f"order-{number % 3}")
    ]
    query = {} if client_request_id is None else {"client_request_id": client_request_id}
    found = await pages(gateway, owner, limit=3, model=model, status="queued", **query)
    assert [task["id"] for page in found for task in page["data"]] == wanted


async def test_12_1_a_filter_that_fits_nothing_gives_an_empty_page(
    shelf: tuple[TestGateway, Account, list[str]],
) -> None:
    gateway, owner, _ = shelf
    for query in (
        {"status": "failed"},
        {"model": "kling-9"},
        {"client_request_id": "order"},
        {"client_request_id": "ORDER-1"},
        {"client_request_id": "order-_"},
        {"client_request_id": "%"},
    ):
        answer = await get(gateway, owner, GENERATIONS, **query)
        assert answer.json() == {"object": "list", "data": [], "has_more": False, "next_cursor": None}, query


async def test_12_1_the_status_filter_goes_by_the_wire_status(stage: TestGateway, owner: Account) -> None:
    ids: dict[str, list[str]] = {status: [] for status in STATUSES}
    wire = {
        State.SUCCEEDED: "succeeded",
        State.FAILED: "failed",
        State.CANCELLED: "failed",
        State.STORING: "processing",
        State.SUBMITTING: "queued",
        State.RUNNING: "processing",
        State.QUEUED: "queued",
    }
    for state, status in wire.items():
        ids[status].insert(0, await in_state(stage, owner, state))
        stage.clock.advance(0.001)
    for status in STATUSES:
        assert await listed_ids(stage, owner, status=status) == ids[status]
    assert len(await listed_ids(stage, owner)) == len(wire)


CURSOR = "c1_01KB2R8T4NQ6V0X3Z5A7C9E1G3"
BAD: list[tuple[str, Any]] = [
    *(("limit", value) for value in ("", "0", "101", "-1", "1.5", "x", "1e1", "٣", "9" * 30, "\0", " 5")),
    *(("cursor", value) for value in ("", "x", "c1_", CURSOR.lower(), CURSOR + "0", CURSOR[3:], "\0")),
    *(("status", value) for value in ("", "running", "QUEUED", "queued,failed", "cancelled", "\0", "قطار")),
]


@pytest.mark.parametrize(("name", "value"), BAD)
async def test_12_1_a_bad_value_is_refused_at_its_parameter(
    shared: TestGateway, account: Account, name: str, value: str
) -> None:
    (found,) = problems_of(await get(shared, account, GENERATIONS, **{name: value}))
    assert found["field"] == f"query.{name}"
    if name == "status":
        assert found["allowed"] == STATUSES


async def test_12_1_all_bad_values_are_told_at_once(shared: TestGateway, account: Account) -> None:
    answer = await get(shared, account, GENERATIONS, status="x", cursor="x", limit="x", model="x")
    assert fields_of(answer) == ["query.limit", "query.cursor", "query.status"]


async def test_12_1_unknown_parameters_are_ignored(shared: TestGateway, account: Account) -> None:
    task = task_of(await post(shared, account, body_of()), 202)
    assert await listed_ids(shared, account, page="2", Limit="0", foo="") == [task["id"]]


async def test_12_1_the_cursor_of_another_account_shows_nothing_of_it(
    shelf: tuple[TestGateway, Account, list[str]],
) -> None:
    gateway, owner, _ = shelf
    cursor = (await get(gateway, owner, GENERATIONS, limit=1)).json()["next_cursor"]
    stranger = await gateway.account()
    assert await listed_ids(gateway, stranger, cursor=cursor) == []


async def test_12_1_any_text_as_a_filter_gives_an_answer_of_the_contract(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway:
        owner = await gateway.account()
        for value in ("", "\0", "'; DROP TABLE tasks; --", "x" * 5000, "\ud7ff\ue000", "%ff", "😀" * 128):
            for name in ("model", "client_request_id"):
                answer = await get(gateway, owner, GENERATIONS, **{name: value})
                if answer.status_code == 400:
                    assert fields_of(answer) == [f"query.{name}"]
                else:
                    assert answer.json()["data"] == []
        answer = await gateway.http.get(f"{GENERATIONS}?client_request_id=%ff%fe&model=%c3", headers=owner.headers)
        assert answer.json()["data"] == []
