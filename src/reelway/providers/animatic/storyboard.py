"""Which shots a request has: one, those that it lists, or one a sentence. Pure.

Shots follow each other with hard cuts, and each begins on a whole second.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reelway.domain.generation import Shot
from reelway.providers.animatic.scene import SceneDescription, describe
from reelway.providers.animatic.spec import FRAMES_PER_SECOND, RenderSpec

SHOTS_MAX: Final = 6
_SENTENCE_END = re.compile(r"(?<=[.!?;…])\s+|(?<=[。！？；۔؟])\s*|\n+")
_VOICE = re.compile(r"<<<\s*\w{1,40}\s*>>>")
_ABBREVIATIONS = ("mr.", "mrs.", "ms.", "dr.", "st.", "vs.", "e.g.", "i.e.", "etc.", "no.")


@dataclass(frozen=True, slots=True)
class Take:
    """One shot: its place in the film, its scene, and the images that it begins and ends with."""

    number: int
    count: int
    prompt: str
    first_frame: int
    frames: int
    scene: SceneDescription
    start_frame: Path | None = None
    last_frame: Path | None = None

    @property
    def has_image(self) -> bool:
        return self.start_frame is not None or self.last_frame is not None


def storyboard(spec: RenderSpec) -> tuple[Take, ...]:
    """The request's shots in their order; together they have all its frames.

    The start frame opens the first shot and the last frame closes the last one.
    """
    shots = _shots(spec)
    takes: list[Take] = []
    for number, shot in enumerate(shots):
        prompt = plain_prompt(shot.prompt)
        before = takes[-1] if takes else None
        takes.append(
            Take(
                number=number,
                count=len(shots),
                prompt=prompt,
                first_frame=before.first_frame + before.frames if before else 0,
                frames=shot.duration_s * FRAMES_PER_SECOND,
                scene=describe(
                    prompt,
                    spec.negative_prompt,
                    spec.cfg_scale,
                    spec.camera,
                    number=number,
                    before=before.scene if before else None,
                ),
                start_frame=spec.start_frame if number == 0 else None,
                last_frame=spec.last_frame if number == len(shots) - 1 else None,
            )
        )
    assert takes[-1].first_frame + takes[-1].frames == spec.frames, "the shots fill the whole duration"
    return tuple(takes)


def plain_prompt(text: str) -> str:
    """The prompt without calls of voices, which are no words of the picture."""
    return _VOICE.sub(" ", text).strip()


def _shots(spec: RenderSpec) -> Sequence[Shot]:
    if spec.shots:
        return spec.shots
    if not spec.splits_shots:
        return (Shot(spec.prompt, spec.duration_s),)
    parts = sentences(spec.prompt, min(SHOTS_MAX, spec.duration_s)) or [spec.prompt]
    return [Shot(part, share) for part, share in zip(parts, _seconds(parts, spec.duration_s), strict=True)]


def sentences(text: str, count_max: int) -> list[str]:
    """A text's sentences in any script; the shortest neighbours are joined until there are `count_max` at most."""
    parts: list[str] = []
    for part in _SENTENCE_END.split(text):
        part = part.strip()
        if parts and parts[-1].casefold().endswith(_ABBREVIATIONS):
            parts[-1] = f"{parts[-1]} {part}"
        elif any(letter.isalnum() for letter in part):
            parts.append(part)
        elif parts and part:
            parts[-1] += part
    while len(parts) > count_max:
        shortest = min(range(len(parts) - 1), key=lambda at: len(parts[at]) + len(parts[at + 1]))
        parts[shortest : shortest + 2] = [f"{parts[shortest]} {parts[shortest + 1]}"]
    return parts


def _seconds(parts: Sequence[str], total_s: int) -> list[int]:
    """Whole seconds for each part, at least one, the rest by length; they add up to the total."""
    weights = [min(160, len(part)) + 40 for part in parts]
    spare = total_s - len(parts)
    exact = [spare * weight / sum(weights) for weight in weights]
    shares = [1 + int(share) for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda at: (int(exact[at]) - exact[at], at))
    for at in by_remainder[: total_s - sum(shares)]:
        shares[at] += 1
    return shares
