"""Every figure's drawing, size and way of moving. Adding a figure is adding a function and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from reelway.providers.animatic.facts import Figure
from reelway.providers.animatic.subjects import animals, fins_and_wings, people, standing, vehicles
from reelway.providers.animatic.subjects.shapes import Part


class Motion(StrEnum):
    """How a figure gets about."""

    STANDS = "stands"
    WALKS = "walks"
    DRIVES = "drives"
    SAILS = "sails"
    FLIES = "flies"
    FLOATS = "floats"
    LEAPS = "leaps"


@dataclass(frozen=True, slots=True)
class Role:
    """How a figure is shown.

    `draw` is None where the figure is painted once (`planted`). `height` and `width` in world units before the shot's
    scale; `stride` is how far one phase carries it, in shares of its height; `speed` in world units a second; `colour`
    an "rrggbb" code for when the prompt names none.
    """

    draw: Callable[[float], list[Part]] | None
    motion: Motion
    height: float
    width: float
    stride: float
    speed: float
    colour: str


def _beast(figure: Figure) -> Callable[[float], list[Part]]:
    return partial(animals.beast, figure)


_WALKS, _DRIVES, _SAILS, _FLIES, _FLOATS, _STANDS = (
    Motion.WALKS,
    Motion.DRIVES,
    Motion.SAILS,
    Motion.FLIES,
    Motion.FLOATS,
    Motion.STANDS,
)

ROLES: Mapping[Figure, Role] = {
    Figure.MAN: Role(people.man, _WALKS, 0.43, 0.19, 0.72, 0.15, "4a5f7a"),
    Figure.WOMAN: Role(people.woman, _WALKS, 0.42, 0.18, 0.72, 0.14, "a8404c"),
    Figure.CHILD: Role(people.child, _WALKS, 0.31, 0.14, 0.70, 0.12, "d89a3a"),
    Figure.ASTRONAUT: Role(people.astronaut, _FLOATS, 0.44, 0.30, 1.0, 0.025, "c8502c"),
    Figure.HORSE: Role(_beast(Figure.HORSE), _WALKS, 0.36, 0.42, 0.80, 0.20, "6e4630"),
    Figure.DOG: Role(_beast(Figure.DOG), _WALKS, 0.25, 0.30, 0.72, 0.17, "a87844"),
    Figure.FOX: Role(_beast(Figure.FOX), _WALKS, 0.24, 0.32, 0.72, 0.17, "c8702c"),
    Figure.CAT: Role(_beast(Figure.CAT), _WALKS, 0.24, 0.30, 0.70, 0.11, "b8793f"),
    Figure.DEER: Role(_beast(Figure.DEER), _WALKS, 0.38, 0.36, 0.70, 0.14, "8a5f3c"),
    Figure.ELEPHANT: Role(_beast(Figure.ELEPHANT), _WALKS, 0.40, 0.50, 0.60, 0.12, "7d7a7c"),
    Figure.CAMEL: Role(_beast(Figure.CAMEL), _WALKS, 0.42, 0.44, 0.70, 0.12, "b08652"),
    Figure.BEAR: Role(_beast(Figure.BEAR), _WALKS, 0.28, 0.40, 0.70, 0.12, "5a4030"),
    Figure.PANDA: Role(_beast(Figure.PANDA), _WALKS, 0.27, 0.38, 0.62, 0.08, "e9e4d8"),
    Figure.BIRD: Role(fins_and_wings.bird, _FLIES, 0.24, 0.28, 0.62, 0.16, "e8e4da"),
    Figure.FISH: Role(fins_and_wings.fish, Motion.LEAPS, 0.22, 0.26, 0.8, 0.16, "5f7f96"),
    Figure.DOLPHIN: Role(fins_and_wings.dolphin, Motion.LEAPS, 0.24, 0.30, 0.8, 0.16, "6f8496"),
    Figure.CAR: Role(vehicles.car, _DRIVES, 0.19, 0.52, 1.25, 0.30, "b53a34"),
    Figure.BUS: Role(vehicles.bus, _DRIVES, 0.30, 0.72, 0.94, 0.24, "d8a032"),
    Figure.TRAIN: Role(vehicles.train, _DRIVES, 0.22, 1.0, 0.62, 0.40, "3f6f8f"),
    Figure.BICYCLE: Role(vehicles.bicycle, _DRIVES, 0.34, 0.40, 1.38, 0.22, "3f7f6a"),
    Figure.SAILBOAT: Role(vehicles.sailboat, _SAILS, 0.42, 0.36, 1.0, 0.05, "8a4a34"),
    Figure.SHIP: Role(vehicles.ship, _SAILS, 0.26, 0.62, 1.0, 0.05, "34506e"),
    Figure.AEROPLANE: Role(vehicles.aeroplane, _FLIES, 0.22, 0.58, 1.0, 0.14, "34649a"),
    Figure.ROCKET: Role(vehicles.rocket, _FLOATS, 0.46, 0.20, 1.0, 0.06, "c23f38"),
    Figure.BALLOON: Role(vehicles.balloon, _FLOATS, 0.46, 0.34, 1.0, 0.03, "c8452f"),
    Figure.HOUSE: Role(standing.house, _STANDS, 0.30, 0.36, 1.0, 0.0, "b08a6a"),
    Figure.TOWER: Role(standing.tower, _STANDS, 0.56, 0.16, 1.0, 0.0, "8a8f98"),
    Figure.CASTLE: Role(standing.castle, _STANDS, 0.42, 0.62, 1.0, 0.0, "8f8578"),
    Figure.MOSQUE: Role(standing.mosque, _STANDS, 0.46, 0.72, 1.0, 0.0, "c9b79a"),
    Figure.LIGHTHOUSE: Role(standing.lighthouse, _STANDS, 0.52, 0.30, 1.0, 0.0, "b8403a"),
    Figure.TREE: Role(None, _STANDS, 0.58, 0.52, 1.0, 0.0, "3f6a38"),
    Figure.PALM: Role(standing.palm, _STANDS, 0.56, 0.44, 1.0, 0.0, "3f7a44"),
    Figure.CACTUS: Role(standing.cactus, _STANDS, 0.44, 0.30, 1.0, 0.0, "4a7a4c"),
    Figure.FLOWER: Role(standing.flower, _STANDS, 0.52, 0.30, 1.0, 0.0, "d8486a"),
    Figure.BOTTLE: Role(standing.bottle, _STANDS, 0.40, 0.20, 1.0, 0.0, "8a6f3f"),
    Figure.CUP: Role(standing.cup, _STANDS, 0.36, 0.36, 1.0, 0.0, "d9d2c5"),
    Figure.PHONE: Role(standing.phone, _STANDS, 0.40, 0.22, 1.0, 0.0, "2f62b5"),
    Figure.WATCH: Role(standing.watch, _STANDS, 0.42, 0.26, 1.0, 0.0, "4d3f36"),
    Figure.BOX: Role(standing.package, _STANDS, 0.34, 0.34, 1.0, 0.0, "b54848"),
    Figure.SHOE: Role(standing.shoe, _STANDS, 0.26, 0.42, 1.0, 0.0, "c8452f"),
}
