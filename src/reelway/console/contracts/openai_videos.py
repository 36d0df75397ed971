"""The OpenAI Videos contract of a model. Source of the rules: the contract's sections 6 to 12."""

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
)
from reelway.console.contracts.shared import (
    Scene,
    default_of,
    error_table,
    failure_table,
    limits,
    options_of,
    prices,
    shown_states,
    size_text,
)
from reelway.dialects.openai_videos.images import FILE_BYTES_MAX, MIME_TYPES
from reelway.dialects.openai_videos.models import DEFAULT_NAME
from reelway.dialects.openai_videos.parse import USER_LENGTH_MAX
from reelway.dialects.openai_videos.render import PATH
from reelway.domain.catalog import Control
from reelway.domain.generation import Mode
from reelway.domain.task import State
from reelway.wire.openai_videos import FAILURES, SIZES, usual_size


def contract(scene: Scene) -> Contract:
    sections = [_endpoints(scene), _fields(scene), _sizes(scene), _examples(scene), _created(scene), _states(scene)]
    sections += [_errors(scene), _failures(scene), _limits(scene), _credits(scene), _tips(scene)]
    return Contract("openai-videos", "OpenAI Videos", "openai_videos", scene.t("openai_docs.lead"), sections)


def _endpoints(scene: Scene) -> Section:
    t = scene.t
    video = f"{PATH}/{{video_id}}"
    calls = (
        ("POST", PATH, "create"),
        ("GET", video, "read"),
        ("GET", f"{video}/content", "content"),
        ("GET", PATH, "list"),
        ("DELETE", video, "delete"),
        ("POST", f"{video}/remix", "remix"),
    )
    rows = [(code(method), code(path), t(f"openai_docs.endpoint.{key}")) for method, path, key in calls]
    heads = (t("docs.head.method"), t("docs.head.endpoint"), t("docs.head.description"))
    blocks: list[Block] = [Table(t("docs.endpoints"), heads, rows), Prose(t("openai_docs.base_url"))]
    blocks.append(scene.listing("base", t("openai_docs.base_url_label"), f"{scene.base_url}/v1"))
    if scene.aliases:
        blocks.append(Prose(t("openai_docs.aliases", names=codes(scene.aliases), default=code(DEFAULT_NAME))))
    return scene.section("docs.endpoints", *blocks)


def _default_size(scene: Scene) -> str:
    return usual_size(default_of(scene.card, Control.ASPECT_RATIO), scene.card.default_mode)


def _fields(scene: Scene) -> Section:
    t, card = scene.t, scene.card
    yes, no = t("docs.yes"), t("docs.no")
    seconds = options_of(card, Control.DURATION_S)

    def row(
        field: str, kind: str, default: str = NOTHING, limit: str = NOTHING, options: str = NOTHING
    ) -> tuple[str, ...]:
        text = t(f"openai_docs.field.{field}", default=code(DEFAULT_NAME), user=USER_LENGTH_MAX)
        return (code(field), kind, yes if field == "prompt" else no, default, limit, options, text)

    prompt = row("prompt", "string")
    rows = [
        (*prompt[:-1], f"{prompt[-1]} {t('docs.length_max', limit=card.prompt_length_max)}"),
        row("model", "string", code(DEFAULT_NAME), options=code(card.id)),
        row("seconds", "string", code(card.default_duration_s), options=codes(seconds)),
        row("size", "string", code(_default_size(scene)), options=codes(list(SIZES))),
    ]
    if card.references.files_max:
        rows.append(row("input_reference", "file"))
    if card.references.takes_tail_frame:
        rows.append(row("last_frame", "file"))
    if card.control(Control.NEGATIVE_PROMPT) is not None:
        rows.append(row("negative_prompt", "string"))
    if card.control(Control.CFG_SCALE) is not None:
        rows.append(row("cfg_scale", "number", code("0.5"), code("min 0 / max 1")))
    for field, control in (("sound", Control.SOUND), ("multi_shots", Control.MULTI_SHOTS)):
        if card.control(control) is not None:
            rows.append(row(field, "boolean", code("false"), options=codes(("false", "true"))))
    rows.append(row("user", "string"))
    blocks: list[Block] = [scene.words.controls(t("openai_docs.fields"), rows), Prose(t("openai_docs.extensions"))]
    if card.references.files_max:
        limit = size_text(FILE_BYTES_MAX)
        blocks.append(Prose(t("openai_docs.image_forms", types=codes(MIME_TYPES), size=limit)))
    return scene.section("openai_docs.fields", *blocks)


