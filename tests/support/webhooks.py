"""Webhook endpoints of an account of the gateway under test, and a gateway that may tell receivers on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from support.gateway import Account, TestGateway, running_gateway

WEBHOOKS = "/api/v1/webhooks"
EVENTS = "/api/v1/webhook-events"
TYPES = ["generation.succeeded", "generation.failed"]


@asynccontextmanager
async def telling_gateway(folder: Path, **changes: Any) -> AsyncIterator[TestGateway]:
    """A gateway with a scripted provider whose callbacks and webhooks may be http and private."""
    async with running_gateway(folder, dangerous_allow_private_callbacks=True, **changes) as gateway:
        yield gateway
        assert not await gateway.core.store.unbalanced_accounts()


async def call(
    gateway: TestGateway, account: Account, method: str, path: str, body: Any = None, **query: Any
) -> httpx.Response:
    content = {} if body is None else {"json": body}
    return await gateway.http.request(method, path, headers=account.headers, params=query, **content)


async def endpoint(gateway: TestGateway, account: Account, url: str, **fields: Any) -> dict[str, Any]:
    """A new endpoint, as the create answered it."""
    answer = await call(gateway, account, "POST", WEBHOOKS, {"url": url} | fields)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read(gateway: TestGateway, account: Account, endpoint_id: str) -> dict[str, Any]:
    answer = await call(gateway, account, "GET", f"{WEBHOOKS}/{endpoint_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def deliveries(gateway: TestGateway, account: Account, endpoint_id: str, **query: Any) -> list[dict[str, Any]]:
    answer = await call(gateway, account, "GET", f"{WEBHOOKS}/{endpoint_id}/deliveries", **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def attempts(gateway: TestGateway, account: Account, endpoint_id: str, count: int) -> list[dict[str, Any]]:
    """The attempts, newest first, when there are so many."""

    async def are_there() -> bool:
        return len(await deliveries(gateway, account, endpoint_id)) >= count

    await gateway.until(are_there)
    found = await deliveries(gateway, account, endpoint_id)
    assert len(found) == count
    return found


async def ended(gateway: TestGateway, account: Account) -> str:
    """A task that has just ended well."""
    task_id = await gateway.created(account)
    await gateway.ended(account, task_id)
    return task_id


async def replay(gateway: TestGateway, account: Account, event_id: str, body: Any = None) -> httpx.Response:
    return await call(gateway, account, "POST", f"{EVENTS}/{event_id}/replay", body)
