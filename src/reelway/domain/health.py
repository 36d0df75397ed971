"""How a provider is doing: what was seen of it lately, and the circuit that keeps tasks away from one that is down.

A circuit belongs to a provider and a model, or to a provider as a whole. *Closed*: tasks go there. *Open*: none does,
until its time is over. *Half open*: one task at a time is let through as a trial, and its outcome closes the circuit or
opens it again for longer. Each process has a window of its own; circuits are shared between processes.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never

from reelway.domain import outcomes
from reelway.domain.decide import US
from reelway.domain.ids import TaskId, WorkerId
from reelway.domain.task import FailureCode

ALL_MODELS: Final = ""
"""In the place of a model: the circuit of a provider as a whole."""
POLLS_LOST_MIN: Final = 3
"""So many polls in a row without an answer are held against a provider, once; fewer are bad luck."""
_BUCKETS: Final = 12
"""Parts of the moving window; the oldest leaves as a whole."""
_SUBMIT_ROW_MAX: Final = 2
"""So many times the observations that are needed, all faults: what was well before is no comfort then."""
_THROTTLED_SHARE: Final = 0.1
"""A provider that throttles this share of its submits ranks behind others of its tier."""
_SLOW_SUBMITS_MIN: Final = 3


class CircuitState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Stage(StrEnum):
    """Where something was seen: when a job was to be made, or when it had been."""

    SUBMIT = "submit"
    JOB = "job"


class Kind(StrEnum):
    """`refusal`: the provider answered that it does not want this very request, which says nothing of its health."""

    SUCCESS = "success"
    FAULT = "fault"
    THROTTLE = "throttle"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """When a circuit opens and for how long. `error_share_max` is of those observed, in a stage, in the window."""

    window_s: float
    observations_min: int
    error_share_max: float
    open_s: float
    open_s_max: float
    slow_submit_s: float


@dataclass(frozen=True, slots=True)
class Seen:
    """One observation. `seconds`: how long a submit took. `retry_after_s`: of a throttle.

    `is_certain`: nothing will be taken before somebody acts, so it need not be seen again. `is_account`: of no model.
    """

    kind: Kind
    stage: Stage
    reason: str = ""
    seconds: float = 0.0
    retry_after_s: float = 0.0
    is_certain: bool = False
    is_account: bool = False


def seen_of_submit(outcome: outcomes.SubmitOutcome, seconds: float) -> Seen | None:
    """None: it says nothing of the provider, because the reason lies with us."""
    match outcome:
        case outcomes.Accepted():
            return Seen(Kind.SUCCESS, Stage.SUBMIT, seconds=seconds)
        case outcomes.Refused():
            return Seen(Kind.REFUSAL, Stage.SUBMIT)
        case outcomes.Unavailable(is_ours=True) | outcomes.Throttled(is_ours=True):
            return None
        case outcomes.Unavailable(reason, opens_circuit, only_model):
            is_account = opens_circuit and not only_model
            return Seen(Kind.FAULT, Stage.SUBMIT, reason, is_certain=opens_circuit, is_account=is_account)
        case outcomes.Throttled(retry_after_s):
            return Seen(Kind.THROTTLE, Stage.SUBMIT, "it asked us to come later", retry_after_s=retry_after_s)
        case outcomes.SubmitUnknown(reason):
            return Seen(Kind.FAULT, Stage.SUBMIT, reason)
        case _:
            assert_never(outcome)


def seen_of_find(outcome: outcomes.FindOutcome) -> Seen | None:
    """A job that is found was taken; one that is absent says no more than that the provider answers."""
    match outcome:
        case outcomes.Accepted():
            return Seen(Kind.SUCCESS, Stage.SUBMIT)
        case outcomes.Absent():
            return Seen(Kind.REFUSAL, Stage.SUBMIT)
        case outcomes.FindUnknown():
            return None
        case _:
            assert_never(outcome)


def seen_of_poll(outcome: outcomes.PollOutcome, tries: int) -> Seen | None:
    """`tries`: polls of this job that were in vain before this one."""
    match outcome:
        case outcomes.InProgress():
            return None
        case outcomes.Finished():
            return Seen(Kind.SUCCESS, Stage.JOB)
        case outcomes.JobFailed(FailureCode.PROVIDER_UNAVAILABLE, reason):
            return Seen(Kind.FAULT, Stage.JOB, reason or "it could not make a job that it had taken")
        case outcomes.JobFailed():
            return Seen(Kind.REFUSAL, Stage.JOB)
        case outcomes.PollUnknown(reason):
            return Seen(Kind.FAULT, Stage.JOB, reason) if tries + 1 == POLLS_LOST_MIN else None
        case _:
            assert_never(outcome)


def seen_of_store(outcome: outcomes.StoreOutcome, *, is_given_up: bool) -> Seen | None:
    """A kept result adds nothing: its job was seen to finish. One that is tried again may still be kept."""
    match outcome:
        case outcomes.Stored() | outcomes.StoreFailed(is_ours=True):
            return None
        case outcomes.StoreFailed(reason):
            return Seen(Kind.FAULT, Stage.JOB, reason) if is_given_up else None
        case _:
            assert_never(outcome)


# --- the window -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counts:
    """What was seen in some span of time. `submit_s` is the sum over the submits that succeeded."""

    submits: int = 0
    submit_faults: int = 0
    jobs: int = 0
    job_faults: int = 0
    throttles: int = 0
    submit_s: float = 0.0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.submits + other.submits,
            self.submit_faults + other.submit_faults,
            self.jobs + other.jobs,
            self.job_faults + other.job_faults,
            self.throttles + other.throttles,
            self.submit_s + other.submit_s,
        )

    @property
    def successes(self) -> int:
        return self.submits + self.jobs

    @property
    def faults(self) -> int:
        return self.submit_faults + self.job_faults

    def is_too_bad(self, stage: Stage, policy: HealthPolicy) -> bool:
        good, bad = (self.submits, self.submit_faults) if stage is Stage.SUBMIT else (self.jobs, self.job_faults)
        return good + bad >= policy.observations_min and bad >= policy.error_share_max * (good + bad)

    def is_degraded(self, policy: HealthPolicy) -> bool:
        """It throttles, or takes its time, so that others of its tier are asked first."""
        asked = self.submits + self.submit_faults + self.throttles
        is_throttling = self.throttles > 0 and self.throttles >= _THROTTLED_SHARE * asked
        is_slow = self.submits >= _SLOW_SUBMITS_MIN and self.submit_s >= policy.slow_submit_s * self.submits
        return is_throttling or is_slow


def counts_of(seen: Seen) -> Counts:
    match seen.kind, seen.stage:
        case Kind.SUCCESS, Stage.SUBMIT:
            return Counts(submits=1, submit_s=seen.seconds)
        case Kind.SUCCESS, Stage.JOB:
            return Counts(jobs=1)
        case Kind.FAULT, Stage.SUBMIT:
            return Counts(submit_faults=1)
        case Kind.FAULT, Stage.JOB:
            return Counts(job_faults=1)
        case Kind.THROTTLE, _:
            return Counts(throttles=1)
        case _:
            return Counts()


@dataclass(frozen=True, slots=True)
class Window:
    """Counts of the last while, in at most `_BUCKETS` parts: (number of the part, counts), the oldest first.

    `submit_row`: submits that failed since one was taken, refused or put off, which shows that somebody is there.
    """

    parts: tuple[tuple[int, Counts], ...] = ()
    submit_row: int = 0

    def plus(self, seen: Seen, policy: HealthPolicy, now_us: int) -> "Window":
        number = _part_at(policy, now_us)
        kept, news = self._kept(number), counts_of(seen)
        row = (self.submit_row if kept else 0) + news.submit_faults
        if seen.stage is Stage.SUBMIT and seen.kind is not Kind.FAULT:
            row = 0
        if kept and kept[-1][0] >= number:  # also where the clock was set back
            return Window((*kept[:-1], (kept[-1][0], kept[-1][1] + news)), row)
        return Window((*kept, (number, news)), row)

    def is_too_bad(self, stage: Stage, policy: HealthPolicy, now_us: int) -> bool:
        """By the share of faults; or because every submit has failed for a while, however well it was before: under
        steady traffic the share would follow only when half of the window is over."""
        is_down = stage is Stage.SUBMIT and self.submit_row >= _SUBMIT_ROW_MAX * policy.observations_min
        return is_down or self.counts(policy, now_us).is_too_bad(stage, policy)

    def counts(self, policy: HealthPolicy, now_us: int) -> Counts:
        return sum((counts for _, counts in self._kept(_part_at(policy, now_us))), Counts())

    def _kept(self, number: int) -> tuple[tuple[int, Counts], ...]:
        return tuple(part for part in self.parts if part[0] > number - _BUCKETS)


def _part_at(policy: HealthPolicy, now_us: int) -> int:
    return now_us // max(1, round(policy.window_s * US / _BUCKETS))


@dataclass(frozen=True, slots=True)
class Observed:
    """What one worker has seen of a provider's model in its window."""

    worker: WorkerId
    provider: str
    model: str
    counts: Counts
    seen_at_us: int


