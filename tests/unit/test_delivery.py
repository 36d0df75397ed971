"""The rules of delivery: who is told, what an attempt means, when the next one comes, when a receiver is given up."""

import json
from dataclasses import replace

import pytest

from reelway.domain.delivery import (
    EXACTLY_200,
    FAILING_US_MAX,
    NEWEST_ONLY,
    POLICIES,
    STANDARD,
    Message,
    Receiver,
    after_failure,
    after_success,
    attempted,
    callback_message,
    callback_receiver,
    cleared,
    endpoint_message,
    settle,
)
from reelway.domain.events import Announcement, EventType, event_of
from reelway.domain.ids import AccountId, DeliveryId, EndpointId, EventId, ReceiverId, TaskId, is_event_id, last_id
from reelway.domain.task import PublicStatus, State, Task
from reelway.domain.webhooks import Endpoint, EndpointStatus, Secrets, SendFault
from reelway.net.signing import new_webhook_secret, secret_preview, webhook_headers, webhook_signature
from unit.builders import US, task_in

NOW_US = 1_795_251_600 * US
DELIVERY = DeliveryId("whd_1")
ACCOUNT = AccountId("acct_1")


def message_for(policy: str, **changes: object) -> Message:
    plain = Message(
        receiver=ReceiverId("whend_1"),
        account_id=ACCOUNT,
        task_id=TaskId("task_1"),
        event_id=EventId("evt_1"),
        sequence=3,
        event_type=EventType.SUCCEEDED,
        endpoint_id=EndpointId("whend_1") if policy == STANDARD else None,
        url=None if policy == STANDARD else "https://hooks.example.com/x",
        policy=policy,
        body=b"{}",
        tries=0,
        attempt=0,
        due_at_us=NOW_US,
        created_at_us=NOW_US,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def rounds_of(policy: str, status: int | None, error: SendFault | None = None) -> list[float]:
    """Seconds from the end of each attempt to the next, until the message leaves the outbox."""
    message: Message | None = message_for(policy)
    delays_s = []
    now_us = NOW_US
    while message is not None:
        found = settle(message, attempted(status, error, now_us, 100), None, DELIVERY)
        message = found.following
        if message is not None:
            assert found.delivery.next_attempt_at_us == message.due_at_us
            delays_s.append((message.due_at_us - now_us - 100_000) / US)
            now_us = message.due_at_us
    return delays_s


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_a_success_but_where_only_200_is(status: int) -> None:
    for policy in (STANDARD, NEWEST_ONLY, EXACTLY_200):
        found = settle(message_for(policy), attempted(status, None, NOW_US, 7), None, DELIVERY)
        is_success = status == 200 or policy != EXACTLY_200
        assert found.delivery.is_success is is_success
        assert (found.following is None) is is_success


def test_the_standard_schedule_is_the_contracts_lengthened_by_up_to_a_fifth() -> None:
    for status, error in ((500, None), (404, None), (None, SendFault.TIMEOUT)):
        delays_s = rounds_of(STANDARD, status, error)
        plain_s = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]
        assert len(delays_s) == len(plain_s)
        for found_s, expected_s in zip(delays_s, plain_s, strict=True):
            assert expected_s <= found_s <= expected_s * 1.2


def test_the_spread_differs_between_messages() -> None:
    due = {
        settle(
            message_for(STANDARD, event_id=EventId(f"evt_{number}")), attempted(500, None, NOW_US, 0), None, DELIVERY
        ).delivery.next_attempt_at_us
        for number in range(50)
    }
    assert len(due) > 40


@pytest.mark.parametrize("policy", [EXACTLY_200, NEWEST_ONLY])
def test_callbacks_are_tried_again_three_times_without_spread(policy: str) -> None:
    assert rounds_of(policy, 500) == [30, 120, 600]


