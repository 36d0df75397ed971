"""Each decision's own rule: tries, delays, windows, progress, inputs, results."""

import json
from dataclasses import asdict, replace

import pytest

from reelway.domain import decide, outcomes
from reelway.domain.ids import JobId, TaskId
from reelway.domain.task import FailureCode, PreparedReference, State
from unit.builders import NOW_US, POLICY, RESULT, UNFINISHED_STATES, US, task_in

INPUTS = (
    PreparedReference("files/file_1", "image/png", 640, 480),
    PreparedReference("inputs/task/1", "image/jpeg", 320, 240),
)


def due_after_s(transition: decide.Transition) -> float:
    assert transition.task.due_at_us is not None
    return (transition.task.due_at_us - NOW_US) / US


# --- start ------------------------------------------------------------------------------------------------------------


def test_a_start_counts_an_attempt_and_names_the_provider() -> None:
    task = decide.started(task_in(State.QUEUED, attempt=1), "official", (), NOW_US).task
    assert (task.attempt, task.provider, task.state) == (2, "official", State.SUBMITTING)


def test_a_start_keeps_the_prepared_references_in_their_order() -> None:
    task = decide.started(task_in(State.QUEUED), "scripted", INPUTS, NOW_US).task
    assert decide.inputs_of(task) == INPUTS


def test_a_second_start_keeps_the_references_of_the_first() -> None:
    first = decide.started(task_in(State.QUEUED), "scripted", INPUTS, NOW_US).task
    again = decide.submitted(first, outcomes.Unavailable("away"), POLICY, NOW_US).task
    assert decide.inputs_of(decide.started(again, "scripted", (), NOW_US).task) == INPUTS


def test_a_task_without_references_has_no_inputs() -> None:
    assert decide.inputs_of(task_in(State.QUEUED)) == ()


def test_waiting_looks_again_after_the_delay() -> None:
    assert due_after_s(decide.waiting(task_in(State.QUEUED), 1.5, NOW_US)) == 1.5


# --- submit -----------------------------------------------------------------------------------------------------------


def test_an_accepted_task_holds_its_job_and_is_looked_at_when_the_provider_says() -> None:
    transition = decide.submitted(
        task_in(State.SUBMITTING), outcomes.Accepted(JobId("job-9"), poll_after_s=12.5), POLICY, NOW_US
    )
    assert transition.task.job_id == "job-9"
    assert due_after_s(transition) == 12.5


def test_a_refusal_ends_the_task_with_the_providers_code_and_reason() -> None:
    task = decide.submitted(
        task_in(State.SUBMITTING), outcomes.Refused(FailureCode.CONTENT_REJECTED, "not allowed"), POLICY, NOW_US
    ).task
    assert (task.failure_code, task.failure_reason) == (FailureCode.CONTENT_REJECTED, "not allowed")


def test_an_unavailable_provider_costs_an_attempt_and_the_last_one_ends_the_task() -> None:
    for attempt in range(1, POLICY.submit_tries_max):
        task = decide.submitted(
            task_in(State.SUBMITTING, attempt=attempt), outcomes.Unavailable("down"), POLICY, NOW_US
        ).task
        assert (task.state, task.attempt) == (State.QUEUED, attempt)
    last = task_in(State.SUBMITTING, attempt=POLICY.submit_tries_max)
    task = decide.submitted(last, outcomes.Unavailable("down"), POLICY, NOW_US).task
    assert (task.state, task.failure_code, task.failure_reason) == (
        State.FAILED,
        FailureCode.PROVIDER_UNAVAILABLE,
        "down",
    )


def test_a_throttle_counts_no_attempt_however_often_it_comes() -> None:
    task = task_in(State.QUEUED)
    for _ in range(POLICY.submit_tries_max * 3):
        task = decide.started(task, "scripted", (), NOW_US).task
        transition = decide.submitted(task, outcomes.Throttled(7.25), POLICY, NOW_US)
        task = transition.task
        assert (task.state, task.attempt) == (State.QUEUED, 0)
        assert due_after_s(transition) == 7.25


def test_a_lost_answer_leaves_the_task_submitting_with_its_hold() -> None:
    transition = decide.submitted(task_in(State.SUBMITTING), outcomes.SubmitUnknown("timeout"), POLICY, NOW_US)
    assert transition.task.state is State.SUBMITTING
    assert transition.transfer is None
    assert transition.task.tries == 1


