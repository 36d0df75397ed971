"""The Rivya contract of a model. Source of the texts: seeds 000 to 002, word for word where they have them."""

from typing import Any

from reelway.console.contracts.blocks import (
    NOTHING,
    Block,
    Bullets,
    Contract,
    Facts,
    Prose,
    Section,
    code,
    code_or_nothing,
    codes,
    curl,
    pretty,
)
from reelway.console.contracts.shared import (
    Scene,
    described,
    error_table,
    failure_table,
    image_rule,
    limits,
    range_of,
    shown_states,
)
from reelway.domain.catalog import REFERENCES_KEY, ParamType
from reelway.domain.task import State
from reelway.wire.rivya import FAILURE_MESSAGES

COMMON_ERRORS = ("validation_failed", "insufficient_credits", "idempotency_conflict", "rate_limited", "not_found")
"""Source: seeds 000 to 002."""
_PATH = "/api/v1"


def contract(scene: Scene) -> Contract:
    t, card = scene.t, scene.card
    sections = [_request(scene), _params(scene)]
    if card.references.files_max:
        sections.append(_uploads(scene))
    sections += [_minimal(scene)]
    if card.references.files_max:
        sections.append(_with_files(scene))
    sections += [_created(scene), _states(scene), _errors(scene), _failures(scene), _limits(scene), _tips(scene)]
    return Contract("rivya", "Rivya v1", "rivya", t("rivya_docs.lead"), sections)


def summary(scene: Scene) -> Facts:
    """The facts at the head of a model's page."""
    t, card = scene.t, scene.card
    takes_files = card.references.files_max > 0
    return Facts(
        (
            (t("rivya_docs.fact.id"), code(card.id)),
            (t("rivya_docs.fact.inputs"), codes(("text, file",)) if takes_files else code("text")),
            (
                t("rivya_docs.fact.files_api"),
                t("rivya_docs.files_for_references") if takes_files else t("rivya_docs.files_never"),
            ),
            (t("rivya_docs.fact.base_credits"), str(card.base_credits)),
            (t("rivya_docs.fact.capability"), t("docs.category.video")),
            (t("rivya_docs.fact.billing"), code(card.billing_type.value)),
            (t("rivya_docs.fact.prompt_limit"), t("docs.characters", limit=card.prompt_length_max)),
        )
    )


def _request(scene: Scene) -> Section:
    t, card = scene.t, scene.card
    yes, no = t("docs.yes"), t("docs.no")
    rows = (
        (code("model"), "string", yes, code(card.id), t("rivya_docs.field.model", id=code(card.id))),
        (code("prompt"), "string", yes, NOTHING, t("rivya_docs.field.prompt", limit=card.prompt_length_max)),
        (code("params"), "object", no, NOTHING, t("rivya_docs.field.params")),
        (code("client_request_id"), "string", no, NOTHING, t("rivya_docs.field.client_request_id")),
    )
    endpoint = scene.listing("endpoint", t("docs.endpoint"), f"POST {scene.base_url}{_PATH}/generations")
    return scene.section(
        "rivya_docs.request_contract",
        Prose(t("rivya_docs.request_lead")),
        endpoint,
        scene.words.parameters(t("rivya_docs.request_contract"), rows),
        Prose(t("rivya_docs.headers")),
    )


def _params(scene: Scene) -> Section:
    t = scene.t
    rows = [
        (
            code(param.key),
            param.type.value,
            t("docs.no"),
            code_or_nothing(param.default),
            range_of(param),
            codes(param.options),
            described(scene.words, param),
        )
        for param in scene.card.params
    ]
    return scene.section(
        "rivya_docs.model_parameters",
        scene.words.controls(t("rivya_docs.model_parameters"), rows),
        Prose(t("rivya_docs.values")),
    )


