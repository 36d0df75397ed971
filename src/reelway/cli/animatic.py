"""How the built-in engine understood a request, as the rows of a table."""

from collections.abc import Mapping, Sequence
from typing import Any

_SCENE = ("place", "time_of_day", "weather", "season", "style", "mood", "shot_size", "pace")


def shot_rows(understanding: Mapping[str, Any]) -> Sequence[tuple[str, str, str, str, str]]:
    """Number, first and last second, then a fact a row; the first three only where a shot begins."""
    rate = understanding["film"]["frames_per_second"]
    rows = []
    for shot in understanding["shots"]:
        begins_s = shot["first_frame"] / rate
        ends_s = begins_s + shot["frames"] / rate
        times = (str(shot["number"]), f"{begins_s:g} s", f"{ends_s:g} s")
        for what, words in _facts(shot):
            rows.append((*times, what, words))
            times = ("", "", "")
    return rows


def _facts(shot: Mapping[str, Any]) -> list[tuple[str, str]]:
    scene = shot["scene"]
    images = [
        words
        for key, words in (
            ("begins_with_image", "begins with the start frame"),
            ("ends_with_image", "ends with the last"),
        )
        if shot[key]
    ]
    told = [
        ("prompt", shot["prompt"]),
        ("images", ", ".join(images)),
        ("scene", ", ".join(_words(scene[name]) for name in _SCENE if scene.get(name))),
        ("subjects", ", ".join(_subject(subject) for subject in scene["subjects"])),
        ("details", ", ".join(map(_words, scene["features"]))),
        ("taken out", ", ".join(map(_words, scene["absent"]))),
        ("camera", _camera(scene)),
        ("sound", ", ".join(shot["sound"]["beds"]) if shot["sound"] else "none"),
        ("because of", ", ".join(f"{word} ({_words(fact)})" for word, fact in scene["evidence"])),
    ]
    return [(what, words) for what, words in told if words]


def _subject(subject: Mapping[str, Any]) -> str:
    count = f"{subject['count']} x " if subject.get("count", 1) > 1 else ""
    colour = f"{_words(subject['colour'])} " if subject.get("colour") else ""
    return f"{count}{colour}{_words(subject['figure'])}"


def _camera(scene: Mapping[str, Any]) -> str:
    control = scene.get("control")
    if control is not None:
        return "camera control: " + ", ".join(f"{name} {value}" for name, value in control.items() if value)
    return ", ".join(map(_words, scene["camera"]))


def _words(fact: object) -> str:
    return str(fact).replace("_", " ")
