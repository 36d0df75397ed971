"""Webhook endpoints, events, attempts and payloads in the words of the Rivya dialect. Source: contract 11."""

from collections.abc import Sequence
from typing import Any, Final

from reelway.dialects.base import RenderContext, WireAnswer
from reelway.dialects.rivya.parse import CURSOR_PREFIX
from reelway.dialects.rivya.render import PATH, task_object, time_text
from reelway.domain import webhook_intents as wanted
from reelway.domain.events import Event, EventType
from reelway.domain.ids import EventId
from reelway.domain.intents import View
from reelway.domain.task import FailureCode, PublicStatus, Task
from reelway.domain.webhooks import Delivery, Endpoint, WebhookEvent
from reelway.wire import strict_json
from reelway.wire.rivya import FAILURE_MESSAGES

API_VERSION: Final = "2026-05-11"


# --- what endpoints are sent ------------------------------------------------------------------------------------------


def render_webhook(event: Event, task: Task, context: RenderContext) -> bytes:
    """Source: contract 11.4."""
    assert event.type is not None
    return _payload(event.id, event.type, event.created_at_us, task_object(task, context))


def test_payload(event_id: EventId, event_type: EventType, now_us: int, model: str) -> bytes:
    """A payload like a real one, of a generation that there is not."""
    is_success = event_type is EventType.SUCCEEDED
    url = "https://example.com/video.mp4"
    data = {
        "id": "task_" + event_id.removeprefix("evt_"),
        "status": (PublicStatus.SUCCEEDED if is_success else PublicStatus.FAILED).value,
        "model": model,
        "reserved_credits": 0,
        "final_credits": 0,
        "created_at": time_text(now_us),
        "updated_at": time_text(now_us),
        "result": {"primary_url": url, "urls": [url]} if is_success else None,
        "error": None if is_success else _test_error(),
    }
    return _payload(event_id, event_type, now_us, data)


def _test_error() -> dict[str, str]:
    return {"code": "generation_failed", "message": FAILURE_MESSAGES[FailureCode.GENERATION_FAILED]}


def _payload(event_id: EventId, event_type: EventType, created_at_us: int, data: dict[str, Any]) -> bytes:
    body = {
        "id": event_id,
        "type": event_type.value,
        "api_version": API_VERSION,
        "created_at": time_text(created_at_us),
        "data": data,
    }
    return strict_json.encode(body)


# --- what their owners are answered -----------------------------------------------------------------------------------


def endpoint_object(endpoint: Endpoint, secret: str | None = None) -> dict[str, Any]:
    """Source: contract 11.1. `signing_secret` is there only where a secret has just been made."""
    shown = {} if secret is None else {"signing_secret": secret}
    return {
        "id": endpoint.id,
        "object": "webhook_endpoint",
        "name": endpoint.name,
        "url": endpoint.url,
        "event_types": [kind.value for kind in endpoint.event_types],
        "status": endpoint.status.value,
        "secret_preview": endpoint.secret_preview,
        **shown,
        "last_success_at": _time(endpoint.last_success_at_us),
        "last_failure_at": _time(endpoint.last_failure_at_us),
        "failure_count": endpoint.failure_count,
        "created_at": time_text(endpoint.created_at_us),
        "updated_at": time_text(endpoint.updated_at_us),
        "disabled_at": _time(endpoint.disabled_at_us),
        "revoked_at": _time(endpoint.revoked_at_us),
    }


def delivery_object(delivery: Delivery) -> dict[str, Any]:
    """Source: contract 11.2."""
    return {
        "id": delivery.id,
        "object": "webhook_delivery",
        "endpoint_id": delivery.endpoint_id,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type and delivery.event_type.value,
        "attempt": delivery.attempt,
        "status": "succeeded" if delivery.is_success else "failed",
        "status_code": delivery.status_code,
        "error": delivery.error and delivery.error.value,
        "duration_ms": delivery.duration_ms,
        "created_at": time_text(delivery.created_at_us),
        "next_attempt_at": _time(delivery.next_attempt_at_us),
    }


def event_object(event: WebhookEvent) -> dict[str, Any]:
    """Source: contract 11.2."""
    return {
        "id": event.id,
        "object": "webhook_event",
        "type": event.type.value,
        "api_version": API_VERSION,
        "created_at": time_text(event.created_at_us),
        "generation_id": event.task_id,
        "attempts": event.attempts,
        "delivered": event.is_delivered,
    }


def _time(time_us: int | None) -> str | None:
    return None if time_us is None else time_text(time_us)


def render_endpoint(view: View, _context: RenderContext) -> WireAnswer:
    assert isinstance(view, wanted.EndpointView)
    body = strict_json.encode(endpoint_object(view.endpoint, view.secret))
    if view.is_new:
        return WireAnswer(201, body, (("Location", f"{PATH}/webhooks/{view.endpoint.id}"),))
    return WireAnswer(200, body)


def render_endpoints(view: View, _context: RenderContext) -> WireAnswer:
    assert isinstance(view, wanted.EndpointsView)
    body = {"object": "list", "data": [endpoint_object(endpoint) for endpoint in view.endpoints]}
    return WireAnswer(200, strict_json.encode(body))


def render_gone(_view: View, _context: RenderContext) -> WireAnswer:
    return WireAnswer(204, b"")


def render_delivery(view: View, _context: RenderContext) -> WireAnswer:
    assert isinstance(view, wanted.DeliveryView)
    return WireAnswer(200, strict_json.encode(delivery_object(view.delivery)))


def render_deliveries(view: View, _context: RenderContext) -> WireAnswer:
    assert isinstance(view, wanted.DeliveriesView)
    page = view.page
    return _list([delivery_object(delivery) for delivery in page.deliveries], has_more=page.has_more)


def render_event(view: View, _context: RenderContext) -> WireAnswer:
    assert isinstance(view, wanted.EventView)
    return WireAnswer(200, strict_json.encode(event_object(view.event)))


def render_events(view: View, _context: RenderContext) -> WireAnswer:
    assert isinstance(view, wanted.EventsView)
    return _list([event_object(event) for event in view.page.events], has_more=view.page.has_more)


def _list(data: Sequence[dict[str, Any]], *, has_more: bool) -> WireAnswer:
    cursor = CURSOR_PREFIX + data[-1]["id"].partition("_")[2] if has_more else None
    body = {"object": "list", "data": data, "has_more": has_more, "next_cursor": cursor}
    return WireAnswer(200, strict_json.encode(body))