def _uploads(scene: Scene) -> Section:
    t, rule = scene.t, scene.card.references
    facts = Facts(
        (
            (t("rivya_docs.fact.reference_rule"), rule.rule.ur if scene.words.code == "ur" else rule.rule.en),
            (t("rivya_docs.fact.max_files"), str(rule.files_max)),
            (t("rivya_docs.fact.kinds"), codes([kind.value for kind in rule.kinds])),
            (t("rivya_docs.fact.duration_token"), t("rivya_docs.duration_token", path=code(f"{_PATH}/files"))),
        )
    )
    command = "\n".join(
        (
            f"curl -sS '{scene.base_url}{_PATH}/files' \\",
            '  -H "Authorization: Bearer $REELWAY_API_KEY" \\',
            f"  -F kind=image -F model={scene.card.id} -F file=@reference-image.png",
        )
    )
    return scene.section(
        "rivya_docs.upload_policy",
        Prose(t("rivya_docs.upload_lead", place=code(f"params.{REFERENCES_KEY}"))),
        facts,
        image_rule(scene),
        scene.listing("upload", t("rivya_docs.upload_command"), command, is_folded=True),
    )


def minimal_request(scene: Scene) -> dict[str, Any]:
    """Every parameter with its default, or with its example. Source: seeds 000 to 002."""
    card, is_urdu = scene.card, scene.words.code == "ur"
    params: dict[str, Any] = {}
    for param in card.params:
        if param.type is ParamType.TEXT:
            if param.example is not None:
                params[param.key] = param.example.ur if is_urdu else param.example.en
        elif param.default is not None:
            params[param.key] = param.default
    prompt = card.example_prompt.ur if is_urdu else card.example_prompt.en
    return {"model": card.id, "prompt": prompt, "params": params}


def _minimal(scene: Scene) -> Section:
    body = minimal_request(scene)
    return scene.section("rivya_docs.minimal_request", *_ready(scene, "minimal", body))


def _with_files(scene: Scene) -> Section:
    body = minimal_request(scene)
    body["params"][REFERENCES_KEY] = [
        {
            "url": "https://cdn.example.com/reference-image.png",
            "kind": "image",
            "name": "reference-image.png",
            "mimeType": "image/png",
        }
    ]
    return scene.section("rivya_docs.reference_request", *_ready(scene, "reference", body))


def _ready(scene: Scene, name: str, body: dict[str, Any]) -> list[Block]:
    """A body, and the command that sends it."""
    t = scene.t
    command = curl(f"{scene.base_url}{_PATH}/generations", body)
    return [
        scene.listing(name, t(f"rivya_docs.{name}_request"), pretty(body)),
        scene.listing(f"{name}-curl", t("docs.as_curl"), command, is_folded=True),
    ]


def _created(scene: Scene) -> Section:
    answer = scene.answer("create", State.QUEUED)
    return scene.section(
        "rivya_docs.create_response",
        Prose(scene.t("rivya_docs.create_lead")),
        scene.listing("created", scene.t("rivya_docs.create_response"), pretty(answer)),
        Prose(scene.t("rivya_docs.create_status")),
    )


def _states(scene: Scene) -> Section:
    t = scene.t
    poll = curl(f"{scene.base_url}{_PATH}/generations/TASK_ID?wait=30")
    return scene.section(
        "docs.states",
        Prose(t("rivya_docs.poll")),
        scene.listing("poll", t("docs.as_curl"), poll),
        *shown_states(scene, "read", lambda answer: str(answer["status"])),
    )


def _errors(scene: Scene) -> Section:
    t = scene.t
    blocks: list[Block] = [Prose(codes(COMMON_ERRORS))]
    if scene.card.references.files_max:
        blocks.append(Prose(t("rivya_docs.some_modes")))
    table = error_table(scene, lambda body: body["error"]["code"], lambda body: str(body["error"]["message"]))
    return scene.section("rivya_docs.common_errors", *blocks, table, Prose(t("rivya_docs.error_shape")))


def _failures(scene: Scene) -> Section:
    table = failure_table(scene, lambda failure: ("generation_failed", FAILURE_MESSAGES[failure]))
    return scene.section("docs.failures", Prose(scene.t("docs.failure_lead")), table)


def _limits(scene: Scene) -> Section:
    return scene.section("docs.limits", *limits(scene), Prose(scene.t("rivya_docs.price", n=scene.card.base_credits)))


def _tips(scene: Scene) -> Section:
    keys = ("wait", "stream", "quote", "idempotency", "webhooks", "list")
    return scene.section("docs.tips", Bullets([scene.t(f"rivya_docs.tip.{key}") for key in keys]))
