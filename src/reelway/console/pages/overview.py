"""The first page: where an account stands, its newest videos, and what to do first."""

from typing import Final

from starlette.responses import Response

from reelway.console import wire
from reelway.console.pages.tasks import PATH as TASKS
from reelway.console.pages.tasks import TONES, row_of
from reelway.console.visit import CONSOLE, Page, Visit
from reelway.domain.errors import UnknownModelError
from reelway.domain.intents import ListTasks, Submit, TaskView
from reelway.domain.records import Scope
from reelway.gateway.account import own_account
from reelway.gateway.read import list_tasks
from reelway.gateway.submit import submit

_NEWEST: Final = 6


async def overview(visit: Visit) -> Response:
    is_reader = visit.may(Scope.GENERATIONS_READ)
    wanted = ListTasks(limit=_NEWEST)
    newest = (await list_tasks(visit.core, visit.caller, wanted)).page.tasks if is_reader else ()
    return visit.render(
        "overview.html",
        rows=[row_of(visit, task) for task in newest],
        is_reader=is_reader,
        account=await own_account(visit.core, visit.caller) if visit.may(Scope.CREDITS_READ) else None,
        base_url=visit.site.around.base_url,
        first_model=_first_model(visit),
        tones=TONES,
    )


async def to_overview(visit: Visit) -> Response:
    return visit.redirect(f"{CONSOLE}/")


async def first_video(visit: Visit) -> Response:
    """One click to a first video: the first model's own example, as any other request."""
    model = _first_model(visit)
    if model is None:
        raise UnknownModelError("")
    card = visit.core.catalog[model]
    prompt = card.example_prompt.ur if visit.language.code == "ur" else card.example_prompt.en
    intent = wire.intent_of(visit, "create", body={"model": model, "prompt": prompt})
    assert isinstance(intent, Submit)
    view = await submit(visit.core, visit.caller, intent, None)
    assert isinstance(view, TaskView)
    return visit.redirect(f"{TASKS}/{view.task.id}", notice="first_video")


def _first_model(visit: Visit) -> str | None:
    """The cheapest model that somebody here can make."""
    available = visit.site.around.parsing.available_models
    cards = [card for card in visit.core.catalog if card.id in available]
    return min(cards, key=lambda card: (card.base_credits, card.position)).id if cards else None


PAGES: Final = (
    Page("/", overview, None, signed_in=True),
    Page("", to_overview, None),
    Page("/first-video", first_video, Scope.GENERATIONS_CREATE, "POST"),
)
