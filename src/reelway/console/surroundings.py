"""What the console is given from outside: the use cases, the dialects, and a few things of the HTTP server."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from starlette.types import Receive, Scope, Send

from reelway.dialects.base import Dialect, Form, Links, ParseContext
from reelway.domain.generation import Generation
from reelway.gateway.core import Core
from reelway.gateway.sessions import Tickets


class Limiter(Protocol):
    def count(self, who: str) -> object:
        """Raises: RateLimitedError: there were too many."""
        ...


class FormReader(Protocol):
    def __call__(
        self, scope: Scope, receive: Receive, send: Send, file_bytes_max: Callable[[Mapping[str, str]], int]
    ) -> AbstractAsyncContextManager[Form]:
        """The fields and files of a multipart request. `file_bytes_max` is asked with the fields before a file."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`base_url` is the public one, without a slash at its end.

    `requests` counts what an account (or an address) asks for, `sign_ins` attempts to sign in by address;
    `address_key` is the name under which an address is counted. `parsing` is what parsing knows of the world before it
    has looked for files of the caller. `run_s`: how long a generation takes.
    """

    core: Core
    dialects: Sequence[Dialect]
    links: Links
    base_url: str
    requests: Limiter
    sign_ins: Limiter
    address_key: Callable[[str], str]
    read_multipart: FormReader
    parsing: ParseContext
    run_s: Callable[[Generation], float]
    tickets: Tickets = field(default_factory=Tickets)
