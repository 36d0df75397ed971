"""Group commit: writes that arrive together share one transaction, and nobody is answered before it is durable.

A write is a *handler* with a *command*. In each round the committing thread takes all that waits, hands the commands of
one handler over together, commits, and wakes the callers. When a round fails, every command is tried again alone, so
that one bad command cannot take its neighbours along.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from reelway.domain.errors import UnavailableError
from reelway.domain.ids import AccountId
from reelway.store.engine import is_out_of_space
from reelway.store.lane import Call, Lane
from reelway.store.schema import accounts
from reelway.telemetry import metrics

CommandT = TypeVar("CommandT")
ResultT = TypeVar("ResultT")

log = structlog.get_logger(__name__)

CHANGES_CHANNEL: Final = "reelway_changes"
_SLOT_LOCKS: Final = 0x5EE1
"""The first half of our advisory locks' keys; the second is the hash of the provider's name."""
_FATE_S_MAX: Final = 60.0
_FATE_PAUSE_S: Final = 0.25
_NOTIFY_BYTES_MAX: Final = 7_900
"""PostgreSQL refuses a NOTIFY payload of 8,000 bytes or more. Source: PostgreSQL manual, NOTIFY."""


@dataclass(slots=True)
class Unit:
    """One transaction under way. Handlers add the ids of tasks that others may want to hear of.

    `endings` are called once, after all handlers of the round, each with everything that was left to it: what locks
    rows that several handlers want is done there, in one order, so that rounds never wait for each other in a circle.
    """

    connection: Connection
    changed: list[str] = field(default_factory=list)
    endings: dict[Callable[[Connection, list[Any]], None], list[Any]] = field(default_factory=dict)

    def at_end(self, ending: Callable[[Connection, list[Any]], None], item: Any) -> None:
        self.endings.setdefault(ending, []).append(item)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A command, and what has to be locked before any handler of its round begins."""

    command: Any
    account_id: AccountId | None
    slots_of: str | None


Handler = Callable[[Unit, Sequence[CommandT]], Sequence[ResultT]]
"""Carries out commands in their order and gives a result for each. An exception fails the round."""


class FateUnknownError(Exception):
    """The connection broke during COMMIT and the database did not come back to say whether it took place."""