def test_how_long_an_answer_is_waited_for() -> None:
    assert {name: policy.timeout_s for name, policy in POLICIES.items()} == {
        STANDARD: 15,
        EXACTLY_200: 30,
        NEWEST_ONLY: 15,
    }


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_no_answer(status: int) -> None:
    found = attempted(status, None, NOW_US, 1)
    assert (found.status_code, found.error) == (None, SendFault.REDIRECT_REFUSED)
    assert attempted(304, None, NOW_US, 1).status_code == 304


def test_gone_disables_an_endpoint_at_once_and_a_callback_never() -> None:
    found = settle(message_for(STANDARD), attempted(410, None, NOW_US, 1), None, DELIVERY)
    assert (found.disables, found.following) == (True, None)
    for policy in (EXACTLY_200, NEWEST_ONLY):
        found = settle(message_for(policy), attempted(410, None, NOW_US, 1), NOW_US - FAILING_US_MAX, DELIVERY)
        assert not found.disables
        assert found.following is not None


@pytest.mark.parametrize(("since_us", "disables"), [(FAILING_US_MAX - 1, False), (FAILING_US_MAX, True)])
def test_five_days_of_failures_disable_an_endpoint(since_us: int, disables: bool) -> None:
    found = settle(message_for(STANDARD), attempted(503, None, NOW_US, 0), NOW_US - since_us, DELIVERY)
    assert found.disables is disables
    succeeded = settle(message_for(STANDARD), attempted(200, None, NOW_US, 0), NOW_US - since_us, DELIVERY)
    assert not succeeded.disables


def test_attempts_go_on_counting_where_the_last_round_ended() -> None:
    message = message_for(STANDARD, attempt=8)
    found = settle(message, attempted(500, None, NOW_US, 0), None, DELIVERY)
    assert found.delivery.attempt == 9
    assert found.following is not None
    assert (found.following.attempt, found.following.tries) == (9, 1)


def test_failures_in_a_row_are_counted_and_a_success_ends_them() -> None:
    receiver = Receiver(ReceiverId("x"))
    for number in range(1, 4):
        receiver = after_failure(receiver, NOW_US + number)
    assert (receiver.failing_since_us, receiver.failure_count) == (NOW_US + 1, 3)
    assert cleared(receiver).failure_count == 0
    receiver = after_success(receiver, NOW_US + 9)
    assert (receiver.is_failing, receiver.failure_count, receiver.last_failure_at_us) == (False, 0, NOW_US + 3)


# --- who is told ------------------------------------------------------------------------------------------------------


