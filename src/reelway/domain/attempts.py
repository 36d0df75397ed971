"""Attempts: one row a try of a task at one provider, and how each of them ended.

A row is opened before the provider is called and closed by the transition that learns the job's end. Where the task
ends before anybody knows what became of the job, the attempt is *given up*, and reconciliation goes on asking.
"""

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Final

from reelway.domain.generation import Mode, generation_of
from reelway.domain.ids import JobId, TaskId
from reelway.domain.outcomes import Cost
from reelway.domain.task import State, Task

US: Final = 1_000_000
RECONCILE_FIRST_S: Final = 60.0
RECONCILE_S_MAX: Final = 3_600.0
"""The pauses of reconciliation grow from the first to the second of these."""


class Ending(StrEnum):
    """What became of an attempt."""

    REFUSED = "refused"
    """The provider will never take the request; no job."""
    UNAVAILABLE = "unavailable"
    """It could not take it then; no job, for certain."""
    THROTTLED = "throttled"
    """It asked us to come later; no job. The next attempt has the same number and takes this one's place."""
    ABSENT = "absent"
    """Its answer was lost; asked for the job, it is certain that there is none."""
    FINISHED = "finished"
    """The job has a video. Whether that could be kept is the task's matter: the job is paid for."""
    FAILED = "failed"
    """The job ended without a video."""
    CANCELLED = "cancelled"
    """The job was stopped; it brings no video."""
    GIVEN_UP = "given_up"
    """The task ended, and there may be a job, or it may go on: nobody knows. Stays where nobody ever learns."""
    LATE = "late"
    """Given up, and found finished afterwards: we pay for a video that nobody gets."""


WITH_JOB: Final = frozenset({State.SUBMITTING, State.RUNNING})
"""The states of a task in which its attempt is open."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what a job is asked for. `credential`: a fingerprint, see `Provider.credential`."""

    credential: str | None = None
    expected_microdollars: int = 0


UNKNOWN_TERMS: Final = Terms()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row. Times are unix microseconds. `task_id` and `number` are its key.

    `credential` None: it was begun by a version that did not keep it. `accepted_at_us`: when we learned of the job.
    `ending` None: it is open. `expected_microdollars`: what the job was to cost when it was begun; `cost_microdollars`
    and `cost_units` are the provider's own word, None where it gave none. `reconcile_at_us`: when a given-up one is
    looked for next; None: never again.
    """

    task_id: TaskId
    number: int
    provider: str
    model: str
    mode: Mode
    duration_s: int
    credential: str | None
    started_at_us: int
    accepted_at_us: int | None = None
    ended_at_us: int | None = None
    job_id: JobId | None = None
    ending: Ending | None = None
    expected_microdollars: int = 0
    cost_microdollars: int | None = None
    cost_units: str | None = None
    reconcile_at_us: int | None = None
    reconcile_tries: int = 0


COLUMNS: Final = tuple(field.name for field in fields(Attempt))
_OPENING: Final = COLUMNS[2:]
_ACCEPTING: Final = ("accepted_at_us", "job_id")
_ENDING: Final = ("ended_at_us", "ending", "cost_microdollars", "cost_units", "reconcile_at_us")


@dataclass(frozen=True, slots=True)
class AttemptChange:
    """What a transition does to an attempt: the row where there is none yet, and the `columns` it sets where one is.

    A task that was submitted by a version without attempts gets its row by whatever happens to it next.
    """

    attempt: Attempt
    columns: tuple[str, ...]


class CostKind(StrEnum):
    FINAL = "final"
    """Learned with the job's end, while its task was under way."""
    LATE = "late"
    """Learned by reconciliation, after its task had ended without a result."""


@dataclass(frozen=True, slots=True)
class Booking:
    """A cost to be booked. `cost` None: the provider did not tell, so what the attempt was to cost is booked as an
    estimate, unless that is nothing."""

    task_id: TaskId
    attempt: int
    kind: CostKind
    provider: str
    model: str
    cost: Cost | None
    created_at_us: int


@dataclass(frozen=True, slots=True)
class ProviderCost:
    """What a job has cost us: a row that never changes. Its id derives from task and attempt, so a repeat is the same.

    It has nothing to do with the customer's ledger. `units`: as the provider wrote them.
    """

    id: str
    task_id: TaskId
    attempt: int
    kind: CostKind
    provider: str
    model: str
    microdollars: int
    units: str | None
    is_estimate: bool
    created_at_us: int


@dataclass(frozen=True, slots=True)
class ProviderTotal:
    """One provider's costs and revenue over a period.

    `jobs` have a cost that is booked, `late_jobs` and `late_microdollars` are the part of it that no caller got
    anything for, `estimated_microdollars` the part that the provider did not tell itself. `revenue_credits`: what its
    `succeeded_tasks` were charged.
    """

    provider: str
    jobs: int
    microdollars: int
    estimated_microdollars: int
    late_jobs: int
    late_microdollars: int
    succeeded_tasks: int
    revenue_credits: int


