"""Webhook endpoints with their secrets, the secrets of callbacks, and the lists of events and attempts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, bindparam, func, insert, select, text, update

from reelway.domain.events import EventType
from reelway.domain.ids import AccountId, DeliveryId, EndpointId, EventId, ReceiverId, TaskId
from reelway.domain.webhooks import (
    ENDPOINTS_MAX,
    Delivery,
    DeliveryFilter,
    DeliveryPage,
    Endpoint,
    EndpointStatus,
    EventFilter,
    EventPage,
    Secrets,
    SendFault,
    WebhookEvent,
)
from reelway.store.commit import Unit
from reelway.store.receivers import forgive
from reelway.store.schema import accounts, deliveries, receivers, webhook_endpoints, webhook_events

_ACTIVE: Final = select(*webhook_endpoints.c).where(
    webhook_endpoints.c.account_id.in_(bindparam("owners", expanding=True)),
    webhook_endpoints.c.status == EndpointStatus.ACTIVE.value,
    webhook_endpoints.c.revoked_at_us.is_(None),
)
_HEALTH: Final = ("last_success_at_us", "last_failure_at_us", "failure_count")
_WITH_HEALTH: Final = select(*webhook_endpoints.c, *(receivers.c[name] for name in _HEALTH)).select_from(
    webhook_endpoints.outerjoin(receivers, receivers.c.id == webhook_endpoints.c.id)
)


def _endpoint_of(row: RowMapping) -> Endpoint:
    return Endpoint(
        id=EndpointId(row["id"]),
        account_id=AccountId(row["account_id"]),
        name=row["name"],
        url=row["url"],
        event_types=tuple(EventType(kind) for kind in row["event_types"].split()),
        status=EndpointStatus(row["status"]),
        secrets=Secrets(row["secret"], row["previous_secret"], row["previous_until_us"]),
        secret_preview=row["secret_preview"],
        created_at_us=row["created_at_us"],
        updated_at_us=row["updated_at_us"],
        disabled_at_us=row["disabled_at_us"],
        revoked_at_us=row["revoked_at_us"],
        **{name: row[name] or 0 if name == "failure_count" else row[name] for name in _HEALTH if name in row},
    )


def _row_of(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "account_id": endpoint.account_id,
        "name": endpoint.name,
        "url": endpoint.url,
        "event_types": " ".join(endpoint.event_types),
        "status": endpoint.status.value,
        "secret": endpoint.secrets.current,
        "previous_secret": endpoint.secrets.previous,
        "previous_until_us": endpoint.secrets.previous_until_us,
        "secret_preview": endpoint.secret_preview,
        "created_at_us": endpoint.created_at_us,
        "updated_at_us": endpoint.updated_at_us,
        "disabled_at_us": endpoint.disabled_at_us,
        "revoked_at_us": endpoint.revoked_at_us,
    }


# --- endpoints --------------------------------------------------------------------------------------------------------


def active_endpoints(connection: Connection, owners: Collection[AccountId]) -> list[Endpoint]:
    """Of several accounts at once; without how it goes with them."""
    return [_endpoint_of(row) for row in connection.execute(_ACTIVE, {"owners": list(owners)}).mappings()]


def load_endpoints(connection: Connection, ids: Sequence[EndpointId]) -> Mapping[EndpointId, Endpoint]:
    found = connection.execute(_WITH_HEALTH.where(webhook_endpoints.c.id.in_(ids)))
    return {endpoint.id: endpoint for endpoint in map(_endpoint_of, found.mappings())}


def lock_active(connection: Connection, ids: Sequence[EndpointId]) -> frozenset[EndpointId]:
    """Which of these are told of events; none of them changes before the transaction ends."""
    column = webhook_endpoints.c.id
    found = connection.execute(
        select(column, webhook_endpoints.c.status, webhook_endpoints.c.revoked_at_us)
        .where(column.in_(ids))
        .order_by(column)
        .with_for_update()
    )
    active = EndpointStatus.ACTIVE
    return frozenset(EndpointId(name) for name, status, revoked in found if status == active and revoked is None)


def list_endpoints(connection: Connection, account_id: AccountId | None) -> list[Endpoint]:
    """Newest first, without deleted ones; of all accounts when None, which is for operators."""
    query = _WITH_HEALTH.where(webhook_endpoints.c.revoked_at_us.is_(None))
    if account_id is not None:
        query = query.where(webhook_endpoints.c.account_id == account_id)
    found = connection.execute(query.order_by(webhook_endpoints.c.id.desc()))
    return [_endpoint_of(row) for row in found.mappings()]


def insert_endpoints(unit: Unit, commands: Sequence[Endpoint]) -> list[bool]:
    """False where the account has as many as it may have."""
    results = []
    for endpoint in commands:
        count = select(func.count()).where(
            webhook_endpoints.c.account_id == endpoint.account_id, webhook_endpoints.c.revoked_at_us.is_(None)
        )
        is_room = unit.connection.execute(count).scalar_one() < ENDPOINTS_MAX
        if is_room:
            unit.connection.execute(insert(webhook_endpoints), [_row_of(endpoint)])
        results.append(is_room)
    return results


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """`values` are columns of `webhook_endpoints`. `forgives`: the receiver counts as healthy again."""

    id: EndpointId
    values: Mapping[str, Any]
    now_us: int
    forgives: bool = False


def change_endpoints(unit: Unit, commands: Sequence[EndpointChange]) -> list[None]:
    for command in commands:
        unit.connection.execute(
            update(webhook_endpoints).where(webhook_endpoints.c.id == command.id).values(**command.values)
        )
        if command.forgives:
            forgive(unit, ReceiverId(command.id), command.now_us)
    return [None] * len(commands)


def disable(unit: Unit, endpoint_id: EndpointId, now_us: int) -> None:
    """Tell the endpoint nothing more; one that its owner has disabled keeps its time."""
    unit.connection.execute(
        update(webhook_endpoints)
        .where(webhook_endpoints.c.id == endpoint_id, webhook_endpoints.c.status == EndpointStatus.ACTIVE.value)
        .values(status=EndpointStatus.DISABLED.value, disabled_at_us=now_us, updated_at_us=now_us)
    )


# --- secrets of callbacks ---------------------------------------------------------------------------------------------


def callback_secrets(connection: Connection, account_id: AccountId) -> Secrets | None:
    found = connection.execute(
        select(
            accounts.c.callback_secret, accounts.c.callback_previous_secret, accounts.c.callback_previous_until_us
        ).where(accounts.c.id == account_id)
    ).first()
    return None if found is None or found[0] is None else Secrets(*found)


@dataclass(frozen=True, slots=True)
class CallbackSecrets:
    account_id: AccountId
    secrets: Secrets | None


def set_callback_secrets(unit: Unit, commands: Sequence[CallbackSecrets]) -> list[None]:
    for command in commands:
        secrets = command.secrets
        unit.connection.execute(
            update(accounts)
            .where(accounts.c.id == command.account_id)
            .values(
                callback_secret=secrets.current if secrets else None,
                callback_previous_secret=secrets.previous if secrets else None,
                callback_previous_until_us=secrets.previous_until_us if secrets else None,
            )
        )
    return [None] * len(commands)


# --- events and attempts ----------------------------------------------------------------------------------------------


def load_events(connection: Connection, ids: Sequence[EventId]) -> Mapping[EventId, WebhookEvent]:
    events = _events(connection, select(webhook_events).where(webhook_events.c.id.in_(ids)))
    return {event.id: event for event in events}


def list_events(connection: Connection, wanted: EventFilter) -> EventPage:
    query = select(webhook_events).where(webhook_events.c.account_id == wanted.account_id)
    if wanted.type is not None:
        query = query.where(webhook_events.c.type == wanted.type.value)
    if wanted.after is not None:
        query = query.where(webhook_events.c.id < wanted.after)
    found = _events(connection, query.order_by(webhook_events.c.id.desc()).limit(wanted.limit + 1))
    return EventPage(tuple(found[: wanted.limit]), len(found) > wanted.limit)


def _events(connection: Connection, query: Select[Any]) -> list[WebhookEvent]:
    """The events of a query, with how often and whether endpoints were told."""
    rows = connection.execute(query).mappings().all()
    counted = connection.execute(
        select(deliveries.c.event_id, func.count(), func.max(deliveries.c.is_success))
        .where(deliveries.c.event_id.in_([row["id"] for row in rows]), text("endpoint_id IS NOT NULL"))
        .group_by(deliveries.c.event_id)
    )
    attempts = {event_id: (count, bool(is_success)) for event_id, count, is_success in counted}
    return [
        WebhookEvent(
            EventId(row["id"]),
            AccountId(row["account_id"]),
            TaskId(row["task_id"]),
            EventType(row["type"]),
            bytes(row["body"]),
            row["created_at_us"],
            *attempts.get(row["id"], (0, False)),
        )
        for row in rows
    ]


def list_deliveries(connection: Connection, wanted: DeliveryFilter) -> DeliveryPage:
    query = select(deliveries).where(text("endpoint_id IS NOT NULL"), deliveries.c.endpoint_id == wanted.endpoint_id)
    if wanted.event_id is not None:
        query = query.where(deliveries.c.event_id == wanted.event_id)
    if wanted.after is not None:
        query = query.where(deliveries.c.id < wanted.after)
    rows = connection.execute(query.order_by(deliveries.c.id.desc()).limit(wanted.limit + 1)).mappings().all()
    return DeliveryPage(tuple(delivery_of(row) for row in rows[: wanted.limit]), len(rows) > wanted.limit)


def last_deliveries(connection: Connection, account_id: AccountId | None, limit: int) -> list[Delivery]:
    """The newest attempts of an account, or of all, callbacks among them; for operators."""
    query = select(deliveries).order_by(deliveries.c.id.desc()).limit(limit)
    if account_id is not None:
        query = query.where(deliveries.c.account_id == account_id)
    return [delivery_of(row) for row in connection.execute(query).mappings()]


def delivery_of(row: RowMapping) -> Delivery:
    kind, error = row["event_type"], row["error"]
    return Delivery(
        **(
            dict(row)
            | {
                "id": DeliveryId(row["id"]),
                "event_type": None if kind is None else EventType(kind),
                "error": None if error is None else SendFault(error),
                "is_success": bool(row["is_success"]),
            }
        )
    )
