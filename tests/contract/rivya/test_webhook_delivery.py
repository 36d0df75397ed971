"""Deliveries: payload, signature, retries, disabling, replay, test. Contract 11.3 to 11.6, statements 56 to 59."""

from collections import deque
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from contract.rivya.wire import NINE_KEYS, status_of
from reelway.domain import outcomes
from reelway.domain.task import FailureCode, State
from reelway.net.signing import webhook_signature
from support.gateway import Account, TestGateway
from support.receiver import Receiver, Told, receiving
from support.staging import in_state, provider_of
from support.webhooks import (
    EVENTS,
    WEBHOOKS,
    attempts,
    call,
    deliveries,
    ended,
    endpoint,
    read,
    replay,
    telling_gateway,
)

pytestmark = pytest.mark.anyio

VECTOR_SECRET = "whsec_cmVlbHdheS1jb250cmFjdC10ZXN0LXNlY3JldC0zMmI="
DAY_S = 86_400


@pytest.fixture
async def telling(tmp_path: Path) -> AsyncIterator[TestGateway]:
    async with telling_gateway(tmp_path, backoff_base_seconds=30, backoff_max_seconds=30) as gateway:
        yield gateway


@pytest.fixture
async def teller(telling: TestGateway) -> Account:
    return await telling.account()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


def signed_by(told: Told, secret: str) -> bool:
    """Whether one of the message's signatures was made with the secret."""
    expected = webhook_signature(secret, told.headers["webhook-id"], int(told.headers["webhook-timestamp"]), told.body)
    return expected in told.headers["webhook-signature"].split(" ")


def moment_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def count_told(telling: TestGateway, receiver: Receiver, count: int) -> None:
    await telling.until(lambda: len(receiver.told) >= count)
    assert len(receiver.told) == count


async def told_events(telling: TestGateway, teller: Account, task_id: str) -> list[dict[str, Any]]:
    """The events of a task, once their deliveries are written down: a receiver is told a moment before that."""
    found: list[dict[str, Any]] = []

    async def are_delivered() -> bool:
        found[:] = (await call(telling, teller, "GET", EVENTS, generation_id=task_id)).json()["data"]
        return all(event["delivered"] for event in found)

    await telling.until(are_delivered)
    return found


async def test_11_4_a_delivery_is_the_payload_of_the_contract(
    telling: TestGateway, teller: Account, receiver: Receiver
) -> None:
    await endpoint(telling, teller, receiver.url)
    task_id = await ended(telling, teller)
    await count_told(telling, receiver, 1)
    told = receiver.told[0]
    assert told.headers["content-type"] == "application/json"
    assert told.headers["user-agent"] == "Reelway-Webhooks/1"
    assert list(told.json) == ["id", "type", "api_version", "created_at", "data"]
    assert told.json["id"] == told.headers["webhook-id"]
    assert told.json["type"] == "generation.succeeded"
    assert told.json["api_version"] == "2026-05-11"
    assert list(told.json["data"]) == NINE_KEYS
    assert told.json["data"] == (await status_of(telling, teller, task_id)).json()
    assert told.json["created_at"] == told.json["data"]["updated_at"]


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (State.SUCCEEDED, "generation.succeeded"),
        (State.FAILED, "generation.failed"),
        (State.CANCELLED, "generation.failed"),
        (State.EXPIRED, "generation.failed"),
    ],
)
async def test_11_3_every_end_makes_one_event(
    telling: TestGateway, teller: Account, receiver: Receiver, state: State, kind: str
) -> None:
    await endpoint(telling, teller, receiver.url)
    task_id = await in_state(telling, teller, state)
    await count_told(telling, receiver, 1)
    assert receiver.told[0].json["type"] == kind
    assert receiver.told[0].json["data"] == (await status_of(telling, teller, task_id)).json()
    (event,) = await told_events(telling, teller, task_id)
    assert (event["id"], event["type"]) == (receiver.told[0].json["id"], kind)
    assert (await call(telling, teller, "GET", EVENTS, type=kind)).json()["data"] == [event]
    other = ({"generation.succeeded", "generation.failed"} - {kind}).pop()
    assert (await call(telling, teller, "GET", EVENTS, type=other)).json()["data"] == []
    assert (await call(telling, teller, "GET", EVENTS, generation_id=task_id, type=other)).json()["data"] == []


