"""The APIXO contract of a model. Source of the texts: seed 003."""

from collections.abc import Sequence
from typing import Any

from reelway.console.contracts.blocks import (
    NOTHING,
    Block,
    Bullets,
    Contract,
    Prose,
    Section,
    Table,
    code,
    code_or_nothing,
    codes,
    curl,
    pretty,
)
from reelway.console.contracts.shared import (
    Scene,
    default_of,
    error_table,
    failure_table,
    limits,
    number_text,
    options_of,
    prices,
    shown_states,
    size_text,
)
from reelway.dialects.apixo.inputs import NEGATIVE_PROMPT_LENGTH_MAX
from reelway.domain.catalog import Control
from reelway.domain.generation import Product, Route
from reelway.domain.task import State
from reelway.wire.apixo import FAILURES, STATES

_CREATE = "/api/v1/generateTask"
_STATUS = "/api/v1/statusTask"


def contract(scene: Scene) -> Contract:
    sections = [
        _endpoints(scene),
        _body(scene),
        _input(scene),
        _examples(scene),
        _response(scene),
        _status(scene),
        _errors(scene),
        _failures(scene),
        _limits(scene),
        _credits(scene),
        _tips(scene),
    ]
    return Contract("apixo", "APIXO", "apixo", scene.t("apixo_docs.lead", name=code(_name(scene))), sections)


def _name(scene: Scene) -> str:
    """What the model is called here; where there are several names, the first."""
    return next(iter(scene.card.names.apixo))


def _endpoints(scene: Scene) -> Section:
    t = scene.t
    rows = [
        row
        for name in scene.card.names.apixo
        for row in (
            (code("POST"), code(f"{_CREATE}/{name}"), t("apixo_docs.endpoint_create")),
            (code("GET"), code(f"{_STATUS}/{name}"), t("apixo_docs.endpoint_status")),
        )
    ]
    heads = (t("docs.head.method"), t("docs.head.endpoint"), t("docs.head.description"))
    return scene.section(
        "docs.endpoints",
        Table(t("docs.endpoints"), heads, rows),
        Prose(t("apixo_docs.authentication")),
        scene.listing("key", t("docs.authentication"), "Authorization: Bearer YOUR_API_KEY"),
    )


def _body(scene: Scene) -> Section:
    t = scene.t
    rows = (
        (code("request_type"), "string", t("docs.no"), code("async"), t("apixo_docs.field.request_type")),
        (code("callback_url"), "string", t("apixo_docs.if_callback"), NOTHING, t("apixo_docs.field.callback_url")),
        (code("provider"), "string", t("docs.no"), code(Route.AUTO.value), _routes(scene)),
        (code("input"), "object", t("docs.yes"), NOTHING, t("apixo_docs.field.input")),
    )
    return scene.section("apixo_docs.request_body", scene.words.parameters(t("apixo_docs.request_body"), rows))


def _routes(scene: Scene) -> str:
    return scene.t("apixo_docs.field.provider", routes=codes([route.value for route in Route]))


def _input(scene: Scene) -> Section:
    t = scene.t
    modes = [f"{code(Product.TEXT_TO_VIDEO.value)} — {t('apixo_docs.mode_text')}"]
    if scene.card.references.files_max:
        modes.append(f"{code(Product.IMAGE_TO_VIDEO.value)} — {_image_mode(scene)}")
    table = scene.words.controls(t("apixo_docs.input"), _input_rows(scene))
    return scene.section("apixo_docs.input", table, Prose(t("apixo_docs.mode_options")), Bullets(modes))


def _input_rows(scene: Scene) -> list[tuple[str, ...]]:
    """Key, type, required, default, range, options, description. Source: contract 6.2."""
    t, card = scene.t, scene.card
    yes, no = t("docs.yes"), t("docs.no")
    products = list(Product) if card.references.files_max else [Product.TEXT_TO_VIDEO]
    negative = card.control(Control.NEGATIVE_PROMPT)
    length_max = (negative.length_max if negative is not None else None) or NEGATIVE_PROMPT_LENGTH_MAX
    longest, longest_negative = (t("docs.length_max", limit=limit) for limit in (card.prompt_length_max, length_max))

    def row(
        key: str, kind: str, needed: str, text: str, default: str = "", limit: str = "", options: Sequence[str] = ()
    ) -> tuple[str, ...]:
        shown = (code_or_nothing(default), code_or_nothing(limit), codes(options))
        return (code(key), kind, needed, *shown, text)

    def chosen(key: str, kind: str, control: Control) -> tuple[str, ...]:
        options = options_of(card, control)
        return row(key, kind, no, t(f"apixo_docs.field.{key}"), default_of(card, control), options=options)

    images = row("image_urls", "string[]", t("apixo_docs.if_images"), t("apixo_docs.field.image_urls"))
    return [
        row("mode", "string", no, t("apixo_docs.field.mode"), products[0], options=products),
        row("prompt", "string", yes, longest),
        chosen("duration", "integer", Control.DURATION_S),
        *([images] if card.references.files_max else []),
        chosen("aspect_ratio", "string", Control.ASPECT_RATIO),
        row("negative_prompt", "string", no, f"{t('apixo_docs.tip.negative_prompt')} {longest_negative}"),
        row("cfg_scale", "number", no, t("apixo_docs.field.cfg_scale"), "0.5", "min 0 / max 1"),
    ]


def _image_mode(scene: Scene) -> str:
    has_tail = scene.card.references.takes_tail_frame
    return scene.t("apixo_docs.mode_two_images") if has_tail else scene.t("apixo_docs.mode_one_image")


