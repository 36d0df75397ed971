"""Walking a provider's list: as far as it is worth it, using all that stands there, and not where there is none."""

from collections.abc import Callable

import pytest

from reelway.domain import outcomes
from reelway.domain.ids import JobId
from reelway.providers.http import Answered, Lost
from reelway.providers.listing import NO_LIST_S, PAGES_MAX, Listing, NoPage, Page, entries_with_cursor, page_of

pytestmark = pytest.mark.anyio

SIZE = 10
AT_WORK = outcomes.InProgress(None, 5.0)


def read(entry: object) -> tuple[JobId, outcomes.PollOutcome | None] | None:
    """Entries are numbers; negative ones do not say enough, and those from 1,000 on are somebody else's."""
    assert isinstance(entry, int)
    if entry >= 1_000:
        return None
    return JobId(str(abs(entry))), None if entry < 0 else AT_WORK


def jobs(*numbers: int) -> list[JobId]:
    return [JobId(str(number)) for number in numbers]


class Shelf:
    """A list of entries, newest first, and which pages were asked for."""

    def __init__(self, entries: list[int]) -> None:
        self.entries = entries
        self.asked: list[int] = []

    async def page(self, number: int) -> Page | NoPage:
        self.asked.append(number)
        return Page(self.entries[SIZE * (number - 1) : SIZE * number])

    async def after(self, cursor: str | None) -> Page | NoPage:
        number = int(cursor or 1)
        self.asked.append(number)
        has_more = SIZE * number < len(self.entries)
        return Page(self.entries[SIZE * (number - 1) : SIZE * number], str(number + 1) if has_more else None)


async def walked(shelf: Shelf, due: list[JobId], watched: int, by: str) -> tuple[dict[JobId, object], list[JobId]]:
    listing = Listing(SIZE, is_wanted=True)
    if by == "number":
        return await listing.by_number(shelf.page, read, due, watched)  # type: ignore[return-value]
    return await listing.by_cursor(shelf.after, read, due, watched)  # type: ignore[return-value]


BOTH = pytest.mark.parametrize("by", ["number", "cursor"])


@BOTH
async def test_one_page_is_asked_for_where_all_due_jobs_stand_on_it(by: str) -> None:
    shelf = Shelf(list(range(100)))
    found, _ = await walked(shelf, jobs(*range(6)), 100, by)
    assert shelf.asked == [1]
    assert set(found) == set(jobs(*range(SIZE)))  # what is not due is used too


@BOTH
async def test_the_walk_goes_as_far_as_the_oldest_due_jobs(by: str) -> None:
    shelf = Shelf(list(range(100)))
    found, _ = await walked(shelf, jobs(*range(60, 70)), 100, by)
    assert set(jobs(*range(60, 70))) <= set(found)
    assert max(shelf.asked) < 10


@BOTH
async def test_jobs_that_lie_far_apart_among_others_are_not_walked_for(by: str) -> None:
    """Beyond where the watched jobs are sure to reach, a page has to bring enough of them."""
    shelf = Shelf([number if number % 20 == 0 else number + 1_000 for number in range(900)])
    await walked(shelf, jobs(*range(0, 900, 20)), 45, by)
    assert len(shelf.asked) < 12


@BOTH
async def test_the_end_of_the_list_ends_the_walk(by: str) -> None:
    shelf = Shelf(list(range(25)))
    found, _ = await walked(shelf, jobs(*range(500, 520)), 500, by)
    assert len(found) == 25
    assert max(shelf.asked) <= 6


@BOTH
async def test_no_list_is_walked_for_ever(by: str) -> None:
    shelf = Shelf(list(range(1_000)) * 30)
    await walked(shelf, jobs(*range(5_000, 5_100)), 10**9, by)
    assert len(shelf.asked) <= PAGES_MAX + 4


@BOTH
async def test_an_entry_that_says_too_little_is_named_and_counts_as_seen(by: str) -> None:
    shelf = Shelf([1, 2, 3, 4, 5, -6, *range(1_000, 1_100)])
    found, unclear = await walked(shelf, jobs(1, 2, 3, 4, 5, 6), 6, by)
    assert (set(found), unclear) == (set(jobs(1, 2, 3, 4, 5)), jobs(6))
    assert shelf.asked == [1]


def nothing(_answer: Answered) -> Page | None:
    return None


@pytest.mark.parametrize(
    ("reply", "rest_s"),
    [
        (Answered(404), NO_LIST_S),
        (Answered(405), NO_LIST_S),
        (Answered(200, {}, b"<html>"), 60.0),
        (Answered(429, {"retry-after": "7"}), 7.0),
        (Lost("no answer in time"), 60.0),
    ],
)
async def test_a_list_that_is_not_there_is_left_alone_for_a_while(reply: Answered | Lost, rest_s: float) -> None:
    page = page_of(reply, nothing)
    assert page == NoPage(rest_s)
    listing = Listing(SIZE, is_wanted=True)
    assert listing.page_max == SIZE

    async def ask(_: object) -> Page | NoPage:
        return page

    assert await listing.by_number(ask, read, jobs(*range(9)), 9) == ({}, [])
    assert listing.page_max == 0


def test_a_provider_whose_entry_says_so_is_never_asked_to_list() -> None:
    assert Listing(SIZE, is_wanted=False).page_max == 0


CURSORS: dict[str, tuple[bytes, Callable[[Page | None], bool]]] = {
    "a page with more behind it": (b'{"data":[1],"has_more":true,"c":"x"}', lambda page: page == Page([1], "x")),
    "the last page": (b'{"data":[1],"has_more":false,"c":"x"}', lambda page: page == Page([1])),
    "no cursor": (b'{"data":[],"has_more":true,"c":null}', lambda page: page == Page([])),
    "no list": (b'{"data":{}}', lambda page: page is None),
    "no object": (b"[]", lambda page: page is None),
}


@pytest.mark.parametrize("name", CURSORS)
def test_pages_with_cursors_are_read(name: str) -> None:
    body, is_right = CURSORS[name]
    assert is_right(entries_with_cursor(Answered(200, {}, body), "c"))
