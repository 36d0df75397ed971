"""Directives in a prompt that steer the built-in engine, so that callers can test their own failure paths.

    [[reelway: delay=20s]]  [[reelway: fail=CONTENT_VIOLATION]]  [[reelway: hang]]  [[reelway: throttle]]
    [[reelway: lost-answer]]

Several may stand in one prompt, or in one pair of brackets, divided by commas. They are no part of the picture.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from reelway.domain.errors import SandboxDirectiveError
from reelway.domain.generation import Generation
from reelway.domain.task import FailureCode

DELAY_S_MAX: Final = 3_600.0
THROTTLES_MAX: Final = 20

FAILURES: Final = {
    "CONTENT_VIOLATION": FailureCode.CONTENT_REJECTED,
    "INVALID_IMAGE_URL": FailureCode.INVALID_REFERENCE,
    "IMAGE_TOO_LARGE": FailureCode.REFERENCE_TOO_LARGE,
    "UNSUPPORTED_FORMAT": FailureCode.REFERENCE_UNSUPPORTED,
    "PROVIDER_REJECTED": FailureCode.PROVIDER_REJECTED,
    "MODEL_UNAVAILABLE": FailureCode.PROVIDER_UNAVAILABLE,
    "GENERATION_FAILED": FailureCode.GENERATION_FAILED,
    "STORAGE_FAILED": FailureCode.STORAGE_FAILED,
    "INTERNAL_ERROR": FailureCode.INTERNAL_ERROR,
}
"""What `fail` may be. APIXO's words where it has them; the rest are named like the core's codes."""

WORDS: Final = (
    "delay=<seconds>s",
    f"fail=<{'|'.join(FAILURES)}>",
    "hang",
    "throttle",
    "throttle=<times>",
    "lost-answer",
)

_BRACKETS: Final = re.compile(r"\[\[\s*reelway\s*:(?P<inside>[^\[\]]*)\]\]", re.IGNORECASE)
_DELAY: Final = re.compile(r"delay\s*=\s*([0-9]{1,4}(?:\.[0-9]{1,3})?)\s*s?")
_THROTTLE: Final = re.compile(r"throttle(?:\s*=\s*([0-9]{1,2}))?")
_FAIL: Final = re.compile(r"fail\s*=\s*([A-Za-z_]+)")


@dataclass(frozen=True, slots=True)
class Directives:
    """What the engine is to do beside, or instead of, rendering.

    `delay_s`: seconds before the render begins. `throttles`: how many submits are put off before one is taken.
    """

    delay_s: float = 0.0
    failure: FailureCode | None = None
    hangs: bool = False
    throttles: int = 0
    loses_answer: bool = False


def directives_of(prompt: str) -> Directives:
    """The directives of a prompt.

    Raises:
        SandboxDirectiveError: one of them is not known, or its value is out of range.
    """
    found = Directives()
    for brackets in _BRACKETS.finditer(prompt):
        for part in brackets["inside"].split(","):
            found = _with(found, part.strip())
    return found


def _with(found: Directives, text: str) -> Directives:
    if delay := _DELAY.fullmatch(text):
        delay_s = float(delay[1])
        if delay_s <= DELAY_S_MAX:
            return replace(found, delay_s=delay_s)
    elif throttle := _THROTTLE.fullmatch(text):
        times = int(throttle[1] or 1)
        if 1 <= times <= THROTTLES_MAX:
            return replace(found, throttles=times)
    elif (fail := _FAIL.fullmatch(text)) and fail[1].upper() in FAILURES:
        return replace(found, failure=FAILURES[fail[1].upper()])
    elif text == "hang":
        return replace(found, hangs=True)
    elif text == "lost-answer":
        return replace(found, loses_answer=True)
    raise SandboxDirectiveError(text, WORDS)


def all_texts(generation: Generation) -> str:
    """Every text of a generation in which a directive may stand."""
    return "\n".join((generation.prompt, *(shot.prompt for shot in generation.shots)))


def without_directives(text: str) -> str:
    """The text as it is meant for the picture."""
    return _BRACKETS.sub("", text).strip() if "[[" in text else text


def plain(generation: Generation) -> Generation:
    """The generation as it is to be rendered."""
    shots = tuple(replace(shot, prompt=without_directives(shot.prompt)) for shot in generation.shots)
    return replace(generation, prompt=without_directives(generation.prompt), shots=shots)
