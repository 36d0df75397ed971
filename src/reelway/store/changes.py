"""Who waits for a change of a task is woken by the commit that made it, in this process or in another.

Within a process the committing thread tells the hub. Between processes PostgreSQL's NOTIFY carries the ids; with SQLite
the waiters' own fallback (they look again after a while) closes the gap.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Container, Sequence
from contextlib import asynccontextmanager

import psycopg
import structlog
from sqlalchemy.engine import URL

from reelway.store.commit import CHANGES_CHANNEL

log = structlog.get_logger(__name__)

_RECONNECT_S = 1.0
_LISTEN_S = 1.0


class Feed:
    """The ids of changed tasks that one holder of many wants to hear of, kept until it takes them.

    `wanted` is read in the threads that publish: only ever asked whether an id is in it.
    """

    def __init__(self, wanted: Container[str], changed: asyncio.Event) -> None:
        self._wanted = wanted
        self._loop = asyncio.get_running_loop()
        self.changed = changed
        self._ids: set[str] = set()

    def take(self) -> set[str]:
        """What has changed since the last call."""
        ids, self._ids = self._ids, set()
        return ids

    def add(self, task_ids: Sequence[str]) -> None:
        """May be called in any thread."""
        news = [task_id for task_id in task_ids if task_id in self._wanted]
        if news:
            with contextlib.suppress(RuntimeError):  # the loop has just been closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._take_in, news)

    def _take_in(self, news: list[str]) -> None:
        self._ids.update(news)
        self.changed.set()


class ChangeHub:
    """Wakes those who wait for a task, and those who wait for any task (the worker)."""

    def __init__(self) -> None:
        self._by_task: dict[str, set[asyncio.Event]] = {}
        self._any: set[asyncio.Event] = set()
        self._feeds: set[Feed] = set()
        self._loops: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._lock = threading.Lock()

    def publish(self, task_ids: Sequence[str]) -> None:
        """May be called in any thread."""
        with self._lock:
            events = set(self._any)
            for task_id in task_ids:
                events |= self._by_task.get(task_id, set())
            targets = [(event, self._loops[event]) for event in events if not event.is_set()]
            feeds = list(self._feeds)
        for feed in feeds:
            feed.add(task_ids)
        for event, loop in targets:
            with contextlib.suppress(RuntimeError):  # the loop has just been closed: nobody waits any more
                loop.call_soon_threadsafe(event.set)

    @asynccontextmanager
    async def watch(self, task_id: str | None) -> AsyncIterator[asyncio.Event]:
        """An event that is set when the task changes, or when any does. The waiter clears it before it looks."""
        event = asyncio.Event()
        with self._lock:
            self._loops[event] = asyncio.get_running_loop()
            if task_id is None:
                self._any.add(event)
            else:
                self._by_task.setdefault(task_id, set()).add(event)
        try:
            yield event
        finally:
            with self._lock:
                del self._loops[event]
                if task_id is None:
                    self._any.discard(event)
                else:
                    waiters = self._by_task[task_id]
                    waiters.discard(event)
                    if not waiters:
                        del self._by_task[task_id]

    @asynccontextmanager
    async def follow(self, wanted: Container[str], changed: asyncio.Event) -> AsyncIterator[Feed]:
        """For one who holds many tasks: which of them changed. `changed` is set whenever there is something to take."""
        feed = Feed(wanted, changed)
        with self._lock:
            self._feeds.add(feed)
        try:
            yield feed
        finally:
            with self._lock:
                self._feeds.discard(feed)


class PostgresListener:
    """A thread that listens for other processes' commits and publishes them to the hub."""

    def __init__(self, url: URL, hub: ChangeHub) -> None:
        self._conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._hub = hub
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="reelway-listen", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._wake()
        self._thread.join()

    def _wake(self) -> None:
        """Let the thread see at once that it is to stop; where that fails it looks by itself within a second."""
        with (
            contextlib.suppress(psycopg.Error),
            psycopg.connect(self._conninfo, autocommit=True, connect_timeout=2) as connection,
        ):
            connection.execute(f"NOTIFY {CHANGES_CHANNEL}")

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._conninfo, autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANGES_CHANNEL}")
                    while not self._stop.is_set():
                        for notice in connection.notifies(timeout=_LISTEN_S, stop_after=1):
                            self._hub.publish(notice.payload.split(",") if notice.payload else [])
            except psycopg.Error as exc:
                log.warning("listening for changes was interrupted", error=str(exc).strip())
                self._stop.wait(_RECONNECT_S)
