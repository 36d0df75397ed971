"""Whole lives through a gateway whose `reelway.toml` names the scripted Kling server; numbers are the contract's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from reelway.domain.ids import TaskId
from reelway.domain.task import State
from reelway.net.media import MediaFacts, MediaLimits, inspect
from reelway.providers.config import ConfigError
from reelway.settings import Role, SettingsError
from support.gateway import CREDITS, Account, TestGateway, running_gateway
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
    kling_server,
)
from support.media import video_bytes
from worker.lives import until_end, until_state

pytestmark = pytest.mark.anyio

VIDEO = video_bytes(5)
PATH = "/kling/v1/videos/text2video"
BODY = {"model_name": "kling-v2-5-turbo", "prompt": "A glass bottle turns slowly", "mode": "pro"}
PRICE = 42


@pytest.fixture(autouse=True, scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The server that decoders are forked from takes its time to load; that is no part of a life."""
    path = tmp_path_factory.mktemp("decoder") / "video.mp4"
    path.write_bytes(VIDEO)
    limits = MediaLimits(pixels_max=1_000_000, duration_s_max=60, deadline_s=120)
    assert isinstance(asyncio.run(inspect(path, limits)), MediaFacts)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLING_AK", ACCESS_KEY)
    monkeypatch.setenv("KLING_SK", SECRET_KEY)


def config_file(folder: Path, server: KlingServer, more: str = "") -> Path:
    path = folder / "reelway.toml"
    path.write_text(
        f"""
[[providers]]
name = "kling"
kind = "kling"
base_url = "{server.url}"
allow_private = true
access_key_env = "KLING_AK"
secret_key_env = "KLING_SK"
unit_microdollars = 140000
submit_seconds = 1
request_seconds = 1
absent_after_seconds = 2
poll_seconds = 1
requests_per_second_max = 1000
{more}
"""
    )
    return path


@asynccontextmanager
async def through_kling(
    folder: Path, server: KlingServer, **changes: Any
) -> AsyncIterator[tuple[TestGateway, Account]]:
    """A gateway with the server as its provider, alone unless `animatic_enabled`."""
    given: dict[str, Any] = {"animatic_enabled": False, "config_file": config_file(folder, server)}
    async with running_gateway(folder, scripted=False, **(given | changes)) as gateway:
        server.now_s = lambda: gateway.clock.now_us() / 1e6
        yield gateway, await gateway.account()


def port_of(gateway: TestGateway) -> int:
    listening = gateway.gateway._socket
    assert listening is not None
    port: int = listening.getsockname()[1]
    return port


async def create(gateway: TestGateway, account: Account, **changes: Any) -> TaskId:
    url = f"http://127.0.0.1:{port_of(gateway)}{PATH}"  # whatever the public address may be
    answer = await gateway.http.post(url, json=BODY | changes, headers=account.headers)
    assert answer.status_code == 200, answer.text
    return TaskId(answer.json()["data"]["task_id"])


async def ended(gateway: TestGateway, account: Account, task_id: TaskId) -> dict[str, Any]:
    """The last word of the Kling dialect."""
    await until_end(gateway, task_id, step_s=0.5)
    answer = await gateway.http.get(f"{PATH}/{task_id}", headers=account.headers)
    found: dict[str, Any] = answer.json()["data"]
    return found


# --- what goes there --------------------------------------------------------------------------------------------------


