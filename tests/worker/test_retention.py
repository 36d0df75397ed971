"""What is kept for how long. Source: Rivya contract, sections 7.6, 8.4, 10.2 and 11.2."""

from pathlib import Path

import pytest

from reelway.domain.ids import TaskId
from reelway.domain.task import State
from reelway.store.store import Store
from support.gateway import CREDITS, Account, TestGateway
from support.media import image_bytes
from support.provider import ScriptedProvider
from worker.lives import objects_under, status

pytestmark = pytest.mark.anyio

DAY_S = 86_400
PNG = image_bytes("PNG")


async def finished(gateway: TestGateway, account: Account) -> tuple[str, str, dict[str, object]]:
    """A task that succeeded: its id, its result's URL, its status answer."""
    task_id = await gateway.created(account)
    answer = await gateway.ended(account, task_id)
    return task_id, answer.json()["result"]["primary_url"], answer.json()


async def test_a_result_lives_15_days_and_is_then_gone_from_the_storage_too(
    tmp_path: Path, gateway: TestGateway, account: Account
) -> None:
    task_id, url, told = await finished(gateway, account)
    gateway.clock.advance(15 * DAY_S - 5)
    assert (await gateway.http.get(url)).status_code == 200
    assert len(objects_under(tmp_path, "results")) == 2
    gateway.clock.advance(10)
    assert (await gateway.http.get(url)).status_code == 410
    assert (await gateway.http.get(url.replace("video.mp4", "poster.jpg"))).status_code == 410
    await gateway.until(lambda: objects_under(tmp_path, "results") == [])
    after = await status(gateway, account, task_id)  # type: ignore[arg-type]
    assert {key: after[key] for key in told} == told, "the status object does not change"
    assert (await gateway.http.get(url)).status_code == 410


async def test_a_result_whose_bytes_were_deleted_is_gone_and_not_a_fault(
    tmp_path: Path, gateway: TestGateway, account: Account
) -> None:
    _, url, _ = await finished(gateway, account)
    for name in objects_under(tmp_path, "results"):
        (tmp_path / "data" / "objects" / name).unlink()
    assert (await gateway.http.get(url)).status_code == 410


async def test_an_uploaded_file_lives_7_days(tmp_path: Path, gateway: TestGateway, account: Account) -> None:
    form = {"kind": (None, "image"), "file": ("start.png", PNG)}
    file = (await gateway.http.post("/api/v1/files", files=form, headers=account.headers)).json()
    path = f"/api/v1/files/{file['id']}"
    gateway.clock.advance(7 * DAY_S - 5)
    assert (await gateway.http.get(path, headers=account.headers)).status_code == 200
    assert (await gateway.http.get(file["url"])).content == PNG
    gateway.clock.advance(10)
    assert (await gateway.http.get(path, headers=account.headers)).status_code == 404
    assert (await gateway.http.get(file["url"])).status_code == 410
    await gateway.until(lambda: objects_under(tmp_path, "files") == [])
    assert (await gateway.http.get(file["url"])).status_code == 410


async def test_a_task_record_lives_180_days_and_the_ledger_for_ever(gateway: TestGateway, account: Account) -> None:
    task_id, url, _ = await finished(gateway, account)
    gateway.clock.advance(180 * DAY_S - 5)
    assert (await status(gateway, account, task_id))["status"] == "succeeded"  # type: ignore[arg-type]
    gateway.clock.advance(10)
    path = f"/api/v1/generations/{task_id}"

    async def is_gone() -> bool:
        return (await gateway.http.get(path, headers=account.headers)).status_code == 404

    await gateway.until(is_gone)
    assert (await gateway.http.get(url)).status_code == 410
    store = gateway.core.store
    assert isinstance(store, Store)
    kinds = sorted(transfer.kind for transfer in await store.transfers(account.id, 10))
    assert kinds == ["grant", "reserve", "settle"]
    assert await store.unbalanced_accounts() == []
    assert await gateway.available_credits(account) == CREDITS - 42


