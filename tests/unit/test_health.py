"""How a provider is doing: what counts against it, when its circuit opens, and how it closes again."""

from dataclasses import replace

import pytest

from reelway.domain import outcomes
from reelway.domain.health import (
    POLLS_LOST_MIN,
    Circuit,
    CircuitState,
    Counts,
    HealthPolicy,
    Kind,
    Seen,
    Stage,
    Window,
    after_trial,
    on_trial,
    opened,
    seen_of_find,
    seen_of_poll,
    seen_of_store,
    seen_of_submit,
    without_trial,
)
from reelway.domain.ids import JobId, TaskId
from reelway.domain.task import FailureCode
from unit.builders import RESULT

US = 1_000_000
NOW = 1_800_000_000 * US
POLICY = HealthPolicy(
    window_s=120, observations_min=4, error_share_max=0.5, open_s=30, open_s_max=100, slow_submit_s=20
)
FAULT = Seen(Kind.FAULT, Stage.SUBMIT, "down")
JOB_FAULT = Seen(Kind.FAULT, Stage.JOB, "down")
DONE = Seen(Kind.SUCCESS, Stage.JOB)
TAKEN = Seen(Kind.SUCCESS, Stage.SUBMIT, seconds=1.0)
MADE = Seen(Kind.SUCCESS, Stage.JOB)
THROTTLE = Seen(Kind.THROTTLE, Stage.SUBMIT, retry_after_s=5)
REFUSAL = Seen(Kind.REFUSAL, Stage.SUBMIT)
TASK = TaskId("task_a")

SUBMITS = [
    (outcomes.Accepted(JobId("j"), 1.0), Kind.SUCCESS),
    (outcomes.Refused(FailureCode.CONTENT_REJECTED, ""), Kind.REFUSAL),
    (outcomes.Refused(FailureCode.PROVIDER_REJECTED, ""), Kind.REFUSAL),
    (outcomes.Unavailable("down"), Kind.FAULT),
    (outcomes.Unavailable("no storage", is_ours=True), None),
    (outcomes.Throttled(3.0), Kind.THROTTLE),
    (outcomes.Throttled(3.0, is_ours=True), None),
    (outcomes.SubmitUnknown("lost"), Kind.FAULT),
]
POLLS = [
    (outcomes.InProgress(0.5, 1.0), 9, None),
    (outcomes.Finished(), 0, Kind.SUCCESS),
    (outcomes.JobFailed(FailureCode.PROVIDER_UNAVAILABLE, ""), 0, Kind.FAULT),
    (outcomes.JobFailed(FailureCode.CONTENT_REJECTED, ""), 0, Kind.REFUSAL),
    (outcomes.JobFailed(FailureCode.INVALID_REFERENCE, ""), 0, Kind.REFUSAL),
    (outcomes.JobFailed(FailureCode.GENERATION_FAILED, ""), 0, Kind.REFUSAL),
    (outcomes.PollUnknown("lost"), 0, None),
    (outcomes.PollUnknown("lost"), POLLS_LOST_MIN - 2, None),
    (outcomes.PollUnknown("lost"), POLLS_LOST_MIN - 1, Kind.FAULT),
    (outcomes.PollUnknown("lost"), POLLS_LOST_MIN, None),
]
FINDS = [
    (outcomes.Accepted(JobId("j"), 1.0), Kind.SUCCESS),
    (outcomes.Absent(), Kind.REFUSAL),
    (outcomes.FindUnknown("lost"), None),
]
STORES = [
    (outcomes.Stored(RESULT), None),
    (outcomes.StoreFailed("the provider answered 500", is_final=False), Kind.FAULT),
    (outcomes.StoreFailed("our disk is full", is_final=False, is_ours=True), None),
]


@pytest.mark.parametrize(("outcome", "kind"), SUBMITS, ids=str)
def test_what_a_submit_says_of_a_provider(outcome: outcomes.SubmitOutcome, kind: Kind | None) -> None:
    seen = seen_of_submit(outcome, 2.5)
    assert (seen and seen.kind) == kind
    assert seen is None or seen.stage is Stage.SUBMIT


