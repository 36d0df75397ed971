"""Webhooks: endpoints with their secrets (shown once), events to test them, what was delivered, and sending again."""

from dataclasses import dataclass, field
from typing import Final

from starlette.responses import Response

from reelway.console import wire
from reelway.console.visit import CONSOLE, Page, Visit
from reelway.domain.errors import Problem, ValidationFailedError
from reelway.domain.events import EventType
from reelway.domain.ids import DeliveryId, EndpointId, is_delivery_id
from reelway.domain.intents import Caller
from reelway.domain.records import Scope
from reelway.domain.webhook_intents import (
    CreateEndpoint,
    DeleteEndpoint,
    EndpointView,
    ListDeliveries,
    ReadEndpoint,
    RotateSecret,
    TestEndpoint,
    UpdateEndpoint,
)
from reelway.domain.webhooks import GRACE_HOURS_MAX, Endpoint
from reelway.gateway import webhooks
from reelway.gateway.operator import acting_for, all_accounts

PATH: Final = f"{CONSOLE}/webhooks"
PAGE_SIZE: Final = 50


@dataclass(frozen=True, slots=True)
class _Filled:
    """What a form was sent with, to be shown again with its problems."""

    name: str = ""
    url: str = ""
    types: frozenset[str] = frozenset(kind.value for kind in EventType)
    problems: dict[str, Problem] = field(default_factory=dict)


def _filled(visit: Visit, error: ValidationFailedError) -> _Filled:
    form = visit.form
    problems = {problem.field.partition("[")[0]: problem for problem in error.problems}
    return _Filled(form.text("name"), form.text("url"), frozenset(form.texts("type")), problems)


# --- all endpoints ----------------------------------------------------------------------------------------------------


async def webhooks_page(visit: Visit) -> Response:
    return await _list(visit, _Filled())


async def _list(visit: Visit, filled: _Filled, *, status: int = 200, made: EndpointView | None = None) -> Response:
    accounts = await all_accounts(visit.core, visit.caller) if visit.is_operator else ()
    return visit.render(
        "webhooks.html",
        status,
        endpoints=await webhooks.seen_endpoints(visit.core, visit.caller),
        names={account.id: account.name for account in accounts} if len(accounts) > 1 else {},
        filled=filled,
        made=made,
        types=[kind.value for kind in EventType],
    )


async def make_webhook(visit: Visit) -> Response:
    form = visit.form
    body = {"url": form.text("url"), "name": form.text("name") or None, "event_types": list(form.texts("type"))}
    try:
        intent = wire.intent_of(visit, "create_webhook", body=body)
        assert isinstance(intent, CreateEndpoint)
        view = await webhooks.act(visit.core, visit.caller, intent)
    except ValidationFailedError as error:
        return await _list(visit, _filled(visit, error), status=422)
    assert isinstance(view, EndpointView)
    return await _list(visit, _Filled(), made=view)


# --- one endpoint -----------------------------------------------------------------------------------------------------


def _path(visit: Visit) -> dict[str, str]:
    return {"endpoint_id": visit.part("endpoint_id")}


async def webhook_page(visit: Visit) -> Response:
    return await _one(visit, await _endpoint(visit))


async def _endpoint(visit: Visit) -> Endpoint:
    """Raises: NotFoundError"""
    intent = wire.intent_of(visit, "read_webhook", _path(visit))
    assert isinstance(intent, ReadEndpoint)
    return await webhooks.seen_endpoint(visit.core, visit.caller, intent.endpoint_id)


async def _acting(visit: Visit) -> Caller:
    """The visitor in the place of the endpoint's owner. Raises: NotFoundError"""
    return acting_for(visit.caller, (await _endpoint(visit)).account_id)


async def _one(
    visit: Visit, endpoint: Endpoint, *, status: int = 200, filled: _Filled | None = None, secret: str | None = None
) -> Response:
    after = visit.query.text("after")
    wanted = ListDeliveries(endpoint.id, PAGE_SIZE, DeliveryId(after) if is_delivery_id(after) else None)
    page = (await webhooks.list_deliveries(visit.core, acting_for(visit.caller, endpoint.account_id), wanted)).page
    return visit.render(
        "webhook.html",
        status,
        endpoint=endpoint,
        is_own=endpoint.account_id == visit.caller.account_id,
        page=page,
        is_first=wanted.after is None,
        filled=filled or _Filled(endpoint.name, endpoint.url, frozenset(kind.value for kind in endpoint.event_types)),
        secret=secret,
        types=[kind.value for kind in EventType],
        grace_hours_max=GRACE_HOURS_MAX,
        history=_Endpoints({endpoint.id: endpoint}),
        may_replay=True,
        now_us=visit.core.clock.now_us(),
    )


@dataclass(frozen=True, slots=True)
class _Endpoints:
    """What the table of deliveries looks endpoints up in, as a task's history."""

    endpoints: dict[EndpointId, Endpoint]


async def change_webhook(visit: Visit) -> Response:
    endpoint, form = await _endpoint(visit), visit.form
    body = {
        "name": form.text("name") or None,
        "url": form.text("url") or None,
        "event_types": list(form.texts("type")),
        "status": form.text("status") or None,
    }
    if form.text("only_status"):
        body = {"status": form.text("status")}
    try:
        intent = wire.intent_of(visit, "update_webhook", _path(visit), body)
        assert isinstance(intent, UpdateEndpoint)
        await webhooks.act(visit.core, await _acting(visit), intent)
    except ValidationFailedError as error:
        return await _one(visit, endpoint, status=422, filled=_filled(visit, error))
    return visit.redirect(f"{PATH}/{endpoint.id}", notice="webhook_saved")


async def rotate_webhook(visit: Visit) -> Response:
    """A new secret, shown once; the old one stays valid as long as the form says."""
    hours = visit.form.number("hours")
    intent = wire.intent_of(visit, "rotate_webhook", _path(visit), {"grace_hours": hours})
    assert isinstance(intent, RotateSecret)
    view = await webhooks.act(visit.core, await _acting(visit), intent)
    assert isinstance(view, EndpointView)
    return await _one(visit, view.endpoint, secret=view.secret)


async def test_webhook(visit: Visit) -> Response:
    intent = wire.intent_of(visit, "test_webhook", _path(visit), {"event_type": visit.form.text("type") or None})
    assert isinstance(intent, TestEndpoint)
    view = await webhooks.test_endpoint(visit.core, await _acting(visit), intent)
    notice = "webhook_tested" if view.delivery.is_success else "webhook_test_failed"
    return visit.redirect(f"{PATH}/{intent.endpoint_id}", notice=notice)


async def delete_webhook(visit: Visit) -> Response:
    intent = wire.intent_of(visit, "delete_webhook", _path(visit))
    assert isinstance(intent, DeleteEndpoint)
    await webhooks.act(visit.core, await _acting(visit), intent)
    return visit.redirect(PATH, notice="webhook_deleted")


_MANAGE: Final = Scope.WEBHOOKS_MANAGE

PAGES: Final = (
    Page("/webhooks", webhooks_page, _MANAGE),
    Page("/webhooks", make_webhook, _MANAGE, "POST"),
    Page("/webhooks/{endpoint_id}", webhook_page, _MANAGE),
    Page("/webhooks/{endpoint_id}", change_webhook, _MANAGE, "POST"),
    Page("/webhooks/{endpoint_id}/rotate", rotate_webhook, _MANAGE, "POST"),
    Page("/webhooks/{endpoint_id}/test", test_webhook, _MANAGE, "POST"),
    Page("/webhooks/{endpoint_id}/delete", delete_webhook, _MANAGE, "POST"),
)
