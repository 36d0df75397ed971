"""The Kling contract of a model. Source of the rules: seed 004 and the contract's sections 7 to 13."""

from collections.abc import Callable, Mapping
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
    codes,
    curl,
    pretty,
    said,
)
from reelway.console.contracts.shared import (
    Scene,
    error_table,
    failure_table,
    limits,
    options_of,
    prices,
    shown_states,
    size_text,
)
from reelway.dialects.kling.create import RESULT_TTL_S
from reelway.dialects.kling.render import FAILURE_MESSAGES
from reelway.domain.catalog import Control
from reelway.domain.generation import Mode
from reelway.domain.task import PublicStatus, State
from reelway.wire import kling

_VIDEOS = "/kling/v1/videos"
_DAY_S = 86_400
_FAILED = kling.TASK_STATUSES[PublicStatus.FAILED]

_Row = tuple[str, str, str, str]
"""Type, default, range, options."""


def contract(scene: Scene) -> Contract:
    sections = [_endpoints(scene), _body(scene)]
    if scene.card.references.files_max:
        sections.append(_images(scene))
    sections += [_examples(scene), _created(scene), _states(scene), _callbacks(scene), _errors(scene)]
    sections += [_failures(scene), _limits(scene), _credits(scene), _tips(scene)]
    return Contract("kling", "Kling", "kling", scene.t("kling_docs.lead", name=code(_name(scene))), sections)


def _name(scene: Scene) -> str:
    name = scene.card.names.kling
    assert name is not None, "the dialect does not serve this card"
    return name


def _products(scene: Scene) -> list[str]:
    return list(kling.PRODUCTS) if scene.card.references.files_max else ["text2video"]


def _endpoints(scene: Scene) -> Section:
    t = scene.t
    rows = [
        row
        for product in _products(scene)
        for row in (
            (code("POST"), code(f"{_VIDEOS}/{product}"), t("kling_docs.endpoint.create")),
            (code("GET"), code(f"{_VIDEOS}/{product}/{{task_id}}"), t("kling_docs.endpoint.read")),
            (code("GET"), code(f"{_VIDEOS}/{product}"), t("kling_docs.endpoint.list")),
        )
    ]
    rows.append((code("GET"), code("/kling/account/costs"), t("kling_docs.endpoint.costs")))
    heads = (t("docs.head.method"), t("docs.head.endpoint"), t("docs.head.description"))
    return scene.section(
        "docs.endpoints",
        Table(t("docs.endpoints"), heads, rows),
        Prose(t("kling_docs.authentication")),
        scene.listing("key", t("docs.authentication"), "Authorization: Bearer YOUR_API_KEY"),
    )


def _text_rows(scene: Scene) -> Mapping[str, _Row]:
    """What stands beside each field of section 7; the description is a text by the field's name."""
    seconds = options_of(scene.card, Control.DURATION_S)
    default_s = str(kling.DEFAULT_DURATION_S)
    return {
        "model_name": ("string", NOTHING, NOTHING, code(_name(scene))),
        "model": ("string", NOTHING, NOTHING, NOTHING),
        "multi_shot": ("boolean", code("false"), NOTHING, codes(("false", "true"))),
        "shot_type": ("string", NOTHING, NOTHING, codes(kling.SHOT_TYPES)),
        "prompt": ("string", NOTHING, NOTHING, NOTHING),
        "multi_prompt": ("array", NOTHING, code(f"min 1 / max {kling.SHOTS_MAX}"), NOTHING),
        "negative_prompt": ("string", NOTHING, NOTHING, NOTHING),
        "sound": ("string", code("off"), NOTHING, codes(kling.SOUNDS)),
        "voice_list": ("array", NOTHING, code(f"max {kling.VOICES_MAX}"), NOTHING),
        "cfg_scale": ("float", code("0.5"), code("min 0 / max 1"), NOTHING),
        "mode": ("string", code(kling.DEFAULT_MODE.value), NOTHING, codes(kling.MODES)),
        "camera_control": ("object", NOTHING, NOTHING, codes(kling.CAMERA_MOVES)),
        "aspect_ratio": ("string", code(kling.DEFAULT_ASPECT_RATIO), NOTHING, codes(kling.ASPECT_RATIOS)),
        "duration": ("string", code(default_s), NOTHING, codes(seconds)),
        "watermark_info": ("object", NOTHING, NOTHING, NOTHING),
        "callback_url": ("string", NOTHING, NOTHING, NOTHING),
        "external_task_id": ("string", NOTHING, NOTHING, NOTHING),
    }


