"""Files, and what is forgotten when its time is over: never the ledger, never what is unfinished."""

from dataclasses import replace

import pytest

from contract.store.rows import Rows
from reelway.domain.ids import FileId
from reelway.domain.media import MediaKind
from reelway.domain.task import FINAL_STATES, State
from reelway.store.files import Deletion, Purge
from reelway.store.store import Store
from unit.builders import US

pytestmark = pytest.mark.anyio

DAY_US = 86_400 * US


def purge(now_us: int, *, events_us: int = 0, tasks_us: int = 0, limit: int = 1_000) -> Purge:
    return Purge(now_us=now_us, events_before_us=events_us, tasks_before_us=tasks_us, limit=limit)


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(MediaKind))
async def test_a_file_is_read_back_as_it_was(store: Store, rows: Rows, kind: MediaKind) -> None:
    account = await rows.account()
    file = rows.file(account, kind=kind)
    if kind is not MediaKind.IMAGE:
        file = replace(file, width=None, height=None, duration_s=5.04)
    await store.add_file(file)
    assert await store.file(file.id) == file
    assert await store.file(FileId("file_none")) is None


async def test_files_whose_time_is_over_are_found_until_their_bytes_are_deleted(store: Store, rows: Rows) -> None:
    account = await rows.account()
    now_us = rows.clock.now_us()
    over = [rows.file(account, expires_at_us=now_us - age) for age in (0, 1, DAY_US)]
    alive = rows.file(account, expires_at_us=now_us + 1)
    for file in (*over, alive):
        await store.add_file(file)
    found = await store.expired_files(now_us, 10)
    assert sorted(file.id for file in found) == sorted(file.id for file in over)
    assert len(await store.expired_files(now_us, 2)) == 2
    await store.note_deletions(Deletion((over[0].id, over[1].id), (), now_us))
    assert [file.id for file in await store.expired_files(now_us, 10)] == [over[2].id]
    gone = await store.file(over[0].id)
    assert gone is not None
    assert gone.deleted_at_us == now_us
    assert not gone.is_live(now_us - 10 * DAY_US)


async def test_results_whose_time_is_over_are_found_until_their_bytes_are_deleted(store: Store, rows: Rows) -> None:
    account = await rows.account()
    done = await rows.in_state(account, State.SUCCEEDED)
    await rows.in_state(account, State.FAILED)
    await rows.in_state(account, State.RUNNING)
    assert done.result_expires_at_us is not None
    end_us = done.result_expires_at_us
    assert await store.expired_results(end_us - 1, 10) == []
    assert await store.expired_results(end_us, 10) == [done.id]
    await store.note_deletions(Deletion((), (done.id,), end_us))
    assert await store.expired_results(end_us + DAY_US, 10) == []
    assert await store.task(done.id) == done, "the record itself does not change"


async def test_what_expired_first_comes_first_and_can_be_passed_over(store: Store, rows: Rows) -> None:
    account = await rows.account()
    done = [await rows.in_state(account, State.SUCCEEDED) for _ in range(3)]
    now_us = rows.clock.now_us() + 1_000 * DAY_US
    assert await store.expired_results(now_us, 2) == [task.id for task in done[:2]]
    assert await store.expired_results(now_us, 2, 2) == [done[2].id]
    files = [rows.file(account, expires_at_us=age) for age in (3, 1, 2)]
    for file in files:
        await store.add_file(file)
    assert [file.expires_at_us for file in await store.expired_files(now_us, 2)] == [1, 2]
    assert [file.expires_at_us for file in await store.expired_files(now_us, 2, 1)] == [2, 3]


