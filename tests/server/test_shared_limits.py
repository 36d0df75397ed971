"""The request limit holds for an account, not for each process that serves it."""

from pathlib import Path

import pytest
from sqlalchemy import select

from reelway.store.schema import request_counts
from reelway.store.store import Store
from support.databases import migrated_postgres
from support.gateway import TestGateway, running_gateway

pytestmark = pytest.mark.anyio


def told(gateway: TestGateway) -> list[int]:
    """The counts that processes have written down for each other."""
    assert isinstance(gateway.core.store, Store)
    with gateway.core.store.engines.read.connect() as connection:
        return list(connection.execute(select(request_counts.c.requests)).scalars())


async def test_two_processes_on_one_database_count_an_account_s_requests_together(
    tmp_path: Path, postgres_url: str
) -> None:
    shared = {"database_url": migrated_postgres(postgres_url), "secret_key": "s" * 40, "requests_per_minute_max": 10}
    async with (
        running_gateway(tmp_path / "a", **shared) as first,
        running_gateway(tmp_path / "b", **shared) as second,
    ):
        account = await first.account()

        async def ask(gateway: TestGateway) -> int:
            return (await gateway.http.get("/api/v1/credits", headers=account.headers)).status_code

        assert [await ask(first) for _ in range(6)] == [200] * 6
        await first.until(lambda: told(first) == [6])
        assert await ask(second) == 200
        limiter = second.gateway.shell.limiter
        await second.until(lambda: limiter.peek(account.id).remaining == 3)
        assert [await ask(second) for _ in range(4)] == [200, 200, 200, 429]
