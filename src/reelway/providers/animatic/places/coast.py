"""The sea, with a beach where somebody walks on it."""

from reelway.providers.animatic import sky, terrain
from reelway.providers.animatic.facts import Figure, ShotSize, SubjectKind, Weather
from reelway.providers.animatic.flora import Row, TreeKind
from reelway.providers.animatic.palette import Material
from reelway.providers.animatic.places.highland import snow_line, wood
from reelway.providers.animatic.stage import Ground, Layer, Setting, Stage
from reelway.providers.animatic.terrain import Relief
from reelway.providers.animatic.water import Water

_AFLOAT = (
    Figure.SAILBOAT,
    Figure.SHIP,
    Figure.FISH,
    Figure.DOLPHIN,
    Figure.BIRD,
    Figure.AEROPLANE,
    Figure.BALLOON,
)


def sea(stage: Stage) -> Setting:
    """Open water under a wide sky, a headland at its edge and, for those who walk, a beach."""
    horizon, wide = stage.horizon, stage.breadth
    rough = {Weather.STORM: 1.0, Weather.RAIN: 0.6, Weather.FOG: 0.25}.get(stage.scene.weather, 0.4)
    headland = Relief("headland", 14.0, horizon + 0.004, 0.10, 0.7 / wide)
    beach = Relief("beach", 1.2, 0.44, 0.09, 0.8 / wide)
    has_headland, is_afloat = stage.scene.shot_size is not ShotSize.WIDE, _is_afloat(stage)
    behind = stage.paint(
        lambda: sky.sky(stage),
        lambda: [] if not has_headland else _headland(stage, headland),
        lambda: Water(stage, shore=horizon, depth=60.0, roughness=rough),
        lambda: [] if is_afloat else _beach(stage, beach),
    )
    return Setting(behind, Ground(horizon + 0.16, 1.5) if is_afloat else Ground(beach.base - 0.02, 1.0), [])


def _headland(stage: Stage, headland: Relief) -> Layer:
    bottom = stage.horizon + 0.02
    return terrain.mountains(stage, headland, snow_line=snow_line(stage) + 0.6, bottom=bottom, forested=0.6)


def _beach(stage: Stage, beach: Relief) -> Layer:
    sand = terrain.hills(stage, beach, Material.SAND, bottom=9.0)
    if stage.scene.is_snowy:
        return sand
    return sand.under(wood(stage, Row("palms", beach.depth, 0.42, 1.6, TreeKind.PALM, gaps=0.70), beach, sink=0.02))


def _is_afloat(stage: Stage) -> bool:
    subjects = stage.scene.subjects
    return (bool(subjects) and all(subject.figure in _AFLOAT for subject in subjects)) or _is_high_up(stage)


def _is_high_up(stage: Stage) -> bool:
    subjects = stage.scene.subjects
    return stage.scene.shot_size is ShotSize.AERIAL and not any(
        subject.kind is SubjectKind.PERSON for subject in subjects
    )
