"""What a provider is: somebody who makes videos for us, behind one protocol. No failure passes it as an exception."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from reelway.domain.generation import Generation
from reelway.domain.ids import JobId, TaskId
from reelway.domain.media import DigitalSourceType
from reelway.domain.outcomes import CancelOutcome, FindOutcome, PollOutcome, StoreFailed, SubmitOutcome
from reelway.domain.routing import Offer
from reelway.domain.task import PreparedReference


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made. `task_id` is the reference under which the provider can find the job again.

    `inputs` are the checked reference images in our object storage, start frame first. `since_us`: when the task came
    into its present state; while it is being submitted, or looked for, that is when its submit began. `is_over`: the
    task has ended, so nothing may be made for it any more; its job is only looked for.
    """

    task_id: TaskId
    generation: Generation
    inputs: tuple[PreparedReference, ...]
    since_us: int = 0
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What is known of a finished video without looking into it; from a renderer that measured its own output."""

    width: int
    height: int
    duration_s: float
    codec: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FetchedVideo:
    """A finished video on the local disk. Without `facts` and `poster`, whoever stores it looks into the file.

    `beside` are more files of the result, by their names in `RESULT_NAMES`. `source_type` is how it came about.
    """

    path: Path
    facts: VideoFacts | None = None
    poster: Path | None = None
    beside: Mapping[str, Path] = field(default_factory=dict)
    source_type: DigitalSourceType = DigitalSourceType.TRAINED_ALGORITHMIC


class Provider(Protocol):
    """One configured provider. Every method is safe to repeat but `submit`, which is called once an attempt."""

    @property
    def offer(self) -> Offer:
        """What routing knows of it; never changes."""
        ...

    @property
    def is_local(self) -> bool:
        """The job runs in this process, so the worker that submitted it keeps the task until the job ends."""
        ...

    @property
    def free_slots(self) -> int:
        """How many more jobs it would take now."""
        ...

    @property
    def unknown_window_s(self) -> float:
        """How long a submit whose answer was lost is looked for, before the task is given up."""
        ...

    @property
    def credential(self) -> str:
        """A fingerprint of the credential that jobs are submitted and polled with; never the secret itself."""
        ...

    async def submit(self, order: Order) -> SubmitOutcome:
        """Start the job."""
        ...

    async def find(self, order: Order) -> FindOutcome:
        """After a crash or a lost answer: does the provider have a job for this order?

        A provider that can only be asked by the same create once more is not asked for an order that is over.
        """
        ...

    async def poll(self, order: Order, job_id: JobId) -> PollOutcome:
        """How the job is doing. A local provider waits here until there is something to tell."""
        ...

    async def cancel(self, order: Order, job_id: JobId | None) -> CancelOutcome:
        """Stop the job, or make sure that none begins."""
        ...

    async def fetch(self, order: Order, job_id: JobId, folder: Path) -> FetchedVideo | StoreFailed:
        """Bring the finished video to the local disk, into `folder` unless it lies on this disk already."""
        ...

    async def discard(self, job_id: JobId) -> None:
        """The task has ended and its result, if any, is kept: nothing of the job is needed any more."""
        ...

    async def forget_ended(self, is_needed: Callable[[JobId], Awaitable[bool]]) -> None:
        """After a crash: discard the jobs that lie here and that no unfinished task needs."""
        ...

    async def aclose(self) -> None:
        """The process ends."""
        ...


@runtime_checkable
class ListingProvider(Protocol):
    """A provider whose API also lists jobs, so that one call tells of many."""

    @property
    def list_page_max(self) -> int:
        """How many jobs one call tells of; 0 while the API turns out not to list."""
        ...

    async def poll_many(self, due: Collection[JobId], orders: Mapping[JobId, Order]) -> Mapping[JobId, PollOutcome]:
        """How jobs are doing, by as few calls as it takes to learn of those that are `due`.

        `orders` are all jobs that the caller watches here; it grows and shrinks while we ask. What is learnt of others
        than the due ones is given too. A job that is not in the answer has to be asked for by itself.
        """
        ...
