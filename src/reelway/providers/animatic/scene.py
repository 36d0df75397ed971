"""What is to be seen: a prompt becomes a scene description. Pure: the same texts give the same description."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np

from reelway.domain.generation import Camera
from reelway.providers.animatic.facts import (
    FIGURE_KINDS,
    CameraMove,
    ColourName,
    Fact,
    Feature,
    Figure,
    Mood,
    Pace,
    Place,
    Season,
    ShotSize,
    Style,
    SubjectKind,
    TimeOfDay,
    Weather,
)
from reelway.providers.animatic.reading import Mention, Reading, read
from reelway.providers.animatic.seeds import seed_of, stream

_SUBJECTS_MAX = 3
_COUNT_MAX = 7
_COLOUR_HOLD = 10  # code points in which a colour is of the thing or the place that follows: "a white room"
_COLOUR_REACH = 24  # code points between a colour's name and the thing that has it
_EVIDENCE_MAX = 40

_WEAK_PLACES = (Place.SKY, Place.HILLS, Place.ABSTRACT)  # "a village in the mountains" is mountains
_UNNAMED_PLACES = (
    Place.HILLS,
    Place.MOUNTAINS,
    Place.LAKE,
    Place.SEA,
    Place.FOREST,
    Place.DESERT,
    Place.SKY,
    Place.ABSTRACT,
)
_WEATHER_ORDER = (Weather.STORM, Weather.SNOW, Weather.RAIN, Weather.FOG, Weather.CLOUD, Weather.CLEAR)
_KIND_DEFAULTS = {
    SubjectKind.PERSON: Figure.MAN,
    SubjectKind.ANIMAL: Figure.DEER,
    SubjectKind.VEHICLE: Figure.CAR,
    SubjectKind.BUILDING: Figure.HOUSE,
    SubjectKind.PLANT: Figure.TREE,
    SubjectKind.PRODUCT: Figure.BOX,
}
_FIGURE_PLACES = {
    Figure.ASTRONAUT: Place.SPACE,
    Figure.ROCKET: Place.SPACE,
    Figure.BIRD: Place.SKY,
    Figure.AEROPLANE: Place.SKY,
    Figure.BALLOON: Place.SKY,
    Figure.FISH: Place.SEA,
    Figure.DOLPHIN: Place.SEA,
    Figure.SAILBOAT: Place.SEA,
    Figure.SHIP: Place.SEA,
    Figure.LIGHTHOUSE: Place.SEA,
    Figure.PALM: Place.SEA,
    Figure.CAMEL: Place.DESERT,
    Figure.CACTUS: Place.DESERT,
    Figure.DEER: Place.FOREST,
    Figure.BEAR: Place.FOREST,
    Figure.PANDA: Place.FOREST,
    Figure.TOWER: Place.CITY,
    Figure.BUS: Place.CITY,
}
_SIZES = (ShotSize.MEDIUM, ShotSize.CLOSE, ShotSize.WIDE)
_NIGHT_FEATURES = (Feature.STARS, Feature.MOON, Feature.AURORA, Feature.FIREFLIES)

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that the picture is about; `colour` is None where the prompt names none near it."""

    figure: Figure
    count: int
    colour: ColourName | None

    @property
    def kind(self) -> SubjectKind:
        return FIGURE_KINDS[self.figure]


@dataclass(frozen=True, slots=True)
class SceneDescription:
    """How a request was understood; every drawing decision follows from this alone.

    `is_place_known` is false where neither the words nor a shot before say where it is. `colours` are those of no
    subject: of the light, or of a backdrop. `absent` holds what the negative prompt, or a "no ..." in the prompt, takes
    away. `variation` is 0 to 1: how far seeded choices may stray. `is_camera_named` is false where the move was chosen
    for want of one; `control` is the request's own camera, and `camera` then empty. `evidence` pairs a phrase of the
    prompt with its fact.
    """

    place: Place
    is_place_known: bool
    time_of_day: TimeOfDay
    weather: Weather
    season: Season | None
    subjects: tuple[Subject, ...]
    colours: tuple[ColourName, ...]
    features: frozenset[Feature]
    absent: frozenset[Fact]
    camera: tuple[CameraMove, ...]
    is_camera_named: bool
    control: Camera | None
    pace: Pace | None
    shot_size: ShotSize
    style: Style | None
    mood: Mood
    variation: float
    seed: int
    evidence: tuple[tuple[str, str], ...]

    @property
    def is_mood_named(self) -> bool:
        return any(fact == self.mood for _, fact in self.evidence)

    @property
    def is_snowy(self) -> bool:
        """Whether snow lies on the ground."""
        return self.season is Season.WINTER or self.weather is Weather.SNOW

    def random(self, use: str) -> np.random.Generator:
        """The seeded stream for one named use."""
        return stream(self.seed, use)

    def shows(self, feature: Feature, *, usually: bool) -> bool:
        """Whether a feature is in the picture: asked for, or usual here, and not taken away."""
        return feature not in self.absent and (usually or feature in self.features)

    def as_json(self) -> dict[str, Any]:
        """The description as plain JSON values, sets in a stable order."""
        plain = asdict(self)
        plain["features"], plain["absent"] = sorted(self.features), sorted(self.absent)
        return plain


