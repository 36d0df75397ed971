"""Ask: due jobs are asked for, many with one list where that costs less, otherwise each by itself."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, Final

import structlog

from reelway.domain.ids import JobId, TaskId
from reelway.domain.outcomes import PollOutcome
from reelway.providers.base import ListingProvider
from reelway.telemetry import metrics
from reelway.worker.held import Held, Place

log = structlog.get_logger(__name__)

SINGLES_MAX: Final = 32
"""Single questions under way at one provider."""
MISSES_MAX: Final = 2
"""A job that so many lists in turn did not tell of is asked for by itself."""
LIST_GAP_S: Final = 2.0
"""Between the beginnings of two lists of one provider."""
LIST_S_MAX: Final = 30.0
"""Jobs that come due during a list wait for its end, so none may take longer."""


class Asker:
    """Takes due jobs out of their places and hands over what was said of them.

    Args:
        answered: takes an answer; the flag says whether it came with a list.
        give_up: a fault of ours ended the question.
        begin: carries out questions side by side.
        wake: set when there is room for another question.
    """

    def __init__(
        self,
        answered: Callable[[Held, PollOutcome, bool], None],
        give_up: Callable[[Held], Awaitable[None]],
        begin: Callable[[Coroutine[Any, Any, None]], None],
        wake: asyncio.Event,
    ) -> None:
        self._answered = answered
        self._give_up = give_up
        self._begin = begin
        self._wake = wake

    def ask_due(self, place: Place) -> None:
        """Begin what can be asked now; the rest stays due."""
        lister = place.worth_listing()
        if lister is not None and not place.is_listing and _now_s() >= place.list_at_s:
            batch, place.due = place.due, {}
            place.is_listing, place.list_at_s = True, _now_s() + LIST_GAP_S
            for held in batch.values():
                held.is_asked = True
            self._begin(self._list(place, lister, batch))
        for due in (place.unlisted,) if lister is not None else (place.unlisted, place.due):
            while due and place.singles < SINGLES_MAX:
                held = due.pop(next(iter(due)))
                held.is_asked = True
                place.singles += 1
                self._begin(self._ask(place, held))

    async def _ask(self, place: Place, held: Held) -> None:
        try:
            outcome = await place.provider.poll(held.order, held.job_id)
        except Exception:
            log.exception("a job could not be asked for; the task is taken up again", task=held.task_id)
            await self._give_up(held)
            return
        finally:
            place.singles -= 1
            self._wake.set()
        metrics.polls.labels(held.provider, "single", type(outcome).__name__).inc()
        await self._tell(held, outcome, is_listed=False)

    async def _list(self, place: Place, lister: ListingProvider, batch: dict[TaskId, Held]) -> None:
        try:
            found = await self._found(place, lister, [held.job_id for held in batch.values()])
            metrics.polls.labels(place.provider.offer.provider, "list", "answered" if found else "nothing").inc()
            for job_id, outcome in found.items():
                held = place.held.get(job_id)
                if held is not None and (batch.pop(held.task_id, None) is held or not held.is_asked):
                    await self._tell(held, outcome, is_listed=True)
        finally:
            place.is_listing = False
            self._missed(place, lister, [held for held in batch.values() if place.held.get(held.job_id) is held])
            self._wake.set()

    async def _found(
        self, place: Place, lister: ListingProvider, due: Collection[JobId]
    ) -> Mapping[JobId, PollOutcome]:
        """Nothing after a fault, or where the walk takes so long that single questions bring news sooner."""
        try:
            async with asyncio.timeout(LIST_S_MAX):
                return await lister.poll_many(due, place.orders)
        except TimeoutError:
            log.warning("a list of jobs took too long", provider=place.provider.offer.provider, seconds=LIST_S_MAX)
        except Exception:
            log.exception("jobs could not be listed; each is asked for by itself")
        return {}

    async def _tell(self, held: Held, outcome: PollOutcome, *, is_listed: bool) -> None:
        try:
            self._answered(held, outcome, is_listed)
        except Exception:
            log.exception("an answer could not be made use of; the task is taken up again", task=held.task_id)
            await self._give_up(held)

    def _missed(self, place: Place, lister: ListingProvider, missed: Sequence[Held]) -> None:
        """Jobs that the list was to tell of and did not."""
        for held in missed:
            held.is_asked = False
            held.misses += 1
            # Many that were missed at once lie further back than the walk went, which goes further next time.
            is_next_time = len(missed) > SINGLES_MAX and held.misses < MISSES_MAX and lister.list_page_max > 0
            (place.due if is_next_time else place.unlisted)[held.task_id] = held


def _now_s() -> float:
    return asyncio.get_running_loop().time()
