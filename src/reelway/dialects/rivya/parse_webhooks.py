"""Requests about webhooks become intents. Source: contract 11."""

from collections.abc import Callable, Mapping
from typing import Final

from reelway.dialects.base import ParseContext, WireRequest
from reelway.dialects.rivya.parse import CURSOR_PREFIX, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, whole
from reelway.dialects.rivya.render_webhooks import test_payload
from reelway.domain import webhook_intents as wanted
from reelway.domain.errors import NotFoundError, Problem, ValidationFailedError
from reelway.domain.events import EventType
from reelway.domain.ids import (
    DeliveryId,
    EndpointId,
    EventId,
    TaskId,
    is_delivery_id,
    is_endpoint_id,
    is_event_id,
    is_task_id,
)
from reelway.domain.public_url import is_callback_url
from reelway.domain.webhooks import GRACE_HOURS_MAX, NAME_LENGTH_MAX, EndpointStatus
from reelway.wire.rivya import URL_REJECTED

DEFAULT_NAME: Final = "Webhook"
CREATE_KEYS: Final = ("url", "name", "event_types")
UPDATE_KEYS: Final = (*CREATE_KEYS, "status")
_TYPES: Final = tuple(kind.value for kind in EventType)
_STATUSES: Final = tuple(status.value for status in EndpointStatus)
_ONE_OF: Final = "Must be one of the allowed values."
_HOUR_S: Final = 3_600


class _Body:
    """A JSON body being read: problems are collected in the order in which keys are asked for; `null` is absent."""

    def __init__(self, request: WireRequest, keys: tuple[str, ...], context: ParseContext) -> None:
        self._values = {key: value for key, value in (request.body or {}).items() if value is not None}
        self._keys = keys
        self._context = context
        self._problems: list[Problem] = []
        self._is_url_rejected = False

    def url(self, *, is_required: bool) -> str | None:
        value = self._text("url")
        if value is None:
            if is_required and "url" not in self._values:
                self._problems.append(Problem("url", "Required."))
        elif not is_callback_url(value, self._context.allows_private_callbacks):
            self._is_url_rejected = True
        return value

    def name(self) -> str | None:
        value = self._text("name")
        if value is not None and (not 1 <= len(value) <= NAME_LENGTH_MAX or "\0" in value):
            self._problems.append(Problem("name", f"Must be 1 to {NAME_LENGTH_MAX} characters."))
        return value

    def event_types(self) -> tuple[EventType, ...] | None:
        if "event_types" not in self._values:
            return None
        values = self._values["event_types"]
        if not isinstance(values, list) or not values:
            self._problems.append(Problem("event_types", "Must be a non-empty list.", _TYPES))
            return None
        wrong = [number for number, value in enumerate(values) if value not in _TYPES]
        self._problems += [Problem(f"event_types[{number}]", _ONE_OF, _TYPES) for number in wrong[: len(_TYPES)]]
        if wrong:
            return None
        if len(set(values)) < len(values):
            self._problems.append(Problem("event_types", "Must not name a type twice."))
        return tuple(kind for kind in EventType if kind.value in values)

    def one_of(self, key: str, values: tuple[str, ...]) -> str | None:
        value = self._values.get(key)
        if value is not None and value not in values:
            self._problems.append(Problem(key, _ONE_OF, values))
            return None
        return None if value is None else str(value)

    def grace_hours(self) -> int:
        value = self._values.get("grace_hours", GRACE_HOURS_MAX)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= GRACE_HOURS_MAX or value != int(value):
            message = f"Must be a whole number from 0 to {GRACE_HOURS_MAX}."
            self._problems.append(Problem("grace_hours", message))
            return 0
        return int(value)

    def endpoint_id(self) -> EndpointId | None:
        value = self._text("endpoint_id")
        if value is not None and not is_endpoint_id(value):
            self._problems.append(Problem("endpoint_id", "Must be the id of a webhook endpoint."))
        return None if value is None else EndpointId(value)

    def end(self) -> None:
        """Raises: ValidationFailedError: a problem was found, or a key is not known."""
        unknown = sorted(key for key in self._values if key not in self._keys)
        problems = [*self._problems, *(Problem(key, "Unknown field.", self._keys) for key in unknown[:100])]
        if not problems and self._is_url_rejected:
            problems = [Problem("url", "The webhook URL must be a public https URL.", code=URL_REJECTED)]
        if problems:
            raise ValidationFailedError(tuple(problems))

    def _text(self, key: str) -> str | None:
        value = self._values.get(key)
        if value is not None and not isinstance(value, str):
            self._problems.append(Problem(key, "Must be a string."))
            return None
        return value


# --- endpoints --------------------------------------------------------------------------------------------------------


def parse_create(request: WireRequest, context: ParseContext) -> wanted.CreateEndpoint:
    body = _Body(request, CREATE_KEYS, context)
    url, name, event_types = body.url(is_required=True), body.name(), body.event_types()
    body.end()
    assert url is not None
    return wanted.CreateEndpoint(name or DEFAULT_NAME, url, event_types or tuple(EventType))


