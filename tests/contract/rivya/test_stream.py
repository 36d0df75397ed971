"""Waiting for a task: the long poll of section 8.6 and the event stream of section 12.4. C60."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.rivya.wire import (
    GENERATIONS,
    RATE_HEADERS,
    assert_task,
    cancel,
    error_of,
    events_in,
    problem,
    problems_of,
    status_of,
    task_of,
)
from reelway.domain.task import State
from support.gateway import WAIT_S, Account, TestGateway, running_gateway
from support.staging import Gate, in_state, provider_of, until_state

pytestmark = pytest.mark.anyio

TOO_LONG_S = 30.0


# --- ?wait= -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["", "x", "-1", "-0.1", "60.001", "61", "1e9", "nan", "inf", "0x1", "1_0", " 5", "٣", "5s", "\0"]
)
async def test_8_6_a_wait_is_a_number_from_0_to_60(shared: TestGateway, account: Account, value: str) -> None:
    task_id = await shared.created(account)
    answer = await status_of(shared, account, task_id, wait=value)
    assert problems_of(answer) == [problem("query.wait", "Must be a number from 0 to 60.")]


async def test_8_6_every_number_from_0_to_60_is_taken(shared: TestGateway, account: Account) -> None:
    task_id = await shared.created(account)
    ended = task_of(await shared.ended(account, task_id))
    for value in ("0", "0.0", "-0", "0.5", "1e1", "60", "60.0", "6E+1"):
        assert task_of(await status_of(shared, account, task_id, wait=value)) == ended


@pytest.mark.parametrize("wait", [None, "0", "0.05"])
async def test_8_6_when_the_time_is_over_the_task_is_shown_as_it_is(
    stage: TestGateway, owner: Account, wait: str | None
) -> None:
    task_id = await in_state(stage, owner, State.RUNNING)
    answer = await status_of(stage, owner, task_id, **({} if wait is None else {"wait": wait}))
    assert task_of(answer)["status"] == "processing"


@pytest.mark.parametrize("end", ["succeeded", "cancelled", "expired"])
async def test_c60_a_wait_ends_when_the_task_ends(stage: TestGateway, owner: Account, end: str) -> None:
    gate = Gate()
    if end == "succeeded":
        provider_of(stage).before_poll = gate
        task_id = await stage.created(owner)
        await until_state(stage, task_id, State.RUNNING)
    else:
        task_id = await in_state(stage, owner, State.QUEUED)
    waiting = [
        asyncio.create_task(
            stage.http.get(f"{GENERATIONS}/{task_id}", params={"wait": 60}, headers=owner.headers, timeout=TOO_LONG_S)
        )
        for _ in range(3)
    ]
    await stage.until(lambda: stage.core.streams_open == 3)
    assert not any(request.done() for request in waiting)
    match end:
        case "succeeded":
            gate.open()
        case "cancelled":
            await cancel(stage, owner, task_id)
        case _:
            stage.clock.advance(3_700)
    async with asyncio.timeout(WAIT_S):
        answers = [await request for request in waiting]
    for answer in answers:
        task_of(answer)
        assert answer.headers["X-Reelway-State"] == end
    assert stage.core.streams_open == 0


async def test_8_6_a_waiting_request_counts_as_one(stage: TestGateway, owner: Account) -> None:
    task_id = await in_state(stage, owner, State.RUNNING)
    first = await status_of(stage, owner, task_id, wait="0.2")
    second = await status_of(stage, owner, task_id)
    assert int(first.headers["RateLimit-Remaining"]) - int(second.headers["RateLimit-Remaining"]) == 1


async def test_8_6_a_wait_for_no_task_is_answered_at_once(shared: TestGateway, account: Account) -> None:
    answer = await status_of(shared, account, "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", wait=60)
    error_of(answer, 404, "not_found")


# --- the event stream -------------------------------------------------------------------------------------------------


class Stream:
    """An open stream, read piece by piece."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._pieces = answer.aiter_text()
        self._text = ""

    async def until(self, count: int) -> list[dict[str, Any]]:
        """All events and comments so far, as soon as there are at least so many."""
        async with asyncio.timeout(WAIT_S):
            while len(events_in(self._whole())) < count:
                self._text += await anext(self._pieces)
        return events_in(self._whole())

    async def to_the_end(self) -> list[dict[str, Any]]:
        async with asyncio.timeout(WAIT_S):
            async for piece in self._pieces:
                self._text += piece
        assert self._text.endswith("\n\n")
        return events_in(self._text)

    def _whole(self) -> str:
        return self._text[: self._text.rfind("\n\n") + 2]


@asynccontextmanager
async def streaming(gateway: TestGateway, account: Account, task_id: str, **headers: str) -> AsyncIterator[Stream]:
    path = f"{GENERATIONS}/{task_id}/events"
    async with gateway.http.stream("GET", path, headers=account.headers | headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].partition(";")[0] == "text/event-stream"
        yield Stream(answer)