def _image_rows() -> Mapping[str, _Row]:
    return {
        "image": ("string", NOTHING, NOTHING, NOTHING),
        "image_tail": ("string", NOTHING, NOTHING, NOTHING),
        "element_list": ("array", NOTHING, code(f"max {kling.ELEMENTS_MAX}"), NOTHING),
        "static_mask": ("string", NOTHING, NOTHING, NOTHING),
        "dynamic_masks": ("array", NOTHING, code(f"min 1 / max {kling.DYNAMIC_MASKS_MAX}"), NOTHING),
    }


def _values(scene: Scene) -> Mapping[str, object]:
    """The numbers that stand in the descriptions."""
    return {
        "prompt": kling.PROMPT_LENGTH_MAX,
        "shot": kling.SHOT_PROMPT_LENGTH_MAX,
        "shots": kling.SHOTS_MAX,
        "voices": kling.VOICES_MAX,
        "axis": kling.CAMERA_VALUE_MAX,
        "id": kling.EXTERNAL_ID_LENGTH_MAX,
        "side": kling.IMAGE_SIDE_PX_MIN,
        "elements": kling.ELEMENTS_MAX,
        "points": f"{kling.TRAJECTORY_POINTS_MIN}–{kling.TRAJECTORY_POINTS_MAX}",
    }


def _table(scene: Scene, name: str, rows: Mapping[str, _Row], required: Callable[[str], str]) -> Table:
    values = _values(scene)
    shown = []
    for field, (kind, default, limits_text, options) in rows.items():
        text = scene.t(f"kling_docs.field.{field}", **values)
        if field == "cfg_scale" and not kling.honours_cfg_scale(_name(scene)):
            text = f"{text} {scene.t('kling_docs.no_cfg_scale')}"
        shown.append((code(field), kind, required(field), default, limits_text, options, text))
    return scene.words.controls(name, shown)


def _body(scene: Scene) -> Section:
    t = scene.t
    needed = {
        "model_name": t("docs.yes"),
        "prompt": t("kling_docs.unless_shots"),
        "shot_type": t("kling_docs.if_multi_shot"),
        "multi_prompt": t("kling_docs.if_customize"),
    }
    table = _table(
        scene, t("kling_docs.request_body"), _text_rows(scene), lambda field: needed.get(field, t("docs.no"))
    )
    return scene.section("kling_docs.request_body", table, Prose(t("kling_docs.no_effect")))


def _images(scene: Scene) -> Section:
    t = scene.t
    one = ("image", "image_tail")
    table = _table(
        scene,
        t("kling_docs.image_fields"),
        _image_rows(),
        lambda field: t("kling_docs.one_of_two") if field in one else t("docs.no"),
    )
    rules = [
        t("kling_docs.image.form"),
        t("kling_docs.image.types", side=kling.IMAGE_SIDE_PX_MIN),
        t("kling_docs.image.exclude"),
    ]
    return scene.section("kling_docs.image_fields", table, Bullets(rules))


def _text_body(scene: Scene) -> dict[str, Any]:
    return {
        "model_name": _name(scene),
        "prompt": scene.card.example_prompt.en,
        "mode": scene.card.default_mode.value,
        "aspect_ratio": "16:9",
        "duration": str(scene.card.default_duration_s),
    }