@pytest.mark.parametrize(("outcome", "tries", "kind"), POLLS, ids=str)
def test_what_a_poll_says_of_a_provider(outcome: outcomes.PollOutcome, tries: int, kind: Kind | None) -> None:
    seen = seen_of_poll(outcome, tries)
    assert (seen and seen.kind) == kind
    assert seen is None or seen.stage is Stage.JOB


@pytest.mark.parametrize(("outcome", "kind"), FINDS, ids=str)
def test_what_a_search_for_a_lost_job_says_of_a_provider(outcome: outcomes.FindOutcome, kind: Kind | None) -> None:
    seen = seen_of_find(outcome)
    assert (seen and seen.kind) == kind


@pytest.mark.parametrize(("outcome", "kind"), STORES, ids=str)
def test_what_a_result_says_of_a_provider(outcome: outcomes.StoreOutcome, kind: Kind | None) -> None:
    assert seen_of_store(outcome, is_given_up=False) is None
    seen = seen_of_store(outcome, is_given_up=True)
    assert (seen and seen.kind) == kind


def test_an_empty_account_is_told_apart_from_a_provider_that_is_down() -> None:
    found = [
        seen_of_submit(outcome, 0)
        for outcome in (
            outcomes.Unavailable("account", opens_circuit=True),
            outcomes.Unavailable("no such model", opens_circuit=True, only_model=True),
            outcomes.Unavailable("down"),
        )
    ]
    assert [(seen.is_certain, seen.is_account) for seen in found if seen is not None] == [
        (True, True),
        (True, False),
        (False, False),
    ]


# --- the window -------------------------------------------------------------------------------------------------------


def window_of(*seen: Seen, at_us: int = NOW) -> Window:
    window = Window()
    for item in seen:
        window = window.plus(item, POLICY, at_us)
    return window


def test_what_was_seen_leaves_the_window_with_time() -> None:
    window = window_of(FAULT, TAKEN)
    assert window.counts(POLICY, NOW) == Counts(submits=1, submit_faults=1, submit_s=1.0)
    assert window.counts(POLICY, NOW + 100 * US).faults == 1
    assert window.counts(POLICY, NOW + 121 * US) == Counts()


def test_a_window_stays_small_however_much_is_seen() -> None:
    window = Window()
    for second in range(1_000):
        window = window.plus(FAULT, POLICY, NOW + second * US)
    assert len(window.parts) <= 12
    assert 110 <= window.counts(POLICY, NOW + 999 * US).faults <= 120


def test_a_clock_that_is_set_back_does_not_confuse_a_window() -> None:
    window = window_of(FAULT).plus(FAULT, POLICY, NOW - 3_600 * US)
    assert window.counts(POLICY, NOW).faults == 2


@pytest.mark.parametrize(
    ("seen", "is_too_bad"),
    [
        ((FAULT,) * 3, False),
        ((FAULT,) * 4, True),
        ((FAULT, FAULT, TAKEN, TAKEN), True),
        ((FAULT, FAULT, TAKEN, TAKEN, TAKEN), False),
        ((*(FAULT,) * 3, *(THROTTLE,) * 50), False),
        ((*(FAULT,) * 3, *(REFUSAL,) * 50), False),
        ((FAULT, FAULT, JOB_FAULT, JOB_FAULT), False),
    ],
)
def test_a_share_of_faults_among_enough_observations_is_too_bad(seen: tuple[Seen, ...], is_too_bad: bool) -> None:
    assert window_of(*seen).counts(POLICY, NOW).is_too_bad(Stage.SUBMIT, POLICY) is is_too_bad


@pytest.mark.parametrize(
    ("seen", "is_too_bad"),
    [
        ((*(TAKEN,) * 500, *(FAULT,) * 7), False),
        ((*(TAKEN,) * 500, *(FAULT,) * 8), True),
        ((*(TAKEN,) * 500, *(FAULT,) * 7, TAKEN, FAULT), False),
        ((*(TAKEN,) * 500, *(FAULT,) * 7, REFUSAL, FAULT), False),
        ((*(TAKEN,) * 500, *(FAULT,) * 7, JOB_FAULT, FAULT), True),
        ((*(DONE,) * 500, *(JOB_FAULT,) * 8), False),
    ],
)
def test_submits_that_fail_in_a_row_are_too_bad_however_many_were_taken_before(
    seen: tuple[Seen, ...], is_too_bad: bool
) -> None:
    assert window_of(*seen).is_too_bad(seen[-1].stage, POLICY, NOW) is is_too_bad


