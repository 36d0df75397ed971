"""Signing in and out."""

from typing import Final

from starlette.responses import Response

from reelway.console.security import local_path
from reelway.console.visit import CONSOLE, Page, Visit
from reelway.domain.errors import ApiKeyError, MethodNotAllowedError
from reelway.gateway import sessions
from reelway.gateway.sessions import SignedIn

HOME: Final = f"{CONSOLE}/"
SIGN_IN: Final = f"{CONSOLE}/sign-in"
ENTER: Final = f"{CONSOLE}/enter"
"""The path of the one-time link; its secret is the query's `ticket`."""


async def sign_in_page(visit: Visit) -> Response:
    if visit.signed_in is not None:
        return visit.redirect(HOME)
    return visit.render("sign_in.html", next=visit.query.text("next"), fault=None)


async def sign_in(visit: Visit) -> Response:
    """With an API key. Attempts are counted by address, whether they succeed or not."""
    around = visit.site.around
    client = visit.request.client
    around.sign_ins.count(around.address_key(client.host if client else "unknown"))
    wanted = visit.form.text("next")
    try:
        signed_in, secret = await sessions.sign_in(visit.core, visit.form.text("key"))
    except ApiKeyError as error:
        return visit.render("sign_in.html", 401, next=wanted, fault=f"sign_in.fault.{error.fault.value}")
    _remember(visit, signed_in, secret)
    return visit.redirect_here(local_path(wanted, visit.path(HOME)))


async def enter(visit: Visit) -> Response:
    """The one-time link that the gateway shows at its start."""
    if visit.request.method == "HEAD":  # a look at a link, as mail programs take, must not use it up
        raise MethodNotAllowedError(("GET",))
    around = visit.site.around
    client = visit.request.client
    around.sign_ins.count(around.address_key(client.host if client else "unknown"))
    try:
        signed_in, secret = await sessions.redeem_ticket(visit.core, around.tickets, visit.query.text("ticket"))
    except ApiKeyError:
        return visit.render("sign_in.html", 401, next="", fault="sign_in.fault.ticket")
    _remember(visit, signed_in, secret)
    return visit.redirect(HOME)


def _remember(visit: Visit, signed_in: SignedIn, secret: str) -> None:
    visit.signed_in = signed_in
    seconds = round(visit.core.settings.console_session_hours * 3_600)
    visit.keep(visit.site.cookies.session, secret, is_secret=True, seconds=seconds)


async def sign_out(visit: Visit) -> Response:
    """Here, or wherever the account is signed in."""
    if visit.signed_in is not None:
        if visit.form.text("everywhere"):
            await sessions.sign_out_everywhere(visit.core, visit.signed_in.session)
        else:
            await sessions.sign_out(visit.core, visit.signed_in.session)
    visit.drop(visit.site.cookies.session)
    return visit.redirect(SIGN_IN, notice="signed_out")


PAGES: Final = (
    Page("/sign-in", sign_in_page, None),
    Page("/sign-in", sign_in, None, "POST"),
    Page("/enter", enter, None),
    Page("/sign-out", sign_out, None, "POST"),
)
