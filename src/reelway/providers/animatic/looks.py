"""What a style does to the finished picture beyond its colours: paper, glow, scratches, pencil lines.

A look works on a canvas in the encoder's form, in place, before vignette and caption.
"""

from collections.abc import Callable, Mapping
from typing import Final

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.canvas import Canvas
from reelway.providers.animatic.facts import Style
from reelway.providers.animatic.noise import clouds, smoothstep
from reelway.providers.animatic.seeds import stream

_WASH_ROWS: Final = 330  # washes are laid at this height: smaller shapes run into each other
_WIDE: Final = 2.39  # width over height of the picture between cinema bars


class Look:
    """One style at one size; `apply` changes the canvas."""

    def __init__(self, seed: int, width: int, height: int) -> None:
        self.seed, self.width, self.height = seed, width, height

    def apply(self, canvas: Canvas, number: int) -> None:
        """Nothing: the style is in the colours alone."""


class Noir(Look):
    """Deep blacks and no colour at all."""

    def __init__(self, seed: int, width: int, height: int) -> None:
        super().__init__(seed, width, height)
        at = np.linspace(0, 1, 256)
        curve = np.clip(0.66 * at + 0.34 * smoothstep(0.06, 0.80, at), 0, 1)
        self._curve = np.round(255 * curve).astype(np.uint8)

    def apply(self, canvas: Canvas, number: int) -> None:
        cv2.LUT(canvas.luma, self._curve, dst=canvas.luma)
        canvas.u[:] = canvas.v[:] = 128


class Vintage(Look):
    """Sepia, an unsteady gate, a flickering lamp, dust and a scratch now and then."""

    def __init__(self, seed: int, width: int, height: int) -> None:
        super().__init__(seed, width, height)
        at = np.linspace(0, 1, 256)
        self._curve = np.round(255 * np.clip(0.09 + 0.83 * at, 0, 1)).astype(np.uint8)

    def apply(self, canvas: Canvas, number: int) -> None:
        random = stream(self.seed, f"reel {number}")
        lamp = 1.0 + float(random.normal(0, 0.012))
        cv2.LUT(canvas.luma, self._curve, dst=canvas.luma)
        cv2.convertScaleAbs(canvas.luma, dst=canvas.luma, alpha=lamp)
        across, down = random.normal(0, 0.0005) * self.height, random.normal(0, 0.0009) * self.height
        weave = np.array([[1.0, 0.0, across], [0.0, 1.0, down]])
        cv2.warpAffine(
            canvas.luma.copy(), weave, (self.width, self.height), dst=canvas.luma, borderMode=cv2.BORDER_REPLICATE
        )
        for plane, tone in ((canvas.u, 116), (canvas.v, 137)):
            cv2.addWeighted(plane, 0.30, np.full_like(plane, tone), 0.70, 0, dst=plane)
        self._blemish(canvas, random)

    def _blemish(self, canvas: Canvas, random: np.random.Generator) -> None:
        line = max(1, round(self.height / 700))
        if random.random() < 0.16:
            x = int(random.integers(0, self.width))
            cv2.line(canvas.luma, (x, 0), (x + int(random.integers(-3, 4)), self.height), 205, line)
        for _ in range(int(random.integers(0, 4))):
            x, y = int(random.integers(0, self.width)), int(random.integers(0, self.height))
            radius = max(1, round(self.height * float(random.uniform(0.0008, 0.003))))
            cv2.circle(canvas.luma, (x, y), radius, 40 if random.random() < 0.6 else 225, -1, cv2.LINE_AA)


