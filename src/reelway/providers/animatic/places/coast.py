"""The sea, with a beach where somebody walks on it."""

from reelway.providers.animatic import sky, terrain
from reelway.providers.animatic.facts import Figure, ShotSize, SubjectKind, Weather
from reelway.providers.animatic.flora import Row, TreeKind
from reelway.providers.animatic.palette import Material
from reelway.providers.animatic.places.highland import snow_line, wood
from reelway.providers.animatic.stage import Element, Ground, Setting, Stage
from reelway.providers.animatic.terrain import Relief
from reelway.providers.animatic.water import Water

_AFLOAT = (Figure.SAILBOAT, Figure.SHIP, Figure.FISH, Figure.BIRD, Figure.AEROPLANE, Figure.BALLOON)


def sea(stage: Stage) -> Setting:
    """Open water under a wide sky, a headland at its edge and, for those who walk, a beach."""
    horizon, wide = stage.horizon, stage.breadth
    rough = {Weather.STORM: 1.0, Weather.RAIN: 0.6, Weather.FOG: 0.25}.get(stage.scene.weather, 0.4)
    headland = Relief("headland", 14.0, horizon + 0.004, 0.10, 0.7 / wide)
    behind: list[Element] = [*sky.sky(stage)]
    if stage.scene.shot_size is not ShotSize.WIDE:
        behind.append(
            terrain.mountains(stage, headland, snow_line=snow_line(stage) + 0.6, bottom=horizon + 0.02, forested=0.6)
        )
    behind.append(Water(stage, shore=horizon, depth=60.0, roughness=rough))
    if _is_afloat(stage):
        return Setting(behind, Ground(horizon + 0.16, 1.5), [])
    beach = Relief("beach", 1.2, 0.44, 0.09, 0.8 / wide)
    sand = terrain.hills(stage, beach, Material.SAND, bottom=9.0)
    if not stage.scene.is_snowy:
        sand = sand.under(wood(stage, Row("palms", beach.depth, 0.42, 1.6, TreeKind.PALM, gaps=0.70), beach, sink=0.02))
    behind.append(sand)
    return Setting(behind, Ground(beach.base - 0.02, 1.0), [])


def _is_afloat(stage: Stage) -> bool:
    subjects = stage.scene.subjects
    return (bool(subjects) and all(subject.figure in _AFLOAT for subject in subjects)) or _is_high_up(stage)


def _is_high_up(stage: Stage) -> bool:
    subjects = stage.scene.subjects
    return stage.scene.shot_size is ShotSize.AERIAL and not any(
        subject.kind is SubjectKind.PERSON for subject in subjects
    )
