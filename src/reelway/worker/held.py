"""What a worker remembers of a job that runs at a provider: one small object for each, and where they lie.

A task whose job runs elsewhere needs nothing but a look now and then. The worker that holds its lease keeps it here, in
memory, and writes only what is new.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Final

from reelway.domain import decide
from reelway.domain.cadence import JobKind
from reelway.domain.generation import generation_of
from reelway.domain.ids import JobId, TaskId
from reelway.domain.task import State, Task
from reelway.providers.base import ListingProvider, Order, Provider
from reelway.worker.terms import is_pinned_elsewhere

LIST_WORTH: Final = 5
"""A call that lists is worth this many single ones: its answer costs about as much to make, to send and to read."""


@dataclass(slots=True, eq=False)
class Held:
    """A running job of a task that we have leased. Times are unix microseconds.

    `row_due_at_us` and `row_tries` are as the row has them: a due time that changes there is a hint. `tries`: questions
    without an answer since the last one. `queued_us`: the earliest place in the queue; it may be earlier than `due_us`.
    """

    order: Order
    job_id: JobId
    provider: str
    kind: JobKind
    deadline_us: int
    row_due_at_us: int | None
    row_tries: int
    progress: float
    progress_at_us: int
    tries: int
    due_us: int = 0
    queued_us: int = 0
    looks: int = 0
    misses: int = 0
    """Lists in turn that should have told of it and did not."""
    is_asked: bool = False
    """A question is under way, or its answer is being written."""
    is_told: bool = False
    """How it ended is being written: nobody else does anything with it meanwhile."""
    is_hurried: bool = False
    """Something was heard of it while it was asked: to be asked again when its row says so."""
    is_namesake: bool = False
    """Another job that we hold has the same id, and lists tell of that one: this one is asked for by itself."""

    @property
    def task_id(self) -> TaskId:
        return self.order.task_id

    def age_s(self, now_us: int) -> float:
        """Never negative, though a clock that was set back says so."""
        return max(0, now_us - self.order.since_us) / decide.US


@dataclass(slots=True, eq=False)
class Place:
    """One provider, the jobs that we hold there, and those of them that are due."""

    provider: Provider
    held: dict[JobId, Held] = field(default_factory=dict)
    orders: dict[JobId, Order] = field(default_factory=dict)
    due: dict[TaskId, Held] = field(default_factory=dict)
    unlisted: dict[TaskId, Held] = field(default_factory=dict)
    """Due ones that no list told of: each is asked for by itself."""
    singles: int = 0
    """Single questions under way."""
    is_listing: bool = False
    list_at_s: float = 0.0
    """By the event loop's clock, when jobs may be listed again."""

    @property
    def lister(self) -> ListingProvider | None:
        """The provider, if it lists jobs at present."""
        provider = self.provider
        return provider if isinstance(provider, ListingProvider) and provider.list_page_max > 0 else None

    @property
    def may_list(self) -> bool:
        """Whether a list may be worth its price when most of what we hold here is due."""
        return len(self.held) >= LIST_WORTH and self.lister is not None

    def worth_listing(self) -> ListingProvider | None:
        """The provider, if a list costs less than asking for each due job: every page has to bring enough of them."""
        lister = self.lister
        if lister is None:
            return None
        pages = max(1, -(-len(self.held) // lister.list_page_max))
        return lister if len(self.due) >= LIST_WORTH * pages else None

    def put(self, held: Held) -> None:
        held.is_namesake = held.job_id in self.held
        if not held.is_namesake:
            self.held[held.job_id] = held
            self.orders[held.job_id] = held.order

    def come_due(self, held: Held) -> None:
        if held.is_namesake:
            self.unlisted[held.task_id] = held
        elif held.task_id not in self.unlisted:
            self.due[held.task_id] = held

    def drop(self, held: Held) -> None:
        self.due.pop(held.task_id, None)
        self.unlisted.pop(held.task_id, None)
        if self.held.get(held.job_id) is held:
            del self.held[held.job_id]
            del self.orders[held.job_id]


class DueQueue:
    """Held jobs by when they are due. A later due time moves no entry: it is looked up when the earlier one comes."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Held]] = []
        self._count = 0

    @property
    def next_us(self) -> int | None:
        """Nothing is due before."""
        return self._heap[0][0] if self._heap else None

    def put(self, held: Held, due_us: int) -> None:
        held.due_us = due_us
        if held.queued_us == 0 or due_us < held.queued_us:
            held.queued_us = due_us
            self._count += 1
            heappush(self._heap, (due_us, self._count, held))

    def hurry(self, jobs: Iterable[Held], due_us: int) -> None:
        """All of these are due then, if not before: what was planned by a clock that was wrong means nothing."""
        self._heap.clear()
        for held in jobs:
            held.queued_us = 0
            self.put(held, min(held.due_us, due_us))

    def take(self, now_us: int) -> list[Held]:
        """Those that are due; each of them has left the queue."""
        found: list[Held] = []
        while self._heap and self._heap[0][0] <= now_us:
            at_us, _, held = heappop(self._heap)
            if held.queued_us != at_us:
                continue
            held.queued_us = 0
            if held.due_us <= now_us:
                found.append(held)
            else:
                self.put(held, held.due_us)
        return found


def is_watched(task: Task, providers: Mapping[str, Provider], now_us: int) -> bool:
    """Whether the task needs nothing but a look at its job now and then. The claim asks the same of rows."""
    provider = providers.get(task.provider or "")
    return (
        task.state is State.RUNNING
        and provider is not None
        and not provider.is_local
        and not is_pinned_elsewhere(task.credential, provider)
        and task.job_id is not None
        and task.cancel_requested_at_us is None
        and now_us < task.deadline_at_us
    )


def order_of(task: Task) -> Order:
    return Order(task.id, generation_of(task.generation), decide.inputs_of(task), task.state_at_us)


def search_order_of(task: Task, now_us: int) -> Order:
    """For the search after a lost submit: where that is a repeated create, it must make no job when time is over."""
    return replace(order_of(task), is_over=now_us >= task.deadline_at_us)


def held_of(task: Task) -> Held:
    """For a task that `is_watched`."""
    assert task.provider is not None
    assert task.job_id is not None
    order = order_of(task)
    generation = order.generation
    return Held(
        order=order,
        job_id=task.job_id,
        provider=task.provider,
        kind=(task.provider, generation.model, generation.mode, generation.duration_s),
        deadline_us=task.deadline_at_us,
        row_due_at_us=task.due_at_us,
        row_tries=task.tries,
        progress=task.progress,
        progress_at_us=0,
        tries=task.tries,
    )