async def test_an_unfinished_task_is_never_forgotten(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    old, _, _ = await finished(gateway, account)
    provider.free_slots = 0
    waiting = await gateway.created(account)
    gateway.clock.advance(400 * DAY_S)
    answer = await gateway.ended(account, waiting)
    assert answer.headers["x-reelway-state"] == "expired"
    path = f"/api/v1/generations/{old}"

    async def is_gone() -> bool:
        return (await gateway.http.get(path, headers=account.headers)).status_code == 404

    await gateway.until(is_gone)
    assert (await gateway.task(waiting)).state is State.EXPIRED


async def test_an_idempotency_key_is_remembered_24_hours(gateway: TestGateway, account: Account) -> None:
    headers = account.headers | {"Idempotency-Key": "order-7"}
    body = {"model": "kling-v2-5-turbo-pro", "prompt": "A glass bottle turns slowly"}

    async def create() -> tuple[str, bool]:
        answer = await gateway.http.post("/api/v1/generations", json=body, headers=headers)
        assert answer.status_code == 202
        return answer.json()["id"], "idempotent-replayed" in answer.headers

    first, is_replayed = await create()
    assert not is_replayed
    gateway.clock.advance(DAY_S - 5)
    assert await create() == (first, True)
    gateway.clock.advance(10)
    second, is_replayed = await create()
    assert (second != first, is_replayed) == (True, False)
    assert await create() == (second, True)


async def test_events_live_30_days(gateway: TestGateway, account: Account) -> None:
    task_id, _, _ = await finished(gateway, account)
    store = gateway.core.store
    assert isinstance(store, Store)

    def events() -> int:
        with store.engines.read.connect() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one())

    assert events() == 3
    gateway.clock.advance(30 * DAY_S + 5)
    await gateway.until(lambda: events() == 0)
    assert (await status(gateway, account, task_id))["status"] == "succeeded"  # type: ignore[arg-type]


async def test_a_storage_that_cannot_delete_now_is_asked_again(
    tmp_path: Path, gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id, url, _ = await finished(gateway, account)
    folder = tmp_path / "data" / "objects" / "results" / task_id
    folder.rename(tmp_path / "hidden")
    folder.write_text("in the way")
    provider.free_slots = 0
    gateway.clock.advance(15 * DAY_S + 5)
    for _ in range(2):  # each of these ends in a sweep of its own, so one whole round lies between them
        overdue = await gateway.created(account)
        gateway.clock.advance(3_700)
        await gateway.ended(account, overdue)
    store = gateway.core.store
    assert isinstance(store, Store)
    assert await store.expired_results(gateway.clock.now_us(), 10) == [task_id]
    assert (await gateway.http.get(url)).status_code == 410
    folder.unlink()
    (tmp_path / "hidden").rename(folder)
    await gateway.until(lambda: objects_under(tmp_path, "results") == [])


async def test_results_that_cannot_be_deleted_hold_up_no_others(
    tmp_path: Path, gateway: TestGateway, account: Account
) -> None:
    made = [(await finished(gateway, account))[0] for _ in range(6)]
    folder = tmp_path / "data" / "objects" / "results"
    for task_id in made[:4]:  # more than a round goes on past
        (folder / task_id / "video.mp4").unlink()
        (folder / task_id / "video.mp4" / "in the way").mkdir(parents=True)
    gateway.clock.advance(400 * DAY_S)
    store = gateway.core.store
    assert isinstance(store, Store)

    async def are_others_forgotten() -> bool:
        return [await store.task(TaskId(task_id)) for task_id in made[4:]] == [None, None]

    await gateway.until(are_others_forgotten)
    assert await store.expired_results(gateway.clock.now_us(), 10) == made[:4], "whose bytes lie there is remembered"
    for task_id in made[:4]:
        (folder / task_id / "video.mp4" / "in the way").rmdir()
        (folder / task_id / "video.mp4").rmdir()

    async def is_all_forgotten() -> bool:
        return [await store.task(TaskId(task_id)) for task_id in made] == [None] * 6

    await gateway.until(is_all_forgotten)