def describe(
    prompt: str,
    negative_prompt: str = "",
    cfg_scale: float = 0.5,
    control: Camera | None = None,
    *,
    number: int = 0,
    before: "SceneDescription | None" = None,
) -> SceneDescription:
    """The scene that a prompt asks for.

    The seed comes from the prompt alone, so a negative prompt takes things out of the same picture. `number` counts a
    film's shots from 0, and `before` is the shot before this one: what the words leave open stays as it was there.
    """
    reading = read(prompt)
    refused = read(negative_prompt)
    absent = reading.absent | refused.absent | {mention.fact for mention in refused.mentions}
    seed = seed_of("scene", prompt) if number == 0 else seed_of("scene", prompt, str(number))
    choose = _Chooser(reading, absent, seed, before)
    subjects = choose.subjects()
    place = choose.place(subjects)
    features = frozenset(choose.of(Feature))
    time_of_day, weather = choose.time_of_day(place, features), choose.weather(place)
    style = choose.first(Style) or (before.style if before else None)
    return SceneDescription(
        place=place,
        is_place_known=bool(subjects or choose.of(Place)) or (before is not None and before.is_place_known),
        time_of_day=time_of_day,
        weather=weather,
        season=choose.first(Season) or (before.season if before else None),
        subjects=subjects,
        colours=choose.free_colours()[:2],
        features=features,
        absent=frozenset(absent),
        camera=() if control is not None else choose.camera(),
        is_camera_named=control is not None or bool(choose.of(CameraMove)),
        control=control,
        pace=choose.first(Pace),
        shot_size=choose.first(ShotSize) or _usual_size(number, is_same=before is not None and place is before.place),
        style=style,
        mood=choose.first(Mood) or _usual_mood(place, time_of_day, weather, style),
        variation=1.0 - min(1.0, max(0.0, cfg_scale)),
        seed=seed,
        evidence=tuple((mention.phrase, str(mention.fact)) for mention in reading.mentions[:_EVIDENCE_MAX]),
    )


def _usual_size(number: int, *, is_same: bool) -> ShotSize:
    """The shot size where none is named: shots of one place after another alternate, as an editor would have it."""
    return _SIZES[number % len(_SIZES)] if is_same else ShotSize.MEDIUM


def _usual_mood(place: Place, time_of_day: TimeOfDay, weather: Weather, style: Style | None) -> Mood:
    """The mood where no word names one."""
    if weather is Weather.STORM or style is Style.NOIR:
        return Mood.TENSE
    if place in (Place.SPACE, Place.UNDERWATER) or weather is Weather.FOG or style is Style.NEON:
        return Mood.MYSTERIOUS
    if weather is Weather.RAIN:
        return Mood.SAD
    if place in (Place.MOUNTAINS, Place.DESERT) and time_of_day is not TimeOfDay.NIGHT:
        return Mood.EPIC
    if time_of_day is TimeOfDay.NIGHT:
        return Mood.MYSTERIOUS if place is Place.FOREST else Mood.CALM
    return Mood.BRIGHT if time_of_day is TimeOfDay.DAY else Mood.TENDER


