"""The states of a task, the moves between them, and what every move does to the row."""

from dataclasses import fields

import pytest

from reelway.domain.task import (
    ALLOWED_MOVES,
    FINAL_STATES,
    PUBLIC_STATUS,
    STARTED_STATES,
    FailureCode,
    PublicStatus,
    State,
    Task,
    moved,
)
from unit.builders import NOW_US, UNFINISHED_STATES, US, WORKER, task_in

ALL_MOVES = [(before, after) for before in State for after in State]
ALLOWED = [(before, after) for before, after in ALL_MOVES if after in ALLOWED_MOVES[before]]
FORBIDDEN = [(before, after) for before, after in ALL_MOVES if after not in ALLOWED_MOVES[before]]
CHANGING = [(before, after) for before, after in ALLOWED if before is not after]


@pytest.mark.parametrize(("before", "after"), FORBIDDEN)
def test_a_move_outside_the_table_is_refused(before: State, after: State) -> None:
    with pytest.raises(AssertionError, match="is not allowed"):
        moved(task_in(before), after, NOW_US)


@pytest.mark.parametrize(("before", "after"), ALLOWED)
def test_a_move_of_the_table_gives_the_next_version(before: State, after: State) -> None:
    task = task_in(before)
    assert moved(task, after, NOW_US).version == task.version + 1
    assert moved(task, after, NOW_US).state is after


def test_the_table_says_something_of_every_state() -> None:
    assert set(ALLOWED_MOVES) == set(State)


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_nothing_leads_out_of_a_final_state(state: State) -> None:
    assert ALLOWED_MOVES[state] == frozenset()


@pytest.mark.parametrize("state", UNFINISHED_STATES)
def test_an_unfinished_task_may_stay_where_it_is(state: State) -> None:
    assert state in ALLOWED_MOVES[state]


@pytest.mark.parametrize("state", [state for state in State if state is not State.QUEUED])
def test_every_state_but_the_first_can_be_reached(state: State) -> None:
    assert any(state in ALLOWED_MOVES[before] for before in State if before is not state)


def test_only_a_task_that_was_never_running_goes_back_to_the_queue() -> None:
    assert [before for before in State if State.QUEUED in ALLOWED_MOVES[before]] == [State.QUEUED, State.SUBMITTING]


def test_a_task_succeeds_only_from_storing() -> None:
    assert [before for before in State if State.SUCCEEDED in ALLOWED_MOVES[before]] == [State.STORING]


def test_a_task_whose_result_is_being_kept_can_no_longer_be_cancelled_or_expire() -> None:
    assert not ALLOWED_MOVES[State.STORING] & {State.CANCELLED, State.EXPIRED}


@pytest.mark.parametrize(("before", "after"), ALLOWED)
def test_the_public_status_never_moves_backwards(before: State, after: State) -> None:
    assert PUBLIC_STATUS[after].rank >= PUBLIC_STATUS[before].rank


def test_the_public_status_is_the_one_of_the_contract() -> None:
    """Source: Rivya contract, section 8.1."""
    assert {state.value: PUBLIC_STATUS[state].value for state in State} == {
        "queued": "queued",
        "submitting": "queued",
        "running": "processing",
        "storing": "processing",
        "succeeded": "succeeded",
        "failed": "failed",
        "cancelled": "failed",
        "expired": "failed",
    }


def test_exactly_the_two_ends_are_final_public_statuses() -> None:
    assert [status for status in PublicStatus if status.is_final] == [PublicStatus.SUCCEEDED, PublicStatus.FAILED]
    assert [status.rank for status in PublicStatus] == [1, 2, 3, 3]


def test_the_sets_of_states_are_those_of_the_contract() -> None:
    """Source: Rivya contract, section 1.1."""
    assert {"succeeded", "failed", "cancelled", "expired"} == FINAL_STATES
    assert {"submitting", "running", "storing"} == STARTED_STATES


def test_the_failure_codes_are_those_of_the_contract() -> None:
    """Source: Rivya contract, section 1.2."""
    assert {code.value for code in FailureCode} == {
        "content_rejected",
        "invalid_reference",
        "reference_too_large",
        "reference_unsupported",
        "provider_rejected",
        "provider_unavailable",
        "generation_failed",
        "storage_failed",
        "timeout",
        "cancelled",
        "internal_error",
    }


@pytest.mark.parametrize("state", list(State))
def test_a_task_is_final_exactly_in_a_final_state(state: State) -> None:
    assert task_in(state).is_final == (state in FINAL_STATES)
    assert task_in(state).public_status is PUBLIC_STATUS[state]


@pytest.mark.parametrize(("before", "after"), CHANGING)
def test_a_change_of_state_starts_its_time_and_its_tries_anew(before: State, after: State) -> None:
    task = moved(task_in(before, tries=2), after, NOW_US)
    assert (task.state_at_us, task.tries) == (NOW_US, 0)


@pytest.mark.parametrize("state", UNFINISHED_STATES)
def test_a_move_that_stays_keeps_the_times_and_the_tries(state: State) -> None:
    before = task_in(state, tries=2)
    after = moved(before, state, NOW_US)
    assert (after.state_at_us, after.updated_at_us, after.tries) == (before.state_at_us, before.updated_at_us, 2)


@pytest.mark.parametrize(("before", "after"), ALLOWED)
def test_the_update_time_moves_with_the_public_status_only(before: State, after: State) -> None:
    task = task_in(before)
    is_new = PUBLIC_STATUS[before] is not PUBLIC_STATUS[after]
    assert moved(task, after, NOW_US).updated_at_us == (NOW_US if is_new else task.updated_at_us)


@pytest.mark.parametrize(("before", "after"), [(b, a) for b, a in ALLOWED if a in FINAL_STATES])
def test_an_end_lets_go_of_the_lease_and_of_the_queue(before: State, after: State) -> None:
    task = moved(task_in(before, lease_owner=WORKER, lease_until_us=NOW_US + US), after, NOW_US)
    assert (task.final_at_us, task.due_at_us, task.lease_owner, task.lease_until_us) == (NOW_US, None, None, None)


@pytest.mark.parametrize(("before", "after"), [(b, a) for b, a in ALLOWED if a not in FINAL_STATES])
def test_a_task_that_goes_on_has_no_end_time_and_stays_due(before: State, after: State) -> None:
    task = moved(task_in(before), after, NOW_US)
    assert task.final_at_us is None
    assert task.due_at_us is not None


@pytest.mark.parametrize(("before", "after"), ALLOWED)
def test_times_never_run_backwards_when_the_clock_does(before: State, after: State) -> None:
    task = task_in(before)
    changed = moved(task, after, NOW_US - 3_600 * US)
    assert changed.state_at_us >= task.state_at_us
    assert changed.updated_at_us >= task.updated_at_us
    assert changed.final_at_us is None or changed.final_at_us >= task.state_at_us


def test_an_unknown_column_is_no_change() -> None:
    with pytest.raises(TypeError):
        moved(task_in(State.QUEUED), State.QUEUED, NOW_US, colour="red")


def test_identity_and_order_stand_before_what_a_transition_may_change() -> None:
    """The store writes the columns from `state` on; what stands before must never change."""
    names = [field.name for field in fields(Task)]
    assert names[: names.index("state")] == [
        "id",
        "account_id",
        "key_id",
        "dialect",
        "model",
        "wire_model",
        "route",
        "client_request_id",
        "external_task_id",
        "product",
        "generation",
        "wire",
        "callback_url",
        "callback_policy",
        "remixed_from",
        "result_ttl_s",
        "price_credits",
        "created_at_us",
        "deadline_at_us",
    ]
