"""What Kling and its relays answer, read into one shape; and what each code means for a submit.

Two reply dialects are known: the vendor's own envelope with an integer `code`, and the task envelope of relays, whose
`code` is a word (or which have no envelope at all) and whose object is `{task_id, status, url, error}`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from reelway.domain import outcomes
from reelway.domain.task import FailureCode
from reelway.providers.http import Answered
from reelway.providers.listing import Page
from reelway.providers.remote import ACCOUNT, NOT_SERVED, SERVER_FAULT, THROTTLED_S, UNREADABLE, is_content_refusal
from reelway.wire.kling import Code

_ID_LENGTH_MAX: Final = 256
_UNITS_MAX: Final = Decimal(1_000_000)


class Stage(StrEnum):
    WAITING = "waiting"
    AT_WORK = "at_work"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Seen:
    """A job. `reference`: the id that we gave it, None where the answer does not repeat it. `units`: what it cost, as
    the provider wrote it. `url` is the video's."""

    job_id: str
    stage: Stage
    reference: str | None = None
    url: str | None = None
    message: str = ""
    units: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An error in the provider's own envelope. `code` None: a word that is not known. Its message is for logs only."""

    code: int | None
    message: str = ""


Read = Callable[[Answered], Seen | Told | None]
"""None: the answer cannot be understood, so nothing is known."""


ReadJob = Callable[[Any], Seen | None]
"""Understands one job of an answer."""


def read_native(answer: Answered) -> Seen | Told | None:
    """The vendor's own envelope. Source: contract, sections 5.1, 10 and 11."""
    found = answer.json_object()
    code = None if found is None else found.get("code")
    if found is None or type(code) is not int:
        return None
    if code != Code.SUCCEED:
        return Told(code, _text(found.get("message")))
    return native_job(found.get("data"))


_NATIVE_STAGES: Final = {
    "submitted": Stage.WAITING,
    "processing": Stage.AT_WORK,
    "succeed": Stage.DONE,
    "failed": Stage.FAILED,
}


UNFINISHED: Final = frozenset({"submitted", "processing"})


def native_job(data: Any) -> Seen | None:
    """A job as the vendor writes it, alone or in a list."""
    if not isinstance(data, dict):
        return None
    job_id, stage = _job_id(data.get("task_id")), _NATIVE_STAGES.get(str(data.get("task_status")))
    if job_id is None or stage is None:
        return None
    info = data.get("task_info")
    reference = info.get("external_task_id") if isinstance(info, dict) else data.get("external_task_id")
    return Seen(
        job_id,
        stage,
        reference=reference if isinstance(reference, str) else None,
        url=_native_url(data.get("task_result")),
        message=_text(data.get("task_status_msg")),
        units=_units(data.get("final_unit_deduction")),
    )


def _native_url(result: Any) -> str | None:
    videos = result.get("videos") if isinstance(result, dict) else None
    first = videos[0] if isinstance(videos, list) and videos else None
    url = first.get("url") if isinstance(first, dict) else None
    return url if isinstance(url, str) and url else None


# --- relays -----------------------------------------------------------------------------------------------------------

_RELAY_STAGES: Final[Mapping[str, Stage]] = {
    **_NATIVE_STAGES,
    "not_start": Stage.WAITING,
    "pending": Stage.WAITING,
    "queued": Stage.WAITING,
    "in_progress": Stage.AT_WORK,
    "running": Stage.AT_WORK,
    "success": Stage.DONE,
    "succeeded": Stage.DONE,
    "completed": Stage.DONE,
    "failure": Stage.FAILED,
    "cancelled": Stage.FAILED,
}


def read_relay(answer: Answered) -> Seen | Told | None:
    """Either reply dialect, told apart by the type of `code`."""
    found = answer.json_object()
    if found is None:
        return None
    code = found.get("code")
    if type(code) is int:
        return read_native(answer)
    if answer.status >= 400 or (isinstance(code, str) and code.lower() not in ("success", "ok", "0")):
        return _relay_error(answer.status, found)
    data = found.get("data") if "data" in found else found
    if isinstance(data, str):  # a create that answers with the bare id
        data = {"task_id": data, "status": "queued"}
    return relay_job(data)


def relay_job(data: Any) -> Seen | None:
    """A job as a relay writes it."""
    if not isinstance(data, dict):
        return None
    if "task_status" in data:
        return native_job(data)
    inner = data.get("data")
    if isinstance(inner, dict) and type(inner.get("code")) is int:  # a record around the vendor's own answer
        inner = inner.get("data")
    native = native_job(inner)
    job_id = _job_id(data.get("task_id") or data.get("id"))
    stage = _RELAY_STAGES.get(str(data.get("status", "queued")).lower())
    if job_id is None or stage is None:
        return None
    url = data.get("url") or data.get("result_url") or (native.url if native is not None else None)
    error = data.get("error")
    message = error.get("message") if isinstance(error, dict) else data.get("fail_reason")
    return Seen(
        job_id,
        stage,
        url=url if isinstance(url, str) and url else None,
        message=_text(message),
        units=native.units if native is not None else None,
    )


