"""Lists: pages of tasks, newest first, over thousands, each exactly once."""

import asyncio

import pytest

from contract.store.rows import Rows
from reelway.domain.ids import AccountId, TaskId
from reelway.domain.records import Page, TaskFilter
from reelway.domain.task import PUBLIC_STATUS, PublicStatus, State, Task
from reelway.store.store import Store

pytestmark = pytest.mark.anyio


async def all_pages(store: Store, account: AccountId | None, limit: int, **wanted: object) -> list[Page]:
    pages: list[Page] = []
    before: TaskId | None = None
    while True:
        page = await store.list_tasks(TaskFilter(account, limit, before, **wanted))  # type: ignore[arg-type]
        pages.append(page)
        if not page.has_more:
            return pages
        before = page.tasks[-1].id


async def made_over_time(rows: Rows, account: AccountId, number: int, **changes: object) -> list[Task]:
    """Tasks whose ids differ in their time, oldest first."""
    news = []
    for _ in range(number):
        rows.clock.advance(0.001)
        news.append(rows.new(account, limit=10**6, price_credits=0, **changes))
    await asyncio.gather(*(rows.store.create_task(new) for new in news))
    return [new.task for new in news]


async def test_thousands_of_tasks_are_listed_newest_first_and_each_once(store: Store, rows: Rows) -> None:
    account, neighbour = await rows.account(), await rows.account()
    made = await made_over_time(rows, account, 1_500)
    await made_over_time(rows, neighbour, 100)
    made += await made_over_time(rows, account, 1_500)
    pages = await all_pages(store, account, 100)
    assert [len(page.tasks) for page in pages] == [100] * 30
    assert [task for page in pages for task in page.tasks] == list(reversed(made))


@pytest.mark.parametrize(("number", "sizes"), [(0, [0]), (1, [1]), (9, [9]), (10, [10]), (11, [10, 1]), (20, [10, 10])])
async def test_the_last_page_knows_that_it_is_the_last(store: Store, rows: Rows, number: int, sizes: list[int]) -> None:
    account = await rows.account()
    await made_over_time(rows, account, number)
    pages = await all_pages(store, account, 10)
    assert [len(page.tasks) for page in pages] == sizes
    assert [page.has_more for page in pages] == [True] * (len(sizes) - 1) + [False]


async def test_what_is_made_while_somebody_turns_pages_does_not_disturb_them(store: Store, rows: Rows) -> None:
    account = await rows.account()
    made = await made_over_time(rows, account, 30)
    first = await store.list_tasks(TaskFilter(account, 10))
    await made_over_time(rows, account, 7)
    rest = await all_pages(store, account, 10) if first.tasks[-1] is None else []
    page = await store.list_tasks(TaskFilter(account, 100, after=first.tasks[-1].id))
    assert rest == []
    assert [*first.tasks, *page.tasks] == list(reversed(made))


async def test_tasks_of_the_same_moment_are_each_listed_once(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000_000)
    made = await rows.many(account, 40)
    pages = await all_pages(store, account, 7)
    assert sorted(task.id for page in pages for task in page.tasks) == sorted(task.id for task in made)


async def test_another_accounts_tasks_are_not_there(store: Store, rows: Rows) -> None:
    account, neighbour = await rows.account(), await rows.account()
    await rows.created(neighbour)
    assert await store.list_tasks(TaskFilter(account, 10)) == Page((), has_more=False)


async def test_an_operator_sees_all_accounts(store: Store, rows: Rows) -> None:
    made = [await rows.created(await rows.account()) for _ in range(3)]
    page = await store.list_tasks(TaskFilter(None, 10))
    assert {task.id for task in page.tasks} == {task.id for task in made}


@pytest.mark.parametrize("status", list(PublicStatus))
async def test_a_list_by_status_shows_every_state_behind_it(store: Store, rows: Rows, status: PublicStatus) -> None:
    account = await rows.account()
    made = [await rows.in_state(account, state) for state in State]
    page = await store.list_tasks(TaskFilter(account, 20, status=status))
    assert {task.id for task in page.tasks} == {task.id for task in made if PUBLIC_STATUS[task.state] is status}


async def test_a_list_by_model_and_by_the_callers_id_is_exact(store: Store, rows: Rows) -> None:
    account = await rows.account()
    mine = await rows.created(account, client_request_id="order-7", model="a")
    await rows.created(account, client_request_id="order-77", model="a")
    await rows.created(account, client_request_id="ORDER-7", model="b")
    await rows.created(account, model="a%")
    page = await store.list_tasks(TaskFilter(account, 10, client_request_id="order-7"))
    assert [task.id for task in page.tasks] == [mine.id]
    assert len((await store.list_tasks(TaskFilter(account, 10, model="a"))).tasks) == 2
    assert (await store.list_tasks(TaskFilter(account, 10, model="b", client_request_id="order-7"))).tasks == ()


async def test_the_callers_id_need_not_be_unique(store: Store, rows: Rows) -> None:
    account = await rows.account()
    for _ in range(3):
        await rows.created(account, client_request_id="order-7")
    assert len((await store.list_tasks(TaskFilter(account, 10, client_request_id="order-7"))).tasks) == 3


async def test_pages_of_a_filtered_list_are_full_while_there_is_more(store: Store, rows: Rows) -> None:
    account = await rows.account()
    for number in range(60):
        await made_over_time(rows, account, 1, model="a" if number % 3 else "b")
    pages = await all_pages(store, account, 8, model="a")
    assert [len(page.tasks) for page in pages] == [8, 8, 8, 8, 8]


async def test_reads_that_arrive_together_each_get_their_own(store: Store, rows: Rows) -> None:
    made = await rows.many(await rows.account(1_000_000), 300)
    missing = [TaskId(f"task_{number:026d}") for number in range(20)]
    found = await asyncio.gather(*(store.task(task_id) for task_id in [*(task.id for task in made), *missing]))
    assert found == [*made, *[None] * 20]
