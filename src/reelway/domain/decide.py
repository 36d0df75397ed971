"""From what happened to what is written: a task and an outcome become one `Transition`.

Every change of a task is made here. The functions are pure; the store applies their result in one transaction, and only
if the row still has the version that the decision was based on.
"""

import json
import zlib
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, assert_never

from reelway.domain import attempts, outcomes
from reelway.domain.attempts import UNKNOWN_TERMS, AttemptChange, Booking, CostKind, Ending, Terms
from reelway.domain.events import SILENCE, Announcement, Event, event_of
from reelway.domain.generation import Role
from reelway.domain.ids import TaskId
from reelway.domain.ledger import Transfer, resolve
from reelway.domain.task import FailureCode, PreparedReference, State, StoredResult, Task, moved

US: Final = 1_000_000
RUNNING_PROGRESS_MAX: Final = 0.98
"""Whatever a provider says: what is more belongs to a job that has finished and is being stored."""
_AWAY_COUNT: Final = 3
"""Which pause of the growing ones lies between two tries where a provider, or our storage, is away."""
FAULTS_MAX: Final = 8
"""Steps of one state that may end by our own mistake before the task is given up."""
HINT_GAP_S: Final = 1.0
"""However many hints a provider gives of a job, they bring one look at it in this time."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the gateway is. Seconds, or counts of tries."""

    submit_tries_max: int
    store_tries_max: int
    backoff_base_s: float
    backoff_max_s: float
    unknown_window_s: float


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one task: the row as it will be, with the money and the event that go with it.

    `expected_version` guards the write: a row that has moved on makes the transition void.
    """

    task: Task
    expected_version: int
    transfer: Transfer | None
    event: Event | None
    is_ending: bool = False
    """The task was unfinished before and is final now."""
    announcement: Announcement = SILENCE
    """What is said of the event; set where the transition is written, so that no decision can forget it."""
    attempt: AttemptChange | None = None
    """What it does to the task's attempt at a provider."""
    booking: Booking | None = None
    """What the attempt's end has cost us."""


def transition(
    before: Task, after: Task, *, ending: Ending | None = None, cost: outcomes.Cost | None = None
) -> Transition:
    """The transition between two rows: what it does to the ledger and whom it tells follow from the rows alone.

    `ending` and `cost`: what became of the attempt that this ends; without, nobody knows, and it is given up.
    """
    transfer = None
    if after.is_final and after.price_credits:
        transfer = resolve(after.id, after.account_id, after.price_credits, after.state, after.state_at_us)
    event = event_of(after) if after.public_status is not before.public_status else None
    attempt = attempts.change_of(before, after, ending, cost)
    return Transition(
        after,
        before.version,
        transfer,
        event,
        is_ending=after.is_final and not before.is_final,
        attempt=attempt,
        booking=attempts.booking_of(attempt, CostKind.FINAL, after.state_at_us),
    )


def started(
    task: Task,
    provider: str,
    inputs: tuple[PreparedReference, ...],
    now_us: int,
    terms: Terms = UNKNOWN_TERMS,
) -> Transition:
    """A worker is about to submit; written before the provider is called. The lease stays with the worker.

    `terms`: with which credential, and what the job is expected to cost us.
    """
    inputs_text = json.dumps([asdict(prepared) for prepared in inputs]) if inputs else task.inputs
    after = moved(
        task,
        State.SUBMITTING,
        now_us,
        provider=provider,
        credential=terms.credential,
        attempt=task.attempt + 1,
        inputs=inputs_text,
    )
    return replace(transition(task, after), attempt=attempts.opened(after, terms))


def waiting(task: Task, delay_s: float, now_us: int) -> Transition:
    """Nothing can be done now (no free slot, say); look again later."""
    return transition(task, moved(task, task.state, now_us, **_released(now_us, delay_s)))


