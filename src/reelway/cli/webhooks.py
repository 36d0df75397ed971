"""`reelway webhooks`: the accounts' endpoints and the last attempts to tell somebody."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from reelway.cli.operator import AccountOption, JsonOption, find_account, with_core
from reelway.cli.output import print_json, print_table, time_text
from reelway.domain.ids import AccountId
from reelway.domain.webhooks import Delivery, Endpoint
from reelway.gateway.core import Core

app = typer.Typer(help="Look at webhook endpoints and deliveries.", no_args_is_help=True)


async def _owner(core: Core, account: str | None) -> AccountId | None:
    return (await find_account(core, account)).id if account is not None else None


@app.command(name="list")
def list_endpoints(account: AccountOption = None, as_json: JsonOption = False) -> None:
    """List endpoints, of one account or of all, newest first."""

    async def work(core: Core) -> Sequence[Endpoint]:
        return await core.store.outbox.endpoints(await _owner(core, account))

    rows = [
        {
            "id": endpoint.id,
            "account": endpoint.account_id,
            "name": endpoint.name,
            "url": endpoint.url,
            "status": endpoint.status.value,
            "failures": endpoint.failure_count,
            "last_success": time_text(endpoint.last_success_at_us),
            "last_failure": time_text(endpoint.last_failure_at_us),
        }
        for endpoint in with_core(work)
    ]
    _print(rows, ("id", "account", "name", "url", "status", "failures", "last_success", "last_failure"), as_json)


@app.command()
def deliveries(
    account: AccountOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List the newest attempts to tell endpoints and callbacks, newest first."""

    async def work(core: Core) -> Sequence[Delivery]:
        return await core.store.outbox.last_deliveries(await _owner(core, account), limit)

    rows = [
        {
            "id": delivery.id,
            "at": time_text(delivery.created_at_us),
            "receiver": delivery.endpoint_id or "callback",
            "task": delivery.task_id or "test",
            "attempt": delivery.attempt,
            "answer": delivery.status_code or (delivery.error.value if delivery.error else ""),
            "ms": delivery.duration_ms,
            "next": time_text(delivery.next_attempt_at_us),
        }
        for delivery in with_core(work)
    ]
    _print(rows, ("id", "at", "receiver", "task", "attempt", "answer", "ms", "next"), as_json)


def _print(rows: Sequence[Mapping[str, object]], names: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        print_json([{name: value if value != "" else None for name, value in row.items()} for row in rows])
    else:
        print_table(names, [tuple(str(row[name]) for name in names) for row in rows])
