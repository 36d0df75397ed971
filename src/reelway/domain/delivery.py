"""Delivery: who is told of an event, by which rules, and what one attempt makes of a message.

A message is one event for one receiver. It waits in the outbox until it is delivered or given up; then it is gone, and
the attempts (`webhooks.Delivery`) tell what became of it. A receiver is a lane: its messages go one after another.
"""

import hashlib
import zlib
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from reelway.domain.events import Announcement, Event, EventType
from reelway.domain.ids import AccountId, DeliveryId, EndpointId, EventId, ReceiverId, TaskId
from reelway.domain.task import PublicStatus, Task
from reelway.domain.webhooks import Delivery, Endpoint, EndpointStatus, SendFault

_US: Final = 1_000_000
_DAY_US: Final = 86_400 * _US
FAILING_US_MAX: Final = 5 * _DAY_US
"""An endpoint with failures only for this long is disabled. Source: Rivya contract, section 11.6."""
_GONE: Final = 410
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CALLBACK_LANES: Final = 8
"""Callbacks to one URL go out at most so many at once; those of one task always in one lane, so in their order."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one kind of message. `delays_s`: how long after each failed attempt the next one is made.

    `spread`: by up to this share each delay is lengthened. `only_200`: no other answer is a success. `every_status`:
    told of each public status, not only of the end. `newest_only`: a newer status drops older ones that wait.
    `disables`: the receiver is an endpoint that is told no more when it is gone or fails for days.
    """

    timeout_s: float
    delays_s: tuple[float, ...]
    spread: float = 0.0
    only_200: bool = False
    every_status: bool = False
    newest_only: bool = False
    disables: bool = False

    @property
    def attempts_max(self) -> int:
        return len(self.delays_s) + 1

    def tells(self, status: PublicStatus) -> bool:
        return self.every_status or status.is_final

    def is_success(self, status_code: int) -> bool:
        return status_code == 200 if self.only_200 else 200 <= status_code < 300


_MIN: Final = 60
_H: Final = 3_600
STANDARD: Final = "standard"
EXACTLY_200: Final = "exactly_200"
NEWEST_ONLY: Final = "newest_only"
POLICIES: Final = MappingProxyType(
    {
        # Source: Rivya contract, section 11.6.
        STANDARD: Policy(15, (5, 5 * _MIN, 30 * _MIN, 2 * _H, 5 * _H, 10 * _H, 10 * _H), spread=0.2, disables=True),
        # Source: APIXO contract, section 9.
        EXACTLY_200: Policy(30, (30, 2 * _MIN, 10 * _MIN), only_200=True),
        # Source: Kling contract, section 12.
        NEWEST_ONLY: Policy(15, (30, 2 * _MIN, 10 * _MIN), every_status=True, newest_only=True),
    }
)


@dataclass(frozen=True, slots=True)
class Message:
    """One row of the outbox. `tries` counts failed attempts of this round; `attempt` grows for ever, over replays too.

    For an endpoint `endpoint_id` is set and its URL of the moment is used; for a task's own callback `url` is set.
    """

    receiver: ReceiverId
    account_id: AccountId
    task_id: TaskId
    event_id: EventId
    sequence: int
    event_type: EventType | None
    endpoint_id: EndpointId | None
    url: str | None
    policy: str
    body: bytes
    tries: int
    attempt: int
    due_at_us: int
    created_at_us: int

    @property
    def id(self) -> str:
        return f"{self.event_id}.{self.receiver}"

    @property
    def rules(self) -> Policy:
        return POLICIES[self.policy]


@dataclass(frozen=True, slots=True)
class Receiver:
    """How it goes with a receiver, and who serves it now. `failing_since_us`: the first failure after the last success.

    `due_at_us` is the earliest time of its waiting messages, None when there are none.
    """

    id: ReceiverId
    due_at_us: int | None = None
    lease_owner: str | None = None
    lease_until_us: int | None = None
    failing_since_us: int | None = None
    failure_count: int = 0
    last_success_at_us: int | None = None
    last_failure_at_us: int | None = None
    used_at_us: int = 0

    @property
    def is_failing(self) -> bool:
        return self.failing_since_us is not None


# --- who is told ------------------------------------------------------------------------------------------------------


def endpoint_message(event: Event, endpoint: Endpoint, body: bytes) -> Message | None:
    """The message to an endpoint; None when it does not want this event."""
    if event.type not in endpoint.event_types or endpoint.status is not EndpointStatus.ACTIVE:
        return None
    return Message(
        receiver=ReceiverId(endpoint.id),
        account_id=event.account_id,
        task_id=event.task_id,
        event_id=event.id,
        sequence=event.sequence,
        event_type=event.type,
        endpoint_id=endpoint.id,
        url=None,
        policy=STANDARD,
        body=body,
        tries=0,
        attempt=0,
        due_at_us=event.created_at_us,
        created_at_us=event.created_at_us,
    )