def _examples(scene: Scene) -> Section:
    t, card = scene.t, scene.card
    text = _text_body(scene)
    url = f"{scene.base_url}{_VIDEOS}/text2video"
    blocks: list[Block] = [
        scene.listing("text", t("kling_docs.example_text"), pretty(text)),
        scene.listing("text-curl", t("docs.as_curl"), curl(url, text), is_folded=True),
    ]
    if card.references.files_max:
        image = {key: value for key, value in text.items() if key != "aspect_ratio"}
        image["image"] = "https://cdn.example.com/start.jpg"
        if card.references.takes_tail_frame:
            image["image_tail"] = "https://cdn.example.com/end.png"
        blocks.append(scene.listing("image", t("kling_docs.example_image"), pretty(image)))
    if card.control(Control.MULTI_SHOTS) is not None:
        blocks.append(scene.listing("shots", t("kling_docs.example_shots"), pretty(_shots_body(scene))))
    return scene.section("docs.example", *blocks)


def _shots_body(scene: Scene) -> dict[str, Any]:
    shots = [
        {"index": 1, "prompt": "A lighthouse at dusk, wide shot", "duration": "3"},
        {"index": 2, "prompt": "Close on the lamp as it turns", "duration": "2"},
    ]
    return {
        "model_name": _name(scene),
        "multi_shot": True,
        "shot_type": "customize",
        "multi_prompt": shots,
        "mode": scene.card.default_mode.value,
        "duration": "5",
    }


def _created(scene: Scene) -> Section:
    t = scene.t
    answer = scene.answer("create_text2video", State.QUEUED, _name(scene))
    return scene.section(
        "docs.create_response",
        Prose(t("kling_docs.create_lead")),
        scene.listing("created", t("docs.create_response"), pretty(answer)),
    )


def _states(scene: Scene) -> Section:
    t = scene.t
    command = curl(f"{scene.base_url}{_VIDEOS}/text2video/TASK_ID")
    return scene.section(
        "docs.states",
        Prose(t("kling_docs.poll")),
        scene.listing("poll", t("docs.as_curl"), command),
        *shown_states(scene, "read_text2video", lambda answer: str(answer["data"]["task_status"]), _name(scene)),
    )


def _callbacks(scene: Scene) -> Section:
    return scene.section("docs.callbacks", Prose(scene.t("kling_docs.callback")))


def _errors(scene: Scene) -> Section:
    table = error_table(scene, lambda body: body["code"], lambda body: str(body["message"]))
    return scene.section("docs.errors", Prose(scene.t("kling_docs.envelope")), table)


def _failures(scene: Scene) -> Section:
    table = failure_table(scene, lambda failure: (_FAILED, FAILURE_MESSAGES[failure]))
    return scene.section("docs.failures", Prose(scene.t("kling_docs.failure_lead")), table)


def _limits(scene: Scene) -> Section:
    sizes = {found.name: found.body_bytes_max for found in scene.dialect.operations}
    blocks = limits(scene, result_days=RESULT_TTL_S / _DAY_S, body_bytes=sizes["create_text2video"])
    largest = sizes["create_image2video"]
    if scene.card.references.files_max and largest is not None:
        blocks.append(Prose(scene.t("kling_docs.image_body", size=said(size_text(largest)))))
    return scene.section("docs.limits", *blocks)


def _credits(scene: Scene) -> Section:
    modes = [mode for mode in Mode if mode in scene.card.units_per_second]
    return scene.section("docs.credits", *prices(scene, modes), Prose(scene.t("kling_docs.units")))


def _tips(scene: Scene) -> Section:
    keys = ["negative", "mode", "voice", "camera", "external"]
    if scene.card.control(Control.MULTI_SHOTS) is None:
        keys.remove("voice")
    return scene.section("docs.tips", Bullets([scene.t(f"kling_docs.tip.{key}") for key in keys]))
