"""`reelway credits`: what an account owns, and how that came about."""

from typing import Annotated, Any

import typer

from reelway.cli.operator import AccountOption, JsonOption, find_account, with_core
from reelway.cli.output import ExitCode, fail, out, print_json, print_table, time_text
from reelway.domain.ledger import Transfer, balance_change
from reelway.domain.records import Account
from reelway.gateway.account import give_credits
from reelway.gateway.core import Core

app = typer.Typer(help="Grant credits, show balances and the ledger.", no_args_is_help=True)
_AMOUNT_MAX = 10**12


@app.command()
def grant(
    amount: Annotated[int, typer.Argument(min=-_AMOUNT_MAX, max=_AMOUNT_MAX, help="Credits; negative takes back.")],
    account: AccountOption = None,
    reason: Annotated[str, typer.Option(help="Why; kept with the ledger row.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Give credits to an account, or take some back (a negative amount, after `--`)."""
    if amount == 0:
        fail("the amount must not be 0", ExitCode.USAGE)

    async def work(core: Core) -> tuple[Transfer | None, Account]:
        owner = await find_account(core, account)
        transfer = await give_credits(core, owner.id, amount, reason)
        return transfer, await core.store.account(owner.id) or owner

    transfer, owner = with_core(work)
    if transfer is None:
        fail(f"{owner.balance.available_credits} credits are available, so {-amount} cannot be taken back")
    if as_json:
        print_json(_balance(owner))
    else:
        out.print(f"{owner.name}: {owner.balance.available_credits} credits available.")


@app.command()
def balance(account: AccountOption = None, as_json: JsonOption = False) -> None:
    """Show what may be spent, what is held, and how many tasks are unfinished; of all accounts by default."""

    async def work(core: Core) -> list[Account]:
        return [await find_account(core, account)] if account is not None else list(await core.store.accounts())

    found = with_core(work)
    if as_json:
        print_json([_balance(owner) for owner in found])
        return
    numbers = ("available", "held", "owned", "unfinished tasks")
    print_table(
        ("id", "name", *numbers),
        [(owner.id, owner.name, *(str(value) for value in list(_balance(owner).values())[2:])) for owner in found],
        right=numbers,
    )


def _balance(owner: Account) -> dict[str, Any]:
    return {
        "id": owner.id,
        "name": owner.name,
        "available_credits": owner.balance.available_credits,
        "held_credits": owner.balance.pending_credits,
        "owned_credits": owner.balance.posted_credits,
        "unfinished_tasks": owner.unfinished_tasks,
    }


@app.command()
def ledger(
    account: AccountOption = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many of the newest rows.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show an account's ledger, newest row last, with the balance after each row."""

    async def work(core: Core) -> None:
        owner = await find_account(core, account)
        if as_json:
            rows = await _running(core, owner, limit)
            print_json([_row(row) | {"available_credits": available} for row, available in rows])
        else:
            await print_ledger(core, owner, limit=limit)

    with_core(work)


def _row(row: Transfer) -> dict[str, Any]:
    return {
        "id": row.id,
        "time": time_text(row.created_at_us),
        "kind": row.kind.value,
        "amount_credits": row.amount_credits,
        "available_change": _change(row),
        "task_id": row.task_id,
        "reason": row.reason,
    }


async def print_ledger(core: Core, owner: Account, *, limit: int) -> None:
    """The newest rows as a table."""
    rows = [
        (
            time_text(row.created_at_us),
            row.kind.value,
            str(row.amount_credits),
            f"{_change(row):+d}",
            str(available),
            row.task_id or row.reason,
        )
        for row, available in await _running(core, owner, limit)
    ]
    numbers = ("credits", "change", "available")
    print_table(("time (UTC)", "ledger", *numbers, "task or reason"), rows, right=numbers)


async def _running(core: Core, owner: Account, limit: int) -> list[tuple[Transfer, int]]:
    """The newest rows, newest last, each with what was available after it."""
    available = owner.balance.available_credits
    rows = []
    for row in await core.store.transfers(owner.id, limit):
        rows.append((row, available))
        available -= _change(row)
    return rows[::-1]


def _change(row: Transfer) -> int:
    """By how much the row changed what is available."""
    posted, pending = balance_change(row)
    return posted - pending