# --- the circuit ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit that has been opened at least once. `model` may be `ALL_MODELS`.

    `openings` counts how often it was opened since it was last closed. `trial_task_id`: whose outcome is waited for,
    until `trial_until_us` at the longest: whoever had it may have died.
    """

    provider: str
    model: str
    is_open: bool
    stage: Stage
    reason: str
    openings: int
    opened_at_us: int
    until_us: int
    changed_at_us: int
    trial_task_id: TaskId | None = None
    trial_until_us: int | None = None

    def state(self, now_us: int) -> CircuitState:
        if not self.is_open:
            return CircuitState.CLOSED
        return CircuitState.OPEN if now_us < self.until_us else CircuitState.HALF_OPEN

    def free_at_us(self) -> int:
        """From when on a task may be let through; the past where that is so now."""
        if not self.is_open:
            return 0
        return max(self.until_us, self.trial_until_us or 0)


def opened(before: Circuit | None, provider: str, model: str, seen: Seen, policy: HealthPolicy, now_us: int) -> Circuit:
    """Open for longer each time, up to a limit."""
    openings = 1 if before is None or not before.is_open else before.openings + 1
    open_s = min(policy.open_s * 2.0 ** min(openings - 1, 30), max(policy.open_s, policy.open_s_max))
    return Circuit(
        provider=provider,
        model=model,
        is_open=True,
        stage=seen.stage,
        reason=seen.reason,
        openings=openings,
        opened_at_us=now_us,
        until_us=now_us + round(open_s * US),
        changed_at_us=now_us,
    )


def after_trial(circuit: Circuit, seen: Seen, policy: HealthPolicy, now_us: int) -> Circuit:
    """What an observation of its trial makes of a circuit; the same where it has to be waited on.

    A circuit that jobs have opened is not closed by a submit that was taken. A throttle and a refusal show that the
    provider is there, but not that it can do it: the next task is a trial again.
    """
    match seen.kind:
        case Kind.SUCCESS if seen.stage is Stage.SUBMIT and circuit.stage is Stage.JOB:
            return circuit
        case Kind.SUCCESS:
            return replace(without_trial(circuit, now_us), is_open=False, openings=0)
        case Kind.FAULT:
            return opened(circuit, circuit.provider, circuit.model, seen, policy, now_us)
        case Kind.THROTTLE | Kind.REFUSAL:
            return without_trial(circuit, now_us)
        case _:
            assert_never(seen.kind)


def on_trial(circuit: Circuit, task_id: TaskId, policy: HealthPolicy, now_us: int) -> Circuit:
    """The task is let through to see how the provider does."""
    until_us = now_us + round(max(policy.open_s, policy.open_s_max) * US)
    return replace(circuit, trial_task_id=task_id, trial_until_us=until_us, changed_at_us=now_us)


def without_trial(circuit: Circuit, now_us: int) -> Circuit:
    """The trial did not take place."""
    return replace(circuit, trial_task_id=None, trial_until_us=None, changed_at_us=now_us)


@dataclass(frozen=True, slots=True)
class Standing:
    """What routing knows of a provider's health for one model. `free_at_us`: from when on it may be asked."""

    free_at_us: int = 0
    is_degraded: bool = False


WELL: Final = Standing()
