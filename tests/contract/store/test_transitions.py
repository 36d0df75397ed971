"""Applying a transition: guarded by the version, whole or not at all, with its money and its event."""

import asyncio
from dataclasses import fields, replace

import pytest
from sqlalchemy.exc import IntegrityError

from contract.store.rows import PRICE, WORKER, Rows, url_of
from reelway.domain import decide, outcomes
from reelway.domain.decide import Transition
from reelway.domain.ids import JobId, TaskId
from reelway.domain.ledger import resolve
from reelway.domain.task import FINAL_STATES, FailureCode, PreparedReference, State, Task
from reelway.store.commit import Unit
from reelway.store.store import Store
from reelway.store.tasks import apply_transitions
from unit.builders import POLICY, RESULT, UNFINISHED_STATES

pytestmark = pytest.mark.anyio


def together(rows: Rows, commands: list[Transition]) -> list[bool]:
    """Carry out transitions as one round does: in one transaction, handed over together."""
    with rows.store.engines.write.begin() as connection:
        return list(apply_transitions(Unit(connection), commands))


@pytest.mark.parametrize("state", list(State))
async def test_a_task_in_any_state_is_read_back_as_it_was_written(store: Store, rows: Rows, state: State) -> None:
    task = await rows.in_state(await rows.account(), state)
    assert task.state is state
    assert await store.task(task.id) == task


async def test_every_column_that_may_change_is_written(store: Store, rows: Rows) -> None:
    before = await rows.created(await rows.account())
    after = replace(
        before,
        state=State.RUNNING,
        version=2,
        updated_at_us=before.updated_at_us + 1,
        state_at_us=before.state_at_us + 2,
        due_at_us=before.created_at_us + 3,
        lease_owner=WORKER,
        lease_until_us=before.created_at_us + 4,
        tries=5,
        attempt=6,
        provider="somebody",
        job_id=JobId("job"),
        progress=0.625,
        cancel_requested_at_us=before.created_at_us + 7,
        inputs='[{"a": "ایک"}]',
        failure_reason="none yet",
        deleted_at_us=before.created_at_us + 8,
        credential="0123456789ab",
    )
    names = [field.name for field in fields(Task)]
    same = [name for name in names[names.index("state") :] if getattr(before, name) == getattr(after, name)]
    assert same == ["failure_code", "final_credits", "final_at_us", "result", "result_expires_at_us"]
    assert await store.apply(Transition(after, 1, None, None))
    assert await store.task(before.id) == after


async def test_what_a_task_is_cannot_be_changed_by_a_transition(store: Store, rows: Rows) -> None:
    before = await rows.created(await rows.account())
    forged = replace(before, version=2, model="other", price_credits=1, route="official", generation="{}")
    assert await store.apply(Transition(forged, 1, None, None))
    assert await store.task(before.id) == replace(before, version=2)


async def test_a_transition_decided_on_an_older_row_is_void(store: Store, rows: Rows) -> None:
    before = await rows.created(await rows.account())
    newer = await rows.moved(decide.cancelled(before, rows.clock.now_us()))
    counts = rows.counts()
    assert not await store.apply(decide.started(before, "scripted", (), rows.clock.now_us()))
    assert await store.task(before.id) == newer
    assert rows.counts() == counts


async def test_the_same_transition_twice_is_written_once(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000)
    before = await rows.in_state(account, State.STORING)
    transition = decide.stored(before, outcomes.Stored(RESULT), POLICY, rows.clock.now_us())
    assert [await store.apply(transition) for _ in range(3)] == [True, False, False]
    assert rows.wallet(account) == (1_000 - PRICE, 0, 0)
    assert rows.kinds(before.id) == ["reserve", "settle"]
    assert rows.events(before.id) == [1, 2, 3]


async def test_a_transition_of_a_task_that_is_not_there_is_void(store: Store, rows: Rows) -> None:
    account = await rows.account()
    stranger = rows.task(account, id=TaskId("task_01KB2R8T4NQ6V0X3Z5A7C9E1ZZ"))
    assert not await store.apply(decide.cancelled(stranger, rows.clock.now_us()))
    assert rows.wallet(account)[2] == 0


# --- money and events -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
async def test_an_end_settles_or_releases_the_whole_hold_and_frees_the_slot(
    store: Store, rows: Rows, state: State
) -> None:
    account = await rows.account(1_000)
    task = await rows.in_state(account, state)
    is_success = state is State.SUCCEEDED
    assert rows.wallet(account) == (1_000 - PRICE * is_success, 0, 0)
    assert rows.kinds(task.id) == ["reserve", "settle"] if is_success else ["release", "reserve"]
    assert await store.unbalanced_accounts() == []


@pytest.mark.parametrize("state", UNFINISHED_STATES)
async def test_an_unfinished_task_keeps_its_hold_and_its_slot(rows: Rows, state: State) -> None:
    account = await rows.account(1_000)
    task = await rows.in_state(account, state)
    assert rows.wallet(account) == (1_000, PRICE, 1)
    assert rows.kinds(task.id) == ["reserve"]


