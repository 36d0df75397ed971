"""Gateways that serve `/kling/v1`: both reply dialects, and what is different where our reference is not kept."""

import json
from pathlib import Path
from typing import Any

import pytest

from providers.kling_desk import TASK_ID, desk, order
from reelway.domain import outcomes
from reelway.domain.outcomes import Cost
from reelway.domain.routing import Tier
from reelway.domain.task import FailureCode
from reelway.providers.base import FetchedVideo
from reelway.providers.http import Answered
from reelway.providers.kling_replies import Seen, Stage, Told, read_relay
from reelway.wire.kling import Code
from support.kling_server import Drop, Raw, kling_server

pytestmark = pytest.mark.anyio

VIDEO = b"\x00\x00\x00\x18ftypmp42" + b"v" * 500


@pytest.mark.parametrize("replies", ["native", "task"])
async def test_a_whole_life_in_either_reply_dialect(replies: str, tmp_path: Path) -> None:
    with kling_server(VIDEO, prefix="/kling", replies=replies) as server:
        async with desk(server.url, tmp_path, relay=True) as provider:
            assert provider.offer.tier is Tier.VALUE
            accepted = await provider.submit(order())
            assert isinstance(accepted, outcomes.Accepted)
            assert isinstance(await provider.poll(order(), accepted.job_id), outcomes.InProgress)
            done = await provider.poll(order(), accepted.job_id)
            assert done == outcomes.Finished(Cost(350_000, "2.5") if replies == "native" else None)
            found = await provider.fetch(order(), accepted.job_id, tmp_path)
            assert isinstance(found, FetchedVideo)
            assert found.path.read_bytes() == VIDEO
    assert server.created[0].target == "/kling/v1/videos/text2video"


@pytest.mark.parametrize("replies", ["native", "task"])
async def test_a_refused_content_is_told_apart_in_either_dialect(replies: str, tmp_path: Path) -> None:
    with kling_server(VIDEO, prefix="/kling", replies=replies, polls=0) as server:
        server.failures.append("content moderation failed")
        async with desk(server.url, tmp_path, relay=True) as provider:
            accepted = await provider.submit(order())
            assert isinstance(accepted, outcomes.Accepted)
            outcome = await provider.poll(order(), accepted.job_id)
            assert isinstance(outcome, outcomes.JobFailed)
            assert (outcome.code, outcome.reason) == (FailureCode.CONTENT_REJECTED, "")


async def test_a_job_that_is_not_found_may_be_there_where_our_reference_is_not_kept(tmp_path: Path) -> None:
    with kling_server(VIDEO, prefix="/kling", finds=False) as server:
        server.creates.append(Drop())
        async with desk(server.url, tmp_path, relay=True) as provider:
            assert isinstance(await provider.submit(order()), outcomes.SubmitUnknown)
            assert isinstance(await provider.find(order(since_us=0)), outcomes.FindUnknown)
        async with desk(server.url, tmp_path, relay=True, finds_by_reference=True) as provider:
            assert await provider.find(order(since_us=0)) == outcomes.Absent()


REPLIES: dict[str, tuple[int, Any, Seen | Told | None]] = {
    "the vendor's own": (
        200,
        {"code": 0, "data": {"task_id": "7", "task_status": "submitted", "task_info": {"external_task_id": TASK_ID}}},
        Seen("7", Stage.WAITING, reference=TASK_ID),
    ),
    "the vendor's own, in a word": (
        200,
        {"code": "success", "data": {"task_id": "7", "task_status": "processing"}},
        Seen("7", Stage.AT_WORK),
    ),
    "an id alone": (200, {"code": "success", "data": "7"}, Seen("7", Stage.WAITING)),
    "no envelope": (200, {"task_id": "7", "status": "completed", "url": "u"}, Seen("7", Stage.DONE, url="u")),
    "an id by another name": (200, {"id": "7", "status": "IN_PROGRESS"}, Seen("7", Stage.AT_WORK)),
    "a record around the vendor's own": (
        200,
        {
            "code": "success",
            "data": {
                "task_id": "7",
                "status": "SUCCESS",
                "data": {
                    "code": 0,
                    "data": {
                        "task_id": "9",
                        "task_status": "succeed",
                        "task_result": {"videos": [{"url": "u"}]},
                        "final_unit_deduction": "2.5",
                    },
                },
            },
        },
        Seen("7", Stage.DONE, url="u", units="2.5"),
    ),
    "a failure": (
        200,
        {"code": "success", "data": {"task_id": "7", "status": "FAILURE", "fail_reason": "oops"}},
        Seen("7", Stage.FAILED, message="oops"),
    ),
    "no quota": (
        403,
        {"code": "insufficient_user_quota", "message": "user quota is not enough"},
        Told(Code.BALANCE_NOT_ENOUGH, "user quota is not enough"),
    ),
    "a bad key": (
        401,
        {"error": {"message": "invalid token", "type": "x"}},
        Told(Code.AUTHORIZATION_INVALID, "invalid token"),
    ),
    "a bad request": (400, {"code": "invalid_request", "message": "bad"}, Told(Code.PARAMETER_INVALID, "bad")),
    "a refusal": (
        400,
        {"error": {"message": "blocked by moderation"}},
        Told(Code.CONTENT_REFUSED, "blocked by moderation"),
    ),
    "a throttle": (429, {"error": {"message": "slow down"}}, Told(Code.TOO_FREQUENT, "slow down")),
    "no such task": (404, {"code": "task_not_exist", "message": "no"}, Told(Code.NOT_FOUND, "no")),
    "an error of no known kind": (200, {"code": "fail", "message": "?"}, Told(None, "?")),
    "a status that is none": (200, {"task_id": "7", "status": "nearly"}, None),
    "no id": (200, {"status": "queued"}, None),
    "an id that is none": (200, {"task_id": "a b", "status": "queued"}, None),
    "a list": (200, [], None),
}


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_is_read_as_it_is_meant(name: str) -> None:
    status, wire, expected = REPLIES[name]
    assert read_relay(Answered(status, body=json.dumps(wire).encode())) == expected


async def test_an_error_of_no_known_kind_is_unknown(tmp_path: Path) -> None:
    with kling_server(VIDEO, prefix="/kling") as server:
        server.creates.append(Raw(b'{"code":"fail","message":"?"}'))
        async with desk(server.url, tmp_path, relay=True) as provider:
            assert isinstance(await provider.submit(order()), outcomes.SubmitUnknown)
            assert isinstance(await provider.find(order()), outcomes.Accepted)
