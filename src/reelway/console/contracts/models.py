"""What the templates of a model's page and of the index are given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reelway.console.contracts import apixo, kling, openai_videos, rivya
from reelway.console.contracts.blocks import Contract, Words, pretty
from reelway.console.contracts.guides import Ground
from reelway.console.contracts.samples import sample_context, sample_task
from reelway.console.contracts.shared import Scene
from reelway.dialects.base import Dialect
from reelway.dialects.rivya.render import task_object
from reelway.dialects.rivya.render_webhooks import API_VERSION
from reelway.domain.catalog import Card
from reelway.domain.events import EventType
from reelway.domain.routing import serves_any
from reelway.domain.task import State
from reelway.gateway.core import Core


@dataclass(frozen=True, slots=True)
class _Served:
    """How a dialect is shown: its name for people, whether it offers a card, and the contract."""

    name: str
    offers: Callable[[Card], bool]
    contract: Callable[[Scene], Contract]


_SERVED: Final[Mapping[str, _Served]] = {
    "rivya": _Served("Rivya v1", lambda _: True, rivya.contract),
    "apixo": _Served("APIXO", lambda card: bool(card.names.apixo), apixo.contract),
    "kling": _Served("Kling", lambda card: card.names.kling is not None, kling.contract),
    "openai_videos": _Served("OpenAI Videos", lambda _: True, openai_videos.contract),
}


@dataclass(frozen=True, slots=True)
class ListedModel:
    card: Card
    seconds_max: int
    dialects: Sequence[str]


def index_values(core: Core, dialects: Sequence[Dialect]) -> dict[str, Any]:
    """For the template of the index."""
    listed = [
        ListedModel(
            card,
            max(int(option) for option in _seconds(card)),
            [_SERVED[dialect.name].name for dialect in _serving(dialects, card)],
        )
        for card in core.catalog
    ]
    specs = [(dialect.name, _SERVED[dialect.name].name) for dialect in dialects if dialect.name in _SERVED]
    return {"models": listed, "specs": specs}


def _seconds(card: Card) -> tuple[str, ...]:
    return next(param.options for param in card.params if param.control.value == "duration_s")


def _serving(dialects: Sequence[Dialect], card: Card) -> list[Dialect]:
    return [found for found in dialects if found.name in _SERVED and _SERVED[found.name].offers(card)]


def model_values(core: Core, dialects: Sequence[Dialect], base_url: str, card: Card, words: Words) -> dict[str, Any]:
    """For the template of a model's page."""
    aliases = [
        name
        for name, alias in core.settings.openai_model_aliases.items()
        if alias["model"] == card.id and core.catalog.get(name) is None
    ]
    scenes = [
        Scene(words, card, dialect, core.catalog, core.settings, base_url, aliases)
        for dialect in _serving(dialects, card)
    ]
    tagline = card.tagline and (card.tagline.ur if words.code == "ur" else card.tagline.en)
    return {
        "card": card,
        "tagline": tagline,
        "is_available": serves_any(core.offers, card.id),
        "summary": rivya.summary(scenes[0]),
        "contracts": [_SERVED[scene.dialect.name].contract(scene) for scene in scenes],
    }


def ground(core: Core, base_url: str, words: Words) -> Ground:
    """For the guides: the first model that somebody is configured for, otherwise the first of all."""
    cards = list(core.catalog)
    card = next((found for found in cards if serves_any(core.offers, found.id)), cards[0])
    task = sample_task(card, State.SUCCEEDED, "rivya", card.id, card.base_credits)
    payload = {
        "id": "evt_01KB2R8T4NQ6V0X3Z5A7C9E1G4",
        "type": EventType.SUCCEEDED.value,
        "api_version": API_VERSION,
        "created_at": "2026-05-11T00:00:38.000Z",
        "data": task_object(task, sample_context(core.catalog, base_url)),
    }
    return Ground(
        words=words,
        settings=core.settings,
        base_url=base_url,
        model=card.id,
        prompt=card.example_prompt.en,
        payload=pretty(payload),
        is_sandbox=core.is_sandbox,
    )
