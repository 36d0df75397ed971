"""Fetching from a server of the test's own, and what comes of it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from net.servers import (
    HOST,
    Names,
    Script,
    Server,
    open_guard,
    serving,
)
from reelway.net.fetch import FetchedFile, FetchError, FetchLimits, fetch_to_file

MB = 1024 * 1024
LIMITS = FetchLimits(size_bytes_max=10 * MB, deadline_s=5.0)
ELEVEN_MB = bytes(range(256)) * (11 * MB // 256)
GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)


def fetched(
    path: Path,
    answers: dict[str, bytes | Script],
    *,
    limits: FetchLimits = LIMITS,
    names: Names | None = None,
    url: Callable[[Server], str] = lambda server: server.url("/a"),
    certificate_for: str = HOST,
    prepare: Callable[[Server], None] = lambda server: None,
) -> tuple[FetchedFile | FetchError, Server]:
    """Serve `answers`, fetch, and give back what came of it."""

    async def scenario() -> tuple[FetchedFile | FetchError, Server]:
        async with serving(answers, names=[certificate_for]) as server, open_guard(names).client() as client:
            prepare(server)
            try:
                return await fetch_to_file(client, url(server), path, limits), server
            except FetchError as exc:
                return exc, server

    outcome = asyncio.run(asyncio.wait_for(scenario(), 20))
    if isinstance(outcome[0], FetchError):
        assert list(path.parent.iterdir()) == [], "something was left behind"
    return outcome


def refusal(path: Path, answers: dict[str, bytes | Script], **options: object) -> FetchError:
    outcome, _ = fetched(path, answers, **options)  # type: ignore[arg-type]
    assert isinstance(outcome, FetchError), outcome
    return outcome
