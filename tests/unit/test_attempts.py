"""Attempts: what each decision makes of the open one, what is booked, and how long a given-up one is looked for."""

from dataclasses import replace

import pytest

from reelway.domain import attempts, decide, outcomes
from reelway.domain.attempts import (
    RECONCILE_FIRST_S,
    RECONCILE_S_MAX,
    Attempt,
    Booking,
    CostKind,
    Ending,
    Terms,
)
from reelway.domain.decide import Transition
from reelway.domain.generation import Mode
from reelway.domain.ids import JobId
from reelway.domain.outcomes import Cost
from reelway.domain.task import FailureCode, State
from unit.builders import NOW_US, POLICY, RESULT, TASK_ID, US, task_in

TERMS = Terms("0123456789ab", 350_000)
COST = Cost(420_000, "3")
LAST_TRY = {"attempt": POLICY.submit_tries_max}
LATE_US = NOW_US + 900 * US
NO = FailureCode.CONTENT_REJECTED


def given_up(**changes: object) -> Attempt:
    row = Attempt(TASK_ID, 1, "scripted", "kling-3-0", Mode.PRO, 5, "0123456789ab", NOW_US - 60 * US)
    ended = replace(row, ended_at_us=NOW_US, ending=Ending.GIVEN_UP, reconcile_at_us=LATE_US, reconcile_tries=1)
    return replace(ended, **changes)  # type: ignore[arg-type]


def attempt_of(transition: Transition) -> Attempt:
    assert transition.attempt is not None
    return transition.attempt.attempt


# --- the row ----------------------------------------------------------------------------------------------------------


def test_a_start_opens_an_attempt_on_the_terms_of_the_moment() -> None:
    transition = decide.started(task_in(State.QUEUED, attempt=1), "scripted", (), NOW_US, TERMS)
    assert attempt_of(transition) == Attempt(
        task_id=TASK_ID,
        number=2,
        provider="scripted",
        model="kling-3-0",
        mode=Mode.PRO,
        duration_s=5,
        credential="0123456789ab",
        started_at_us=NOW_US,
        expected_microdollars=350_000,
    )
    assert transition.task.credential == "0123456789ab"
    assert transition.booking is None


def test_a_start_replaces_all_of_an_earlier_attempt_with_its_number() -> None:
    transition = decide.started(task_in(State.QUEUED), "scripted", (), NOW_US, TERMS)
    assert transition.attempt is not None
    assert set(transition.attempt.columns) == set(attempts.COLUMNS) - {"task_id", "number"}


@pytest.mark.parametrize("is_found", [False, True])
def test_a_job_is_noted_on_its_attempt(is_found: bool) -> None:
    accepted, task = outcomes.Accepted(JobId("job-9"), 1.0), task_in(State.SUBMITTING)
    decided = decide.found if is_found else decide.submitted
    transition = decided(task, accepted, POLICY, NOW_US)
    attempt = attempt_of(transition)
    assert (attempt.number, attempt.job_id, attempt.accepted_at_us) == (1, "job-9", NOW_US)
    assert transition.attempt is not None
    assert set(transition.attempt.columns) == {"job_id", "accepted_at_us"}


def submit(outcome: outcomes.SubmitOutcome, **changes: object) -> Transition:
    return decide.submitted(task_in(State.SUBMITTING, **changes), outcome, POLICY, NOW_US)


def find(outcome: outcomes.FindOutcome, now_us: int = NOW_US, **changes: object) -> Transition:
    return decide.found(task_in(State.SUBMITTING, **changes), outcome, POLICY, now_us)


def poll(outcome: outcomes.PollOutcome) -> Transition:
    return decide.polled(task_in(State.RUNNING), outcome, POLICY, NOW_US)


