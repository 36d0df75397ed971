"""`GET /generations/{id}/animatic`, an extension: how the built-in engine understood a task."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.rivya.wire import GENERATIONS, KLING_3, get, post
from reelway.domain.records import Scope
from support.gateway import Account, TestGateway, running_gateway

pytestmark = pytest.mark.anyio

PROMPT = "Two red foxes in a snowy forest at night, slow pan left. A lighthouse by the sea at dawn"


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[TestGateway]:
    async with running_gateway(tmp_path, scripted=False, animatic_slots=1) as found:
        yield found


async def test_it_tells_of_each_shot_what_was_read_and_why(engine: TestGateway) -> None:
    account = await engine.account()
    body = {"model": KLING_3, "prompt": PROMPT, "params": {"duration": "4", "sound": True, "multi_shots": True}}
    created = await post(engine, account, body)
    assert created.status_code == 202, created.text
    task_id = created.json()["id"]
    await engine.ended(account, task_id)

    answer = await get(engine, account, f"{GENERATIONS}/{task_id}/animatic")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-reelway-state"] == "succeeded"
    found = answer.json()
    assert list(found)[:3] == ["object", "id", "version"]
    assert (found["object"], found["id"], found["request"]["prompt"]) == ("animatic", task_id, PROMPT)
    first, second = found["shots"]
    assert (first["scene"]["place"], first["scene"]["time_of_day"]) == ("forest", "night")
    assert first["scene"]["camera"] == ["pan_left"]
    assert (second["scene"]["place"], second["scene"]["time_of_day"]) == ("sea", "dawn")
    assert "surf" in second["sound"]["beds"]
    assert first["frames"] + second["frames"] == found["film"]["frames"] == 96


async def test_a_task_that_is_not_another_callers_to_see_has_none(engine: TestGateway) -> None:
    owner, other = await engine.account(), await engine.account()
    task_id = await engine.created(owner, model=KLING_3, params={"duration": "3"})
    await engine.ended(owner, task_id)
    path = f"{GENERATIONS}/{task_id}/animatic"
    assert (await get(engine, owner, path)).status_code == 200
    assert (await get(engine, other, path)).status_code == 404
    narrow = await engine.key(owner, frozenset({Scope.CREDITS_READ}))
    assert (await get(engine, narrow, path)).status_code == 403
    assert (await engine.http.get(path)).status_code == 401
    engine.clock.advance(engine.settings.result_retention_days * 86_400 + 1)
    assert (await get(engine, owner, path)).status_code == 404


async def test_a_task_that_another_provider_made_or_that_is_not_done_has_none(
    shared: TestGateway, account: Account
) -> None:
    task_id = await shared.created(account)
    await shared.ended(account, task_id)
    for name in (task_id, "task_00000000000000000000000000", "nothing"):
        answer = await get(shared, account, f"{GENERATIONS}/{name}/animatic")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"
    assert (await post(shared, account, {}, path=f"{GENERATIONS}/{task_id}/animatic")).status_code == 405