@pytest.mark.parametrize("is_find", [False, True])
def test_an_unknown_submit_is_given_up_exactly_when_the_window_ends(is_find: bool) -> None:
    task = task_in(State.SUBMITTING, state_at_us=NOW_US - 900 * US)

    def answer(now_us: int) -> decide.Transition:
        if is_find:
            return decide.found(task, outcomes.FindUnknown("?"), POLICY, now_us)
        return decide.submitted(task, outcomes.SubmitUnknown("?"), POLICY, now_us)

    assert answer(NOW_US - 1).task.state is State.SUBMITTING
    given_up = answer(NOW_US)
    assert given_up.task.state is State.FAILED
    assert given_up.task.failure_code is FailureCode.PROVIDER_UNAVAILABLE
    assert given_up.transfer is not None


def test_a_job_that_was_found_is_not_submitted_again() -> None:
    task = decide.found(task_in(State.SUBMITTING, attempt=1), outcomes.Accepted(JobId("j"), 0.0), POLICY, NOW_US).task
    assert (task.state, task.job_id, task.attempt) == (State.RUNNING, "j", 1)


def test_a_submit_that_never_arrived_is_tried_again_until_the_attempts_are_used_up() -> None:
    early = decide.found(task_in(State.SUBMITTING, attempt=1), outcomes.Absent(), POLICY, NOW_US).task
    late = decide.found(task_in(State.SUBMITTING, attempt=3), outcomes.Absent(), POLICY, NOW_US).task
    assert (early.state, early.attempt) == (State.QUEUED, 1)
    assert (late.state, late.failure_code) == (State.FAILED, FailureCode.PROVIDER_UNAVAILABLE)


# --- poll -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("told", "kept"), [(0.5, 0.5), (0.1, 0.25), (None, 0.25), (1.0, 0.98)])
def test_progress_follows_the_provider_but_never_falls(told: float | None, kept: float) -> None:
    task = decide.polled(task_in(State.RUNNING, progress=0.25), outcomes.InProgress(told, 3.0), POLICY, NOW_US).task
    assert task.progress == kept


def test_a_job_in_progress_is_looked_at_when_the_provider_says_and_its_vain_tries_are_forgotten() -> None:
    transition = decide.polled(task_in(State.RUNNING, tries=5), outcomes.InProgress(0.5, 3.0), POLICY, NOW_US)
    assert due_after_s(transition) == 3.0
    assert transition.task.tries == 0


def test_a_finished_job_is_not_yet_a_success() -> None:
    transition = decide.polled(task_in(State.RUNNING), outcomes.Finished(), POLICY, NOW_US)
    assert transition.task.state is State.STORING
    assert (transition.task.result, transition.transfer, transition.event) == (None, None, None)
    assert transition.task.progress == 0.99


def test_a_failed_job_ends_the_task_with_its_code() -> None:
    task = decide.polled(
        task_in(State.RUNNING), outcomes.JobFailed(FailureCode.CONTENT_REJECTED, "unsafe"), POLICY, NOW_US
    ).task
    assert (task.state, task.failure_code, task.failure_reason) == (
        State.FAILED,
        FailureCode.CONTENT_REJECTED,
        "unsafe",
    )


def test_polls_without_an_answer_come_ever_later_and_never_end_the_task() -> None:
    task = task_in(State.RUNNING)
    delays = []
    for _ in range(100):
        transition = decide.polled(task, outcomes.PollUnknown("?"), POLICY, NOW_US)
        delays.append(due_after_s(transition))
        task = transition.task
    assert task.state is State.RUNNING
    assert delays[0] < delays[1] < delays[2] < delays[3]
    assert max(delays) <= POLICY.backoff_max_s * 1.25


# --- store ------------------------------------------------------------------------------------------------------------


def test_a_stored_result_makes_the_success() -> None:
    task = decide.stored(task_in(State.STORING), outcomes.Stored(RESULT), POLICY, NOW_US).task
    assert (task.state, task.progress, task.final_credits) == (State.SUCCEEDED, 1.0, 90)
    assert decide.result_of(task) == RESULT
    assert task.result == json.dumps(asdict(RESULT))


def test_a_result_lives_from_the_success_on_even_when_the_clock_jumped_back() -> None:
    before = task_in(State.STORING)
    on_time = decide.stored(before, outcomes.Stored(RESULT), POLICY, NOW_US).task
    assert on_time.result_expires_at_us == NOW_US + 15 * 86_400 * US
    jumped = decide.stored(before, outcomes.Stored(RESULT), POLICY, NOW_US - 86_400 * US).task
    assert jumped.result_expires_at_us == before.state_at_us + 15 * 86_400 * US


def test_a_task_without_a_result_has_none_to_decode() -> None:
    assert decide.result_of(task_in(State.RUNNING)) is None


