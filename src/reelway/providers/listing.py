"""Lists of jobs: pages are walked as far as jobs that are asked for may stand on them, and every entry is used.

Lists have the newest job first. While we walk, new jobs push others to later pages: some are seen twice, none is
missed. One that is missed all the same is asked for by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reelway.domain import outcomes
from reelway.domain.ids import JobId
from reelway.providers.base import Order
from reelway.providers.http import Answered, Reply

NO_LIST: Final = frozenset({404, 405, 501})
"""Statuses of a server that has no list."""
NO_LIST_S: Final = 3_600.0
"""For how long a server that has no list is believed to have none."""
NO_ANSWER_S: Final = 60.0
"""For how long nothing is listed after a list without an answer."""
_LEFT_OVER_MAX: Final = 4
"""So few that are still to be found are asked for by themselves rather than on another page."""
PAGES_MAX: Final = 200
_AT_ONCE: Final = 4
"""Pages, or single jobs, that are asked for at the same time."""


@dataclass(frozen=True, slots=True)
class Page:
    """Entries as the provider wrote them. `after` leads to the next page; None: there is none."""

    entries: list[Any]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class NoPage:
    """For so long there is no use in asking again."""

    rest_s: float


Found = dict[JobId, outcomes.PollOutcome]
Read = Callable[[Any], tuple[JobId, outcomes.PollOutcome | None] | None]
"""What an entry says: None where it is no job of ours; an outcome of None where the job has to be asked for itself."""


class Listing:
    """Whether a provider lists its jobs, and the walk through its pages.

    Args:
        page_max: entries of a full page.
        is_wanted: False where the provider's entry says that it does not list.
    """

    def __init__(self, page_max: int, *, is_wanted: bool) -> None:
        self._page_max = page_max if is_wanted else 0
        self._rests_until_s = 0.0

    @property
    def page_max(self) -> int:
        """0 while the provider is known not to list."""
        if self._rests_until_s and asyncio.get_running_loop().time() < self._rests_until_s:
            return 0
        return self._page_max

    async def by_number(
        self, ask: Callable[[int], Awaitable[Page | NoPage]], read: Read, due: Collection[JobId], watched: int
    ) -> tuple[Found, list[JobId]]:
        """Pages that have numbers, from 1 on, some at a time; see `_Walk` for the result."""
        walk = _Walk(read, due, self._pages_sure(watched))
        number, at_once = 1, 1
        while number <= PAGES_MAX and not walk.is_done:
            for page in await asyncio.gather(*(ask(one) for one in range(number, number + at_once))):
                self._take(walk, page)
                walk.is_done |= isinstance(page, Page) and len(page.entries) < self._page_max
            number, at_once = number + at_once, _AT_ONCE
        return walk.found, walk.unclear

    async def by_cursor(
        self, ask: Callable[[str | None], Awaitable[Page | NoPage]], read: Read, due: Collection[JobId], watched: int
    ) -> tuple[Found, list[JobId]]:
        """Pages of which each leads to the next; see `_Walk` for the result."""
        walk = _Walk(read, due, self._pages_sure(watched))
        after: str | None = None
        for _ in range(PAGES_MAX):
            page = await ask(after)
            self._take(walk, page)
            after = page.after if isinstance(page, Page) else None
            if after is None or walk.is_done:
                break
        return walk.found, walk.unclear

    def _pages_sure(self, watched: int) -> int:
        """So far reach the jobs that are watched even where none of them has ended."""
        return 1 + watched // max(1, self._page_max)

    def _take(self, walk: "_Walk", page: Page | NoPage) -> None:
        if isinstance(page, Page):
            walk.take(page)
        else:
            self._rests_until_s = asyncio.get_running_loop().time() + page.rest_s
            walk.is_done = True


class _Walk:
    """What was found on the way, and which jobs stood there without enough to judge them by."""

    def __init__(self, read: Read, due: Collection[JobId], pages_sure: int) -> None:
        self._read = read
        self._pages_left = pages_sure
        self._missing = set(due)
        self._left_over_max = min(_LEFT_OVER_MAX, len(self._missing) - 1)
        self.found: Found = {}
        self.unclear: list[JobId] = []
        self.is_done = not due

    def take(self, page: Page) -> None:
        """Beyond where the jobs are sure to begin, a page that brings few of them is the last."""
        before = len(self._missing)
        for entry in page.entries:
            seen = self._read(entry)
            if seen is None or seen[0] in self.found:
                continue
            job_id, outcome = seen
            self._missing.discard(job_id)
            if outcome is None:
                self.unclear.append(job_id)
            else:
                self.found[job_id] = outcome
        self._pages_left -= 1
        is_poor = self._pages_left <= 0 and before - len(self._missing) <= _LEFT_OVER_MAX
        self.is_done |= is_poor or len(self._missing) <= self._left_over_max


async def asked_singly(
    unclear: Collection[JobId],
    orders: Mapping[JobId, Order],
    poll: Callable[[Order, JobId], Awaitable[outcomes.PollOutcome]],
) -> Found:
    """Those of which a list does not say enough, each by itself."""
    room = asyncio.Semaphore(_AT_ONCE)
    found: Found = {}

    async def one(job_id: JobId) -> None:
        async with room:
            order = orders.get(job_id)
            if order is not None:
                found[job_id] = await poll(order, job_id)

    await asyncio.gather(*(one(job_id) for job_id in dict.fromkeys(unclear)))
    return found


def page_of(reply: Reply, read: Callable[[Answered], Page | None]) -> Page | NoPage:
    """A reply to the question for a page. `read` gives None for an answer that is no list."""
    if not isinstance(reply, Answered):
        return NoPage(NO_ANSWER_S)
    if reply.status in NO_LIST:
        return NoPage(NO_LIST_S)
    page = read(reply)
    if page is not None:
        return page
    return NoPage(reply.retry_after_s(NO_ANSWER_S))


def entries_with_cursor(answer: Answered, cursor_key: str) -> Page | None:
    """A list as `{"data": [...], "has_more": ...}`, whose next page begins after what stands under `cursor_key`."""
    body = answer.json_object() if answer.status == 200 else None
    entries = (body or {}).get("data")
    if body is None or not isinstance(entries, list):
        return None
    after = body.get(cursor_key) if body.get("has_more") is True else None
    return Page(entries, after if isinstance(after, str) and after else None)
