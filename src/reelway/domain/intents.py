"""What callers can want, and what they get: the vocabulary between dialects, which parse and render, and the gateway,
which acts. A dialect makes an intent out of a request and a wire answer out of the view that comes back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reelway.domain.catalog import Card
from reelway.domain.errors import ContentRefusedError, Problem, SandboxDirectiveError
from reelway.domain.generation import Generation, Product, Route
from reelway.domain.ids import AccountId, FileId, KeyId, TaskId
from reelway.domain.media import MediaKind
from reelway.domain.records import KeptAnswer, Page, Scope, StoredFile
from reelway.domain.routing import UnsupportedError
from reelway.domain.task import PublicStatus, Task
from reelway.domain.webhook_intents import WebhookIntent, WebhookView


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the account and the key, after authentication. `default_route` is the key's, where it has one."""

    account_id: AccountId
    key_id: KeyId
    scopes: frozenset[Scope]
    default_route: Route | None = None


class PriceRule(StrEnum):
    """`fixed`: the card's base credits. `units`: base credits scaled by the units of the request. `free`: nothing."""

    FIXED = "fixed"
    UNITS = "units"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The caller's wish that a repeat does nothing twice. `endpoint` is method and path."""

    endpoint: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """An image that came inside a request and was found sound; it becomes a file of the account with the task.

    `path` names a local file with its bytes, which lives as long as the request; `file_id` is what references call it.
    """

    file_id: FileId
    path: str
    name: str
    mime_type: str
    size_bytes: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Callback:
    """Whom to tell of this one task. `policy` names a `delivery.Policy`."""

    url: str
    policy: str


@dataclass(frozen=True, slots=True)
class Submission:
    """A valid request for a video. `wire_model` is the name that the caller used.

    `wire`: a JSON text that the dialect wants back when it shows the task. `result_ttl_s`: how long the result is kept,
    None for the setting. `ignored`: fields that were accepted and have no effect. `checks_credits_first`: where both
    the credits and the unfinished tasks are exhausted, the credits are told. `route` None: the caller did not say.
    `refuses_by_task`: refused content is told by a task that has ended, not by an error.
    """

    dialect: str
    generation: Generation
    wire_model: str
    price_rule: PriceRule
    route: Route | None = None
    client_request_id: str | None = None
    external_task_id: str | None = None
    callback: Callback | None = None
    result_ttl_s: int | None = None
    wire: str | None = None
    remixed_from: TaskId | None = None
    attachments: tuple[Attachment, ...] = ()
    ignored: tuple[str, ...] = ()
    checks_credits_first: bool = False
    refuses_by_task: bool = False


@dataclass(frozen=True, slots=True)
class Submit:
    """Create a task. `answer_of` renders the answer that a repeat gets again."""

    submission: Submission
    answer_of: Callable[[Task], KeptAnswer]


@dataclass(frozen=True, slots=True)
class ReadTask:
    """One task, by its id or by the caller's own; `wait_s` above zero waits that long for its end.

    Exactly one of `task_id` and `external_task_id` is set. A task of another `product` or `model` counts as missing.
    """

    task_id: TaskId | None = None
    wait_s: float = 0.0
    external_task_id: str | None = None
    product: Product | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class WatchTask:
    """A stream of the task's changes; those with a sequence up to `after_sequence` are skipped."""

    task_id: TaskId
    after_sequence: int


@dataclass(frozen=True, slots=True)
class ListTasks:
    """A page, newest first or oldest first. `after` is the last id of the page before; `offset` skips tasks.

    `after_must_exist`: a cursor that names no task of the account is an error, not the place where it would be.
    """

    limit: int
    after: TaskId | None = None
    status: PublicStatus | None = None
    model: str | None = None
    client_request_id: str | None = None
    product: Product | None = None
    is_ascending: bool = False
    offset: int = 0
    after_must_exist: bool = False


@dataclass(frozen=True, slots=True)
class CancelTask:
    task_id: TaskId


@dataclass(frozen=True, slots=True)
class DeleteTask:
    """Take the task and its files out of the account's sight; one under way is stopped."""

    task_id: TaskId


class Variant(StrEnum):
    """What is made of a finished video: the file itself, one small picture, or a sheet of many."""

    VIDEO = "video"
    THUMBNAIL = "thumbnail"
    SPRITESHEET = "spritesheet"


