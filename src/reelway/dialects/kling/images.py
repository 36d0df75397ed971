"""Images of a request: an https URL, one of our own file URLs, or raw base64. Source: contract, section 8."""

import base64
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from reelway.dialects.base import ParseContext, RawAttachment, WireRequest, is_own_url
from reelway.dialects.kling.fields import Fields
from reelway.domain.errors import UploadFault
from reelway.domain.generation import ImageRule, MotionBrush, Reference
from reelway.domain.intents import Attachment
from reelway.domain.media import MediaKind
from reelway.domain.public_url import public_url_problem
from reelway.wire import kling

IMAGE_RULE: Final = ImageRule(kling.IMAGE_TYPES, kling.IMAGE_SIDE_PX_MIN, kling.IMAGE_RATIO_MAX)
_PIECE_LENGTH: Final = 1 << 18
"""Of base64 decoded in one go: a multiple of 4."""
_WRONG_FORMAT: Final = "must be JPEG or PNG"


class _Base64Fault(StrEnum):
    """What is wrong with a text that is no URL."""

    DATA_PREFIX = "base64 without a data: prefix is required"
    NEITHER = "must be a public https URL or base64"
    TOO_LARGE = "at most 10 MB"


@dataclass(slots=True)
class Images:
    """What a request brings in: frames, masks, elements, and the files that came inside it."""

    start_frame: Reference | None = None
    last_frame: Reference | None = None
    static_mask: Reference | None = None
    brushes: tuple[MotionBrush, ...] = ()
    elements: tuple[str, ...] = ()
    attachments: list[Attachment] = field(default_factory=list)


# --- before parsing: what the server has to look up or to look at ----------------------------------------------------


def own_file_urls(request: WireRequest) -> tuple[str, ...]:
    return tuple(text for _, text in _texts(request) if _is_url(text))


def attachments(request: WireRequest) -> tuple[RawAttachment, ...]:
    """Every image that came as sound base64 of a size that is allowed."""
    found = []
    for place, text in _texts(request):
        if not _is_url(text) and _form_fault(text) is None:
            decoded = _decoded(text)
            if decoded is not None:
                found.append(RawAttachment(place, decoded))
    return tuple(found)


def _texts(request: WireRequest) -> list[tuple[str, str]]:
    """Every text where an image is expected, with its place."""
    body = request.body or {}
    places: list[tuple[str, Any]] = [(name, body.get(name)) for name in (*kling.FRAME_FIELDS, "static_mask")]
    masks = body.get("dynamic_masks")
    if isinstance(masks, list):
        places += [
            (f"dynamic_masks[{number}].mask", mask.get("mask"))
            for number, mask in enumerate(masks[: kling.DYNAMIC_MASKS_MAX])
            if isinstance(mask, dict)
        ]
    return [(place, value) for place, value in places if isinstance(value, str) and value]


def _is_url(text: str) -> bool:
    """Whether it is meant as a URL; no base64 has a colon."""
    return ":" in text[: len("https:")] and not _has_data_prefix(text)


def _has_data_prefix(text: str) -> bool:
    return text[: len("data:")].lower() == "data:"


def _form_fault(text: str) -> _Base64Fault | None:
    """What is wrong with a text that is no URL, as far as that shows without decoding it."""
    if _has_data_prefix(text):
        return _Base64Fault.DATA_PREFIX
    size_bytes = len(text) * 3 // 4 - text[-2:].count("=")
    return _Base64Fault.TOO_LARGE if size_bytes > kling.IMAGE_BYTES_MAX else None


def _decoded(text: str) -> bytes | None:
    """The bytes of strict base64; None for anything else. Piece by piece, so that other threads get their turn."""
    if len(text) % 4 or "=" in text[:-2]:
        return None
    try:
        pieces = (text[start : start + _PIECE_LENGTH] for start in range(0, len(text), _PIECE_LENGTH))
        return b"".join(base64.b64decode(piece, validate=True) for piece in pieces)
    except ValueError:
        return None


# --- parsing ----------------------------------------------------------------------------------------------------------


def parse_images(fields: Fields, context: ParseContext) -> Images:
    """The fields of section 8, in the order of its table."""
    images = Images()
    images.start_frame = _image(fields, "image", context, images, has_ratio=True)
    images.last_frame = _image(fields, "image_tail", context, images)
    images.elements = _elements(fields)
    images.static_mask = _image(fields, "static_mask", context, images)
    images.brushes = _brushes(fields, context, images)
    return images