async def test_11_3_an_endpoint_is_told_of_the_types_it_asked_for(
    telling: TestGateway, teller: Account, receiver: Receiver
) -> None:
    await endpoint(telling, teller, receiver.url, event_types=["generation.failed"])
    await ended(telling, teller)
    provider_of(telling).polls.append(outcomes.JobFailed(FailureCode.CONTENT_REJECTED, ""))
    await ended(telling, teller)
    await count_told(telling, receiver, 1)
    assert receiver.told[0].json["data"]["error"]["message"] == "The content was refused by the safety rules."


async def test_11_3_another_accounts_endpoint_hears_nothing(
    telling: TestGateway, teller: Account, receiver: Receiver
) -> None:
    await endpoint(telling, await telling.account(), receiver.url + "/other")
    await endpoint(telling, teller, receiver.url)
    await ended(telling, teller)
    await count_told(telling, receiver, 1)
    assert receiver.told[0].path == "/hook"


# --- 56, 57: signatures -----------------------------------------------------------------------------------------------


def test_56_the_vector_of_the_contract_holds() -> None:
    body = (
        b'{"id":"evt_01KB2R8T4NQ6V0X3Z5A7C9E1G4","type":"generation.succeeded","api_version":"2026-05-11",'
        b'"created_at":"2026-11-21T09:01:12.000Z","data":{"id":"task_01KB2R8T4NQ6V0X3Z5A7C9E1G3",'
        b'"status":"succeeded","model":"kling-v2-5-turbo-pro","reserved_credits":42,"final_credits":42,'
        b'"created_at":"2026-11-21T09:00:00.000Z","updated_at":"2026-11-21T09:01:12.000Z","result":{"primary_url":'
        b'"https://gw.example.com/media/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3/k3Jd82/video.mp4","urls":'
        b'["https://gw.example.com/media/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3/k3Jd82/video.mp4"]},"error":null}}'
    )
    found = webhook_signature(VECTOR_SECRET, "evt_01KB2R8T4NQ6V0X3Z5A7C9E1G4", 1795251672, body)
    assert found == "v1,hQfduu8r8YQSHBd1DjomTE6OjHOA4bY8EPi5utZPTX8="


async def test_57_after_a_rotation_both_secrets_sign_for_24_hours_then_only_the_new_one(
    telling: TestGateway, teller: Account, receiver: Receiver
) -> None:
    made = await endpoint(telling, teller, receiver.url)
    rotated = (await call(telling, teller, "POST", f"{WEBHOOKS}/{made['id']}/rotate-secret")).json()
    old, new = made["signing_secret"], rotated["signing_secret"]
    for hours, valid in ((0, [new, old]), (23.9, [new, old]), (0.2, [new])):
        telling.clock.advance(hours * 3_600)
        receiver.told.clear()
        await ended(telling, teller)
        await count_told(telling, receiver, 1)
        told = receiver.told[0]
        signatures = told.headers["webhook-signature"].split(" ")
        stamp = int(told.headers["webhook-timestamp"])
        assert signatures == [webhook_signature(one, told.headers["webhook-id"], stamp, told.body) for one in valid]


async def test_57_without_grace_the_old_secret_ends_at_once(
    telling: TestGateway, teller: Account, receiver: Receiver
) -> None:
    made = await endpoint(telling, teller, receiver.url)
    path = f"{WEBHOOKS}/{made['id']}/rotate-secret"
    rotated = (await call(telling, teller, "POST", path, {"grace_hours": 0})).json()
    await ended(telling, teller)
    await count_told(telling, receiver, 1)
    assert signed_by(receiver.told[0], rotated["signing_secret"])
    assert not signed_by(receiver.told[0], made["signing_secret"])


