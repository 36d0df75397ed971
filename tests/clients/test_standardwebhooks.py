"""What we send passes the `standardwebhooks` package, an implementation that others wrote. Rivya statement 56."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from reelway.clock import SystemClock
from support.gateway import TestGateway
from support.receiver import receiving
from support.webhooks import WEBHOOKS, call, ended, endpoint, telling_gateway

pytestmark = pytest.mark.anyio


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[TestGateway]:
    """Its clock shows the real time, because the package refuses a timestamp more than five minutes away."""
    async with telling_gateway(tmp_path) as found:
        found.clock.advance((SystemClock().now_us() - found.clock.now_us()) / 1e6)
        yield found


async def test_56_a_delivery_verifies_and_a_changed_one_does_not(gateway: TestGateway) -> None:
    owner = await gateway.account()
    async with receiving() as receiver:
        made = await endpoint(gateway, owner, receiver.url)
        task_id = await ended(gateway, owner)
        await gateway.until(lambda: bool(receiver.told))
    told = receiver.told[0]
    verifier = Webhook(made["signing_secret"])
    payload = verifier.verify(told.body, told.headers)
    assert payload == json.loads(told.body)
    assert payload["data"]["id"] == task_id
    stamp = datetime.fromtimestamp(int(told.headers["webhook-timestamp"]), UTC)
    assert verifier.sign(told.headers["webhook-id"], stamp, told.body.decode()) == told.headers["webhook-signature"]
    for changed in (told.body.replace(b"succeeded", b"forgotten"), told.body + b" "):
        with pytest.raises(WebhookVerificationError):
            verifier.verify(changed, told.headers)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(told.body, told.headers | {"webhook-id": "evt_other"})


async def test_57_during_a_rotation_the_old_and_the_new_secret_verify(gateway: TestGateway) -> None:
    owner = await gateway.account()
    async with receiving() as receiver:
        made = await endpoint(gateway, owner, receiver.url)
        rotated = (await call(gateway, owner, "POST", f"{WEBHOOKS}/{made['id']}/rotate-secret")).json()
        await ended(gateway, owner)
        await gateway.until(lambda: bool(receiver.told))
    told = receiver.told[0]
    for secret in (made["signing_secret"], rotated["signing_secret"]):
        assert Webhook(secret).verify(told.body, told.headers)["id"] == told.headers["webhook-id"]


async def test_56_a_test_event_verifies(gateway: TestGateway) -> None:
    owner = await gateway.account()
    async with receiving() as receiver:
        made = await endpoint(gateway, owner, receiver.url)
        await call(gateway, owner, "POST", f"{WEBHOOKS}/{made['id']}/test")
    assert Webhook(made["signing_secret"]).verify(receiver.told[0].body, receiver.told[0].headers)