def submitted(
    task: Task,
    outcome: outcomes.SubmitOutcome,
    policy: Policy,
    now_us: int,
    *,
    keep_lease: bool = False,
    goes_elsewhere: bool = False,
) -> Transition:
    """What the provider said to the submit. `keep_lease`: this worker goes on with the job without a break.

    `goes_elsewhere`: another provider, which has not seen the task yet, may be asked now if this one could not take it.
    """
    match outcome:
        case outcomes.Accepted(job_id, poll_after_s):
            changes = _released(now_us, poll_after_s)
            if keep_lease:
                changes = {"due_at_us": changes["due_at_us"]}
            return transition(task, moved(task, State.RUNNING, now_us, job_id=job_id, **changes))
        case outcomes.Refused(code, reason):
            return failed(task, code, reason, now_us, ending=Ending.REFUSED)
        case outcomes.Unavailable(is_ours=True):
            return _put_back(task, Ending.UNAVAILABLE, backoff_s(task.id, _AWAY_COUNT, policy), now_us)
        case outcomes.Unavailable(reason):
            return _requeued(task, Ending.UNAVAILABLE, reason, policy, now_us, is_due=goes_elsewhere)
        case outcomes.Throttled(retry_after_s):
            return _put_back(task, Ending.THROTTLED, retry_after_s, now_us)
        case outcomes.SubmitUnknown(_):
            return _still_unknown(task, policy, now_us)
        case _:
            assert_never(outcome)


def found(task: Task, outcome: outcomes.FindOutcome, policy: Policy, now_us: int) -> Transition:
    """What the provider said when it was asked for a job with our reference, after a lost answer or a crash."""
    match outcome:
        case outcomes.Accepted():
            return submitted(task, outcome, policy, now_us)
        case outcomes.Absent():
            return _requeued(task, Ending.ABSENT, "the submit never arrived", policy, now_us)
        case outcomes.FindUnknown(_):
            return _still_unknown(task, policy, now_us)
        case _:
            assert_never(outcome)


def polled(
    task: Task,
    outcome: outcomes.PollOutcome,
    policy: Policy,
    now_us: int,
    *,
    keep_lease: bool = False,
    lets_go: bool = False,
) -> Transition:
    """What the provider said about the job. Progress never falls.

    `keep_lease`: a job that goes on stays with this worker. `lets_go`: the result of one that has finished is for
    whoever has room for it.
    """
    match outcome:
        case outcomes.InProgress(progress, poll_after_s):
            lease = {} if keep_lease else _released(now_us, poll_after_s)
            progress = max(task.progress, min(progress or 0.0, RUNNING_PROGRESS_MAX))
            return transition(task, moved(task, State.RUNNING, now_us, progress=progress, tries=0, **lease))
        case outcomes.Finished(cost):
            lease = _released(now_us, 0.0) if lets_go else {}
            after = moved(task, State.STORING, now_us, progress=max(task.progress, 0.99), **lease)
            return transition(task, after, ending=Ending.FINISHED, cost=cost)
        case outcomes.JobFailed(code, reason, cost):
            return failed(task, code, reason, now_us, ending=Ending.FAILED, cost=cost)
        case outcomes.PollUnknown(_):
            return _tried_again(task, policy, now_us)
        case _:
            assert_never(outcome)


def stored(task: Task, outcome: outcomes.StoreOutcome, policy: Policy, now_us: int) -> Transition:
    """The result was kept, and only now the task succeeds and is charged; or it could not be kept."""
    match outcome:
        case outcomes.Stored(result):
            after = moved(
                task,
                State.SUCCEEDED,
                now_us,
                progress=1.0,
                final_credits=task.price_credits,
                result=json.dumps(asdict(result)),
            )
            assert after.final_at_us is not None
            # The owner of a deleted task, whose provider went on all the same, sees no result: the sweep takes it.
            kept_us = 0 if task.deleted_at_us is not None else task.result_ttl_s * US
            after = replace(after, result_expires_at_us=after.final_at_us + kept_us)
            return transition(task, after)
        case outcomes.StoreFailed(is_away=True) if now_us < task.deadline_at_us:
            # The video is made and paid for: an outage of its provider, or of our storage, uses up no tries.
            return waiting(task, backoff_s(task.id, _AWAY_COUNT, policy), now_us)
        case outcomes.StoreFailed(_, is_final):
            if is_final or task.tries + 1 >= policy.store_tries_max:
                return failed(task, FailureCode.STORAGE_FAILED, "", now_us)
            return _tried_again(task, policy, now_us)
        case _:
            assert_never(outcome)


