"""Composing: a draft goes through the dialect's own rules and the quote, and every problem finds its field."""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from reelway.console.drafts import PARAM_PREFIX, Draft, kling_body, rivya_body
from reelway.console.visit import Visit
from reelway.dialects.base import ParseContext, WireRequest
from reelway.dialects.kling.create import parse_image2video, parse_text2video
from reelway.dialects.rivya.parse import parse_quote
from reelway.dialects.rivya.wording import refusal_problem
from reelway.domain.catalog import REFERENCES_KEY, Card, Control
from reelway.domain.errors import NotFoundError, Problem, UnknownModelError, ValidationFailedError
from reelway.domain.ids import FileId, is_file_id
from reelway.domain.intents import Caller, Quote, QuoteView, ReadFile, Submission
from reelway.domain.records import KeptAnswer, StoredFile
from reelway.domain.routing import UnsupportedError
from reelway.domain.task import Task
from reelway.gateway.quote import quote
from reelway.gateway.upload import read_file

FORM: Final = ""
"""The place of a problem that belongs to no field."""
TOTAL: Final = "total"
_SHOT: Final = re.compile(r"multi_prompt\[(\d+)\](?:\.(\w+))?.*")
_KLING_CONTROLS: Final = {control.value: control for control in Control} | {
    "duration": Control.DURATION_S,
    "multi_shot": Control.MULTI_SHOTS,
    "shot_type": Control.MULTI_SHOTS,
}
_KLING_FIELDS: Final = {
    "prompt": "prompt",
    "image": "start_frame",
    "image_tail": "last_frame",
    "camera_control": "camera",
    "model_name": "model",
    "multi_prompt": "shots",
}


@dataclass(frozen=True, slots=True)
class Composed:
    """What a draft comes to. `frames` are the visitor's own files by their ids."""

    draft: Draft
    intent: Quote
    quoted: QuoteView
    frames: Mapping[str, StoredFile] = field(default_factory=dict)

    @property
    def submission(self) -> Submission | None:
        return self.intent.submission

    def problems(self, visit: Visit) -> dict[str, list[str]]:
        """Messages by the name of the form's field, in the visitor's language."""
        found = list(self.quoted.problems)
        if self.quoted.refusal is not None:
            found.append(refusal_problem(self.quoted.refusal, visit.core.catalog))
        placed: dict[str, list[str]] = {}
        for problem in found:
            place = place_of(problem.field, self.draft.card)
            if self.draft.shots and place in self._lengths:
                place = TOTAL
            placed.setdefault(place, []).append(visit.worded(problem.message))
        return placed

    @property
    def _lengths(self) -> tuple[str, ...]:
        """Places of what the shots are together, which have one place in the storyboard."""
        duration = self.draft.card.control(Control.DURATION_S)
        return ("shots",) if duration is None else ("shots", f"{PARAM_PREFIX}{duration.key}")


async def composed(visit: Visit, draft: Draft) -> Composed:
    frames = await own_frames(visit, draft)
    intent = intent_of(visit, draft, frames)
    return Composed(draft, intent, await quote(visit.core, visit.caller, intent), frames)


async def requoted(visit: Visit, found: Composed, submission: Submission) -> QuoteView:
    """The quote of a variation of a request that is right."""
    return await quote(visit.core, visit.caller, Quote(found.intent.model, submission, ()))


def intent_of(visit: Visit, draft: Draft, frames: Mapping[str, StoredFile]) -> Quote:
    """The draft as the dialect reads it: the main one, or Kling's where that has fields that the main one lacks."""
    links = visit.site.around.links
    urls = {file_id: links.file_url(file) for file_id, file in frames.items()}
    context = context_for(visit, frames)
    if not draft.needs_kling or draft.card.names.kling is None:
        return parse_quote(WireRequest({}, {}, {}, rivya_body(draft, urls)), context)
    has_frame = bool(draft.start_frame or draft.last_frame)
    parse = parse_image2video if has_frame else parse_text2video
    try:
        submission = parse(WireRequest({}, {}, {}, kling_body(draft, urls)), context).submission
    except ValidationFailedError as error:
        return Quote(draft.card.id, None, error.problems)
    except (UnknownModelError, UnsupportedError) as error:
        return Quote(draft.card.id, None, (Problem("model_name", str(error)),))
    return Quote(draft.card.id, submission, ())


def context_for(visit: Visit, frames: Mapping[str, StoredFile]) -> ParseContext:
    """What parsing may know: the visitor's own files among the frames."""
    around = visit.site.around
    context = copy.copy(around.parsing)
    context.own_files = {around.links.file_url(file): file for file in frames.values()}
    context.own_files_by_id = dict(frames)
    context.answer_of = answer_of
    return context


def answer_of(task: Task) -> KeptAnswer:
    """What a form that is sent twice gets again: the task that it made the first time."""
    return KeptAnswer(303, (), task.id.encode())


async def own_frames(visit: Visit, draft: Draft) -> dict[str, StoredFile]:
    """The frames that are live files of the visitor's account."""
    found = {}
    for frame in (draft.start_frame, draft.last_frame):
        if is_file_id(frame):
            file = await own_frame(visit, visit.caller, FileId(frame))
            if file is not None:
                found[frame] = file
    return found


async def own_frame(visit: Visit, caller: Caller, file_id: FileId) -> StoredFile | None:
    """None where the caller has no such file, or it is over."""
    try:
        return (await read_file(visit.core, caller, ReadFile(file_id))).file
    except NotFoundError:
        return None


def place_of(wire_field: str, card: Card) -> str:
    """The form's field for a field of a dialect's body; `FORM` where there is none."""
    if wire_field.startswith("params."):
        return _param_place(wire_field.removeprefix("params."), card)
    shot = _SHOT.fullmatch(wire_field)
    if shot is not None:
        part = {"duration": "seconds"}.get(shot[2], "prompt")
        return f"shot-{int(shot[1]) + 1}-{part}"
    root = wire_field.partition(".")[0]
    if root in _KLING_FIELDS:
        return _KLING_FIELDS[root]
    if root == "model":
        return "model"
    param = card.control(_KLING_CONTROLS[root]) if root in _KLING_CONTROLS else None
    return FORM if param is None else f"{PARAM_PREFIX}{param.key}"


def _param_place(key: str, card: Card) -> str:
    if key.startswith(REFERENCES_KEY):
        return "last_frame" if key.startswith(f"{REFERENCES_KEY}[1]") else "start_frame"
    return f"{PARAM_PREFIX}{key}" if card.param(key) is not None else FORM