def _text_body(scene: Scene) -> dict[str, Any]:
    card = scene.card
    return {
        "request_type": "async",
        "provider": Route.AUTO.value,
        "input": {
            "mode": Product.TEXT_TO_VIDEO.value,
            "prompt": card.example_prompt.en,
            "duration": card.default_duration_s,
            "aspect_ratio": default_of(card, Control.ASPECT_RATIO),
            "cfg_scale": 0.5,
        },
    }


def _image_body(scene: Scene) -> dict[str, Any]:
    urls = ["https://cdn.example.com/start.jpg", "https://cdn.example.com/end.png"]
    return {
        "request_type": "callback",
        "callback_url": "https://hooks.example.com/apixo",
        "provider": Route.AUTO.value,
        "input": {
            "mode": Product.IMAGE_TO_VIDEO.value,
            "prompt": scene.card.example_prompt.en,
            "image_urls": urls[: scene.card.references.files_max],
            "duration": scene.card.default_duration_s,
        },
    }


def _examples(scene: Scene) -> Section:
    t = scene.t
    url = f"{scene.base_url}{_CREATE}/{_name(scene)}"
    text = _text_body(scene)
    blocks: list[Block] = [
        scene.listing("text", t("apixo_docs.example_text"), pretty(text)),
        scene.listing("text-curl", t("docs.as_curl"), curl(url, text), is_folded=True),
    ]
    if scene.card.references.files_max:
        has_tail = scene.card.references.takes_tail_frame
        label = t("apixo_docs.example_two_images") if has_tail else t("apixo_docs.example_one_image")
        blocks.append(scene.listing("image", label, pretty(_image_body(scene))))
    return scene.section("docs.example", *blocks)


def _response(scene: Scene) -> Section:
    t = scene.t
    created = scene.answer("create", State.QUEUED, _name(scene))
    refused = {"code": 400, "message": "Invalid request", "data": {"error": "Missing required field: input.prompt"}}
    return scene.section(
        "apixo_docs.response",
        Prose(code(f"POST {_CREATE}/{_name(scene)}")),
        Prose(t("apixo_docs.create_lead")),
        scene.listing("created", t("docs.success"), pretty(created)),
        scene.listing("refused", t("docs.error"), pretty(refused)),
    )


def _status(scene: Scene) -> Section:
    t = scene.t
    name = _name(scene)
    fields = (
        ("taskId", "string", t("apixo_docs.status.task_id")),
        ("state", "string", codes(list(STATES.values()))),
        ("resultJson", "string", t("apixo_docs.status.result_json")),
        ("failCode", "string", t("apixo_docs.status.fail_code")),
        ("failMsg", "string", t("apixo_docs.status.fail_msg")),
        ("createTime", "integer", t("apixo_docs.status.create_time")),
        ("completeTime", "integer", t("apixo_docs.status.complete_time")),
        ("costTime", "integer", t("apixo_docs.status.cost_time")),
    )
    rows = [(code(field), kind, text) for field, kind, text in fields]
    heads = (t("docs.head.field"), t("docs.head.type"), t("docs.head.description"))
    command = curl(f"{scene.base_url}{_STATUS}/{name}?taskId=TASK_ID")
    return scene.section(
        "docs.states",
        Prose(code(f"GET {_STATUS}/{name}")),
        Prose(t("apixo_docs.status_lead")),
        scene.listing("poll", t("docs.as_curl"), command),
        Table(t("apixo_docs.status_fields"), heads, rows),
        *shown_states(scene, "status", lambda answer: str(answer["data"]["state"]), name),
    )


def _errors(scene: Scene) -> Section:
    t = scene.t
    rows = [(code(status), t(f"apixo_docs.code_{status}")) for status in (400, 401, 429)]
    short = Table(t("docs.errors"), (t("docs.head.code"), t("docs.head.description")), rows)
    full = error_table(scene, lambda body: body["code"], lambda body: str(body["message"]))
    return scene.section("apixo_docs.error_codes", short, Prose(t("apixo_docs.envelope")), full)


def _failures(scene: Scene) -> Section:
    return scene.section("apixo_docs.fail_code", Prose(scene.t("docs.failure_lead")), _failure_table(scene))


def _failure_table(scene: Scene) -> Table:
    return failure_table(scene, lambda failure: FAILURES[failure])


def _limits(scene: Scene) -> Section:
    return scene.section("docs.limits", *limits(scene))


def _credits(scene: Scene) -> Section:
    named = dict.fromkeys(scene.card.names.apixo.values())
    modes = [mode for mode in named if mode in scene.card.units_per_second]
    return scene.section("docs.credits", *prices(scene, modes))


def _tips(scene: Scene) -> Section:
    t, card = scene.t, scene.card
    days = number_text(scene.settings.result_retention_days)
    tips = [tip.ur if scene.words.code == "ur" else tip.en for tip in card.tips]
    tips += [t("apixo_docs.tip.callback"), t("apixo_docs.tip.expiry", days=days), t("apixo_docs.tip.moderation")]
    if card.references.takes_tail_frame:
        tips += [t(f"apixo_docs.tip.{key}") for key in ("two_images", "first_image", "second_image", "precise")]
    if card.control(Control.NEGATIVE_PROMPT) is not None:
        tips.append(t("apixo_docs.tip.negative_prompt"))
    if card.control(Control.CFG_SCALE) is not None:
        tips += [t(f"apixo_docs.tip.{key}") for key in ("cfg_loose", "cfg_medium", "cfg_strict")]
    for upload in card.references.uploads:
        names = ", ".join(_FORMATS.get(mime_type, mime_type) for mime_type in upload.mime_types)
        tips.append(t("apixo_docs.tip.images", formats=names, size=size_text(upload.size_bytes_max).replace(" ", "")))
    return scene.section("docs.tips", Bullets(tips))


_FORMATS = {"image/jpeg": "JPG", "image/png": "PNG", "image/webp": "WebP"}