def _image(
    fields: Fields, key: str, context: ParseContext, images: Images, *, has_ratio: bool = False
) -> Reference | None:
    """One image; `has_ratio`: its ratio is bounded."""
    text = fields.text(key)
    if text is None:
        return None
    if _is_url(text):
        return _linked(fields, key, text, context)
    looked_at = context.attachments.get(fields.place(key))
    if looked_at is None:  # sound base64 was handed to the server
        fields.add(key, (_form_fault(text) or _Base64Fault.NEITHER).value)
        return None
    fault = _fault_of(looked_at, has_ratio=has_ratio)
    if fault is not None:
        fields.add(key, fault)
        return None
    assert isinstance(looked_at, Attachment)
    images.attachments.append(looked_at)
    return Reference(MediaKind.IMAGE, file_id=looked_at.file_id)


def _linked(fields: Fields, key: str, url: str, context: ParseContext) -> Reference | None:
    """A URL. Only its form is judged here; what it leads to, when the task is prepared."""
    if is_own_url(url, context.file_base_url):
        file = context.own_files.get(url)
        if file is None:
            fields.add(key, "unknown or expired file")
        elif file.kind is not MediaKind.IMAGE:
            fields.add(key, _WRONG_FORMAT)
        else:
            return Reference(MediaKind.IMAGE, file_id=file.id)
    elif public_url_problem(url) is not None:
        fields.add(key, _Base64Fault.NEITHER.value)
    else:
        return Reference(MediaKind.IMAGE, url=url)
    return None


def _fault_of(looked_at: Attachment | UploadFault, *, has_ratio: bool) -> str | None:
    """What is wrong with an image that came inside the request. Source: contract, K24."""
    if looked_at is UploadFault.TOO_MANY_PIXELS:
        return "has too many pixels"
    if isinstance(looked_at, UploadFault) or looked_at.mime_type not in kling.IMAGE_TYPES:
        return _WRONG_FORMAT
    short, long = sorted((looked_at.width, looked_at.height))
    if short < kling.IMAGE_SIDE_PX_MIN:
        return f"each side needs at least {kling.IMAGE_SIDE_PX_MIN} pixels"
    if has_ratio and long > kling.IMAGE_RATIO_MAX * short:
        return "ratio must be from 1:2.5 to 2.5:1"
    return None


def _elements(fields: Fields) -> tuple[str, ...]:
    return parse_names(fields, "element_list", "element_id", kling.ELEMENTS_MAX, "items")


def parse_names(fields: Fields, key: str, id_key: str, items_max: int, noun: str) -> tuple[str, ...]:
    """The ids in a list of objects with one id each."""
    found = fields.array(key) or []
    if len(found) > items_max:
        fields.add(key, f"at most {items_max} {noun}")
    names = []
    for item in fields.items(key, found[:items_max]):
        name = item.name(id_key)
        item.refuse_others((id_key,))
        if name is not None:
            names.append(name)
    return tuple(names)


def _brushes(fields: Fields, context: ParseContext, images: Images) -> tuple[MotionBrush, ...]:
    found = fields.array("dynamic_masks")
    if found is None:
        return ()
    limit = kling.DYNAMIC_MASKS_MAX
    if not found:
        fields.add("dynamic_masks", f"needs 1 to {limit} items")
    elif len(found) > limit:
        fields.add("dynamic_masks", f"at most {limit} items")
    brushes = []
    for item in fields.items("dynamic_masks", found[:limit]):
        mask = _image(item, "mask", context, images)
        if mask is None and not item.is_faulty("mask"):
            item.add("mask", "required")
        path = _path(item)
        item.refuse_others(("mask", "trajectories"))
        if mask is not None:
            brushes.append(MotionBrush(mask, path))
    return tuple(brushes)


def _path(item: Fields) -> tuple[tuple[int, int], ...]:
    found = item.array("trajectories")
    if found is None and item.is_faulty("trajectories"):
        return ()
    low, high = kling.TRAJECTORY_POINTS_MIN, kling.TRAJECTORY_POINTS_MAX
    if found is None or not low <= len(found) <= high:
        item.add("trajectories", f"needs {low} to {high} points")
    points = []
    for point in item.items("trajectories", (found or [])[:high]):
        x, y = (_coordinate(point, axis) for axis in ("x", "y"))
        point.refuse_others(("x", "y"))
        if x is not None and y is not None:
            points.append((x, y))
    return tuple(points)


def _coordinate(point: Fields, axis: str) -> int | None:
    value = point.whole(axis)
    if value is None and not point.is_faulty(axis):
        point.add(axis, "required")
    return value
