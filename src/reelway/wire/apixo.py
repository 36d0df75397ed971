"""The APIXO protocol as data: its states, failure codes and messages.

Shared by the dialect that serves it and by the provider that calls it. Source: APIXO contract, sections 5, 7 and 8.
"""

from typing import Final

from reelway.domain.task import FailureCode, PublicStatus

SUCCESS: Final = "success"

STATES: Final = {
    PublicStatus.QUEUED: "pending",
    PublicStatus.PROCESSING: "processing",
    PublicStatus.SUCCEEDED: "success",
    PublicStatus.FAILED: "failed",
}
"""Source: contract 7.3."""

_GENERATION_FAILED: Final = ("GENERATION_FAILED", "Generation failed")
FAILURES: Final = {
    FailureCode.CONTENT_REJECTED: ("CONTENT_VIOLATION", "Content violates the safety rules"),
    FailureCode.INVALID_REFERENCE: ("INVALID_IMAGE_URL", "Cannot access image URL: {reason}"),
    FailureCode.REFERENCE_TOO_LARGE: ("IMAGE_TOO_LARGE", "Image is larger than 10 MB"),
    FailureCode.REFERENCE_UNSUPPORTED: ("UNSUPPORTED_FORMAT", "Image must be JPEG, PNG or WebP"),
    FailureCode.TIMEOUT: ("PROCESSING_TIMEOUT", "The task took too long"),
    FailureCode.PROVIDER_UNAVAILABLE: ("MODEL_UNAVAILABLE", "The model is not available at the moment"),
    FailureCode.GENERATION_FAILED: _GENERATION_FAILED,
    FailureCode.PROVIDER_REJECTED: _GENERATION_FAILED,
    FailureCode.STORAGE_FAILED: _GENERATION_FAILED,
    FailureCode.INTERNAL_ERROR: _GENERATION_FAILED,
    FailureCode.CANCELLED: ("GENERATION_FAILED", "The task was cancelled"),
}
"""`failCode` and `failMsg`. Source: contract 8.1."""

STATUSES: Final = {
    "Invalid request": 400,
    "Insufficient credits": 400,
    "Invalid or missing API key": 401,
    "API key is not allowed to do this": 403,
    "Model not found": 404,
    "Task not found": 404,
    "Not found": 404,
    "Method not allowed": 405,
    "Idempotency-Key was used with a different request": 409,
    "A request with this Idempotency-Key is in progress": 409,
    "Request body too large": 413,
    "Rate limit exceeded": 429,
    "Concurrent task limit exceeded": 429,
    "Internal error": 500,
    "Service temporarily unavailable": 503,
}
"""`code`, which is also the HTTP status, by `message`. Source: contract 5.2."""
