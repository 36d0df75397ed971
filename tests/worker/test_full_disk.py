"""The database's disk is full while tasks are under way: callers hear it, nothing is lost, all goes on afterwards."""

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from reelway.domain.task import State
from reelway.store.store import Store
from support.gateway import CREDITS, Account, TestGateway
from support.media import image_bytes
from support.provider import ScriptedProvider
from worker.lives import Door, assert_charged, objects_under, until_end, work_files

pytestmark = pytest.mark.anyio


@contextmanager
def set_for_writing(gateway: TestGateway, pragma: str, during: int, afterwards: int) -> Iterator[None]:
    """A setting of every connection that writes, whichever of the pool it is."""
    store = gateway.core.store
    assert isinstance(store, Store)
    value = during

    def prepare(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA {pragma}={value}")

    event.listen(store.engines.write, "checkout", prepare)
    try:
        yield
    finally:
        value = afterwards


@contextmanager
def full_disk(gateway: TestGateway) -> Iterator[None]:
    """The file may not grow; what it has free inside is used up first."""
    store = gateway.core.store
    assert isinstance(store, Store)
    with store.engines.read.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with set_for_writing(gateway, "max_page_count", pages, 2**31 - 2):
        yield


@contextmanager
def unwritable(gateway: TestGateway) -> Iterator[None]:
    """No write succeeds at all, as on a disk that was made read-only."""
    with set_for_writing(gateway, "query_only", 1, 0):
        yield


LONG = "word " * 400


async def test_creates_are_refused_clearly_and_charged_nothing_while_the_disk_is_full(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.free_slots = 0
    with full_disk(gateway):
        answers = [await gateway.create(account, prompt=LONG) for _ in range(12)]
        refused = [answer for answer in answers if answer.status_code != 202]
        assert refused
        assert {answer.status_code for answer in refused} == {503}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        made = [answer.json()["id"] for answer in answers if answer.status_code == 202]
        assert await gateway.available_credits(account) == CREDITS - 42 * len(made)
        listed = await gateway.http.get("/api/v1/generations?limit=100", headers=account.headers)
        assert sorted(entry["id"] for entry in listed.json()["data"]) == sorted(made)
        ready = await gateway.http.get("/healthz")
        assert ready.status_code == 200
    assert (await gateway.create(account, prompt=LONG)).status_code == 202


async def test_a_task_under_way_survives_a_full_disk_and_is_done_once(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.before_poll = door = Door()
    task_id = await gateway.created(account)
    await door.until_reached()
    with full_disk(gateway):
        while (await gateway.create(account, prompt=LONG)).status_code == 202:
            pass
        door.opened.set()
        await gateway.until(lambda: provider.poll_count >= 1)
    task = await until_end(gateway, task_id, step_s=1)
    assert (task.state, provider.jobs[task_id]) == (State.SUCCEEDED, 1)


async def test_a_submit_whose_answer_could_not_be_written_is_not_made_again(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.before_submit = door = Door()
    task_id = await gateway.created(account)
    await door.until_reached()
    with unwritable(gateway):
        door.opened.set()
        await gateway.until(lambda: task_id in provider.jobs)
        await gateway.until(is_refusing(gateway, account))
    task = await until_end(gateway, task_id, step_s=1)
    assert (task.state, provider.jobs, len(provider.orders)) == (State.SUCCEEDED, {task_id: 1}, 1)
    await assert_charged(gateway, account, task_id, CREDITS)


def is_refusing(gateway: TestGateway, account: Account) -> Callable[[], Awaitable[bool]]:
    async def create() -> bool:
        return (await gateway.create(account)).status_code == 503

    return create


async def test_an_upload_whose_row_cannot_be_written_leaves_no_bytes_behind(
    gateway: TestGateway, account: Account, tmp_path: Path
) -> None:
    form = {"kind": (None, "image"), "file": ("start.png", image_bytes("PNG"))}
    with unwritable(gateway):
        answer = await gateway.http.post("/api/v1/files", files=form, headers=account.headers)
    assert answer.status_code == 503, answer.text
    assert (objects_under(tmp_path, "files"), work_files(tmp_path)) == ([], [])
    again = await gateway.http.post("/api/v1/files", files=form, headers=account.headers)
    assert again.status_code == 201, again.text