# --- rows -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
async def test_an_ended_task_is_forgotten_when_its_time_is_over_and_the_ledger_is_not(
    store: Store, rows: Rows, state: State
) -> None:
    account = await rows.account(1_000)
    task = await rows.in_state(account, state)
    wallet, kinds = rows.wallet(account), rows.kinds(task.id)
    assert task.final_at_us is not None
    assert await store.purge(purge(0, tasks_us=task.final_at_us - 1)) == 0
    assert await store.task(task.id) == task
    if task.result_expires_at_us is not None:
        assert await store.purge(purge(0, tasks_us=task.final_at_us)) == 0, "its bytes still lie there"
        await store.note_deletions(Deletion((), (task.id,), task.final_at_us))
    assert await store.purge(purge(0, tasks_us=task.final_at_us)) == 1
    assert await store.task(task.id) is None
    assert rows.events(task.id) == []
    assert (rows.wallet(account), rows.kinds(task.id)) == (wallet, kinds)
    assert await store.unbalanced_accounts() == []


async def test_what_is_unfinished_is_never_forgotten(store: Store, rows: Rows) -> None:
    account = await rows.account()
    for state in State:
        if state not in FINAL_STATES:
            await rows.in_state(account, state)
    far_us = rows.clock.now_us() + 10_000 * DAY_US
    assert await store.purge(purge(far_us, tasks_us=far_us)) == 0
    assert rows.counts()["tasks"] == 4


async def test_events_are_forgotten_by_their_own_time(store: Store, rows: Rows) -> None:
    account = await rows.account()
    old = await rows.in_state(account, State.SUCCEEDED)
    between_us = rows.clock.now_us()
    young = await rows.in_state(account, State.SUCCEEDED)
    assert await store.purge(purge(0, events_us=between_us)) == 3
    assert (rows.events(old.id), rows.events(young.id)) == ([], [1, 2, 3])
    assert await store.task(old.id) == old


async def test_idempotency_keys_are_forgotten_when_they_end(store: Store, rows: Rows) -> None:
    account = await rows.account()
    new = rows.new(account, key="claim")
    await store.create_task(new)
    assert new.claim is not None
    assert await store.purge(purge(new.claim.expires_at_us - 1)) == 0
    assert await store.purge(purge(new.claim.expires_at_us)) == 1
    assert await store.claimed("claim") is None
    assert await store.task(new.task.id) == new.task


async def test_a_purge_takes_so_many_rows_of_each_kind_at_once_and_comes_to_an_end(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000_000)
    for number in range(7):
        await rows.in_state(account, State.FAILED, key=f"claim-{number}")
    far_us = rows.clock.now_us() + 10_000 * DAY_US
    everything = purge(far_us, events_us=far_us, tasks_us=far_us, limit=3)
    taken = []
    while (count := await store.purge(everything)) > 0:
        taken.append(count)
    assert max(taken) <= 3 * 3
    counts = rows.counts()
    assert (counts["tasks"], counts["events"], counts["idempotency"]) == (0, 0, 0)
    assert counts["transfers"] == 1 + 2 * 7


async def test_a_purge_with_nothing_to_do_changes_nothing(store: Store, rows: Rows) -> None:
    await rows.in_state(await rows.account(), State.SUCCEEDED, key="claim")
    before = rows.counts()
    assert await store.purge(purge(0)) == 0
    assert rows.counts() == before


async def test_rows_of_files_go_long_after_their_bytes_and_never_before(store: Store, rows: Rows) -> None:
    account = await rows.account()
    now_us = rows.clock.now_us()
    ages = (0, 10 * DAY_US, 10 * DAY_US - 1)
    old, older, unswept = (rows.file(account, expires_at_us=now_us - age) for age in ages)
    for file in (old, older, unswept):
        await store.add_file(file)
    await store.note_deletions(Deletion((old.id, older.id), (), now_us))
    assert await store.purge(purge(now_us, tasks_us=now_us - 10 * DAY_US)) == 1
    assert [await store.file(file.id) is not None for file in (old, older, unswept)] == [True, False, True]
    assert await store.purge(purge(now_us, tasks_us=now_us + DAY_US)) == 1
    assert [await store.file(file.id) is not None for file in (old, unswept)] == [False, True]
