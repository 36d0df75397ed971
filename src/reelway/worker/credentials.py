"""Every video that is kept is marked as made by a machine, with its own credentials where it has good ones."""

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from reelway.domain.outcomes import StoreFailed
from reelway.net.certificate import SigningCertificate, kept_certificate, operators_certificate
from reelway.net.content_credentials import Signing, sign_video
from reelway.providers.base import FetchedVideo, Order, VideoFacts
from reelway.settings import Marking, Settings
from reelway.telemetry import metrics
from reelway.worker.surroundings import Surroundings

log = structlog.get_logger(__name__)

_SIGN_S_MAX: Final = 60.0
"""Signing reads and writes the whole file a few times; the largest takes some seconds on a slow disk."""


def signing_certificate(settings: Settings) -> SigningCertificate | None:
    """What videos are marked with, if they are to be. Raises: CertificateError: it cannot be used."""
    if settings.content_credentials is Marking.OFF:
        return None
    cert_file, key_file = settings.content_credentials_cert_file, settings.content_credentials_key_file
    if cert_file is not None and key_file is not None:
        return operators_certificate(cert_file, key_file)
    return kept_certificate(settings.data_dir)


async def with_credentials(
    around: Surroundings, order: Order, fetched: FetchedVideo, facts: VideoFacts, folder: Path
) -> tuple[FetchedVideo, VideoFacts] | StoreFailed:
    """The result with marked copies, in `folder`, in the place of its videos, and the facts of what is now kept.

    A video that cannot be marked is kept as it came, unless the operator has said that none may be without a mark.
    """
    if around.certificate is None:
        return fetched, facts
    path, signing = await _signed(around, order, fetched, fetched.path, folder)
    outcomes = [signing]
    beside = dict(fetched.beside)
    parent = path if signing in (Signing.SIGNED_OVER, Signing.LEFT_ALONE) else None
    for name, other in fetched.beside.items():
        if name.endswith(".mp4"):
            beside[name], signing = await _signed(around, order, fetched, other, folder, parent)
            outcomes.append(signing)
    if not all(outcome.is_marked for outcome in outcomes) and _is_required(around):
        return StoreFailed("the video cannot be marked as made by a machine", is_final=False)
    if path is not fetched.path:
        size_bytes, sha256 = await asyncio.to_thread(measured, path)
        facts = replace(facts, size_bytes=size_bytes, sha256=sha256)
    return replace(fetched, path=path, beside=beside), facts


async def _signed(
    around: Surroundings, order: Order, fetched: FetchedVideo, video: Path, folder: Path, parent: Path | None = None
) -> tuple[Path, Signing]:
    """A marked copy, or the video itself where there is none to be had."""
    assert around.certificate is not None
    signed = folder / f"signed-{video.stem}.mp4"
    limits = replace(around.media_limits, deadline_s=max(_SIGN_S_MAX, around.media_limits.deadline_s))
    async with around.looks:
        outcome = await sign_video(video, signed, fetched.source_type, around.certificate, limits, parent)
    metrics.content_credentials.labels(outcome.value).inc()
    if not outcome.is_marked:
        log.error("a video could not be marked as made by a machine", task=order.task_id, outcome=outcome.value)
    return (signed if outcome in (Signing.SIGNED, Signing.SIGNED_OVER) else video), outcome


def _is_required(around: Surroundings) -> bool:
    return around.settings.content_credentials is Marking.REQUIRED


def measured(path: Path) -> tuple[int, str]:
    """The size of a file in bytes, and its SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()