async def test_54_the_upstream_has_our_id_and_neither_the_callers_id_nor_his_callback(tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        async with through_kling(tmp_path, server) as (gateway, account):
            more = {"external_task_id": "order-7", "callback_url": "https://hooks.example.com/kling"}
            task_id = await create(gateway, account, **more)
            told = await ended(gateway, account, task_id)
    assert (told["task_status"], told["task_info"]) == ("succeed", {"external_task_id": "order-7"})
    (request,) = server.created
    assert request.json == BODY | {"external_task_id": task_id}


async def test_a_callback_url_of_ours_is_sent_where_we_can_be_called(tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        async with through_kling(tmp_path, server, public_url="https://gw.example.com") as (gateway, account):
            task_id = await create(gateway, account)
            await until_end(gateway, task_id, step_s=0.5)
            url = server.created[0].json["callback_url"]
            token = url.removeprefix(f"https://gw.example.com/hooks/provider/kling/{task_id}/")
            assert gateway.core.signer.is_hook_token("kling", task_id, token)
            assert not gateway.core.signer.is_hook_token("other", task_id, token)


async def test_a_hint_of_the_provider_makes_us_ask_at_once_and_believes_nothing(tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        async with through_kling(tmp_path, server, public_url="https://gw.example.com") as (gateway, account):
            server.polls = 0
            task_id = await create(gateway, account)
            task = await until_state(gateway, task_id, State.RUNNING, step_s=0.5)
            url = server.created[0].json["callback_url"].removeprefix("https://gw.example.com")

            async def rests() -> bool:
                row = await gateway.task(task_id)
                is_due_later = row.due_at_us is not None and row.due_at_us > gateway.clock.now_us()
                return row.state is State.RUNNING and is_due_later and not gateway.is_at_work

            await gateway.until(rests)
            forged = await gateway.http.post(url[:-4] + "AAAA", json={"task_status": "succeed"})
            assert forged.status_code == 404
            assert (await gateway.http.get(url)).status_code == 405
            assert await rests()
            told = await gateway.http.post(url, json={"task_status": "failed", "task_status_msg": "a lie"})
            assert told.status_code == 200
            end = await until_end(gateway, task_id, step_s=0.0)
            assert (end.state, task.provider) == (State.SUCCEEDED, "kling")
            assert (await gateway.http.post(url, json={})).status_code == 200  # late and twice: no harm


async def test_the_video_comes_through_byte_for_byte_and_nothing_of_the_provider_shows(tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        async with through_kling(tmp_path, server) as (gateway, account):
            task_id = await create(gateway, account)
            told = await ended(gateway, account, task_id)
            video = await gateway.http.get(told["task_result"]["videos"][0]["url"])
            rivya = await gateway.ended(account, task_id)
            assert video.content == VIDEO
            job_id = server.jobs_of(task_id)[0].id
            for text in (str(told), rivya.text, str(rivya.headers)):
                for secret in (job_id, server.url, "127.0.0.1:" + server.url.rpartition(":")[2], "350000"):
                    assert secret not in text
            assert await gateway.available_credits(account) == CREDITS - PRICE
            database = (gateway.settings.data_dir / "reelway.db").read_bytes()
            assert SECRET_KEY.encode() not in database
            assert ACCESS_KEY.encode() not in database


# --- faults -----------------------------------------------------------------------------------------------------------


async def test_55_a_timeout_at_create_leads_to_one_upstream_task_and_one_charge(tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        server.creates.append(Hang())
        async with through_kling(tmp_path, server) as (gateway, account):
            task_id = await create(gateway, account)
            told = await ended(gateway, account, task_id)
            assert told["task_status"] == "succeed"
            assert await gateway.available_credits(account) == CREDITS - PRICE
    assert len(server.jobs_of(task_id)) == len(server.jobs) == len(server.created) == 1


OVERCOME: dict[str, tuple[str, tuple[Any, ...], int]] = {
    "throttled": ("creates", (Refuse(1303), Refuse(1302), Refuse(1303, retry_after_s=3)), 4),
    "the answer dropped": ("creates", (Drop(),), 1),
    "the request dropped": ("creates", (Drop(accepts=False),), 2),
    "wrong JSON": ("creates", (Raw(),), 1),
    "a 500 after taking it": ("creates", (Raw(b"{}", 500),), 1),
    "maintenance": ("creates", (Refuse(5001), Refuse(5001)), 3),
    "an account that was empty for a while": ("creates", (Refuse(1102),), 2),
    "polls that are not answered": ("queries", (Drop(), Hang(), Raw(), Refuse(5000), Refuse(1302)), 1),
    "addresses that expire": ("files", (Expire(), Expire()), 1),
    "a truncated file": ("files", (Truncate(), Truncate(says_so=True)), 1),
    "a file that is no video": ("files", (Raw(b"not a video" * 100),), 1),
}


@pytest.mark.parametrize("name", OVERCOME)
async def test_a_fault_that_passes_costs_nothing_but_time(name: str, tmp_path: Path) -> None:
    kind, faults, submits = OVERCOME[name]
    with kling_server(VIDEO) as server:
        getattr(server, kind).extend(faults)
        async with through_kling(tmp_path, server) as (gateway, account):
            task_id = await create(gateway, account)
            told = await ended(gateway, account, task_id)
            assert told["task_status"] == "succeed", told
            assert await gateway.available_credits(account) == CREDITS - PRICE
    assert len(server.jobs) == 1
    assert len(server.created) == submits


GIVEN_UP: dict[str, tuple[str, tuple[Any, ...], str, int]] = {
    "content refused at once": ("creates", (Refuse(1301),), "content_rejected", 0),
    "content refused later": ("failures", ("Failure to pass the risk control system",), "content_rejected", 1),
    "the generation failed": ("failures", ("GPU melted at klingai",), "generation_failed", 1),
    "the request refused": ("creates", (Refuse(1201, "prompt of klingai invalid"),), "provider_rejected", 0),
    "the file never comes": ("files", (Expire(),) * 6, "storage_failed", 1),
    "the file is never a video": ("files", (Raw(b"not a video" * 100),) * 6, "storage_failed", 1),
}


@pytest.mark.parametrize("name", GIVEN_UP)
async def test_a_fault_that_stays_ends_the_task_and_releases_the_hold(name: str, tmp_path: Path) -> None:
    kind, faults, code, jobs = GIVEN_UP[name]
    with kling_server(VIDEO) as server:
        getattr(server, kind).extend(faults)
        async with through_kling(tmp_path, server) as (gateway, account):
            task_id = await create(gateway, account)
            told = await ended(gateway, account, task_id)
            assert (told["task_status"], told["final_unit_deduction"]) == ("failed", "0")
            assert "klingai" not in str(told)
            assert (await gateway.task(task_id)).failure_code == code
            assert await gateway.available_credits(account) == CREDITS
    assert len(server.jobs) == jobs


@pytest.mark.parametrize("code", [1102, 1002])
async def test_a_task_waits_for_an_account_that_is_closed_to_us_until_its_deadline(code: int, tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        server.creates.extend([Refuse(code)] * 9)
        async with through_kling(tmp_path, server, task_deadline_seconds=150) as (gateway, account):
            task_id = await create(gateway, account)
            assert (await ended(gateway, account, task_id))["task_status"] == "failed"
            assert (await gateway.task(task_id)).failure_code == "timeout"
            assert await gateway.available_credits(account) == CREDITS
    assert len(server.created) == 3  # at once, after 30 s, after another 60 s


# --- routing from the file --------------------------------------------------------------------------------------------

BEYOND: dict[str, dict[str, Any]] = {
    "duration": {"duration": "7"},
    "sound": {"sound": "on"},
    "mode": {"mode": "4k"},
    "multi_shot": {"multi_shot": True, "shot_type": "intelligence"},
    "camera_control": {"camera_control": {"type": "down_back"}},
}


@pytest.mark.parametrize("field", BEYOND)
async def test_15_16_what_the_official_api_cannot_do_is_refused_where_it_is_alone(field: str, tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        async with through_kling(tmp_path, server) as (gateway, account):
            answer = await gateway.http.post(PATH, json=BODY | BEYOND[field], headers=account.headers)
            assert (answer.status_code, answer.json()["code"]) == (400, 1201)
            assert field in answer.json()["message"]
            assert "kling-v2-5-turbo" in answer.json()["message"]
            assert await gateway.available_credits(account) == CREDITS
    assert server.requests == []


async def test_18_with_the_engine_beside_it_such_a_request_is_never_routed_there(tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        async with through_kling(tmp_path, server, animatic_enabled=True) as (gateway, account):
            for changes in BEYOND.values():
                answer = await gateway.http.post(PATH, json=BODY | changes, headers=account.headers)
                assert answer.status_code == 200, answer.text
            quote = {"model": "kling-v2-5-turbo-pro", "prompt": "x", "params": {"duration": "10"}}
            priced = await gateway.http.post("/api/v1/generations/quote", json=quote, headers=account.headers)
            assert priced.status_code == 200
    assert server.created == []


async def test_the_official_route_goes_to_the_official_api_and_not_to_the_engine(tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        async with through_kling(tmp_path, server, animatic_enabled=True) as (gateway, account):
            path, body = "/api/v1/generateTask/kling-2-5-turbo-pro", {"provider": "official", "input": {"prompt": "x"}}
            answer = await gateway.http.post(path, json=body, headers=account.headers)
            assert answer.status_code == 200, answer.text
            task_id = TaskId(answer.json()["data"]["taskId"])
            await until_end(gateway, task_id, step_s=0.5)
            assert (await gateway.task(task_id)).provider == "kling"
            offers = {offer.provider: offer for offer in gateway.core.offers}
            assert not offers["embedded"].stands_in_for
    assert len(server.jobs) == 1


async def test_a_gateway_with_a_provider_is_no_sandbox(tmp_path: Path) -> None:
    prompt = "A fox [[reelway: fail=CONTENT_VIOLATION]]"
    with kling_server(VIDEO) as server:
        async with through_kling(tmp_path, server) as (gateway, account):
            assert not gateway.core.is_sandbox
            told = await ended(gateway, account, await create(gateway, account, prompt=prompt))
            assert told["task_status"] == "succeed"
        assert server.created[0].json["prompt"] == prompt
        with pytest.raises(SettingsError, match="REELWAY_SANDBOX"):
            async with through_kling(tmp_path, server, sandbox=True):
                pass


async def test_a_wrong_file_stops_the_start(tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        path = config_file(tmp_path, server, "concurency = 3")
        with pytest.raises(ConfigError, match=r"reelway\.toml:15: kling\.concurency"):
            async with running_gateway(tmp_path, scripted=False, config_file=path):
                pass


async def test_a_missing_credential_stops_a_worker_and_not_an_api_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KLING_SK")
    with kling_server(VIDEO) as server:
        with pytest.raises(ConfigError, match="KLING_SK is not set"):
            async with through_kling(tmp_path, server):
                pass
        async with through_kling(tmp_path, server, roles=frozenset({Role.API})) as (gateway, account):
            await create(gateway, account)
