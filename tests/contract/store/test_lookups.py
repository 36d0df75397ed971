"""What the console looks for, on both databases: searches that go so far and say so, the ledger page by page, spend."""

from collections import Counter
from dataclasses import replace

import pytest

from contract.store.rows import PRICE, Rows
from reelway.clock import new_id
from reelway.domain import decide
from reelway.domain.events import event_of
from reelway.domain.generation import Generation, Mode, Shot, generation_text
from reelway.domain.ids import KeyId, TaskId, TransferId
from reelway.domain.ledger import adjust
from reelway.domain.lookups import LedgerFilter, LedgerPlace, TaskSearch
from reelway.domain.task import PublicStatus, State, Task
from reelway.store import lookups
from reelway.store.store import Store

pytestmark = pytest.mark.anyio
_DAY_US = 86_400 * 1_000_000


def about(prompt: str, *shots: str) -> str:
    parts = tuple(Shot(shot, 2) for shot in shots)
    return generation_text(Generation("kling-3-0", prompt, 5, "16:9", Mode.STD, shots=parts))


def ids(tasks: tuple[Task, ...]) -> list[TaskId]:
    return [task.id for task in tasks]


async def test_pages_follow_each_other_newest_first_without_gaps(store: Store, rows: Rows) -> None:
    account = await rows.account()
    made = [(await rows.created(account)).id for _ in range(7)]
    await rows.created(await rows.account())
    found: list[TaskId] = []
    wanted = TaskSearch(account, 3)
    while True:
        page = await store.lookups.tasks(wanted)
        found += ids(page.tasks)
        if page.before is None:
            break
        wanted = replace(wanted, before=page.before)
    assert found == made[::-1]


async def test_every_filter_leaves_out_what_it_should(store: Store, rows: Rows) -> None:
    account = await rows.account()
    queued = await rows.created(account, model="kling-v1", dialect="kling")
    running = await rows.in_state(account, State.RUNNING)
    done = await rows.in_state(account, State.SUCCEEDED)
    failed = await rows.in_state(account, State.EXPIRED)
    others = {
        "queued": TaskSearch(account, 9, status=PublicStatus.QUEUED),
        "running": TaskSearch(account, 9, status=PublicStatus.PROCESSING),
        "done": TaskSearch(account, 9, status=PublicStatus.SUCCEEDED),
        "failed": TaskSearch(account, 9, status=PublicStatus.FAILED),
        "model": TaskSearch(account, 9, model="kling-v1"),
        "dialect": TaskSearch(account, 9, dialect="kling"),
        "everywhere": TaskSearch(None, 9),
        "tomorrow": TaskSearch(account, 9, since_us=done.created_at_us + _DAY_US),
        "yesterday": TaskSearch(account, 9, until_us=queued.created_at_us - _DAY_US),
        "today": TaskSearch(
            account, 9, since_us=queued.created_at_us - _DAY_US, until_us=failed.created_at_us + _DAY_US
        ),
    }
    found = {name: ids((await store.lookups.tasks(wanted)).tasks) for name, wanted in others.items()}
    everything = [failed.id, done.id, running.id, queued.id]
    assert found == {
        "queued": [queued.id],
        "running": [running.id],
        "done": [done.id],
        "failed": [failed.id],
        "model": [queued.id],
        "dialect": [queued.id],
        "everywhere": everything,
        "tomorrow": [],
        "yesterday": [],
        "today": everything,
    }


async def test_deleted_tasks_are_not_found(store: Store, rows: Rows) -> None:
    account = await rows.account()
    task = await rows.in_state(account, State.CANCELLED, generation=about("gone"))
    assert await store.apply(decide.deleted(task, rows.clock.now_us()))
    for wanted in (TaskSearch(account, 9), TaskSearch(account, 9, text="gone"), TaskSearch(None, 9)):
        assert (await store.lookups.tasks(wanted)).tasks == ()


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("lighthouse", True),
        ("LIGHTHOUSE in", True),
        ('a "storm"', True),
        ("100%", True),
        ("_", True),
        ("back\\slash", True),
        ("طوفان", True),
        ("äpfel", True),
        ("ПРИВЕТ", True),
        ("duration_s", False),
        ("prompt", False),
        ("100_", False),
        ("%", True),
        ("zebra", False),
    ],
)
async def test_a_text_is_found_in_prompts_and_nowhere_else(store: Store, rows: Rows, text: str, is_found: bool) -> None:
    account = await rows.account()
    prompt = 'A Lighthouse in a "storm", 100% wet_ back\\slash طوفان Äpfel привет'
    task = await rows.created(account, generation=about(prompt))
    await rows.created(account, generation=about("something else"))
    found = await store.lookups.tasks(TaskSearch(account, 9, text=text))
    assert ids(found.tasks) == ([task.id] if is_found else [])


async def test_a_text_is_found_in_the_prompt_of_a_shot(store: Store, rows: Rows) -> None:
    account = await rows.account()
    task = await rows.created(account, generation=about("", "a door opens", "a cat walks in"))
    assert ids((await store.lookups.tasks(TaskSearch(account, 9, text="cat walks"))).tasks) == [task.id]


async def test_a_callers_own_ids_are_found(store: Store, rows: Rows) -> None:
    account, stranger = await rows.account(), await rows.account()
    first = await rows.created(account, client_request_id="order-1")
    second = await rows.created(account, external_task_id="order-1")
    foreign = await rows.created(stranger, client_request_id="order-1")
    assert ids((await store.lookups.tasks(TaskSearch(account, 9, own_id="order-1"))).tasks) == [second.id, first.id]
    found = await store.lookups.tasks(TaskSearch(None, 9, own_id="order-1"))
    assert ids(found.tasks) == [foreign.id, second.id, first.id]


