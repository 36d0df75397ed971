"""The Rivya protocol as data: its error codes and failure messages, and a card's parameters in its words.

Shared by the dialect that serves it and by the provider that calls it. Source: Rivya contract, sections 5, 6 and 8.
"""

from typing import Any, Final

from reelway.domain.catalog import Card
from reelway.domain.generation import Generation
from reelway.domain.task import FailureCode

URL_REJECTED: Final = "webhook_url_rejected"
"""The code of the one problem that has an error code of its own. Source: contract 5.2."""

CONTENT_VIOLATION: Final = "content_violation"
"""Ours: the operator's block list refuses the request. Callers accept codes that they do not know, by contract 5.1."""

STATUSES: Final = {
    "validation_failed": 400,
    URL_REJECTED: 400,
    CONTENT_VIOLATION: 400,
    "api_key_missing": 401,
    "api_key_invalid": 401,
    "api_key_revoked": 401,
    "api_key_expired": 401,
    "insufficient_credits": 402,
    "api_scope_denied": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "idempotency_conflict": 409,
    "generation_not_cancellable": 409,
    "rate_limited": 429,
    "internal_error": 500,
    "public_api_disabled": 503,
    "service_unavailable": 503,
}
"""HTTP status by error code. `service_unavailable` is ours, for a gateway that cannot write; nothing was changed."""

FAILURE_MESSAGES: Final = {
    FailureCode.CONTENT_REJECTED: "The content was refused by the safety rules.",
    FailureCode.INVALID_REFERENCE: "A reference file could not be fetched: {reason}.",
    FailureCode.REFERENCE_TOO_LARGE: "A reference file is larger than 10 MB.",
    FailureCode.REFERENCE_UNSUPPORTED: "A reference file has an unsupported format or pixel size.",
    FailureCode.PROVIDER_REJECTED: "The provider refused the request: {reason}.",
    FailureCode.PROVIDER_UNAVAILABLE: "No provider could take the generation.",
    FailureCode.GENERATION_FAILED: "The generation failed.",
    FailureCode.STORAGE_FAILED: "The result could not be saved.",
    FailureCode.TIMEOUT: "The generation expired before it finished.",
    FailureCode.CANCELLED: "The generation was cancelled.",
    FailureCode.INTERNAL_ERROR: "The generation failed because of an internal error.",
}
"""Source: contract 8.3."""


def params_of(card: Card, generation: Generation) -> dict[str, Any]:
    """The card's parameters as the generation has them, each in its normalised form. Source: contract 7.2."""
    found: dict[str, Any] = {}
    for param in card.params:
        value = getattr(generation, param.control.value)
        match value:
            case bool():
                found[param.key] = "true" if value else "false"
            case int():
                found[param.key] = str(value)
            case "":
                continue
            case _:
                found[param.key] = value
    return found
