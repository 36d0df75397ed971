"""Places, one file a family of sceneries: adding a place is adding a builder and a line here."""

from collections.abc import Callable, Mapping

from reelway.providers.animatic.facts import Place
from reelway.providers.animatic.places import (
    aloft,
    coast,
    cosmos,
    deep,
    desert,
    highland,
    interior,
    street,
    town,
    woods,
)
from reelway.providers.animatic.stage import Setting, Stage

BUILDERS: Mapping[Place, Callable[[Stage], Setting]] = {
    Place.MOUNTAINS: highland.mountains,
    Place.HILLS: highland.hills,
    Place.LAKE: highland.lake,
    Place.SEA: coast.sea,
    Place.UNDERWATER: deep.underwater,
    Place.CITY: town.city,
    Place.STREET: street.street,
    Place.FOREST: woods.forest,
    Place.DESERT: desert.desert,
    Place.SPACE: cosmos.space,
    Place.ROOM: interior.room,
    Place.STUDIO: interior.studio,
    Place.SKY: aloft.cloudscape,
    Place.ABSTRACT: aloft.abstract,
}


def build(stage: Stage) -> Setting:
    """The scenery of the stage's scene."""
    return BUILDERS[stage.scene.place](stage)
