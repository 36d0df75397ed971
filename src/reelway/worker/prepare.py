"""Before a submit: the reference media of a task are fetched, checked and kept, the same for every provider."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from reelway.clock import new_id
from reelway.domain.catalog import UploadRule
from reelway.domain.generation import Generation, ImageRule, Reference, Role
from reelway.domain.ids import TaskId
from reelway.domain.task import FailureCode, PreparedReference, input_object
from reelway.net.fetch import FetchError, FetchFailure, fetch_to_file
from reelway.net.media import MediaFacts, MediaProblem, inspect
from reelway.net.media_types import HEAD_BYTES, sniff_mime_type
from reelway.net.objects import ObjectsError
from reelway.worker.surroundings import Surroundings

log = structlog.get_logger(__name__)

FETCHED_FOLDER: Final = "fetched"
_FETCH_TRIES_MAX: Final = 3
_FETCH_PAUSE_S: Final = 0.5
_PASSING: Final = frozenset({FetchFailure.CONNECT_FAILED, FetchFailure.INTERRUPTED, FetchFailure.UNRESOLVABLE})


@dataclass(frozen=True, slots=True)
class NotPrepared:
    """A reference cannot be used. `code` None: only for now (the storage is away), so the task waits.

    `is_fault`: looking at it failed on our side, which is tried again a few times; the file need not be to blame.
    """

    code: FailureCode | None
    reason: str
    is_fault: bool = False


async def prepare(
    around: Surroundings, task_id: TaskId, generation: Generation
) -> tuple[PreparedReference, ...] | NotPrepared:
    """All references of a generation, start frame first; or why one of them cannot be used."""
    rules = around.catalog[generation.model].references
    prepared = []
    for number, (role, reference) in enumerate(generation.placed_references):
        rule = rules.upload_of(reference.kind)
        if rule is None:
            return NotPrepared(FailureCode.REFERENCE_UNSUPPORTED, "the model does not take this kind")
        if reference.file_id is not None:
            outcome = await _uploaded(around, reference, rule)
        else:
            outcome = await _fetched(around, reference, rule, input_object(task_id, number))
        if isinstance(outcome, NotPrepared):
            return outcome
        prepared.append(replace(outcome, role=role))
    return _unfitting(prepared, generation.image_rule) or tuple(prepared)


def _unfitting(prepared: Sequence[PreparedReference], rule: ImageRule | None) -> NotPrepared | None:
    """Why the images do not fit the dialect's rule or each other. Source: Kling contract, section 8."""
    if rule is None:
        return None
    by_role = {image.role: image for image in prepared}
    for image in prepared:
        if image.mime_type not in rule.mime_types or min(image.width, image.height) < rule.side_px_min:
            return NotPrepared(FailureCode.REFERENCE_UNSUPPORTED, f"{image.mime_type}, {image.width} x {image.height}")
    start, mask = by_role.get(Role.START_FRAME), by_role.get(Role.STATIC_MASK)
    if start is not None and max(start.width, start.height) > rule.ratio_max * min(start.width, start.height):
        return NotPrepared(FailureCode.REFERENCE_UNSUPPORTED, f"{start.width} x {start.height}")
    if start is not None and mask is not None and mask.width * start.height != mask.height * start.width:
        return NotPrepared(FailureCode.REFERENCE_UNSUPPORTED, "the mask has another ratio than the image")
    brushes = [image for image in prepared if image.role is Role.DYNAMIC_MASK]
    if mask is not None and any((brush.width, brush.height) != (mask.width, mask.height) for brush in brushes):
        return NotPrepared(FailureCode.REFERENCE_UNSUPPORTED, "the masks have different sizes")
    return None


async def _uploaded(around: Surroundings, reference: Reference, rule: UploadRule) -> PreparedReference | NotPrepared:
    """A file that was checked when it was uploaded, though not for this model."""
    assert reference.file_id is not None
    file = await around.store.file(reference.file_id)
    if file is None or not file.is_live(around.clock.now_us()):
        return NotPrepared(FailureCode.INVALID_REFERENCE, "the uploaded file has expired")
    if file.size_bytes > rule.size_bytes_max:
        return NotPrepared(FailureCode.REFERENCE_TOO_LARGE, f"larger than {rule.size_bytes_max} bytes")
    if file.kind is not rule.kind or file.mime_type not in rule.mime_types:
        return NotPrepared(FailureCode.REFERENCE_UNSUPPORTED, file.mime_type)
    return PreparedReference(file.object_name, file.mime_type, file.width or 0, file.height or 0)


async def _fetched(
    around: Surroundings, reference: Reference, rule: UploadRule, object_name: str
) -> PreparedReference | NotPrepared:
    """A file from a caller's URL: downloaded through the guard, judged by its bytes, kept."""
    assert reference.url is not None
    folder = around.work_folder(FETCHED_FOLDER)
    path = folder / new_id("fetch", around.clock.now_us())
    try:
        await _download(around, reference.url, path, rule.size_bytes_max)
        sniffed = await asyncio.to_thread(_sniffed, path)
        if sniffed not in rule.mime_types:  # not worth decoding, which may take long on purpose
            return NotPrepared(FailureCode.REFERENCE_UNSUPPORTED, sniffed or MediaProblem.UNRECOGNISED.value)
        async with around.reference_looks:
            facts = await inspect(path, around.media_limits)
        if facts is MediaProblem.PROBE_FAILED:
            return NotPrepared(None, "it could not be looked at", is_fault=True)
        if isinstance(facts, MediaProblem):
            return NotPrepared(FailureCode.REFERENCE_UNSUPPORTED, facts.value)
        if facts.kind is not rule.kind or facts.mime_type not in rule.mime_types:
            return NotPrepared(FailureCode.REFERENCE_UNSUPPORTED, facts.mime_type)
        return await _kept(around, path, facts, object_name)
    except FetchError as exc:
        return _refusal(exc)
    finally:
        path.unlink(missing_ok=True)


def _sniffed(path: Path) -> str | None:
    with path.open("rb") as file:
        return sniff_mime_type(file.read(HEAD_BYTES))


async def _download(around: Surroundings, url: str, path: Path, size_bytes_max: int) -> None:
    """Download, again where the fault may pass. Raises: FetchError."""
    for number in range(1, _FETCH_TRIES_MAX + 1):
        try:
            await fetch_to_file(around.references, url, path, around.reference_limits(size_bytes_max))
        except FetchError as exc:
            may_pass = exc.reason in _PASSING or (exc.status is not None and exc.status >= 500)
            if not may_pass or number == _FETCH_TRIES_MAX:
                raise
            await asyncio.sleep(_FETCH_PAUSE_S * number)
        else:
            return


async def _kept(
    around: Surroundings, path: Path, facts: MediaFacts, object_name: str
) -> PreparedReference | NotPrepared:
    try:
        await around.objects.put_file(object_name, path, facts.mime_type)
    except ObjectsError as exc:
        log.warning("a reference could not be kept", reason=str(exc))
        return NotPrepared(None, "the storage is away")
    return PreparedReference(object_name, facts.mime_type, facts.width or 0, facts.height or 0)


def _refusal(error: FetchError) -> NotPrepared:
    match error.reason:
        case FetchFailure.TOO_LARGE:
            return NotPrepared(FailureCode.REFERENCE_TOO_LARGE, error.public_text)
        case FetchFailure.NO_SPACE:
            return NotPrepared(None, error.public_text)
        case _:
            return NotPrepared(FailureCode.INVALID_REFERENCE, error.public_text)