def cost_id(task_id: TaskId, attempt: int) -> str:
    return f"{task_id}.{attempt}"


def opened(after: Task, terms: Terms) -> AttemptChange:
    """The task's submit begins. An earlier attempt of the same number, which was throttled, gives way to it."""
    return AttemptChange(_attempt_of(after, after.state_at_us, terms), _OPENING)


def change_of(before: Task, after: Task, ending: Ending | None, cost: Cost | None) -> AttemptChange | None:
    """What a transition does to the open attempt, if it does anything.

    `ending` None, for a task that ends: nobody knows what became of the job, so the attempt is given up.
    """
    if before.state not in WITH_JOB:
        return None
    attempt = _attempt_of(before, before.state_at_us, Terms(before.credential))
    if after.state not in WITH_JOB:
        return AttemptChange(_ended(attempt, ending or Ending.GIVEN_UP, cost, after.state_at_us), _ENDING)
    if after.state is State.RUNNING and before.state is State.SUBMITTING:
        return AttemptChange(replace(attempt, job_id=after.job_id, accepted_at_us=after.state_at_us), _ACCEPTING)
    return None


def booking_of(change: AttemptChange | None, kind: CostKind, created_at_us: int) -> Booking | None:
    """What the end of an attempt costs us: a job with a video always something, any other what its provider says."""
    if change is None:
        return None
    attempt = change.attempt
    cost = None
    if attempt.cost_microdollars is not None:
        cost = Cost(attempt.cost_microdollars, attempt.cost_units)
    is_video = attempt.ending in (Ending.FINISHED, Ending.LATE)
    if not is_video and cost is None:
        return None
    return Booking(attempt.task_id, attempt.number, kind, attempt.provider, attempt.model, cost, created_at_us)


def booked(booking: Booking, expected_microdollars: int) -> ProviderCost | None:
    """The row of a booking; None where nothing was told and nothing expected."""
    if booking.cost is None and not expected_microdollars:
        return None
    cost = booking.cost or Cost(expected_microdollars)
    return ProviderCost(
        id=cost_id(booking.task_id, booking.attempt),
        task_id=booking.task_id,
        attempt=booking.attempt,
        kind=booking.kind,
        provider=booking.provider,
        model=booking.model,
        microdollars=cost.microdollars,
        units=cost.units,
        is_estimate=booking.cost is None,
        created_at_us=booking.created_at_us,
    )


# --- reconciliation ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What a look at a given-up attempt has brought; written only if the row is as it was when the look began."""

    change: AttemptChange
    booking: Booking | None = None


def cleared_up(attempt: Attempt, ending: Ending, cost: Cost | None, now_us: int) -> Reconciliation:
    """It is known now what became of a given-up attempt. When it was given up stays on its row."""
    after = _ended(attempt, ending, cost, attempt.ended_at_us or now_us)
    change = AttemptChange(after, (*_ENDING, *_ACCEPTING))
    return Reconciliation(change, booking_of(change, CostKind.LATE, now_us))


def looked_for(attempt: Attempt, window_s: float, now_us: int) -> Reconciliation:
    """Nothing certain was learned: look again after a pause that grows, until the window since its end is over."""
    pause_s = min(RECONCILE_S_MAX, RECONCILE_FIRST_S * 2.0 ** min(attempt.reconcile_tries, 30))
    next_us = now_us + round(pause_s * US)
    is_over = now_us >= (attempt.ended_at_us or 0) + round(window_s * US)
    after = replace(attempt, reconcile_at_us=None if is_over else next_us)
    return Reconciliation(AttemptChange(after, ("reconcile_at_us", *_ACCEPTING)))


def _attempt_of(task: Task, started_at_us: int, terms: Terms) -> Attempt:
    """The row as far as the task's own tells it; an open one."""
    generation = generation_of(task.generation)
    is_known = task.job_id is not None
    return Attempt(
        task_id=task.id,
        number=task.attempt,
        provider=task.provider or "",
        model=task.model,
        mode=generation.mode,
        duration_s=generation.duration_s,
        credential=terms.credential,
        started_at_us=started_at_us,
        accepted_at_us=started_at_us if is_known else None,
        job_id=task.job_id,
        expected_microdollars=terms.expected_microdollars,
    )


def _ended(attempt: Attempt, ending: Ending, cost: Cost | None, ended_at_us: int) -> Attempt:
    is_open_question = ending is Ending.GIVEN_UP
    return replace(
        attempt,
        ended_at_us=ended_at_us,
        ending=ending,
        cost_microdollars=None if cost is None else cost.microdollars,
        cost_units=None if cost is None else cost.units,
        reconcile_at_us=ended_at_us + round(RECONCILE_FIRST_S * US) if is_open_question else None,
    )