class Neon(Look):
    """What shines glows: light spreads from everything bright, and takes its colour along."""

    _vivid: Final = ((np.arange(256, dtype=np.float32) - 128) * 1.5 + 128).clip(0, 255).astype(np.uint8)
    _shine: Final = (np.arange(256, dtype=np.float32) * 1.5 - 144).clip(0, 255).astype(np.uint8)

    def apply(self, canvas: Canvas, number: int) -> None:
        size = (max(2, self.width // 4), max(2, self.height // 4))
        bright = cv2.LUT(cv2.resize(canvas.luma, size, interpolation=cv2.INTER_AREA), self._shine)
        soft = cv2.GaussianBlur(bright, (0, 0), 0.022 * size[1] + 0.5)
        half = canvas.u.shape[::-1]
        share = cv2.resize(cv2.convertScaleAbs(soft, alpha=1.3), half, interpolation=cv2.INTER_LINEAR)
        for plane in (canvas.u, canvas.v):
            small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
            spread = cv2.LUT(cv2.GaussianBlur(small, (0, 0), 0.03 * size[1] + 0.5), self._vivid)
            vivid = cv2.resize(spread, half, interpolation=cv2.INTER_LINEAR)
            kept = cv2.multiply(plane, cv2.bitwise_not(share), scale=1 / 255)
            cv2.add(kept, cv2.multiply(vivid, share, scale=1 / 255), dst=plane)
        canvas.lighten(cv2.resize(soft, (self.width, self.height), interpolation=cv2.INTER_LINEAR))


class Watercolour(Look):
    """Flat washes with dark edges on rough white paper that shows at the margins."""

    def __init__(self, seed: int, width: int, height: int) -> None:
        super().__init__(seed, width, height)
        random = stream(seed, "paper")
        grain = clouds(random, (height, width), (height / 4, width / 4), 3, gain=0.8) - 0.5
        wash = clouds(random, (height, width), (5, 5 * width / height), 4) - 0.5
        paper = np.clip(0.97 + 0.09 * grain + 0.12 * wash, 0, 1)
        self._paper = np.round(255 * paper).astype(np.uint8)
        self._white = _margin(random, width, height)
        self._half_white = cv2.resize(self._white, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        shrink = min(1.0, _WASH_ROWS / height)
        self._size = (max(16, round(width * shrink)), max(16, round(height * shrink)))

    def apply(self, canvas: Canvas, number: int) -> None:
        small = cv2.resize(canvas.luma, self._size, interpolation=cv2.INTER_AREA)
        flat = cv2.medianBlur(small, 5)
        edges = cv2.morphologyEx(flat, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        darker = cv2.subtract(flat, cv2.convertScaleAbs(edges, alpha=0.42))
        lifted = cv2.convertScaleAbs(darker, alpha=0.80, beta=52)
        wide = cv2.resize(lifted, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        cv2.multiply(wide, self._paper, dst=canvas.luma, scale=1 / 255)
        _blend(canvas.luma, self._white, 244)
        for plane, tone in ((canvas.u, 126), (canvas.v, 129)):
            _blend(plane, self._half_white, tone)


class Sketch(Look):
    """Pencil on paper: lines where the picture has edges, and hatching where it is dark."""

    def __init__(self, seed: int, width: int, height: int) -> None:
        super().__init__(seed, width, height)
        random = stream(seed, "pencil")
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        pitch = max(3.0, height / 120)
        wobble = clouds(random, (height, width), (12, 12), 3) * 6
        hatch = 0.5 + 0.5 * np.sin(2 * np.pi * ((columns + rows) / pitch + wobble))
        grain = clouds(random, (height, width), (height / 3, width / 3), 2, gain=0.8)
        self._tooth = np.round(255 * np.clip(0.35 + 0.9 * grain, 0, 1)).astype(np.uint8)
        self._hatch = np.round(255 * hatch).astype(np.uint8)
        at = np.linspace(0, 1, 256)
        self._dark = np.round(255 * smoothstep(0.46, 0.06, at)).astype(np.uint8)

    def apply(self, canvas: Canvas, number: int) -> None:
        soft = cv2.GaussianBlur(canvas.luma, (0, 0), max(0.7, self.height / 720))
        across, down = (cv2.convertScaleAbs(cv2.Sobel(soft, cv2.CV_16S, *order)) for order in ((1, 0), (0, 1)))
        lines = cv2.convertScaleAbs(cv2.addWeighted(across, 0.7, down, 0.7, 0), alpha=1.5, beta=-12)
        shade = cv2.multiply(cv2.LUT(soft, self._dark), self._hatch, scale=0.62 / 255)
        ink = cv2.multiply(cv2.max(lines, shade), self._tooth, scale=1.25 / 255)
        tone = cv2.convertScaleAbs(soft, alpha=0.16, beta=206)
        cv2.subtract(tone, ink, dst=canvas.luma)
        for plane, own in ((canvas.u, 124), (canvas.v, 131)):
            cv2.addWeighted(plane, 0.10, np.full_like(plane, own), 0.90, 0, dst=plane)


class Cinema(Look):
    """Bars above and below, as on a wide screen; a frame that is no wider than high keeps its shape."""

    def apply(self, canvas: Canvas, number: int) -> None:
        bar = 2 * round((self.height - self.width / _WIDE) / 4)
        if self.width <= self.height or bar <= 0:
            return
        for part in (np.s_[:bar], np.s_[-bar:]):
            canvas.luma[part] = 0
        for plane in (canvas.u, canvas.v):
            plane[: bar // 2] = plane[-(bar // 2) :] = 128


class Pixels(Look):
    """Large square pixels of few tones."""

    def apply(self, canvas: Canvas, number: int) -> None:
        rows = 96
        size = (max(2, round(rows * self.width / self.height)), rows)
        small = cv2.resize(canvas.luma, size, interpolation=cv2.INTER_AREA)
        tones = (np.round(small / 20.0) * 20).clip(0, 255).astype(np.uint8)
        cv2.resize(tones, (self.width, self.height), dst=canvas.luma, interpolation=cv2.INTER_NEAREST)
        half = canvas.u.shape[::-1]
        for plane in (canvas.u, canvas.v):
            small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
            tones = np.clip(128 + np.round((small.astype(np.float32) - 128) * 1.25 / 8) * 8, 0, 255).astype(np.uint8)
            cv2.resize(tones, half, dst=plane, interpolation=cv2.INTER_NEAREST)


_LOOKS: Final[Mapping[Style, Callable[[int, int, int], Look]]] = {
    Style.NOIR: Noir,
    Style.VINTAGE: Vintage,
    Style.NEON: Neon,
    Style.WATERCOLOUR: Watercolour,
    Style.SKETCH: Sketch,
    Style.CINEMA: Cinema,
    Style.PIXELS: Pixels,
}


def look_of(style: Style | None, seed: int, width: int, height: int) -> Look:
    return _LOOKS.get(style, Look)(seed, width, height) if style is not None else Look(seed, width, height)


def _margin(random: np.random.Generator, width: int, height: int) -> Bytes:
    """Where the paper stays white: a ragged border, 0 to 255."""
    rows = np.abs(np.linspace(-1, 1, height, dtype=np.float32))[:, None]
    columns = np.abs(np.linspace(-1, 1, width, dtype=np.float32))[None]
    ragged = 0.05 * (clouds(random, (height, width), (7, 9), 4) - 0.5)
    aspect = width / height
    inside = np.minimum(1 - rows, (1 - columns) * aspect)
    white: Floats = smoothstep(0.055, 0.030, inside + ragged)
    return np.round(255 * white).astype(np.uint8)


def _blend(plane: Bytes, share: Bytes, tone: int) -> None:
    kept = cv2.multiply(plane, cv2.bitwise_not(share), scale=1 / 255)
    cv2.add(kept, cv2.convertScaleAbs(share, alpha=tone / 255), dst=plane)
