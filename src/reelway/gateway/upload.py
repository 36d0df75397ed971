"""Upload: a file is judged by its bytes, kept in the object storage and gets an address that lives a while."""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from reelway.clock import new_id
from reelway.domain.decide import US
from reelway.domain.errors import (
    BodyTooLargeError,
    NotFoundError,
    UnavailableError,
    UploadFault,
    UploadRefusedError,
)
from reelway.domain.ids import FileId
from reelway.domain.intents import Attachment, Caller, FileView, ReadFile, Upload
from reelway.domain.media import MediaKind
from reelway.domain.records import StoredFile
from reelway.gateway.core import Core
from reelway.net.media import MediaFacts, MediaProblem, inspect
from reelway.net.media_types import HEAD_BYTES, sniff_mime_type
from reelway.net.objects import ObjectsError

log = structlog.get_logger(__name__)

_DAY_US: Final = 86_400 * US
_NAME_LENGTH_MAX: Final = 255


async def upload(core: Core, caller: Caller, intent: Upload) -> FileView:
    """Check and keep the file; the row comes after the bytes, so that every row has its bytes.

    Raises:
        UploadRefusedError, BodyTooLargeError: the file breaks a rule.
        UnavailableError: it cannot be kept or checked at present; nothing was kept.
    """
    path = Path(intent.path)
    size_bytes = (await asyncio.to_thread(path.stat)).st_size
    if size_bytes == 0:
        raise UploadRefusedError(UploadFault.EMPTY)
    if size_bytes > intent.size_bytes_max:
        raise BodyTooLargeError("file", intent.size_bytes_max)
    facts = await _checked(core, intent, path)
    now_us = core.clock.now_us()
    file = StoredFile(
        id=FileId(new_id("file", now_us)),
        account_id=caller.account_id,
        kind=facts.kind,
        name=intent.name,
        mime_type=facts.mime_type,
        size_bytes=size_bytes,
        sha256=await asyncio.to_thread(_sha256, path),
        width=facts.width,
        height=facts.height,
        duration_s=None if facts.duration_s is None else round(facts.duration_s, 2),
        client_request_id=intent.client_request_id,
        created_at_us=now_us,
        expires_at_us=now_us + round(core.settings.file_retention_days * _DAY_US),
        deleted_at_us=None,
    )
    await _write(core, file, path)
    return FileView(file, is_new=True)


async def keep(core: Core, caller: Caller, attachment: Attachment) -> StoredFile:
    """Keep an image that came inside a request as a file of the account. It was looked at already.

    Raises:
        UnavailableError: it cannot be kept at present; nothing was kept.
    """
    path = Path(attachment.path)
    now_us = core.clock.now_us()
    file = StoredFile(
        id=attachment.file_id,
        account_id=caller.account_id,
        kind=MediaKind.IMAGE,
        name=attachment.name[:_NAME_LENGTH_MAX] or "image",
        mime_type=attachment.mime_type,
        size_bytes=attachment.size_bytes,
        sha256=await asyncio.to_thread(_sha256, path),
        width=attachment.width,
        height=attachment.height,
        duration_s=None,
        client_request_id=None,
        created_at_us=now_us,
        expires_at_us=now_us + round(core.settings.file_retention_days * _DAY_US),
        deleted_at_us=None,
    )
    await _write(core, file, path)
    return file


async def drop(core: Core, attachments: Sequence[Attachment]) -> None:
    """The task was not made: its images are not needed. What cannot be deleted now goes with its retention."""
    try:
        await core.objects.delete(f"files/{attachment.file_id}" for attachment in attachments)
    except ObjectsError as exc:
        log.warning("images of a refused request could not be deleted", reason=str(exc))


async def _write(core: Core, file: StoredFile, path: Path) -> None:
    """The bytes, then the row. Raises: UnavailableError: they cannot be kept at present."""
    try:
        await core.objects.put_file(file.object_name, path, file.mime_type)
    except ObjectsError as exc:
        raise UnavailableError("the disk is full" if exc.is_full else "the file cannot be stored") from exc
    try:
        await core.store.add_file(file)
    except UnavailableError as exc:
        if exc.is_fate_known:
            await _drop_object(core, file.object_name)
        raise


async def _drop_object(core: Core, name: str) -> None:
    """Bytes without a row: nobody would ever find them again."""
    try:
        await core.objects.delete([name])
    except ObjectsError as exc:
        log.warning("a file that has no row could not be deleted", object=name, reason=str(exc))


async def read_file(core: Core, caller: Caller, intent: ReadFile) -> FileView:
    """Raises: NotFoundError: no such file, another account's, or its time is over."""
    file = await core.store.file(intent.file_id)
    if file is None or file.account_id != caller.account_id or not file.is_live(core.clock.now_us()):
        raise NotFoundError("file")
    return FileView(file)


async def _checked(core: Core, intent: Upload, path: Path) -> MediaFacts:
    """What the file is, by its first bytes and by decoding it."""
    with path.open("rb") as opened:
        sniffed = sniff_mime_type(opened.read(HEAD_BYTES))
    if sniffed is None:
        raise UploadRefusedError(UploadFault.TYPE_NOT_ACCEPTED, accepted=intent.accepted)
    sniffed_kind = MediaKind(sniffed.partition("/")[0])
    if sniffed_kind is intent.kind is MediaKind.IMAGE and sniffed not in intent.accepted:
        raise UploadRefusedError(UploadFault.TYPE_NOT_ACCEPTED, accepted=intent.accepted)
    if MediaKind.IMAGE in (sniffed_kind, intent.kind) and sniffed_kind is not intent.kind:
        raise UploadRefusedError(UploadFault.OTHER_KIND, kind=sniffed_kind)
    async with core.probes:
        facts = await inspect(path, core.media_limits)
    match facts:
        case MediaFacts():
            if facts.kind is not intent.kind:
                raise UploadRefusedError(UploadFault.OTHER_KIND, kind=facts.kind)
            if facts.mime_type not in intent.accepted:
                raise UploadRefusedError(UploadFault.TYPE_NOT_ACCEPTED, accepted=intent.accepted)
            return facts
        case MediaProblem.UNRECOGNISED:
            raise UploadRefusedError(UploadFault.TYPE_NOT_ACCEPTED, accepted=intent.accepted)
        case MediaProblem.TOO_MANY_PIXELS:
            raise UploadRefusedError(UploadFault.TOO_MANY_PIXELS, limit=core.media_limits.pixels_max)
        case MediaProblem.TOO_LONG:
            raise UploadRefusedError(UploadFault.TOO_LONG, limit=int(core.media_limits.duration_s_max))
        case MediaProblem.BROKEN:
            raise UploadRefusedError(UploadFault.BROKEN)
        case MediaProblem.PROBE_FAILED:
            raise UnavailableError("the file could not be looked at")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
