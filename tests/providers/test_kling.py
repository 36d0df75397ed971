"""The Kling adapter against the scripted server: each fault, what it means, and how many jobs there are afterwards."""

import asyncio
import io
import logging
from pathlib import Path
from typing import Any

import pytest
import structlog

from providers.kling_desk import TASK_ID, desk, order
from reelway.domain import outcomes
from reelway.domain.ids import JobId
from reelway.domain.outcomes import Cost
from reelway.domain.routing import Tier
from reelway.domain.task import FailureCode
from reelway.net import tokens
from reelway.providers import kling, remote
from reelway.providers.base import FetchedVideo
from reelway.providers.kling import KlingProvider
from support.clock import FakeClock
from support.kling_server import (
    ACCESS_KEY,
    SECRET_KEY,
    Drop,
    Expire,
    Hang,
    KlingServer,
    Raw,
    Refuse,
    Truncate,
    Wait,
    kling_server,
)
from support.receiver import receiving

pytestmark = pytest.mark.anyio

VIDEO = b"\x00\x00\x00\x18ftypmp42" + b"v" * 5_000


async def accepted(provider: KlingProvider) -> JobId:
    outcome = await provider.submit(order())
    assert isinstance(outcome, outcomes.Accepted)
    return outcome.job_id


# --- submit -----------------------------------------------------------------------------------------------------------

LOCKED = (1000, 1001, 1002, 1003, 1004, 1100, 1101, 1102, 1103, 1202, 1203, 1304)
UNKNOWN = (5000, 5001, 5002, 9999)


@pytest.mark.parametrize("code", LOCKED)
async def test_a_provider_that_will_not_serve_us_made_no_job_and_opens_the_circuit(code: int, tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        server.creates.append(Refuse(code))
        async with desk(server.url, tmp_path) as provider:
            outcome = await provider.submit(order())
    assert isinstance(outcome, outcomes.Unavailable)
    assert outcome.opens_circuit
    assert server.jobs == {}


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (1200, FailureCode.PROVIDER_REJECTED),
        (1201, FailureCode.PROVIDER_REJECTED),
        (1300, FailureCode.PROVIDER_REJECTED),
        (1301, FailureCode.CONTENT_REJECTED),
    ],
)
async def test_a_refusal_is_the_callers_and_repeats_no_word_of_the_provider(
    code: int, failure: FailureCode, tmp_path: Path
) -> None:
    with kling_server(VIDEO) as server:
        server.creates.append(Refuse(code, "Kling AI: see https://klingai.com/help, request 4711"))
        async with desk(server.url, tmp_path) as provider:
            outcome = await provider.submit(order())
    assert isinstance(outcome, outcomes.Refused)
    assert outcome.code is failure
    assert "ling" not in outcome.reason
    assert server.jobs == {}


