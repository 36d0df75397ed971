"""Batched reads: what is asked for at the same time is fetched with one query.

A *loader* takes keys and gives what it found by key. One thread serves loads; a few others run whole queries (lists,
reports), so that a slow list never holds up a status read.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from reelway.domain.errors import UnavailableError
from reelway.store.lane import Call, Lane
from reelway.telemetry import metrics

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

Loader = Callable[[Connection, Sequence[KeyT]], Mapping[KeyT, ValueT]]

log = structlog.get_logger(__name__)


class Reads:
    """The reading threads. Every answer shows at least what was committed before it was asked for."""

    def __init__(self, engine: Engine, *, query_threads: int, batch_max: int) -> None:
        self._engine = engine
        self._local = threading.local()
        self._loads = Lane("reelway-load", self._load_batch, threads=1, batch_max=batch_max, finish=self._disconnect)
        self._queries = Lane(
            "reelway-query", self._query_one, threads=query_threads, batch_max=1, finish=self._disconnect
        )

    async def load(self, loader: Loader[KeyT, ValueT], key: KeyT) -> ValueT | None:
        """One value by its key, None when there is none.

        Raises:
            UnavailableError: the database is away.
        """
        value: ValueT | None = await self._loads.ask(loader, key, is_shared=True)
        return value

    async def query(self, query: Callable[[Connection], ValueT]) -> ValueT:
        """The result of a function that runs queries on a connection of its own.

        Raises:
            UnavailableError: the database is away.
        """
        value: ValueT = await self._queries.ask(query, None)
        return value

    def close(self) -> None:
        self._loads.close()
        self._queries.close()

    def _load_batch(self, batch: list[Call]) -> None:
        metrics.read_batch.observe(len(batch))
        groups: dict[Callable[..., Any], list[Call]] = {}
        for call in batch:
            groups.setdefault(call.work, []).append(call)
        for loader, calls in groups.items():
            keys = list({call.argument for call in calls})
            found = self._run(loader, keys)
            for call in calls:
                call.result = found.get(call.argument)

    def _query_one(self, batch: list[Call]) -> None:
        for call in batch:
            call.result = self._run(call.work)

    def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function with this thread's connection; once more on a new one when the connection had broken."""
        try:
            try:
                return function(self._connection(), *arguments)
            except DBAPIError as exc:
                self._disconnect()
                if not exc.connection_invalidated:
                    raise
                return function(self._connection(), *arguments)
        except DBAPIError as exc:
            self._disconnect()
            log.error("the database refused a read", error=str(exc))
            raise UnavailableError("the database cannot be read") from exc

    def _connection(self) -> Connection:
        """This thread's connection, kept open as long as it works."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._engine.connect()
        return connection

    def _disconnect(self) -> None:
        connection: Connection | None = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()
