"""What stands in a request: its body in the form that the operation takes, and the images inside it."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, assert_never
from urllib.parse import parse_qsl

from reelway.clock import new_id
from reelway.dialects.base import JSON_TYPE, BodyForm, Form, FormFile, Operation, RawAttachment, WireRequest
from reelway.domain.errors import BodyFault, ContentTypeError, MalformedBodyError, UnavailableError, UploadFault
from reelway.domain.ids import FileId
from reelway.domain.intents import Attachment
from reelway.domain.media import MediaKind
from reelway.gateway.core import Core
from reelway.net.media import MediaFacts, MediaProblem, inspect
from reelway.server.exchange import media_type_of
from reelway.server.multipart import MULTIPART
from reelway.server.shell import UPLOADS_FOLDER, Shell, Visit
from reelway.wire import strict_json

URLENCODED: Final = "application/x-www-form-urlencoded"
_FIELDS_MAX: Final = 64
LARGE_BYTES: Final = 256 * 1024
"""From here on a body is decoded in a thread, so that others are served meanwhile."""


async def read(
    shell: Shell, visit: Visit, operation: Operation, stack: AsyncExitStack
) -> tuple[dict[str, Any] | None, Form]:
    """The body, as the operation wants it. What comes to an operation without a body is not looked at.

    Raises:
        ReelwayError: too large, of another type, or not what its type says; or the path names nothing.
    """
    core, exchange = shell.core, visit.exchange
    media_type = media_type_of(exchange.headers)[0]
    is_form = operation.body is BodyForm.MULTIPART or (operation.body is BodyForm.ANY and media_type == MULTIPART)
    if operation.body is BodyForm.NONE or is_form:
        operation.check_path(exchange.scope["path_params"], core.catalog, shell.available_models)
    if operation.body is BodyForm.NONE:
        return None, Form()
    if is_form:
        limit = _form_bytes_max(operation)
        form = await stack.enter_async_context(
            shell.read_form(exchange, lambda fields: operation.file_bytes_max(fields, core.catalog), limit)
        )
        return None, form
    raw = await exchange.body(
        operation.body_bytes_max or core.settings.json_body_bytes_max, core.settings.body_seconds_max
    )
    operation.check_path(exchange.scope["path_params"], core.catalog, shell.available_models)
    if operation.body is BodyForm.JSON_IF_ANY and not raw:
        return {}, Form()
    if media_type == JSON_TYPE:
        return await _json_object(raw), Form()
    match operation.body:
        case BodyForm.ANY if media_type == URLENCODED:
            is_large = len(raw) > LARGE_BYTES
            return None, await asyncio.to_thread(_urlencoded, raw) if is_large else _urlencoded(raw)
        case BodyForm.ANY:
            raise ContentTypeError((MULTIPART, JSON_TYPE, URLENCODED))
        case BodyForm.JSON | BodyForm.JSON_IF_ANY:
            raise ContentTypeError((JSON_TYPE,))
        case BodyForm.NONE | BodyForm.MULTIPART:
            raise AssertionError("served above")
        case _:
            assert_never(operation.body)


def _form_bytes_max(operation: Operation) -> int | None:
    """A form may be twice as large as another body: a file part carries no base64. Source: OpenAI contract, 4.2."""
    return None if operation.body_bytes_max is None else 2 * operation.body_bytes_max


async def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        is_large = len(raw) > LARGE_BYTES
        body = await asyncio.to_thread(strict_json.decode, raw) if is_large else strict_json.decode(raw)
    except strict_json.StrictJsonError as exc:
        raise MalformedBodyError(BodyFault.NOT_JSON) from exc
    if not isinstance(body, dict):
        raise MalformedBodyError(BodyFault.NOT_AN_OBJECT)
    return body


def _urlencoded(raw: bytes) -> Form:
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(raw),
            errors="strict",
            max_num_fields=_FIELDS_MAX,
        )
    except ValueError as exc:
        raise MalformedBodyError(BodyFault.NOT_URLENCODED) from exc
    return Form(tuple(pairs))


def canonical(request: WireRequest) -> Mapping[str, Any] | None:
    """What makes two requests the same: the JSON body, or a form's fields with each file as its hash.

    Source: OpenAI contract, section 15.
    """
    if request.body is not None:
        return request.body
    fields: dict[str, Any] = {}
    for name, value in request.form.fields:
        fields.setdefault(name, []).append(value)
    for file in request.form.files:
        fields.setdefault(file.field, []).append({"sha256": file.sha256})
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


async def attached(
    shell: Shell, found: Sequence[RawAttachment], stack: AsyncExitStack
) -> Mapping[str, Attachment | UploadFault]:
    """Every image of a request, decoded to see what it is. Files that are written here go with the request."""
    looked_at: dict[str, Attachment | UploadFault] = {}
    for raw in found:
        if isinstance(raw.data, FormFile):
            path, name, size_bytes = raw.data.path, raw.data.filename, raw.data.size_bytes
        else:
            path, name, size_bytes = await _written(shell.core, raw.data, stack), "image", len(raw.data)
        looked_at[raw.field] = await _looked_at(shell.core, path, name, size_bytes)
    return looked_at


async def _written(core: Core, data: bytes, stack: AsyncExitStack) -> Path:
    folder = core.settings.data_dir / UPLOADS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / new_id("inline", core.clock.now_us())
    stack.callback(path.unlink, missing_ok=True)
    try:
        await asyncio.to_thread(path.write_bytes, data)
    except OSError as exc:
        raise UnavailableError("the request cannot be written to the disk") from exc
    return path


async def _looked_at(core: Core, path: Path, name: str, size_bytes: int) -> Attachment | UploadFault:
    if size_bytes == 0:
        return UploadFault.EMPTY
    async with core.probes:
        facts = await inspect(path, core.media_limits)
    match facts:
        case MediaFacts(kind=MediaKind.IMAGE):
            return Attachment(
                file_id=FileId(new_id("file", core.clock.now_us())),
                path=str(path),
                name=name,
                mime_type=facts.mime_type,
                size_bytes=size_bytes,
                width=facts.width or 0,
                height=facts.height or 0,
            )
        case MediaFacts():
            return UploadFault.OTHER_KIND
        case MediaProblem.UNRECOGNISED:
            return UploadFault.TYPE_NOT_ACCEPTED
        case MediaProblem.TOO_MANY_PIXELS:
            return UploadFault.TOO_MANY_PIXELS
        case MediaProblem.TOO_LONG | MediaProblem.BROKEN:
            return UploadFault.BROKEN
        case MediaProblem.PROBE_FAILED:
            raise UnavailableError("an image of the request could not be looked at")
