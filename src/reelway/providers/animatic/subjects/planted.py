"""A tree as a subject: painted once like the scenery, for its leaves are too many to be outlined in every frame."""

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.flora import Grove
from reelway.providers.animatic.noise import smoothstep
from reelway.providers.animatic.palette import Colour, Material, colour, mix
from reelway.providers.animatic.stage import Layer, Sheet, Stage
from reelway.providers.animatic.subjects.actor import Mark

_LEAF = 0.0055  # world units of a leaf of a tree that fills the frame
_CLUMPS = 64


def planted_tree(stage: Stage, mark: Mark, own: Colour) -> Layer:
    """An old broad tree on its mark with leaves of its own colour; bare where snow lies."""
    size, reach = mark.size, 0.62 * mark.size
    sheet = stage.sheet(
        mark.depth,
        top=mark.y - 1.12 * size,
        bottom=mark.y + 0.07 * size,
        across=(mark.x - reach, mark.x + reach),
    )
    random = stage.scene.random(f"tree at {mark.x:.3f}")
    x, foot = (mark.x - float(sheet.xs[0, 0])) * sheet.ppu, (mark.y - float(sheet.ys[0, 0])) * sheet.ppu
    height = size * sheet.ppu
    wood, leaves = (Grove(sheet.shape, 1.0 if stage.sun[0] > mark.x else -1.0) for _ in range(2))
    if stage.scene.is_snowy:
        wood.bare(random, x, foot, height)
    else:
        wood.fork(x, foot, height)
        leaves.heap(random, (x, foot - height * 0.67), height * 0.42, _CLUMPS)
        leaves.ruffle(random, max(1.2, _LEAF * sheet.ppu), 0.62)
    palette = stage.palette
    bark = palette.material(Material.BARK, 0.05), palette.material(Material.BARK, 0.7)
    green = palette.grade(own)
    leaf = palette.lit(green * np.float32(0.52), 0.30), palette.lit(mix(green, np.ones(3, np.float32), 0.22), 1.0)
    return Layer(stage, sheet.picture(*_painted(stage, sheet, mark, [(wood, bark), (leaves, leaf)])))


def _painted(
    stage: Stage, sheet: Sheet, mark: Mark, groves: list[tuple[Grove, tuple[Colour, Colour]]]
) -> tuple[Floats, Floats]:
    """Colours and opacity: the shadow on the ground, and each grove over what is before it in the list."""
    far = np.sqrt(((sheet.xs - mark.x) / (0.34 * mark.size)) ** 2 + ((sheet.ys - mark.y) / (0.055 * mark.size)) ** 2)
    opacity = (0.5 * smoothstep(1.0, 0.1, far)).astype(np.float32)
    rgb = np.empty((*sheet.shape, 3), np.float32)
    rgb[:] = stage.palette.lit(colour("101014"), 0.2)
    for grove, (dark, bright) in groves:
        cover, light = (plane.astype(np.float32) / 255 for plane in (grove.mask, grove.light))
        tone = cv2.merge([light * float(b - d) + float(d) for d, b in zip(dark, bright, strict=True)])
        tone = stage.palette.hazed(tone, mark.depth)
        rgb += (tone - rgb) * cover[..., None]
        opacity = (cover + opacity * (1 - cover)).astype(np.float32)
    return np.clip(rgb, 0, 1), opacity
