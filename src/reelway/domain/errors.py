"""What a caller may be told when something is wrong. Each dialect words these; none carries an HTTP status.

ReelwayError
  ValidationFailedError      the request breaks rules of the contract; all problems at once
  BodyTooLargeError          the body or an uploaded file is over its limit
  ApiKeyError                missing, invalid, revoked, expired
  ScopeDeniedError           the key may not do this
  NotFoundError              no such thing, or somebody else's
  MethodNotAllowedError      known path, wrong method
  InsufficientCreditsError   the reservation does not fit the balance
  IdempotencyConflictError   the key was used with another request, or its first request still runs
  NotCancellableError        the task can no longer be cancelled
  RateLimitedError           too many requests in the window
  TooManyUnfinishedError     too many unfinished tasks
  ApiDisabledError           switched off by the operator
  UnknownModelError          the model is not offered in this dialect, or nobody is configured for it
  UnknownCursorError         a list is to go on after a task that is not the caller's
  ExternalIdTakenError       the caller's own task id is in use
  SandboxDirectiveError      a directive in the prompt is not known
  ContentRefusedError        the operator's block list refuses a text of the request
  NotDeletableError          the task is being made and cannot be stopped
  ResultNotReadyError        the task has not ended
  ResultMissingError         the task ended without a result
  ResultExpiredError         the result's time is over
  UnavailableError           we cannot write at present; nothing was changed
  InternalError              our mistake
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from reelway.domain.media import MediaKind


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a request, worded by the dialect that parsed it.

    `allowed` is there only where the field has a closed list of values; `code` in dialects that name the kind of fault.
    """

    field: str
    message: str
    allowed: tuple[str, ...] | None = None
    code: str = ""


class ReelwayError(Exception):
    """Base of all that is told to a caller. `code` is ours, stable, and never sent as it is."""

    code: ClassVar[str]


class ValidationFailedError(ReelwayError):
    """The request breaks the contract; `problems` holds every fault found, never empty."""

    code = "validation_failed"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        assert problems
        self.problems = problems
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in problems))


class ContentTypeError(ReelwayError):
    """`expected` are the media types that the endpoint takes."""

    code = "content_type"

    def __init__(self, expected: tuple[str, ...]) -> None:
        self.expected = expected
        super().__init__(f"the Content-Type must be {' or '.join(expected)}")


class BodyFault(StrEnum):
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    NOT_MULTIPART = "not_multipart"
    NOT_URLENCODED = "not_urlencoded"
    INCOMPLETE = "incomplete"


class MalformedBodyError(ReelwayError):
    code = "malformed_body"

    def __init__(self, fault: BodyFault) -> None:
        self.fault = fault
        super().__init__(f"the body is {fault.replace('_', ' ')}")


class IdempotencyKeyError(ReelwayError):
    """The key must be 1 to 255 printable ASCII characters."""

    code = "idempotency_key"


class BodyTooLargeError(ReelwayError):
    """`field` is "body", or the name of the form part that holds the file."""

    code = "body_too_large"

    def __init__(self, field: str, size_bytes_max: int) -> None:
        self.field = field
        self.size_bytes_max = size_bytes_max
        super().__init__(f"{field}: at most {size_bytes_max} bytes")


class UploadFault(StrEnum):
    """What is wrong with a file's content."""

    EMPTY = "empty"
    TYPE_NOT_ACCEPTED = "type_not_accepted"
    OTHER_KIND = "other_kind"
    BROKEN = "broken"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_LONG = "too_long"


class UploadRefusedError(ReelwayError):
    """The file was not kept. `kind` is what it is, where that was found; `accepted` are the MIME types allowed.

    `limit`: the pixels or seconds that a file may have, for the last two faults.
    """

    code = "upload_refused"

    def __init__(
        self, fault: UploadFault, *, kind: MediaKind | None = None, accepted: tuple[str, ...] = (), limit: int = 0
    ) -> None:
        self.fault = fault
        self.kind = kind
        self.accepted = accepted
        self.limit = limit
        super().__init__(f"the file was refused: {fault}")


