"""Webhooks: an account's endpoints and their secrets, a test, the events and attempts, and sending an event again."""

import time
from dataclasses import replace
from typing import Any, assert_never

from reelway.clock import new_id
from reelway.domain import webhook_intents as wanted
from reelway.domain.decide import US
from reelway.domain.delivery import POLICIES, STANDARD, Message, attempted, endpoint_message, settle
from reelway.domain.errors import NotFoundError, UnavailableError
from reelway.domain.events import EVENT_TYPES, Event, event_of
from reelway.domain.ids import AccountId, DeliveryId, EndpointId, EventId, ReceiverId, TaskId
from reelway.domain.intents import Caller
from reelway.domain.task import FINAL_RANK
from reelway.domain.webhooks import (
    DeliveryFilter,
    Endpoint,
    EndpointNotReadyError,
    EndpointStatus,
    EventFilter,
    EventPage,
    Secrets,
    TooManyEndpointsError,
    WebhookEvent,
)
from reelway.gateway.core import Core
from reelway.gateway.operator import is_operator, sees
from reelway.gateway.read import open_stream
from reelway.net.post import SendError
from reelway.net.sealing import SealError
from reelway.net.signing import new_webhook_secret, secret_preview, webhook_headers


async def act(core: Core, caller: Caller, intent: wanted.WebhookIntent) -> wanted.WebhookView:
    """Raises: ReelwayError: as the function of the intent does."""
    match intent:
        case wanted.CreateEndpoint():
            return await create_endpoint(core, caller, intent)
        case wanted.ListEndpoints():
            return wanted.EndpointsView(tuple(await core.store.outbox.endpoints(caller.account_id)))
        case wanted.ReadEndpoint(endpoint_id):
            return wanted.EndpointView(await own_endpoint(core, caller, endpoint_id))
        case wanted.UpdateEndpoint():
            return await update_endpoint(core, caller, intent)
        case wanted.DeleteEndpoint(endpoint_id):
            return await delete_endpoint(core, caller, endpoint_id)
        case wanted.RotateSecret():
            return await rotate_secret(core, caller, intent)
        case wanted.TestEndpoint():
            return await test_endpoint(core, caller, intent)
        case wanted.ListDeliveries():
            return await list_deliveries(core, caller, intent)
        case wanted.ListEvents():
            return await list_events(core, caller, intent)
        case wanted.ReplayEvent():
            return await replay_event(core, caller, intent)
        case _:
            assert_never(intent)


# --- endpoints --------------------------------------------------------------------------------------------------------


async def own_endpoint(core: Core, caller: Caller, endpoint_id: EndpointId) -> Endpoint:
    """Raises: NotFoundError: no such endpoint, another account's, or a deleted one."""
    endpoint = await core.store.outbox.endpoint(endpoint_id)
    if endpoint is None or endpoint.account_id != caller.account_id or endpoint.revoked_at_us is not None:
        raise NotFoundError("webhook")
    return endpoint


async def seen_endpoint(core: Core, viewer: Caller, endpoint_id: EndpointId) -> Endpoint:
    """Raises: NotFoundError: no such endpoint, one of an account that the viewer does not see, or a deleted one."""
    endpoint = await core.store.outbox.endpoint(endpoint_id)
    if endpoint is None or not sees(viewer, endpoint.account_id) or endpoint.revoked_at_us is not None:
        raise NotFoundError("webhook")
    return endpoint


async def seen_endpoints(core: Core, viewer: Caller) -> tuple[Endpoint, ...]:
    """Those of all accounts for an operator, the own ones for others."""
    return tuple(await core.store.outbox.endpoints(None if is_operator(viewer) else viewer.account_id))


async def create_endpoint(core: Core, caller: Caller, intent: wanted.CreateEndpoint) -> wanted.EndpointView:
    """Raises: TooManyEndpointsError"""
    now_us = core.clock.now_us()
    secret = new_webhook_secret()
    endpoint = Endpoint(
        id=EndpointId(new_id("whend", now_us)),
        account_id=caller.account_id,
        name=intent.name,
        url=intent.url,
        event_types=intent.event_types,
        status=EndpointStatus.ACTIVE,
        secrets=Secrets(core.sealer.sealed(secret)),
        secret_preview=secret_preview(secret),
        created_at_us=now_us,
        updated_at_us=now_us,
    )
    if not await core.store.outbox.add_endpoint(endpoint):
        raise TooManyEndpointsError
    return wanted.EndpointView(endpoint, secret, is_new=True)


