"""Threads that serve calls from event loops in batches: what arrives while they are busy is served together."""

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reelway.domain.errors import UnavailableError


@dataclass(slots=True, eq=False)
class Call:
    """One call that waits for its answer: `work` is what to do, `argument` what to do it with.

    Several may wait for the same answer; each has a future of its own, so that one who gives up disturbs nobody.
    """

    work: Callable[..., Any]
    argument: Any
    loop: asyncio.AbstractEventLoop
    futures: list[asyncio.Future[Any]]
    result: Any = None
    error: BaseException | None = None


class Lane:
    """One queue and the threads that serve it.

    Args:
        serve: gets a batch and sets each call's `result` or `error`; runs in the threads.
        finish: called at the end of each thread, to close what it holds.
        queue_max: calls that may wait; 0 for no limit.
    """

    def __init__(
        self,
        name: str,
        serve: Callable[[list[Call]], None],
        *,
        threads: int,
        batch_max: int,
        queue_max: int = 0,
        finish: Callable[[], None] = lambda: None,
    ) -> None:
        self._serve = serve
        self._finish = finish
        self._batch_max = batch_max
        self._queue: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._queue_max = queue_max
        self._is_closed = False
        self._shareable: dict[Any, Call] = {}
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def ask(self, work: Callable[..., Any], argument: Any, *, is_shared: bool = False) -> Any:
        """Queue a call and wait. A caller that is cancelled does not take its call back: it may be under way.

        `is_shared`: an equal call that nobody has begun to serve yet will do; its answer is as fresh as ours would be.

        Raises:
            UnavailableError: the lane is closed, or too many calls wait.
        """
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if self._is_closed:
            raise UnavailableError("the gateway is stopping")
        if is_shared:
            waiting = self._shareable.get((work, argument))
            if waiting is not None and waiting.loop is loop:
                waiting.futures.append(future)
                return await future
        if self._queue_max and self._queue.qsize() >= self._queue_max:
            raise UnavailableError("too many calls wait for the database")
        call = Call(work, argument, loop, [future])
        if is_shared:
            self._shareable[(work, argument)] = call
        self._queue.put(call)
        return await future

    def close(self) -> None:
        """Serve what waits, then end the threads."""
        self._is_closed = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        is_last = False
        while not is_last:
            batch, is_last = self._take()
            if batch:
                self._begin(batch)
                try:
                    self._serve(batch)
                except Exception as exc:  # noqa: BLE001 - the edge of the thread's loop: every fault goes to its callers
                    for call in batch:
                        call.error = exc
                _wake(batch)
        self._finish()

    def _begin(self, batch: list[Call]) -> None:
        """From here on nobody may join these calls: their answers may be older than the question."""
        if self._shareable:
            for call in batch:
                self._shareable.pop((call.work, call.argument), None)

    def _take(self) -> tuple[list[Call], bool]:
        """Wait for one call, then take all that have arrived by then; True when the lane is closed."""
        batch: list[Call] = []
        call = self._queue.get()
        while call is not None:
            batch.append(call)
            if len(batch) >= self._batch_max:
                return batch, False
            try:
                call = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True


def _wake(batch: list[Call]) -> None:
    """Hand the answers over, with one call into each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Call]] = {}
    for call in batch:
        by_loop.setdefault(call.loop, []).append(call)
    for loop, calls in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, calls)


def _resolve(calls: list[Call]) -> None:
    for call in calls:
        for future in call.futures:
            if future.done():
                continue
            if call.error is not None:
                future.set_exception(call.error)
            else:
                future.set_result(call.result)