def failed(
    task: Task,
    code: FailureCode,
    reason: str,
    now_us: int,
    *,
    ending: Ending | None = None,
    cost: outcomes.Cost | None = None,
) -> Transition:
    """The task ends without a result; its hold goes back. `reason` may be shown to the caller.

    `ending` and `cost` are those of the attempt under way; None: what became of its job is not known.
    """
    after = moved(task, State.FAILED, now_us, failure_code=code, failure_reason=reason or None)
    return transition(task, after, ending=ending, cost=cost)


def refused_at_once(task: Task) -> Task:
    """A new task whose content is refused before anything is done: it is made as one that has ended, at no price."""
    ended = moved(task, State.FAILED, task.created_at_us, failure_code=FailureCode.CONTENT_REJECTED)
    return replace(ended, version=task.version, price_credits=0)


def faulted(task: Task, policy: Policy, now_us: int) -> Transition:
    """A step ended by our own mistake: another try later, and after too many of them the task fails."""
    if task.tries + 1 >= FAULTS_MAX:
        return failed(task, FailureCode.INTERNAL_ERROR, "", now_us)
    return _tried_again(task, policy, now_us)


def expired(task: Task, now_us: int, *, ending: Ending | None = None) -> Transition:
    """The task's deadline passed before it had a result. `ending` None: its job, if it has one, may go on."""
    after = moved(task, State.EXPIRED, now_us, failure_code=FailureCode.TIMEOUT)
    return transition(task, after, ending=ending)


def cancelled(task: Task, now_us: int, *, ending: Ending = Ending.CANCELLED) -> Transition:
    """The task was stopped for the caller, and it is certain that no video will come; `ending` says why."""
    after = moved(task, State.CANCELLED, now_us, failure_code=FailureCode.CANCELLED)
    return transition(task, after, ending=ending)


def cancel_requested(task: Task, now_us: int) -> Transition:
    """The caller wants the task stopped; the worker asks the provider as soon as it looks, so that is now."""
    due_at_us = task.due_at_us if task.lease_owner else now_us
    return transition(task, moved(task, task.state, now_us, cancel_requested_at_us=now_us, due_at_us=due_at_us))


def cancel_declined(task: Task, now_us: int) -> Transition:
    """The provider cannot stop the job; the task goes on as if nothing had been asked."""
    return transition(task, moved(task, task.state, now_us, cancel_requested_at_us=None))


def hinted(task: Task, now_us: int) -> Transition | None:
    """The provider says that the job has news. That is no more than a reason to ask it now; None: it will be anyway.

    For a job that a worker holds, the due time says when it was hinted last. One that
    comes within `HINT_GAP_S` of another is for the end of that time, and speaks for all until then.
    While the job is younger than that its due time is its first one, and every hint counts.
    """
    due_at_us, gap_us = task.due_at_us, round(HINT_GAP_S * US)
    if due_at_us is None or (task.lease_owner is None and due_at_us <= now_us):
        return None
    look_at_us = now_us
    if task.lease_owner is not None and now_us - task.state_at_us >= gap_us:
        if now_us < due_at_us <= now_us + gap_us:
            return None
        if due_at_us <= now_us < due_at_us + gap_us:
            look_at_us = due_at_us + gap_us
    return transition(task, moved(task, task.state, now_us, due_at_us=look_at_us))