async def update_endpoint(core: Core, caller: Caller, intent: wanted.UpdateEndpoint) -> wanted.EndpointView:
    """`active` makes a clean start: failures are forgotten. `disabled` drops what waits; it can be replayed.

    Raises: NotFoundError
    """
    endpoint = await own_endpoint(core, caller, intent.endpoint_id)
    now_us = core.clock.now_us()
    values: dict[str, Any] = {"updated_at_us": now_us}
    if intent.name is not None:
        values["name"] = intent.name
    if intent.url is not None:
        values["url"] = intent.url
    if intent.event_types is not None:
        values["event_types"] = " ".join(intent.event_types)
    if intent.status is not None:
        is_disabled = intent.status is EndpointStatus.DISABLED
        values["status"] = intent.status.value
        values["disabled_at_us"] = (endpoint.disabled_at_us or now_us) if is_disabled else None
    is_revived = intent.status is EndpointStatus.ACTIVE
    await core.store.outbox.change_endpoint(endpoint.id, values, now_us, forgives=is_revived)
    if intent.status is EndpointStatus.DISABLED:
        await core.store.outbox.drop_messages(ReceiverId(endpoint.id))
    return wanted.EndpointView(await own_endpoint(core, caller, endpoint.id))


async def delete_endpoint(core: Core, caller: Caller, endpoint_id: EndpointId) -> wanted.EndpointGoneView:
    """Raises: NotFoundError"""
    endpoint = await own_endpoint(core, caller, endpoint_id)
    now_us = core.clock.now_us()
    await core.store.outbox.change_endpoint(endpoint.id, {"revoked_at_us": now_us, "updated_at_us": now_us}, now_us)
    await core.store.outbox.drop_messages(ReceiverId(endpoint.id))
    return wanted.EndpointGoneView(replace(endpoint, revoked_at_us=now_us))


async def rotate_secret(core: Core, caller: Caller, intent: wanted.RotateSecret) -> wanted.EndpointView:
    """The secret before the last one ends at once, though its time may not be over: two sign at most.

    Raises: NotFoundError
    """
    endpoint = await own_endpoint(core, caller, intent.endpoint_id)
    now_us = core.clock.now_us()
    secret = new_webhook_secret()
    secrets = rotated(endpoint.secrets, core.sealer.sealed(secret), intent.grace_s, now_us)
    values = {
        "secret": secrets.current,
        "previous_secret": secrets.previous,
        "previous_until_us": secrets.previous_until_us,
        "secret_preview": secret_preview(secret),
        "updated_at_us": now_us,
    }
    await core.store.outbox.change_endpoint(endpoint.id, values, now_us)
    return wanted.EndpointView(await own_endpoint(core, caller, endpoint.id), secret)


def rotated(secrets: Secrets, sealed: str, grace_s: int, now_us: int) -> Secrets:
    return secrets.rotated(sealed, now_us + grace_s * US) if grace_s else Secrets(sealed)


# --- secrets of callbacks, the operator's side ------------------------------------------------------------------------


async def create_callback_secret(core: Core, account_id: AccountId, grace_s: int = 0) -> str:
    """A new secret for the account's callbacks, shown once; the old one, where there is one, stays valid so long."""
    secret = new_webhook_secret()
    sealed = core.sealer.sealed(secret)
    before = await core.store.outbox.callback_secrets(account_id)
    after = Secrets(sealed) if before is None else rotated(before, sealed, grace_s, core.clock.now_us())
    await core.store.outbox.set_callback_secrets(account_id, after)
    return secret


# --- test -------------------------------------------------------------------------------------------------------------