# --- 58: retries ------------------------------------------------------------------------------------------------------


async def test_58_a_failing_receiver_is_tried_eight_times_with_the_same_bytes(
    telling: TestGateway, teller: Account, receiver: Receiver
) -> None:
    receiver.status = 500
    made = await endpoint(telling, teller, receiver.url)
    task_id = await ended(telling, teller)
    delays_s = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]
    for number, delay_s in enumerate(delays_s, 1):
        newest = (await attempts(telling, teller, made["id"], number))[0]
        assert (newest["attempt"], newest["status"], newest["status_code"]) == (number, "failed", 500)
        waits_s = moment_s(newest["next_attempt_at"]) - moment_s(newest["created_at"])
        assert delay_s <= waits_s <= delay_s * 1.2 + 1
        telling.clock.advance(delay_s * 1.2 + 1)
    newest, *_, first = await attempts(telling, teller, made["id"], 8)
    assert newest["next_attempt_at"] is None
    assert first["next_attempt_at"] is not None
    assert len({told.body for told in receiver.told}) == 1
    assert {told.headers["webhook-id"] for told in receiver.told} == {newest["event_id"]}
    assert len({told.headers["webhook-timestamp"] for told in receiver.told}) == 8
    telling.clock.advance(20 * 3_600)
    await ended(telling, teller)
    await attempts(telling, teller, made["id"], 9)
    (event,) = (await call(telling, teller, "GET", EVENTS, generation_id=task_id)).json()["data"]
    assert (event["attempts"], event["delivered"]) == (8, False)
    assert (await read(telling, teller, made["id"]))["failure_count"] == 9


async def test_58_the_attempts_are_listed_and_can_be_filtered_by_event(
    telling: TestGateway, teller: Account, receiver: Receiver
) -> None:
    receiver.statuses = deque([502, 200])
    made = await endpoint(telling, teller, receiver.url)
    await ended(telling, teller)
    (failed,) = await attempts(telling, teller, made["id"], 1)
    assert list(failed) == [
        "id",
        "object",
        "endpoint_id",
        "event_id",
        "event_type",
        "attempt",
        "status",
        "status_code",
        "error",
        "duration_ms",
        "created_at",
        "next_attempt_at",
    ]
    assert (failed["object"], failed["endpoint_id"], failed["error"]) == ("webhook_delivery", made["id"], None)
    assert (await read(telling, teller, made["id"]))["failure_count"] == 1
    telling.clock.advance(6.1)
    succeeded, _ = await attempts(telling, teller, made["id"], 2)
    assert (succeeded["attempt"], succeeded["status"], succeeded["status_code"]) == (2, "succeeded", 200)
    assert succeeded["next_attempt_at"] is None
    now = await read(telling, teller, made["id"])
    assert (now["failure_count"], now["last_success_at"] is None, now["last_failure_at"] is None) == (0, False, False)
    await ended(telling, teller)
    await attempts(telling, teller, made["id"], 3)
    of_first = await deliveries(telling, teller, made["id"], event_id=failed["event_id"])
    assert [one["attempt"] for one in of_first] == [2, 1]
    (event,) = [e for e in (await call(telling, teller, "GET", EVENTS)).json()["data"] if e["id"] == failed["event_id"]]
    assert (event["attempts"], event["delivered"]) == (2, True)


# --- 59: disabling, replay --------------------------------------------------------------------------------------------


