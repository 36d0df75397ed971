"""Guesses how near each part of an image is: what is low, and what stands out, is near."""

from collections.abc import Iterator
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.noise import smoothstep

_SIDE_PX: Final = 96  # the guess is made at this short side
_SPREAD: Final = 0.035  # of the short side: what stands out moves with a margin around it
_FAR: Final = 0.12
_STANDS_OUT: Final = 0.34
_THINGS_MAX: Final = 40
_SOFTNESS: Final = 0.05  # of the short side: how gently near turns into far, so that nothing is torn
_NONE: Any = None  # for arguments that OpenCV does not need but its type stubs insist on


def nearness(image: Bytes) -> Floats:
    """0 (far) to 1 (near) for a small copy of an RGB image: position in the frame, and saliency."""
    height, width = image.shape[:2]
    scale = _SIDE_PX / min(width, height)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    down = np.linspace(0, 1, size[1], dtype=np.float32)[:, None]
    ground = _FAR + (0.75 - _FAR) * smoothstep(0.15, 1.0, down)
    outstanding = saliency(small)
    near = np.repeat(ground, size[0], axis=1)
    for thing, foot in _things(outstanding):
        # what stands upright is as near all over as the ground at its foot, or else it would bend
        near[thing] = np.maximum(near[thing], min(0.92, float(ground[foot, 0]) + 0.14))
    result: Floats = cv2.GaussianBlur(near.astype(np.float32), (0, 0), _SOFTNESS * _SIDE_PX)
    return np.clip(result, 0, 1)


def _things(outstanding: Floats) -> Iterator[tuple[NDArray[np.bool_], int]]:
    """What stands out, thing by thing, each with a margin around it, and the row of its foot."""
    reach = 2 * round(_SPREAD * _SIDE_PX) + 1
    is_thing = cv2.dilate((outstanding > _STANDS_OUT).astype(np.uint8), np.ones((reach, reach), np.uint8))
    count, labels = cv2.connectedComponents(is_thing)
    for label in range(1, min(count, _THINGS_MAX + 1)):
        points = np.argwhere(labels == label)[:, ::-1].astype(np.int32)
        whole = np.zeros(is_thing.shape, np.uint8)
        cv2.fillConvexPoly(whole, cv2.convexHull(points), 1)  # a gap in a thing is rarely a hole
        yield whole.astype(np.bool_), int(points[:, 1].max())


def saliency(small: Bytes) -> Floats:
    """0 to 1: how much each point stands out, by its colour against the border's and by spectral residual.

    Source: Hou and Zhang, Saliency Detection: A Spectral Residual Approach (CVPR 2007).
    """
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    height, width = lab.shape[:2]
    edge = max(1, height // 10)
    frame = np.concatenate([lab[:edge].reshape(-1, 3), lab[:, :edge].reshape(-1, 3), lab[:, -edge:].reshape(-1, 3)])
    _, _, centres = (
        cv2.kmeans(frame, 3, _NONE, (cv2.TERM_CRITERIA_MAX_ITER, 8, 0.0), 1, cv2.KMEANS_PP_CENTERS)
        if len(frame) >= 3 and float(frame.std(axis=0).max()) > 1e-3
        else (0.0, _NONE, frame[:1])
    )
    distance = np.min([np.linalg.norm(lab - centre, axis=2) for centre in centres], axis=0)
    contrast = np.clip(distance / 45, 0, 1)
    residual = _spectral_residual(lab[..., 0])
    down, across = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    central = np.exp(-((across / 0.75) ** 2) - ((down / 0.9) ** 2))
    found = (0.65 * contrast + 0.35 * residual) * central
    result: Floats = np.clip(cv2.GaussianBlur(found.astype(np.float32), (0, 0), 2.0) * 1.6, 0, 1)
    return result


def _spectral_residual(luma: Floats) -> Floats:
    spectrum = np.fft.fft2(luma)
    amount = np.log(np.abs(spectrum) + 1e-6).astype(np.float32)
    residual = np.exp(amount - cv2.blur(amount, (3, 3)))
    found = np.abs(np.fft.ifft2(residual * np.exp(1j * np.angle(spectrum)))) ** 2
    smooth = cv2.GaussianBlur(found.astype(np.float32), (0, 0), 3.0)
    result: Floats = np.clip(smooth / max(1e-9, float(np.quantile(smooth, 0.97))), 0, 1)
    return result
