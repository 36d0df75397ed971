"""Dunes."""

from functools import partial
from itertools import pairwise

from reelway.providers.animatic import sky, terrain
from reelway.providers.animatic.places.highland import below
from reelway.providers.animatic.stage import Ground, Setting, Stage
from reelway.providers.animatic.terrain import Relief


def desert(stage: Stage) -> Setting:
    """Four lines of dunes, the nearest to walk on."""
    down, wide = stage.below_horizon, stage.breadth
    lines = [
        Relief("mesa", 9.0, down(0.015), 0.09, 1.1 / wide),
        Relief("far", 5.0, down(0.05), 0.12, 1.0 / wide),
        Relief("middle", 2.6, down(0.15), 0.17, 0.75 / wide),
        Relief("near", 1.3, down(0.29), 0.15, 0.6 / wide),
    ]
    bottoms = [*(below(stage, line, nearer) for line, nearer in pairwise(lines)), 9.0]
    behind = stage.paint(
        lambda: sky.sky(stage),
        *(partial(terrain.dunes, stage, line, bottom=bottom) for line, bottom in zip(lines, bottoms, strict=True)),
    )
    return Setting(behind, Ground(lines[-1].base + 0.03, 1.0), [])
