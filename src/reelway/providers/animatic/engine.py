"""Renders one request into a folder. Runs in a process of its own, see `farm`."""

import hashlib
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import av
import cv2

from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.beside import Gallery, understanding
from reelway.providers.animatic.canvas import Canvas
from reelway.providers.animatic.encode import FrameWriter
from reelway.providers.animatic.footage import Cut
from reelway.providers.animatic.output import FACTS_NAME, UNDERSTANDING_NAME, VIDEO_NAME, WATERMARK_NAME, Report
from reelway.providers.animatic.sound.mixdown import mixdown
from reelway.providers.animatic.spec import FRAMES_PER_SECOND, RenderedVideo, RenderSpec
from reelway.providers.animatic.watermark import watermark

_REPORT_INTERVAL_S = 0.25


def render(report: Report, spec: RenderSpec, folder: Path) -> RenderedVideo:
    """Write the video and what goes with it (see `output`) into an existing folder and return the video's facts.

    Each file is written under another name, made durable and renamed, the video last: where it is, everything is.
    `report` gets the progress, 0 to 1, a few times a second at most.

    Raises:
        OSError: a frame image cannot be read, or the disk is full.
        ValueError: a frame image has too many pixels.
    """
    cv2.setNumThreads(1)  # the encoder has the other core, and one render never takes a whole machine
    partial, marked = folder / f"{VIDEO_NAME}.partial", folder / f"{WATERMARK_NAME}.partial"
    cut, gallery = Cut(spec), Gallery(spec.frames)
    _shoot(_Progress(report), spec, cut, gallery, (partial, marked))
    for name, content in gallery.files().items():
        _write_durably(folder / name, content)
    _write_durably(folder / UNDERSTANDING_NAME, understanding(spec, cut.takes))
    if spec.watermark:
        _make_durable(marked)
        marked.replace(folder / WATERMARK_NAME)
    video = RenderedVideo(spec.width, spec.height, *_length(partial), partial.stat().st_size, _sha256(partial))
    _write_durably(folder / FACTS_NAME, json.dumps(asdict(video), indent=1).encode())
    _make_durable(partial)
    partial.replace(folder / VIDEO_NAME)
    _make_durable(folder)
    return video


class _Progress:
    """Thins out progress reports."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._next_s = 0.0

    def __call__(self, share: float) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._report(share)
            self._next_s = now_s + _REPORT_INTERVAL_S


def _shoot(progress: _Progress, spec: RenderSpec, cut: Cut, gallery: Gallery, paths: tuple[Path, Path]) -> None:
    """Draw and encode every frame, into the first file as it is and, if asked for, into the second with a mark."""
    canvas, size = Canvas(spec.width, spec.height), (spec.width, spec.height)
    with ExitStack() as stack:
        sound = _sound(spec, cut, stack.enter_context(ThreadPoolExecutor(1)))
        writer = stack.enter_context(FrameWriter(paths[0], *size, sound))
        marker = stack.enter_context(FrameWriter(paths[1], *size, sound)) if spec.watermark else None
        mark = watermark(*size) if marker is not None else None
        for number in range(spec.frames):
            frame, planes = writer.blank()
            cut.draw(canvas, number, planes)
            gallery.see(number, planes)
            if marker is not None and mark is not None:
                copy, copied = marker.blank()
                for target, plane in zip(copied, planes, strict=True):
                    target[:] = plane
                mark.apply(copied)
                marker.write(copy)
            writer.write(frame)
            progress((number + 1) / spec.frames)


def _sound(spec: RenderSpec, cut: Cut, composer: ThreadPoolExecutor) -> Callable[[], Floats] | None:
    """Begin to make the sound while the first frames are painted; what is given waits for it."""
    return composer.submit(mixdown, cut.takes).result if spec.sound else None


def _length(path: Path) -> tuple[int, float]:
    """Frames and seconds, as the file itself says."""
    with av.open(str(path)) as container:
        frames = container.streams.video[0].frames
    return frames, frames / FRAMES_PER_SECOND


def _write_durably(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content)
    _make_durable(partial)
    partial.replace(path)


def _make_durable(path: Path) -> None:
    """Ask the kernel to put a file, or a folder's list of names, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