class _Chooser:
    """Settles each part of a scene from what was read, what is refused and, where nothing was said, the seed."""

    def __init__(
        self, reading: Reading, absent: frozenset[Fact], seed: int, before: SceneDescription | None = None
    ) -> None:
        self._before = before
        self._mentions = [mention for mention in reading.mentions if not _is_refused(mention.fact, absent)]
        self._every = [mention for mention in reading.every if not _is_refused(mention.fact, absent)]
        self._things = [mention.position for mention in reading.every if isinstance(mention.fact, Figure | SubjectKind)]
        self._people = {mention.position for mention in reading.every if _is_person(mention.fact)}
        self._absent = absent
        self._seed = seed

    def of(self, facts: type[Choice]) -> list[Choice]:
        """The named facts of one set, in the order of the text."""
        return [mention.fact for mention in self._mentions if isinstance(mention.fact, facts)]

    def first(self, facts: type[Choice]) -> Choice | None:
        return next(iter(self.of(facts)), None)

    def seeded(self, use: str, choices: Sequence[Choice]) -> Choice:
        allowed = [choice for choice in choices if choice not in self._absent] or list(choices)
        return allowed[int(stream(self._seed, use).integers(len(allowed)))]

    def subjects(self) -> tuple[Subject, ...]:
        named = [mention for mention in self._mentions if isinstance(mention.fact, Figure)]
        kinds = {FIGURE_KINDS[mention.fact] for mention in named if isinstance(mention.fact, Figure)}
        generic = [
            mention for mention in self._mentions if isinstance(mention.fact, SubjectKind) and mention.fact not in kinds
        ]
        ordered = sorted((*named, *generic), key=lambda mention: mention.position)
        if not ordered and self._before is not None and not self.of(Place):
            return tuple(subject for subject in self._before.subjects if not _is_refused(subject.figure, self._absent))
        return tuple(self._subject(mention) for mention in ordered[:_SUBJECTS_MAX])

    def _subject(self, mention: Mention) -> Subject:
        figure = mention.fact if isinstance(mention.fact, Figure) else _KIND_DEFAULTS[SubjectKind(str(mention.fact))]
        return Subject(figure, min(_COUNT_MAX, mention.count), self._colour_near(mention.position))

    def _colour_near(self, position: int) -> ColourName | None:
        """The colour named shortly before a subject but after the last one, or what a person wears ("in a red dress"),
        or else the subject's usual one: a fox is orange.
        """
        since = max((at for at in self._things if at < position), default=-1)
        colours = [mention for mention in self._every if isinstance(mention.fact, ColourName)]
        said = [
            mention.fact for mention in colours if max(since, position - _COLOUR_REACH) < mention.position < position
        ]
        usual = [mention.fact for mention in colours if mention.position == position]
        worn = [mention.fact for mention in colours if position in self._people and self._is_worn(mention, position)]
        return next((fact for fact in (*reversed(said), *worn, *usual) if isinstance(fact, ColourName)), None)

    def _is_worn(self, colour: Mention, position: int) -> bool:
        """Whether a colour is of the clothes of the person at a position: soon after it, and of no thing or place."""
        others = Figure | SubjectKind | Place | Feature | Weather | TimeOfDay
        follows = (mention for mention in self._every if isinstance(mention.fact, others))
        belongs = any(0 < mention.position - colour.position <= _COLOUR_HOLD for mention in follows)
        is_last = not any(position < at <= colour.position for at in self._things)
        return is_last and not belongs and position < colour.position <= position + _COLOUR_REACH

    def free_colours(self) -> tuple[ColourName, ...]:
        """The colours that no thing wears, in the order of the text; things that were refused wear theirs too."""
        worn = {self._colour_near(at) for at in self._things}
        return tuple(colour for colour in self.of(ColourName) if colour not in worn)

    def place(self, subjects: tuple[Subject, ...]) -> Place:
        named = self.of(Place)
        strong = [place for place in named if place not in _WEAK_PLACES]
        if Place.STREET in strong and Place.CITY in strong:
            return Place.STREET
        if Place.LAKE in strong and strong[0] in (Place.MOUNTAINS, Place.FOREST):
            return Place.LAKE
        if strong or named:
            return (strong or named)[0]
        if self._before is not None and self._before.place not in self._absent:
            return self._before.place
        usual = [_FIGURE_PLACES.get(subject.figure, _kind_place(subject.kind)) for subject in subjects]
        is_grounded = any(place is not Place.SKY for place in usual)
        for place in usual:
            if place not in self._absent and not (is_grounded and place is Place.SKY):  # no castle hangs in the air
                return place
        return self.seeded("place", _UNNAMED_PLACES)

    def time_of_day(self, place: Place, features: frozenset[Feature]) -> TimeOfDay:
        named = self.first(TimeOfDay)
        if named is not None:
            return named
        if self._before is not None and self._before.time_of_day not in self._absent:
            return self._before.time_of_day
        if any(feature in features for feature in _NIGHT_FEATURES) or self.first(Style) is Style.NEON:
            choices = [TimeOfDay.NIGHT]
        elif Feature.SUN in features or self.first(Weather) is Weather.CLEAR:
            choices = [TimeOfDay.DAY]
        elif place in (Place.CITY, Place.DESERT):
            choices = [TimeOfDay.DUSK, TimeOfDay.DAY, TimeOfDay.DAWN]
        else:
            choices = [TimeOfDay.DAY, TimeOfDay.DAY, TimeOfDay.DUSK, TimeOfDay.DAWN]
        allowed = [choice for choice in choices if choice not in self._absent]
        return self.seeded("time of day", allowed or list(TimeOfDay))

    def weather(self, place: Place) -> Weather:
        named = self.of(Weather)
        for weather in _WEATHER_ORDER:
            if weather in named:
                return weather
        if place in (Place.SPACE, Place.ROOM, Place.STUDIO, Place.ABSTRACT):
            return Weather.CLEAR
        if self._before is not None and self._before.weather not in self._absent:
            return self._before.weather
        return self.seeded("weather", (Weather.CLEAR, Weather.CLEAR, Weather.CLOUD))

    def camera(self) -> tuple[CameraMove, ...]:
        named = self.of(CameraMove)
        if CameraMove.STATIC in named:
            return (CameraMove.STATIC,)
        if named:
            return tuple(named[:3])
        return (self.seeded("camera", (CameraMove.PUSH_IN, CameraMove.TRUCK_RIGHT, CameraMove.TRUCK_LEFT)),)


def _is_refused(fact: Fact, absent: frozenset[Fact]) -> bool:
    return fact in absent or (isinstance(fact, Figure) and FIGURE_KINDS[fact] in absent)


def _is_person(fact: Fact) -> bool:
    return fact is SubjectKind.PERSON or (isinstance(fact, Figure) and FIGURE_KINDS[fact] is SubjectKind.PERSON)


def _kind_place(kind: SubjectKind) -> Place:
    return Place.STUDIO if kind is SubjectKind.PRODUCT else Place.HILLS