@pytest.mark.parametrize(
    ("state", "events"),
    [
        (State.QUEUED, [1]),
        (State.SUBMITTING, [1]),
        (State.RUNNING, [1, 2]),
        (State.STORING, [1, 2]),
        (State.SUCCEEDED, [1, 2, 3]),
        (State.FAILED, [1, 3]),
        (State.CANCELLED, [1, 3]),
        (State.EXPIRED, [1, 3]),
    ],
)
async def test_events_are_the_public_statuses_that_the_task_has_passed(
    rows: Rows, state: State, events: list[int]
) -> None:
    task = await rows.in_state(await rows.account(), state)
    assert rows.events(task.id) == events


async def test_an_ended_task_cannot_be_resolved_again_by_any_forgery(store: Store, rows: Rows) -> None:
    """Were all of the code wrong, the ledger's ids would still stop a second resolution."""
    account = await rows.account(1_000)
    task = await rows.in_state(account, State.FAILED)
    now_us = rows.clock.now_us()
    forged = Transition(
        replace(task, version=task.version + 1),
        task.version,
        resolve(task.id, account, PRICE, State.SUCCEEDED, now_us),
        None,
    )
    with pytest.raises(IntegrityError):
        await store.apply(forged)
    assert await store.task(task.id) == task
    assert rows.wallet(account) == (1_000, 0, 0)


# --- several in one round ---------------------------------------------------------------------------------------------


async def test_of_two_transitions_of_one_row_in_a_round_the_first_counts(store: Store, rows: Rows) -> None:
    account = await rows.account()
    task = await rows.created(account)
    cancel = decide.cancelled(task, rows.clock.now_us())
    start = decide.started(task, "scripted", (), rows.clock.now_us())
    assert together(rows, [cancel, start]) == [True, False]
    assert await store.task(task.id) == cancel.task
    other = await rows.created(account)
    start = decide.started(other, "scripted", (), rows.clock.now_us())
    assert together(rows, [start, decide.cancelled(other, rows.clock.now_us())]) == [True, False]
    assert await store.task(other.id) == start.task


async def test_a_chain_of_transitions_in_one_round_is_written_in_its_order(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000)
    task = await rows.claimed(await rows.created(account))
    now_us = rows.clock.now_us()
    chain = [decide.started(task, "scripted", (), now_us)]
    chain.append(decide.submitted(chain[-1].task, outcomes.Accepted(JobId("j"), 0.0), POLICY, now_us, keep_lease=True))
    chain.append(decide.polled(chain[-1].task, outcomes.Finished(), POLICY, now_us))
    chain.append(decide.stored(chain[-1].task, outcomes.Stored(RESULT), POLICY, now_us))
    assert together(rows, chain) == [True] * 4
    assert await store.task(task.id) == chain[-1].task
    assert rows.events(task.id) == [1, 2, 3]
    assert rows.wallet(account) == (1_000 - PRICE, 0, 0)


async def test_ends_of_one_round_are_summed_on_the_account(store: Store, rows: Rows) -> None:
    account = await rows.account(10 * PRICE)
    storing = [await rows.in_state(account, State.STORING) for _ in range(3)]
    running = [await rows.in_state(account, State.RUNNING) for _ in range(4)]
    now_us = rows.clock.now_us()
    ends = [decide.stored(task, outcomes.Stored(RESULT), POLICY, now_us) for task in storing]
    ends += [decide.failed(task, FailureCode.GENERATION_FAILED, "", now_us) for task in running]
    assert together(rows, ends) == [True] * 7
    assert rows.wallet(account) == (7 * PRICE, 0, 0)
    assert await store.unbalanced_accounts() == []


async def test_a_void_transition_in_a_round_leaves_the_others_alone(rows: Rows) -> None:
    account = await rows.account()
    tasks = await rows.many(account, 3)
    now_us = rows.clock.now_us()
    stale = replace(decide.cancelled(tasks[1], now_us), expected_version=7)
    assert together(rows, [decide.cancelled(tasks[0], now_us), stale, decide.cancelled(tasks[2], now_us)]) == [
        True,
        False,
        True,
    ]
    assert rows.wallet(account)[1:] == (PRICE, 1)


# --- several processes ------------------------------------------------------------------------------------------------


async def test_of_two_processes_that_change_a_task_at_once_exactly_one_does(store: Store, rows: Rows) -> None:
    account = await rows.account(100_000)
    tasks = await rows.many(account, 40)
    second = Store(url_of(store))
    now_us = rows.clock.now_us()
    try:
        found = await asyncio.gather(
            *(store.apply(decide.cancelled(task, now_us)) for task in tasks),
            *(second.apply(decide.expired(task, now_us)) for task in reversed(tasks)),
        )
    finally:
        await second.aclose()
    by_cancel, by_expiry = found[:40], list(reversed(found[40:]))
    assert [one != other for one, other in zip(by_cancel, by_expiry, strict=True)] == [True] * 40
    for task, is_cancelled in zip(tasks, by_cancel, strict=True):
        kept = await store.task(task.id)
        assert kept is not None
        assert kept.state is (State.CANCELLED if is_cancelled else State.EXPIRED)
        assert rows.kinds(task.id) == ["release", "reserve"]
    assert rows.wallet(account) == (100_000, 0, 0)


async def test_prepared_references_survive(store: Store, rows: Rows) -> None:
    inputs = (PreparedReference("files/file_1", "image/png", 640, 480),)
    task = await rows.claimed(await rows.created(await rows.account()))
    await rows.moved(decide.started(task, "scripted", inputs, rows.clock.now_us()))
    kept = await store.task(task.id)
    assert kept is not None
    assert decide.inputs_of(kept) == inputs
