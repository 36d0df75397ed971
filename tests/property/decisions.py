"""Every decision that a worker or a caller can bring about, by name; each makes a transition from a row."""

from collections.abc import Callable

from reelway.domain import decide, outcomes
from reelway.domain.attempts import Terms
from reelway.domain.decide import Transition
from reelway.domain.ids import JobId
from reelway.domain.task import FailureCode, State, Task
from unit.builders import POLICY, RESULT

Decision = Callable[[Task, int], Transition]

DECISIONS: dict[str, Decision] = {
    "start": lambda task, now_us: decide.started(task, "scripted", (), now_us, Terms("0123456789ab", 1_000)),
    "wait": lambda task, now_us: decide.waiting(task, 1.0, now_us),
    "submit accepted": lambda task, now_us: decide.submitted(
        task, outcomes.Accepted(JobId(f"job-{task.id}"), 2.0), POLICY, now_us, keep_lease=task.version % 2 == 0
    ),
    "submit refused": lambda task, now_us: decide.submitted(
        task, outcomes.Refused(FailureCode.CONTENT_REJECTED, "no"), POLICY, now_us
    ),
    "submit unavailable": lambda task, now_us: decide.submitted(task, outcomes.Unavailable("down"), POLICY, now_us),
    "submit throttled": lambda task, now_us: decide.submitted(task, outcomes.Throttled(3.0), POLICY, now_us),
    "submit unknown": lambda task, now_us: decide.submitted(task, outcomes.SubmitUnknown("?"), POLICY, now_us),
    "found": lambda task, now_us: decide.found(task, outcomes.Accepted(JobId("found"), 0.0), POLICY, now_us),
    "absent": lambda task, now_us: decide.found(task, outcomes.Absent(), POLICY, now_us),
    "find unknown": lambda task, now_us: decide.found(task, outcomes.FindUnknown("?"), POLICY, now_us),
    "in progress": lambda task, now_us: decide.polled(
        task, outcomes.InProgress((task.version % 10) / 10, 1.0), POLICY, now_us
    ),
    "finished": lambda task, now_us: decide.polled(task, outcomes.Finished(), POLICY, now_us),
    "job failed": lambda task, now_us: decide.polled(
        task, outcomes.JobFailed(FailureCode.GENERATION_FAILED, ""), POLICY, now_us
    ),
    "poll unknown": lambda task, now_us: decide.polled(task, outcomes.PollUnknown("?"), POLICY, now_us),
    "stored": lambda task, now_us: decide.stored(task, outcomes.Stored(RESULT), POLICY, now_us),
    "not stored": lambda task, now_us: decide.stored(
        task, outcomes.StoreFailed("full", is_final=False), POLICY, now_us
    ),
    "never stored": lambda task, now_us: decide.stored(task, outcomes.StoreFailed("x", is_final=True), POLICY, now_us),
    "fault": lambda task, now_us: decide.faulted(task, POLICY, now_us),
    "expire": decide.expired,
    "cancel": decide.cancelled,
    "wish to cancel": decide.cancel_requested,
    "decline to cancel": decide.cancel_declined,
}


ASKED_IN: dict[str, State] = {
    **dict.fromkeys(("submit accepted", "submit refused", "submit unavailable", "submit throttled"), State.SUBMITTING),
    **dict.fromkeys(("submit unknown", "found", "absent", "find unknown"), State.SUBMITTING),
    **dict.fromkeys(("in progress", "finished", "job failed", "poll unknown"), State.RUNNING),
    **dict.fromkeys(("stored", "not stored", "never stored"), State.STORING),
    "start": State.QUEUED,
}
"""In which state a provider is asked what the decision answers; the others may come at any time."""


FORWARD = {
    State.QUEUED: "start",
    State.SUBMITTING: "submit accepted",
    State.RUNNING: "finished",
    State.STORING: "stored",
}
"""The answers that lead to a success."""


def decided(name: str, task: Task, now_us: int) -> Transition | None:
    """The transition; None where nobody would ask, or where the table of moves has no room for the answer."""
    if ASKED_IN.get(name, task.state) is not task.state:
        return None
    try:
        return DECISIONS[name](task, now_us)
    except AssertionError as exc:
        assert "is not allowed" in str(exc)  # noqa: PT017 - any other assertion is a fault
        return None