async def test_59_a_receiver_that_is_gone_is_disabled_revived_and_told_again(
    telling: TestGateway, teller: Account, receiver: Receiver
) -> None:
    receiver.status = 410
    made = await endpoint(telling, teller, receiver.url)
    await ended(telling, teller)
    (gone,) = await attempts(telling, teller, made["id"], 1)
    assert (gone["status_code"], gone["next_attempt_at"]) == (410, None)
    now = await read(telling, teller, made["id"])
    assert now["status"] == "disabled"
    assert now["disabled_at"] is not None

    await ended(telling, teller)
    telling.clock.advance(DAY_S)
    assert len((await call(telling, teller, "GET", EVENTS)).json()["data"]) == 2, "events are still recorded"
    told_disabled = await replay(telling, teller, gone["event_id"])
    assert told_disabled.status_code == 200
    refused = await replay(telling, teller, gone["event_id"], {"endpoint_id": made["id"]})
    assert [one["field"] for one in refused.json()["error"]["details"]] == ["endpoint_id"]
    assert len(receiver.told) == 1, "a disabled endpoint gets nothing"

    receiver.status = 204
    revived = await call(telling, teller, "PATCH", f"{WEBHOOKS}/{made['id']}", {"status": "active"})
    assert (revived.json()["status"], revived.json()["failure_count"]) == ("active", 0)
    answer = await replay(telling, teller, gone["event_id"])
    assert answer.json()["id"] == gone["event_id"]
    again, _ = await attempts(telling, teller, made["id"], 2)
    assert (again["attempt"], again["status"], again["event_id"]) == (2, "succeeded", gone["event_id"])
    assert receiver.told[0].body == receiver.told[1].body
    assert receiver.told[0].headers["webhook-id"] == receiver.told[1].headers["webhook-id"]


async def test_59_five_days_with_failures_only_disable_an_endpoint(
    telling: TestGateway, teller: Account, receiver: Receiver
) -> None:
    receiver.status = 503
    made = await endpoint(telling, teller, receiver.url)
    for day in range(5):
        assert (await read(telling, teller, made["id"]))["status"] == "active", day
        before = len(receiver.told)
        await ended(telling, teller)

        async def is_tried(before: int = before) -> bool:
            found = await deliveries(telling, teller, made["id"], limit=100)
            return len(receiver.told) > before and len(found) == len(receiver.told)

        await telling.until(is_tried)
        telling.clock.advance(DAY_S + 60)
    await ended(telling, teller)

    async def is_disabled() -> bool:
        return (await read(telling, teller, made["id"]))["status"] == "disabled"

    await telling.until(is_disabled)


async def test_11_2_a_replay_reaches_an_endpoint_that_is_newer_than_the_event(
    telling: TestGateway, teller: Account, receiver: Receiver
) -> None:
    await ended(telling, teller)
    (event,) = (await call(telling, teller, "GET", EVENTS)).json()["data"]
    assert (event["attempts"], event["delivered"]) == (0, False)
    made = await endpoint(telling, teller, receiver.url)
    only_failures = await endpoint(telling, teller, receiver.url, event_types=["generation.failed"])
    assert (await replay(telling, teller, event["id"])).status_code == 200
    await attempts(telling, teller, made["id"], 1)
    refused = await replay(telling, teller, event["id"], {"endpoint_id": only_failures["id"]})
    assert refused.status_code == 400
    for count in (2, 3):
        await replay(telling, teller, event["id"], {"endpoint_id": made["id"]})
        await attempts(telling, teller, made["id"], count)
    numbers = [one["attempt"] for one in await deliveries(telling, teller, made["id"])]
    assert numbers == sorted(set(numbers), reverse=True)


async def test_11_2_a_replay_of_an_event_that_waits_sends_it_at_once(
    telling: TestGateway, teller: Account, receiver: Receiver
) -> None:
    receiver.statuses = deque([500])
    made = await endpoint(telling, teller, receiver.url)
    await ended(telling, teller)
    (failed,) = await attempts(telling, teller, made["id"], 1)
    await replay(telling, teller, failed["event_id"])
    again, _ = await attempts(telling, teller, made["id"], 2)
    assert (again["attempt"], again["status"]) == (2, "succeeded")


