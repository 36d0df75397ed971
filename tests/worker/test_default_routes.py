"""Which route a request takes that names none: its key's, else the setting's."""

from pathlib import Path

import pytest

from reelway.domain.generation import Route
from reelway.domain.ids import TaskId
from reelway.gateway.account import make_key
from support.failover import two_providers
from support.gateway import Account, TestGateway, parts_of, running_gateway

pytestmark = pytest.mark.anyio

QUOTE = "/api/v1/generations/quote"
BODY = {"model": "kling-v2-5-turbo-pro", "prompt": "A bottle"}


async def keyed(gateway: TestGateway, owner: Account, route: Route | None) -> Account:
    fresh = make_key(owner.id, "another", gateway.clock.now_us(), default_route=route)
    await gateway.core.store.create_key(fresh.key)
    return Account(owner.id, fresh.secret)


async def apixo(gateway: TestGateway, owner: Account, **top: str) -> TaskId:
    answer = await gateway.http.post(
        "/api/v1/generateTask/kling-2-5-turbo-pro", json={"input": {"prompt": "A bottle"}} | top, headers=owner.headers
    )
    return TaskId(answer.json()["data"]["taskId"])


@pytest.mark.parametrize(
    ("setting", "of_key", "of_request", "expected"),
    [
        ("auto", None, None, "auto"),
        ("official", None, None, "official"),
        ("official", Route.VALUE, None, "value"),
        ("value", Route.OFFICIAL, "auto", "auto"),
        ("auto", Route.OFFICIAL, "value", "value"),
    ],
)
async def test_the_request_goes_before_the_key_and_the_key_before_the_setting(
    tmp_path: Path, setting: str, of_key: Route | None, of_request: str | None, expected: str
) -> None:
    value, official = two_providers()
    async with running_gateway(
        tmp_path, scripted=False, parts=parts_of(value, official), default_route=setting
    ) as gateway:
        caller = await keyed(gateway, await gateway.account(), of_key)
        task_id = await apixo(gateway, caller, **({} if of_request is None else {"provider": of_request}))
        assert (await gateway.task(task_id)).route == expected
        await gateway.ended(caller, task_id)
        served_by = "official" if expected == "official" else "value"
        assert (await gateway.task(task_id)).provider == served_by


async def test_a_quote_is_for_the_keys_route(tmp_path: Path) -> None:
    value, official = two_providers()
    async with running_gateway(tmp_path, scripted=False, parts=parts_of(value, official)) as gateway:
        owner = await gateway.account()
        for route, expected in ((None, "value"), (Route.OFFICIAL, "official")):
            caller = await keyed(gateway, owner, route)
            answer = await gateway.http.post(QUOTE, json=BODY, headers=caller.headers)
            assert answer.json()["provider"]["route"] == expected


async def test_a_key_whose_route_nobody_serves_is_told_so(tmp_path: Path) -> None:
    value, _ = two_providers()
    async with running_gateway(tmp_path, scripted=False, parts=parts_of(value)) as gateway:
        caller = await keyed(gateway, await gateway.account(), Route.OFFICIAL)
        answer = await gateway.http.post("/api/v1/generations", json=BODY, headers=caller.headers)
        assert answer.status_code == 400
