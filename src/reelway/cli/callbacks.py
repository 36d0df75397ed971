"""`reelway callbacks`: the secret with which a task's own callbacks are signed."""

from typing import Annotated

import typer

from reelway.cli.operator import AccountOption, JsonOption, find_account, with_core
from reelway.cli.output import ExitCode, fail, out, print_json
from reelway.domain.webhooks import GRACE_HOURS_MAX
from reelway.gateway.core import Core
from reelway.gateway.webhooks import create_callback_secret

app = typer.Typer(help="Sign the callbacks that tasks ask for.", no_args_is_help=True)
secret = typer.Typer(help="Make, rotate or remove an account's signing secret.", no_args_is_help=True)
app.add_typer(secret, name="secret")
_HOUR_S = 3_600


@secret.command()
def create(account: AccountOption = None, as_json: JsonOption = False) -> None:
    """Make a secret; from now on callbacks are signed. It is shown this once."""

    async def work(core: Core) -> tuple[str, str] | None:
        owner = await find_account(core, account)
        if await core.store.outbox.callback_secrets(owner.id) is not None:
            return None
        return owner.id, await create_callback_secret(core, owner.id)

    made = with_core(work)
    if made is None:
        fail("the account has a secret; use `reelway callbacks secret rotate`", ExitCode.FAILED)
    _show(*made, as_json=as_json)


@secret.command()
def rotate(
    account: AccountOption = None,
    grace_hours: Annotated[
        int, typer.Option(min=0, max=GRACE_HOURS_MAX, help="How long the old secret stays valid beside the new one.")
    ] = GRACE_HOURS_MAX,
    as_json: JsonOption = False,
) -> None:
    """Replace the secret. For the grace time messages carry two signatures, the new one first."""

    async def work(core: Core) -> tuple[str, str] | None:
        owner = await find_account(core, account)
        if await core.store.outbox.callback_secrets(owner.id) is None:
            return None
        return owner.id, await create_callback_secret(core, owner.id, grace_s=grace_hours * _HOUR_S)

    made = with_core(work)
    if made is None:
        fail("the account has no secret; use `reelway callbacks secret create`", ExitCode.NOT_FOUND)
    _show(*made, as_json=as_json)


@secret.command()
def remove(account: AccountOption = None) -> None:
    """Remove the secret; callbacks are no longer signed."""

    async def work(core: Core) -> str | None:
        owner = await find_account(core, account)
        if await core.store.outbox.callback_secrets(owner.id) is None:
            return None
        await core.store.outbox.set_callback_secrets(owner.id, None)
        return owner.id

    owner = with_core(work)
    if owner is None:
        fail("the account has no secret", ExitCode.NOT_FOUND)
    out.print(f"Callbacks of {owner} are no longer signed.")


def _show(owner: str, made: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"account": owner, "signing_secret": made})
    else:
        out.print(f"Callbacks of {owner} are signed with this secret, shown this once:")
        out.print(f"[bold]{made}[/bold]", soft_wrap=True)