def test_a_result_that_cannot_be_kept_is_tried_again_until_the_tries_are_used_up() -> None:
    failure = outcomes.StoreFailed("full", is_final=False)
    task = task_in(State.STORING)
    for tries in range(1, POLICY.store_tries_max):
        task = decide.stored(task, failure, POLICY, NOW_US).task
        assert (task.state, task.tries) == (State.STORING, tries)
    task = decide.stored(task, failure, POLICY, NOW_US).task
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.STORAGE_FAILED)


def test_an_outage_of_the_provider_uses_up_no_tries_of_a_finished_video_before_the_deadline() -> None:
    away = outcomes.StoreFailed("no connection", is_final=False, is_away=True)
    task = task_in(State.STORING)
    for _ in range(POLICY.store_tries_max * 2):
        task = decide.stored(task, away, POLICY, NOW_US).task
        assert (task.state, task.tries) == (State.STORING, 0)
        assert task.due_at_us is not None
        assert task.due_at_us > NOW_US
    for _ in range(POLICY.store_tries_max):
        task = decide.stored(task, away, POLICY, task.deadline_at_us).task
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.STORAGE_FAILED)


def test_a_result_that_can_never_be_kept_ends_the_task_at_once() -> None:
    task = decide.stored(task_in(State.STORING), outcomes.StoreFailed("gone", is_final=True), POLICY, NOW_US).task
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.STORAGE_FAILED)


# --- faults, ends, cancels --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", UNFINISHED_STATES)
def test_our_own_faults_are_tried_again_a_bounded_number_of_times(state: State) -> None:
    task = task_in(state)
    for tries in range(1, decide.FAULTS_MAX):
        task = decide.faulted(task, POLICY, NOW_US).task
        assert (task.state, task.tries) == (state, tries)
    task = decide.faulted(task, POLICY, NOW_US).task
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.INTERNAL_ERROR)


def test_an_empty_reason_is_no_reason() -> None:
    task = decide.failed(task_in(State.RUNNING), FailureCode.GENERATION_FAILED, "", NOW_US).task
    assert task.failure_reason is None


def test_an_expired_task_says_timeout_and_a_cancelled_one_cancelled() -> None:
    assert decide.expired(task_in(State.RUNNING), NOW_US).task.failure_code is FailureCode.TIMEOUT
    assert decide.cancelled(task_in(State.RUNNING), NOW_US).task.failure_code is FailureCode.CANCELLED


def test_a_wish_to_cancel_makes_a_resting_task_due_now_and_leaves_a_held_one_with_its_worker() -> None:
    resting = task_in(State.RUNNING, lease_owner=None, lease_until_us=None, due_at_us=NOW_US + 60 * US)
    held = task_in(State.RUNNING, due_at_us=NOW_US + 60 * US)
    assert decide.cancel_requested(resting, NOW_US).task.due_at_us == NOW_US
    after = decide.cancel_requested(held, NOW_US).task
    assert (after.due_at_us, after.lease_owner) == (held.due_at_us, held.lease_owner)
    assert after.cancel_requested_at_us == NOW_US


def test_a_declined_cancel_is_forgotten() -> None:
    wished = decide.cancel_requested(task_in(State.RUNNING), NOW_US).task
    assert decide.cancel_declined(wished, NOW_US).task.cancel_requested_at_us is None


# --- backoff ----------------------------------------------------------------------------------------------------------


def test_delays_double_up_to_their_limit_and_are_spread_by_at_most_a_quarter() -> None:
    task = task_in(State.QUEUED)
    for count in range(40):
        plain = min(POLICY.backoff_max_s, POLICY.backoff_base_s * 2.0**count)
        assert plain <= decide.backoff_s(task.id, count, POLICY) < plain * 1.25


def test_a_delay_is_bounded_however_often_something_failed() -> None:
    wide = replace(POLICY, backoff_base_s=1e-6, backoff_max_s=1e9)
    assert decide.backoff_s(task_in(State.QUEUED).id, 10**9, wide) <= 1e-6 * 2**30 * 1.25
    assert decide.backoff_s(task_in(State.QUEUED).id, 10**9, POLICY) <= 75.0


def test_the_same_failure_waits_the_same_time_and_tasks_that_failed_together_do_not() -> None:
    tasks = [task_in(State.QUEUED, id=TaskId(f"task_{number:026d}")) for number in range(200)]
    delays = [decide.backoff_s(task.id, 3, POLICY) for task in tasks]
    assert delays == [decide.backoff_s(task.id, 3, POLICY) for task in tasks]
    assert len(set(delays)) > 190
    assert max(delays) - min(delays) > 1.5
