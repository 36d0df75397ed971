"""The task: its states, the moves between them, and the row that the store keeps.

    queued -> submitting -> running -> storing -> succeeded | failed | cancelled | expired

Any dialect shows four public statuses: queued, processing, succeeded, failed. They never move backwards, although a
task may go from `submitting` back to `queued` when it is certain that the provider made no job.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from reelway.domain.generation import Product, Role, Route, generation_of
from reelway.domain.ids import AccountId, JobId, KeyId, TaskId, WorkerId


class State(StrEnum):
    QUEUED = "queued"
    """In: the submit use case, or a worker that learned that no job was made. Out: a worker with a slot, a cancel."""
    SUBMITTING = "submitting"
    """In: a worker, before it calls the provider. Out: a worker, once it knows whether the provider has a job."""
    RUNNING = "running"
    """In: a worker that holds the provider's job id. Out: a worker that learned how the job ended."""
    STORING = "storing"
    """In: a worker that saw the job finished. Out: a worker that has copied and checked the result, or gave up."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


FINAL_STATES: Final = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED})
STARTED_STATES: Final = frozenset({State.SUBMITTING, State.RUNNING, State.STORING})

ALLOWED_MOVES: Final = MappingProxyType(
    {
        State.QUEUED: frozenset({State.QUEUED, State.SUBMITTING, State.FAILED, State.CANCELLED, State.EXPIRED}),
        State.SUBMITTING: frozenset(
            {State.SUBMITTING, State.QUEUED, State.RUNNING, State.FAILED, State.CANCELLED, State.EXPIRED}
        ),
        State.RUNNING: frozenset({State.RUNNING, State.STORING, State.FAILED, State.CANCELLED, State.EXPIRED}),
        State.STORING: frozenset({State.STORING, State.SUCCEEDED, State.FAILED}),
        State.SUCCEEDED: frozenset[State](),
        State.FAILED: frozenset[State](),
        State.CANCELLED: frozenset[State](),
        State.EXPIRED: frozenset[State](),
    }
)
"""From each state, where a transition may lead. Staying is a transition too: a poll that brought only progress."""


class PublicStatus(StrEnum):
    """What callers see, before a dialect words it."""

    QUEUED = "queued"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def rank(self) -> int:
        """1, 2, 3: grows along a task's life; serves as the number of the task's event."""
        return _RANKS[self]

    @property
    def is_final(self) -> bool:
        return self.rank == FINAL_RANK


FINAL_RANK: Final = 3
_RANKS: Final = {
    PublicStatus.QUEUED: 1,
    PublicStatus.PROCESSING: 2,
    PublicStatus.SUCCEEDED: FINAL_RANK,
    PublicStatus.FAILED: FINAL_RANK,
}

PUBLIC_STATUS: Final = MappingProxyType(
    {
        State.QUEUED: PublicStatus.QUEUED,
        State.SUBMITTING: PublicStatus.QUEUED,
        State.RUNNING: PublicStatus.PROCESSING,
        State.STORING: PublicStatus.PROCESSING,
        State.SUCCEEDED: PublicStatus.SUCCEEDED,
        State.FAILED: PublicStatus.FAILED,
        State.CANCELLED: PublicStatus.FAILED,
        State.EXPIRED: PublicStatus.FAILED,
    }
)


class FailureCode(StrEnum):
    """Why a task ended without a result."""

    CONTENT_REJECTED = "content_rejected"
    INVALID_REFERENCE = "invalid_reference"
    REFERENCE_TOO_LARGE = "reference_too_large"
    REFERENCE_UNSUPPORTED = "reference_unsupported"
    PROVIDER_REJECTED = "provider_rejected"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    GENERATION_FAILED = "generation_failed"
    STORAGE_FAILED = "storage_failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class StoredResult:
    """The kept video. Object names are keys of the object storage; `sha256` is hexadecimal."""

    video_object: str
    poster_object: str
    size_bytes: int
    sha256: str
    width: int
    height: int
    duration_s: float
    codec: str
    watermark_object: str | None = None
    """A second video with a visible mark, where the task asked for one."""


RESULT_NAMES: Final = (
    "video.mp4",
    "watermark.mp4",
    "poster.jpg",
    "thumbnail.webp",
    "spritesheet.jpg",
    "preview.webp",
    "animatic.json",
)
"""Every file that a task's result may have, below its folder in the object storage."""


def result_object(task_id: TaskId, name: str) -> str:
    """Under which name the object storage keeps one of `RESULT_NAMES`."""
    return f"results/{task_id}/{name}"


def result_objects(task_id: TaskId) -> tuple[str, ...]:
    return tuple(result_object(task_id, name) for name in RESULT_NAMES)


INPUTS_PREFIX: Final = "inputs"


