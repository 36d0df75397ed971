"""Writing and reading the sessions of the console."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, update

from reelway.domain.ids import AccountId, KeyId
from reelway.domain.records import ApiKey
from reelway.domain.sessions import SESSIONS_MAX, Session
from reelway.store.accounts import load_keys_by_id
from reelway.store.commit import GroupCommit, Unit
from reelway.store.reads import Reads
from reelway.store.schema import console_sessions


@dataclass(frozen=True, slots=True)
class _Seen:
    id_hash: str
    now_us: int


@dataclass(frozen=True, slots=True)
class _End:
    """Exactly one is set."""

    id_hash: str | None = None
    account_id: AccountId | None = None


def _insert_sessions(unit: Unit, commands: Sequence[Session]) -> list[None]:
    """Sessions whose time is over go with it, and those that the account has beyond its number."""
    connection, table = unit.connection, console_sessions
    for session in commands:
        kept = (
            select(table.c.id_hash)
            .where(table.c.account_id == session.account_id)
            .order_by(table.c.seen_at_us.desc(), table.c.id_hash)
            .limit(SESSIONS_MAX - 1)
        )
        is_surplus = (table.c.account_id == session.account_id) & table.c.id_hash.not_in(kept.scalar_subquery())
        connection.execute(delete(table).where(or_(table.c.expires_at_us <= session.created_at_us, is_surplus)))
        connection.execute(insert(table), [asdict(session) | {"is_operator": int(session.is_operator)}])
    return [None] * len(commands)


def _note_seen(unit: Unit, commands: Sequence[_Seen]) -> list[None]:
    for command in commands:
        unit.connection.execute(
            update(console_sessions)
            .where(console_sessions.c.id_hash == command.id_hash)
            .values(seen_at_us=command.now_us)
        )
    return [None] * len(commands)


def _end_sessions(unit: Unit, commands: Sequence[_End]) -> list[int]:
    results = []
    for command in commands:
        chosen = delete(console_sessions)
        if command.id_hash is not None:
            chosen = chosen.where(console_sessions.c.id_hash == command.id_hash)
        else:
            chosen = chosen.where(console_sessions.c.account_id == command.account_id)
        results.append(unit.connection.execute(chosen).rowcount)
    return results


def _load_sessions(connection: Connection, hashes: Sequence[str]) -> Mapping[str, tuple[Session, ApiKey]]:
    found = connection.execute(select(console_sessions).where(console_sessions.c.id_hash.in_(hashes)))
    sessions = [_session_of(row) for row in found.mappings()]
    keys = load_keys_by_id(connection, [session.key_id for session in sessions])
    return {session.id_hash: (session, keys[session.key_id]) for session in sessions if session.key_id in keys}


def _session_of(row: RowMapping) -> Session:
    return Session(
        id_hash=row["id_hash"],
        key_id=KeyId(row["key_id"]),
        account_id=AccountId(row["account_id"]),
        form_token=row["form_token"],
        is_operator=bool(row["is_operator"]),
        created_at_us=row["created_at_us"],
        seen_at_us=row["seen_at_us"],
        expires_at_us=row["expires_at_us"],
    )


class Sessions:
    """Belongs to a `Store`, which opens and closes it.

    Raises:
        UnavailableError: (any method) the database cannot be read or written; nothing was changed.
    """

    def __init__(self, commit: GroupCommit, reads: Reads) -> None:
        self._commit = commit
        self._reads = reads

    async def add(self, session: Session) -> None:
        await self._commit.run(_insert_sessions, session)

    async def find(self, id_hash: str) -> tuple[Session, ApiKey] | None:
        """The session with the key that it began with, as it is now."""
        return await self._reads.load(_load_sessions, id_hash)

    async def note_seen(self, id_hash: str, now_us: int) -> None:
        await self._commit.run(_note_seen, _Seen(id_hash, now_us))

    async def end(self, id_hash: str) -> None:
        await self._commit.run(_end_sessions, _End(id_hash=id_hash))

    async def end_all(self, account_id: AccountId) -> int:
        """Every session of the account; returns how many there were."""
        return await self._commit.run(_end_sessions, _End(account_id=account_id))