@dataclass(frozen=True, slots=True)
class ReadContent:
    """The bytes of a finished video, or of a picture of it."""

    task_id: TaskId
    variant: Variant


@dataclass(frozen=True, slots=True)
class ReadUnderstanding:
    """How the built-in engine understood the request of a task that it has made."""

    task_id: TaskId


@dataclass(frozen=True, slots=True)
class Remix:
    """Create a task from a finished one. `submission_of` makes the request out of the source and its first frame.

    `submission_of` may raise `ValidationFailedError`; with None for the frame it only checks.
    """

    task_id: TaskId
    submission_of: Callable[[Task, Attachment | None], Submission]
    answer_of: Callable[[Task], KeptAnswer]


@dataclass(frozen=True, slots=True)
class ReadAccount:
    """The account's credits as a whole: granted, held, available. `wire` is what the dialect wants back in the view."""

    wire: str | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a submission would cost. `submission` is None when `problems` were found."""

    model: str | None
    submission: Submission | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ReadCredits:
    pass


@dataclass(frozen=True, slots=True)
class ListModels:
    pass


@dataclass(frozen=True, slots=True)
class ReadFile:
    file_id: FileId


@dataclass(frozen=True, slots=True)
class Upload:
    """Keep an uploaded file. `path` names a local file with its bytes; `kind` is what the caller says it is.

    `accepted` are the MIME types allowed and `size_bytes_max` the limit, by the default rules or those of a model.
    """

    path: str
    name: str
    kind: MediaKind
    accepted: tuple[str, ...]
    size_bytes_max: int
    client_request_id: str | None


@dataclass(frozen=True, slots=True)
class ReadContract:
    """The machine-readable description of the dialect."""


Intent = (
    Submit
    | ReadTask
    | WatchTask
    | ListTasks
    | CancelTask
    | DeleteTask
    | ReadContent
    | ReadUnderstanding
    | Remix
    | ReadAccount
    | Quote
    | ReadCredits
    | ListModels
    | ReadFile
    | Upload
    | ReadContract
    | WebhookIntent
)


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as its owner sees it. `is_new`: made by this request. `ignored`: its fields that have no effect."""

    task: Task
    is_new: bool = False
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplayView:
    """The answer of an earlier request, to be sent again as it was."""

    answer: KeptAnswer


@dataclass(frozen=True, slots=True)
class PageView:
    page: Page


@dataclass(frozen=True, slots=True)
class Estimate:
    """Expected times in whole seconds.

    `p50_s` and `p90_s`: from create to result, for half of such tasks and for nine in ten.
    """

    queue_s: int
    run_s: int
    p50_s: int
    p90_s: int


@dataclass(frozen=True, slots=True)
class QuoteView:
    """What a submission would cost; what `problems` or a `refusal` keep from being known is None."""

    model: str | None
    submission: Submission | None
    price_credits: int | None
    available_credits: int
    provider: str | None
    route: str | None
    estimate: Estimate | None
    problems: tuple[Problem, ...]
    refusal: UnsupportedError | SandboxDirectiveError | ContentRefusedError | None = None


@dataclass(frozen=True, slots=True)
class DeletedView:
    task_id: TaskId


@dataclass(frozen=True, slots=True)
class ContentView:
    """Bytes to be sent: an object of the storage, or, where it is small, `data` itself. `sha256` is hexadecimal."""

    task: Task
    media_type: str
    filename: str
    sha256: str
    object_name: str | None = None
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class UnderstandingView:
    """`content` is the engine's own account of it: request, film and shots, each with its scene."""

    task: Task
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AccountView:
    """`granted_credits` is all that was ever given."""

    account_id: AccountId
    created_at_us: int
    granted_credits: int
    available_credits: int
    wire: str | None = None


@dataclass(frozen=True, slots=True)
class CreditsView:
    available_credits: int


@dataclass(frozen=True, slots=True)
class ModelView:
    """`is_available`: a provider is configured for the model."""

    card: Card
    is_available: bool


@dataclass(frozen=True, slots=True)
class ModelsView:
    models: tuple[ModelView, ...]


@dataclass(frozen=True, slots=True)
class FileView:
    file: StoredFile
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class ContractView:
    pass


View = (
    TaskView
    | ReplayView
    | PageView
    | DeletedView
    | ContentView
    | UnderstandingView
    | AccountView
    | QuoteView
    | CreditsView
    | ModelsView
    | FileView
    | ContractView
    | WebhookView
)
