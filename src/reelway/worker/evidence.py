"""What is kept of a result that was not what its provider promised: the file as it came, and a note about it.

It lies below DATA_DIR/evidence, a folder a task, so that an operator can look into it and claim his money back. Of the
folders that are too many the oldest go.
"""

import asyncio
import json
from pathlib import Path
from shutil import copyfile, rmtree
from typing import Final

import structlog

from reelway.domain.ids import JobId, TaskId
from reelway.providers.base import FetchedVideo, Order, Provider
from reelway.worker.surroundings import Surroundings

log = structlog.get_logger(__name__)

EVIDENCE_FOLDER: Final = "evidence"


async def keep_evidence(
    around: Surroundings, provider: Provider, order: Order, job_id: JobId, fetched: FetchedVideo, reason: str
) -> None:
    """Keep the newest wrong file of the task; a full disk costs the evidence and nothing else."""
    limit = around.settings.evidence_results_max
    if limit == 0:
        return
    root = around.work_folder(EVIDENCE_FOLDER)
    note = {
        "task": order.task_id,
        "provider": provider.offer.provider,
        "job": job_id,
        "reason": reason,
        "model": order.generation.model,
        "promised_duration_s": order.generation.duration_s,
        "seen_at_us": around.clock.now_us(),
    }
    try:
        await asyncio.to_thread(_write, root, order.task_id, fetched.path, note, limit)
    except OSError as exc:
        log.warning("a wrong result could not be kept as evidence", task=order.task_id, reason=str(exc))
        await asyncio.to_thread(rmtree, root / order.task_id, ignore_errors=True)
    else:
        log.warning("a wrong result is kept as evidence", task=order.task_id, reason=reason)


async def drop_evidence(around: Surroundings, task_id: TaskId) -> None:
    """A later copy was right: nothing is to be claimed."""
    folder = around.settings.data_dir / EVIDENCE_FOLDER / task_id
    await asyncio.to_thread(rmtree, folder, ignore_errors=True)


def _write(root: Path, task_id: TaskId, video: Path, note: dict[str, object], limit: int) -> None:
    folder = root / task_id
    folder.mkdir(exist_ok=True)
    copyfile(video, folder / "video")
    (folder / "note.json").write_text(json.dumps(note, indent=2))
    kept = sorted((entry for entry in root.iterdir() if entry.is_dir()), key=lambda entry: entry.stat().st_mtime)
    for oldest in kept[: max(0, len(kept) - limit)]:
        rmtree(oldest, ignore_errors=True)
