"""A gateway with something of everything, and texts that would do harm where a page did not escape them."""

from dataclasses import dataclass

from reelway.domain import outcomes
from reelway.domain.ids import TaskId
from reelway.domain.records import ALL_SCOPES, Scope
from reelway.domain.task import FailureCode
from reelway.gateway.account import give_credits, make_key
from support.gateway import Account, TestGateway
from support.webhooks import endpoint

EVIL = "\"><img src=x onerror=\"fetch('//evil.example')\"><script>alert(1)</script>{{ 7 * 7 }}'`"


@dataclass(frozen=True, slots=True)
class Seeded:
    """`operator` is a key with every scope and `admin`. One task of each kind, an endpoint, all with evil texts."""

    account: Account
    operator: Account
    done: TaskId
    failed: TaskId
    running: TaskId
    endpoint: str

    @property
    def pages(self) -> dict[str, str]:
        return {
            "overview": "/console/",
            "playground": "/console/playground?model=kling-3-0",
            "playground, with a video": f"/console/playground?task={self.done}",
            "playground, with a failure": f"/console/playground?task={self.failed}",
            "playground, again": f"/console/playground?again={self.running}",
            "storyboard": "/console/storyboard",
            "storyboard, with a video": f"/console/storyboard?task={self.done}",
            "tasks": "/console/tasks",
            "tasks, nothing found": "/console/tasks?q=zeppelin",
            "task, done": f"/console/tasks/{self.done}",
            "task, failed": f"/console/tasks/{self.failed}",
            "task, running": f"/console/tasks/{self.running}",
            "credits": "/console/credits",
            "keys": "/console/keys",
            "webhooks": "/console/webhooks",
            "webhook": f"/console/webhooks/{self.endpoint}",
            "providers": "/console/providers?span=day",
            "accounts": "/console/accounts",
        }


async def seeded(gateway: TestGateway, url: str) -> Seeded:
    """`url`: who is told."""
    provider = gateway.provider
    assert provider is not None
    account = await gateway.account(5_000)
    hook = await endpoint(gateway, account, url, name=EVIL[:100])
    done = await gateway.created(account, prompt=EVIL, client_request_id=EVIL[:100])
    await gateway.ended(account, done)
    provider.default_poll = outcomes.JobFailed(FailureCode.PROVIDER_REJECTED, EVIL)
    failed = await gateway.created(account, prompt="It fails")
    await gateway.ended(account, failed)
    provider.default_poll = outcomes.InProgress(0.42, 0.0)
    running = await gateway.created(account, prompt="A dancer " * 60)
    await gateway.until(lambda: _is_moving(gateway, running))
    await give_credits(gateway.core, account.id, 250, EVIL)
    fresh = make_key(account.id, EVIL[:100], gateway.clock.now_us(), scopes=ALL_SCOPES | {Scope.ADMIN})
    await gateway.core.store.create_key(fresh.key)
    return Seeded(account, Account(account.id, fresh.secret), done, failed, running, hook["id"])


async def _is_moving(gateway: TestGateway, task_id: TaskId) -> bool:
    return (await gateway.task(task_id)).progress > 0.4