def deleted(task: Task, now_us: int) -> Transition:
    """The owner wants to see the task no more. One that has ended loses its files; one under way is to be stopped.

    Neither the task's state nor its money moves by this.
    """
    changes: dict[str, Any] = {"deleted_at_us": now_us}
    if task.result_expires_at_us is not None:
        changes["result_expires_at_us"] = min(task.result_expires_at_us, now_us)
    if not task.is_final:
        changes["cancel_requested_at_us"] = task.cancel_requested_at_us or now_us
        if not task.lease_owner:
            changes["due_at_us"] = now_us
    return Transition(replace(task, version=task.version + 1, **changes), task.version, None, None)


def backoff_s(task_id: TaskId, count: int, policy: Policy) -> float:
    """Delay that doubles with `count`, spread by up to a quarter so that what failed together does not return together.

    The spread comes from the task's id and the count: no randomness, yet no herd.
    """
    delay_s = min(policy.backoff_max_s, policy.backoff_base_s * 2.0 ** min(count, 30))
    return delay_s * (1 + spread_of(task_id, count) / 4)


def spread_of(task_id: TaskId, count: int) -> float:
    """From 0 to 1, the same for the same task and count."""
    return zlib.crc32(f"{task_id}:{count}".encode()) / 2**32


def result_of(task: Task) -> StoredResult | None:
    """The decoded result of a succeeded task."""
    return None if task.result is None else StoredResult(**json.loads(task.result))


def inputs_of(task: Task) -> tuple[PreparedReference, ...]:
    """The decoded reference images, start frame first."""
    if task.inputs is None:
        return ()
    found = json.loads(task.inputs)
    return tuple(PreparedReference(**(item | {"role": Role(item.get("role", Role.START_FRAME))})) for item in found)


def _put_back(task: Task, ending: Ending, delay_s: float, now_us: int) -> Transition:
    """The provider was not asked, or asks us to come later: no try is counted, and only the deadline ends this."""
    if task.cancel_requested_at_us is not None:
        return cancelled(task, now_us, ending=ending)
    after = moved(task, State.QUEUED, now_us, attempt=task.attempt - 1, **_released(now_us, delay_s))
    return transition(task, after, ending=ending)


def _requeued(
    task: Task, ending: Ending, reason: str, policy: Policy, now_us: int, *, is_due: bool = False
) -> Transition:
    """No job was made, for certain: end where the caller wants it, try again, or give up after the last attempt.

    `is_due`: without a pause.
    """
    if task.cancel_requested_at_us is not None:
        return cancelled(task, now_us, ending=ending)
    if task.attempt >= policy.submit_tries_max:
        return failed(task, FailureCode.PROVIDER_UNAVAILABLE, reason, now_us, ending=ending)
    delay_s = 0.0 if is_due else backoff_s(task.id, task.attempt - 1, policy)
    return transition(task, moved(task, State.QUEUED, now_us, **_released(now_us, delay_s)), ending=ending)


def _still_unknown(task: Task, policy: Policy, now_us: int) -> Transition:
    """The provider may have a job. The hold stays and nothing is repeated, until the provider's window is over."""
    if now_us >= task.state_at_us + policy.unknown_window_s * US:
        return failed(task, FailureCode.PROVIDER_UNAVAILABLE, "the provider did not answer", now_us)
    return _tried_again(task, policy, now_us)


def _tried_again(task: Task, policy: Policy, now_us: int) -> Transition:
    """The same state after one more vain try, due after a growing delay."""
    delay_s = backoff_s(task.id, task.tries, policy)
    return transition(task, moved(task, task.state, now_us, tries=task.tries + 1, **_released(now_us, delay_s)))


def _released(now_us: int, delay_s: float) -> dict[str, int | None]:
    """Columns of a row that nobody holds and that is due after `delay_s`."""
    return {"lease_owner": None, "lease_until_us": None, "due_at_us": now_us + round(delay_s * US)}
