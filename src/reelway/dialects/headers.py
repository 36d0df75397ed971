"""Headers that go with an error in every dialect, because HTTP gives them their meaning."""

from reelway.domain import errors
from reelway.domain.errors import ReelwayError


def error_headers(error: ReelwayError) -> tuple[tuple[str, str], ...]:
    """`Allow`, or how many seconds to wait before the next try."""
    match error:
        case errors.MethodNotAllowedError(allowed=allowed):
            return (("Allow", ", ".join(allowed)),)
        case errors.IdempotencyConflictError(is_in_progress=True):
            return (("Retry-After", "1"),)
        case (
            errors.RateLimitedError(retry_after_s=seconds)
            | errors.TooManyUnfinishedError(retry_after_s=seconds)
            | errors.ApiDisabledError(retry_after_s=seconds)
            | errors.UnavailableError(retry_after_s=seconds)
        ):
            return (("Retry-After", str(seconds)),)
        case _:
            return ()
