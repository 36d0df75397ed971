"""A lane: threads that serve calls in batches, answer each caller in its own loop, and never forget one."""

import asyncio
import threading
from typing import Any

import pytest

from reelway.domain.errors import UnavailableError
from reelway.store.lane import Call, Lane

pytestmark = pytest.mark.anyio

PATIENCE_S = 20


class Server:
    """Serves a lane; the first batch waits at a gate, so that a test decides what waits behind it."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.entered = threading.Event()
        self.opened = threading.Event()

    def serve(self, batch: list[Call]) -> None:
        self.batches.append([call.argument for call in batch])
        self.entered.set()
        assert self.opened.wait(PATIENCE_S)
        for call in batch:
            if call.argument == "whole":
                raise ZeroDivisionError
            if call.argument == "alone":
                call.error = KeyError("alone")
            call.result = call.work(call.argument)


async def waiting(lane: Lane, arguments: list[str]) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(lane.ask(str.upper, argument)) for argument in arguments]
    await asyncio.sleep(0)
    return tasks


async def held(server: Server, **options: Any) -> tuple[Lane, list[asyncio.Task[Any]]]:
    lane = Lane("test", server.serve, threads=1, **({"batch_max": 100} | options))
    first = await waiting(lane, ["first"])
    assert await asyncio.to_thread(server.entered.wait, PATIENCE_S)
    return lane, first


async def test_what_arrives_while_the_thread_is_busy_is_served_together_and_in_order() -> None:
    server = Server()
    lane, first = await held(server)
    calls = await waiting(lane, ["a", "b", "c"])
    server.opened.set()
    assert await asyncio.gather(*first, *calls) == ["FIRST", "A", "B", "C"]
    assert server.batches == [["first"], ["a", "b", "c"]]
    lane.close()


async def test_a_batch_has_a_limit() -> None:
    server = Server()
    lane, first = await held(server, batch_max=2)
    calls = await waiting(lane, ["a", "b", "c", "d", "e"])
    server.opened.set()
    await asyncio.gather(*first, *calls)
    assert server.batches[1:] == [["a", "b"], ["c", "d"], ["e"]]
    lane.close()


async def test_an_error_of_one_call_goes_to_its_caller_only() -> None:
    server = Server()
    lane, first = await held(server)
    calls = await waiting(lane, ["a", "alone", "b"])
    server.opened.set()
    found = await asyncio.gather(*first, *calls, return_exceptions=True)
    assert [found[1], type(found[2]), found[3]] == ["A", KeyError, "B"]
    lane.close()


async def test_a_fault_of_the_server_goes_to_the_whole_batch_and_the_thread_lives_on() -> None:
    server = Server()
    lane, first = await held(server)
    calls = await waiting(lane, ["a", "whole", "b"])
    server.opened.set()
    found = await asyncio.gather(*first, *calls, return_exceptions=True)
    assert [type(error) for error in found[1:]] == [ZeroDivisionError] * 3
    assert await lane.ask(str.upper, "again") == "AGAIN"
    lane.close()


async def test_a_full_lane_refuses_at_once() -> None:
    server = Server()
    lane, first = await held(server, queue_max=2)
    calls = await waiting(lane, ["a", "b"])
    with pytest.raises(UnavailableError):
        await lane.ask(str.upper, "c")
    server.opened.set()
    assert await asyncio.gather(*first, *calls) == ["FIRST", "A", "B"]
    lane.close()


async def test_a_closed_lane_has_served_what_waited_and_refuses_the_rest() -> None:
    server = Server()
    lane, first = await held(server, batch_max=1)
    calls = await waiting(lane, ["a", "b", "c"])
    closing = asyncio.create_task(asyncio.to_thread(lane.close))
    server.opened.set()
    await closing
    assert await asyncio.gather(*first, *calls) == ["FIRST", "A", "B", "C"]
    with pytest.raises(UnavailableError):
        await lane.ask(str.upper, "late")


async def test_each_thread_ends_its_own_way_out() -> None:
    ended: list[str] = []
    server = Server()
    server.opened.set()
    lane = Lane(
        "test",
        server.serve,
        threads=3,
        batch_max=10,
        finish=lambda: ended.append(threading.current_thread().name),
    )
    assert await lane.ask(str.upper, "a") == "A"
    lane.close()
    assert sorted(ended) == ["test-0", "test-1", "test-2"]


async def test_a_caller_who_has_gone_does_not_trouble_the_others() -> None:
    server = Server()
    lane, first = await held(server)
    calls = await waiting(lane, ["a", "b"])
    calls[0].cancel()
    server.opened.set()
    assert await calls[1] == "B"
    assert server.batches[1] == ["a", "b"]
    await asyncio.gather(*first, *calls, return_exceptions=True)
    lane.close()


async def test_callers_of_several_event_loops_are_answered_in_their_own() -> None:
    server = Server()
    lane, first = await held(server)
    answers: list[str] = []

    def elsewhere() -> None:
        answers.append(asyncio.run(lane.ask(str.upper, "elsewhere")))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    server.opened.set()
    await asyncio.gather(*first, lane.ask(str.upper, "here"))
    await asyncio.to_thread(thread.join)
    assert answers == ["ELSEWHERE"]
    lane.close()
