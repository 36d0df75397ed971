"""Writing and reading uploaded files, and what retention takes away."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, null, or_, select, text, update

from reelway.domain.ids import AccountId, FileId, TaskId, last_id
from reelway.domain.media import MediaKind
from reelway.domain.records import StoredFile
from reelway.store.commit import Unit
from reelway.store.schema import deliveries, events, files, idempotency, tasks, webhook_endpoints, webhook_events
from reelway.store.schema_attempts import attempts

_DELETE_TASK = delete(tasks).where(tasks.c.id == bindparam("old_task_id"))
_DELETE_EVENTS_OF_TASK = delete(events).where(events.c.task_id == bindparam("old_task_id"))
_DELETE_ATTEMPTS_OF_TASK = delete(attempts).where(attempts.c.task_id == bindparam("old_task_id"))
_DELETE_EVENT = delete(events).where(
    events.c.task_id == bindparam("old_task_id"), events.c.sequence == bindparam("old_sequence")
)
_DELETE_FILE = delete(files).where(files.c.id == bindparam("old_file_id"))
_DELETE_CLAIM = delete(idempotency).where(idempotency.c.id == bindparam("old_id"))


def insert_files(unit: Unit, commands: Sequence[StoredFile]) -> list[None]:
    unit.connection.execute(insert(files), [asdict(file) | {"kind": file.kind.value} for file in commands])
    return [None] * len(commands)


def load_files(connection: Connection, ids: Sequence[FileId]) -> Mapping[FileId, StoredFile]:
    found = connection.execute(select(files).where(files.c.id.in_(ids)))
    return {file.id: file for file in map(_file_of, found.mappings())}


def _file_of(row: RowMapping) -> StoredFile:
    return StoredFile(
        **(
            dict(row)
            | {"id": FileId(row["id"]), "account_id": AccountId(row["account_id"]), "kind": MediaKind(row["kind"])}
        )
    )


def expired_files(connection: Connection, now_us: int, limit: int, passed: int) -> list[StoredFile]:
    """Files whose time is over and whose bytes still lie in the storage: those after the first `passed`."""
    query = (
        select(files)
        .where(files.c.expires_at_us <= now_us, files.c.deleted_at_us.is_(null()))
        .order_by(files.c.expires_at_us, files.c.id)
        .limit(limit)
        .offset(passed)
    )
    return [_file_of(row) for row in connection.execute(query).mappings()]


def expired_results(connection: Connection, now_us: int, limit: int, passed: int) -> list[TaskId]:
    """Tasks whose results' time is over and whose bytes still lie in the storage: those after the first `passed`."""
    query = (
        select(tasks.c.id)
        .where(
            text("result_expires_at_us IS NOT NULL AND result_deleted_at_us IS NULL"),
            tasks.c.result_expires_at_us <= now_us,
        )
        .order_by(tasks.c.result_expires_at_us, tasks.c.id)
        .limit(limit)
        .offset(passed)
    )
    return [TaskId(task_id) for (task_id,) in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Deletion:
    """The bytes of these were deleted from the storage."""

    files: tuple[FileId, ...]
    results: tuple[TaskId, ...]
    now_us: int


def note_deletions(unit: Unit, commands: Sequence[Deletion]) -> list[None]:
    for command in commands:
        if command.files:
            unit.connection.execute(
                update(files).where(files.c.id.in_(command.files)).values(deleted_at_us=command.now_us)
            )
        if command.results:
            unit.connection.execute(
                update(tasks).where(tasks.c.id.in_(command.results)).values(result_deleted_at_us=command.now_us)
            )
    return [None] * len(commands)


@dataclass(frozen=True, slots=True)
class Purge:
    """Forget rows whose retention is over. At most `limit` rows of each table go at once.

    The row of a deleted file stays as long after its end as a task's, so that its address is told to be over. A row
    whose bytes still lie in the storage stays: nothing else knows that they are there.
    """

    now_us: int
    events_before_us: int
    tasks_before_us: int
    limit: int


def purge_rows(unit: Unit, commands: Sequence[Purge]) -> list[int]:
    """How many rows went. The ledger and the costs keep their rows for ever."""
    return [_purge(unit.connection, command) for command in commands]


def _purge(connection: Connection, command: Purge) -> int:
    old_tasks = [
        {"old_task_id": task_id}
        for (task_id,) in connection.execute(
            select(tasks.c.id)
            .where(text("final_at_us IS NOT NULL"), tasks.c.final_at_us <= command.tasks_before_us)
            .where(or_(tasks.c.result_expires_at_us.is_(null()), tasks.c.result_deleted_at_us.is_not(null())))
            .limit(command.limit)
        )
    ]
    old_events = [
        {"old_task_id": task_id, "old_sequence": sequence}
        for task_id, sequence in connection.execute(
            select(events.c.task_id, events.c.sequence)
            .where(events.c.created_at_us <= command.events_before_us)
            .limit(command.limit)
        )
    ]
    old_claims = [
        {"old_id": claim_id}
        for (claim_id,) in connection.execute(
            select(idempotency.c.id).where(idempotency.c.expires_at_us <= command.now_us).limit(command.limit)
        )
    ]
    old_files = [
        {"old_file_id": file_id}
        for (file_id,) in connection.execute(
            select(files.c.id)
            .where(files.c.expires_at_us <= command.tasks_before_us, files.c.deleted_at_us.is_not(null()))
            .limit(command.limit)
        )
    ]
    if old_files:
        connection.execute(_DELETE_FILE, old_files)
    if old_events:
        connection.execute(_DELETE_EVENT, old_events)
    if old_tasks:
        connection.execute(_DELETE_EVENTS_OF_TASK, old_tasks)
        connection.execute(_DELETE_ATTEMPTS_OF_TASK, old_tasks)
        connection.execute(_DELETE_TASK, old_tasks)
    if old_claims:
        connection.execute(_DELETE_CLAIM, old_claims)
    told = _purge_told(connection, command)
    return len(old_tasks) + len(old_events) + len(old_claims) + len(old_files) + told


def _purge_told(connection: Connection, command: Purge) -> int:
    """Webhook events, attempts and deleted endpoints. Ids of the first two sort by time."""
    before_us = command.events_before_us
    over = (
        (webhook_events, webhook_events.c.id <= last_id("evt", before_us)),
        (deliveries, deliveries.c.id <= last_id("whd", before_us)),
        (webhook_endpoints, webhook_endpoints.c.revoked_at_us <= before_us),
    )
    gone = 0
    for table, is_over in over:
        some = select(table.c.id).where(is_over).order_by(table.c.id).limit(command.limit)
        gone += connection.execute(delete(table).where(table.c.id.in_(some.scalar_subquery()))).rowcount
    return gone
