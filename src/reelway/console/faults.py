"""What a page says when something is wrong: a status and the words of the visitor's language for every error."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from reelway.console.security import ConsoleError, NotSignedInError
from reelway.console.visit import CONSOLE, Visit
from reelway.domain import errors
from reelway.domain.errors import MethodNotAllowedError, RateLimitedError, ReelwayError

_STATUS: Final[Mapping[type[ReelwayError], int]] = {
    errors.ApiKeyError: 401,
    errors.ScopeDeniedError: 403,
    errors.NotFoundError: 404,
    errors.MethodNotAllowedError: 405,
    errors.NotCancellableError: 409,
    errors.NotDeletableError: 409,
    errors.ResultNotReadyError: 409,
    errors.ResultExpiredError: 410,
    errors.BodyTooLargeError: 413,
    errors.ContentTypeError: 415,
    errors.ValidationFailedError: 422,
    errors.InsufficientCreditsError: 402,
    errors.RateLimitedError: 429,
    errors.TooManyUnfinishedError: 429,
    errors.InternalError: 500,
    errors.UnavailableError: 503,
}


def page_of(visit: Visit, error: ReelwayError | ConsoleError, page: str = "fault.html", **values: object) -> Response:
    """The page that tells of an error; who is not signed in is led to do that first. `page` is its template."""
    if isinstance(error, NotSignedInError):
        is_get = visit.request.method in ("GET", "HEAD") and not visit.is_fragment
        return visit.redirect(f"{CONSOLE}/sign-in", next=visit.here if is_get else None)
    status = status_of(error)
    code = error.code
    problems = error.problems if isinstance(error, errors.ValidationFailedError) else ()
    template = "fault_piece.html" if visit.is_fragment else page
    response = visit.render(template, status, code=code, problems=problems, error=error, **values)
    if isinstance(error, RateLimitedError):
        response.headers["retry-after"] = str(error.retry_after_s)
    if isinstance(error, MethodNotAllowedError):
        response.headers["allow"] = ", ".join(error.allowed)
    return response


def status_of(error: ReelwayError | ConsoleError) -> int:
    if isinstance(error, ConsoleError):
        return 403
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 400)