async def test_endpoint(core: Core, caller: Caller, intent: wanted.TestEndpoint) -> wanted.DeliveryView:
    """One attempt with an event that tells of no task. It is listed, and says nothing about the endpoint's health.

    Raises:
        NotFoundError: no such endpoint.
        UnavailableError: too many waits are open.
    """
    endpoint = await own_endpoint(core, caller, intent.endpoint_id)
    now_us = core.clock.now_us()
    event_id = EventId(new_id("evt", now_us))
    body = intent.body_of(event_id, intent.event_type, now_us)
    try:
        secrets = [core.sealer.opened(sealed) for sealed in endpoint.secrets.valid(now_us)]
    except SealError as exc:
        raise UnavailableError("the endpoint's secret cannot be read; rotate it") from exc
    started_s = time.monotonic()
    status, fault = None, None
    with open_stream(core):
        async with core.poster.line(endpoint.url) as line:
            try:
                headers = webhook_headers(secrets, event_id, now_us // US, body)
                status = await line.post(headers, body, POLICIES[STANDARD].timeout_s)
            except SendError as exc:
                fault = exc.fault
    message = Message(
        receiver=ReceiverId(endpoint.id),
        account_id=endpoint.account_id,
        task_id=TaskId(""),
        event_id=event_id,
        sequence=FINAL_RANK,
        event_type=intent.event_type,
        endpoint_id=endpoint.id,
        url=None,
        policy=STANDARD,
        body=body,
        tries=0,
        attempt=0,
        due_at_us=now_us,
        created_at_us=now_us,
    )
    found = attempted(status, fault, now_us, round((time.monotonic() - started_s) * 1000))
    settled = settle(message, found, None, DeliveryId(new_id("whd", now_us)))
    delivery = replace(settled.delivery, task_id=None, next_attempt_at_us=None)
    await core.store.outbox.add_delivery(delivery)
    return wanted.DeliveryView(delivery)


# --- events and attempts ----------------------------------------------------------------------------------------------


async def list_deliveries(core: Core, caller: Caller, intent: wanted.ListDeliveries) -> wanted.DeliveriesView:
    """Raises: NotFoundError"""
    endpoint = await own_endpoint(core, caller, intent.endpoint_id)
    page = await core.store.outbox.deliveries(
        DeliveryFilter(endpoint.id, intent.limit, after=intent.after, event_id=intent.event_id)
    )
    return wanted.DeliveriesView(page)


async def list_events(core: Core, caller: Caller, intent: wanted.ListEvents) -> wanted.EventsView:
    if intent.generation_id is not None:
        return wanted.EventsView(await _events_of_task(core, caller, intent, intent.generation_id))
    page = await core.store.outbox.events(EventFilter(caller.account_id, intent.limit, intent.after, intent.type))
    return wanted.EventsView(page)


async def _events_of_task(core: Core, caller: Caller, intent: wanted.ListEvents, task_id: TaskId) -> EventPage:
    """A task makes one webhook event at most, and its id follows from the task."""
    task = await core.store.task(task_id)
    if task is None or task.account_id != caller.account_id or not task.is_final:
        return EventPage((), has_more=False)
    event = await core.store.outbox.event(event_of(task).id)
    is_wanted = (
        event is not None and intent.type in (None, event.type) and (intent.after is None or event.id < intent.after)
    )
    return EventPage((event,) if event is not None and is_wanted else (), has_more=False)


async def replay_event(core: Core, caller: Caller, intent: wanted.ReplayEvent) -> wanted.EventView:
    """The same id and bytes again. One that still waits for its next try goes out at once.

    Raises:
        NotFoundError: no such event, or no such endpoint.
        EndpointNotReadyError: the endpoint is disabled or does not take the event's type.
    """
    outbox = core.store.outbox
    event = await outbox.event(intent.event_id)
    if event is None or event.account_id != caller.account_id:
        raise NotFoundError("event")
    if intent.endpoint_id is not None:
        endpoints = [await own_endpoint(core, caller, intent.endpoint_id)]
    else:
        endpoints = list(await outbox.endpoints(caller.account_id))
    now_us = core.clock.now_us()
    messages = tuple(message for endpoint in endpoints if (message := _again(event, endpoint, now_us)) is not None)
    if intent.endpoint_id is not None and not messages:
        raise EndpointNotReadyError
    if messages:
        await outbox.replay(event.id, messages)
    return wanted.EventView(event)


def _again(event: WebhookEvent, endpoint: Endpoint, now_us: int) -> Message | None:
    status = next(status for status, kind in EVENT_TYPES.items() if kind is event.type)
    told = Event(event.task_id, event.account_id, FINAL_RANK, status, event.created_at_us)
    message = endpoint_message(told, endpoint, event.body)
    return None if message is None else replace(message, due_at_us=now_us, created_at_us=now_us)
