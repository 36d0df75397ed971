"""What callers can want of webhooks, and what they get; part of the vocabulary of `intents`."""

from collections.abc import Callable
from dataclasses import dataclass

from reelway.domain.events import EventType
from reelway.domain.ids import DeliveryId, EndpointId, EventId, TaskId
from reelway.domain.webhooks import Delivery, DeliveryPage, Endpoint, EndpointStatus, EventPage, WebhookEvent


@dataclass(frozen=True, slots=True)
class CreateEndpoint:
    name: str
    url: str
    event_types: tuple[EventType, ...]


@dataclass(frozen=True, slots=True)
class ListEndpoints:
    pass


@dataclass(frozen=True, slots=True)
class ReadEndpoint:
    endpoint_id: EndpointId


@dataclass(frozen=True, slots=True)
class UpdateEndpoint:
    """None: as it is."""

    endpoint_id: EndpointId
    name: str | None = None
    url: str | None = None
    event_types: tuple[EventType, ...] | None = None
    status: EndpointStatus | None = None


@dataclass(frozen=True, slots=True)
class DeleteEndpoint:
    endpoint_id: EndpointId


@dataclass(frozen=True, slots=True)
class RotateSecret:
    """A new secret; the old one stays valid for so long."""

    endpoint_id: EndpointId
    grace_s: int


@dataclass(frozen=True, slots=True)
class TestEndpoint:
    """One attempt, made while the caller waits. `body_of` words an event by id, type and time (unix us)."""

    __test__ = False

    endpoint_id: EndpointId
    event_type: EventType
    body_of: Callable[[EventId, EventType, int], bytes]


@dataclass(frozen=True, slots=True)
class ListDeliveries:
    endpoint_id: EndpointId
    limit: int
    after: DeliveryId | None = None
    event_id: EventId | None = None


@dataclass(frozen=True, slots=True)
class ListEvents:
    limit: int
    after: EventId | None = None
    type: EventType | None = None
    generation_id: TaskId | None = None


@dataclass(frozen=True, slots=True)
class ReplayEvent:
    """Send an event again: to one endpoint, or to all active ones that take its type."""

    event_id: EventId
    endpoint_id: EndpointId | None


WebhookIntent = (
    CreateEndpoint
    | ListEndpoints
    | ReadEndpoint
    | UpdateEndpoint
    | DeleteEndpoint
    | RotateSecret
    | TestEndpoint
    | ListDeliveries
    | ListEvents
    | ReplayEvent
)


@dataclass(frozen=True, slots=True)
class EndpointView:
    """`secret` is there only in the answers that show it. `is_new`: made by this request."""

    endpoint: Endpoint
    secret: str | None = None
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class EndpointsView:
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class EndpointGoneView:
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class DeliveryView:
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class DeliveriesView:
    page: DeliveryPage


@dataclass(frozen=True, slots=True)
class EventView:
    event: WebhookEvent


@dataclass(frozen=True, slots=True)
class EventsView:
    page: EventPage


WebhookView = EndpointView | EndpointsView | EndpointGoneView | DeliveryView | DeliveriesView | EventView | EventsView
