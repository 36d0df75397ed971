"""How fast the built-in engine renders, against real time and against encoding the same frames alone.

Each clip is measured in a process of its own: first the whole render, as a job of the farm does it, then its frames are
drawn once more into memory and only encoded, with the same settings. The ratio of the two says what drawing costs.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from PIL import Image

from bench.figures import Report
from reelway.domain.media import DigitalSourceType
from reelway.net import media, process
from reelway.net.certificate import kept_certificate
from reelway.net.content_credentials import Signing, sign_video
from reelway.net.media import MediaLimits
from reelway.providers.animatic.arrays import Bytes
from reelway.providers.animatic.canvas import Canvas
from reelway.providers.animatic.encode import FrameWriter
from reelway.providers.animatic.engine import render
from reelway.providers.animatic.footage import Cut
from reelway.providers.animatic.spec import RenderedVideo, RenderSpec, frame_size

_DURATION_S = 5
_ROUNDS = 4
_PROMPT = "A red vintage car drives along a mountain lake at sunset, tracking shot, birds in the sky"
_STREET = "Neon city street at night in the rain, a taxi"
_FIRST, _LAST = "a lake in the mountains at dawn", "a lake in the mountains at night"

# Clip, mode, what it is made from, and the most seconds the five-second clip may take.
_CLIPS: Final[Mapping[str, tuple[str, str, float]]] = {
    "720p from words": ("std", "words", 3.0),
    "720p from words, with sound": ("std", "sound", 3.0),
    "1080p from words": ("pro", "words", 6.0),
    "720p from one image": ("std", "still", 3.0),
    "720p from two images": ("std", "morph", 3.0),
    "720p, a street in rain and neon, the most costly place": ("std", "street", 5.0),
}
_RATIO_MIN = 0.6
_RSS_MB_MAX = 500.0
_MARK_S_MAX = 0.3


def main() -> int:
    report = Report()
    for clip, (mode, kind, seconds_max) in _CLIPS.items():
        found = _measured(mode, kind)
        frames = found["frames"]
        report.note(f"{clip}, {_DURATION_S} s, best of {_ROUNDS}")
        report.figure("whole render", found["render_s"], "s", at_most=seconds_max)
        report.figure("speed against real time", _DURATION_S / found["render_s"], "times", at_least=1)
        report.figure("whole render", frames / found["render_s"], "frames/s")
        report.figure("ceiling: encoding the same frames alone", frames / found["encode_s"], "frames/s")
        ratio_min = _RATIO_MIN if kind in ("words", "sound") else None
        report.figure("ratio to the ceiling", found["encode_s"] / found["render_s"], "", at_least=ratio_min)
        report.figure("memory of the render, peak", found["rss_mb"], "MB", at_most=_RSS_MB_MAX)
        report.figure("marking it as made by a machine", found["mark_s"], "s", at_most=_MARK_S_MAX)
        report.figure("size of the video", found["size_mb"], "MB")
    return report.exit_code


def _measured(mode: str, kind: str) -> dict[str, float]:
    """Run one clip's measurement in a process of its own, so that its peak of memory is its own."""
    command = [sys.executable, "-m", "bench.animatic", mode, kind]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def _measure(mode: str, kind: str) -> dict[str, float]:
    """Renders and bare encodings by turns, the best of each: other programs on the machine only ever slow them down."""
    with tempfile.TemporaryDirectory(prefix="reelway-bench-") as name:
        folder = Path(name)
        spec = _spec(mode, kind, folder)
        _, video = _render_time(spec, folder)
        rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6  # before frames are kept in memory
        kept = _frames(spec)
        renders_s, encodes_s = [], []
        for _ in range(_ROUNDS):
            renders_s.append(_render_time(spec, folder)[0])
            encodes_s.append(_encode_time(spec, kept, folder))
        return {
            "frames": video.frames,
            "render_s": min(renders_s),
            "encode_s": min(encodes_s),
            "rss_mb": rss_mb,
            "mark_s": _mark_time(folder),
            "size_mb": video.size_bytes / 1e6,
        }


def _spec(mode: str, kind: str, folder: Path) -> RenderSpec:
    width, height = frame_size(mode, "16:9", None)
    first, last = _stills(folder, mode) if kind in ("still", "morph") else (None, None)
    return RenderSpec(
        prompt=_STREET if kind == "street" else _PROMPT,
        negative_prompt="",
        duration_s=_DURATION_S,
        width=width,
        height=height,
        cfg_scale=0.5,
        start_frame=first,
        last_frame=last if kind == "morph" else None,
        caption=True,
        sound=kind == "sound",
    )


def _stills(folder: Path, mode: str) -> tuple[Path, Path]:
    """Two images to go between: pictures that the engine itself drew."""
    width, height = frame_size(mode, "16:9", None)
    paths: list[Path] = []
    for prompt in (_FIRST, _LAST):
        spec = RenderSpec(prompt, "", 1, width, height, 0.5, None, None, False)
        scratch = folder / str(len(paths))
        scratch.mkdir()
        render(_silent, spec, scratch)
        with av.open(str(scratch / "video.mp4")) as container:
            frame = next(container.decode(video=0))
        paths.append(folder / f"{len(paths)}.png")
        Image.fromarray(frame.to_ndarray(format="rgb24")).save(paths[-1], compress_level=1)
    return paths[0], paths[1]


def _render_time(spec: RenderSpec, folder: Path) -> tuple[float, RenderedVideo]:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        started_s = time.perf_counter()
        video = render(_silent, spec, Path(scratch))
        return time.perf_counter() - started_s, video


def _frames(spec: RenderSpec) -> list[tuple[Bytes, Bytes, Bytes]]:
    """The very frames that the render encodes."""
    cut, canvas = Cut(spec), Canvas(spec.width, spec.height)
    kept = []
    for number in range(spec.frames):
        planes = (np.empty_like(canvas.luma), np.empty_like(canvas.u), np.empty_like(canvas.v))
        cut.draw(canvas, number, planes)
        kept.append(planes)
    return kept


def _encode_time(spec: RenderSpec, frames: list[tuple[Bytes, Bytes, Bytes]], folder: Path) -> float:
    started_s = time.perf_counter()
    with FrameWriter(folder / "alone.mp4", spec.width, spec.height) as writer:
        for planes in frames:
            frame, targets = writer.blank()
            for target, plane in zip(targets, planes, strict=True):
                np.copyto(target, plane)
            writer.write(frame)
    return time.perf_counter() - started_s


def _mark_time(folder: Path) -> float:
    """Signing the file that was encoded last, in a child as the worker does it; the first starts the fork server."""
    certificate = kept_certificate(folder)

    async def sign() -> float:
        started_s = time.perf_counter()
        video, signed = folder / "alone.mp4", folder / "signed.mp4"
        outcome = await sign_video(video, signed, DigitalSourceType.ALGORITHMIC, certificate, MediaLimits())
        assert outcome is Signing.SIGNED
        return time.perf_counter() - started_s

    async def repeatedly() -> list[float]:
        return [await sign() for _ in range(_ROUNDS + 1)]

    return min(asyncio.run(repeatedly())[1:])


def _silent(progress: float) -> None:
    """Nobody watches the progress of a measurement."""


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(main())
    cv2.setNumThreads(1)
    process.preload(media.FORK_SERVER_MODULES)
    print(json.dumps(_measure(sys.argv[1], sys.argv[2])))