def parse_endpoints(_request: WireRequest, _context: ParseContext) -> wanted.ListEndpoints:
    return wanted.ListEndpoints()


def parse_read(request: WireRequest, _context: ParseContext) -> wanted.ReadEndpoint:
    return wanted.ReadEndpoint(_endpoint_id(request))


def parse_update(request: WireRequest, context: ParseContext) -> wanted.UpdateEndpoint:
    endpoint_id = _endpoint_id(request)
    body = _Body(request, UPDATE_KEYS, context)
    url, name, event_types = body.url(is_required=False), body.name(), body.event_types()
    status = body.one_of("status", _STATUSES)
    body.end()
    return wanted.UpdateEndpoint(
        endpoint_id, name, url, event_types, None if status is None else EndpointStatus(status)
    )


def parse_delete(request: WireRequest, _context: ParseContext) -> wanted.DeleteEndpoint:
    return wanted.DeleteEndpoint(_endpoint_id(request))


def parse_rotate(request: WireRequest, context: ParseContext) -> wanted.RotateSecret:
    endpoint_id = _endpoint_id(request)
    body = _Body(request, ("grace_hours",), context)
    hours = body.grace_hours()
    body.end()
    return wanted.RotateSecret(endpoint_id, hours * _HOUR_S)


def parse_test(request: WireRequest, context: ParseContext) -> wanted.TestEndpoint:
    endpoint_id = _endpoint_id(request)
    body = _Body(request, ("event_type",), context)
    kind = body.one_of("event_type", _TYPES)
    body.end()
    model = next(iter(context.catalog)).id

    def payload(event_id: EventId, event_type: EventType, now_us: int) -> bytes:
        return test_payload(event_id, event_type, now_us, model)

    return wanted.TestEndpoint(endpoint_id, EventType(kind or EventType.SUCCEEDED), payload)


def _endpoint_id(request: WireRequest) -> EndpointId:
    endpoint_id = request.path["endpoint_id"]
    if not is_endpoint_id(endpoint_id):
        raise NotFoundError("webhook")
    return EndpointId(endpoint_id)


# --- events and attempts ----------------------------------------------------------------------------------------------


def parse_deliveries(request: WireRequest, _context: ParseContext) -> wanted.ListDeliveries:
    endpoint_id = _endpoint_id(request)
    problems: list[Problem] = []
    limit = _limit(request.query, problems)
    after = _cursor(request.query, "whd_", is_delivery_id, problems)
    event_id = _filter(request.query, "event_id", is_event_id, problems)
    if problems:
        raise ValidationFailedError(tuple(problems))
    return wanted.ListDeliveries(
        endpoint_id,
        limit,
        None if after is None else DeliveryId(after),
        None if event_id is None else EventId(event_id),
    )


def parse_events(request: WireRequest, _context: ParseContext) -> wanted.ListEvents:
    problems: list[Problem] = []
    limit = _limit(request.query, problems)
    after = _cursor(request.query, "evt_", is_event_id, problems)
    kind = request.query.get("type")
    if kind is not None and kind not in _TYPES:
        problems.append(Problem("query.type", _ONE_OF, _TYPES))
    generation_id = _filter(request.query, "generation_id", is_task_id, problems)
    if problems:
        raise ValidationFailedError(tuple(problems))
    return wanted.ListEvents(
        limit,
        None if after is None else EventId(after),
        None if kind is None else EventType(kind),
        None if generation_id is None else TaskId(generation_id),
    )


def parse_replay(request: WireRequest, context: ParseContext) -> wanted.ReplayEvent:
    event_id = request.path["event_id"]
    if not is_event_id(event_id):
        raise NotFoundError("event")
    body = _Body(request, ("endpoint_id",), context)
    endpoint_id = body.endpoint_id()
    body.end()
    return wanted.ReplayEvent(EventId(event_id), endpoint_id)


def _limit(query: Mapping[str, str], problems: list[Problem]) -> int:
    limit = whole(query["limit"]) if "limit" in query else LIST_LIMIT_DEFAULT
    if limit is None or not 1 <= limit <= LIST_LIMIT_MAX:
        problems.append(Problem("query.limit", f"Must be a whole number from 1 to {LIST_LIMIT_MAX}."))
        return LIST_LIMIT_DEFAULT
    return limit


def _cursor(query: Mapping[str, str], prefix: str, is_id: Callable[[str], bool], problems: list[Problem]) -> str | None:
    """The id that a cursor stands for."""
    cursor = query.get("cursor")
    if cursor is None:
        return None
    last = prefix + cursor.removeprefix(CURSOR_PREFIX)
    if not cursor.startswith(CURSOR_PREFIX) or not is_id(last):
        problems.append(Problem("query.cursor", "Must be a next_cursor of an earlier answer."))
    return last


def _filter(query: Mapping[str, str], name: str, is_id: Callable[[str], bool], problems: list[Problem]) -> str | None:
    value = query.get(name)
    if value is not None and not is_id(value):
        problems.append(Problem(f"query.{name}", "Must be an id as it was answered."))
    return value
