"""HTTP to one provider: one client for it, deadlines on everything, and every answer or fault as a value.

The line that money depends on is drawn here: `NotSent` means that not a byte of the request left for the provider, so
that no job can have been made; `Lost` means that some of it may have, and no whole answer came. Reasons are words of
ours: no URL, no header and no credential ever stands in one.
"""

import asyncio
import errno
import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from reelway.domain.public_url import IPAddress, is_callback_url
from reelway.net.fetch import FetchedFile, FetchError, FetchFailure, FetchLimits, fetch_to_file
from reelway.net.guard import AddressBlockedError, Guard, HostUnresolvableError
from reelway.providers.config import ProviderConfig

USER_AGENT: Final = "Reelway/1"
CONNECTIONS_MAX: Final = 256

ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024
"""Larger answers count as lost: no provider says so much about a job."""

_TIMER_LATE_S: Final = 0.01
"""So late a timer may wake us without making us slower than the pace."""

Authorize = Callable[[], Mapping[str, str]]
"""The headers that prove who we are; asked before every request, because some of them expire."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer, of any status. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def is_server_fault(self) -> bool:
        """A 5xx: what became of the request is not known."""
        return self.status >= 500

    def json_object(self) -> dict[str, Any] | None:
        """The body as a JSON object; None where it is anything else."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def retry_after_s(self, default_s: float) -> float:
        """`Retry-After` in seconds, within an hour; `default_s` where it is missing or is no number."""
        text = self.headers.get("retry-after", "").strip()
        return float(min(max(int(text), 1), 3_600)) if text.isdecimal() and len(text) < 10 else default_s


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing of the request reached the provider: no connection, no name, an address that is not allowed.

    `is_ours`: too many requests of our own went first, so it was not even tried.
    """

    reason: str
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """The request was sent, at least in part, and no whole answer came."""

    reason: str


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The file is larger than it may be."""

    size_bytes_max: int


Reply = Answered | NotSent | Lost
FileReply = FetchedFile | Answered | NotSent | Lost | TooLarge
Part = tuple[str, str | bytes, str | None, str | None]
"""One part of a form: name, value, file name and media type; the last two are None for a plain field."""


class HttpUpstream:
    """A client of one provider, made by its adapter and closed with it. Follows no redirects, keeps no cookies.

    Connections go through the guard: public addresses only, unless the provider's entry says `allow_private`. What may
    cost money (`post_*`) goes over a connection of its own: one that rested may die under the request, and then nobody
    knows whether it arrived.
    """

    def __init__(self, config: ProviderConfig, guard: Guard, authorize: Authorize) -> None:
        self._config = config
        self._authorize = authorize
        self._pace = _Pace(config.requests_per_second_max)
        guard = replace(guard, connect_timeout_s=config.connect_seconds)
        if config.allow_private:
            guard = replace(guard, is_allowed=_any_address)
        connections_max = min(config.concurrency_max * 2, CONNECTIONS_MAX)
        self._posting = guard.client(connections_max=connections_max, keeps_alive=False)
        self._reading = guard.client(connections_max=connections_max)

    async def post_json(
        self, path: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None, deadline_s: float
    ) -> Reply:
        """POST a JSON object to a path below the provider's base URL."""
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        given = {**(headers or {}), "Content-Type": "application/json"}
        return await self._ask(self._posting, "POST", path, deadline_s, headers=given, content=content)

    async def post_form(
        self, path: str, parts: Sequence[Part], *, headers: Mapping[str, str] | None = None, deadline_s: float
    ) -> Reply:
        """POST `multipart/form-data`."""
        files = [(name, (file_name, value, media_type)) for name, value, file_name, media_type in parts]
        return await self._ask(self._posting, "POST", path, deadline_s, headers=headers or {}, files=files)

    async def get_json(
        self, path: str, *, params: Mapping[str, str] | None = None, deadline_s: float | None = None
    ) -> Reply:
        """GET a path; the deadline is the provider's `request_seconds` unless another is given. Safe to repeat."""
        deadline_s = deadline_s or self._config.request_seconds
        return await self._ask(self._reading, "GET", path, deadline_s, headers={}, params=params)

    async def delete(self, path: str, *, deadline_s: float | None = None) -> Reply:
        """DELETE a path; a repeat does no harm."""
        deadline_s = deadline_s or self._config.request_seconds
        return await self._ask(self._posting, "DELETE", path, deadline_s, headers={})

    async def stream_to_file(self, url: str, path: Path, size_bytes_max: int, *, authorized: bool = False) -> FileReply:
        """Download a video to `path`, which must not exist yet; nothing is left there when it fails.

        `url` is absolute, or a path below the base URL. `authorized` sends our credentials, but never beyond the base
        URL's own host. Bounded by the provider's `fetch_seconds`; at most three redirects, each checked. An answer
        whose status is not 200 is `Answered` without its body.

        Raises:
            OSError: the disk is full.
        """
        url = self._url(url) if url.startswith("/") else url
        limits = FetchLimits(size_bytes_max=size_bytes_max, deadline_s=self._config.fetch_seconds)

        def headers_for(hop: str) -> Mapping[str, str]:
            return self._authorize() if authorized and _origin(hop) == _origin(self._config.base_url) else {}

        try:
            return await fetch_to_file(
                self._reading, url, path, limits, check_url=self._url_problem, headers_for=headers_for
            )
        except FetchError as exc:
            return _file_fault(exc, size_bytes_max)

    async def aclose(self) -> None:
        await self._posting.aclose()
        await self._reading.aclose()

    def _url(self, path: str) -> str:
        return self._config.base_url + path

    def _url_problem(self, url: str) -> str | None:
        return None if is_callback_url(url, self._config.allow_private) else "the URL is not one that may be fetched"

    async def _ask(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        deadline_s: float,
        *,
        headers: Mapping[str, str],
        **content: Any,
    ) -> Reply:
        """One request with its whole answer, or why there is none. It waits for its turn for as long as for its answer
        at most; a POST, whose end must be known in advance, has one deadline for both, and half of it for the turn."""
        loop = asyncio.get_running_loop()
        ends_at_s = loop.time() + deadline_s
        is_post = method == "POST"
        if not await self._pace.turn(deadline_s / 2 if is_post else deadline_s):
            return NotSent("too many requests of our own go first", is_ours=True)
        watch = _Watch()
        given = {"Accept": "application/json", "User-Agent": USER_AGENT, **headers, **self._authorize()}
        timeout = httpx.Timeout(deadline_s, connect=self._config.connect_seconds)
        try:
            async with asyncio.timeout_at(ends_at_s if is_post else loop.time() + deadline_s):
                async with client.stream(
                    method,
                    self._url(path),
                    headers=given,
                    timeout=timeout,
                    extensions={"trace": watch.saw},
                    **content,
                ) as response:
                    return await _whole(response)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, TimeoutError) as exc:
            reason = _words_for(exc)
            return Lost(reason) if watch.is_sent else NotSent(reason)