def _sizes(scene: Scene) -> Section:
    t = scene.t
    rows = [(code(size), code(ratio), code(mode.value)) for size, (ratio, mode) in SIZES.items()]
    heads = (code("size"), t("docs.head.aspect_ratio"), t("docs.head.mode"))
    return scene.section(
        "openai_docs.sizes", Prose(t("openai_docs.size_lead")), Table(t("openai_docs.sizes"), heads, rows)
    )


def _text_body(scene: Scene) -> dict[str, Any]:
    return {
        "model": scene.card.id,
        "prompt": scene.card.example_prompt.en,
        "seconds": str(scene.card.default_duration_s),
        "size": _default_size(scene),
    }


def _sdk(scene: Scene) -> str:
    body = _text_body(scene)
    fields = "".join(f"    {name}={pretty(value)},\n" for name, value in body.items())
    return (
        "import os\n\n"
        "from openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{scene.base_url}/v1", api_key=os.environ["REELWAY_API_KEY"])\n'
        f"video = client.videos.create_and_poll(\n{fields})\n"
        'assert video.status == "completed", video.error\n'
        'client.videos.download_content(video.id).write_to_file("video.mp4")'
    )


def _examples(scene: Scene) -> Section:
    t, card = scene.t, scene.card
    body = _text_body(scene)
    url = f"{scene.base_url}{PATH}"
    blocks: list[Block] = [
        scene.listing("text", t("openai_docs.example_text"), pretty(body)),
        scene.listing("text-curl", t("docs.as_curl"), curl(url, body), is_folded=True),
        scene.listing("sdk", t("openai_docs.example_sdk"), _sdk(scene)),
    ]
    if card.references.files_max:
        images: dict[str, Any] = {"input_reference": {"image_url": "https://cdn.example.com/start.jpg"}}
        if card.references.takes_tail_frame:
            images["last_frame"] = {"image_url": "https://cdn.example.com/end.png"}
        blocks.append(scene.listing("image", t("openai_docs.example_image"), pretty(body | images)))
    return scene.section("docs.example", *blocks)


def _created(scene: Scene) -> Section:
    return scene.section(
        "docs.create_response",
        Prose(scene.t("openai_docs.create_lead")),
        scene.listing("created", scene.t("docs.create_response"), pretty(scene.answer("create", State.QUEUED))),
    )


def _states(scene: Scene) -> Section:
    t = scene.t
    commands = "\n".join(
        (
            curl(f"{scene.base_url}{PATH}/VIDEO_ID"),
            "",
            curl(f"{scene.base_url}{PATH}/VIDEO_ID/content") + " \\\n  -o video.mp4",
        )
    )
    return scene.section(
        "docs.states",
        Prose(t("openai_docs.poll")),
        scene.listing("poll", t("docs.as_curl"), commands),
        *shown_states(scene, "read", lambda answer: str(answer["status"])),
    )


def _errors(scene: Scene) -> Section:
    table = error_table(scene, lambda body: body["error"]["code"], lambda body: str(body["error"]["message"]))
    return scene.section("docs.errors", Prose(scene.t("openai_docs.error_shape")), table)


def _failures(scene: Scene) -> Section:
    return scene.section("docs.failures", Prose(scene.t("docs.failure_lead")), _failure_table(scene))


def _failure_table(scene: Scene) -> Table:
    return failure_table(scene, lambda failure: FAILURES[failure])


def _limits(scene: Scene) -> Section:
    create = next(found for found in scene.dialect.operations if found.name == "create")
    return scene.section("docs.limits", *limits(scene, body_bytes=create.body_bytes_max))


def _credits(scene: Scene) -> Section:
    modes = [mode for mode in Mode if mode in scene.card.units_per_second]
    return scene.section("docs.credits", *prices(scene, modes))


def _tips(scene: Scene) -> Section:
    keys = ("poll", "variants", "remix", "other_dialects")
    return scene.section("docs.tips", Bullets([scene.t(f"openai_docs.tip.{key}") for key in keys]))