ENDINGS = {
    "refused": (submit(outcomes.Refused(NO, "")), Ending.REFUSED),
    "unavailable": (submit(outcomes.Unavailable("x")), Ending.UNAVAILABLE),
    "unavailable for the last time": (submit(outcomes.Unavailable("x"), **LAST_TRY), Ending.UNAVAILABLE),
    "unavailable, cancel wanted": (
        submit(outcomes.Unavailable("x"), cancel_requested_at_us=NOW_US),
        Ending.UNAVAILABLE,
    ),
    "throttled": (submit(outcomes.Throttled(2.0)), Ending.THROTTLED),
    "throttled, cancel wanted": (submit(outcomes.Throttled(2.0), cancel_requested_at_us=NOW_US), Ending.THROTTLED),
    "absent": (find(outcomes.Absent()), Ending.ABSENT),
    "absent for the last time": (find(outcomes.Absent(), **LAST_TRY), Ending.ABSENT),
    "still unknown": (find(outcomes.FindUnknown("?"), LATE_US), Ending.GIVEN_UP),
    "finished": (poll(outcomes.Finished()), Ending.FINISHED),
    "failed": (poll(outcomes.JobFailed(NO, "")), Ending.FAILED),
    "cancelled": (decide.cancelled(task_in(State.RUNNING), NOW_US), Ending.CANCELLED),
    "expired": (decide.expired(task_in(State.RUNNING), NOW_US), Ending.GIVEN_UP),
    "expired and stopped": (
        decide.expired(task_in(State.RUNNING), NOW_US, ending=Ending.CANCELLED),
        Ending.CANCELLED,
    ),
    "provider gone": (decide.failed(task_in(State.RUNNING), NO, "", NOW_US), Ending.GIVEN_UP),
    "our own fault": (decide.faulted(task_in(State.SUBMITTING, tries=99), POLICY, NOW_US), Ending.GIVEN_UP),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_an_attempt_ends_as_its_job_did(name: str) -> None:
    transition, ending = ENDINGS[name]
    attempt = attempt_of(transition)
    assert (attempt.number, attempt.ending) == (LAST_TRY["attempt"] if "last" in name else 1, ending)
    assert attempt.ended_at_us == transition.task.state_at_us
    assert transition.attempt is not None
    assert "started_at_us" not in transition.attempt.columns, "what is known of its beginning stays"


@pytest.mark.parametrize("name", ENDINGS)
def test_only_a_job_of_which_nobody_knows_is_looked_for_later(name: str) -> None:
    transition, ending = ENDINGS[name]
    attempt = attempt_of(transition)
    assert (attempt.reconcile_at_us is not None) == (ending is Ending.GIVEN_UP)
    if attempt.reconcile_at_us is not None:
        assert attempt.ended_at_us is not None
        assert attempt.reconcile_at_us == attempt.ended_at_us + RECONCILE_FIRST_S * US


QUIET = {
    "a wait": decide.waiting(task_in(State.SUBMITTING), 1.0, NOW_US),
    "progress": poll(outcomes.InProgress(0.5, 1.0)),
    "a poll without an answer": poll(outcomes.PollUnknown("?")),
    "a find without an answer": find(outcomes.FindUnknown("?")),
    "a wish to cancel": decide.cancel_requested(task_in(State.RUNNING), NOW_US),
    "a success": decide.stored(task_in(State.STORING), outcomes.Stored(RESULT), POLICY, NOW_US),
    "a result that cannot be kept": decide.failed(task_in(State.STORING), FailureCode.STORAGE_FAILED, "", NOW_US),
    "an end in the queue": decide.expired(task_in(State.QUEUED, attempt=2, provider="scripted"), NOW_US),
    "a cancel in the queue": decide.cancelled(task_in(State.QUEUED, attempt=2, provider="scripted"), NOW_US),
}


@pytest.mark.parametrize("name", QUIET)
def test_what_tells_nothing_of_the_job_leaves_its_attempt_alone(name: str) -> None:
    assert (QUIET[name].attempt, QUIET[name].booking) == (None, None)


# --- costs ------------------------------------------------------------------------------------------------------------


def test_a_finished_job_is_booked_at_its_providers_word() -> None:
    transition = poll(outcomes.Finished(COST))
    assert transition.booking == Booking(TASK_ID, 1, CostKind.FINAL, "scripted", "kling-3-0", COST, NOW_US)
    assert (attempt_of(transition).cost_microdollars, attempt_of(transition).cost_units) == (420_000, "3")


def test_a_finished_job_without_a_word_is_booked_as_was_expected() -> None:
    booking = poll(outcomes.Finished()).booking
    assert booking is not None
    assert booking.cost is None
    row = attempts.booked(booking, 350_000)
    assert row is not None
    assert (row.id, row.microdollars, row.is_estimate, row.units) == (f"{TASK_ID}.1", 350_000, True, None)


def test_a_job_that_costs_nothing_is_not_booked_unless_the_provider_says_so() -> None:
    silent, told = poll(outcomes.Finished()).booking, poll(outcomes.Finished(Cost(0))).booking
    assert silent is not None
    assert told is not None
    assert attempts.booked(silent, 0) is None
    row = attempts.booked(told, 350_000)
    assert row is not None
    assert (row.microdollars, row.is_estimate) == (0, False)


def test_a_failed_job_is_booked_only_where_its_provider_names_a_cost() -> None:
    assert poll(outcomes.JobFailed(NO, "")).booking is None
    booking = poll(outcomes.JobFailed(NO, "", COST)).booking
    assert booking is not None
    assert booking.cost == COST


@pytest.mark.parametrize("name", sorted(set(ENDINGS) - {"finished"}))
def test_no_other_end_costs_anything(name: str) -> None:
    assert ENDINGS[name][0].booking is None


# --- reconciliation ---------------------------------------------------------------------------------------------------


def test_a_late_success_is_booked_as_such_and_is_not_looked_for_again() -> None:
    found = attempts.cleared_up(given_up(job_id=JobId("j"), accepted_at_us=1), Ending.LATE, COST, LATE_US)
    attempt = found.change.attempt
    assert (attempt.ending, attempt.reconcile_at_us, attempt.cost_microdollars) == (Ending.LATE, None, 420_000)
    assert attempt.ended_at_us == NOW_US, "when it was given up stays"
    assert found.booking == Booking(TASK_ID, 1, CostKind.LATE, "scripted", "kling-3-0", COST, LATE_US)


@pytest.mark.parametrize("ending", [Ending.FAILED, Ending.ABSENT, Ending.CANCELLED])
def test_a_job_that_brought_nothing_is_closed_without_a_cost(ending: Ending) -> None:
    found = attempts.cleared_up(given_up(), ending, None, LATE_US)
    assert (found.change.attempt.ending, found.change.attempt.reconcile_at_us, found.booking) == (ending, None, None)


def test_the_pauses_between_two_looks_grow_to_an_hour() -> None:
    pauses_s = []
    for tries in range(1, 12):
        found = attempts.looked_for(given_up(reconcile_tries=tries), 86_400, NOW_US)
        assert found.change.attempt.reconcile_at_us is not None
        pauses_s.append((found.change.attempt.reconcile_at_us - NOW_US) / US)
    assert pauses_s[:3] == [120, 240, 480]
    assert pauses_s == sorted(pauses_s)
    assert pauses_s[-1] == RECONCILE_S_MAX


def test_a_job_is_not_looked_for_beyond_the_window() -> None:
    assert attempts.looked_for(given_up(), 900, LATE_US - 1).change.attempt.reconcile_at_us is not None
    over = attempts.looked_for(given_up(), 900, LATE_US).change.attempt
    assert (over.reconcile_at_us, over.ending) == (None, Ending.GIVEN_UP)


def test_no_window_means_one_look() -> None:
    assert attempts.looked_for(given_up(), 0, NOW_US).change.attempt.reconcile_at_us is None
