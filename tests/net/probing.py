"""Asking `net/media` about bytes and files."""

import asyncio
from pathlib import Path

from reelway.net import media
from reelway.net.media import MediaFacts, MediaLimits, MediaProblem

LIMITS = MediaLimits(duration_s_max=60.0)


def inspected(path: Path, limits: MediaLimits = LIMITS) -> MediaFacts | MediaProblem:
    return asyncio.run(asyncio.wait_for(media.inspect(path, limits), 30))


def inspected_bytes(tmp_path: Path, data: bytes, limits: MediaLimits = LIMITS) -> MediaFacts | MediaProblem:
    path = tmp_path / "upload"
    path.write_bytes(data)
    return inspected(path, limits)
