"""`reelway keys`: API keys of an account."""

from math import isnan
from typing import Annotated, Any

import typer

from reelway.cli.operator import AccountOption, JsonOption, find_account, with_core
from reelway.cli.output import ExitCode, fail, out, print_json, print_table, time_text
from reelway.domain.decide import US
from reelway.domain.generation import PUBLIC_ROUTES, Route
from reelway.domain.ids import KeyId
from reelway.domain.records import ALL_SCOPES, ApiKey, Scope
from reelway.gateway.account import FreshKey, create_account, make_key
from reelway.gateway.core import Core

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)
_DAY_US = 86_400 * US
_DAYS_MAX = 36_500


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "account": key.account_id,
        "name": key.name,
        "prefix": key.prefix,
        "access_key": key.access_key,
        "scopes": sorted(key.scopes),
        "route": key.default_route and key.default_route.value,
        "created_at": time_text(key.created_at_us),
        "expires_at": time_text(key.expires_at_us) or None,
        "revoked_at": time_text(key.revoked_at_us) or None,
        "last_used_at": time_text(key.last_used_at_us) or None,
    }


def _public_route(route: Route | None) -> Route | None:
    if route is not None and route not in PUBLIC_ROUTES:
        raise typer.BadParameter(f"must be one of {', '.join(PUBLIC_ROUTES)}")
    return route


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What the key is for.")] = "key",
    account: AccountOption = None,
    new_account: Annotated[str | None, typer.Option(help="Make an account of this name first.")] = None,
    credits: Annotated[int, typer.Option(min=0, max=10**12, help="Credits for the new account.")] = 0,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What the key may do; may be given again. Default: everything.")
    ] = None,
    expires_in_days: Annotated[
        float | None, typer.Option(min=0.0, max=_DAYS_MAX, help="Life of the key. Default: endless.")
    ] = None,
    kling: Annotated[
        bool, typer.Option("--kling", help="Also make an access key and a secret key, with which Kling clients sign.")
    ] = False,
    route: Annotated[
        Route | None,
        typer.Option(
            metavar="|".join(PUBLIC_ROUTES),
            callback=_public_route,
            help="Route of requests that name none. Default: that of the settings.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key. It is shown this once; only its hash is kept, and a secret key only sealed."""
    _check_options(account, new_account, credits, expires_in_days)
    scopes = frozenset(scope) if scope else ALL_SCOPES

    async def work(core: Core) -> FreshKey:
        now_us = core.clock.now_us()
        grants: dict[str, Any] = {
            "scopes": scopes,
            "expires_at_us": None if expires_in_days is None else now_us + round(expires_in_days * _DAY_US),
            "sealer": core.sealer if kling else None,
            "default_route": route,
        }
        if new_account is not None:
            made = await create_account(core, new_account, credits, key_name=name, **grants)
            assert made is not None
            return made
        owner = await find_account(core, account)
        fresh = make_key(owner.id, name, now_us, **grants)
        await core.store.create_key(fresh.key)
        return fresh

    fresh = with_core(work)
    if as_json:
        secrets = {"key": fresh.secret} | ({"secret_key": fresh.token_secret} if kling else {})
        print_json(_shown(fresh.key) | secrets)
        return
    _print_fresh(fresh)


def _check_options(account: str | None, new_account: str | None, credits: int, expires_in_days: float | None) -> None:
    """Options that do not go together end the command."""
    if credits and new_account is None:
        fail("--credits goes with --new-account; use `reelway credits grant` otherwise", ExitCode.USAGE)
    if account is not None and new_account is not None:
        fail("--account and --new-account exclude each other", ExitCode.USAGE)
    if expires_in_days is not None and isnan(expires_in_days):
        fail("--expires-in-days must be a number", ExitCode.USAGE)


def _print_fresh(fresh: FreshKey) -> None:
    out.print(f"Key {fresh.key.id} of account {fresh.key.account_id}, shown this once:")
    out.print(f"[bold]{fresh.secret}[/bold]", soft_wrap=True)
    if fresh.token_secret is not None:
        out.print("With it, for clients that sign their own tokens (Kling):")
        out.print(f"access key  [bold]{fresh.key.access_key}[/bold]", soft_wrap=True)
        out.print(f"secret key  [bold]{fresh.token_secret}[/bold]", soft_wrap=True)


@app.command(name="list")
def list_keys(account: AccountOption = None, as_json: JsonOption = False) -> None:
    """List keys, of one account or of all."""

    async def work(core: Core) -> list[ApiKey]:
        owner = (await find_account(core, account)).id if account is not None else None
        return list(await core.store.keys(owner))

    found = with_core(work)
    if as_json:
        print_json([_shown(key) for key in found])
        return
    print_table(
        ("id", "account", "name", "prefix", "route", "created", "expires", "revoked", "last used"),
        [
            (
                key.id,
                key.account_id,
                key.name,
                f"{key.prefix}…",
                key.default_route.value if key.default_route else "",
                time_text(key.created_at_us),
                time_text(key.expires_at_us),
                time_text(key.revoked_at_us),
                time_text(key.last_used_at_us),
            )
            for key in found
        ],
    )


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Key id, as `reelway keys list` shows it.")], as_json: JsonOption = False
) -> None:
    """Revoke a key; from the next request on it is refused."""

    async def work(core: Core) -> ApiKey | None:
        await core.store.revoke_key(KeyId(key), core.clock.now_us())
        return next((found for found in await core.store.keys(None) if found.id == key), None)

    revoked = with_core(work)
    if revoked is None:
        fail(f"no key {key}", ExitCode.NOT_FOUND)
    if as_json:
        print_json(_shown(revoked))
    else:
        out.print(f"Revoked {key}.")
