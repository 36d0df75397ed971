"""What holds of every decision, whatever it is: tried on every outcome in every state."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from reelway.domain import decide, outcomes
from reelway.domain.decide import Transition
from reelway.domain.ids import JobId
from reelway.domain.ledger import TransferKind
from reelway.domain.task import ALLOWED_MOVES, FINAL_STATES, FailureCode, State, Task
from unit.builders import NOW_US, POLICY, RESULT, US, WORKER, task_in

Decision = Callable[[Task, int], Transition]
ACCEPTED = outcomes.Accepted(JobId("job-2"), poll_after_s=2.0)


@dataclass(frozen=True)
class Case:
    """A decision and where it leads; None: the task stays in its state. `lease`: kept, or given back."""

    decision: Decision
    target: State | None
    keeps_lease: bool = False


CASES = {
    "started": Case(lambda task, now: decide.started(task, "scripted", (), now), State.SUBMITTING, keeps_lease=True),
    "waiting": Case(lambda task, now: decide.waiting(task, 1.0, now), None),
    "submit accepted": Case(lambda task, now: decide.submitted(task, ACCEPTED, POLICY, now), State.RUNNING),
    "submit accepted, lease kept": Case(
        lambda task, now: decide.submitted(task, ACCEPTED, POLICY, now, keep_lease=True), State.RUNNING, True
    ),
    "submit refused": Case(
        lambda task, now: decide.submitted(task, outcomes.Refused(FailureCode.CONTENT_REJECTED, "no"), POLICY, now),
        State.FAILED,
    ),
    "submit unavailable": Case(
        lambda task, now: decide.submitted(task, outcomes.Unavailable("away"), POLICY, now), State.QUEUED
    ),
    "submit throttled": Case(
        lambda task, now: decide.submitted(task, outcomes.Throttled(7.0), POLICY, now), State.QUEUED
    ),
    "submit unknown": Case(lambda task, now: decide.submitted(task, outcomes.SubmitUnknown("?"), POLICY, now), None),
    "found": Case(lambda task, now: decide.found(task, ACCEPTED, POLICY, now), State.RUNNING),
    "absent": Case(lambda task, now: decide.found(task, outcomes.Absent(), POLICY, now), State.QUEUED),
    "find unknown": Case(lambda task, now: decide.found(task, outcomes.FindUnknown("?"), POLICY, now), None),
    "in progress": Case(
        lambda task, now: decide.polled(task, outcomes.InProgress(0.5, 2.0), POLICY, now), State.RUNNING
    ),
    "in progress, lease kept": Case(
        lambda task, now: decide.polled(task, outcomes.InProgress(0.5, 2.0), POLICY, now, keep_lease=True),
        State.RUNNING,
        True,
    ),
    "finished": Case(lambda task, now: decide.polled(task, outcomes.Finished(), POLICY, now), State.STORING, True),
    "job failed": Case(
        lambda task, now: decide.polled(task, outcomes.JobFailed(FailureCode.GENERATION_FAILED, ""), POLICY, now),
        State.FAILED,
    ),
    "poll unknown": Case(lambda task, now: decide.polled(task, outcomes.PollUnknown("?"), POLICY, now), None),
    "stored": Case(lambda task, now: decide.stored(task, outcomes.Stored(RESULT), POLICY, now), State.SUCCEEDED),
    "not stored": Case(
        lambda task, now: decide.stored(task, outcomes.StoreFailed("full", is_final=False), POLICY, now), None
    ),
    "never stored": Case(
        lambda task, now: decide.stored(task, outcomes.StoreFailed("gone", is_final=True), POLICY, now), State.FAILED
    ),
    "failed": Case(lambda task, now: decide.failed(task, FailureCode.INTERNAL_ERROR, "", now), State.FAILED),
    "faulted": Case(lambda task, now: decide.faulted(task, POLICY, now), None),
    "expired": Case(decide.expired, State.EXPIRED),
    "cancelled": Case(decide.cancelled, State.CANCELLED),
    "cancel requested": Case(decide.cancel_requested, None, keeps_lease=True),
    "cancel declined": Case(decide.cancel_declined, None, keeps_lease=True),
}

EVERY = [(name, state) for name in CASES for state in State]
POSSIBLE = [(name, state) for name, state in EVERY if (CASES[name].target or state) in ALLOWED_MOVES[state]]
IMPOSSIBLE = [pair for pair in EVERY if pair not in POSSIBLE]


def decided(name: str, before: Task, now_us: int = NOW_US) -> Task:
    return CASES[name].decision(before, now_us).task


@pytest.mark.parametrize(("name", "state"), IMPOSSIBLE)
def test_a_decision_that_the_table_of_moves_lacks_is_refused(name: str, state: State) -> None:
    with pytest.raises(AssertionError, match="is not allowed"):
        CASES[name].decision(task_in(state), NOW_US)


@pytest.mark.parametrize(("name", "state"), POSSIBLE)
def test_a_decision_leads_to_its_state(name: str, state: State) -> None:
    assert decided(name, task_in(state)).state is (CASES[name].target or state)


@pytest.mark.parametrize(("name", "state"), POSSIBLE)
def test_a_decision_is_void_once_the_row_has_moved_on(name: str, state: State) -> None:
    before = task_in(state)
    transition = CASES[name].decision(before, NOW_US)
    assert transition.expected_version == before.version
    assert transition.task.version == before.version + 1


@pytest.mark.parametrize(("name", "state"), POSSIBLE)
def test_money_moves_exactly_at_the_end_and_all_of_it(name: str, state: State) -> None:
    before = task_in(state)
    transfer = CASES[name].decision(before, NOW_US).transfer
    target = CASES[name].target or state
    if target not in FINAL_STATES:
        assert transfer is None
        return
    assert transfer is not None
    assert transfer.kind is (TransferKind.SETTLE if target is State.SUCCEEDED else TransferKind.RELEASE)
    assert (transfer.amount_credits, transfer.account_id) == (before.price_credits, before.account_id)
    assert (transfer.id, transfer.task_id) == (f"{before.id}.resolve", before.id)


@pytest.mark.parametrize(("name", "state"), POSSIBLE)
def test_a_task_without_a_price_moves_no_money(name: str, state: State) -> None:
    assert CASES[name].decision(task_in(state, price_credits=0), NOW_US).transfer is None


@pytest.mark.parametrize(("name", "state"), POSSIBLE)
def test_callers_are_told_exactly_when_the_public_status_changes(name: str, state: State) -> None:
    before = task_in(state)
    transition = CASES[name].decision(before, NOW_US)
    if transition.task.public_status is before.public_status:
        assert transition.event is None
        return
    assert transition.event is not None
    assert transition.event.sequence == transition.task.public_status.rank > before.public_status.rank
    assert (transition.event.task_id, transition.event.account_id) == (before.id, before.account_id)
    assert (transition.event.status, transition.event.created_at_us) == (transition.task.public_status, NOW_US)


@pytest.mark.parametrize(("name", "state"), POSSIBLE)
def test_only_success_costs_the_caller_something(name: str, state: State) -> None:
    task = decided(name, task_in(state))
    assert task.final_credits == (90 if task.state is State.SUCCEEDED else 0)


@pytest.mark.parametrize(("name", "state"), POSSIBLE)
def test_a_task_that_ends_otherwise_says_why_and_an_unfinished_one_does_not(name: str, state: State) -> None:
    task = decided(name, task_in(state))
    has_failed = task.is_final and task.state is not State.SUCCEEDED
    assert (task.failure_code is not None) == has_failed


@pytest.mark.parametrize(("name", "state"), POSSIBLE)
def test_a_lease_is_given_back_unless_the_worker_goes_on(name: str, state: State) -> None:
    before = task_in(state, lease_owner=WORKER, lease_until_us=NOW_US + US)
    task = decided(name, before)
    kept = (WORKER, before.lease_until_us) if CASES[name].keeps_lease else (None, None)
    assert (task.lease_owner, task.lease_until_us) == kept


@pytest.mark.parametrize(("name", "state"), POSSIBLE)
def test_a_task_given_back_is_due_at_a_time_and_an_ended_one_never(name: str, state: State) -> None:
    task = decided(name, task_in(state))
    assert (task.due_at_us is None) == task.is_final
    if task.due_at_us is not None:
        assert task.due_at_us >= NOW_US


@pytest.mark.parametrize(("name", "state"), POSSIBLE)
def test_no_time_of_a_task_runs_backwards_with_the_clock(name: str, state: State) -> None:
    before = task_in(state)
    after = decided(name, before, now_us=before.created_at_us - 3_600 * US)
    assert after.state_at_us >= before.state_at_us
    assert after.updated_at_us >= before.updated_at_us
    assert after.final_at_us is None or after.final_at_us >= before.state_at_us
    transition = CASES[name].decision(before, before.created_at_us - 3_600 * US)
    assert transition.event is None or transition.event.created_at_us >= before.updated_at_us
    assert transition.transfer is None or transition.transfer.created_at_us >= before.state_at_us


@pytest.mark.parametrize(("name", "state"), POSSIBLE)
def test_a_decision_changes_nothing_of_what_a_task_is(name: str, state: State) -> None:
    before = task_in(state)
    after = decided(name, before)
    for column in ("id", "account_id", "generation", "price_credits", "created_at_us", "deadline_at_us", "route"):
        assert getattr(after, column) == getattr(before, column)


@pytest.mark.parametrize(("name", "state"), POSSIBLE)
def test_progress_never_falls(name: str, state: State) -> None:
    before = task_in(state, progress=0.99)
    assert decided(name, before).progress >= 0.99
