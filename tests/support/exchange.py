"""Talk to a gateway in ways that no HTTP client offers, and what the tests of every dialect ask of it."""

import asyncio

import httpx

from reelway.domain.records import TaskFilter
from support.gateway import Account, TestGateway

ULID = "[0-9A-HJKMNP-TV-Z]{26}"
TASK_ID = f"task_{ULID}"
RATE_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


async def raw_exchange(gateway: TestGateway, request: bytes) -> httpx.Response:
    """Send bytes as they are and read one answer, without saying that more bytes will not follow."""
    port = httpx.URL(gateway.base_url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(20):
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = [tuple(line.split(": ", 1)) for line in lines[1:] if line]
            answer_headers = httpx.Headers([(name, value) for name, value in headers])
            body = await reader.readexactly(int(answer_headers["content-length"]))
    finally:
        writer.close()
    return httpx.Response(int(lines[0].split()[1]), headers=answer_headers, content=body)


async def ask_often(gateway: TestGateway, owner: Account, count: int) -> None:
    """Many requests down one connection without waiting for each answer; all must be answered with 200."""
    request = (
        f"GET /api/v1/generations/x HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {owner.key}\r\n\r\n"
    ).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(gateway.base_url).port)
    answered = 0
    try:
        for start in range(0, count, 500):
            writer.write(request * min(500, count - start))
            async with asyncio.timeout(20):
                for _ in range(min(500, count - start)):
                    head = await reader.readuntil(b"\r\n\r\n")
                    assert head.startswith(b"HTTP/1.1 404")
                    length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
                    await reader.readexactly(int(length))
                    answered += 1
    finally:
        writer.close()
    assert answered == count


async def revoke(gateway: TestGateway, account: Account) -> None:
    """Revoke the one key that the account has under this secret."""
    keys = await gateway.core.store.keys(account.id)
    (key,) = (key for key in keys if account.key.startswith(key.prefix))
    assert await gateway.core.store.revoke_key(key.id, gateway.clock.now_us())


async def task_count(gateway: TestGateway, account: Account) -> int:
    """How many tasks the account has, by the core and not by a dialect."""
    page = await gateway.core.store.list_tasks(TaskFilter(account.id, limit=100))
    return len(page.tasks)
