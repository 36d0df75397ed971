"""A whole gateway inside the test's process: real HTTP on loopback, a real database, a real folder of objects."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from reelway.domain.ids import AccountId, ReceiverId, TaskId
from reelway.domain.records import ALL_SCOPES, Scope
from reelway.domain.task import Task
from reelway.gateway.account import create_account, make_key
from reelway.gateway.core import Core
from reelway.settings import Settings
from reelway.wiring import Gateway, Parts, open_gateway
from support.clock import FakeClock
from support.databases import put_sqlite
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer

WAIT_S = 60.0
RENDER_S = 240.0
CREDITS = 1_000_000


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the gateway under test, with a key for everything."""

    id: AccountId
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@dataclass(slots=True)
class TestGateway:
    """`http` sends no key by itself; pass `headers=account.headers`."""

    __test__ = False

    gateway: Gateway
    http: httpx.AsyncClient
    clock: FakeClock
    provider: ScriptedProvider | None
    settings: Settings
    _accounts: int = field(default=0)

    @property
    def core(self) -> Core:
        return self.gateway.core

    @property
    def base_url(self) -> str:
        return self.gateway.base_url

    @property
    def is_at_work(self) -> bool:
        """Whether a step of a task is under way, or a question about a job."""
        worker = self.gateway._worker
        return worker is not None and (bool(worker._steps) or worker._watcher.is_at_work)

    @property
    def watched(self) -> set[TaskId]:
        """Tasks whose jobs the worker holds and looks at now and then."""
        worker = self.gateway._worker
        return set() if worker is None else set(worker._watcher.task_ids)

    @property
    def receivers_served(self) -> set[ReceiverId]:
        """Receivers that the worker is telling something."""
        worker = self.gateway._worker
        return set() if worker is None else set(worker._deliverer._lanes)

    async def account(self, credits: int = CREDITS) -> Account:
        """A new account, so that tests sharing a gateway do not meet."""
        self._accounts += 1
        fresh = await create_account(self.core, f"account {self._accounts}", credits)
        assert fresh is not None
        return Account(fresh.key.account_id, fresh.secret)

    async def key(
        self, account: Account, scopes: frozenset[Scope] = ALL_SCOPES, expires_at_us: int | None = None
    ) -> Account:
        """Another key of the account."""
        fresh = make_key(account.id, "another", self.clock.now_us(), scopes=scopes, expires_at_us=expires_at_us)
        await self.core.store.create_key(fresh.key)
        return Account(account.id, fresh.secret)

    async def create(self, account: Account, **changes: Any) -> httpx.Response:
        """POST /generations with a small valid body; `changes` replace or (None) remove top-level keys."""
        body: dict[str, Any] = {"model": "kling-v2-5-turbo-pro", "prompt": "A glass bottle turns slowly"} | changes
        body = {key: value for key, value in body.items() if value is not None}
        return await self.http.post("/api/v1/generations", json=body, headers=account.headers)

    async def created(self, account: Account, **changes: Any) -> TaskId:
        answer = await self.create(account, **changes)
        assert answer.status_code == 202, answer.text
        return TaskId(answer.json()["id"])

    async def ended(self, account: Account, task_id: TaskId) -> httpx.Response:
        """The status answer when the task has ended. Rendering may take minutes on a machine with other work."""
        async with asyncio.timeout(RENDER_S):
            while True:
                answer = await self.http.get(
                    f"/api/v1/generations/{task_id}", params={"wait": WAIT_S}, headers=account.headers
                )
                if answer.json()["status"] in ("succeeded", "failed"):
                    return answer
                assert answer.status_code == 200, answer.text

    async def until(self, holds: Callable[[], Awaitable[bool] | bool], within_s: float = WAIT_S) -> None:
        """Wait until something holds; fails after a while."""
        async with asyncio.timeout(within_s):
            while True:
                found = holds()
                if await found if isinstance(found, Awaitable) else found:
                    return
                await asyncio.sleep(0.01)

    async def task(self, task_id: TaskId) -> Task:
        task = await self.core.store.task(task_id)
        assert task is not None
        return task

    async def available_credits(self, account: Account) -> int:
        found = await self.core.store.account(account.id)
        assert found is not None
        return found.balance.available_credits


def settings_for(folder: Path, **changes: Any) -> Settings:
    """Settings of their own for each gateway: nothing comes from the environment, times are short."""
    defaults: dict[str, Any] = {
        "data_dir": folder / "data",
        "port": 0,
        "worker_poll_seconds": 0.02,
        "sweep_seconds": 0.1,
        "backoff_base_seconds": 0.01,
        "backoff_max_seconds": 0.05,
        "shutdown_grace_seconds": 5,
        "animatic_captions": False,
        "content_credentials": "off",
        "_env_file": None,
    }
    return Settings(**(defaults | changes))


def _local_url(gateway: Gateway) -> str:
    """Where the gateway listens, whatever URL it shows to callers."""
    if gateway._socket is None:
        return gateway.base_url
    return f"http://127.0.0.1:{gateway._socket.getsockname()[1]}"


def parts_of(*providers: ScriptedProvider) -> Parts:
    """For `running_gateway(scripted=False)`: exactly these providers."""
    offers = tuple(provider.offer for provider in providers)
    by_name: dict[str, Any] = {provider.offer.provider: provider for provider in providers}
    return Parts(offers=lambda *_: offers, providers=lambda *_: by_name)


@asynccontextmanager
async def running_gateway(
    folder: Path, *, scripted: ScriptedProvider | bool = True, parts: Parts | None = None, **changes: Any
) -> AsyncIterator[TestGateway]:
    """A gateway that serves and works. `scripted`: with a scripted provider (a default one for True), or False for the
    built-in engine. `changes` are settings."""
    clock = FakeClock()
    settings = settings_for(folder, **changes)
    if not settings.database_url:
        put_sqlite(settings.data_dir / "reelway.db")
    given = parts or Parts()
    provider: ScriptedProvider | None = None
    offers, providers = given.offers, given.providers
    if scripted:
        from reelway.catalog import load_catalog

        catalog = load_catalog(settings.catalog_dir)
        provider = (
            scripted
            if isinstance(scripted, ScriptedProvider)
            else ScriptedProvider(scripted_offer(catalog), video_bytes())
        )
        found = provider

        def offers(*_: object) -> tuple[Any, ...]:
            return (found.offer,)

        def providers(*_: object) -> dict[str, Any]:
            return {found.offer.provider: found}

    used = Parts(clock=clock, guard=given.guard, offers=offers, providers=providers, dialects=given.dialects)
    async with open_gateway(settings, used) as gateway:
        running = asyncio.create_task(gateway.run())
        try:
            async with httpx.AsyncClient(
                base_url=_local_url(gateway), timeout=WAIT_S + 10, trust_env=False, verify=False
            ) as http:
                yield TestGateway(gateway, http, clock, provider, settings)
        finally:
            gateway.stop()
            await running
