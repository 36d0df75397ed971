"""What the operator's commands share: an open store, and which account is meant."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from reelway.cli.output import ExitCode, fail, settings_for_command, told_faults
from reelway.domain.records import Account
from reelway.gateway.core import Core
from reelway.wiring import open_core

Result = TypeVar("Result")

AccountOption = Annotated[
    str | None, typer.Option("--account", help="Account id or name; may be left out where there is only one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def with_core(work: Callable[[Core], Awaitable[Result]]) -> Result:
    """Run an operator's task on the configured store; faults end the command with a message."""

    async def open_and_work() -> Result:
        async with open_core(settings) as core:
            return await work(core)

    settings = settings_for_command()
    with told_faults():
        return asyncio.run(open_and_work())


async def find_account(core: Core, wanted: str | None) -> Account:
    """The account by id or name, or the only one; ends the command where it is not clear."""
    accounts = await core.store.accounts()
    if wanted is None:
        if len(accounts) == 1:
            return accounts[0]
        names = ", ".join(f"{account.id} ({account.name})" for account in accounts) or "none yet"
        fail(f"name the account with --account; there are: {names}", ExitCode.USAGE)
    matching = [account for account in accounts if wanted in (account.id, account.name)]
    if not matching:
        fail(f"no account {wanted}", ExitCode.NOT_FOUND)
    if len(matching) > 1:
        fail(f"several accounts are called {wanted}; name it by its id", ExitCode.USAGE)
    return matching[0]
