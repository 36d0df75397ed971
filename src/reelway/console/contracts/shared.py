"""Sections that every dialect's contract has: states, errors, failures, limits, credits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reelway.console.contracts.blocks import (
    NOTHING,
    Block,
    Listing,
    Prose,
    Section,
    Table,
    Words,
    code,
    codes,
    pretty,
    said,
)
from reelway.console.contracts.samples import sample_context, sample_task, shown_errors, shown_task
from reelway.dialects.base import Dialect
from reelway.domain.catalog import Card, Catalog, Control, Param
from reelway.domain.generation import Generation, Mode
from reelway.domain.pricing import unit_price_credits
from reelway.domain.task import FailureCode, State
from reelway.settings import MIB, Settings

SHOWN_STATES: Final = (State.QUEUED, State.RUNNING, State.SUCCEEDED, State.FAILED)
"""One of each public status."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a contract is written of: a card, a dialect that serves it, and the gateway's own limits.

    `base_url` is the public one. `aliases` are the operator's other names of the card in the OpenAI Videos dialect.
    """

    words: Words
    card: Card
    dialect: Dialect
    catalog: Catalog
    settings: Settings
    base_url: str
    aliases: Sequence[str] = ()

    def t(self, key: str, **values: object) -> str:
        return self.words.t(key, **values)

    def section(self, key: str, *blocks: Block) -> Section:
        return self.words.section(self.dialect.name.replace("_", "-"), key, *blocks)

    def listing_id(self, name: str) -> str:
        return f"{self.dialect.name}-{name}-text"

    def listing(self, name: str, label: str, text: str, *, is_folded: bool = False) -> Listing:
        return Listing(self.listing_id(name), label, text, is_folded)

    def default_price_credits(self) -> int:
        return self.card.base_credits

    def answer(self, operation: str, state: State, wire_model: str = "") -> Any:
        """What an operation answers of a sample task in this state."""
        context = sample_context(self.catalog, self.base_url, is_uuid=self.dialect.name == "kling")
        task = sample_task(
            self.card, state, self.dialect.name, wire_model or self.card.id, self.default_price_credits()
        )
        return shown_task(self.dialect, operation, task, context)


def options_of(card: Card, control: Control) -> tuple[str, ...]:
    param = card.control(control)
    return param.options if param is not None else ()


def default_of(card: Card, control: Control) -> str:
    param = card.control(control)
    assert param is not None
    return str(param.default)


def number_text(value: float) -> str:
    return f"{value:g}"


def range_of(param: Param) -> str:
    """Source: seeds 000 and 001: `min 0 / max 1`."""
    if param.min is None or param.max is None:
        return NOTHING
    return code(f"min {number_text(param.min)} / max {number_text(param.max)}")


def described(words: Words, param: Param) -> str:
    """The short name where it says something else, the description, the longest text."""
    label = param.label.ur if words.code == "ur" else param.label.en
    text = param.description.ur if words.code == "ur" else param.description.en
    parts = [text] if label == text else [f"{_isolated(label)}: {_isolated(text)}"]
    if param.length_max is not None:
        parts.append(words.t("docs.length_max", limit=param.length_max))
    return " · ".join(parts)


def _isolated(text: str) -> str:
    """Kept together where the direction of writing changes inside a line."""
    return f"\u2068{text}\u2069"


def size_text(size_bytes: int) -> str:
    """1 MB has 1,048,576 bytes here, as in the contracts."""
    return f"{size_bytes // MIB} MB"


def shown_states(
    scene: Scene, operation: str, wire_word: Callable[[Mapping[str, Any]], str], wire_model: str = ""
) -> list[Block]:
    """The table of states, and an answer for one of each public status."""
    t = scene.t
    rows = [
        (
            code(wire_word(scene.answer(operation, _of_like(state), wire_model))),
            code(state.value),
            t(f"docs.state.{state}"),
        )
        for state in State
    ]
    heads = (t("docs.head.status"), t("docs.head.core_state"), t("docs.head.meaning"))
    blocks: list[Block] = [Table(t("docs.states"), heads, rows)]
    for state in SHOWN_STATES:
        answer = scene.answer(operation, state, wire_model)
        label = t("docs.answer_in_state", state=code(wire_word(answer)))
        blocks.append(scene.listing(f"answer-{state}", label, pretty(answer), is_folded=True))
    return blocks


def _of_like(state: State) -> State:
    """A state with a sample that has the same public status."""
    like = {
        State.SUBMITTING: State.QUEUED,
        State.STORING: State.RUNNING,
        State.CANCELLED: State.FAILED,
        State.EXPIRED: State.FAILED,
    }
    return like.get(state, state)


def error_table(
    scene: Scene, code_of: Callable[[Mapping[str, Any]], object], message_of: Callable[[Mapping[str, Any]], str]
) -> Table:
    """Every way in which a request fails, as the dialect itself words it."""
    t = scene.t
    rows = []
    for found in shown_errors(scene.dialect, scene.card, scene.catalog):
        when = t(f"docs.when.{found.when}")
        if found.retry_after:
            when = f"{when} {t('docs.retry_after')}"
        rows.append((code(found.status), code(code_of(found.body)), said(message_of(found.body)), when))
    heads = (t("docs.head.http"), t("docs.head.code"), t("docs.head.message"), t("docs.head.when"))
    return Table(t("docs.errors"), heads, rows)


def failure_table(scene: Scene, told_as: Callable[[FailureCode], tuple[str, str]]) -> Table:
    """Why a task ends without a video. `told_as` gives the dialect's code and message."""
    t = scene.t
    rows = []
    for failure in FailureCode:
        word, message = told_as(failure)
        rows.append((code(word), said(message.format(reason="…")), code(failure.value), t(f"docs.failure.{failure}")))
    heads = (t("docs.head.code"), t("docs.head.message"), "X-Reelway-Failure", t("docs.head.meaning"))
    return Table(t("docs.failures"), heads, rows)