def test_a_row_of_faults_ends_with_the_window() -> None:
    window = window_of(*(TAKEN,) * 50, *(FAULT,) * 7)
    assert window.plus(FAULT, POLICY, NOW + 60 * US).submit_row == 8
    assert window.plus(FAULT, POLICY, NOW + 121 * US).submit_row == 1


def test_jobs_that_fail_are_not_made_up_for_by_submits_that_are_taken() -> None:
    counts = window_of(*(TAKEN,) * 20, *(JOB_FAULT,) * 4).counts(POLICY, NOW)
    assert counts.is_too_bad(Stage.JOB, POLICY)
    assert not counts.is_too_bad(Stage.SUBMIT, POLICY)


def test_a_provider_that_throttles_or_is_slow_is_degraded() -> None:
    slow = replace(TAKEN, seconds=25.0)
    assert window_of(TAKEN, THROTTLE).counts(POLICY, NOW).is_degraded(POLICY)
    assert not window_of(*(TAKEN,) * 30, THROTTLE).counts(POLICY, NOW).is_degraded(POLICY)
    assert window_of(slow, slow, slow).counts(POLICY, NOW).is_degraded(POLICY)
    assert not window_of(slow, slow).counts(POLICY, NOW).is_degraded(POLICY)
    assert not Counts().is_degraded(POLICY)


# --- the circuit ------------------------------------------------------------------------------------------------------


def circuit_of(seen: Seen = FAULT, before: Circuit | None = None, now_us: int = NOW) -> Circuit:
    return opened(before, "kling", "m", seen, POLICY, now_us)


def test_a_circuit_is_open_for_its_time_and_then_half_open() -> None:
    circuit = circuit_of()
    assert circuit.state(NOW) is CircuitState.OPEN
    assert circuit.state(NOW + 30 * US - 1) is CircuitState.OPEN
    assert circuit.state(NOW + 30 * US) is CircuitState.HALF_OPEN
    assert circuit.free_at_us() == NOW + 30 * US


def test_each_opening_lasts_longer_up_to_a_limit() -> None:
    circuit, seconds = None, []
    for _ in range(5):
        circuit = circuit_of(before=circuit)
        seconds.append((circuit.until_us - circuit.opened_at_us) // US)
    assert seconds == [30, 60, 100, 100, 100]


def test_a_trial_keeps_others_out_until_it_ends_or_its_time_is_over() -> None:
    half_open_us = NOW + 30 * US
    trial = on_trial(circuit_of(), TASK, POLICY, half_open_us)
    assert trial.state(half_open_us) is CircuitState.HALF_OPEN
    assert trial.free_at_us() == half_open_us + 100 * US
    assert without_trial(trial, half_open_us).free_at_us() == half_open_us


def test_a_trial_that_succeeds_closes_the_circuit() -> None:
    closed = after_trial(on_trial(circuit_of(), TASK, POLICY, NOW), TAKEN, POLICY, NOW)
    assert (closed.state(NOW), closed.free_at_us(), closed.trial_task_id) == (CircuitState.CLOSED, 0, None)
    assert circuit_of(before=closed).openings == 1


def test_a_trial_that_fails_opens_it_again() -> None:
    later_us = NOW + 40 * US
    again = after_trial(on_trial(circuit_of(), TASK, POLICY, NOW), FAULT, POLICY, later_us)
    assert (again.openings, again.until_us, again.trial_task_id) == (2, later_us + 60 * US, None)


def test_a_circuit_that_jobs_opened_waits_for_a_job() -> None:
    trial = on_trial(circuit_of(JOB_FAULT), TASK, POLICY, NOW)
    assert after_trial(trial, TAKEN, POLICY, NOW) is trial
    assert not after_trial(trial, MADE, POLICY, NOW).is_open


@pytest.mark.parametrize("seen", [THROTTLE, REFUSAL])
def test_a_trial_that_says_nothing_makes_room_for_the_next_one(seen: Seen) -> None:
    after = after_trial(on_trial(circuit_of(), TASK, POLICY, NOW), seen, POLICY, NOW)
    assert (after.is_open, after.trial_task_id, after.openings) == (True, None, 1)
