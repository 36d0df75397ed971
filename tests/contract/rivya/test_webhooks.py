"""Webhook endpoints: create, read, change, delete, rotate. Contract 11.1 and 11.2, statements 54 and 55."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contract.rivya.wire import TIME, ULID, problem
from reelway.domain.records import ALL_SCOPES, Scope
from support.gateway import Account, TestGateway
from support.receiver import receiving
from support.webhooks import EVENTS, TYPES, WEBHOOKS, call, deliveries, ended, endpoint, read, telling_gateway

pytestmark = pytest.mark.anyio

URL = "https://hooks.example.com/reelway"
KEYS = [
    "id",
    "object",
    "name",
    "url",
    "event_types",
    "status",
    "secret_preview",
    "signing_secret",
    "last_success_at",
    "last_failure_at",
    "failure_count",
    "created_at",
    "updated_at",
    "disabled_at",
    "revoked_at",
]
CREATE_KEYS = ["url", "name", "event_types"]


@pytest.fixture
async def telling(tmp_path: Path) -> AsyncIterator[TestGateway]:
    async with telling_gateway(tmp_path) as gateway:
        yield gateway


# --- 54: which URLs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/x",
        "https://user@hooks.example.com/x",
        "https://user:word@hooks.example.com/x",
        "https://hooks.example.com/x#part",
        "https://localhost/x",
        "https://a.localhost/x",
        "https://printer.local/x",
        "https://db.internal/x",
        "https://router.home.arpa/x",
        "https://intranet/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://[fd00::1]/x",
        "https://100.64.0.1/x",
        "https://127.1/x",
        "https://2130706433/x",
        "ftp://hooks.example.com/x",
        "hooks.example.com",
        "",
        "https://hooks.example.com/" + "x" * 2023,
    ],
)
async def test_54_a_url_that_is_not_public_is_rejected(shared: TestGateway, account: Account, url: str) -> None:
    answer = await call(shared, account, "POST", WEBHOOKS, {"url": url})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "webhook_url_rejected"
    assert error["message"] == "The webhook URL must be a public https URL."
    assert "details" not in error
    assert (await call(shared, account, "GET", WEBHOOKS)).json()["data"] == []


async def test_54_a_changed_url_is_held_to_the_same_rule(shared: TestGateway, account: Account) -> None:
    made = await endpoint(shared, account, URL)
    answer = await call(shared, account, "PATCH", f"{WEBHOOKS}/{made['id']}", {"url": "https://10.0.0.1/"})
    assert answer.json()["error"]["code"] == "webhook_url_rejected"
    assert (await read(shared, account, made["id"]))["url"] == URL


async def test_54_the_operator_may_allow_private_urls(telling: TestGateway) -> None:
    owner = await telling.account()
    for url in ("http://127.0.0.1:9/x", "https://10.0.0.1/x", "http://localhost/x"):
        assert (await endpoint(telling, owner, url))["url"] == url
    refused = await call(telling, owner, "POST", WEBHOOKS, {"url": "http://user@127.0.0.1/x"})
    assert refused.json()["error"]["code"] == "webhook_url_rejected"


# --- 11.1: create -----------------------------------------------------------------------------------------------------


async def test_11_1_create_answers_the_whole_object(shared: TestGateway, account: Account) -> None:
    answer = await call(shared, account, "POST", WEBHOOKS, {"url": URL})
    assert answer.status_code == 201
    made = answer.json()
    assert list(made) == KEYS
    assert re.fullmatch(f"whend_{ULID}", made["id"])
    assert answer.headers["Location"] == f"{WEBHOOKS}/{made['id']}"
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made["signing_secret"])
    assert made["secret_preview"] == f"{made['signing_secret'][:8]}...{made['signing_secret'][-6:]}"
    assert TIME.fullmatch(made["created_at"])
    fixed = {key: made[key] for key in KEYS if key not in ("id", "secret_preview", "signing_secret", "created_at")}
    assert fixed == {
        "object": "webhook_endpoint",
        "name": "Webhook",
        "url": URL,
        "event_types": TYPES,
        "status": "active",
        "last_success_at": None,
        "last_failure_at": None,
        "failure_count": 0,
        "updated_at": made["created_at"],
        "disabled_at": None,
        "revoked_at": None,
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [problem("url", "Required.")]),
        ({"url": None}, [problem("url", "Required.")]),
        ({"url": 7}, [problem("url", "Must be a string.")]),
        ({"url": URL, "name": ""}, [problem("name", "Must be 1 to 100 characters.")]),
        ({"url": URL, "name": "x" * 101}, [problem("name", "Must be 1 to 100 characters.")]),
        ({"url": URL, "name": "a\0b"}, [problem("name", "Must be 1 to 100 characters.")]),
        ({"url": URL, "name": []}, [problem("name", "Must be a string.")]),
        ({"url": URL, "event_types": []}, [problem("event_types", "Must be a non-empty list.", TYPES)]),
        ({"url": URL, "event_types": TYPES[0]}, [problem("event_types", "Must be a non-empty list.", TYPES)]),
        (
            {"url": URL, "event_types": [TYPES[0], "video.completed"]},
            [problem("event_types[1]", "Must be one of the allowed values.", TYPES)],
        ),
        ({"url": URL, "event_types": [{}]}, [problem("event_types[0]", "Must be one of the allowed values.", TYPES)]),
        ({"url": URL, "event_types": TYPES[:1] * 2}, [problem("event_types", "Must not name a type twice.")]),
        ({"url": URL, "status": "active"}, [problem("status", "Unknown field.", CREATE_KEYS)]),
        (
            {"url": "http://x", "name": 1, "event_types": 2, "b": 3, "a": 4},
            [
                problem("name", "Must be a string."),
                problem("event_types", "Must be a non-empty list.", TYPES),
                problem("a", "Unknown field.", CREATE_KEYS),
                problem("b", "Unknown field.", CREATE_KEYS),
            ],
        ),
    ],
)
async def test_11_1_every_problem_of_a_create_is_told(
    shared: TestGateway, account: Account, body: Any, expected: list[Any]
) -> None:
    answer = await call(shared, account, "POST", WEBHOOKS, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "validation_failed"
    assert answer.json()["error"]["details"] == expected


async def test_11_1_an_account_has_at_most_20_endpoints(shared: TestGateway, account: Account) -> None:
    made = [await endpoint(shared, account, URL, name=f"{number}") for number in range(20)]
    answer = await call(shared, account, "POST", WEBHOOKS, {"url": URL})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"] == [problem("url", "At most 20 webhook endpoints.")]
    assert (await call(shared, account, "DELETE", f"{WEBHOOKS}/{made[7]['id']}")).status_code == 204
    await endpoint(shared, account, URL)


# --- 11.2: read, change, delete ---------------------------------------------------------------------------------------


async def test_55_the_secret_is_in_the_create_and_rotate_answers_and_nowhere_else(telling: TestGateway) -> None:
    owner = await telling.account()
    async with receiving() as receiver:
        made = await endpoint(telling, owner, receiver.url)
        path = f"{WEBHOOKS}/{made['id']}"
        rotated = (await call(telling, owner, "POST", f"{path}/rotate-secret")).json()
        await ended(telling, owner)
        await telling.until(lambda: bool(receiver.told))
        others = [
            await call(telling, owner, "GET", path),
            await call(telling, owner, "GET", WEBHOOKS),
            await call(telling, owner, "PATCH", path, {"name": "other"}),
            await call(telling, owner, "GET", f"{path}/deliveries"),
            await call(telling, owner, "GET", EVENTS),
            await call(telling, owner, "POST", f"{path}/test"),
        ]
    assert list(rotated) == KEYS
    assert rotated["signing_secret"] != made["signing_secret"]
    for answer in others:
        assert answer.status_code == 200
        assert "signing_secret" not in answer.text
        for secret in (made["signing_secret"], rotated["signing_secret"]):
            assert secret not in answer.text
    assert list(others[0].json()) == [key for key in KEYS if key != "signing_secret"]
    kept = b"".join(path.read_bytes() for path in telling.settings.data_dir.glob("*.db*"))
    assert made["id"].encode() in kept
    assert made["signing_secret"].encode() not in kept


async def test_11_2_the_list_is_newest_first_and_has_no_pages(shared: TestGateway, account: Account) -> None:
    ids = [(await endpoint(shared, account, URL))["id"] for _ in range(3)]
    answer = (await call(shared, account, "GET", WEBHOOKS)).json()
    assert list(answer) == ["object", "data"]
    assert answer["object"] == "list"
    assert [one["id"] for one in answer["data"]] == ids[::-1]


async def test_11_2_a_change_touches_what_it_names(shared: TestGateway, account: Account) -> None:
    made = await endpoint(shared, account, URL)
    path = f"{WEBHOOKS}/{made['id']}"
    changes = {"name": "Produktion ü", "url": URL + "/2", "event_types": TYPES[1:], "status": "disabled"}
    shared.clock.advance(1)
    for key, value in changes.items():
        found = await call(shared, account, "PATCH", path, {key: value})
        assert found.status_code == 200, found.text
        assert found.json()[key] == value
    now = await read(shared, account, made["id"])
    assert {key: now[key] for key in changes} == changes
    assert now["disabled_at"] is not None
    assert now["updated_at"] > made["updated_at"]
    revived = (await call(shared, account, "PATCH", path, {"status": "active"})).json()
    assert (revived["status"], revived["disabled_at"], revived["failure_count"]) == ("active", None, 0)
    assert (await call(shared, account, "PATCH", path, {})).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [({"status": "paused"}, "status"), ({"status": 1}, "status"), ({"id": "x"}, "id"), ({"name": ""}, "name")],
)
async def test_11_2_a_wrong_change_is_refused_whole(
    shared: TestGateway, account: Account, body: dict[str, Any], field: str
) -> None:
    made = await endpoint(shared, account, URL)
    path = f"{WEBHOOKS}/{made['id']}"
    answer = await call(shared, account, "PATCH", path, {"url": URL + "/2"} | body)
    assert [one["field"] for one in answer.json()["error"]["details"]] == [field]
    assert (await read(shared, account, made["id"]))["url"] == URL


async def test_11_2_a_deleted_endpoint_is_gone_for_every_call(shared: TestGateway, account: Account) -> None:
    made = await endpoint(shared, account, URL)
    path = f"{WEBHOOKS}/{made['id']}"
    gone = await call(shared, account, "DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert "content-type" not in gone.headers
    assert "x-request-id" in gone.headers
    for method, rest in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/rotate-secret"),
        ("POST", "/test"),
        ("GET", "/deliveries"),
    ):
        answer = await call(shared, account, method, path + rest, {} if method == "PATCH" else None)
        assert answer.status_code == 404, (method, rest)
        assert answer.json()["error"]["code"] == "not_found"
    assert (await call(shared, account, "GET", WEBHOOKS)).json()["data"] == []


async def test_11_2_a_foreign_endpoint_and_a_missing_one_are_told_alike(shared: TestGateway, account: Account) -> None:
    made = await endpoint(shared, account, URL)
    other = await shared.account()
    for endpoint_id in (made["id"], "whend_" + "0" * 26, "whend_x", "x"):
        for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/rotate-secret"), ("GET", "/deliveries")):
            answer = await call(shared, other, method, f"{WEBHOOKS}/{endpoint_id}{rest}")
            assert answer.status_code == 404
            assert answer.json()["error"]["message"] == "Not found."
    assert (await read(shared, account, made["id"]))["status"] == "active"


@pytest.mark.parametrize("hours", [-1, 25, 1.5, True, "24", []])
async def test_11_2_a_rotation_may_keep_the_old_secret_up_to_24_hours(
    shared: TestGateway, account: Account, hours: Any
) -> None:
    made = await endpoint(shared, account, URL)
    answer = await call(shared, account, "POST", f"{WEBHOOKS}/{made['id']}/rotate-secret", {"grace_hours": hours})
    expected = problem("grace_hours", "Must be a whole number from 0 to 24.")
    assert answer.json()["error"]["details"] == [expected]


async def test_11_2_every_call_needs_the_scope(shared: TestGateway, account: Account) -> None:
    poor = await shared.key(account, ALL_SCOPES - {Scope.WEBHOOKS_MANAGE})
    hook = f"{WEBHOOKS}/whend_{'0' * 26}"
    for method, path in (
        ("GET", WEBHOOKS),
        ("POST", WEBHOOKS),
        ("GET", hook),
        ("PATCH", hook),
        ("DELETE", hook),
        ("POST", f"{hook}/rotate-secret"),
        ("POST", f"{hook}/test"),
        ("GET", f"{hook}/deliveries"),
        ("GET", EVENTS),
        ("POST", f"{EVENTS}/evt_{'0' * 26}/replay"),
    ):
        answer = await call(shared, poor, method, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "api_scope_denied"), (method, path)
    allowed = await call(shared, poor, "PUT", WEBHOOKS)
    assert (allowed.status_code, allowed.headers["Allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("deliveries", {"limit": 0}, "query.limit"),
        ("deliveries", {"limit": 101}, "query.limit"),
        ("deliveries", {"cursor": "c1_x"}, "query.cursor"),
        ("deliveries", {"event_id": "evt_x"}, "query.event_id"),
        ("events", {"limit": "ten"}, "query.limit"),
        ("events", {"cursor": "x"}, "query.cursor"),
        ("events", {"type": "video.completed"}, "query.type"),
        ("events", {"generation_id": "x"}, "query.generation_id"),
    ],
)
async def test_11_2_a_wrong_query_is_told(
    shared: TestGateway, account: Account, path: str, query: dict[str, Any], field: str
) -> None:
    made = await endpoint(shared, account, URL)
    whole = EVENTS if path == "events" else f"{WEBHOOKS}/{made['id']}/deliveries"
    answer = await call(shared, account, "GET", whole, **query)
    assert answer.status_code == 400
    assert [one["field"] for one in answer.json()["error"]["details"]] == [field]


async def test_11_2_pages_of_events_and_deliveries_follow_each_other(telling: TestGateway) -> None:
    owner = await telling.account()
    async with receiving() as receiver:
        made = await endpoint(telling, owner, receiver.url)
        tasks = [await ended(telling, owner) for _ in range(5)]
        await telling.until(lambda: len(receiver.told) == 5)

        async def are_recorded() -> bool:
            return len(await deliveries(telling, owner, made["id"])) == 5

        await telling.until(are_recorded)
    for path, key in ((EVENTS, "generation_id"), (f"{WEBHOOKS}/{made['id']}/deliveries", "event_id")):
        whole = (await call(telling, owner, "GET", path)).json()
        assert (whole["object"], whole["has_more"], whole["next_cursor"]) == ("list", False, None)
        found, cursor = [], None
        while True:
            query = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
            page = (await call(telling, owner, "GET", path, **query)).json()
            found += page["data"]
            cursor = page["next_cursor"]
            assert page["has_more"] is (cursor is not None)
            if cursor is None:
                break
        assert found == whole["data"]
        if key == "generation_id":
            assert sorted(one[key] for one in found) == sorted(tasks)