def told(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Id and status of each event of a task; all else of it is checked."""
    found = []
    for event in events:
        if "data" in event:
            assert event["event"] == "generation.status"
            assert_task(event["data"])
            found.append((event["id"], event["data"]["status"]))
    return found


async def test_12_4_a_whole_life_is_told_one_event_a_status(stage: TestGateway, owner: Account) -> None:
    submitting, polling = Gate(), Gate()
    provider_of(stage).before_submit, provider_of(stage).before_poll = submitting, polling
    task_id = await stage.created(owner)
    async with streaming(stage, owner, task_id) as stream:
        events = await stream.until(2)
        assert events[0] == {"retry": "3000"}
        assert told(events) == [("1", "queued")]
        assert events[1]["data"] == task_of(await status_of(stage, owner, task_id))
        submitting.open()
        assert told(await stream.until(3)) == [("1", "queued"), ("2", "processing")]
        polling.open()
        events = await stream.to_the_end()
    assert told(events) == [("1", "queued"), ("2", "processing"), ("3", "succeeded")]
    assert events[-1]["data"] == task_of(await status_of(stage, owner, task_id))
    assert stage.core.streams_open == 0


async def test_12_4_a_stream_carries_the_headers_of_every_answer(stage: TestGateway, owner: Account) -> None:
    task_id = await in_state(stage, owner, State.RUNNING)
    async with streaming(stage, owner, task_id) as stream:
        for name in ("X-Request-Id", *RATE_HEADERS):
            assert stream.answer.headers[name]
        assert stream.answer.headers["X-Reelway-State"] == "running"
        assert "no-store" in stream.answer.headers["Cache-Control"]


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED])
async def test_12_4_the_stream_of_an_ended_task_is_its_last_event(
    stage: TestGateway, owner: Account, state: State
) -> None:
    task_id = await in_state(stage, owner, state)
    for last in (None, "0", "1", "2", "3", "4", "999999999", "1" * 40, "x", "-1", "", "٣"):
        headers: dict[bytes, bytes] = {b"Authorization": owner.headers["Authorization"].encode()}
        if last is not None:
            headers[b"Last-Event-ID"] = last.encode()
        answer = await stage.http.get(f"{GENERATIONS}/{task_id}/events", headers=headers)
        wire = "succeeded" if state is State.SUCCEEDED else "failed"
        assert told(events_in(answer.text)) == [("3", wire)], last


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("0", [("2", "processing"), ("3", "succeeded")]),
        ("1", [("2", "processing"), ("3", "succeeded")]),
        ("2", [("3", "succeeded")]),
        ("3", [("3", "succeeded")]),
    ],
)
async def test_12_4_last_event_id_skips_what_was_seen_and_never_the_end(
    stage: TestGateway, owner: Account, last: str, expected: list[tuple[str, str]]
) -> None:
    polling = Gate()
    provider_of(stage).before_poll = polling
    task_id = await stage.created(owner)
    await until_state(stage, task_id, State.RUNNING)
    async with streaming(stage, owner, task_id, **{"Last-Event-ID": last}) as stream:
        if len(expected) == 2:
            assert told(await stream.until(2)) == expected[:1]
        polling.open()
        assert told(await stream.to_the_end()) == expected


async def test_12_4_many_may_watch_one_task(stage: TestGateway, owner: Account) -> None:
    polling = Gate()
    provider_of(stage).before_poll = polling
    task_id = await stage.created(owner)

    async def watch() -> list[tuple[str, str]]:
        async with streaming(stage, owner, task_id) as stream:
            return told(await stream.to_the_end())

    watching = [asyncio.create_task(watch()) for _ in range(10)]
    await stage.until(lambda: stage.core.streams_open == 10)
    polling.open()
    for watcher in watching:
        assert (await watcher)[-1] == ("3", "succeeded")


async def test_12_4_a_quiet_stream_sends_a_comment_now_and_then(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, stream_keepalive_seconds=0.05) as gateway:
        owner = await gateway.account()
        task_id = await in_state(gateway, owner, State.RUNNING)
        async with streaming(gateway, owner, task_id) as stream:
            events = await stream.until(5)
            assert events[2:5] == [{"comment": "keep-alive"}] * 3
            await cancel(gateway, owner, task_id)
            events = await stream.to_the_end()
        assert told(events) == [("2", "processing"), ("3", "failed")]


async def test_12_4_a_stream_is_closed_after_its_time_though_the_task_goes_on(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, stream_seconds_max=1) as gateway:
        owner = await gateway.account()
        task_id = await in_state(gateway, owner, State.RUNNING)
        async with streaming(gateway, owner, task_id) as stream:
            assert told(await stream.to_the_end()) == [("2", "processing")]
        assert task_of(await status_of(gateway, owner, task_id))["status"] == "processing"


def test_12_4_the_times_of_a_stream_are_those_of_the_contract() -> None:
    from reelway.settings import Settings

    settings = Settings(_env_file=None)
    assert (settings.stream_keepalive_seconds, settings.stream_seconds_max) == (15, 15 * 60)


async def test_12_4_a_reader_that_goes_away_frees_its_place(stage: TestGateway, owner: Account) -> None:
    task_id = await in_state(stage, owner, State.RUNNING)
    async with streaming(stage, owner, task_id) as stream:
        await stream.until(2)
        assert stage.core.streams_open == 1
    await stage.until(lambda: stage.core.streams_open == 0)
    assert task_of(await status_of(stage, owner, task_id))["status"] == "processing"


async def test_12_4_a_head_of_a_stream_ends_after_the_head(stage: TestGateway, owner: Account) -> None:
    task_id = await in_state(stage, owner, State.RUNNING)
    answer = await stage.http.head(f"{GENERATIONS}/{task_id}/events", headers=owner.headers, timeout=5)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stage.core.streams_open == 0
