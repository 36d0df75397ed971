"""The frame being drawn, and the pictures laid over it.

A frame is drawn straight in the encoder's form, planes of luma and half-size chroma, in the colours of BT.709: half the
samples of RGB and no conversion. Until `finish` luma uses the whole range 0 to 255.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.camera import Matrix

# Source: ITU-R BT.709-6, items 3.2 and 3.3. Chroma is scaled to 224 steps around 128.
_RED, _GREEN, _BLUE = 0.2126, 0.7152, 0.0722
_U_SCALE, _V_SCALE = 224 / (2 * (1 - _BLUE)), 224 / (2 * (1 - _RED))
_TO_YUV: Final = np.array(
    [
        [255 * _RED, 255 * _GREEN, 255 * _BLUE],
        [-_RED * _U_SCALE, -_GREEN * _U_SCALE, (1 - _BLUE) * _U_SCALE],
        [(1 - _RED) * _V_SCALE, -_GREEN * _V_SCALE, -_BLUE * _V_SCALE],
    ],
    dtype=np.float32,
)
_FROM_YUV: Final = np.linalg.inv(_TO_YUV).astype(np.float32)
CLEAR: Final = (0, 0, 0, 255)
"""A picture's pixel where there is nothing."""
_DITHER_SIDE = 128
_SOFT_SCALE = 1.9  # a picture enlarged more than this has no detail that half size would lose


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels ready to be laid over a canvas: luma, two chromas, all times opacity, and transmission (255: see-through).

    `to_world` maps its pixel centres to world units; `depth` is its distance from the camera at rest.
    """

    pixels: Bytes
    to_world: Matrix
    depth: float
    is_opaque: bool

    def under(self, front: "Picture") -> "Picture":
        """Both as one picture; they lie on the same grid of pixels."""
        offset = np.round((np.linalg.inv(self.to_world) @ front.to_world)[:2, 2]).astype(int)  # of the front, in pixels
        (height, width), (front_height, front_width) = self.pixels.shape[:2], front.pixels.shape[:2]
        left, top = min(0, offset[0]), min(0, offset[1])
        right, bottom = max(width, offset[0] + front_width), max(height, offset[1] + front_height)
        pixels = np.empty((bottom - top, right - left, 4), np.uint8)
        pixels[:] = CLEAR
        pixels[-top : height - top, -left : width - left] = self.pixels
        target = pixels[offset[1] - top :, offset[0] - left :][:front_height, :front_width]
        through = cv2.merge([cv2.extractChannel(front.pixels, 3)] * 4)
        behind = cv2.multiply(np.ascontiguousarray(target), through, scale=1 / 255)
        light = front.pixels.copy()
        light[..., 3] = 0
        target[:] = cv2.add(behind, light)
        to_world = self.to_world.copy()
        to_world[:2, 2] = (self.to_world @ (left, top, 1))[:2]
        return Picture(pixels, to_world, self.depth, self.is_opaque)


def yuv(colour: Floats) -> tuple[float, float, float]:
    """Full-range luma and both chromas of one RGB colour, 0 to 1."""
    luma, u, v = _TO_YUV @ np.asarray(colour, np.float32)
    return float(luma), float(u) + 128, float(v) + 128


def encode_pixels(rgb: Floats, opacity: Floats | None) -> Bytes:
    """RGB and opacity, 0 to 1, as the four bytes of a picture, dithered so that gradients do not band."""
    transform = np.zeros((4, 4), np.float32)
    transform[:3, :3] = _TO_YUV
    transform[1:3, 3] = 128
    height, width = rgb.shape[:2]
    noise = _dither(-(-width // _DITHER_SIDE))
    result = np.empty((height, width, 4), np.uint8)
    for top in range(0, height, _DITHER_SIDE):  # in bands, so that the floating-point copy stays small
        band = cv2.transform(rgb[top : top + _DITHER_SIDE], transform)
        if opacity is not None:
            cover = opacity[top : top + _DITHER_SIDE]
            cv2.multiply(band, cv2.merge([cover] * 4), dst=band)
            band[..., 3] = 255 - 255 * cover
        result[top : top + _DITHER_SIDE] = cv2.add(band, noise[: len(band), :width], dtype=cv2.CV_8U)
    return result


def packed_yuv(rgb: Bytes) -> Bytes:
    """RGB bytes as full-range luma, both chromas and an unused fourth byte, all at full size."""
    transform = np.zeros((4, 4), np.float32)
    transform[:3, :3] = _TO_YUV / 255
    transform[1:3, 3] = 128
    height, width = rgb.shape[:2]
    packed = np.empty((height, width, 4), np.uint8)
    for top in range(0, height, _DITHER_SIDE):  # in bands, so that the floating-point copy stays small
        band = cv2.transform(rgb[top : top + _DITHER_SIDE].astype(np.float32), transform)
        packed[top : top + _DITHER_SIDE] = np.clip(np.rint(band), 0, 255).astype(np.uint8)
    return packed


def yuv_planes(rgb: Bytes) -> tuple[Bytes, Bytes, Bytes]:
    """RGB bytes as full-range luma and two half-size chromas."""
    luma, u, v, _ = cv2.split(packed_yuv(rgb))
    half = (luma.shape[1] // 2, luma.shape[0] // 2)
    half_u, half_v = (cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in (u, v))
    return luma, half_u, half_v


def decode_pixels(luma: Bytes, u: Bytes, v: Bytes) -> Bytes:
    """A finished frame, limited range with half-size chroma, as RGB bytes."""
    height, width = luma.shape
    full = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in (u, v)]
    stacked = cv2.merge([luma, *full]).astype(np.float32) - np.array([16, 128, 128], np.float32)
    stacked[..., 0] *= 255 / 219
    result: Bytes = cv2.transform(stacked, _FROM_YUV * 255).clip(0, 255).round().astype(np.uint8)
    return result


class Canvas:
    """One frame under construction; all its memory is made once."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.luma: Bytes = np.zeros((height, width), np.uint8)
        self.u: Bytes = np.full((height // 2, width // 2), 128, np.uint8)
        self.v: Bytes = self.u.copy()
        self._tile = np.empty(height * width * 4, np.uint8)
        self._planes = np.empty((4, height * width), np.uint8)
        self._half = np.empty(height * width, np.uint8)
        self._half_planes = np.empty((4, height * width // 4), np.uint8)

    def lay(self, picture: Picture, to_screen: Matrix) -> None:
        """Put a picture over the frame; `to_screen` maps world units at its depth to pixel centres."""
        forward = to_screen @ picture.to_world
        area = self._area(picture, forward)
        if area is None:
            return
        left, top, width, height = area
        backward = np.linalg.inv(forward)
        backward[:2, 2] += backward[:2, :2] @ (left, top)
        if not picture.is_opaque and abs(np.linalg.det(forward)) > _SOFT_SCALE**2:
            self._lay_soft(picture, backward, area)
            return
        tile = self._tile[: width * height * 4].reshape(height, width, 4)
        cv2.warpAffine(
            picture.pixels,
            backward[:2],
            (width, height),
            dst=tile,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE if picture.is_opaque else cv2.BORDER_CONSTANT,
            borderValue=CLEAR,
        )
        self._blend(tile, left, top, is_opaque=picture.is_opaque)

    def _lay_soft(self, picture: Picture, backward: Matrix, area: tuple[int, int, int, int]) -> None:
        """Lay a picture whose pixels are larger than the frame's: sampled at half size, then enlarged."""
        left, top, width, height = area
        to_half = backward[:2].copy()
        to_half[:, 2] += 0.5 * to_half[:, 0] + 0.5 * to_half[:, 1]
        to_half[:, :2] *= 2
        size = (width // 2, height // 2)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        tile = cv2.warpAffine(
            picture.pixels, to_half, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=CLEAR
        )
        luma, u, v, transmission = cv2.split(tile)
        full_luma, full_transmission = (
            cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in (luma, transmission)
        )
        lay_over(self.luma[top : top + height, left : left + width], full_luma, full_transmission)
        rows, columns = slice(top // 2, (top + height) // 2), slice(left // 2, (left + width) // 2)
        lay_over(self.u[rows, columns], u, transmission)
        lay_over(self.v[rows, columns], v, transmission)

    def cross(self, first: Bytes, second: Bytes, share: Bytes) -> None:
        """Fill the frame with two packed pictures of its size, `share` 0 to 255 of the second."""
        self._blend(first, 0, 0, is_opaque=True)
        below = self.luma.copy(), self.u.copy(), self.v.copy()
        self._blend(second, 0, 0, is_opaque=True)
        half_share = cv2.resize(share, (self.width // 2, self.height // 2), interpolation=cv2.INTER_AREA)
        for target, under, opacity in zip(
            (self.luma, self.u, self.v), below, (share, half_share, half_share), strict=True
        ):
            cv2.multiply(target, opacity, dst=target, scale=1 / 255)
            cv2.add(target, cv2.multiply(under, cv2.bitwise_not(opacity), scale=1 / 255), dst=target)

    def _area(self, picture: Picture, forward: Matrix) -> tuple[int, int, int, int] | None:
        """The part of the frame that a picture touches, on even pixels; None when it is outside."""
        if picture.is_opaque:
            return 0, 0, self.width, self.height
        height, width = picture.pixels.shape[:2]
        corners = forward[:2] @ np.array([[-1, width, -1, width], [-1, -1, height, height], [1, 1, 1, 1]])
        left, top = (max(0, int(np.floor(edge)) // 2 * 2) for edge in corners.min(axis=1))
        right = min(self.width, (int(np.ceil(corners[0].max())) + 3) // 2 * 2)
        bottom = min(self.height, (int(np.ceil(corners[1].max())) + 3) // 2 * 2)
        return (left, top, right - left, bottom - top) if right > left and bottom > top else None

    def _blend(self, tile: Bytes, left: int, top: int, *, is_opaque: bool) -> None:
        height, width = tile.shape[:2]
        size, half_size = height * width, height * width // 4
        planes = [plane[:size].reshape(height, width) for plane in self._planes]
        cv2.split(tile, planes)
        half = self._half[: half_size * 4].reshape(height // 2, width // 2, 4)
        cv2.resize(tile, (width // 2, height // 2), dst=half, interpolation=cv2.INTER_AREA)
        half_planes = [plane[:half_size].reshape(height // 2, width // 2) for plane in self._half_planes]
        cv2.split(half, half_planes)
        lay_over(self.luma[top : top + height, left : left + width], planes[0], None if is_opaque else planes[3])
        rows, columns = slice(top // 2, (top + height) // 2), slice(left // 2, (left + width) // 2)
        for target, source in ((self.u, half_planes[1]), (self.v, half_planes[2])):
            lay_over(target[rows, columns], source, None if is_opaque else half_planes[3])

    def tint(self, mask: Bytes, colour: tuple[float, float, float], left: int, top: int) -> None:
        """Paint one colour (luma and chromas) through a mask; the mask's size and place are even and inside."""
        height, width = mask.shape
        half = cv2.resize(mask, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        rows, columns = slice(top // 2, (top + height) // 2), slice(left // 2, (left + width) // 2)
        for target, opacity, value in (
            (self.luma[top : top + height, left : left + width], mask, colour[0]),
            (self.u[rows, columns], half, colour[1]),
            (self.v[rows, columns], half, colour[2]),
        ):
            cv2.multiply(target, cv2.bitwise_not(opacity), dst=target, scale=1 / 255)
            cv2.add(target, cv2.convertScaleAbs(opacity, alpha=value / 255), dst=target)

    def lighten(self, light: Bytes, left: int = 0, top: int = 0) -> None:
        """Add light, given as luma."""
        height, width = light.shape
        target = self.luma[top : top + height, left : left + width]
        cv2.add(target, light, dst=target)


def lay_over(target: Bytes, source: Bytes, transmission: Bytes | None) -> None:
    """Put one plane over another in place; both have one shape, and None lets nothing through."""
    if transmission is None:
        target[:] = source
    else:
        cv2.multiply(target, transmission, dst=target, scale=1 / 255)
        cv2.add(target, source, dst=target)


@cache
def _dither(repeats: int) -> Floats:
    """A band of noise, one step wide, in the three colour channels; `repeats` copies of the same square."""
    noise = np.zeros((_DITHER_SIDE, _DITHER_SIDE, 4), np.float32)
    noise[..., :3] = np.random.Generator(np.random.PCG64(709)).uniform(-0.5, 0.5, size=(_DITHER_SIDE, _DITHER_SIDE, 3))
    return np.tile(noise, (1, repeats, 1))
