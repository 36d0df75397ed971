"""What the store keeps beside tasks, and the closed answers that its writes give."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reelway.domain.errors import ApiKeyError, KeyFault
from reelway.domain.events import SILENCE, Announcement
from reelway.domain.generation import Product, Route
from reelway.domain.ids import AccountId, FileId, KeyId, TaskId
from reelway.domain.ledger import Balance, Transfer
from reelway.domain.media import MediaKind
from reelway.domain.task import PublicStatus, Task


class Scope(StrEnum):
    """What a key may do. Source: Rivya contract, section 3. The chat scopes have no effect here.

    `admin` is ours: whoever has it runs the gateway, and sees and changes all accounts in the console.
    """

    MODELS_READ = "models:read"
    GENERATIONS_CREATE = "generations:create"
    GENERATIONS_READ = "generations:read"
    FILES_CREATE = "files:create"
    FILES_READ = "files:read"
    CREDITS_READ = "credits:read"
    WEBHOOKS_MANAGE = "webhooks:manage"
    CHAT_CREATE = "chat:create"
    CHAT_READ = "chat:read"
    ADMIN = "admin"


ALL_SCOPES: Final = frozenset(Scope) - {Scope.ADMIN}
"""Everything that an account may do with what is its own."""


@dataclass(frozen=True, slots=True)
class Account:
    id: AccountId
    name: str
    balance: Balance
    floor_credits: int
    unfinished_tasks: int
    created_at_us: int


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: its hash and the visible beginning, never the key. Times None: never.

    `access_key` and `sealed_secret` are there for a key with which callers sign tokens of their own (JWT). The secret
    is sealed with the server's key, because checking a signature needs it whole. `default_route` holds where a request
    does not say; None leaves that to the setting.
    """

    id: KeyId
    account_id: AccountId
    name: str
    key_hash: str
    prefix: str
    scopes: frozenset[Scope]
    created_at_us: int
    expires_at_us: int | None
    revoked_at_us: int | None
    last_used_at_us: int | None
    access_key: str | None = None
    sealed_secret: str | None = None
    default_route: Route | None = None

    def require_valid(self, now_us: int) -> None:
        """Raises: ApiKeyError: the key was revoked or has expired."""
        if self.revoked_at_us is not None:
            raise ApiKeyError(KeyFault.REVOKED)
        if self.expires_at_us is not None and now_us >= self.expires_at_us:
            raise ApiKeyError(KeyFault.EXPIRED)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account with its first key and its first credits. With `only_if_first`, nothing happens when one exists."""

    id: AccountId
    name: str
    key: ApiKey | None
    grant: Transfer | None
    created_at_us: int
    only_if_first: bool = False


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An uploaded file. Its bytes lie in the object storage under `object_name` until `expires_at_us`."""

    id: FileId
    account_id: AccountId
    kind: MediaKind
    name: str
    mime_type: str
    size_bytes: int
    sha256: str
    width: int | None
    height: int | None
    duration_s: float | None
    client_request_id: str | None
    created_at_us: int
    expires_at_us: int
    deleted_at_us: int | None

    @property
    def object_name(self) -> str:
        return f"files/{self.id}"

    def is_live(self, now_us: int) -> bool:
        return self.deleted_at_us is None and now_us < self.expires_at_us


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer that a repeat of the request gets again, byte for byte."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """A request that must not be done twice. `id` is a hash over account, endpoint and the caller's key."""

    id: str
    fingerprint: str
    expires_at_us: int


@dataclass(frozen=True, slots=True)
class IdempotencyRow:
    fingerprint: str
    expires_at_us: int
    answer: KeptAnswer


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be created, with the claim and the answer that commit together with it.

    `announcement` is what is said of its first event; the store sets it.
    """

    task: Task
    unfinished_tasks_max: int
    claim: IdempotencyClaim | None
    answer: KeptAnswer | None
    checks_credits_first: bool = False
    announcement: Announcement = SILENCE

    def __post_init__(self) -> None:
        assert (self.claim is None) == (self.answer is None)


@dataclass(frozen=True, slots=True)
class Created:
    task: Task


@dataclass(frozen=True, slots=True)
class Replayed:
    answer: KeptAnswer


@dataclass(frozen=True, slots=True)
class ClaimMismatch:
    """The same idempotency key was used with another request."""


@dataclass(frozen=True, slots=True)
class TooFewCredits:
    available_credits: int


@dataclass(frozen=True, slots=True)
class TooManyUnfinished:
    pass


@dataclass(frozen=True, slots=True)
class ExternalIdTaken:
    pass


CreateOutcome = Created | Replayed | ClaimMismatch | TooFewCredits | TooManyUnfinished | ExternalIdTaken
AnswerOf = Callable[[Task], KeptAnswer]


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks a list shows, newest first; of all accounts when `account_id` is None, which is for operators.

    `after` is the last id of the page before; `offset` skips tasks from there on.
    """

    account_id: AccountId | None
    limit: int
    after: TaskId | None = None
    is_ascending: bool = False
    offset: int = 0
    product: Product | None = None
    status: PublicStatus | None = None
    model: str | None = None
    client_request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    tasks: tuple[Task, ...]
    has_more: bool
