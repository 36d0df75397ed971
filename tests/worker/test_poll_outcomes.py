"""Every answer of a provider to a poll, and every way in which a result is kept or not."""

import hashlib
import json
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import pytest

from reelway.catalog import load_catalog
from reelway.domain import decide, outcomes
from reelway.domain.generation import Mode
from reelway.domain.ids import JobId
from reelway.domain.task import FailureCode, State
from reelway.providers.base import FetchedVideo, Order
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.media import decoded, video_bytes
from support.provider import ScriptedProvider, scripted_offer
from worker.lives import (
    assert_charged,
    assert_held,
    assert_released,
    objects_under,
    settled,
    status,
    until_end,
    until_state,
    work_files,
)

pytestmark = pytest.mark.anyio


# --- poll -------------------------------------------------------------------------------------------------------------


async def test_progress_is_shown_while_the_job_runs_and_never_falls(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    """It is written where it has moved, but for each job only every few seconds."""
    provider.offer = replace(provider.offer, pace=dict.fromkeys(Mode, 1_000.0))
    provider.polls += [outcomes.InProgress(told, 0.01) for told in (0.1, 0.5, 0.3, None, 0.9)]
    task_id = await gateway.created(account)
    seen = []
    for number in range(5):
        await gateway.until(lambda number=number: len(provider.polls) <= 4 - number)
        await settled(gateway)
        found = await status(gateway, account, task_id)
        assert found["status"] == "processing"
        seen.append(int(found["headers"]["x-reelway-progress"]))
        gateway.clock.advance(6)
    assert seen == [10, 50, 50, 50, 90]
    task = await until_end(gateway, task_id)
    assert (task.state, task.progress) == (State.SUCCEEDED, 1.0)


async def test_a_job_that_fails_ends_the_task_with_its_code(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.polls.append(outcomes.JobFailed(FailureCode.CONTENT_REJECTED, "unsafe"))
    task_id = await gateway.created(account)
    answer = await gateway.ended(account, task_id)
    assert answer.headers["x-reelway-failure"] == "content_rejected"
    await assert_released(gateway, account, task_id, CREDITS)
    await gateway.until(lambda: provider.discarded == [f"job-{task_id}"])


async def test_polls_without_an_answer_are_repeated_and_the_hold_stays(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.polls += repeat(outcomes.PollUnknown("timeout"), 12)
    task_id = await gateway.created(account)
    await until_state(gateway, task_id, State.RUNNING)
    await assert_held(gateway, account, task_id, CREDITS)
    task = await until_end(gateway, task_id)
    assert (task.state, provider.poll_count, len(provider.orders)) == (State.SUCCEEDED, 13, 1)
    await assert_charged(gateway, account, task_id, CREDITS)


async def test_a_running_task_is_polled_when_the_provider_says(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.polls.append(outcomes.InProgress(0.5, 10.0))
    task_id = await gateway.created(account)
    await gateway.until(lambda: provider.poll_count == 1)
    await settled(gateway)
    gateway.clock.advance(9.9)
    marker = await gateway.created(account)
    await gateway.ended(account, marker)
    assert (await gateway.task(task_id)).state is State.RUNNING
    gateway.clock.advance(1.2)  # a tenth more, at most, so that jobs of one moment are not asked for at one moment
    await gateway.ended(account, task_id)


async def test_a_poll_that_raises_is_tried_again_and_then_given_up_with_the_money_back(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    async def break_down(_order: object) -> None:
        raise ZeroDivisionError

    provider.before_poll = break_down
    task_id = await gateway.created(account)
    await until_state(gateway, task_id, State.RUNNING)
    await assert_held(gateway, account, task_id, CREDITS)
    task = await until_end(gateway, task_id)
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.INTERNAL_ERROR)
    assert task.tries == 0
    assert len(provider.orders) == 1
    await assert_released(gateway, account, task_id, CREDITS)


async def test_a_task_that_is_given_up_leaves_no_job_behind(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    """`Provider.discard`: the task has ended, nothing of the job is needed any more."""

    async def break_down(_order: object) -> None:
        raise ZeroDivisionError

    provider.before_poll = break_down
    task_id = await gateway.created(account)
    await until_end(gateway, task_id)
    await gateway.until(lambda: provider.discarded == [f"job-{task_id}"])


async def test_a_few_faults_in_between_do_not_end_the_task(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    faults = iter([True, True, False, True] + [True] * (decide.FAULTS_MAX - 3))
    provider.polls.append(outcomes.InProgress(0.5, 0.01))

    async def break_down(_order: object) -> None:
        if next(faults, False):
            raise ZeroDivisionError

    provider.before_poll = break_down
    task_id = await gateway.created(account)
    assert (await until_end(gateway, task_id)).state is State.SUCCEEDED


# --- store ------------------------------------------------------------------------------------------------------------


async def test_a_result_is_kept_byte_for_byte_before_the_success_is_told(
    tmp_path: Path, gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id = await gateway.created(account)
    answer = await gateway.ended(account, task_id)
    got = await gateway.http.get(answer.json()["result"]["primary_url"])
    assert (got.status_code, got.content) == (200, provider.video)
    task = await gateway.task(task_id)
    result = decide.result_of(task)
    assert result is not None
    assert (result.size_bytes, result.sha256) == (len(provider.video), hashlib.sha256(provider.video).hexdigest())
    assert objects_under(tmp_path) == [f"results/{task_id}/poster.jpg", f"results/{task_id}/video.mp4"]
    await gateway.until(lambda: work_files(tmp_path) == [])


async def test_a_result_that_nobody_measured_is_looked_into(
    tmp_path: Path, gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.is_checked = False
    provider.video = video_bytes(seconds=5, size=(128, 96))
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id)
    result = decide.result_of(task)
    assert result is not None
    assert (result.width, result.height, result.codec) == (128, 96, "h264")
    assert result.duration_s == pytest.approx(5.0, abs=0.05)
    assert (result.size_bytes, result.sha256) == (len(provider.video), hashlib.sha256(provider.video).hexdigest())
    video = tmp_path / "data" / "objects" / result.video_object
    assert decoded(video) == (120, 128, 96)
    assert (tmp_path / "data" / "objects" / result.poster_object).read_bytes()[:3] == b"\xff\xd8\xff"


async def test_a_result_that_is_no_video_is_never_a_success(
    tmp_path: Path, gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.is_checked = False
    provider.video = b"<html>Sorry, try again later.</html>" * 50
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id)
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.STORAGE_FAILED)
    await assert_released(gateway, account, task_id, CREDITS)
    assert objects_under(tmp_path) == []


async def test_a_result_of_another_length_than_promised_is_never_a_success_and_is_kept_as_evidence(
    tmp_path: Path, gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.is_checked = False
    provider.video = video_bytes(seconds=4)
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id)
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.STORAGE_FAILED)
    await assert_released(gateway, account, task_id, CREDITS)
    assert objects_under(tmp_path) == []
    evidence = tmp_path / "data" / "evidence" / task_id
    assert (evidence / "video").read_bytes() == provider.video
    note = json.loads((evidence / "note.json").read_text())
    assert (note["provider"], note["job"], note["promised_duration_s"]) == ("scripted", task.job_id, 5)
    assert note["reason"] == "the result has 4.00 s, not 5 s"


async def test_a_right_copy_after_a_wrong_one_leaves_no_evidence(
    tmp_path: Path, gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.is_checked = False
    provider.video = video_bytes(seconds=4)
    task_id = await gateway.created(account)
    await until_state(gateway, task_id, State.STORING)
    evidence = tmp_path / "data" / "evidence"
    await gateway.until(evidence.is_dir)
    provider.video = video_bytes(seconds=5)
    task = await until_end(gateway, task_id)
    assert task.state is State.SUCCEEDED
    await gateway.until(lambda: list(evidence.iterdir()) == [])
    await assert_charged(gateway, account, task_id, CREDITS)


async def test_of_many_wrong_results_the_newest_are_kept(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, evidence_results_max=2, store_tries_max=1) as gateway:
        provider, account = gateway.provider, await gateway.account()
        assert provider is not None
        provider.is_checked = False
        made = []
        for _ in range(3):
            made.append(await gateway.created(account))
            await until_end(gateway, made[-1])
        kept = sorted(entry.name for entry in (tmp_path / "data" / "evidence").iterdir())
        assert kept == made[1:]


@pytest.mark.parametrize(("seconds", "is_right"), [(4.75, True), (5.25, True), (4.66, False), (5.34, False)])
async def test_a_result_may_be_three_tenths_of_a_second_off(
    gateway: TestGateway, provider: ScriptedProvider, account: Account, seconds: float, is_right: bool
) -> None:
    provider.is_checked = False
    provider.video = video_bytes(seconds=seconds)
    task = await until_end(gateway, await gateway.created(account))
    assert task.state is (State.SUCCEEDED if is_right else State.FAILED)


async def test_a_result_that_cannot_be_fetched_is_tried_again(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.fetches += [outcomes.StoreFailed("away", is_final=False)] * (gateway.settings.store_tries_max - 1)
    task_id = await gateway.created(account)
    await until_state(gateway, task_id, State.STORING)
    await assert_held(gateway, account, task_id, CREDITS)
    task = await until_end(gateway, task_id)
    assert (task.state, len(provider.orders), provider.fetches) == (State.SUCCEEDED, 1, provider.fetches.__class__())
    await assert_charged(gateway, account, task_id, CREDITS)


async def test_a_result_that_never_comes_ends_the_task_after_all_tries(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    tries = gateway.settings.store_tries_max
    provider.fetches += [outcomes.StoreFailed("away", is_final=False)] * (tries + 5)
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id)
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.STORAGE_FAILED)
    assert len(provider.fetches) == 5
    await assert_released(gateway, account, task_id, CREDITS)
    await gateway.until(lambda: provider.discarded == [f"job-{task_id}"])


async def test_a_finished_video_waits_for_a_provider_that_is_away(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    away = outcomes.StoreFailed("no connection", is_final=False, is_away=True)
    provider.fetches += [away] * (gateway.settings.store_tries_max * 2)
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id)
    assert (task.state, len(provider.orders), len(provider.fetches)) == (State.SUCCEEDED, 1, 0)
    await assert_charged(gateway, account, task_id, CREDITS)


async def test_a_result_that_is_gone_for_good_ends_the_task_at_once(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.fetches += [outcomes.StoreFailed("gone", is_final=True)] * 3
    task_id = await gateway.created(account)
    answer = await gateway.ended(account, task_id)
    assert answer.headers["x-reelway-failure"] == "storage_failed"
    assert len(provider.fetches) == 2
    await assert_released(gateway, account, task_id, CREDITS)


async def test_a_storage_that_is_away_is_waited_for(
    tmp_path: Path, gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    """A file stands where the folder of results should be, so that nothing can be kept."""
    blockage = tmp_path / "data" / "objects" / "results"
    blockage.write_text("in the way")
    task_id = await gateway.created(account)
    task = await until_state(gateway, task_id, State.STORING)
    await gateway.until(lambda: provider.poll_count == 1)
    await assert_held(gateway, account, task_id, CREDITS)
    blockage.unlink()
    task = await until_end(gateway, task_id)
    assert (task.state, provider.jobs) == (State.SUCCEEDED, {task_id: 1})
    await assert_charged(gateway, account, task_id, CREDITS)


async def test_a_disk_without_room_for_work_files_is_waited_for(
    tmp_path: Path, gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    blockage = tmp_path / "data" / "results"
    await gateway.ended(account, await gateway.created(account))
    await settled(gateway)
    blockage.rmdir()
    blockage.write_text("in the way")
    task_id = await gateway.created(account)
    task = await until_state(gateway, task_id, State.STORING)
    await gateway.until(lambda: provider.poll_count == 2)
    blockage.unlink()
    task = await until_end(gateway, task_id)
    assert task.state is State.SUCCEEDED


async def test_a_job_that_is_given_up_while_it_runs_is_stopped_at_its_provider(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    """Nobody will fetch its video: it should not go on costing."""

    async def break_down(_order: object) -> None:
        raise ZeroDivisionError

    provider.before_poll = break_down
    task_id = await gateway.created(account)
    assert (await until_end(gateway, task_id)).failure_code is FailureCode.INTERNAL_ERROR
    await gateway.until(lambda: provider.cancelled == [task_id])


async def test_a_job_that_failed_by_itself_is_not_asked_to_stop(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.polls.append(outcomes.JobFailed(FailureCode.CONTENT_REJECTED, "unsafe"))
    task_id = await gateway.created(account)
    await until_end(gateway, task_id)
    await gateway.until(lambda: provider.discarded == [f"job-{task_id}"])
    assert provider.cancelled == []


class LosingProvider(ScriptedProvider):
    """Its videos are gone when they are to be kept; their posters are there."""

    async def fetch(self, order: Order, job_id: JobId, folder: Path) -> FetchedVideo | outcomes.StoreFailed:
        found = await super().fetch(order, job_id, folder)
        assert isinstance(found, FetchedVideo)
        found.path.unlink()
        return found


async def test_a_result_that_was_kept_in_part_goes_with_the_task_that_fails(tmp_path: Path) -> None:
    provider = LosingProvider(scripted_offer(load_catalog()), video_bytes())
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        task_id = await gateway.created(account)
        await until_state(gateway, task_id, State.STORING)
        gateway.clock.advance(gateway.core.settings.task_deadline_seconds)  # until then it would wait for the storage
        task = await until_end(gateway, task_id, step_s=5)
        assert task.failure_code is FailureCode.STORAGE_FAILED
        await gateway.until(lambda: objects_under(tmp_path) == [])


async def test_a_storage_that_is_away_for_long_costs_no_finished_video(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, backoff_base_seconds=1, backoff_max_seconds=60) as gateway:
        account = await gateway.account()
        in_the_way = tmp_path / "data" / "objects" / "results"
        in_the_way.write_text("no folder")
        task_id = await gateway.created(account)
        await until_state(gateway, task_id, State.STORING)
        for _ in range(60):
            gateway.clock.advance(50)
            await settled(gateway)
        assert (await gateway.task(task_id)).state is State.STORING
        await assert_held(gateway, account, task_id, CREDITS)
        in_the_way.unlink()
        assert (await until_end(gateway, task_id, step_s=5)).state is State.SUCCEEDED
        await assert_charged(gateway, account, task_id, CREDITS)
