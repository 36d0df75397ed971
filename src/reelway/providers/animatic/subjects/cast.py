"""Puts a scene's subjects on their marks."""

from dataclasses import replace

import numpy as np

from reelway.providers.animatic.facts import CameraMove, Feature, Figure, Place, Season, ShotSize, SubjectKind
from reelway.providers.animatic.palette import NAMED, Colour, colour
from reelway.providers.animatic.scene import Subject
from reelway.providers.animatic.stage import Element, Ground, Stage
from reelway.providers.animatic.subjects.actor import Actor, Mark
from reelway.providers.animatic.subjects.planted import planted_tree
from reelway.providers.animatic.subjects.roles import ROLES, Motion, Role

_SHOT_SCALES = {ShotSize.CLOSE: 1.65, ShotSize.MEDIUM: 1.0, ShotSize.WIDE: 0.62, ShotSize.AERIAL: 0.42}
_BACK_TO_FRONT = (
    SubjectKind.BUILDING,
    SubjectKind.PLANT,
    SubjectKind.VEHICLE,
    SubjectKind.ANIMAL,
    SubjectKind.PERSON,
    SubjectKind.PRODUCT,
)
_LEFTWARDS = (CameraMove.PAN_LEFT, CameraMove.TRUCK_LEFT)
_RIGHTWARDS = (CameraMove.PAN_RIGHT, CameraMove.TRUCK_RIGHT)
_OF_ANY_COLOUR = (Figure.FISH, Figure.BIRD, Figure.BALLOON, Figure.FLOWER, Figure.CHILD)
_MANY_COLOURS = ("f2a02e", "3f8fe0", "e8553f", "f4d03f", "b05fd0", "38b58a", "ef6fa5")
_BOTTOM = 0.465  # feet stay above this even when the camera has come close
_TOP = -0.44  # nothing named in a prompt is placed higher than this


def cast(stage: Stage, ground: Ground, duration_s: float) -> list[Element]:
    """The subjects as elements, the furthest first."""
    subjects = sorted(stage.scene.subjects, key=lambda subject: _BACK_TO_FRONT.index(subject.kind))
    actors: list[Element] = []
    for index, subject in enumerate(subjects):
        slot = (index - (len(subjects) - 1) / 2) * min(0.34, 0.7 / len(subjects)) * stage.aspect
        actors.extend(_group(stage, ground, subject, slot, duration_s))
    return actors


def _group(stage: Stage, ground: Ground, subject: Subject, slot: float, duration_s: float) -> list[Element]:
    """One subject, as many times as the prompt counts it."""
    role = ROLES[subject.figure]
    if stage.scene.place is Place.UNDERWATER and role.motion in (Motion.LEAPS, Motion.SAILS, Motion.WALKS):
        role = replace(role, motion=Motion.FLIES)  # down there everybody swims
    random = stage.scene.random(f"cast {subject.figure}")
    own = _own_colour(stage, subject, role)
    size = _size(stage, role, subject.count)
    facing = _facing(stage, random)
    y = _feet(stage, ground, role, size)
    step = role.width / role.height * size * (1.12 if role.motion is not Motion.STANDS else 1.3)
    actors: list[Element] = []
    for number, index in enumerate(_spread(subject.count)):
        jitter = random.uniform(-0.12, 0.12, 2) if subject.count > 1 else np.zeros(2)
        back = abs(index) * (0.16 * size if role.motion is Motion.FLIES else 0.02)
        mark = Mark(
            x=slot + index * step * (1 + float(jitter[0])),
            y=y - back + (0.05 * size * float(jitter[1]) if subject.count > 1 else 0.0),
            depth=ground.depth,
            size=size * (1 + 0.6 * float(jitter[1])),
            facing=facing,
            offset=float(random.random()) if subject.count > 1 else 0.0,
        )
        if role.draw is None:
            actors.append(planted_tree(stage, mark, own))
            continue
        actors.append(Actor(stage, role, mark, _varied(stage, subject, own, random, number), duration_s))
    return actors


def _spread(count: int) -> list[float]:
    """Places in a row around the middle, drawn from the outside in."""
    places = [index - (count - 1) / 2 for index in range(count)]
    return sorted(places, key=lambda place: (-abs(place), place))


def _own_colour(stage: Stage, subject: Subject, role: Role) -> Colour:
    """The colour that the prompt names, or that a tree has in bloom or in autumn, or the figure's usual one."""
    if subject.figure is Figure.TREE:
        if subject.colour is None and Feature.BLOSSOM in stage.scene.features:
            return colour("f2a3c0")
        if subject.colour is None and stage.scene.season is Season.AUTUMN:
            return colour("c8702c")
    return NAMED[subject.colour] if subject.colour else colour(role.colour)


def _varied(stage: Stage, subject: Subject, own: Colour, random: np.random.Generator, number: int) -> Colour:
    """The colour of one of a group, by its number: a little lighter or darker, or one of many colours."""
    may_be_any = subject.colour is None and subject.figure in _OF_ANY_COLOUR
    if may_be_any and Feature.COLOURFUL in stage.scene.features:
        return colour(_MANY_COLOURS[(number + stage.scene.seed) % len(_MANY_COLOURS)])
    if subject.count == 1:
        return own
    return np.clip(own * np.float32(random.uniform(0.86, 1.14)), 0, 1)


def _size(stage: Stage, role: Role, count: int) -> float:
    """A figure's height: the shot decides, and groups and narrow frames make it smaller."""
    fits = min(1.0, 0.86 * stage.aspect / (role.width * _SHOT_SCALES[stage.scene.shot_size]))
    crowd = 1.0 if count == 1 else max(0.45, 0.95 - 0.09 * count)
    return role.height * _SHOT_SCALES[stage.scene.shot_size] * fits * crowd


def _facing(stage: Stage, random: np.random.Generator) -> float:
    control = stage.scene.control
    sideways = control.horizontal + control.tilt if control is not None else 0.0
    if sideways < 0 or any(move in stage.scene.camera for move in _LEFTWARDS):
        return -1.0
    if sideways > 0 or any(move in stage.scene.camera for move in _RIGHTWARDS):
        return 1.0
    return float(random.choice([-1.0, 1.0]))


def _feet(stage: Stage, ground: Ground, role: Role, size: float) -> float:
    match role.motion:
        case Motion.FLIES:
            middle = -0.10 if stage.scene.place is not Place.SPACE else 0.0
            return max(_TOP + size, middle + size / 2)
        case Motion.FLOATS:
            return max(_TOP + size, size / 2 - 0.03)
        case _:
            low = 0.10 if stage.scene.shot_size is ShotSize.CLOSE else 0.0
            in_frame = _BOTTOM / stage.path.magnification(ground.depth)
            return max(_TOP + size * 0.8, min(ground.y, in_frame) + low)