def endpoint(**changes: object) -> Endpoint:
    plain = Endpoint(
        EndpointId("whend_1"),
        ACCOUNT,
        "n",
        "https://x.example.com/",
        tuple(EventType),
        EndpointStatus.ACTIVE,
        Secrets("s"),
        "p",
        NOW_US,
        NOW_US,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_an_endpoint_gets_what_it_asked_for_while_it_is_active() -> None:
    event = event_of(task_in(State.FAILED))
    assert endpoint_message(event, endpoint(), b"{}") is not None
    assert endpoint_message(event, endpoint(event_types=(EventType.SUCCEEDED,)), b"{}") is None
    disabled = endpoint(status=EndpointStatus.DISABLED, disabled_at_us=1)
    assert endpoint_message(event, disabled, b"{}") is None


def with_callback(state: State, policy: str) -> Task:
    return replace(task_in(state), callback_url="https://hooks.example.com/x", callback_policy=policy)


@pytest.mark.parametrize(
    ("state", "told_by"),
    [
        (State.QUEUED, {NEWEST_ONLY}),
        (State.RUNNING, {NEWEST_ONLY}),
        (State.SUCCEEDED, {NEWEST_ONLY, EXACTLY_200, STANDARD}),
        (State.FAILED, {NEWEST_ONLY, EXACTLY_200, STANDARD}),
    ],
)
def test_which_statuses_a_callback_is_told_of(state: State, told_by: set[str]) -> None:
    found = set()
    for policy in POLICIES:
        task = with_callback(state, policy)
        if callback_message(event_of(task), task, Announcement(callback=b"{}")) is not None:
            found.add(policy)
        assert callback_message(event_of(task), task, Announcement(webhook=b"{}")) is None
    assert found == told_by


def test_a_tasks_callbacks_share_a_lane_and_a_url_has_few() -> None:
    lanes = {callback_receiver(ACCOUNT, "https://x.example.com/", TaskId(f"task_{n}")) for n in range(1_000)}
    assert len(lanes) == 8
    other = callback_receiver(AccountId("acct_2"), "https://x.example.com/", TaskId("task_1"))
    assert other not in lanes


def test_an_events_id_is_always_the_same_and_sorts_by_its_time() -> None:
    task = task_in(State.SUCCEEDED)
    first, again = event_of(task), event_of(task)
    assert first.id == again.id
    assert is_event_id(first.id)
    later = replace(first, created_at_us=first.created_at_us + 2_000)
    assert later.id > first.id
    assert first.id <= last_id("evt", first.created_at_us) < later.id
    assert event_of(task_in(State.RUNNING)).type is None
    assert first.status is PublicStatus.SUCCEEDED


# --- signatures -------------------------------------------------------------------------------------------------------

OURS = "whsec_cmVlbHdheS1jb250cmFjdC10ZXN0LXNlY3JldC0zMmI="
EVENT = "evt_01KB2R8T4NQ6V0X3Z5A7C9E1G4"
APIXO_BODY = (
    b'{"code":200,"message":"success","data":{"taskId":"task_01KB2R8T4NQ6V0X3Z5A7C9E1G3","state":"failed",'
    b'"failCode":"CONTENT_VIOLATION","failMsg":"Content violates the safety rules","createTime":1795251600000,'
    b'"completeTime":1795251605000,"costTime":5000}}'
)
KLING_BODY = (
    b'{"task_id":"task_01KB2R8T4NQ6V0X3Z5A7C9E1G3","task_status":"submitted","task_status_msg":"","task_info":'
    b'{"external_task_id":"order-7"},"created_at":1795251600000,"updated_at":1795251600000}'
)
VENDOR_BODY = (
    b'{"id":"1234567890","status":"succeeded","message":"","create_time":1781080778802,"update_time":1781080794151}'
)


@pytest.mark.parametrize(
    ("secret", "message_id", "timestamp_s", "body", "signature"),
    [
        (OURS, EVENT, 1795251605, APIXO_BODY, "v1,D3dkDExxH+bbmX22zGALkZQNfQqJbyR1qmanPYAVmV4="),
        (OURS, EVENT, 1795251600, KLING_BODY, "v1,Iw/NNXBHNv/d/gd9UGh4KU6GCPfpEOcVomuPW9CboT4="),
        (
            "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI=",
            "9876543210",
            1781080794,
            VENDOR_BODY,
            "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4=",
        ),
    ],
    ids=["apixo-9", "kling-12", "kling-12-vendor"],
)
def test_the_vectors_of_the_contracts_hold(
    secret: str, message_id: str, timestamp_s: int, body: bytes, signature: str
) -> None:
    json.loads(body)
    assert webhook_signature(secret, message_id, timestamp_s, body) == signature
    headers = dict(webhook_headers([secret, OURS], message_id, timestamp_s, body))
    assert headers["webhook-signature"].split(" ")[0] == signature


def test_a_secret_is_random_and_only_its_ends_are_shown() -> None:
    secret = new_webhook_secret()
    assert secret != new_webhook_secret()
    assert secret_preview(OURS) == "whsec_cm...0zMmI="


def test_a_replaced_secret_signs_until_its_time_and_never_a_third() -> None:
    secrets = Secrets("a").rotated("b", NOW_US)
    assert secrets.valid(NOW_US - 1) == ("b", "a")
    assert secrets.valid(NOW_US) == ("b",)
    assert secrets.rotated("c", NOW_US).valid(NOW_US - 1) == ("c", "b")
