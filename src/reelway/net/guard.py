"""HTTP clients whose connections go only to addresses that a policy has checked.

A name is resolved once for each connection, every address it has must be allowed, and the connection goes to one of
those very addresses: an answer that changes between check and use changes nothing. The certificate is still checked
against the name.
"""

import asyncio
import functools
import ipaddress
import math
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from reelway.domain.public_url import IPAddress, is_public_address

Resolve = Callable[[str, int], Awaitable[Sequence[IPAddress]]]

ADDRESSES_TRIED_MAX = 4
# Lookups have threads of their own: a slow name server that holds them all holds up lookups and nothing else.
_LOOKUP_THREADS = ThreadPoolExecutor(max_workers=16, thread_name_prefix="resolve")


class AddressBlockedError(httpx.ConnectError):
    """The host has an address that the policy does not allow; no connection was made. A repeat would not help."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__("the host's address is not allowed")


class HostUnresolvableError(httpx.ConnectError):
    """The host's name has no address."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__("the host's name cannot be resolved")


async def resolve_with_system(host: str, port: int) -> list[IPAddress]:
    """Ask the operating system's resolver. The caller sets the deadline.

    Raises:
        HostUnresolvableError: there is no such name, or no name server answers.
    """
    loop = asyncio.get_running_loop()
    lookup = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = await loop.run_in_executor(_LOOKUP_THREADS, lookup)
    except (socket.gaierror, UnicodeError) as exc:  # UnicodeError: a label that is empty or too long for DNS
        raise HostUnresolvableError(host) from exc
    return [ipaddress.ip_address(endpoint[0]) for *_, endpoint in found]


@dataclass(frozen=True, slots=True)
class Guard:
    """Where connections may go. `tls` is `None` for the usual public authorities."""

    resolve: Resolve = resolve_with_system
    is_allowed: Callable[[IPAddress], bool] = is_public_address
    tls: ssl.SSLContext | None = None
    connect_timeout_s: float = 10.0

    @property
    def tls_context(self) -> ssl.SSLContext:
        return self.tls or _public_tls()

    def backend(self) -> httpcore.AsyncNetworkBackend:
        """What opens connections under this policy, for those who manage connections of their own."""
        return _GuardedBackend(self)

    def client(
        self,
        *,
        timeout_s: float = 30.0,
        connections_max: int = 100,
        headers: Mapping[str, str] | None = None,
        base_url: str = "",
        keeps_alive: bool = True,
    ) -> httpx.AsyncClient:
        """A client that keeps to this policy, follows no redirects, keeps no cookies and ignores the environment.

        `timeout_s` bounds each single wait: for a free connection, for a read and for a write. `keeps_alive`: a
        connection is used again; one that rested may die under the next request.
        """
        return httpx.AsyncClient(
            transport=_GuardedTransport(self, connections_max, connections_max if keeps_alive else 0),
            timeout=httpx.Timeout(timeout_s, connect=self.connect_timeout_s),
            headers=headers,
            base_url=base_url,
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport with its connection pool replaced: httpx has no public way to set a network backend."""

    def __init__(self, guard: Guard, connections_max: int, resting_max: int) -> None:
        tls = guard.tls_context
        super().__init__(verify=tls, trust_env=False)
        if not isinstance(self._pool, httpcore.AsyncConnectionPool):  # a later httpx must not slip past the guard
            raise TypeError("this httpx keeps its connection pool elsewhere")
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=connections_max,
            max_keepalive_connections=resting_max,
            keepalive_expiry=5.0,
            http1=True,
            http2=False,
            retries=0,
            network_backend=guard.backend(),
        )


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens every connection of a pool: the one place where a name becomes an address."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        budget_s = min(self._guard.connect_timeout_s, math.inf if timeout is None else timeout)
        ends_at = asyncio.get_running_loop().time() + budget_s
        try:
            async with asyncio.timeout_at(ends_at):
                addresses = await self._checked_addresses(host, port)
        except TimeoutError as exc:
            raise httpcore.ConnectTimeout("the host's name was not resolved in time") from exc
        options = None if socket_options is None else list(socket_options)
        return await self._connect_first(addresses, port, ends_at, local_address, options)

    async def _checked_addresses(self, host: str, port: int) -> list[IPAddress]:
        literal = _as_address(host)
        found = [literal] if literal is not None else await self._guard.resolve(host, port)
        addresses = list(dict.fromkeys(found))
        if not addresses:
            raise HostUnresolvableError(host)
        if not all(self._guard.is_allowed(address) for address in addresses):
            raise AddressBlockedError(host)
        return addresses[:ADDRESSES_TRIED_MAX]

    async def _connect_first(
        self,
        addresses: Sequence[IPAddress],
        port: int,
        ends_at: float,
        local_address: str | None,
        socket_options: list[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.AsyncNetworkStream:
        """Try the addresses in turn, each with an equal share of the time that is left."""
        failure: Exception = httpcore.ConnectTimeout("no time was left to connect")
        for tried, address in enumerate(addresses):
            share_s = (ends_at - asyncio.get_running_loop().time()) / (len(addresses) - tried)
            if share_s <= 0:
                break
            try:
                stream = await self._network.connect_tcp(str(address), port, share_s, local_address, socket_options)
                return _PlainStream(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise AddressBlockedError("a local socket")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


class _PlainStream(httpcore.AsyncNetworkStream):
    """A connection that closes when a handshake on it is cancelled.

    httpcore closes it after an error only: a host that lets handshakes hang would collect our sockets, one a deadline.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            await self._stream.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _as_address(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


@functools.cache
def _public_tls() -> ssl.SSLContext:
    """Made once: loading the authorities takes some 15 ms."""
    return httpx.create_ssl_context(trust_env=False)