def input_object(task_id: TaskId, number: int) -> str:
    """Under which name a reference that was fetched for the task is kept until the task ends."""
    return f"{INPUTS_PREFIX}/{task_id}/{number}"


def input_objects(task: "Task") -> tuple[str, ...]:
    """Every object that may have been fetched for the task, whether its row says so already or not."""
    references = generation_of(task.generation).placed_references
    return tuple(
        input_object(task.id, number) for number, (_, reference) in enumerate(references) if reference.url is not None
    )


@dataclass(frozen=True, slots=True)
class PreparedReference:
    """A reference image that was fetched and checked, kept in the object storage for the provider."""

    object_name: str
    mime_type: str
    width: int
    height: int
    role: Role = Role.START_FRAME


@dataclass(frozen=True, slots=True)
class Task:
    """One row of the table `tasks`. Times are unix microseconds; credits are whole.

    Identity and order never change after creation. The rest changes only through a `Transition`.
    `generation`, `inputs`, `result` and `wire` hold JSON texts, which most readers never decode. `wire` is what the
    dialect that made the task wants back when it shows the task. `callback_policy` names a `delivery.Policy`.
    `deleted_at_us`: the owner deleted the task; nobody is shown it any more, and the ledger stays. `credential`: a
    fingerprint of the one that the job was submitted with, and that alone may ask for it; None: not known.
    """

    id: TaskId
    account_id: AccountId
    key_id: KeyId | None
    dialect: str
    model: str
    wire_model: str
    route: str
    client_request_id: str | None
    external_task_id: str | None
    product: Product
    generation: str
    wire: str | None
    callback_url: str | None
    callback_policy: str | None
    remixed_from: TaskId | None
    result_ttl_s: int
    price_credits: int
    created_at_us: int
    deadline_at_us: int
    # what a transition may change
    state: State
    version: int
    updated_at_us: int
    state_at_us: int
    due_at_us: int | None
    lease_owner: WorkerId | None
    lease_until_us: int | None
    tries: int
    attempt: int
    provider: str | None
    job_id: JobId | None
    progress: float
    cancel_requested_at_us: int | None
    inputs: str | None
    failure_code: FailureCode | None
    failure_reason: str | None
    final_credits: int
    final_at_us: int | None
    result: str | None
    result_expires_at_us: int | None
    deleted_at_us: int | None
    credential: str | None = None

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def public_status(self) -> PublicStatus:
        return PUBLIC_STATUS[self.state]


def queued_task(
    task_id: TaskId,
    account_id: AccountId,
    *,
    dialect: str,
    model: str,
    generation: str,
    price_credits: int,
    created_at_us: int,
    deadline_at_us: int,
    result_ttl_s: int,
    **more: Any,
) -> Task:
    """A task that has just been accepted. `more` are other fields of `Task` that never change after creation."""
    fields = {
        "key_id": None,
        "wire_model": model,
        "route": Route.AUTO.value,
        "client_request_id": None,
        "external_task_id": None,
        "product": Product.TEXT_TO_VIDEO,
        "wire": None,
        "callback_url": None,
        "callback_policy": None,
        "remixed_from": None,
    }
    return Task(
        id=task_id,
        account_id=account_id,
        dialect=dialect,
        model=model,
        generation=generation,
        price_credits=price_credits,
        created_at_us=created_at_us,
        deadline_at_us=deadline_at_us,
        result_ttl_s=result_ttl_s,
        state=State.QUEUED,
        version=1,
        updated_at_us=created_at_us,
        state_at_us=created_at_us,
        due_at_us=created_at_us,
        lease_owner=None,
        lease_until_us=None,
        tries=0,
        attempt=0,
        provider=None,
        job_id=None,
        progress=0.0,
        cancel_requested_at_us=None,
        inputs=None,
        failure_code=None,
        failure_reason=None,
        final_credits=0,
        final_at_us=None,
        result=None,
        result_expires_at_us=None,
        deleted_at_us=None,
        **(fields | more),
    )


def moved(task: Task, state: State, now_us: int, **changes: Any) -> Task:
    """The task after one move: version, times and the fields that follow from the state are set here and only here.

    A clock that jumps back never makes a task's times run backwards. `changes` are fields of `Task`.
    """
    assert state in ALLOWED_MOVES[task.state], f"{task.id}: {task.state} -> {state} is not allowed"
    now_us = max(now_us, task.state_at_us)
    if state is not task.state:
        changes.setdefault("tries", 0)
        changes["state_at_us"] = now_us
    if PUBLIC_STATUS[state] is not task.public_status:
        changes["updated_at_us"] = now_us
    if state in FINAL_STATES:
        changes |= {"final_at_us": now_us, "due_at_us": None, "lease_owner": None, "lease_until_us": None}
    return replace(task, state=state, version=task.version + 1, **changes)