def callback_message(event: Event, task: Task, said: Announcement) -> Message | None:
    """The message to the task's own callback; None when there is none, or it is not told of this status."""
    if said.callback is None or task.callback_url is None or task.callback_policy is None:
        return None
    if not POLICIES[task.callback_policy].tells(event.status):
        return None
    return Message(
        receiver=callback_receiver(task.account_id, task.callback_url, task.id),
        account_id=event.account_id,
        task_id=event.task_id,
        event_id=event.id,
        sequence=event.sequence,
        event_type=event.type,
        endpoint_id=None,
        url=task.callback_url,
        policy=task.callback_policy,
        body=said.callback,
        tries=0,
        attempt=0,
        due_at_us=event.created_at_us,
        created_at_us=event.created_at_us,
    )


def callback_receiver(account_id: AccountId, url: str, task_id: TaskId) -> ReceiverId:
    """The lane of a task's callbacks: one of a few that the account has for the URL."""
    digest = hashlib.sha256(f"{account_id} {url}".encode()).hexdigest()[:32]
    return ReceiverId(f"callback_{digest}_{zlib.crc32(task_id.encode()) % _CALLBACK_LANES}")


# --- what an attempt makes of it --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempted:
    """What came of one call: an HTTP status, or why there was none."""

    status_code: int | None
    error: SendFault | None
    started_at_us: int
    duration_ms: int

    def __post_init__(self) -> None:
        assert (self.status_code is None) != (self.error is None)


def attempted(status_code: int | None, error: SendFault | None, started_at_us: int, duration_ms: int) -> Attempted:
    """A redirect is no answer: it is not followed, and told as such. Source: Rivya contract, section 11.2."""
    if status_code in _REDIRECTS:
        return Attempted(None, SendFault.REDIRECT_REFUSED, started_at_us, duration_ms)
    return Attempted(status_code, error, started_at_us, duration_ms)


@dataclass(frozen=True, slots=True)
class Settled:
    """What is written after an attempt. `following` None: the message leaves the outbox.

    `disables`: the endpoint is told of nothing more from now on.
    """

    message: Message
    delivery: Delivery
    following: Message | None
    disables: bool


def settle(message: Message, found: Attempted, failing_since_us: int | None, delivery_id: DeliveryId) -> Settled:
    """Decide what an attempt means: delivered, another try at its time, given up; and whether the endpoint is disabled.

    `failing_since_us`: since when the receiver has only failed, before this attempt.
    """
    rules = message.rules
    ended_at_us = found.started_at_us + found.duration_ms * 1_000
    is_success = found.status_code is not None and rules.is_success(found.status_code)
    disables = not is_success and rules.disables and _is_hopeless(found, failing_since_us, ended_at_us)
    following = None
    if not is_success and not disables and message.tries < len(rules.delays_s):
        due_at_us = ended_at_us + round(_delay_s(message) * _US)
        following = replace(message, tries=message.tries + 1, attempt=message.attempt + 1, due_at_us=due_at_us)
    delivery = Delivery(
        id=delivery_id,
        account_id=message.account_id,
        receiver=message.receiver,
        endpoint_id=message.endpoint_id,
        task_id=message.task_id,
        event_id=message.event_id,
        event_type=message.event_type,
        attempt=message.attempt + 1,
        is_success=is_success,
        status_code=found.status_code,
        error=found.error,
        duration_ms=found.duration_ms,
        created_at_us=found.started_at_us,
        next_attempt_at_us=following.due_at_us if following is not None else None,
    )
    return Settled(message, delivery, following, disables)


def _is_hopeless(found: Attempted, failing_since_us: int | None, now_us: int) -> bool:
    """The receiver says that it is gone, or has failed for days."""
    has_failed_long = failing_since_us is not None and now_us - failing_since_us >= FAILING_US_MAX
    return found.status_code == _GONE or has_failed_long


def _delay_s(message: Message) -> float:
    """The delay after the attempt that has just failed. The spread comes from the message: no randomness, no herd."""
    rules = message.rules
    share = zlib.crc32(f"{message.id}:{message.attempt}".encode()) / 2**32
    return rules.delays_s[message.tries] * (1 + rules.spread * share)


def after_success(receiver: Receiver, now_us: int) -> Receiver:
    return replace(receiver, failing_since_us=None, failure_count=0, last_success_at_us=now_us, used_at_us=now_us)


def after_failure(receiver: Receiver, now_us: int) -> Receiver:
    since_us = now_us if receiver.failing_since_us is None else receiver.failing_since_us
    return replace(
        receiver,
        failing_since_us=since_us,
        failure_count=receiver.failure_count + 1,
        last_failure_at_us=now_us,
        used_at_us=now_us,
    )


def cleared(receiver: Receiver) -> Receiver:
    """The owner says that the endpoint works again."""
    return replace(receiver, failing_since_us=None, failure_count=0)