class GroupCommit:
    """The committing threads. SQLite has one writer, so one thread; PostgreSQL may have several.

    Args:
        on_commit: called in the committing thread with the ids of the tasks that a commit changed.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        threads: int,
        batch_max: int,
        queue_max: int,
        on_commit: Callable[[Sequence[str]], None],
    ) -> None:
        self._engine = engine
        self._is_postgres = engine.dialect.name == "postgresql"
        self._on_commit = on_commit
        self._pause = threading.Event()
        self._lane = Lane("reelway-commit", self._carry_out, threads=threads, batch_max=batch_max, queue_max=queue_max)

    async def run(
        self,
        handler: Handler[CommandT, ResultT],
        command: CommandT,
        *,
        account_id: AccountId | None = None,
        slots_of: str | None = None,
    ) -> ResultT:
        """Carry out one command; returns when its commit is durable.

        Args:
            account_id: the account whose balance the command may move. All accounts of a round are locked first and
                in one order, so that rounds of several threads and processes never wait for each other in a circle.
            slots_of: the provider whose slots the command counts; locked next, in the same way.

        Raises:
            UnavailableError: too many writes wait, the disk is full, or the database is away; nothing was changed,
                unless the error says that this is not known.
        """
        result: ResultT = await self._lane.ask(handler, _Wanted(command, account_id, slots_of))
        return result

    def close(self) -> None:
        self._lane.close()

    def _carry_out(self, batch: list[Call]) -> None:
        metrics.commit_batch.observe(len(batch))
        try:
            self._with_one_retry(batch)
        except FateUnknownError:
            for call in batch:
                call.error = UnavailableError("the database went away during the write", is_fate_known=False)
        except Exception as exc:  # noqa: BLE001 - the edge of a round: every fault goes to its caller
            if len(batch) == 1 or _is_storage_fault(exc):
                for call in batch:
                    call.error = _told(exc)
                return
            for call in batch:
                self._carry_out([call])

    def _with_one_retry(self, batch: list[Call]) -> None:
        """On PostgreSQL a round may fail for a reason that passes: a restarted server, a deadlock with others."""
        try:
            self._in_one_transaction(batch)
        except DBAPIError as exc:
            if not self._is_postgres or not _is_storage_fault(exc):
                raise
            log.warning("a round of writes is tried again", reason=str(exc.orig).strip())
            self._in_one_transaction(batch)

    def _in_one_transaction(self, batch: list[Call]) -> None:
        groups: dict[Callable[..., Any], list[Call]] = {}
        for call in batch:
            groups.setdefault(call.work, []).append(call)
        with self._engine.connect() as connection:
            transaction = connection.begin()
            try:
                unit = Unit(connection)
                self._lock_accounts(unit, batch)
                self._lock_slots(unit, batch)
                for handler, calls in groups.items():
                    results = handler(unit, [call.argument.command for call in calls])
                    for call, result in zip(calls, results, strict=True):
                        call.result = result
                for ending, items in unit.endings.items():
                    ending(connection, items)
                self._notify(unit)
                mark = self._transaction_mark(connection)
            except BaseException:
                transaction.rollback()
                raise
            self._commit(transaction, mark)
        if unit.changed:
            self._on_commit(unit.changed)

    def _lock_accounts(self, unit: Unit, batch: list[Call]) -> None:
        ids = {call.argument.account_id for call in batch if call.argument.account_id is not None}
        if self._is_postgres and ids:
            column = accounts.c.id
            lock = select(column).where(column.in_(ids)).order_by(column).with_for_update(key_share=True)
            unit.connection.execute(lock).all()

    def _lock_slots(self, unit: Unit, batch: list[Call]) -> None:
        """On PostgreSQL starts at one provider queue up here, so that two workers never see the same free slot."""
        if not self._is_postgres:
            return
        for provider in sorted({call.argument.slots_of for call in batch if call.argument.slots_of is not None}):
            unit.connection.execute(
                text("SELECT pg_advisory_xact_lock(:space, hashtext(:provider))"),
                {"space": _SLOT_LOCKS, "provider": provider},
            )

    def _transaction_mark(self, connection: Connection) -> str | None:
        """On PostgreSQL, the transaction's id, by which its fate can be asked when the answer to COMMIT is lost."""
        if not self._is_postgres:
            return None
        return str(connection.execute(text("SELECT CAST(pg_current_xact_id() AS text)")).scalar_one())

    def _commit(self, transaction: Any, mark: str | None) -> None:
        try:
            transaction.commit()
        except DBAPIError as exc:
            if mark is None or not exc.connection_invalidated or not self._was_committed(mark):
                raise
            log.warning("the answer to a commit was lost; the database says that it took place")

    def _was_committed(self, mark: str) -> bool:
        """Ask the database over another connection, for as long as it takes to come back, within reason.

        Source: PostgreSQL manual, pg_xact_status.

        Raises:
            FateUnknownError: the database did not come back.
        """
        ask = text("SELECT pg_xact_status(CAST(:mark AS xid8))")
        end_s = time.monotonic() + _FATE_S_MAX
        while time.monotonic() < end_s:
            try:
                with self._engine.connect() as connection:
                    status = connection.execute(ask, {"mark": mark}).scalar_one()
            except DBAPIError as exc:
                log.warning("the fate of a commit cannot be asked yet", reason=str(exc.orig).strip())
                status = None
            if status in ("committed", "aborted"):
                return bool(status == "committed")
            self._pause.wait(_FATE_PAUSE_S)
        raise FateUnknownError

    def _notify(self, unit: Unit) -> None:
        """Tell other processes which tasks changed; PostgreSQL delivers it with the commit."""
        if not self._is_postgres:
            return
        for payload in _payloads(unit.changed):
            unit.connection.execute(
                text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANGES_CHANNEL, "payload": payload}
            )


def _payloads(ids: Sequence[str]) -> list[str]:
    """Ids joined by commas, each text short enough for one NOTIFY."""
    payloads: list[str] = []
    for task_id in dict.fromkeys(ids):
        if payloads and len(payloads[-1]) + 1 + len(task_id) <= _NOTIFY_BYTES_MAX:
            payloads[-1] += f",{task_id}"
        else:
            payloads.append(task_id)
    return payloads


def _is_storage_fault(error: Exception) -> bool:
    """The database itself failed (away, locked, full), which trying each write alone would not mend."""
    return isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def _told(error: Exception) -> Exception:
    """What the caller of a failed write gets: a storage fault becomes an `UnavailableError`, a bug stays itself."""
    if not _is_storage_fault(error):
        return error
    if is_out_of_space(error):
        return UnavailableError("the disk is full")
    log.error("the database refused a write", error=str(error))
    return UnavailableError("the database cannot be written to")
