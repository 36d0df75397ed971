"""Webhook endpoints, and what became of the attempts to tell them and others."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reelway.domain.errors import Problem, ValidationFailedError
from reelway.domain.events import EventType
from reelway.domain.ids import AccountId, DeliveryId, EndpointId, EventId, ReceiverId, TaskId

ENDPOINTS_MAX: Final = 20
"""Endpoints an account. Source: Rivya contract, section 11.1."""
GRACE_HOURS_MAX: Final = 24
"""How long a replaced secret may stay valid. Source: Rivya contract, section 11.2."""
NAME_LENGTH_MAX: Final = 100


class EndpointStatus(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"
    """Told of nothing. In: the owner, a receiver that answered 410 or failed for days. Out: the owner."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What messages are signed with, sealed with the server's key. The previous secret is valid until its time."""

    current: str
    previous: str | None = None
    previous_until_us: int | None = None

    def valid(self, now_us: int) -> tuple[str, ...]:
        """The sealed secrets that sign now, the newest first."""
        is_both = self.previous is not None and self.previous_until_us is not None and now_us < self.previous_until_us
        return (self.current, self.previous) if is_both and self.previous is not None else (self.current,)

    def rotated(self, sealed: str, until_us: int) -> "Secrets":
        return Secrets(sealed, self.current, until_us)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL that an account wants to be told at. `revoked_at_us`: its owner deleted it.

    The last three come from the receiver's own row: `failure_count` is the number of failed attempts in a row.
    """

    id: EndpointId
    account_id: AccountId
    name: str
    url: str
    event_types: tuple[EventType, ...]
    status: EndpointStatus
    secrets: Secrets
    secret_preview: str
    created_at_us: int
    updated_at_us: int
    disabled_at_us: int | None = None
    revoked_at_us: int | None = None
    last_success_at_us: int | None = None
    last_failure_at_us: int | None = None
    failure_count: int = 0


class SendFault(StrEnum):
    """Why no answer counts. Source: Rivya contract, section 11.2."""

    TIMEOUT = "timeout"
    CONNECT_FAILED = "connect_failed"
    TLS_FAILED = "tls_failed"
    ADDRESS_BLOCKED = "address_blocked"
    REDIRECT_REFUSED = "redirect_refused"
    INVALID_RESPONSE = "invalid_response"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt. Exactly one of `status_code` and `error` is set. `endpoint_id` None: a task's own callback.

    `event_type` None: a status that is no webhook event. `task_id` None: a test. `next_attempt_at_us` None: the last.
    """

    id: DeliveryId
    account_id: AccountId
    receiver: ReceiverId
    endpoint_id: EndpointId | None
    task_id: TaskId | None
    event_id: EventId
    event_type: EventType | None
    attempt: int
    is_success: bool
    status_code: int | None
    error: SendFault | None
    duration_ms: int
    created_at_us: int
    next_attempt_at_us: int | None


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event as endpoints are told of it. `attempts` counts all attempts to tell any endpoint."""

    id: EventId
    account_id: AccountId
    task_id: TaskId
    type: EventType
    body: bytes
    created_at_us: int
    attempts: int = 0
    is_delivered: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """An endpoint's attempts, newest first; `after` is the last id of the page before."""

    endpoint_id: EndpointId
    limit: int
    after: DeliveryId | None = None
    event_id: EventId | None = None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """An account's webhook events, newest first; `after` is the last id of the page before."""

    account_id: AccountId
    limit: int
    after: EventId | None = None
    type: EventType | None = None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    deliveries: tuple[Delivery, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class EventPage:
    events: tuple[WebhookEvent, ...]
    has_more: bool


class TooManyEndpointsError(ValidationFailedError):
    """The account has as many endpoints as it may have."""

    def __init__(self) -> None:
        super().__init__((Problem("url", f"At most {ENDPOINTS_MAX} webhook endpoints."),))


class EndpointNotReadyError(ValidationFailedError):
    """A replay names an endpoint that is disabled or does not take the event's type."""

    def __init__(self) -> None:
        super().__init__((Problem("endpoint_id", "Must be an active endpoint that takes this event's type."),))
