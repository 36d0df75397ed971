"""The OpenAI Videos protocol as data: its sizes, codes and failures.

Shared by the dialect that serves it and by the provider that calls it. Source: OpenAI Videos contract, sections 5, 6
and 8.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reelway.domain.generation import Mode
from reelway.domain.task import FailureCode

POLL_HEADER: Final = "openai-poll-after-ms"

SIZES: Final[Mapping[str, tuple[str, Mode]]] = MappingProxyType(
    {
        "1280x720": ("16:9", Mode.STD),
        "720x1280": ("9:16", Mode.STD),
        "720x720": ("1:1", Mode.STD),
        "1920x1080": ("16:9", Mode.PRO),
        "1080x1920": ("9:16", Mode.PRO),
        "1080x1080": ("1:1", Mode.PRO),
        "1792x1024": ("16:9", Mode.PRO),
        "1024x1792": ("9:16", Mode.PRO),
        "3840x2160": ("16:9", Mode.UHD),
        "2160x3840": ("9:16", Mode.UHD),
        "2160x2160": ("1:1", Mode.UHD),
    }
)
"""Aspect ratio and mode of each size; of two sizes that mean the same the first is the usual one. Contract 6.3."""


def usual_size(aspect_ratio: str, mode: Mode) -> str:
    """The size that stands for an aspect ratio and a mode."""
    return next(size for size, meant in SIZES.items() if meant == (aspect_ratio, mode))


_INVALID: Final = "invalid_request_error"

CODES: Final[dict[str, tuple[int, str]]] = {
    "invalid_content_type": (400, _INVALID),
    "invalid_body": (400, _INVALID),
    "missing_required_parameter": (400, _INVALID),
    "invalid_type": (400, _INVALID),
    "invalid_value": (400, _INVALID),
    "string_above_max_length": (400, _INVALID),
    "unknown_parameter": (400, _INVALID),
    "unsupported_parameter": (400, _INVALID),
    "unsupported_value": (400, _INVALID),
    "invalid_image": (400, _INVALID),
    "moderation_blocked": (400, _INVALID),
    "file_not_found": (400, _INVALID),
    "video_failed": (400, _INVALID),
    "missing_api_key": (401, _INVALID),
    "invalid_api_key": (401, _INVALID),
    "insufficient_scope": (403, "permission_error"),
    "model_not_found": (404, _INVALID),
    "video_not_found": (404, _INVALID),
    "video_not_ready": (404, _INVALID),
    "unsupported_endpoint": (404, _INVALID),
    "not_found": (404, _INVALID),
    "method_not_allowed": (405, _INVALID),
    "video_not_deletable": (409, _INVALID),
    "idempotency_conflict": (409, _INVALID),
    "idempotency_in_progress": (409, _INVALID),
    "video_expired": (410, _INVALID),
    "request_too_large": (413, _INVALID),
    "file_too_large": (413, _INVALID),
    "rate_limit_exceeded": (429, "rate_limit_error"),
    "concurrency_limit_exceeded": (429, "rate_limit_error"),
    "insufficient_quota": (429, "insufficient_quota"),
    "internal_error": (500, "server_error"),
    "service_unavailable": (503, "server_error"),
}
"""HTTP status and `type` by `code`. Source: contract 5.2."""

FAILURES: Final = {
    FailureCode.CONTENT_REJECTED: ("moderation_blocked", "The content was refused by the safety rules."),
    FailureCode.INVALID_REFERENCE: ("invalid_input_reference", "The input image could not be fetched: {reason}."),
    FailureCode.REFERENCE_TOO_LARGE: ("invalid_input_reference", "The input image is larger than 10 MB."),
    FailureCode.REFERENCE_UNSUPPORTED: (
        "invalid_input_reference",
        "The input image has an unsupported format or pixel size.",
    ),
    FailureCode.GENERATION_FAILED: ("generation_failed", "The generation failed."),
    FailureCode.PROVIDER_REJECTED: ("generation_failed", "The provider refused the request: {reason}."),
    FailureCode.STORAGE_FAILED: ("generation_failed", "The result could not be saved."),
    FailureCode.PROVIDER_UNAVAILABLE: ("model_unavailable", "No provider could take the video."),
    FailureCode.TIMEOUT: ("expired", "The video expired before it finished."),
    FailureCode.CANCELLED: ("cancelled", "The video was cancelled."),
    FailureCode.INTERNAL_ERROR: ("server_error", "Internal error."),
}
"""Source: contract 8.3."""
