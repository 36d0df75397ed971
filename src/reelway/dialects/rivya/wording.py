"""Problems in the words and field names of the Rivya dialect."""

from typing import Any, Final

from reelway.domain.catalog import REFERENCES_KEY, Card, Catalog, Control
from reelway.domain.errors import ContentRefusedError, Problem, SandboxDirectiveError
from reelway.domain.routing import Need, UnsupportedError
from reelway.domain.task import FailureCode
from reelway.wire.rivya import FAILURE_MESSAGES

_CONTROLS: Final = {
    Need.DURATION_S: Control.DURATION_S,
    Need.ASPECT_RATIO: Control.ASPECT_RATIO,
    Need.MODE: Control.MODE,
    Need.SOUND: Control.SOUND,
    Need.MULTI_SHOTS: Control.MULTI_SHOTS,
    Need.NEGATIVE_PROMPT: Control.NEGATIVE_PROMPT,
}
_REFERENCE_FIELDS: Final = {
    Need.PRODUCT: f"params.{REFERENCES_KEY}",
    Need.REFERENCE_KIND: f"params.{REFERENCES_KEY}",
    Need.LAST_FRAME: f"params.{REFERENCES_KEY}[1]",
}


def problem_object(problem: Problem) -> dict[str, Any]:
    """One entry of `error.details`. Source: contract 5.1."""
    found: dict[str, Any] = {"field": problem.field, "message": problem.message}
    if problem.allowed is not None:
        found["allowed"] = list(problem.allowed)
    return found


def refusal_problem(error: UnsupportedError | SandboxDirectiveError | ContentRefusedError, catalog: Catalog) -> Problem:
    """What is wrong with a request that breaks no rule of its card."""
    if isinstance(error, SandboxDirectiveError):
        return Problem("prompt", f"Unknown sandbox directive: {error.text[:_TEXT_LENGTH_MAX]}.", error.allowed)
    if isinstance(error, ContentRefusedError):
        return Problem("body", FAILURE_MESSAGES[FailureCode.CONTENT_REJECTED])
    return _unsupported_problem(error, catalog)


def _unsupported_problem(error: UnsupportedError, catalog: Catalog) -> Problem:
    """The first field, in the order of the card, that no provider can do. Source: contract 7.4, V40."""
    card = catalog[error.model]
    for param in card.params:
        need = next((need for need in error.unmet if _CONTROLS.get(need) is param.control), None)
        if need is not None:
            allowed = error.unmet[need] if param.options else None
            return Problem(f"params.{param.key}", _UNSUPPORTED, allowed)
    return Problem(_reference_field(error, card), _UNSUPPORTED)


def _reference_field(error: UnsupportedError, card: Card) -> str:
    """A fault of the reference media; `params` where only the combination is at fault."""
    if not card.references.files_max:
        return "params"
    return next((field for need, field in _REFERENCE_FIELDS.items() if need in error.unmet), "params")


_TEXT_LENGTH_MAX: Final = 100
_UNSUPPORTED: Final = "Not supported by any configured provider."
