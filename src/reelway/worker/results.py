"""After a job: its video is fetched, looked at and kept, before anybody hears that the task succeeded."""

import asyncio
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from typing import Final

import structlog

from reelway.domain.ids import JobId, TaskId
from reelway.domain.outcomes import Stored, StoreFailed, StoreOutcome
from reelway.domain.task import StoredResult, result_object, result_objects
from reelway.net.media import MediaFacts, make_poster, mark_video
from reelway.net.objects import ObjectsError
from reelway.providers.base import FetchedVideo, Order, Provider, VideoFacts
from reelway.telemetry.failpoints import Failpoint, hit
from reelway.worker.credentials import measured, with_credentials
from reelway.worker.evidence import drop_evidence, keep_evidence
from reelway.worker.surroundings import Surroundings

log = structlog.get_logger(__name__)

RESULTS_FOLDER: Final = "results"
WATERMARK_TEXT: Final = "AI generated"
VIDEO_NAME, POSTER_NAME, WATERMARK_NAME = "video.mp4", "poster.jpg", "watermark.mp4"
_MIME_TYPES: Final = {
    ".mp4": "video/mp4",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".json": "application/json",
}
DURATION_TOLERANCE_S: Final = 0.3
"""How far a video from elsewhere may be from what was promised: encoders end on a frame, sound on a block."""
_MARK_S_MAX: Final = 900.0
_MARK_BYTES_MAX: Final = 3 << 30
"""Enough for fifteen seconds in 4K on two busy cores, where a second of it takes up to a quarter of a minute."""


async def store_result(around: Surroundings, provider: Provider, order: Order, job_id: JobId) -> StoreOutcome:
    """Fetch, check and keep the result. Safe to repeat: the same names are written again."""
    folder = around.settings.data_dir / RESULTS_FOLDER / order.task_id
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        fetched = await provider.fetch(order, job_id, folder)
        hit(Failpoint.RESULT_FETCHED)
        if isinstance(fetched, StoreFailed):
            return fetched
        looked = await _looked_at(around, order, fetched, folder)
        if isinstance(looked, StoreFailed):
            await keep_evidence(around, provider, order, job_id, fetched, looked.reason)
            return looked
        beside = dict(fetched.beside)
        if order.generation.watermark and WATERMARK_NAME not in beside:
            marked = await _marked(around, fetched.path, folder)
            if isinstance(marked, StoreFailed):
                return marked
            beside[WATERMARK_NAME] = marked
        outcome = await _marked_and_kept(around, order, replace(fetched, beside=beside), looked, folder)
        if isinstance(outcome, Stored) and fetched.facts is None:
            await drop_evidence(around, order.task_id)
        hit(Failpoint.RESULT_STORED)
        return outcome
    except OSError as exc:
        log.warning("a result could not be handled on the disk", task=order.task_id, reason=str(exc))
        return StoreFailed(str(exc), is_final=False, is_ours=True, is_away=True)
    finally:
        await asyncio.to_thread(rmtree, folder, ignore_errors=True)  # a disk that is busy holds up nobody else


async def _looked_at(
    around: Surroundings, order: Order, fetched: FetchedVideo, folder: Path
) -> tuple[VideoFacts, Path] | StoreFailed:
    """Facts and poster: the engine's own, or found by decoding the whole file, which must be as long as promised."""
    if fetched.facts is not None and fetched.poster is not None:
        return fetched.facts, fetched.poster
    poster = folder / "poster.jpg"
    async with around.looks:
        facts = await make_poster(fetched.path, poster, around.media_limits)
    if not isinstance(facts, MediaFacts):
        return StoreFailed(f"the result is not a sound video: {facts}", is_final=False)
    assert facts.width is not None
    assert facts.height is not None
    assert facts.duration_s is not None
    promised_s = order.generation.duration_s
    if abs(facts.duration_s - promised_s) > DURATION_TOLERANCE_S:
        return StoreFailed(f"the result has {facts.duration_s:.2f} s, not {promised_s} s", is_final=False)
    size_bytes, sha256 = await asyncio.to_thread(measured, fetched.path)
    seen = VideoFacts(facts.width, facts.height, facts.duration_s, facts.codec or "unknown", size_bytes, sha256)
    return seen, poster


async def _marked(around: Surroundings, video: Path, folder: Path) -> Path | StoreFailed:
    """A second video with a visible mark."""
    marked = folder / "watermark.mp4"
    limits = replace(around.media_limits, deadline_s=_MARK_S_MAX, memory_bytes_max=_MARK_BYTES_MAX)
    async with around.marks:
        outcome = await mark_video(video, marked, WATERMARK_TEXT, limits)
    if isinstance(outcome, MediaFacts):
        return marked
    return StoreFailed(f"the video cannot be marked: {outcome}", is_final=False, is_ours=True)


async def _marked_and_kept(
    around: Surroundings, order: Order, fetched: FetchedVideo, looked: tuple[VideoFacts, Path], folder: Path
) -> StoreOutcome:
    facts, poster = looked
    marked = await with_credentials(around, order, fetched, facts, folder)
    if isinstance(marked, StoreFailed):
        return marked
    fetched, facts = marked
    return await _kept(around, order.task_id, fetched, (facts, poster))


async def _kept(
    around: Surroundings, task_id: TaskId, fetched: FetchedVideo, looked: tuple[VideoFacts, Path]
) -> StoreOutcome:
    facts, poster = looked
    files = {**fetched.beside, POSTER_NAME: poster, VIDEO_NAME: fetched.path}  # the video last: where it is, all is
    try:
        for name, path in files.items():
            await around.objects.put_file(result_object(task_id, name), path, _MIME_TYPES[Path(name).suffix])
    except ObjectsError as exc:
        log.warning("a result could not be kept", task=task_id, reason=str(exc))
        return StoreFailed(str(exc), is_final=False, is_ours=True, is_away=True)
    return Stored(
        StoredResult(
            video_object=result_object(task_id, VIDEO_NAME),
            poster_object=result_object(task_id, POSTER_NAME),
            size_bytes=facts.size_bytes,
            sha256=facts.sha256,
            width=facts.width,
            height=facts.height,
            duration_s=facts.duration_s,
            codec=facts.codec,
            watermark_object=result_object(task_id, WATERMARK_NAME) if WATERMARK_NAME in files else None,
        )
    )


async def drop_result(around: Surroundings, task_id: TaskId) -> None:
    """The task ended without its result: what was kept of it before that failed is of no use."""
    try:
        await around.objects.delete(result_objects(task_id))
    except ObjectsError as exc:
        log.warning("what was kept of a result could not be deleted", task=task_id, reason=str(exc))
