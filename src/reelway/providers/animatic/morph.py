"""From a first image to a last one: both are warped along the optical flow between them while they cross over."""

from typing import Any

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.camera import ease
from reelway.providers.animatic.canvas import Canvas, packed_yuv

_NONE: Any = None  # for arguments that OpenCV does not need but its type stubs insist on
_FLOW_SIDE_PX = 288  # the flow is found at this short side: fine detail would only mislead it
_DOUBT = 0.02  # of the frame's short side: a forward and backward flow that disagree by this are half believed
_GAIN_MIN, _GAIN_FULL = (
    0.10,
    0.45,
)  # how much better than a plain dissolve the flow must predict, to be used at all and in full


class MorphFootage:
    """The first frame is the first image and the last frame the last one, to the pixel.

    Where the flow is not to be trusted, things appear and disappear; images that have nothing in common just dissolve.
    """

    def __init__(self, first: Bytes, last: Bytes, frames: int) -> None:
        self._frames = frames
        height, width = first.shape[:2]
        self._size = (width, height)
        scale = min(1.0, _FLOW_SIDE_PX / min(width, height))
        small = (max(16, round(width * scale)), max(16, round(height * scale)))
        greys = [
            cv2.cvtColor(cv2.resize(image, small, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
            for image in (first, last)
        ]
        forward, backward = _flow(greys[0], greys[1]), _flow(greys[1], greys[0])
        self._trusts = (_trust(forward, backward), _trust(backward, forward))
        strength = _strength(greys[0], greys[1], backward)
        self._forward, self._backward = forward * strength, backward * strength
        self._pixels = (packed_yuv(first), packed_yuv(last))
        self._grid, self._small_grid = _grid(width, height), _grid(*small)
        self._maps: Floats = np.empty((height, width, 2), np.float32)
        self._tiles = [np.empty((height, width, 4), np.uint8) for _ in range(2)]

    def draw(self, canvas: Canvas, frame: int) -> None:
        done = ease(frame / max(1, self._frames - 1))
        # Source: Jiang et al., Super SloMo (CVPR 2018), equation 4: flows from the middle to both ends.
        to_first = -(1 - done) * done * self._forward + done * done * self._backward
        to_last = (1 - done) * (1 - done) * self._forward - done * (1 - done) * self._backward
        for tile, pixels, flow in zip(self._tiles, self._pixels, (to_first, to_last), strict=True):
            self._warp(tile, pixels, flow)
        canvas.cross(self._tiles[0], self._tiles[1], self._share(done, to_first, to_last))

    def _warp(self, tile: Bytes, pixels: Bytes, flow: Floats) -> None:
        scaled = flow * np.array([self._size[0] / flow.shape[1], self._size[1] / flow.shape[0]], np.float32)
        cv2.resize(scaled, self._size, dst=self._maps, interpolation=cv2.INTER_LINEAR)
        self._maps += self._grid
        cv2.remap(pixels, self._maps, _NONE, cv2.INTER_LINEAR, dst=tile, borderMode=cv2.BORDER_REPLICATE)

    def _share(self, done: float, to_first: Floats, to_last: Floats) -> Bytes:
        """How much of the last image each pixel shows, 0 to 255: more where only its flow can be trusted."""
        trusts = []
        for trust, flow in zip(self._trusts, (to_first, to_last), strict=True):
            trusts.append(
                cv2.remap(trust, flow + self._small_grid, _NONE, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            )
        weights = (1 - done) * (0.15 + trusts[0]), done * (0.15 + trusts[1])
        share = np.clip(np.rint(255 * weights[1] / (weights[0] + weights[1])), 0, 255).astype(np.uint8)
        full: Bytes = cv2.resize(share, self._size, interpolation=cv2.INTER_LINEAR)
        return full


def _flow(source: Bytes, target: Bytes) -> Floats:
    """Where each pixel of the source went, in pixels: shape (rows, columns, 2)."""
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    finder.setUseSpatialPropagation(True)
    found = finder.calc(source, target, _NONE)
    result: Floats = cv2.GaussianBlur(found, (0, 0), 3.0)
    return result


def _grid(width: int, height: int) -> Floats:
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.dstack([columns, rows])


def _trust(there: Floats, back: Floats) -> Floats:
    """1 where going along one flow and back along the other returns to the start, towards 0 where it does not."""
    height, width = there.shape[:2]
    returned = there + cv2.remap(
        back, there + _grid(width, height), _NONE, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    miss = np.linalg.norm(returned, axis=2) / (_DOUBT * min(width, height))
    result: Floats = cv2.GaussianBlur((1 / (1 + miss * miss)).astype(np.float32), (0, 0), 2.0)
    return result


def _strength(first: Bytes, last: Bytes, backward: Floats) -> float:
    """0 to 1: how far the flow explains the difference between the images."""
    height, width = backward.shape[:2]
    predicted = cv2.remap(
        first, backward + _grid(width, height), _NONE, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    plain = float(np.mean(cv2.absdiff(first, last))) + 1e-3
    left = float(np.mean(cv2.absdiff(predicted, last)))
    return float(np.clip((1 - left / plain - _GAIN_MIN) / (_GAIN_FULL - _GAIN_MIN), 0, 1))