def limits(scene: Scene, *, result_days: float | None = None, body_bytes: int | None = None) -> list[Block]:
    """What the gateway allows an account. Source of the numbers: the settings."""
    t, settings = scene.t, scene.settings
    days = number_text(result_days or settings.result_retention_days)
    rows = [
        (t("docs.limit.requests"), t("docs.limit.per_minute", number=settings.requests_per_minute_max)),
        (t("docs.limit.concurrent"), str(settings.unfinished_tasks_max)),
        (t("docs.limit.body"), said(size_text(body_bytes or settings.json_body_bytes_max))),
        (t("docs.limit.prompt"), t("docs.characters", limit=scene.card.prompt_length_max)),
        (t("docs.limit.results"), t("docs.limit.days", days=days)),
        (t("docs.limit.files"), t("docs.limit.days", days=number_text(settings.file_retention_days))),
        (t("docs.limit.idempotency"), t("docs.limit.hours", hours=number_text(settings.idempotency_hours))),
        (t("docs.limit.deadline"), t("docs.limit.seconds", seconds=settings.task_deadline_seconds)),
    ]
    table = Table(t("docs.limits"), (t("docs.head.limit"), t("docs.head.value")), rows)
    return [table, Prose(t("docs.limit.over")), Prose(t("docs.limit.headers"))]


def prices(scene: Scene, modes: Sequence[Mode]) -> list[Block]:
    """Credits by mode, length and sound, where the price goes by what is asked for."""
    t, card = scene.t, scene.card
    seconds = [int(option) for option in options_of(card, Control.DURATION_S)]
    shown = sorted({seconds[0], card.default_duration_s, seconds[-1]})
    sounds = (False, True) if card.control(Control.SOUND) is not None else (False,)
    rows = []
    for mode in modes:
        for sound in sounds:
            credits = [str(unit_price_credits(card, _priced(card, mode, length_s, sound))) for length_s in shown]
            rows.append((code(mode.value), scene.words.yes_or_no(sound), *credits))
    lengths = [t("docs.limit.seconds", seconds=length_s) for length_s in shown]
    heads = (t("docs.head.mode"), t("docs.head.sound"), *lengths)
    return [Prose(t("docs.price_by_units", credits=card.base_credits)), Table(t("docs.credits"), heads, rows)]


def _priced(card: Card, mode: Mode, duration_s: int, sound: bool) -> Generation:
    return Generation(card.id, "", duration_s, "16:9", mode, sound=sound)


def image_rule(scene: Scene) -> Table:
    """What a reference file may be, by its kind."""
    t = scene.t
    rows = [
        (code(upload.kind.value), said(size_text(upload.size_bytes_max)), codes(upload.mime_types))
        for upload in scene.card.references.uploads
    ]
    return Table(t("docs.upload_policy"), (t("docs.head.kind"), t("docs.head.max_size"), t("docs.head.mime")), rows)