_RELAY_CODES: Final[Mapping[int, Code]] = {
    401: Code.AUTHORIZATION_INVALID,
    403: Code.NO_PERMISSION,
    404: Code.NOT_FOUND,
    429: Code.TOO_FREQUENT,
}


def _relay_error(status: int, found: Mapping[str, Any]) -> Told:
    """A relay's own error: the HTTP status says more than its words, but for quota and content."""
    error = found.get("error")
    inner = error if isinstance(error, dict) else found
    message = _text(inner.get("message"))
    words = f"{inner.get('code')} {inner.get('type')} {message}".lower()
    if "quota" in words or "balance" in words or "credit" in words:
        return Told(Code.BALANCE_NOT_ENOUGH, message)
    if is_content_refusal(words):
        return Told(Code.CONTENT_REFUSED, message)
    if status in (400, 422):
        return Told(Code.PARAMETER_INVALID, message)
    return Told(_RELAY_CODES.get(status), message)


def listed(answer: Answered) -> Page | None:
    """A page of jobs, bare in the envelope; None where the answer is no list. Source: contract 11.5."""
    found = answer.json_object() if answer.status == 200 else None
    if found is None or found.get("code") not in (Code.SUCCEED, "success"):
        return None
    entries = found.get("data")
    return Page(entries) if isinstance(entries, list) else None


# --- what it means ----------------------------------------------------------------------------------------------------

_LOCKED: Final[Mapping[int, str]] = {
    Code.AUTHENTICATION_FAILED: ACCOUNT,
    Code.AUTHORIZATION_EMPTY: ACCOUNT,
    Code.AUTHORIZATION_INVALID: ACCOUNT,
    Code.TOKEN_NOT_YET: ACCOUNT,
    Code.TOKEN_EXPIRED: ACCOUNT,
    Code.ACCOUNT_ABNORMAL: ACCOUNT,
    Code.ACCOUNT_IN_ARREARS: ACCOUNT,
    Code.BALANCE_NOT_ENOUGH: ACCOUNT,
    Code.NO_PERMISSION: NOT_SERVED,
    Code.METHOD_NOT_ALLOWED: NOT_SERVED,
    Code.NOT_FOUND: NOT_SERVED,
    Code.ADDRESS_NOT_ALLOWED: ACCOUNT,
}
"""No job was made, and none will be before somebody acts. Source: contract 5.2, and the vendor's error codes."""

_FREQUENT_S: Final = 2.0


def submit_meaning(told: Told, answer: Answered) -> outcomes.SubmitOutcome:
    """What an error in answer to a create means. What is not known for certain counts as unknown."""
    if answer.is_server_fault:
        return outcomes.SubmitUnknown(SERVER_FAULT)
    if told.code is not None and told.code in _LOCKED:
        reason = _LOCKED[told.code]
        return outcomes.Unavailable(reason, opens_circuit=True, only_model=reason is NOT_SERVED)
    match told.code:
        case Code.PARAMETER_INVALID if "external_task_id" in told.message.lower():
            # An earlier try of this very task has arrived after all. Source: contract 9.4: unique per account.
            return outcomes.SubmitUnknown("the provider has our reference already")
        case Code.BODY_INVALID | Code.PARAMETER_INVALID | Code.PLATFORM_STRATEGY:
            return outcomes.Refused(FailureCode.PROVIDER_REJECTED, "it was not accepted")
        case Code.CONTENT_REFUSED:
            return outcomes.Refused(FailureCode.CONTENT_REJECTED, "")
        case Code.TOO_FREQUENT:
            return outcomes.Throttled(answer.retry_after_s(_FREQUENT_S))
        case Code.TOO_MANY_TASKS:
            return outcomes.Throttled(answer.retry_after_s(THROTTLED_S))
        case _:
            return outcomes.SubmitUnknown(UNREADABLE)


def cost_of(seen: Seen, unit_microdollars: int) -> outcomes.Cost | None:
    """What the job has cost us; None where the provider does not say."""
    if seen.units is None:
        return None
    return outcomes.Cost(round(Decimal(seen.units) * unit_microdollars), seen.units)


def _units(value: Any) -> str | None:
    """A decimal text that is a sensible number of units."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    try:
        units = Decimal(str(value))
    except InvalidOperation:
        return None
    return str(value) if units.is_finite() and 0 <= units <= _UNITS_MAX else None


def _job_id(value: Any) -> str | None:
    """An id that can stand in a path; the vendor's are numbers in a text."""
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not 1 <= len(text) <= _ID_LENGTH_MAX:
        return None
    return text if text.isprintable() and " " not in text else None


def _text(value: Any) -> str:
    return value[:1000] if isinstance(value, str) else ""
