"""The store's part for telling people, one method a question or a change: endpoints, events, the outbox, its lanes."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from reelway.domain.delivery import Message, Receiver, Settled
from reelway.domain.ids import AccountId, EndpointId, EventId, ReceiverId, WorkerId
from reelway.domain.webhooks import (
    Delivery,
    DeliveryFilter,
    DeliveryPage,
    Endpoint,
    EventFilter,
    EventPage,
    Secrets,
    WebhookEvent,
)
from reelway.store import endpoints as endpoint_rows
from reelway.store import messages as message_rows
from reelway.store import receivers as receiver_rows
from reelway.store.changes import ChangeHub
from reelway.store.commit import GroupCommit, Unit
from reelway.store.reads import Reads
from reelway.store.rows import insert_rows
from reelway.store.schema import deliveries


def _insert_deliveries(unit: Unit, commands: Sequence[Delivery]) -> list[None]:
    insert_rows(unit.connection, deliveries, [message_rows.delivery_row(delivery) for delivery in commands])
    return [None] * len(commands)


class Outbox:
    """Belongs to a `Store`, which opens and closes it.

    Raises:
        UnavailableError: (any method) the database cannot be read or written; nothing was changed.
    """

    def __init__(self, commit: GroupCommit, reads: Reads, hub: ChangeHub) -> None:
        self._commit = commit
        self._reads = reads
        self._hub = hub

    # endpoints
    async def add_endpoint(self, endpoint: Endpoint) -> bool:
        """False: the account has as many as it may have."""
        return await self._commit.run(endpoint_rows.insert_endpoints, endpoint, account_id=endpoint.account_id)

    async def endpoint(self, endpoint_id: EndpointId) -> Endpoint | None:
        """Also a deleted one."""
        return await self._reads.load(endpoint_rows.load_endpoints, endpoint_id)

    async def endpoints(self, account_id: AccountId | None) -> Sequence[Endpoint]:
        return await self._reads.query(lambda connection: endpoint_rows.list_endpoints(connection, account_id))

    async def change_endpoint(
        self, endpoint_id: EndpointId, values: Mapping[str, Any], now_us: int, *, forgives: bool = False
    ) -> None:
        """`values` are columns. `forgives`: its failures are forgotten."""
        change = endpoint_rows.EndpointChange(endpoint_id, values, now_us, forgives)
        await self._commit.run(endpoint_rows.change_endpoints, change)

    async def drop_messages(self, receiver: ReceiverId) -> None:
        """Send nothing of what waits for an endpoint, unless it is active by now."""
        await self._commit.run(message_rows.drop_dead_lanes, receiver)

    async def callback_secrets(self, account_id: AccountId) -> Secrets | None:
        return await self._reads.query(lambda connection: endpoint_rows.callback_secrets(connection, account_id))

    async def set_callback_secrets(self, account_id: AccountId, secrets: Secrets | None) -> None:
        change = endpoint_rows.CallbackSecrets(account_id, secrets)
        await self._commit.run(endpoint_rows.set_callback_secrets, change)

    # events and attempts
    async def event(self, event_id: EventId) -> WebhookEvent | None:
        return await self._reads.load(endpoint_rows.load_events, event_id)

    async def events(self, wanted: EventFilter) -> EventPage:
        return await self._reads.query(lambda connection: endpoint_rows.list_events(connection, wanted))

    async def deliveries(self, wanted: DeliveryFilter) -> DeliveryPage:
        return await self._reads.query(lambda connection: endpoint_rows.list_deliveries(connection, wanted))

    async def last_deliveries(self, account_id: AccountId | None, limit: int) -> Sequence[Delivery]:
        return await self._reads.query(lambda connection: endpoint_rows.last_deliveries(connection, account_id, limit))

    async def add_delivery(self, delivery: Delivery) -> None:
        """An attempt that belongs to no message."""
        await self._commit.run(_insert_deliveries, delivery)

    async def replay(self, event_id: EventId, messages: tuple[Message, ...]) -> None:
        await self._commit.run(message_rows.replay_events, message_rows.Replay(event_id, messages))

    # lanes
    def watch(self) -> AbstractAsyncContextManager[asyncio.Event]:
        """An event that is set by commits that put messages into the outbox."""
        return self._hub.watch(message_rows.MESSAGES_CHANGE)

    async def is_any_due(self, now_us: int) -> Mapping[bool, bool]:
        """Whether a free receiver is due, by whether it is failing."""
        return await self._reads.query(lambda connection: receiver_rows.is_any_due(connection, now_us))

    async def claim(
        self, worker: WorkerId, *, is_failing: bool, now_us: int, until_us: int, limit: int
    ) -> Sequence[Receiver]:
        """Lease receivers that have due messages, the longest due first."""
        claim = receiver_rows.LaneClaim(worker, is_failing, now_us, until_us, limit)
        return await self._commit.run(receiver_rows.claim_receivers, claim)

    async def lane(self, receiver: ReceiverId, now_us: int, limit: int) -> message_rows.Lane:
        """What a receiver is to get now, in order."""
        return await self._reads.query(lambda connection: message_rows.load_lane(connection, receiver, now_us, limit))

    async def record(self, made: Sequence[Settled]) -> None:
        """Attempts at one receiver, in their order."""
        await self._commit.run(message_rows.record_attempts, made)

    async def release(self, receiver: ReceiverId, worker: WorkerId, now_us: int) -> None:
        await self._commit.run(receiver_rows.release_receivers, receiver_rows.Release(receiver, worker, now_us))

    async def prolong(self, worker: WorkerId, receivers: tuple[ReceiverId, ...], until_us: int) -> None:
        """The worker's leases of these receivers."""
        await self._commit.run(receiver_rows.prolong_lanes, receiver_rows.LaneHeartbeat(worker, receivers, until_us))

    async def purge_receivers(self, before_us: int, limit: int) -> None:
        await self._commit.run(receiver_rows.purge_lanes, receiver_rows.LanePurge(before_us, limit))
