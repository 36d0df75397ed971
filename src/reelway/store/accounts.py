"""Writing and reading accounts and API keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, func, insert, select, text, update

from reelway.domain.generation import Route
from reelway.domain.ids import AccountId, KeyId
from reelway.domain.records import ApiKey, NewAccount, Scope
from reelway.store.commit import Unit
from reelway.store.ledger import BalanceChanges, insert_transfers
from reelway.store.schema import accounts, api_keys


def create_accounts(unit: Unit, commands: Sequence[NewAccount]) -> list[bool]:
    """True where the account was made."""
    results = []
    for command in commands:
        if command.only_if_first and not _is_first(unit.connection):
            results.append(False)
            continue
        row = {"id": command.id, "kind": "customer", "name": command.name, "created_at_us": command.created_at_us}
        unit.connection.execute(insert(accounts), [row])
        if command.key is not None:
            insert_keys(unit, [command.key])
        if command.grant is not None:
            insert_transfers(unit.connection, [command.grant], BalanceChanges())
        results.append(True)
    return results


def _is_first(connection: Connection) -> bool:
    """Whether no customer exists yet; processes that start together wait here for each other."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE"))
    count = select(func.count()).select_from(accounts).where(accounts.c.kind == "customer")
    return connection.execute(count).scalar_one() == 0


def insert_keys(unit: Unit, commands: Sequence[ApiKey]) -> list[None]:
    rows = [
        {
            "id": key.id,
            "account_id": key.account_id,
            "name": key.name,
            "key_hash": key.key_hash,
            "prefix": key.prefix,
            "scopes": " ".join(sorted(key.scopes)),
            "created_at_us": key.created_at_us,
            "expires_at_us": key.expires_at_us,
            "revoked_at_us": key.revoked_at_us,
            "last_used_at_us": key.last_used_at_us,
            "access_key": key.access_key,
            "sealed_secret": key.sealed_secret,
            "default_route": key.default_route and key.default_route.value,
        }
        for key in commands
    ]
    unit.connection.execute(insert(api_keys), rows)
    return [None] * len(commands)


@dataclass(frozen=True, slots=True)
class KeyRevocation:
    id: KeyId
    now_us: int


def revoke_keys(unit: Unit, commands: Sequence[KeyRevocation]) -> list[bool]:
    """True where the key exists; a key revoked before keeps its time."""
    results = []
    for command in commands:
        changed = unit.connection.execute(
            update(api_keys)
            .where(api_keys.c.id == command.id)
            .values(revoked_at_us=func.coalesce(api_keys.c.revoked_at_us, command.now_us))
        )
        results.append(changed.rowcount == 1)
    return results


@dataclass(frozen=True, slots=True)
class KeyUse:
    """Seen with a request; kept to the minute, so that a busy key costs one write a minute."""

    id: KeyId
    now_us: int


def note_key_uses(unit: Unit, commands: Sequence[KeyUse]) -> list[None]:
    for command in commands:
        unit.connection.execute(
            update(api_keys).where(api_keys.c.id == command.id).values(last_used_at_us=command.now_us)
        )
    return [None] * len(commands)


def load_keys(connection: Connection, hashes: Sequence[str]) -> Mapping[str, ApiKey]:
    """Keys by their hash."""
    found = connection.execute(select(api_keys).where(api_keys.c.key_hash.in_(hashes)))
    return {row["key_hash"]: _key_of(row) for row in found.mappings()}


def load_access_keys(connection: Connection, access_keys: Sequence[str]) -> Mapping[str, ApiKey]:
    """Keys by their access key."""
    found = connection.execute(select(api_keys).where(api_keys.c.access_key.in_(access_keys)))
    return {row["access_key"]: _key_of(row) for row in found.mappings()}


def load_keys_by_id(connection: Connection, ids: Sequence[KeyId]) -> Mapping[KeyId, ApiKey]:
    found = connection.execute(select(api_keys).where(api_keys.c.id.in_(ids)))
    return {key.id: key for key in map(_key_of, found.mappings())}


def list_keys(connection: Connection, account_id: AccountId | None) -> list[ApiKey]:
    query = select(api_keys).order_by(api_keys.c.id)
    if account_id is not None:
        query = query.where(api_keys.c.account_id == account_id)
    return [_key_of(row) for row in connection.execute(query).mappings()]


def _key_of(row: RowMapping) -> ApiKey:
    return ApiKey(
        id=KeyId(row["id"]),
        account_id=AccountId(row["account_id"]),
        name=row["name"],
        key_hash=row["key_hash"],
        prefix=row["prefix"],
        scopes=frozenset(Scope(scope) for scope in row["scopes"].split()),
        created_at_us=row["created_at_us"],
        expires_at_us=row["expires_at_us"],
        revoked_at_us=row["revoked_at_us"],
        last_used_at_us=row["last_used_at_us"],
        access_key=row["access_key"],
        sealed_secret=row["sealed_secret"],
        default_route=Route(row["default_route"]) if row["default_route"] else None,
    )