@pytest.mark.parametrize(
    ("fault", "seconds"), [(Refuse(1302), 2), (Refuse(1303), 5), (Refuse(1303, retry_after_s=30), 30)]
)
async def test_a_throttle_waits_as_long_as_it_is_told(fault: Refuse, seconds: float, tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        server.creates.append(fault)
        async with desk(server.url, tmp_path) as provider:
            assert await provider.submit(order()) == outcomes.Throttled(seconds)
            assert provider.free_slots == 5


LOST: dict[str, tuple[Any, int]] = {
    "the answer is dropped": (Drop(), 1),
    "the connection is dropped before": (Drop(accepts=False), 0),
    "the answer hangs": (Hang(), 1),
    "the request hangs": (Hang(accepts=False), 0),
    "the answer is broken JSON": (Raw(), 1),
    "the answer is a proxy's page": (Raw(b"<html>Bad gateway</html>", 502, accepts=False), 0),
    "the answer is half": (Raw(b'{"code":0,"data":{}}', length=100), 1),
    "the answer has no job": (Raw(b'{"code":0,"message":"SUCCEED","data":{}}'), 1),
    "the answer has a list": (Raw(b'{"code":0,"message":"SUCCEED","data":[]}'), 1),
    "the answer has a text as code": (Raw(b'{"code":"0","data":{"task_id":"1","task_status":"submitted"}}'), 1),
    "the answer is empty": (Raw(b"", 200), 1),
    "the answer is a 500 though it was taken": (Raw(b'{"code":5000,"message":"oops"}', 500), 1),
    **{f"the answer is code {code}": (Refuse(code), 0) for code in UNKNOWN},
}


@pytest.mark.parametrize("name", LOST)
async def test_a_lost_answer_is_unknown_and_find_tells_what_became_of_it(name: str, tmp_path: Path) -> None:
    fault, jobs = LOST[name]
    clock = FakeClock()
    with kling_server(VIDEO, now_s=lambda: clock.now_us() / 1e6) as server:
        server.creates.append(fault)
        async with desk(server.url, tmp_path, clock=clock) as provider:
            since_us = clock.now_us()
            assert isinstance(await provider.submit(order()), outcomes.SubmitUnknown)
            found = await provider.find(order(since_us=since_us))
            if jobs:
                assert found == outcomes.Accepted(JobId(server.jobs_of(TASK_ID)[0].id), poll_after_s=0.0)
            else:
                assert isinstance(found, outcomes.FindUnknown), "a submit under way cannot be found yet"
                clock.advance(2)
                assert await provider.find(order(since_us=since_us)) == outcomes.Absent()
    assert len(server.jobs) == jobs
    assert len(server.created) == 1


async def test_an_answer_that_comes_too_late_leaves_a_job_that_is_found_later(tmp_path: Path) -> None:
    clock = FakeClock()
    with kling_server(VIDEO, now_s=lambda: clock.now_us() / 1e6) as server:
        server.creates.append(Wait(1.5))
        async with desk(server.url, tmp_path, clock=clock) as provider:
            late = order(since_us=clock.now_us())
            assert isinstance(await provider.submit(late), outcomes.SubmitUnknown)
            assert isinstance(await provider.find(late), outcomes.FindUnknown)
            assert await asyncio.to_thread(server.accepted.wait, 5)
            assert isinstance(await provider.find(late), outcomes.Accepted)
    assert len(server.jobs) == 1


async def test_a_submit_that_comes_twice_makes_one_job_and_the_second_is_looked_for(tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        async with desk(server.url, tmp_path) as provider:
            first = await accepted(provider)
            assert isinstance(await provider.submit(order()), outcomes.SubmitUnknown)
            assert await provider.find(order()) == outcomes.Accepted(first, poll_after_s=0.0)
    assert len(server.jobs) == 1


async def test_where_nobody_listens_no_job_was_made(tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        url = server.url
    async with desk(url, tmp_path) as provider:
        assert isinstance(await provider.submit(order()), outcomes.Unavailable)
        assert isinstance(await provider.find(order(since_us=0)), outcomes.FindUnknown)


@pytest.mark.parametrize("fault", [Refuse(1002), Refuse(1302), Refuse(5000), Drop(), Hang(), Raw(), Raw(b"{}", 404)])
async def test_only_a_plain_not_found_is_an_absence(fault: Any, tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        server.queries.append(fault)
        async with desk(server.url, tmp_path) as provider:
            assert isinstance(await provider.find(order(since_us=0)), outcomes.FindUnknown)
            assert await provider.find(order(since_us=0)) == outcomes.Absent()


async def test_a_job_of_somebody_elses_reference_is_not_ours(tmp_path: Path) -> None:
    stranger = b'{"code":0,"data":{"task_id":"9","task_status":"succeed","task_info":{"external_task_id":"order-7"}}}'
    with kling_server(VIDEO) as server:
        server.queries.append(Raw(stranger))
        async with desk(server.url, tmp_path) as provider:
            assert isinstance(await provider.find(order(since_us=0)), outcomes.FindUnknown)


# --- poll -------------------------------------------------------------------------------------------------------------


async def test_a_job_is_at_work_and_then_done_and_its_cost_is_told(tmp_path: Path) -> None:
    with kling_server(VIDEO, polls=2) as server:
        async with desk(server.url, tmp_path) as provider:
            job_id = await accepted(provider)
            assert await provider.poll(order(), job_id) == outcomes.InProgress(None, poll_after_s=0.02)
            assert await provider.poll(order(), job_id) == outcomes.InProgress(None, poll_after_s=0.02)
            assert await provider.poll(order(), job_id) == outcomes.Finished(Cost(350_000, "2.5"))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Failure to pass the risk control system", FailureCode.CONTENT_REJECTED),
        ("The prompt contains sensitive words", FailureCode.CONTENT_REJECTED),
        ("Video generation failed, klingai request 4711", FailureCode.GENERATION_FAILED),
        ("", FailureCode.GENERATION_FAILED),
    ],
)
async def test_a_refused_content_is_told_apart_from_a_failure(message: str, code: FailureCode, tmp_path: Path) -> None:
    with kling_server(VIDEO, polls=0) as server:
        server.failures.append(message)
        async with desk(server.url, tmp_path) as provider:
            job_id = await accepted(provider)
            assert await provider.poll(order(), job_id) == outcomes.JobFailed(code, "", Cost(0, "0"))


BAD_POLLS = {
    "another job": Raw(b'{"code":0,"data":{"task_id":"1","task_status":"succeed"}}'),
    "a status that is none": Raw(b'{"code":0,"data":{"task_id":"780000000000000000","task_status":"nearly"}}'),
    "a video without an address": Raw(
        b'{"code":0,"data":{"task_id":"780000000000000000","task_status":"succeed","task_result":{"videos":[]}}}'
    ),
    "broken JSON": Raw(),
    "a 500": Raw(b"{}", 500),
    "a code": Refuse(1002),
    "not found": Refuse(1203),
    "a dropped answer": Drop(),
    "a hanging answer": Hang(),
}


@pytest.mark.parametrize("name", BAD_POLLS)
async def test_a_bad_answer_to_a_poll_ends_nothing(name: str, tmp_path: Path) -> None:
    with kling_server(VIDEO, polls=0) as server:
        async with desk(server.url, tmp_path) as provider:
            job_id = await accepted(provider)
            server.queries.append(BAD_POLLS[name])
            assert isinstance(await provider.poll(order(), job_id), outcomes.PollUnknown)
            assert provider.free_slots == 4
            assert isinstance(await provider.poll(order(), job_id), outcomes.Finished)
            assert provider.free_slots == 5


async def test_a_throttled_poll_is_no_fault(tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        async with desk(server.url, tmp_path) as provider:
            job_id = await accepted(provider)
            server.queries.append(Refuse(1302, retry_after_s=9))
            assert await provider.poll(order(), job_id) == outcomes.InProgress(None, poll_after_s=9.0)


@pytest.mark.parametrize("units", ["1e400", "-1", "NaN", "many", ""])
async def test_a_cost_that_makes_no_sense_counts_as_not_told(units: str, tmp_path: Path) -> None:
    with kling_server(VIDEO, polls=0, units=units) as server:
        async with desk(server.url, tmp_path) as provider:
            assert await provider.poll(order(), await accepted(provider)) == outcomes.Finished(None)


# --- fetch ------------------------------------------------------------------------------------------------------------


async def fetched(server: KlingServer, folder: Path, **changes: Any) -> FetchedVideo | outcomes.StoreFailed:
    async with desk(server.url, folder, **changes) as provider:
        job_id = await accepted(provider)
        return await provider.fetch(order(), job_id, folder)


async def test_the_video_comes_byte_for_byte_from_a_fresh_address(tmp_path: Path) -> None:
    with kling_server(VIDEO, polls=0) as server:
        async with desk(server.url, tmp_path) as provider:
            job_id = await accepted(provider)
            await provider.poll(order(), job_id)
            server.expire_links()
            found = await provider.fetch(order(), job_id, tmp_path)
            assert isinstance(found, FetchedVideo)
            assert found.path.read_bytes() == VIDEO


@pytest.mark.parametrize("fault", [Expire(), Truncate(), Raw(b"", 500), Raw(b"", 404)])
async def test_a_video_that_does_not_come_is_tried_again(fault: Any, tmp_path: Path) -> None:
    with kling_server(VIDEO, polls=0) as server:
        async with desk(server.url, tmp_path) as provider:
            job_id = await accepted(provider)
            server.files.append(fault)
            found = await provider.fetch(order(), job_id, tmp_path)
            assert isinstance(found, outcomes.StoreFailed)
            assert not found.is_final
            assert server.url not in found.reason
            assert isinstance(await provider.fetch(order(), job_id, tmp_path), FetchedVideo)


async def test_a_video_that_is_too_large_is_given_up(tmp_path: Path) -> None:
    with kling_server(b"v" * 10_000_001, polls=0) as server:
        found = await fetched(server, tmp_path)
        assert isinstance(found, outcomes.StoreFailed)
        assert found.is_final


async def test_a_video_whose_address_cannot_be_asked_for_is_tried_again(tmp_path: Path) -> None:
    with kling_server(VIDEO, polls=0) as server:
        server.queries.append(Drop())
        found = await fetched(server, tmp_path)
        assert isinstance(found, outcomes.StoreFailed)
        assert not found.is_final


# --- what routing knows -----------------------------------------------------------------------------------------------


async def test_jobs_take_slots_until_they_end(tmp_path: Path) -> None:
    with kling_server(VIDEO, polls=0) as server:
        async with desk(server.url, tmp_path, concurrency_max=1) as provider:
            job_id = await accepted(provider)
            assert provider.free_slots == 0
            assert await provider.submit(order()) == outcomes.Throttled(1.0, is_ours=True)
            await provider.poll(order(), job_id)
            assert provider.free_slots == 1
    assert len(server.created) == 1


async def test_the_offer_is_official_and_has_its_price(tmp_path: Path) -> None:
    async with desk("https://api.example.com", tmp_path, concurrency_max=7) as provider:
        offer = provider.offer
        assert (offer.provider, offer.tier, offer.slots, offer.can_cancel) == ("kling", Tier.OFFICIAL, 7, False)
        assert offer.price_of("kling-3-0").unit_microdollars == 140_000
        assert len(offer.capabilities) == 9
        assert provider.unknown_window_s == 900
        assert len(provider.credential) == 12
        assert await provider.cancel(order(), JobId("1")) == outcomes.CancelImpossible()


async def test_a_provider_that_repeats_our_credentials_does_not_bring_them_into_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    for module in (kling, remote):  # the tests' own logs are off
        fresh = structlog.wrap_logger(
            structlog.PrintLogger(written),
            processors=[structlog.processors.JSONRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        )
        monkeypatch.setattr(module, "log", fresh)
    token = tokens.signed(ACCESS_KEY, SECRET_KEY, 1_700_000_000)
    with kling_server(VIDEO, polls=0) as server:
        async with desk(server.url, tmp_path) as provider:
            server.creates.append(Refuse(1002, f"{token} of {ACCESS_KEY} with {SECRET_KEY} is wrong"))
            await provider.submit(order())
            server.failures.append(f"who is {SECRET_KEY}?")
            await provider.poll(order(), await accepted(provider))
    assert "*** of *** with *** is wrong" in written.getvalue()
    assert "who is ***?" in written.getvalue()
    for secret in (ACCESS_KEY, SECRET_KEY, token):
        assert secret not in written.getvalue()


async def test_callbacks_of_every_kind_change_nothing_that_a_poll_says(tmp_path: Path) -> None:
    """Twice, late, and out of order: the provider's word is what a poll brings."""
    tells = ("succeed", "processing", "submitted", "succeed", "failed")
    async with receiving() as receiver:
        with kling_server(VIDEO, tells=tells, tells_after_s=0.05) as server:
            async with desk(server.url, tmp_path, hook_url=lambda provider, task_id: receiver.url) as provider:
                job_id = await accepted(provider)
                assert isinstance(await provider.poll(order(), job_id), outcomes.InProgress)
                async with asyncio.timeout(10):
                    await asyncio.to_thread(server.all_told.wait, 10)
                assert [told.json["task_status"] for told in receiver.told] == list(tells)
                assert [status for _, _, status in server.told] == [204] * 5
                assert isinstance(await provider.poll(order(), job_id), outcomes.Finished)
