"""Delete: each state's row of the table, what is left to see, and that the money ends as it must. Section 10."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.openai_videos.wire import (
    PROMPT,
    VIDEOS,
    Gate,
    created,
    delete,
    error_of,
    finished,
    get,
    in_state,
    provider_of,
    retrieve,
    until_state,
)
from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.ids import TaskId
from reelway.domain.ledger import TransferKind
from reelway.domain.task import State
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer

pytestmark = pytest.mark.anyio

GONE = (404, "video_not_found", None)


async def assert_gone(gateway: TestGateway, account: Account, video_id: str) -> None:
    """In every dialect, and from every list."""
    assert error_of(await retrieve(gateway, account, video_id)) == GONE
    assert error_of(await get(gateway, account, f"/{video_id}/content")) == GONE
    assert error_of(await delete(gateway, account, video_id)) == GONE
    answer = await gateway.http.post(f"{VIDEOS}/{video_id}/remix", json={"prompt": PROMPT}, headers=account.headers)
    assert error_of(answer) == GONE
    assert (await get(gateway, account)).json()["data"] == []
    for method, path in [("GET", ""), ("POST", "/cancel"), ("GET", "/events")]:
        answer = await gateway.http.request(method, f"/api/v1/generations/{video_id}{path}", headers=account.headers)
        assert answer.status_code == 404, (method, path)
    assert (await gateway.http.get("/api/v1/generations", headers=account.headers)).json()["data"] == []


def deleted(answer: Any, video_id: str) -> None:
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"id": video_id, "object": "video.deleted", "deleted": True}


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED, State.QUEUED])
async def test_10_an_ended_or_queued_video_is_deleted(stage: TestGateway, owner: Account, state: State) -> None:
    video_id = await in_state(stage, owner, state)
    deleted(await delete(stage, owner, video_id), video_id)
    await assert_gone(stage, owner, video_id)
    task = await stage.task(video_id)
    assert task.state is (State.CANCELLED if state is State.QUEUED else state)
    charged = task.price_credits if state is State.SUCCEEDED else 0
    assert await stage.available_credits(owner) == CREDITS - charged
    kinds = [transfer.kind for transfer in await stage.core.store.transfers(owner.id, 10)]
    resolution = TransferKind.SETTLE if state is State.SUCCEEDED else TransferKind.RELEASE
    assert sorted(kinds) == sorted([TransferKind.GRANT, TransferKind.RESERVE, resolution]), "the ledger stays"


async def test_10_the_assets_are_deleted_at_once(stage: TestGateway, owner: Account) -> None:
    video_id = await finished(stage, owner)
    folder = stage.core.objects.local_path(f"results/{video_id}")
    assert folder is not None
    for variant in ("thumbnail", "spritesheet"):
        assert (await get(stage, owner, f"/{video_id}/content", variant=variant)).status_code == 200
    answer = await stage.http.get(f"/api/v1/generations/{video_id}", headers=owner.headers)
    url = answer.json()["result"]["primary_url"]
    assert len(list(folder.iterdir())) == 4
    deleted(await delete(stage, owner, video_id), video_id)
    assert not any(folder.glob("*"))
    assert (await stage.http.get(url)).status_code == 410


@pytest.mark.parametrize("state", [State.SUBMITTING, State.RUNNING])
async def test_10_a_running_video_is_gone_at_once_and_released_when_the_provider_confirms(
    stage: TestGateway, owner: Account, state: State
) -> None:
    provider = provider_of(stage)
    video_id = await in_state(stage, owner, state)
    if state is State.SUBMITTING:
        provider.jobs[video_id] = 1
    deleted(await delete(stage, owner, video_id), video_id)
    await assert_gone(stage, owner, video_id)
    await until_state(stage, video_id, State.CANCELLED)
    assert provider.cancelled == [video_id]
    assert await stage.available_credits(owner) == CREDITS
    account = await stage.core.store.account(owner.id)
    assert account is not None
    assert account.unfinished_tasks == 0


async def test_10_a_video_whose_submit_made_no_job_is_not_submitted_again(stage: TestGateway, owner: Account) -> None:
    provider = provider_of(stage)
    gate = Gate()
    provider.before_submit = gate
    provider.submits.append(outcomes.Unavailable("down"))
    video_id = await created(stage, owner)
    await gate.reached.wait()
    deleted(await delete(stage, owner, video_id), video_id)
    gate.open()
    await stage.until(lambda: bool(provider.orders))
    stage.clock.advance(60)
    await until_state(stage, video_id, State.CANCELLED)
    assert (len(provider.orders), provider.jobs) == (1, {})
    assert await stage.available_credits(owner) == CREDITS


async def test_10_a_video_that_a_worker_holds_is_deleted_too(stage: TestGateway, owner: Account) -> None:
    """The worker waits for the provider; its next write is decided anew on the deleted row."""
    provider = provider_of(stage)
    gate = Gate()
    provider.before_poll = gate
    video_id = await created(stage, owner)
    await gate.reached.wait()
    assert (await stage.task(video_id)).lease_owner is not None
    deleted(await delete(stage, owner, video_id), video_id)
    gate.open()
    provider.before_poll = None

    async def has_ended() -> bool:
        return (await stage.task(video_id)).is_final

    await stage.until(has_ended)
    await assert_gone(stage, owner, video_id)


async def test_10_a_deleted_video_that_could_not_be_stopped_is_charged_and_its_files_go(
    stage: TestGateway, owner: Account
) -> None:
    """The provider had promised that it can cancel, and then made the video all the same."""
    provider = provider_of(stage)
    provider.cancels.append(outcomes.CancelImpossible())
    video_id = await in_state(stage, owner, State.RUNNING)
    deleted(await delete(stage, owner, video_id), video_id)
    await until_state(stage, video_id, State.SUCCEEDED)
    assert provider.cancelled == [video_id]
    task = await stage.task(video_id)
    assert await stage.available_credits(owner) == CREDITS - task.price_credits
    folder = stage.core.objects.local_path(f"results/{video_id}")
    assert folder is not None
    await stage.until(lambda: not any(folder.glob("*")))
    await assert_gone(stage, owner, video_id)


async def test_10_a_video_that_is_being_stored_cannot_be_deleted(stage: TestGateway, owner: Account) -> None:
    video_id = await in_state(stage, owner, State.STORING)
    answer = await delete(stage, owner, video_id)
    assert error_of(answer) == (409, "video_not_deletable", None)
    assert answer.headers["x-should-retry"] == "false"
    assert (await retrieve(stage, owner, video_id)).status_code == 200


@pytest.mark.parametrize("state", [State.SUBMITTING, State.RUNNING])
async def test_10_a_video_of_a_provider_that_cannot_cancel_stays(tmp_path: Path, state: State) -> None:
    offer = replace(scripted_offer(load_catalog()), can_cancel=False)
    provider = ScriptedProvider(offer, video_bytes())
    async with running_gateway(tmp_path, scripted=provider, backoff_base_seconds=30, backoff_max_seconds=30) as stage:
        owner = await stage.account()
        video_id = await in_state(stage, owner, state)
        answer = await delete(stage, owner, video_id)
        assert error_of(answer) == (409, "video_not_deletable", None)
        assert answer.headers["x-should-retry"] == "false"
        assert (await retrieve(stage, owner, video_id)).json()["status"] in ("queued", "in_progress")


async def test_10_another_accounts_video_is_not_deleted(shared: TestGateway, account: Account) -> None:
    video_id = await finished(shared, account)
    stranger = await shared.account()
    assert error_of(await delete(shared, stranger, video_id)) == GONE
    assert (await retrieve(shared, account, TaskId(video_id))).status_code == 200
