"""A provider that does what a test tells it: real answers of the protocol, no network."""

import hashlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from reelway.domain import outcomes
from reelway.domain.catalog import Catalog
from reelway.domain.generation import Mode, Product
from reelway.domain.ids import JobId
from reelway.domain.media import MediaKind
from reelway.domain.routing import Capability, Offer, Tier
from reelway.providers.base import FetchedVideo, Order, VideoFacts

EVERYTHING = Capability(
    products=frozenset(Product),
    durations_s=frozenset(range(1, 16)),
    aspect_ratios=frozenset({"16:9", "9:16", "1:1"}),
    modes=frozenset(Mode),
    sound=True,
    multi_shots=True,
    negative_prompt=True,
    last_frame=True,
    reference_kinds=frozenset({MediaKind.IMAGE}),
    last_frame_alone=True,
    cfg_scale=True,
    camera=True,
    voices=True,
    elements=True,
    masks=True,
)


def scripted_offer(
    catalog: Catalog,
    *,
    name: str = "scripted",
    tier: Tier = Tier.VALUE,
    can_cancel: bool = True,
    capability: Capability = EVERYTHING,
    slots: int = 10_000,
    is_alone: bool = False,
) -> Offer:
    """An offer for every model of the catalogue. `is_alone`: it takes requests for the official route too."""
    stands_in_for = frozenset({Tier.OFFICIAL}) if tier is Tier.VALUE and is_alone else frozenset[Tier]()
    return Offer(name, tier, can_cancel, slots, {}, {card.id: (capability,) for card in catalog}, stands_in_for)


@dataclass(slots=True)
class ScriptedProvider:
    """Fulfils `providers.base.Provider`. Each answer is taken from a queue; an empty queue gives the default.

    `jobs` are the jobs that exist at the provider, by their reference: what a bill would show.
    """

    offer: Offer
    video: bytes
    is_local: bool = False
    submits: deque[outcomes.SubmitOutcome] = field(default_factory=deque)
    finds: deque[outcomes.FindOutcome] = field(default_factory=deque)
    polls: deque[outcomes.PollOutcome] = field(default_factory=deque)
    cancels: deque[outcomes.CancelOutcome] = field(default_factory=deque)
    fetches: deque[outcomes.StoreFailed] = field(default_factory=deque)
    default_poll: outcomes.PollOutcome = field(default_factory=outcomes.Finished)
    default_submit: outcomes.SubmitOutcome | None = None
    is_checked: bool = True
    free_slots: int = 10_000
    unknown_window_s: float = 900.0
    credential: str = "none"
    facts: VideoFacts | None = None
    before_submit: Callable[[Order], Awaitable[None]] | None = None
    before_poll: Callable[[Order], Awaitable[None]] | None = None
    orders: list[Order] = field(default_factory=list)
    jobs: dict[str, int] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)
    poll_count: int = 0

    async def submit(self, order: Order) -> outcomes.SubmitOutcome:
        if self.before_submit is not None:
            await self.before_submit(order)
        self.orders.append(order)
        outcome = self.submits.popleft() if self.submits else self.default_submit
        if outcome is None:
            outcome = outcomes.Accepted(JobId(f"job-{order.task_id}"), poll_after_s=0.0)
        if isinstance(outcome, outcomes.Accepted):
            self.jobs[order.task_id] = self.jobs.get(order.task_id, 0) + 1
        return outcome

    async def find(self, order: Order) -> outcomes.FindOutcome:
        if self.finds:
            return self.finds.popleft()
        if order.task_id in self.jobs:
            return outcomes.Accepted(JobId(f"job-{order.task_id}"), poll_after_s=0.0)
        return outcomes.Absent()

    async def poll(self, order: Order, job_id: JobId) -> outcomes.PollOutcome:
        if self.before_poll is not None:
            await self.before_poll(order)
        self.poll_count += 1
        return self.polls.popleft() if self.polls else self.default_poll

    async def cancel(self, order: Order, job_id: JobId | None) -> outcomes.CancelOutcome:
        self.cancelled.append(order.task_id)
        return self.cancels.popleft() if self.cancels else outcomes.CancelConfirmed()

    async def fetch(self, order: Order, job_id: JobId, folder: Path) -> FetchedVideo | outcomes.StoreFailed:
        if self.fetches:
            return self.fetches.popleft()
        path = folder / "fetched.mp4"
        path.write_bytes(self.video)
        if not self.is_checked:
            return FetchedVideo(path)
        poster = folder / "fetched.jpg"
        poster.write_bytes(b"\xff\xd8\xff")
        sha256 = hashlib.sha256(self.video).hexdigest()
        facts = self.facts or VideoFacts(64, 48, 1.0, "h264", len(self.video), sha256)
        return FetchedVideo(path, facts, poster)

    async def discard(self, job_id: JobId) -> None:
        self.discarded.append(job_id)

    async def forget_ended(self, is_needed: Callable[[JobId], Awaitable[bool]]) -> None:
        pass

    async def aclose(self) -> None:
        pass
