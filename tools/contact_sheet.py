"""Draws the contact sheets of docs/animatic.md, every picture by the engine itself.

    python -m tools.contact_sheet docs/animatic

Scenes show the frame that the engine would choose as the poster; the other sheets show a clip from its first frame to
its last, one row a clip.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image

from reelway.domain.generation import Camera, CameraMove, Shot
from reelway.providers.animatic.arrays import Bytes
from reelway.providers.animatic.canvas import Canvas, decode_pixels
from reelway.providers.animatic.footage import Cut
from reelway.providers.animatic.spec import Brush, RenderSpec

_GAP: Final = 6
_POSTER_AT: Final = 0.42
_PLAIN: Final = RenderSpec("", "", 5, 480, 270, 0.5, None, None, True)

SCENES: Final = (
    "A red vintage car drives along a mountain lake at sunset, tracking shot, birds in the sky",
    "A lone astronaut floats above a blue planet, slow orbit",
    "Neon city street at night in the rain, cyberpunk, handheld",
    "A golden retriever runs through a meadow in spring, petals in the air",
    "A woman in a red dress walks on the beach at dawn",
    "Storm at sea with a ship, lightning",
    "A coral reef underwater, colourful fish",
    "A black cat in a cosy room by the window",
    "Perfume bottle, product shot on a pedestal, golden light",
    "Camels cross the desert dunes at golden hour, cinematic",
    "Film noir detective in a rainy street at night",
    "Watercolour of a lighthouse on the coast at dawn",
    "Northern lights above a frozen lake, stars",
    "A hot air balloon above a sea of clouds at sunrise",
    "Snowfall on a cabin in a pine forest at night",
    "Vintage film of a train in the hills",
    "Pencil sketch of a castle on a hill, horses",
    "Pixel art forest at night with a cat",
    "سورج غروب ہوتے وقت پہاڑوں کے درمیان جھیل پر ایک کشتی",
    "صحرا میں اونٹوں کا قافلہ",
    "بادشاہی مسجد صبح کے وقت، پرندے اڑ رہے ہیں",
    "رات کے وقت لاہور کے بازار میں بارش",
    "黄昏时分，一只熊猫在竹林里散步",
    "赛博朋克城市夜景，霓虹灯，下雨",
    "一杯咖啡放在窗边的桌子上",
    "春天的樱花树下，两个女孩",
    "Abstract ribbons of blue and gold",
    "City at dusk, aerial shot",
)
_PLACE: Final = "a castle on hills at noon with a horse"
CAMERAS: Final[Mapping[str, Camera]] = {
    **{
        f"{axis} {value:+d}": Camera(CameraMove.SIMPLE, **{axis: float(value)})
        for axis in ("horizontal", "vertical", "pan", "tilt", "roll", "zoom")
        for value in (-8, 8)
    },
    **{str(move): Camera(move) for move in CameraMove if move is not CameraMove.SIMPLE},
}


def frames_of(spec: RenderSpec, times: Sequence[float]) -> Iterator[Bytes]:
    """Finished frames as RGB, at shares of the clip's time in rising order."""
    cut, canvas = Cut(spec), Canvas(spec.width, spec.height)
    planes = (np.empty_like(canvas.luma), np.empty_like(canvas.u), np.empty_like(canvas.v))
    for at in times:
        cut.draw(canvas, round(at * (spec.frames - 1)), planes)
        yield decode_pixels(*planes)


def sheet(pictures: Sequence[Bytes], columns: int) -> Image.Image:
    """Pictures of one size in rows."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    whole = Image.new("RGB", (columns * (width + _GAP) - _GAP, rows * (height + _GAP) - _GAP), (24, 24, 26))
    for number, picture in enumerate(pictures):
        whole.paste(Image.fromarray(picture), (number % columns * (width + _GAP), number // columns * (height + _GAP)))
    return whole


def scenes() -> Image.Image:
    return sheet([next(frames_of(replace(_PLAIN, prompt=text), [_POSTER_AT])) for text in SCENES], 4)


def cameras() -> Image.Image:
    """Two moves a row, each from its start to its end; the caption names the move."""
    pictures: list[Bytes] = []
    for name, camera in CAMERAS.items():
        spec = replace(_PLAIN, prompt=f"{_PLACE} ({name})", width=320, height=180, camera=camera)
        pictures.extend(frames_of(spec, [0.0, 0.5, 1.0]))
    return sheet(pictures, 6)


def shots() -> Image.Image:
    """Three shots as listed, and three sentences that the engine splits itself."""
    times = [0.02, 0.17, 0.35, 0.55, 0.72, 0.98]
    listed = (
        Shot("A lake in the mountains at dawn, pan left", 2),
        Shot("A woman in a room at noon", 2),
        Shot("A street at night in the rain, push in", 2),
    )
    told = "A noir city at night in the rain. A man waits in the street. A train leaves!"
    small = replace(_PLAIN, width=320, height=180, duration_s=6)
    pictures = list(frames_of(replace(small, shots=listed), times))
    pictures.extend(frames_of(replace(small, prompt=told, splits_shots=True), times))
    return sheet(pictures, 6)


def images(folder: Path) -> Image.Image:
    """One image (parallax), a last frame alone, two images (flow), a motion brush."""
    plain = replace(_PLAIN, width=960, height=540, caption=False)
    paths: list[Path] = []
    for words in ("a lighthouse on the coast at dusk, no woman", "a lighthouse on the coast at night"):
        paths.append(folder / f"{len(paths)}.png")
        Image.fromarray(next(frames_of(replace(plain, prompt=words), [0.5]))).save(paths[-1])
    mask = folder / "mask.png"
    marked = np.zeros((540, 960), np.uint8)
    outline = [
        (440, 300),
        (455, 225),
        (480, 205),
        (505, 225),
        (520, 300),
        (600, 480),
        (600, 520),
        (360, 520),
        (360, 480),
    ]
    cv2.fillPoly(marked, [np.array(outline)], 255)
    Image.fromarray(marked).save(mask)
    small, times = replace(_PLAIN, width=320, height=180, caption=False), [0.0, 0.25, 0.5, 0.75, 1.0]
    rows = (
        replace(small, start_frame=paths[0], camera=Camera(CameraMove.SIMPLE, horizontal=8)),
        replace(small, last_frame=paths[0]),
        replace(small, start_frame=paths[0], last_frame=paths[1]),
        replace(small, start_frame=paths[0], brushes=(Brush(mask, ((480, 300), (700, 300))),)),
    )
    return sheet([picture for spec in rows for picture in frames_of(spec, times)], 5)


def main(folder: Path) -> None:
    cv2.setNumThreads(1)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name, picture in (
            ("scenes", scenes()),
            ("cameras", cameras()),
            ("shots", shots()),
            ("images", images(Path(scratch))),
        ):
            picture.save(folder / f"{name}.jpg", quality=82, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
