"""The storyboard: up to six shots with lengths and cameras, shown by the built-in engine before money is spent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from reelway.console.cameras import SHOT_WORDS
from reelway.console.composing import FORM, Composed, composed, requoted
from reelway.console.drafts import Draft, DraftShot, board_in, draft_of, fresh_draft
from reelway.console.pages.playground import models_for
from reelway.console.pages.runs import STORYBOARD, new_request_key, run_named, run_values, snippets_of, submitted
from reelway.console.visit import Page, Visit
from reelway.domain.catalog import Card, Control
from reelway.domain.errors import InsufficientCreditsError, NotFoundError, TooManyUnfinishedError
from reelway.domain.generation import generation_of
from reelway.domain.intents import QuoteView
from reelway.domain.records import Scope
from reelway.gateway.preview import as_paid, as_preview, offers_preview
from reelway.wire.kling import SHOT_PROMPT_LENGTH_MAX, SHOTS_MAX

_FIRST_SHOTS: Final = 3


@dataclass(frozen=True, slots=True)
class Board:
    """A storyboard with its prices. `paid` is the quote of a provider that costs money, where a preview is offered."""

    found: Composed
    limit_s: int
    can_preview: bool
    paid: QuoteView | None


def board_cards(visit: Visit) -> list[Card]:
    """The models that make several shots, by a dialect that can list them."""
    return [card for card in models_for(visit) if card.names.kling and card.control(Control.MULTI_SHOTS) is not None]


def _card(visit: Visit, name: str) -> Card | None:
    return next((card for card in board_cards(visit) if card.id == name), None)


async def storyboard(visit: Visit) -> Response:
    query, cards = visit.query, board_cards(visit)
    run = await run_named(visit, query.text("task"))
    source = run or await run_named(visit, query.text("again"))
    if not cards:
        return visit.render("storyboard_empty.html")
    card = _card(visit, source.model if source is not None else query.text("model"))
    draft = replace(fresh_draft(card or cards[0]), shots=(DraftShot(),) * _FIRST_SHOTS)
    if source is not None and card is not None:
        again = draft_of(generation_of(source.generation), card)
        draft = again if again.shots else replace(draft, shots=(DraftShot(again.prompt), *draft.shots[1:]))
    return await _page(visit, draft, run=None if run is None else run_values(visit, run))


async def _page(
    visit: Visit,
    draft: Draft,
    status: int = 200,
    *,
    problems: Mapping[str, list[str]] | None = None,
    run: Mapping[str, Any] | None = None,
) -> Response:
    board = await _board(visit, draft.with_example())
    return visit.render(
        "storyboard.html",
        status,
        draft=draft,
        card=draft.card,
        cards=board_cards(visit),
        cameras=tuple(SHOT_WORDS),
        shots_max=SHOTS_MAX,
        prompt_length_max=SHOT_PROMPT_LENGTH_MAX,
        board=board,
        found=board.found,
        problems=board.found.problems(visit) if problems is None else problems,
        snippets=_snippets(visit, board.found),
        request_key=new_request_key(visit),
        run=run,
    )


async def _board(visit: Visit, draft: Draft) -> Board:
    found = await composed(visit, draft)
    duration = draft.card.control(Control.DURATION_S)
    assert duration is not None
    limit_s = max(int(option) for option in duration.options)
    can_preview = offers_preview(visit.core, draft.card.id)
    paid = None
    if can_preview and found.submission is not None:
        paid = await requoted(visit, found, as_paid(found.submission))
        found = replace(found, quoted=await requoted(visit, found, as_preview(found.submission)))
    return Board(found, limit_s, can_preview, paid)


def _snippets(visit: Visit, found: Composed) -> dict[str, Any] | None:
    if found.submission is None:
        return None
    return snippets_of(visit, found.draft.card, found.submission.generation, dict(found.frames))


# --- sent -------------------------------------------------------------------------------------------------------------


async def storyboard_sent(visit: Visit) -> Response:
    """The whole form: shots added, moved or taken away, or the video, as a preview or for its price."""
    card = _card(visit, visit.form.text("model"))
    if card is None:
        raise NotFoundError("model")
    draft, act = board_in(visit.form, card), visit.form.text("act")
    if act not in ("preview", "send", ""):
        return await _page(visit, replace(draft, shots=rearranged(draft.shots, act)))
    return await _sent(visit, draft, is_preview=act == "preview")


def rearranged(shots: tuple[DraftShot, ...], act: str) -> tuple[DraftShot, ...]:
    """The shots after `add`, `up-2`, `down-2` or `remove-2`; numbers count from 1. Anything else changes nothing."""
    if act == "add":
        return (*shots, DraftShot())[:SHOTS_MAX]
    verb, _, number = act.partition("-")
    numbers = [str(each) for each in range(1, len(shots) + 1)]
    if number not in numbers:
        return shots
    found, at = list(shots), numbers.index(number)
    if verb == "remove" and len(found) > 1:
        del found[at]
    other = at + {"up": -1, "down": 1}.get(verb, 0)
    if verb in ("up", "down") and 0 <= other < len(found):
        found[at], found[other] = found[other], found[at]
    return tuple(found)


async def _sent(visit: Visit, draft: Draft, *, is_preview: bool) -> Response:
    found = await composed(visit, draft)
    submission = found.submission
    if submission is not None and offers_preview(visit.core, draft.card.id):
        submission = as_preview(submission) if is_preview else as_paid(submission)
        found = replace(found, quoted=await requoted(visit, found, submission))
    problems = found.problems(visit)
    if problems or submission is None:
        return await _page(visit, draft, 422, problems=problems)
    try:
        task_id = await submitted(visit, submission, visit.form.text("request_key"))
    except (InsufficientCreditsError, TooManyUnfinishedError) as error:
        return await _page(visit, draft, 422, problems={FORM: [visit.language.text(f"fault.{error.code}.text")]})
    return visit.redirect_here(visit.path(STORYBOARD, task=task_id) + "#run")


async def storyboard_send(visit: Visit) -> Response:
    """The request of a preview, word for word, to a provider that costs money."""
    task = await run_named(visit, visit.part("task_id"))
    card = None if task is None else _card(visit, task.model)
    if task is None or card is None:
        raise NotFoundError("task")
    return await _sent(visit, draft_of(generation_of(task.generation), card), is_preview=False)


async def storyboard_quote(visit: Visit) -> Response:
    """What the board would come to: pieces of the page and problems by field, as JSON."""
    card = _card(visit, visit.form.text("model"))
    if card is None:
        raise NotFoundError("model")
    board = await _board(visit, board_in(visit.form, card).with_example())
    problems = board.found.problems(visit)
    values = {"board": board, "found": board.found, "problems": problems}
    pieces = {
        "quote": visit.piece("quote.html", **values),
        "paid": visit.piece("board_paid.html", **values),
        "total": visit.piece("board_total.html", **values),
        "snippets": visit.piece("snippets.html", snippets=_snippets(visit, board.found)),
    }
    return visit.answer(JSONResponse({"problems": problems, "pieces": pieces}))


PAGES: Final = (
    Page("/storyboard", storyboard, Scope.GENERATIONS_CREATE),
    Page("/storyboard", storyboard_sent, Scope.GENERATIONS_CREATE, "POST"),
    Page("/storyboard/quote", storyboard_quote, Scope.GENERATIONS_CREATE, "POST"),
    Page("/storyboard/tasks/{task_id}/send", storyboard_send, Scope.GENERATIONS_CREATE, "POST"),
)
