"""Which sounds a scene has, and how loud each of them is. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from reelway.providers.animatic.facts import (
    Feature,
    Figure,
    Mood,
    Place,
    Season,
    SubjectKind,
    TimeOfDay,
    Weather,
)
from reelway.providers.animatic.scene import SceneDescription
from reelway.providers.animatic.sound.music import key_of

_MOTORS = (Figure.CAR, Figure.BUS, Figure.AEROPLANE)
_INDOORS = (Place.ROOM, Place.STUDIO)
_NOWHERE = (Place.SPACE, Place.ABSTRACT, Place.STUDIO)


class Bed(StrEnum):
    WIND = "wind"
    LEAVES = "leaves"
    RAIN = "rain"
    THUNDER = "thunder"
    SURF = "surf"
    STREAM = "stream"
    UNDERWATER = "underwater"
    CITY = "city"
    BIRDS = "birds"
    CRICKETS = "crickets"
    FIRE = "fire"
    ROOM = "room"
    ENGINE = "engine"
    RAILS = "rails"
    VOID = "void"
    PAD = "pad"


@dataclass(frozen=True, slots=True)
class Score:
    """The beds with their levels (1.0 is full), the pad's root as a MIDI note, its key, and the loudness in LUFS over
    that of the other shots."""

    levels: tuple[tuple[Bed, float], ...]
    root: int
    key: str
    mood: Mood
    louder_lu: float


def score(scene: SceneDescription) -> Score:
    """What a scene sounds like. Where the words name no place, only the pad plays."""
    levels: dict[Bed, float] = {}
    if scene.is_place_known:
        _place(scene, levels)
        _weather(scene, levels)
        _living(scene, levels)
    for subject in scene.subjects:
        if subject.figure in _MOTORS:
            levels[Bed.ENGINE] = 0.35
        if subject.figure is Figure.TRAIN:
            levels[Bed.RAILS] = 0.55
    if scene.shows(Feature.SPARKS, usually=False):
        levels[Bed.FIRE] = 0.5
    levels[Bed.PAD] = 0.85 if scene.place in _NOWHERE or not levels else 0.34
    root, key = key_of(scene.mood, scene.random("key"))
    louder = {Weather.STORM: 2.0, Weather.RAIN: 0.5, Weather.SNOW: -2.0, Weather.FOG: -1.5}.get(scene.weather, 0.0)
    return Score(tuple(levels.items()), root, key, scene.mood, louder - (1.0 if scene.place in _INDOORS else 0.0))


def _place(scene: SceneDescription, levels: dict[Bed, float]) -> None:
    match scene.place:
        case Place.SEA:
            levels[Bed.SURF] = 1.0
        case Place.LAKE:
            levels[Bed.STREAM], levels[Bed.WIND] = 0.55, 0.18
        case Place.CITY | Place.STREET:
            levels[Bed.CITY] = 0.9
        case Place.FOREST:
            levels[Bed.LEAVES], levels[Bed.WIND] = 0.42, 0.2
        case Place.HILLS:
            levels[Bed.LEAVES], levels[Bed.WIND] = 0.16, 0.3
        case Place.MOUNTAINS | Place.SKY:
            levels[Bed.WIND] = 0.7
        case Place.DESERT:
            levels[Bed.WIND] = 0.6
        case Place.ROOM | Place.STUDIO:
            levels[Bed.ROOM] = 0.45
        case Place.SPACE:
            levels[Bed.VOID] = 0.8
        case Place.UNDERWATER:
            levels[Bed.UNDERWATER] = 0.9
        case Place.ABSTRACT:
            pass


def _weather(scene: SceneDescription, levels: dict[Bed, float]) -> None:
    if scene.place in _NOWHERE or scene.place is Place.UNDERWATER:
        return
    indoors = 0.35 if scene.place in _INDOORS else 1.0
    if scene.weather in (Weather.RAIN, Weather.STORM) and Weather.RAIN not in scene.absent:
        levels[Bed.RAIN] = (0.9 if scene.weather is Weather.STORM else 0.75) * indoors
    if scene.weather is Weather.STORM:
        levels[Bed.WIND] = 0.9 * indoors
    elif scene.weather is Weather.SNOW:
        levels[Bed.WIND] = max(levels.get(Bed.WIND, 0.0), 0.5 * indoors)
    if scene.shows(Feature.LIGHTNING, usually=scene.weather is Weather.STORM):
        levels[Bed.THUNDER] = 0.9 * indoors


def _living(scene: SceneDescription, levels: dict[Bed, float]) -> None:
    """Birds by day and crickets by night, where it is neither wet nor cold."""
    mild = scene.weather in (Weather.CLEAR, Weather.CLOUD, Weather.FOG) and not scene.is_snowy
    green = scene.place in (Place.FOREST, Place.HILLS, Place.LAKE)
    birds = any(subject.figure is Figure.BIRD for subject in scene.subjects)
    refused = {SubjectKind.ANIMAL, Figure.BIRD} & scene.absent
    if birds or (green and mild and not refused and scene.time_of_day is not TimeOfDay.NIGHT):
        levels[Bed.BIRDS] = 0.34 if scene.season is Season.SPRING or birds else 0.22
    if green and mild and scene.time_of_day is TimeOfDay.NIGHT:
        levels[Bed.CRICKETS] = 0.22
