"""What people look for in the console: tasks by what they remember of them, the ledger page by page, spend by day."""

from dataclasses import dataclass
from typing import Final

from reelway.domain.generation import Generation
from reelway.domain.ids import AccountId, KeyId, TaskId, TransferId
from reelway.domain.ledger import Balance, Transfer
from reelway.domain.task import PublicStatus, Task

LOOKED_AT_MAX: Final = 10_000
"""Tasks that one search looks at. What may be rare is looked for so far back, and then the visitor says whether to go
on: a page takes the same time whatever is asked."""
PROMPTS_READ_MAX: Final = 1_000
"""Of these, tasks whose prompts one search reads because the text stands somewhere in their request."""
TEXT_LENGTH_MAX: Final = 256
"""As long as the longest id that callers give a task."""


@dataclass(frozen=True, slots=True)
class TaskSearch:
    """Which tasks to find, newest first; of all accounts when `account_id` is None, which is for operators.

    `before`: only older ones than this. Times are unix microseconds of creation, from `since_us` up to, but without,
    `until_us`. `text` is found in prompts, whatever its case; `own_id` is a client_request_id or external_task_id.
    """

    account_id: AccountId | None
    limit: int
    before: TaskId | None = None
    status: PublicStatus | None = None
    model: str | None = None
    dialect: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    text: str = ""
    own_id: str = ""


@dataclass(frozen=True, slots=True)
class TaskFinds:
    """`before` is where to go on, None at the end. `is_cut`: there may be more, but only so many were looked at."""

    tasks: tuple[Task, ...]
    before: TaskId | None = None
    is_cut: bool = False


def has_text(generation: Generation, text: str) -> bool:
    """Whether a prompt, of the whole or of a shot, has the text in it."""
    wanted = text.casefold()
    return any(
        wanted in prompt.casefold() for prompt in (generation.prompt, *(shot.prompt for shot in generation.shots))
    )


@dataclass(frozen=True, slots=True)
class LedgerPlace:
    """A row of an account's ledger, by its time and id."""

    created_at_us: int
    id: TransferId


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """An account's rows, newest first: older than `before`, in a span of time as in `TaskSearch`."""

    account_id: AccountId
    limit: int
    before: LedgerPlace | None = None
    since_us: int | None = None
    until_us: int | None = None


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """`after` is the balance when this row had been written."""

    transfer: Transfer
    after: Balance


@dataclass(frozen=True, slots=True)
class SpendRow:
    """Credits charged on one day (days since 1970 in UTC) for one model with one key. `key_id` None: not known."""

    day: int
    model: str
    key_id: KeyId | None
    credits: int
    videos: int
