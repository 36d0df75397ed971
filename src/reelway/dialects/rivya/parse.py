"""Requests of the Rivya dialect become intents. Source: the contract's sections 7, 8, 10 and 12."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

from reelway.dialects.base import FormFile, ParseContext, WireRequest
from reelway.dialects.rivya.params import ParsedParams, generation_from, parse_params
from reelway.domain.catalog import REFERENCES_KEY, Card, Catalog
from reelway.domain.errors import BodyTooLargeError, NotFoundError, Problem, ValidationFailedError
from reelway.domain.ids import FileId, TaskId, is_file_id, is_task_id
from reelway.domain.intents import (
    CancelTask,
    ListModels,
    ListTasks,
    PriceRule,
    Quote,
    ReadContract,
    ReadCredits,
    ReadFile,
    ReadTask,
    ReadUnderstanding,
    Submission,
    Submit,
    Upload,
    WatchTask,
)
from reelway.domain.media import MediaKind
from reelway.domain.task import PublicStatus

NAME: Final = "rivya"
BODY_KEYS: Final = ("model", "prompt", "params", "client_request_id")
FORM_KEYS: Final = ("file", "kind", "model", "client_request_id")
REQUEST_ID_LENGTH_MAX: Final = 128
CURSOR_PREFIX: Final = "c1_"
WAIT_S_MAX: Final = 60
LIST_LIMIT_MAX: Final = 100
LIST_LIMIT_DEFAULT: Final = 20
PROBLEMS_MAX: Final = 100
_FILE_NAME_LENGTH_MAX: Final = 255
_JSON_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_KINDS: Final = tuple(kind.value for kind in MediaKind)
_MIB: Final = 1024 * 1024

UPLOAD_RULES: Final[Mapping[MediaKind, tuple[int, tuple[str, ...]]]] = {
    MediaKind.IMAGE: (10 * _MIB, ("image/jpeg", "image/png", "image/webp")),
    MediaKind.VIDEO: (50 * _MIB, ("video/mp4", "video/quicktime", "video/webm")),
    MediaKind.AUDIO: (
        10 * _MIB,
        ("audio/mpeg", "audio/mp4", "audio/wav", "audio/x-wav", "audio/aac", "audio/ogg"),
    ),
}
"""Largest size in bytes and MIME types of uploads that name no model. Source: contract 10.1."""


# --- create and quote -------------------------------------------------------------------------------------------------


def own_file_urls(request: WireRequest) -> tuple[str, ...]:
    """Every text at `params.referenceMediaItems[*].url`, whether or not the rest of the request is right."""
    params = (request.body or {}).get("params")
    items = params.get(REFERENCES_KEY) if isinstance(params, dict) else None
    if not isinstance(items, list):
        return ()
    urls = [item.get("url") for item in items[:10] if isinstance(item, dict)]
    return tuple(url for url in urls if isinstance(url, str))


def parse_create(request: WireRequest, context: ParseContext) -> Submit:
    assert request.body is not None
    submission, problems = parse_generation(request.body, context)
    if submission is None:
        raise ValidationFailedError(problems)
    return Submit(submission, context.answer_of)


def parse_quote(request: WireRequest, context: ParseContext) -> Quote:
    assert request.body is not None
    submission, problems = parse_generation(request.body, context)
    model = request.body.get("model")
    return Quote(model if isinstance(model, str) else None, submission, problems)


def parse_generation(body: Mapping[str, Any], context: ParseContext) -> tuple[Submission | None, tuple[Problem, ...]]:
    """The submission, or every problem: known fields in the contract's order, unknown keys last."""
    problems: list[Problem] = []
    unknown: list[Problem] = []
    card = _model(body, context, problems)
    prompt = _prompt(body, card, problems)
    parsed = _params(body.get("params"), card, context, problems)
    if parsed is not None:
        problems += parsed.problems
        unknown += parsed.unknown
    client_request_id = _client_request_id(body.get("client_request_id"), problems)
    unknown += _unknown_keys(body)
    if problems or unknown or card is None or parsed is None or prompt is None:
        return None, _bounded((*problems, *unknown))
    submission = Submission(
        dialect=NAME,
        generation=generation_from(card, prompt, parsed),
        wire_model=card.id,
        price_rule=PriceRule.FIXED,
        client_request_id=client_request_id,
    )
    return submission, ()


def _params(params: Any, card: Card | None, context: ParseContext, problems: list[Problem]) -> ParsedParams | None:
    """None where there is nothing to judge: the model is not known, or `params` is no object."""
    if card is None:
        return None
    if params is not None and not isinstance(params, dict):
        problems.append(Problem("params", "Must be an object."))
        return None
    return parse_params(params or {}, card, context)


