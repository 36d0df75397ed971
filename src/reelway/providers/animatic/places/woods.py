"""Inside a forest: rows of trees that fade into mist, and dark trunks at the sides."""

from functools import partial

import numpy as np

from reelway.providers.animatic import flora, sky, terrain
from reelway.providers.animatic.facts import Feature, Season, ShotSize
from reelway.providers.animatic.flora import Grove, Row, TreeKind
from reelway.providers.animatic.noise import clouds, profile, smoothstep
from reelway.providers.animatic.palette import Material, mix
from reelway.providers.animatic.places.highland import below, wood
from reelway.providers.animatic.stage import Element, Ground, Layer, Setting, Stage
from reelway.providers.animatic.terrain import Relief


def forest(stage: Stage) -> Setting:
    """A clearing between conifers, or broadleaf trees where the season's colours are named."""
    down, wide = stage.below_horizon, stage.breadth
    grounds = [
        Relief("back", 7.0, down(0.06), 0.04, 1.2 / wide),
        Relief("far", 4.2, down(0.11), 0.05, 1.2 / wide),
        Relief("middle", 2.4, down(0.18), 0.05, 1.1 / wide),
        Relief("near", 1.3, down(0.29), 0.05, 0.9 / wide),
    ]
    rows = _rows(stage)
    parts = [
        partial(_bank, stage, ground, row, nearer)
        for ground, row, nearer in zip(grounds, rows, (*grounds[1:], None), strict=True)
    ]
    behind = stage.paint(lambda: sky.sky(stage), *parts)
    front = [] if stage.scene.shot_size is ShotSize.AERIAL else _trunks(stage)
    return Setting(behind, Ground(grounds[-1].base + 0.03, 1.0), front)


def _rows(stage: Stage) -> list[Row]:
    """The trees of each ground: conifers, unless the words or the season's colours ask for others."""
    if Feature.BAMBOO in stage.scene.features:
        return [
            Row("back", 7.0, 0.42, 34, TreeKind.BAMBOO),
            Row("far", 4.2, 0.66, 17, TreeKind.BAMBOO, gaps=0.1),
            Row("middle", 2.4, 1.00, 8.0, TreeKind.BAMBOO, gaps=0.25),
            Row("near", 1.3, 1.55, 3.6, TreeKind.BAMBOO, gaps=0.45),
        ]
    far = middle = near = back = TreeKind.CONIFER
    if Feature.JUNGLE in stage.scene.features:
        back, far, middle, near = TreeKind.BROADLEAF, TreeKind.BROADLEAF, TreeKind.PALM, TreeKind.BROADLEAF
    elif stage.scene.season in (Season.AUTUMN, Season.SPRING):
        far = middle = near = TreeKind.BROADLEAF
    return [
        Row("back", 7.0, 0.26, 22, back),
        Row("far", 4.2, 0.38, 11, far, gaps=0.2),
        Row("middle", 2.4, 0.52, 5.5, middle, gaps=0.36),
        Row("near", 1.3, 0.72, 2.0, near, gaps=0.55),
    ]


def _bank(stage: Stage, ground: Relief, row: Row, nearer: Relief | None) -> list[Element]:
    """One row of trees on its ground, and before it, unless it is the nearest, a veil of mist."""
    material = Material.CONIFER if nearer is not None else Material.GRASS
    bottom = below(stage, ground, nearer) if nearer is not None else 9.0
    land = terrain.hills(stage, ground, material, bottom=bottom).under(wood(stage, row, ground, sink=0.02))
    return [land, _mist(stage, ground)] if nearer is not None else [land]


def _mist(stage: Stage, ground: Relief) -> Layer:
    """A drifting veil over a row's feet, brighter under the sun."""
    depth = ground.depth * 0.9
    sheet = stage.sheet(depth, top=ground.base - 0.34, bottom=ground.base + 0.14, detail=0.25, drift=0.2)
    random = stage.scene.random(f"mist {ground.name}")
    veil = clouds(random, sheet.shape, sheet.cells(4.0, stretch=3.0), 4)
    height = smoothstep(ground.base - 0.34, ground.base + 0.02, sheet.ys) * smoothstep(
        ground.base + 0.14, ground.base + 0.03, sheet.ys
    )
    shine = 0.6 + 0.6 * np.exp(-np.abs(sheet.xs - stage.sun[0]) / 0.4)
    strength = min(0.85, 0.30 + 1.2 * stage.palette.haze_density)
    opacity = np.clip(height * smoothstep(0.25, 0.75, veil) * strength * shine, 0, 0.92)
    rgb = np.broadcast_to(np.clip(mix(stage.palette.haze, stage.palette.sky[-1], 0.4), 0, 1), (*sheet.shape, 3))
    return Layer(stage, sheet.picture(rgb.astype(np.float32), opacity.astype(np.float32)), 0.012)


def _trunks(stage: Stage) -> list[Layer]:
    """Trunks right before the camera, out of focus, to look between."""
    random = stage.scene.random("trunks")
    is_bamboo = Feature.BAMBOO in stage.scene.features
    half = stage.aspect / 2
    places = (-half * random.uniform(0.72, 0.98), half * random.uniform(0.72, 0.98), half * random.uniform(1.15, 1.4))
    streams = zip(random.spawn(len(places)), places, strict=True)
    return [_trunk(stage, trunk, float(x), is_bamboo=is_bamboo) for trunk, x in streams]


def _trunk(stage: Stage, random: np.random.Generator, x: float, *, is_bamboo: bool) -> Layer:
    sheet = stage.sheet(0.72, detail=0.5)
    grove = Grove(sheet.shape, 1.0 if stage.sun[0] > 0 else -1.0)
    ys = sheet.ys[:, 0]
    flare = 0.0 if is_bamboo else 0.5
    width = random.uniform(0.02, 0.036) * stage.breadth * (1 + flare * np.clip(ys, 0, 1) ** 2)
    wobble = 0.008 * profile(random, ys, 5, 3)
    for share, shift, light in ((1.0, 0.0, 40), (0.5, 0.45 if stage.sun[0] > x else -0.45, 90)):
        left, right = x + wobble + width * (shift - share), x + wobble + width * (shift + share)
        xs, heights = np.concatenate([left, right[::-1]]), np.concatenate([ys, ys[::-1]])
        points = np.stack([(xs - sheet.xs[0, 0]) * sheet.ppu, (heights - ys[0]) * sheet.ppu], 1)
        grove.polygon(points.astype(np.float32), light)
    grove.soften(0.006 * sheet.ppu)
    bark = Material.FOLIAGE if is_bamboo else Material.BARK
    dark, bright = stage.palette.material(bark, 0.0) * np.float32(0.8), stage.palette.material(bark, 0.8)
    return flora.cut_out(stage, sheet, grove, dark, bright)
