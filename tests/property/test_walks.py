"""Random lives of a task, decided without a store: whatever happens in whatever order, these hold."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from property.decisions import DECISIONS, decided
from reelway.domain.ledger import TransferKind
from reelway.domain.task import ALLOWED_MOVES, State, Task
from unit.builders import NOW_US, POLICY, US, task_in

STEPS = st.lists(st.tuples(st.sampled_from(sorted(DECISIONS)), st.integers(-30 * US, 400 * US)), max_size=60)


def walked(steps: list[tuple[str, int]]) -> list[Task]:
    """The rows of one life; its laws are checked on the way."""
    task = task_in(State.QUEUED, version=1)
    rows = [task]
    now_us = NOW_US
    for name, passed_us in steps:
        now_us += passed_us
        transition = decided(name, task, now_us)
        if transition is None:
            continue
        after = transition.task
        assert after.state in ALLOWED_MOVES[task.state]
        assert (transition.expected_version, after.version) == (task.version, task.version + 1)
        assert (transition.transfer is not None) == after.is_final
        assert (transition.event is not None) == (after.public_status is not task.public_status)
        if transition.transfer is not None:
            is_success = after.state is State.SUCCEEDED
            assert transition.transfer.kind is (TransferKind.SETTLE if is_success else TransferKind.RELEASE)
        task = after
        rows.append(task)
    return rows


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_a_task_ends_at_most_once_and_nothing_follows(steps: list[tuple[str, int]]) -> None:
    finals = [row.is_final for row in walked(steps)]
    assert sum(finals) <= 1
    assert not any(finals[:-1])


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_nothing_that_only_grows_ever_falls(steps: list[tuple[str, int]]) -> None:
    rows = walked(steps)
    for before, after in pairwise(rows):
        assert after.public_status.rank >= before.public_status.rank
        assert after.progress >= before.progress
        assert after.state_at_us >= before.state_at_us
        assert after.updated_at_us >= before.updated_at_us
        assert after.attempt >= before.attempt - 1, "a throttle takes back the attempt that it came with"


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_tries_and_attempts_are_bounded(steps: list[tuple[str, int]]) -> None:
    for row in walked(steps):
        assert 0 <= row.attempt <= POLICY.submit_tries_max
        assert row.tries >= 0
        assert 0 <= row.progress <= 1


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_every_row_fits_the_schema(steps: list[tuple[str, int]]) -> None:
    """The CHECK constraints of the table, in the domain's words."""
    for row in walked(steps):
        is_success = row.state is State.SUCCEEDED
        assert row.is_final == (row.final_at_us is not None) == (row.due_at_us is None)
        assert (row.lease_owner is None) == (row.lease_until_us is None)
        assert row.lease_owner is None or not row.is_final
        assert is_success == (row.result is not None) == (row.result_expires_at_us is not None)
        assert row.final_credits == (row.price_credits if is_success else 0)
        assert (row.failure_code is not None) == (row.is_final and not is_success)