async def test_11_2_a_foreign_event_cannot_be_replayed(
    telling: TestGateway, teller: Account, receiver: Receiver
) -> None:
    await ended(telling, teller)
    (event,) = (await call(telling, teller, "GET", EVENTS)).json()["data"]
    other = await telling.account()
    mine = await endpoint(telling, other, receiver.url)
    for event_id in (event["id"], "evt_" + "0" * 26, "evt_x"):
        assert (await replay(telling, other, event_id)).status_code == 404
    foreign = await replay(telling, teller, event["id"], {"endpoint_id": mine["id"]})
    assert foreign.status_code == 404
    assert (await call(telling, other, "GET", EVENTS)).json()["data"] == []
    assert not receiver.told


async def test_11_2_a_deleted_endpoint_is_told_nothing_more(
    telling: TestGateway, teller: Account, receiver: Receiver
) -> None:
    receiver.status = 500
    made = await endpoint(telling, teller, receiver.url)
    await ended(telling, teller)
    await attempts(telling, teller, made["id"], 1)
    await call(telling, teller, "DELETE", f"{WEBHOOKS}/{made['id']}")
    telling.clock.advance(3_600)
    other = await endpoint(telling, teller, receiver.url)
    receiver.status = 204
    await ended(telling, teller)
    await attempts(telling, teller, other["id"], 1)
    assert len(receiver.told) == 2


# --- test -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [None, "generation.succeeded", "generation.failed"])
async def test_11_2_a_test_is_one_signed_attempt_made_while_the_call_waits(
    telling: TestGateway, teller: Account, receiver: Receiver, kind: str | None
) -> None:
    made = await endpoint(telling, teller, receiver.url)
    body = None if kind is None else {"event_type": kind}
    answer = await call(telling, teller, "POST", f"{WEBHOOKS}/{made['id']}/test", body)
    assert answer.status_code == 200, answer.text
    assert len(receiver.told) == 1
    told = receiver.told[0]
    assert signed_by(told, made["signing_secret"])
    assert told.json["type"] == (kind or "generation.succeeded")
    assert list(told.json["data"]) == NINE_KEYS
    delivery = answer.json()
    assert (delivery["attempt"], delivery["status"], delivery["status_code"]) == (1, "succeeded", 204)
    assert delivery["event_id"] == told.json["id"]
    assert await deliveries(telling, teller, made["id"]) == [delivery]
    assert (await call(telling, teller, "GET", EVENTS)).json()["data"] == [], "nothing has happened"


async def test_11_2_a_test_that_fails_is_not_tried_again(
    telling: TestGateway, teller: Account, receiver: Receiver
) -> None:
    receiver.status = 500
    made = await endpoint(telling, teller, receiver.url)
    delivery = (await call(telling, teller, "POST", f"{WEBHOOKS}/{made['id']}/test")).json()
    assert (delivery["status"], delivery["status_code"], delivery["next_attempt_at"]) == ("failed", 500, None)
    telling.clock.advance(3_600)
    receiver.status = 204
    await ended(telling, teller)
    await count_told(telling, receiver, 2)
    assert (await read(telling, teller, made["id"]))["failure_count"] == 0


async def test_11_2_a_test_of_a_dead_receiver_says_why(telling: TestGateway, teller: Account) -> None:
    made = await endpoint(telling, teller, "http://127.0.0.1:1/nobody")
    delivery = (await call(telling, teller, "POST", f"{WEBHOOKS}/{made['id']}/test")).json()
    assert (delivery["status_code"], delivery["error"]) == (None, "connect_failed")


async def test_11_2_a_wrong_test_is_refused(shared: TestGateway, account: Account) -> None:
    made = await endpoint(shared, account, "https://hooks.example.com/x")
    answer = await call(shared, account, "POST", f"{WEBHOOKS}/{made['id']}/test", {"event_type": "x", "y": 1})
    assert [one["field"] for one in answer.json()["error"]["details"]] == ["event_type", "y"]