class KeyFault(StrEnum):
    """`token` faults are those of a signed token (JWT) in the place of a key."""

    MISSING = "missing"
    OTHER_SCHEME = "other_scheme"
    INVALID = "invalid"
    REVOKED = "revoked"
    EXPIRED = "expired"
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - a fault, no secret
    TOKEN_NOT_YET = "token_not_yet"  # noqa: S105 - a fault, no secret
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a fault, no secret


class ApiKeyError(ReelwayError):
    code = "api_key"

    def __init__(self, fault: KeyFault) -> None:
        self.fault = fault
        super().__init__(f"the API key is {fault}")


class ScopeDeniedError(ReelwayError):
    code = "scope_denied"

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(f"the API key lacks the scope {scope}")


class NotFoundError(ReelwayError):
    """`what` names the kind of thing: task, animatic, file, path, endpoint (one that only the vendor has).

    A foreign thing and a missing one are told alike.
    """

    code = "not_found"

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"{what} not found")


class MethodNotAllowedError(ReelwayError):
    code = "method_not_allowed"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        super().__init__(f"allowed methods: {', '.join(allowed)}")


class InsufficientCreditsError(ReelwayError):
    code = "insufficient_credits"

    def __init__(self, needed_credits: int, available_credits: int) -> None:
        self.needed_credits = needed_credits
        self.available_credits = available_credits
        super().__init__(f"{needed_credits} credits are needed, {available_credits} are available")


class IdempotencyConflictError(ReelwayError):
    """`is_in_progress`: the first request with this key has no answer yet, so the caller may soon try again."""

    code = "idempotency_conflict"

    def __init__(self, *, is_in_progress: bool) -> None:
        self.is_in_progress = is_in_progress
        super().__init__("the first request still runs" if is_in_progress else "the key was used with another request")


class NotCancellableError(ReelwayError):
    code = "not_cancellable"


class RateLimitedError(ReelwayError):
    code = "rate_limited"

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"too many requests; retry in {retry_after_s} s")


class TooManyUnfinishedError(ReelwayError):
    code = "too_many_unfinished"
    retry_after_s = 5

    def __init__(self, unfinished_tasks_max: int) -> None:
        self.unfinished_tasks_max = unfinished_tasks_max
        super().__init__(f"at most {unfinished_tasks_max} unfinished tasks")


class ApiDisabledError(ReelwayError):
    code = "api_disabled"
    retry_after_s = 60


class UnavailableError(ReelwayError):
    """We cannot keep what the caller wants kept (disk full, database away, queue full); nothing was changed.

    `is_fate_known` False: the database went away while it committed, so the change may have been made all the same.
    """

    code = "unavailable"
    retry_after_s = 5

    def __init__(self, reason: str, *, is_fate_known: bool = True) -> None:
        self.reason = reason
        self.is_fate_known = is_fate_known
        super().__init__(reason)


class UnknownModelError(ReelwayError):
    """`model` is the name that the caller used."""

    code = "unknown_model"

    def __init__(self, model: str) -> None:
        self.model = model
        super().__init__(f"there is no model {model}")


class UnknownCursorError(ReelwayError):
    code = "unknown_cursor"


class ExternalIdTakenError(ReelwayError):
    code = "external_id_taken"


class SandboxDirectiveError(ReelwayError):
    """`text` is the directive, `allowed` the words that there are."""

    code = "sandbox_directive"

    def __init__(self, text: str, allowed: tuple[str, ...]) -> None:
        self.text = text
        self.allowed = allowed
        super().__init__(f"unknown directive {text!r}; there are {', '.join(allowed)}")


class ContentRefusedError(ReelwayError):
    """It does not say what was found, or in which text: that would teach how to pass it by."""

    code = "content_refused"


class NotDeletableError(ReelwayError):
    code = "not_deletable"


class ResultNotReadyError(ReelwayError):
    code = "result_not_ready"


class ResultMissingError(ReelwayError):
    code = "result_missing"


class ResultExpiredError(ReelwayError):
    code = "result_expired"


class InternalError(ReelwayError):
    code = "internal_error"


def all_errors() -> tuple[type[ReelwayError], ...]:
    """Every error that a dialect must be able to word."""
    return tuple(ReelwayError.__subclasses__())
