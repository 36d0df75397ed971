"""Sessions of the console in both databases."""

from dataclasses import replace

import pytest

from contract.store.rows import Rows
from reelway.domain import sessions as rules
from reelway.domain.records import ApiKey
from reelway.domain.sessions import Session
from reelway.store import sessions
from reelway.store.store import Store

pytestmark = pytest.mark.anyio
_HOUR_US = 3_600 * 1_000_000


async def key_of(store: Store, rows: Rows, name: str = "a") -> ApiKey:
    key = rows.key(await rows.account(), f"hash-{name}")
    await store.create_key(key)
    return key


def session_of(rows: Rows, key: ApiKey, id_hash: str) -> Session:
    now_us = rows.clock.now_us()
    return Session(id_hash, key.id, key.account_id, "token", True, now_us, now_us, now_us + _HOUR_US)


async def test_a_session_is_read_back_with_its_key_as_it_is_now(store: Store, rows: Rows) -> None:
    key = await key_of(store, rows)
    session = session_of(rows, key, "one")
    await store.sessions.add(session)
    await store.revoke_key(key.id, 77)
    assert await store.sessions.find("one") == (session, replace(key, revoked_at_us=77))
    assert await store.sessions.find("two") is None


async def test_a_session_ends_alone_or_with_all_of_its_account(store: Store, rows: Rows) -> None:
    key, other = await key_of(store, rows, "a"), await key_of(store, rows, "b")
    for owner, id_hash in ((key, "one"), (key, "two"), (key, "three"), (other, "four")):
        await store.sessions.add(session_of(rows, owner, id_hash))
    await store.sessions.end("one")
    assert await store.sessions.find("one") is None
    assert await store.sessions.end_all(key.account_id) == 2
    assert await store.sessions.find("four") is not None


async def test_being_seen_is_kept(store: Store, rows: Rows) -> None:
    session = session_of(rows, await key_of(store, rows), "one")
    await store.sessions.add(session)
    await store.sessions.note_seen("one", session.seen_at_us + 5)
    found = await store.sessions.find("one")
    assert found is not None
    assert found[0].seen_at_us == session.seen_at_us + 5


async def test_sessions_whose_time_is_over_go_with_the_next_sign_in(store: Store, rows: Rows) -> None:
    key = await key_of(store, rows)
    await store.sessions.add(session_of(rows, key, "old"))
    rows.clock.advance(3_601)
    await store.sessions.add(session_of(rows, key, "new"))
    assert await store.sessions.find("old") is None
    assert await store.sessions.find("new") is not None


async def test_the_session_that_was_seen_longest_ago_ends_when_there_are_too_many(
    store: Store, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_MAX", 3)
    assert rules.SESSIONS_MAX > 3
    key = await key_of(store, rows)
    for id_hash in ("one", "two", "three"):
        await store.sessions.add(session_of(rows, key, id_hash))
    await store.sessions.note_seen("one", rows.clock.now_us())
    await store.sessions.add(session_of(rows, key, "four"))
    found = [id_hash for id_hash in ("one", "two", "three", "four") if await store.sessions.find(id_hash)]
    assert found == ["one", "three", "four"]
