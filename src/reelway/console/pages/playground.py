"""The playground: a form made from a model's card, a live quote, the video, and the request as code."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from reelway.console.cameras import AXES, CHOICES
from reelway.console.composing import FORM, Composed, composed, context_for
from reelway.console.drafts import Draft, changed_model, draft_in, draft_of, fresh_draft, without_shots
from reelway.console.forms import Fields
from reelway.console.pages.runs import (
    PLAYGROUND,
    new_request_key,
    run_named,
    run_values,
    snippets_of,
    submitted,
)
from reelway.console.security import FORM_FIELD
from reelway.console.visit import Page, Visit
from reelway.dialects.base import Form, FormFile, WireRequest
from reelway.dialects.rivya.parse import parse_upload
from reelway.domain.catalog import Card
from reelway.domain.errors import (
    BodyTooLargeError,
    InsufficientCreditsError,
    NotFoundError,
    TooManyUnfinishedError,
    UploadRefusedError,
    ValidationFailedError,
)
from reelway.domain.generation import generation_of
from reelway.domain.media import MediaKind
from reelway.domain.records import Scope, StoredFile
from reelway.domain.routing import Offer
from reelway.gateway.account import list_models
from reelway.gateway.upload import upload

FRAMES: Final = ("start_frame", "last_frame")
FILE_SUFFIX: Final = "_file"
_FRAME_BYTES_MAX: Final = 10 * 1024 * 1024
"""For a model whose card has no rule for images; without fields, for a form of two."""


def models_for(visit: Visit) -> list[Card]:
    return [model.card for model in list_models(visit.core).models if model.is_available]


def card_named(visit: Visit, name: str) -> Card | None:
    return next((card for card in models_for(visit) if card.id == name), None)


async def playground(visit: Visit) -> Response:
    """Fresh, with the request of a task to be changed (`again`), or with a task that is under way (`task`)."""
    query = visit.query
    run = await run_named(visit, query.text("task"))
    source = run or await run_named(visit, query.text("again"))
    cards = models_for(visit)
    if not cards:
        return visit.render("playground_empty.html")
    card = card_named(visit, source.model if source is not None else query.text("model"))
    draft = fresh_draft(card or cards[0])
    if source is not None and card is not None:
        draft = without_shots(draft_of(generation_of(source.generation), card), card)
    if query.text("start_frame"):
        draft = replace(draft, start_frame=query.text("start_frame"), last_frame="")
    if query.text("prompt") and not draft.prompt:
        draft = replace(draft, prompt=query.text("prompt"))
    return await _page(visit, draft, run=None if run is None else run_values(visit, run))


async def _page(
    visit: Visit,
    draft: Draft,
    status: int = 200,
    *,
    problems: Mapping[str, list[str]] | None = None,
    run: Mapping[str, Any] | None = None,
) -> Response:
    found = await composed(visit, draft.with_example())
    values = _form_values(visit, draft, found.frames)
    problems = found.problems(visit) if problems is None else problems
    shown = {"found": found, "problems": problems, "snippets": _snippets(visit, found)}
    return visit.render("playground.html", status, run=run, request_key=new_request_key(visit), **values, **shown)


def _form_values(visit: Visit, draft: Draft, frames: Mapping[str, StoredFile]) -> dict[str, Any]:
    links = visit.site.around.links
    return {
        "draft": draft,
        "card": draft.card,
        "cards": models_for(visit),
        "cameras": camera_choices(visit.core.offers, draft.card),
        "axes": tuple(AXES),
        "previews": {file_id: (file, visit.own(links.file_url(file))) for file_id, file in frames.items()},
        "image_types": _image_types(draft.card),
    }


def _image_types(card: Card) -> str:
    rule = card.references.upload_of(MediaKind.IMAGE)
    return ",".join(rule.mime_types) if rule is not None else ""


def camera_choices(offers: Sequence[Offer], card: Card) -> tuple[str, ...]:
    """The moves that a configured provider can make of this model, and that a dialect has a field for."""
    if card.names.kling is None:
        return ()
    moves = {
        move.value
        for offer in offers
        for capability in offer.capabilities.get(card.id, ())
        if capability.camera
        for move in capability.camera_moves
    }
    return tuple(choice for choice in CHOICES if ("simple" if choice in AXES else choice) in moves)


def _snippets(visit: Visit, found: Composed) -> dict[str, Any] | None:
    if found.submission is None:
        return None
    return snippets_of(visit, found.draft.card, found.submission.generation, dict(found.frames))


# --- sent -------------------------------------------------------------------------------------------------------------


async def playground_sent(visit: Visit) -> Response:
    """The whole form, files included: another model, a frame taken away, or the video."""
    async with read_upload_form(visit) as form:
        fields = fields_of_form(form)
        visit.require_form_token(fields.text(FORM_FIELD))
        card = card_named(visit, fields.text("model"))
        if card is None:
            raise NotFoundError("model")
        draft, problems = await _with_files(visit, draft_in(fields, card), form)
    act = fields.text("act")
    if act == "model":
        return await _page(visit, changed_model(draft, card))
    if act.startswith("drop-") and act.removeprefix("drop-") in FRAMES:
        return await _page(visit, _with_frame(draft, act.removeprefix("drop-"), ""))
    if problems:
        return await _page(visit, draft, 422, problems=problems)
    found = await composed(visit, draft)
    problems = found.problems(visit)
    if problems or found.submission is None:
        return await _page(visit, draft, 422, problems=problems)
    try:
        task_id = await submitted(visit, found.submission, fields.text("request_key"))
    except (InsufficientCreditsError, TooManyUnfinishedError) as error:
        return await _page(visit, draft, 422, problems={FORM: [visit.language.text(f"fault.{error.code}.text")]})
    return visit.redirect_here(visit.path(PLAYGROUND, task=task_id) + "#run")


def read_upload_form(visit: Visit) -> AbstractAsyncContextManager[Form]:
    """The multipart form of the request. Two frames may come at once, each within its own limit."""
    request = visit.request

    def bytes_max(fields: Mapping[str, str]) -> int:
        card = visit.core.catalog.get(fields.get("model", ""))
        rule = card.references.upload_of(MediaKind.IMAGE) if card is not None else None
        return rule.size_bytes_max if rule is not None else len(FRAMES) * _FRAME_BYTES_MAX

    return visit.site.around.read_multipart(request.scope, request.receive, request._send, bytes_max)


def fields_of_form(form: Form) -> Fields:
    values: dict[str, tuple[str, ...]] = {}
    for name, value in form.fields:
        clean = value.replace("\0", "").replace("\r\n", "\n")
        values[name] = (*values.get(name, ()), clean)
    return Fields(values)


async def _with_files(visit: Visit, draft: Draft, form: Form) -> tuple[Draft, dict[str, list[str]]]:
    """The draft with the frames that came as files, which are kept now, and what is wrong with them."""
    problems: dict[str, list[str]] = {}
    for name in FRAMES:
        part = next((file for file in form.files if file.field == f"{name}{FILE_SUFFIX}" and file.size_bytes), None)
        if part is None:
            continue
        kept = await _kept(visit, part, draft.card)
        if isinstance(kept, str):
            problems[name] = [kept]
        else:
            draft = _with_frame(draft, name, kept.id)
    return draft, problems


def _with_frame(draft: Draft, name: str, frame: str) -> Draft:
    return replace(draft, start_frame=frame) if name == "start_frame" else replace(draft, last_frame=frame)


async def _kept(visit: Visit, part: FormFile, card: Card) -> StoredFile | str:
    """The uploaded file by the API's own rules, or what is wrong with it in the visitor's language."""
    text = visit.language.text
    form = Form((("kind", MediaKind.IMAGE.value), ("model", card.id)), (replace(part, field="file"),))
    try:
        intent = parse_upload(WireRequest({}, {}, {}, None, form), context_for(visit, {}))
        return (await upload(visit.core, visit.caller, intent)).file
    except UploadRefusedError as error:
        return text(f"playground.upload.{error.fault.value}")
    except BodyTooLargeError as error:
        return text("playground.upload.too_large", most=visit.language.size(error.size_bytes_max))
    except ValidationFailedError as error:
        return visit.worded(error.problems[0].message)


async def playground_frame(visit: Visit) -> Response:
    """One frame that a script has taken: kept, and told as JSON."""
    visit.require_form_token("")
    try:
        async with read_upload_form(visit) as form:
            card = card_named(visit, fields_of_form(form).text("model"))
            if card is None or len(form.files) != 1:
                raise NotFoundError("model")
            kept = await _kept(visit, form.files[0], card)
    except BodyTooLargeError as error:
        kept = visit.language.text("playground.upload.too_large", most=visit.language.size(error.size_bytes_max))
    if isinstance(kept, str):
        return visit.answer(JSONResponse({"problem": kept}, 422))
    url = visit.own(visit.site.around.links.file_url(kept))
    return visit.answer(JSONResponse({"id": kept.id, "name": kept.name, "url": url}, 201))


async def playground_quote(visit: Visit) -> Response:
    """What the form would come to: pieces of the page and problems by field, as JSON."""
    card = card_named(visit, visit.form.text("model"))
    if card is None:
        raise NotFoundError("model")
    found = await composed(visit, draft_in(visit.form, card).with_example())
    problems = found.problems(visit)
    return visit.answer(
        JSONResponse(
            {
                "problems": problems,
                "pieces": {
                    "quote": visit.piece("quote.html", found=found, problems=problems),
                    "snippets": visit.piece("snippets.html", snippets=_snippets(visit, found)),
                },
            }
        )
    )


PAGES: Final = (
    Page("/playground", playground, Scope.GENERATIONS_CREATE),
    Page("/playground", playground_sent, Scope.GENERATIONS_CREATE, "POST", checks_form=False),
    Page("/playground/quote", playground_quote, Scope.GENERATIONS_CREATE, "POST"),
    Page("/playground/frames", playground_frame, Scope.GENERATIONS_CREATE, "POST", checks_form=False),
)
