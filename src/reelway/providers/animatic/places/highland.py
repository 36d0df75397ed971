"""Mountains, hills and lakes."""

from reelway.providers.animatic import flora, sky, terrain
from reelway.providers.animatic.facts import Figure, Season
from reelway.providers.animatic.flora import Row, TreeKind
from reelway.providers.animatic.palette import Material
from reelway.providers.animatic.stage import Ground, Layer, Setting, Stage
from reelway.providers.animatic.terrain import Relief
from reelway.providers.animatic.water import Water

_AFLOAT = (Figure.SAILBOAT, Figure.SHIP, Figure.FISH, Figure.DOLPHIN)


def mountains(stage: Stage) -> Setting:
    """Two ranges behind wooded foothills and a meadow."""
    down, wide = stage.below_horizon, stage.breadth
    far = Relief("far", 9.0, down(0.02), 0.42, 1.5 / wide)
    middle = Relief("middle", 5.0, down(0.08), 0.30, 1.9 / wide)
    foothill = Relief("foothill", 2.6, down(0.17), 0.12, 2.0 / wide)
    meadow = Relief("meadow", 1.25, down(0.25), 0.06, 1.2 / wide)
    behind = stage.paint(
        lambda: sky.sky(stage),
        lambda: terrain.mountains(stage, far, snow_line=snow_line(stage), bottom=below(stage, far, middle)),
        lambda: terrain.mountains(
            stage, middle, snow_line=snow_line(stage) + 0.25, bottom=below(stage, middle, foothill), forested=0.3
        ),
        lambda: terrain.hills(stage, foothill, Material.CONIFER, bottom=below(stage, foothill, meadow)).under(
            wood(stage, Row("foothill", foothill.depth, 0.055, 26, TreeKind.CONIFER, gaps=0.35), foothill, sink=0.02)
        ),
        lambda: terrain.hills(stage, meadow, Material.GRASS, bottom=9.0).under(
            wood(stage, Row("meadow", meadow.depth, 0.15, 3.0, TreeKind.CONIFER, gaps=0.66), meadow, sink=0.02)
        ),
    )
    return Setting(behind, Ground(meadow.base + 0.03, 1.0), [])


def hills(stage: Stage) -> Setting:
    """Rolling fields with trees along their edges."""
    down, wide = stage.below_horizon, stage.breadth
    reliefs = [
        Relief("blue", 8.0, down(0.01), 0.13, 1.3 / wide),
        Relief("far", 4.5, down(0.06), 0.10, 1.5 / wide),
        Relief("middle", 2.6, down(0.14), 0.10, 1.3 / wide),
        Relief("near", 1.3, down(0.27), 0.09, 0.9 / wide),
    ]
    blue, far, middle, near = reliefs
    ploughed = 0.8 if stage.scene.season in (None, Season.SUMMER, Season.AUTUMN) else 0.25
    behind = stage.paint(
        lambda: sky.sky(stage),
        lambda: terrain.hills(stage, blue, Material.CONIFER, bottom=below(stage, blue, far)),
        lambda: terrain.hills(stage, far, Material.GRASS, bottom=below(stage, far, middle)).under(
            wood(stage, Row("far", far.depth, 0.035, 22, TreeKind.BROADLEAF, gaps=0.5), far, sink=0.03)
        ),
        lambda: terrain.hills(stage, middle, Material.GRASS, bottom=below(stage, middle, near), furrows=ploughed).under(
            wood(stage, Row("middle", middle.depth, 0.085, 9, TreeKind.BROADLEAF, gaps=0.55), middle, sink=0.02)
        ),
        lambda: terrain.hills(stage, near, Material.GRASS, bottom=9.0).under(
            wood(stage, Row("near", near.depth, 0.30, 1.3, TreeKind.BROADLEAF, gaps=0.72), near, sink=0.01)
        ),
    )
    return Setting(behind, Ground(near.base + 0.02, 1.0), [])


def lake(stage: Stage) -> Setting:
    """Mountains and a wooded shore mirrored in still water, with a grassy bank in front."""
    horizon, wide = stage.horizon, stage.breadth
    far = Relief("far", 9.0, horizon + 0.0, 0.40, 1.5 / wide)
    middle = Relief("middle", 5.0, horizon + 0.02, 0.24, 1.9 / wide)
    shore = Relief("shore", 4.0, horizon + 0.035, 0.05, 2.2 / wide)
    bank = Relief("bank", 1.2, 0.47, 0.07, 1.1 / wide)
    is_afloat = any(subject.figure in _AFLOAT for subject in stage.scene.subjects)
    behind = stage.paint(
        lambda: sky.sky(stage),
        lambda: terrain.mountains(stage, far, snow_line=snow_line(stage), bottom=below(stage, far, shore)),
        lambda: terrain.mountains(
            stage, middle, snow_line=snow_line(stage) + 0.25, bottom=below(stage, middle, shore), forested=0.4
        ),
        lambda: terrain.hills(stage, shore, Material.CONIFER, bottom=shore.base + 0.06).under(
            wood(stage, Row("shore", shore.depth, 0.06, 30, TreeKind.CONIFER, gaps=0.3), shore, sink=0.02)
        ),
        lambda: Water(stage, shore=shore.base, depth=shore.depth, roughness=0.05),
        lambda: [] if is_afloat else terrain.hills(stage, bank, Material.GRASS, bottom=9.0),
    )
    if is_afloat:
        return Setting(behind, Ground(horizon + 0.20, 1.4), [])
    return Setting(behind, Ground(bank.base - 0.01, 1.0), [])


def snow_line(stage: Stage) -> float:
    """Where snow begins, in shares of a range's height."""
    return 0.0 if stage.scene.is_snowy else 0.46


def below(stage: Stage, relief: Relief, nearer: Relief) -> float:
    """Where a range may end, because a nearer one stands before it."""
    return stage.hidden_below(relief.depth, by=nearer.depth, y=nearer.base)


def wood(stage: Stage, row: Row, relief: Relief, *, sink: float) -> Layer:
    """Trees that stand on a range's skyline, a little below it."""
    return flora.tree_row(
        stage, row, lambda xs: terrain.crest(stage, relief, xs.reshape(1, -1), ridged=False, octaves=4)[0] + sink
    )
