"""What a task's own callback comes to: what a receiver was told, when, and with whose signature."""

from datetime import UTC, datetime

from standardwebhooks import Webhook

from support.gateway import Account, TestGateway
from support.receiver import Receiver, Told

RETRY_DELAYS_S = (30, 120, 600)
"""After each failed attempt of a callback. Source: APIXO contract, section 9; Kling contract, section 12."""


async def told(gateway: TestGateway, receiver: Receiver, count: int) -> Told:
    """The newest call when there have been so many, and not one more."""
    await gateway.until(lambda: len(receiver.told) >= count)
    assert len(receiver.told) == count
    return receiver.told[-1]


async def until_recorded(gateway: TestGateway, owner: Account, count: int) -> None:
    """Wait until so many attempts are written down, so that the next one's time is known."""

    async def are() -> bool:
        return len(await gateway.core.store.outbox.last_deliveries(owner.id, 1_000)) >= count

    await gateway.until(are)


def is_signed(call: Told, secret: str) -> bool:
    """Whether the call carries the signature of this secret, by the reference library of Standard Webhooks.

    The library's own `verify` also asks for a fresh time, and the gateway's clock here is not the machine's.
    """
    found = signature(secret, call.headers["webhook-id"], call.headers["webhook-timestamp"], call.body.decode())
    return found in call.headers["webhook-signature"].split(" ")


def signature(secret: str, message_id: str, timestamp_s: str, body: str) -> str:
    return Webhook(secret).sign(message_id, datetime.fromtimestamp(int(timestamp_s), UTC), body)
