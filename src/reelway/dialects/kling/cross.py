"""Rules between fields, each by its number in the contract's section 9.1, told in that order."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reelway.domain.errors import Problem

_MARK: Final = re.compile(r"<<<(element|image|video|voice)_([0-9]{1,9})>>>")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at. A count or a flag is None where the field is faulty, which was told already.

    `texts` are the prompts that have an effect, with their places. `is_given` names the fields of the image groups that
    stand in the request. `is_image`: the request is for image2video.
    """

    is_image: bool
    texts: Sequence[tuple[str, str]]
    is_multi_shot: bool | None
    has_sound: bool | None
    voices: int | None
    elements: int | None
    given: frozenset[str]


def cross_problems(facts: Facts) -> Iterator[Problem]:
    """K12, K14 to K17 and K19 to K21."""
    given = facts.given
    if facts.is_image and facts.is_multi_shot and "image_tail" in given:
        yield Problem("image_tail", "not supported when multi_shot is true")
    marks = [(place, mark) for place, text in facts.texts for mark in _marks(text)]
    uses_voice = bool(facts.voices) or any(mark.kind == "voice" for _, mark in marks)
    if uses_voice and facts.has_sound is False:
        yield Problem("sound", "must be on when a voice is used")
    yield from _lost_marks(marks, "voice", facts.voices, "has no entry in voice_list")
    yield from _lost_marks(marks, "element", facts.elements, "has no entry in element_list")
    yield from _lost_media(marks, given)
    if not facts.is_image:
        return
    masks = given & {"static_mask", "dynamic_masks"}
    if not given & {"image", "image_tail"}:
        yield Problem("image", "one of image and image_tail is required")
    if ("image_tail" in given) + bool(masks) + ("camera_control" in given) > 1:
        yield Problem("", "image_tail, masks and camera_control exclude each other")
    if masks and "image" not in given:
        yield Problem("image", "required with masks")


@dataclass(frozen=True, slots=True)
class _Mark:
    """`<<<kind_number>>>` in a prompt; `number` counts from 1."""

    text: str
    kind: str
    number: int


def _marks(text: str) -> list[_Mark]:
    """Every different mark of a text, in the order in which they come."""
    found = (_Mark(match[0], match[1], int(match[2])) for match in _MARK.finditer(text))
    return list(dict.fromkeys(found))


def _lost_marks(marks: Sequence[tuple[str, _Mark]], kind: str, count: int | None, message: str) -> Iterator[Problem]:
    """Marks of a kind without the entry that they name; nothing where the number of entries is not known."""
    if count is None:
        return
    for place, mark in marks:
        if mark.kind == kind and not 1 <= mark.number <= count:
            yield Problem(place, f"{mark.text} {message}")


def _lost_media(marks: Sequence[tuple[str, _Mark]], given: frozenset[str]) -> Iterator[Problem]:
    """`image` is the first image and `image_tail` the second; there never is a video."""
    inputs = {1: "image", 2: "image_tail"}
    for place, mark in marks:
        is_lost = mark.kind == "video" or (mark.kind == "image" and inputs.get(mark.number) not in given)
        if is_lost:
            yield Problem(place, f"{mark.text} has no input")