def _bounded(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """A megabyte of unknown keys must not become an answer ten times as large."""
    if len(problems) <= PROBLEMS_MAX:
        return problems
    rest = len(problems) - PROBLEMS_MAX
    return (*problems[:PROBLEMS_MAX], Problem("body", f"{rest} more problems are not listed."))


def _model(body: Mapping[str, Any], context: ParseContext, problems: list[Problem]) -> Card | None:
    available = tuple(card.id for card in context.catalog if card.id in context.available_models)
    if "model" not in body:
        problems.append(Problem("model", "Required."))
        return None
    model = body["model"]
    if not isinstance(model, str):
        problems.append(Problem("model", "Must be a string."))
        return None
    card = context.catalog.get(model)
    if card is None:
        problems.append(Problem("model", "Unknown model.", available))
    elif model not in context.available_models:
        problems.append(Problem("model", "This model is not available through the API.", available))
    return card


def _prompt(body: Mapping[str, Any], card: Card | None, problems: list[Problem]) -> str | None:
    if "prompt" not in body:
        problems.append(Problem("prompt", "Required."))
        return None
    prompt = body["prompt"]
    if not isinstance(prompt, str):
        problems.append(Problem("prompt", "Must be a string."))
        return None
    if not prompt.strip():
        problems.append(Problem("prompt", "Must not be empty."))
    elif card is not None and len(prompt) > card.prompt_length_max:
        problems.append(Problem("prompt", f"At most {card.prompt_length_max} characters."))
    return prompt


def _client_request_id(value: Any, problems: list[Problem]) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= REQUEST_ID_LENGTH_MAX:
        problems.append(Problem("client_request_id", "Must be a string of 1 to 128 characters."))
        return None
    if "\0" in value:  # PostgreSQL cannot keep it
        problems.append(Problem("client_request_id", "Must not contain the character U+0000."))
        return None
    return value


def _unknown_keys(body: Mapping[str, Any]) -> list[Problem]:
    return [
        Problem(
            key,
            "Unknown field. Use params.referenceMediaItems." if key == "files" else "Unknown field.",
            BODY_KEYS,
        )
        for key in sorted(body)
        if key not in BODY_KEYS
    ]


# --- tasks ------------------------------------------------------------------------------------------------------------


def _task_id(request: WireRequest) -> TaskId:
    task_id = request.path["task_id"]
    if not is_task_id(task_id):
        raise NotFoundError("task")
    return TaskId(task_id)


def parse_read(request: WireRequest, _context: ParseContext) -> ReadTask:
    wait = request.query.get("wait")
    wait_s = 0.0 if wait is None else _decimal(wait)
    if wait_s is None or not 0 <= wait_s <= WAIT_S_MAX:
        raise ValidationFailedError((Problem("query.wait", "Must be a number from 0 to 60."),))
    return ReadTask(_task_id(request), wait_s)


def parse_watch(request: WireRequest, _context: ParseContext) -> WatchTask:
    last = request.headers.get("last-event-id", "")
    after = int(last) if last.isascii() and last.isdecimal() and len(last) < 10 else 0
    return WatchTask(_task_id(request), after)


def parse_cancel(request: WireRequest, _context: ParseContext) -> CancelTask:
    return CancelTask(_task_id(request))


def parse_animatic(request: WireRequest, _context: ParseContext) -> ReadUnderstanding:
    return ReadUnderstanding(_task_id(request))


def parse_list(request: WireRequest, _context: ParseContext) -> ListTasks:
    query = request.query
    problems: list[Problem] = []
    limit = whole(query["limit"]) if "limit" in query else LIST_LIMIT_DEFAULT
    if limit is None or not 1 <= limit <= LIST_LIMIT_MAX:
        problems.append(Problem("query.limit", "Must be a whole number from 1 to 100."))
    cursor = query.get("cursor")
    before = None if cursor is None else TaskId("task_" + cursor.removeprefix(CURSOR_PREFIX))
    if before is not None and not (query["cursor"].startswith(CURSOR_PREFIX) and is_task_id(before)):
        problems.append(Problem("query.cursor", "Must be a next_cursor of an earlier answer."))
    status = query.get("status")
    statuses = tuple(status.value for status in PublicStatus)
    if status is not None and status not in statuses:
        problems.append(Problem("query.status", "Must be one of the allowed values.", statuses))
    problems += [
        Problem(f"query.{name}", "Must not contain the character U+0000.")
        for name in ("model", "client_request_id")
        if "\0" in query.get(name, "")
    ]
    if problems or limit is None:
        raise ValidationFailedError(tuple(problems))
    return ListTasks(
        limit=limit,
        after=before,
        status=None if status is None else PublicStatus(status),
        model=query.get("model"),
        client_request_id=query.get("client_request_id"),
    )


def whole(text: str) -> int | None:
    """A whole number as a query spells it; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _decimal(text: str) -> float | None:
    """A number as JSON spells it; None for anything else, also for what `float` would let pass (`1_0`, `nan`)."""
    return float(text) if len(text) < 30 and _JSON_NUMBER.fullmatch(text) else None


# --- the rest ---------------------------------------------------------------------------------------------------------


def parse_credits(_request: WireRequest, _context: ParseContext) -> ReadCredits:
    return ReadCredits()


def parse_models(_request: WireRequest, _context: ParseContext) -> ListModels:
    return ListModels()


def parse_contract(_request: WireRequest, _context: ParseContext) -> ReadContract:
    return ReadContract()


def parse_file(request: WireRequest, _context: ParseContext) -> ReadFile:
    file_id = request.path["file_id"]
    if not is_file_id(file_id):
        raise NotFoundError("file")
    return ReadFile(FileId(file_id))


def upload_bytes_max(fields: Mapping[str, str], catalog: Catalog) -> int:
    """The size limit of the file part, as far as the form fields before it tell."""
    kinds = [MediaKind(fields["kind"])] if fields.get("kind") in _KINDS else list(MediaKind)
    card = catalog.get(fields.get("model", ""))
    return max(_upload_rule(kind, card)[0] for kind in kinds)


def _upload_rule(kind: MediaKind, card: Card | None) -> tuple[int, tuple[str, ...]]:
    upload = card.references.upload_of(kind) if card is not None else None
    return UPLOAD_RULES[kind] if upload is None else (upload.size_bytes_max, upload.mime_types)


def parse_upload(request: WireRequest, context: ParseContext) -> Upload:
    problems: list[Problem] = []
    fields = dict(request.form.fields)
    file = _file_part(request.form.files, fields, problems)
    kind = fields.get("kind")
    if kind is None:
        problems.append(Problem("kind", "Required.", _KINDS))
    elif kind not in _KINDS:
        problems.append(Problem("kind", "Must be one of the allowed values.", _KINDS))
    card = None
    if "model" in fields:
        card = context.catalog.get(fields["model"])
        if card is None or card.id not in context.available_models:
            available = tuple(card.id for card in context.catalog if card.id in context.available_models)
            problems.append(Problem("model", "Unknown model.", available))
        elif kind in _KINDS and MediaKind(kind) not in card.references.kinds:
            problems.append(Problem("kind", "This model does not accept this kind.", tuple(card.references.kinds)))
    client_request_id = _client_request_id(fields.get("client_request_id"), problems)
    counts = Counter(name for name, _ in request.form.fields)
    names = counts.keys() | {part.field for part in request.form.files}
    problems += [Problem(name, "Must stand only once.") for name in FORM_KEYS if counts[name] > 1]
    problems += [Problem(name, "Unknown field.", FORM_KEYS) for name in sorted(names) if name not in FORM_KEYS]
    if problems or file is None or kind not in _KINDS:
        raise ValidationFailedError(tuple(problems))
    size_bytes_max, accepted = _upload_rule(MediaKind(kind), card)
    if file.size_bytes > size_bytes_max:
        raise BodyTooLargeError("file", size_bytes_max)
    return Upload(
        path=str(file.path),
        name=_plain_name(file.filename),
        kind=MediaKind(kind),
        accepted=accepted,
        size_bytes_max=size_bytes_max,
        client_request_id=client_request_id,
    )


def _file_part(files: tuple[FormFile, ...], fields: Mapping[str, str], problems: list[Problem]) -> FormFile | None:
    found = [file for file in files if file.field == "file"]
    if "file" in fields:
        problems.append(Problem("file", "Must be a file part with a file name."))
    elif not found:
        problems.append(Problem("file", "Required."))
    elif len(found) > 1:
        problems.append(Problem("file", "Exactly one file is allowed."))
    elif found[0].size_bytes == 0:
        problems.append(Problem("file", "The file is empty."))
    else:
        return found[0]
    return None


def _plain_name(filename: str) -> str:
    """The last path part of a name in either spelling, without control characters, at most 255 characters."""
    name = PurePosixPath(PureWindowsPath(filename).name).name
    printable = "".join(character for character in name if character.isprintable())
    return printable[:_FILE_NAME_LENGTH_MAX] or "file"