async def test_an_own_id_is_found_however_old_the_task_is(
    store: Store, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "LOOKED_AT_MAX", 2)
    account = await rows.account()
    named = await rows.created(account, client_request_id="order-1")
    outside = await rows.created(account, external_task_id="ext-1")
    for _ in range(4):
        await rows.created(account)
    for seen_by in (account, None):
        for own_id, task in (("order-1", named), ("ext-1", outside)):
            found = await store.lookups.tasks(TaskSearch(seen_by, 9, own_id=own_id))
            assert (ids(found.tasks), found.is_cut) == ([task.id], False)


async def test_a_search_goes_so_far_back_and_says_where_to_go_on(
    store: Store, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "LOOKED_AT_MAX", 4)
    account = await rows.account()
    oldest = await rows.created(account, generation=about("the needle"))
    for _ in range(6):
        await rows.created(account)
    first = await store.lookups.tasks(TaskSearch(account, 3, text="needle"))
    assert (first.tasks, first.is_cut) == ((), True)
    second = await store.lookups.tasks(TaskSearch(account, 3, text="needle", before=first.before))
    assert ids(second.tasks) == [oldest.id]


async def test_so_many_prompts_are_read_and_the_search_says_where_to_go_on(
    store: Store, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "PROMPTS_READ_MAX", 2)
    account = await rows.account()
    oldest = await rows.created(account, generation=about("a prompt about a prompt"))
    for _ in range(3):
        await rows.created(account, generation=about("nothing"))
    found, wanted = [], TaskSearch(account, 3, text="prompt")
    for _ in range(5):
        page = await store.lookups.tasks(wanted)
        found += ids(page.tasks)
        if page.before is None:
            break
        wanted = replace(wanted, before=page.before)
    assert found == [oldest.id]


# --- a task's past ----------------------------------------------------------------------------------------------------


async def test_a_tasks_events_and_money_are_found(store: Store, rows: Rows) -> None:
    account = await rows.account()
    task = await rows.in_state(account, State.SUCCEEDED)
    events = await store.lookups.events(task.id)
    assert [event.sequence for event in events] == [1, 2, 3]
    assert events[-1].id == event_of(task).id
    kinds = [transfer.kind.value for transfer in await store.lookups.transfers(task.id)]
    assert kinds == ["reserve", "settle"]


# --- the ledger -------------------------------------------------------------------------------------------------------


async def test_each_row_shows_the_balance_after_it(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000)
    await rows.in_state(account, State.SUCCEEDED)
    await rows.in_state(account, State.EXPIRED)
    await rows.created(account)
    move = adjust(TransferId(new_id("tr", rows.clock.now_us())), account, -10, "a mistake", rows.clock.now_us())
    assert await store.move_credits(move)
    found = await store.lookups.ledger(LedgerFilter(account, 50), None)
    shown = [(row.transfer.kind.value, row.after.available_credits, row.after.pending_credits) for row in found]
    assert shown[::-1] == [
        ("grant", 1_000, 0),
        ("reserve", 1_000 - PRICE, PRICE),
        ("settle", 1_000 - PRICE, 0),
        ("reserve", 1_000 - 2 * PRICE, PRICE),
        ("release", 1_000 - PRICE, 0),
        ("reserve", 1_000 - 2 * PRICE, PRICE),
        ("adjust", 990 - 2 * PRICE, PRICE),
    ]


@pytest.mark.parametrize("is_balance_known", [True, False])
async def test_a_later_page_shows_the_same_balances(store: Store, rows: Rows, is_balance_known: bool) -> None:
    account = await rows.account(1_000)
    for _ in range(3):
        await rows.in_state(account, State.SUCCEEDED)
    whole = list(await store.lookups.ledger(LedgerFilter(account, 50), None))
    found, wanted, balance = [], LedgerFilter(account, 2), None
    while True:
        page = await store.lookups.ledger(wanted, balance if is_balance_known else None)
        found += page[:2]
        if len(page) < 3:
            break
        last = page[1].transfer
        wanted, balance = replace(wanted, before=LedgerPlace(last.created_at_us, last.id)), page[2].after
    assert found == whole


async def test_spend_is_what_was_charged_by_day_model_and_key(store: Store, rows: Rows) -> None:
    account = await rows.account()
    keys = [KeyId("key_a"), KeyId("key_b")]
    for key_id in (keys[0], keys[0], keys[1]):
        await rows.in_state(account, State.SUCCEEDED, key_id=key_id, model="kling-v1")
    await rows.in_state(account, State.EXPIRED, key_id=keys[0])
    rows.clock.advance(86_400)
    await rows.in_state(account, State.SUCCEEDED, key_id=keys[1], model="kling-v1-6")
    now_us = rows.clock.now_us()
    found = await store.lookups.spend(account, 0, now_us)
    today = now_us // _DAY_US
    assert Counter({(row.day, row.model, row.key_id): (row.credits, row.videos) for row in found}) == {
        (today - 1, "kling-v1", keys[0]): (2 * PRICE, 2),
        (today - 1, "kling-v1", keys[1]): (PRICE, 1),
        (today, "kling-v1-6", keys[1]): (PRICE, 1),
    }
    assert await store.lookups.spend(account, 0, (today - 1) * _DAY_US) == []
