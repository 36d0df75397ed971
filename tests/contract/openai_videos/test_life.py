"""A video's life as its owner sees it: states, progress, pace, endpoints, lists. Sections 2, 3, 8 and 9."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.openai_videos.wire import (
    KLING_3,
    PROMPT,
    TURBO,
    VIDEOS,
    create,
    created,
    error_of,
    get,
    in_state,
    provider_of,
    retrieve,
    until_state,
    video_of,
)
from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.generation import Mode
from reelway.domain.ids import TaskId
from reelway.domain.records import ALL_SCOPES, Scope
from reelway.domain.task import FailureCode, State
from support.gateway import Account, TestGateway, running_gateway
from support.media import image_bytes, video_bytes
from support.provider import ScriptedProvider, scripted_offer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("state", "status", "progress"),
    [
        (State.QUEUED, "queued", 0),
        (State.SUBMITTING, "queued", 0),
        (State.RUNNING, "in_progress", 41),
        (State.STORING, "in_progress", 99),
        (State.SUCCEEDED, "completed", 100),
        (State.FAILED, "failed", 1),
        (State.CANCELLED, "failed", 41),
        (State.EXPIRED, "failed", 41),
    ],
)
async def test_8_2_every_state_has_its_word_its_progress_and_its_headers(
    stage: TestGateway, owner: Account, state: State, status: str, progress: int
) -> None:
    video_id = await in_state(stage, owner, state)
    answer = await retrieve(stage, owner, video_id)
    video = video_of(answer)
    assert (video["status"], video["progress"]) == (status, progress)
    assert answer.headers["X-Reelway-State"] == state.value
    assert ("openai-poll-after-ms" in answer.headers) == (status in ("queued", "in_progress"))
    failure = {State.FAILED: "generation_failed", State.CANCELLED: "cancelled", State.EXPIRED: "timeout"}.get(state)
    assert answer.headers.get("X-Reelway-Failure") == failure
    if state is State.SUCCEEDED:
        assert video["expires_at"] == video["completed_at"] + 1_296_000
        assert video["size"] == "64x48", "measured, not wanted"
    if failure is not None:
        code = {"timeout": "expired"}.get(failure, failure)
        assert video["error"]["code"] == code


async def test_8_2_progress_without_the_providers_figure_is_time_over_expected_time(tmp_path: Path) -> None:
    offer = replace(scripted_offer(load_catalog()), pace={Mode.STD: 25.0})
    provider = ScriptedProvider(offer, video_bytes())
    provider.default_poll = outcomes.InProgress(None, poll_after_s=1.0)
    async with running_gateway(tmp_path, scripted=provider) as stage:
        owner = await stage.account()
        video_id = await created(stage, owner)
        await until_state(stage, video_id, State.RUNNING)
        seen = []
        for _ in range(8):
            seen.append(video_of(await retrieve(stage, owner, video_id))["progress"])
            count = provider.poll_count
            stage.clock.advance(20.0)
            await stage.until(lambda before=count: provider.poll_count > before)
            await until_state(stage, video_id, State.RUNNING)
        assert seen == sorted(seen)
        assert seen[0] <= 1
        assert seen[-1] == 95
        assert 18 <= seen[1] <= 22, "20 of 100 seconds"
        provider.polls.append(outcomes.InProgress(0.3, poll_after_s=1.0))
        count = provider.poll_count
        stage.clock.advance(20.0)
        await stage.until(lambda: provider.poll_count > count)
        assert video_of(await retrieve(stage, owner, video_id))["progress"] == 95, "never falls"


@pytest.mark.parametrize(("pace", "pace_ms"), [(1.0, "1000"), (5.0, "2000"), (20.0, "5000")])
async def test_8_4_the_pace_of_polls_follows_the_models_run_time(tmp_path: Path, pace: float, pace_ms: str) -> None:
    offer = replace(scripted_offer(load_catalog()), pace=dict.fromkeys(Mode, pace))
    provider = ScriptedProvider(offer, video_bytes(), free_slots=0)
    async with running_gateway(tmp_path, scripted=provider) as stage:
        owner = await stage.account()
        answer = await create(stage, owner)
        assert "openai-poll-after-ms" not in answer.headers
        answer = await retrieve(stage, owner, video_of(answer)["id"])
        assert answer.headers["openai-poll-after-ms"] == pace_ms


async def test_8_3_a_failed_input_image_is_told(stage: TestGateway, owner: Account) -> None:
    reference = {"image_url": "https://no-such-host.invalid/a.png"}
    video_id = await created(stage, owner, input_reference=reference)
    await until_state(stage, video_id, State.FAILED)
    answer = await retrieve(stage, owner, video_id)
    error = video_of(answer)["error"]
    assert error["code"] == "invalid_input_reference"
    assert answer.headers["X-Reelway-Failure"] == "invalid_reference"


async def test_8_3_a_refused_prompt_is_told_and_costs_nothing(stage: TestGateway, owner: Account) -> None:
    before = await stage.available_credits(owner)
    provider_of(stage).submits.append(outcomes.Refused(FailureCode.CONTENT_REJECTED, ""))
    video_id = await created(stage, owner)
    await until_state(stage, video_id, State.FAILED)
    video = video_of(await retrieve(stage, owner, video_id))
    assert video["error"] == {
        "code": "moderation_blocked",
        "message": "The content was refused by the safety rules.",
    }
    assert (video["progress"], video["expires_at"]) == (0, None)
    assert await stage.available_credits(owner) == before


async def test_1_3_a_video_is_the_same_task_in_the_other_dialect(shared: TestGateway, account: Account) -> None:
    video_id = await created(shared, account, model="sora-2")
    answer = await shared.http.get(f"/api/v1/generations/{video_id}", headers=account.headers)
    assert (answer.status_code, answer.json()["model"]) == (200, KLING_3)
    task_id = await shared.created(account, params={"aspect_ratio": "1:1", "duration": "10"})
    video = video_of(await retrieve(shared, account, task_id))
    assert (video["model"], video["seconds"]) == (TURBO, "10")
    await until_state(shared, task_id, State.SUCCEEDED)
    assert video_of(await retrieve(shared, account, task_id))["size"] == "64x48"


async def test_1_3_a_foreign_and_a_missing_video_are_told_alike(shared: TestGateway, account: Account) -> None:
    video_id = await created(shared, account)
    stranger = await shared.account()
    for name in (video_id, "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "task_x", "video_1"):
        for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/content"), ("POST", "/remix")]:
            more = {"json": {"prompt": PROMPT}} if method == "POST" else {}
            answer = await shared.http.request(method, f"{VIDEOS}/{name}{path}", headers=stranger.headers, **more)
            assert error_of(answer) == (404, "video_not_found", None)


# --- 2: endpoints, 3: keys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/videos/edits"),
        ("POST", "/v1/videos/extensions/"),
        ("POST", "/v1/videos/characters"),
        ("GET", "/v1/videos/characters/char_1"),
        ("GET", "/v1/videos/edits"),
        ("DELETE", "/v1/videos/characters"),
        ("POST", "/v1/webhook_endpoints"),
        ("GET", "/v1/webhook_endpoints/whend_1"),
        ("POST", "/v1/webhook_endpoints/whend_1/test"),
        ("GET", "/v1/webhook_event_types"),
    ],
)
async def test_2_what_only_the_vendor_has_is_not_supported(
    shared: TestGateway, account: Account, method: str, path: str
) -> None:
    files = {"video": ("a.mp4", bytes(2_000_000))} if method == "POST" else None
    answer = await shared.http.request(method, path, headers=account.headers, files=files)
    assert error_of(answer) == (404, "unsupported_endpoint", None)


@pytest.mark.parametrize("path", ["/edits/content", "/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3/other", "/a/b/c"])
async def test_2_another_path_is_not_found(shared: TestGateway, account: Account, path: str) -> None:
    assert error_of(await get(shared, account, path)) == (404, "not_found", None)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "", "GET, POST"),
        ("DELETE", "", "GET, POST"),
        ("POST", "/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "DELETE, GET"),
        ("GET", "/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3/remix", "POST"),
        ("POST", "/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3/content", "GET"),
    ],
)
async def test_2_another_method_is_not_allowed(
    shared: TestGateway, account: Account, method: str, path: str, allowed: str
) -> None:
    answer = await shared.http.request(method, VIDEOS + path, headers=account.headers)
    assert error_of(answer) == (405, "method_not_allowed", None)
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "missing_api_key"),
        ("", "missing_api_key"),
        ("Bearer", "missing_api_key"),
        ("Basic dXNlcjpwYXNz", "missing_api_key"),
        ("Bearer rw_sk_wrong", "invalid_api_key"),
        ("Bearer a.b.c", "invalid_api_key"),
        (f"Bearer {'k' * 300}", "invalid_api_key"),
    ],
)
async def test_3_a_key_is_needed(shared: TestGateway, value: str | None, code: str) -> None:
    headers = {} if value is None else {"Authorization": value}
    for method, path in [
        ("GET", ""),
        ("POST", ""),
        ("GET", "/task_x"),
        ("DELETE", "/task_x"),
        ("POST", "/task_x/remix"),
    ]:
        answer = await shared.http.request(method, VIDEOS + path, headers=headers)
        assert error_of(answer) == (401, code, None)


async def test_3_each_call_needs_its_scope(shared: TestGateway, account: Account) -> None:
    video_id = await created(shared, account)
    await until_state(shared, video_id, State.SUCCEEDED)
    calls = [
        ("GET", "", Scope.GENERATIONS_READ),
        ("GET", f"/{video_id}", Scope.GENERATIONS_READ),
        ("GET", f"/{video_id}/content", Scope.GENERATIONS_READ),
        ("POST", "", Scope.GENERATIONS_CREATE),
        ("POST", f"/{video_id}/remix", Scope.GENERATIONS_CREATE),
        ("DELETE", f"/{video_id}", Scope.GENERATIONS_CREATE),
    ]
    for method, path, scope in calls:
        without = await shared.key(account, ALL_SCOPES - {scope})
        only = await shared.key(account, frozenset({scope}))
        body = {"json": {"prompt": PROMPT}} if method == "POST" else {}
        answer = await shared.http.request(method, VIDEOS + path, headers=without.headers, **body)
        assert error_of(answer) == (403, "insufficient_scope", None)
        answer = await shared.http.request(method, VIDEOS + path, headers=only.headers, **body)
        assert answer.status_code == 200, answer.text


async def test_4_2_a_full_account_is_told_to_come_back(tmp_path: Path) -> None:
    provider = ScriptedProvider(scripted_offer(load_catalog()), video_bytes(), free_slots=0)
    async with running_gateway(tmp_path, scripted=provider, unfinished_tasks_max=1, requests_per_minute_max=4) as stage:
        owner = await stage.account()
        await created(stage, owner)
        answer = await create(stage, owner)
        assert error_of(answer) == (429, "concurrency_limit_exceeded", None)
        assert answer.headers["Retry-After"] == "5"
        for _ in range(3):
            assert (await get(stage, owner)).status_code == 200
        answer = await get(stage, owner)
        assert error_of(answer) == (429, "rate_limit_exceeded", None)
        assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"]


async def test_5_2_a_switched_off_api_is_told_before_anything_else(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, api_enabled=False) as stage:
        for path in ("", "/edits", "/x/y"):
            answer = await stage.http.get(VIDEOS + path)
            assert error_of(answer) == (503, "service_unavailable", None)
            assert (answer.headers["Retry-After"], answer.headers["x-should-retry"]) == ("60", "false")


# --- 9: lists ---------------------------------------------------------------------------------------------------------


async def pages_of(gateway: TestGateway, account: Account, **query: Any) -> list[list[str]]:
    """All pages, asked for as the SDKs do."""
    pages, after = [], {}
    while True:
        answer = await get(gateway, account, **query, **after)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert list(body) == ["object", "data", "first_id", "last_id", "has_more"]
        ids = [video["id"] for video in body["data"]]
        assert (body["first_id"], body["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))
        pages.append(ids)
        if not body["has_more"]:
            return pages
        after = {"after": body["last_id"]}


async def test_9_a_list_pages_through_all_videos_in_both_orders(shared: TestGateway, account: Account) -> None:
    ids: list[str] = [await created(shared, account, prompt=f"video {number}") for number in range(4)]
    ids.append(await shared.created(account))
    assert await pages_of(shared, account, limit=2) == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]
    assert await pages_of(shared, account, limit=2, order="asc") == [ids[:2], ids[2:4], ids[4:]]
    assert await pages_of(shared, account, limit=5) == [ids[::-1]]
    assert await pages_of(shared, account, unknown="x") == [ids[::-1]]


async def test_9_an_empty_list_has_no_ids(shared: TestGateway, account: Account) -> None:
    assert await pages_of(shared, account) == [[]]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"order": "up"}, "order"),
        ({"order": ""}, "order"),
        ({"after": "task_x"}, "after"),
        ({"after": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3"}, "after"),
        ({"limit": "0", "order": "up"}, "limit"),
    ],
)
async def test_9_a_bad_query_is_told(shared: TestGateway, account: Account, query: dict[str, str], param: str) -> None:
    assert error_of(await get(shared, account, **query)) == (400, "invalid_value", param)


async def test_9_another_accounts_cursor_is_unknown(shared: TestGateway, account: Account) -> None:
    theirs = await created(shared, await shared.account())
    assert error_of(await get(shared, account, after=theirs)) == (400, "invalid_value", "after")


async def test_9_a_page_goes_on_after_a_video_that_was_deleted(shared: TestGateway, account: Account) -> None:
    """Whoever deletes while they list loses nothing."""
    ids = [await created(shared, account) for _ in range(3)]
    for video_id in ids:
        await until_state(shared, TaskId(video_id), State.SUCCEEDED)
    answer = await shared.http.delete(f"{VIDEOS}/{ids[1]}", headers=account.headers)
    assert answer.status_code == 200
    assert await pages_of(shared, account, after=ids[1]) == [[ids[0]]]
    assert await pages_of(shared, account) == [[ids[2], ids[0]]]


async def test_1_2_the_input_file_is_the_accounts_own_file(shared: TestGateway, account: Account) -> None:
    parts: list[Any] = [("prompt", (None, PROMPT)), ("input_reference", ("a.png", image_bytes("PNG")))]
    video = video_of(await shared.http.post(VIDEOS, files=parts, headers=account.headers))
    task = await shared.task(TaskId(video["id"]))
    file_id = task.generation.partition('"file_id":"')[2][:31]
    answer = await shared.http.get(f"/api/v1/files/{file_id}", headers=account.headers)
    assert (answer.status_code, answer.json()["name"], answer.json()["width"]) == (200, "a.png", 64)
