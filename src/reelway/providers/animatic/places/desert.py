"""Dunes."""

from itertools import pairwise

from reelway.providers.animatic import sky, terrain
from reelway.providers.animatic.places.highland import below
from reelway.providers.animatic.stage import Element, Ground, Setting, Stage
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
    behind: list[Element] = [*sky.sky(stage)]
    for line, nearer in pairwise(lines):
        behind.append(terrain.dunes(stage, line, bottom=below(stage, line, nearer)))
    behind.append(terrain.dunes(stage, lines[-1], bottom=9.0))
    return Setting(behind, Ground(lines[-1].base + 0.03, 1.0), [])