class _Watch:
    """Sees whether the first byte of a request was handed to the network, from httpcore's own trace."""

    def __init__(self) -> None:
        self.is_sent = False

    async def saw(self, event: str, _info: Mapping[str, Any]) -> None:
        if event.endswith("send_request_headers.started"):
            self.is_sent = True


class _Pace:
    """Lets requests go one after another, in the order in which they came, at most so many a second."""

    def __init__(self, per_second_max: float) -> None:
        self._gap_s = 1 / per_second_max
        self._next_s = 0.0
        self._first = asyncio.Lock()
        """Held by whoever is next. A request that is given up while it waits takes no turn with it."""

    async def turn(self, wait_s_max: float) -> bool:
        """Wait for a turn; False where it did not come in time."""
        try:
            async with asyncio.timeout(wait_s_max), self._first:
                now_s = asyncio.get_running_loop().time()
                turn_s = now_s if now_s - self._next_s > _TIMER_LATE_S else self._next_s
                if turn_s > now_s:
                    await asyncio.sleep(turn_s - now_s)
                self._next_s = turn_s + self._gap_s
        except TimeoutError:
            return False
        return True


async def _whole(response: httpx.Response) -> Reply:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > ANSWER_BYTES_MAX:
            return Lost("the answer is too long")
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answered(response.status_code, headers, bytes(body))


def _words_for(error: Exception) -> str:
    """What happened, in words that name nobody."""
    match error:
        case AddressBlockedError():
            return "the address is not allowed"
        case HostUnresolvableError():
            return "the host name cannot be resolved"
        case httpx.TimeoutException() | TimeoutError():
            return "no answer in time"
        case httpx.ConnectError():
            return "no connection"
        case httpx.InvalidURL() | httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            return "the request cannot be made"
        case _:
            return "the connection broke off"


def _file_fault(error: FetchError, size_bytes_max: int) -> FileReply:
    match error.reason:
        case FetchFailure.HTTP_STATUS:
            assert error.status is not None
            return Answered(error.status)
        case FetchFailure.TOO_LARGE:
            return TooLarge(size_bytes_max)
        case FetchFailure.NO_SPACE:
            raise OSError(errno.ENOSPC, error.public_text) from error
        case (
            FetchFailure.BAD_URL
            | FetchFailure.ADDRESS_BLOCKED
            | FetchFailure.UNRESOLVABLE
            | FetchFailure.CONNECT_FAILED
            | FetchFailure.TLS_FAILED
        ):
            return NotSent(error.public_text)
        case _:
            return Lost(error.public_text)


def _origin(url: str) -> tuple[str, str, int | None]:
    """What credentials are bound to; a URL that cannot be read has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", "", None
    return parts.scheme, parts.hostname or "", port


def _any_address(_address: IPAddress) -> bool:
    return True
