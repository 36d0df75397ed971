"""Input images in all their forms: a file part, an address, a `data:` URL, the id of an uploaded file.

Source: contract 7.3.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reelway.dialects.base import FormFile, ParseContext, RawAttachment, WireRequest, is_own_url
from reelway.dialects.openai_videos.fields import IMAGE_FIELDS, Given, fault, given_in
from reelway.domain.catalog import Catalog
from reelway.domain.errors import BodyTooLargeError, ReelwayError, UploadFault
from reelway.domain.generation import Reference
from reelway.domain.ids import is_file_id
from reelway.domain.intents import Attachment
from reelway.domain.media import MediaKind
from reelway.domain.public_url import public_url_problem
from reelway.domain.records import StoredFile

FILE_BYTES_MAX: Final = 10 * 1024 * 1024
MIME_TYPES: Final = ("image/jpeg", "image/png", "image/webp")
_KEYS: Final = ("image_url", "file_id")
_DATA_HEADERS: Final = frozenset(f"data:{mime_type};base64" for mime_type in MIME_TYPES)


@dataclass(frozen=True, slots=True)
class InputImage:
    """`attachment` is set where the image came inside the request."""

    reference: Reference
    attachment: Attachment | None = None


def file_bytes_max(_fields: Mapping[str, str], _catalog: Catalog) -> int:
    return FILE_BYTES_MAX


# --- what the server looks up before parsing --------------------------------------------------------------------------


def attachments(request: WireRequest) -> tuple[RawAttachment, ...]:
    """The images inside a request, as far as they can be read; `image_in` tells what is wrong with the others."""
    values, found = _images_in(request), []
    for field in IMAGE_FIELDS:
        value = values.get(field)
        if isinstance(value, FormFile):
            found.append(RawAttachment(field, value))
            continue
        url = _texts_in(value).get("image_url", "")
        if _is_data_url(url):
            try:
                found.append(RawAttachment(field, _data_of(field, url)))
            except ReelwayError:
                continue
    return tuple(found)


def own_urls(request: WireRequest) -> tuple[str, ...]:
    values = _images_in(request)
    urls = (_texts_in(values.get(field)).get("image_url", "") for field in IMAGE_FIELDS)
    return tuple(url for url in urls if url and not _is_data_url(url))


def file_ids(request: WireRequest) -> tuple[str, ...]:
    values = _images_in(request)
    ids = (_texts_in(values.get(field)).get("file_id", "") for field in IMAGE_FIELDS)
    return tuple(file_id for file_id in ids if is_file_id(file_id))


def _images_in(request: WireRequest) -> Mapping[str, Any]:
    """What was given for images, by field; most forms hold none, and every one is asked three times."""
    form = request.form
    if request.body is None and not form.files and not any(name.startswith(IMAGE_FIELDS) for name, _ in form.fields):
        return {}
    return given_in(request).values


def _texts_in(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: text for key, text in value.items() if key in _KEYS and isinstance(text, str)}


def _is_data_url(url: str) -> bool:
    return url[:5].lower() == "data:"


# --- parsing ----------------------------------------------------------------------------------------------------------


def image_in(given: Given, field: str, context: ParseContext) -> InputImage | None:
    """The image of a field; None where it is absent.

    Raises:
        ValidationFailedError, BodyTooLargeError
    """
    value = given.values.get(field)
    match value:
        case None:
            return None
        case FormFile():
            return _attached(field, context)
        case dict():
            return _described(field, value, context)
        case _ if given.is_form and not isinstance(value, str):
            raise fault("invalid_value", field, f"{field} must stand only once.")
        case _:
            raise fault("invalid_type", field, f"{field} must be a file, or an object with image_url or file_id.")


def _attached(field: str, context: ParseContext) -> InputImage:
    found = context.attachments[field]
    if isinstance(found, UploadFault):
        raise fault("invalid_image", field, f"{field} must be a JPEG, PNG or WebP image.")
    return InputImage(Reference(MediaKind.IMAGE, file_id=found.file_id), found)


def _described(field: str, value: Mapping[str, Any], context: ParseContext) -> InputImage:
    keys = {key: item for key, item in value.items() if item is not None}
    if len(keys) != 1 or not keys.keys() <= set(_KEYS):
        raise fault("invalid_value", field, f"{field} must have exactly one of image_url and file_id.")
    ((key, text),) = keys.items()
    if not isinstance(text, str):
        raise fault("invalid_type", field, f"{field}.{key} must be a string.")
    if key == "file_id":
        return _uploaded(field, context.own_files_by_id.get(text), "file_not_found", "No such file.")
    if _is_data_url(text):
        if field not in context.attachments:
            _data_of(field, text)
        return _attached(field, context)
    if is_own_url(text, context.file_base_url):
        return _uploaded(field, context.own_files.get(text), "invalid_value", f"{field}.image_url names no live file.")
    if public_url_problem(text) is not None:
        message = (
            f"{field}.image_url must be a public https URL of at most 2048 characters, or a data: URL of an image."
        )
        raise fault("invalid_value", field, message)
    return InputImage(Reference(MediaKind.IMAGE, url=text))


def _uploaded(field: str, file: StoredFile | None, code: str, message: str) -> InputImage:
    if file is None or file.kind is not MediaKind.IMAGE or file.mime_type not in MIME_TYPES:
        raise fault(code, field, message)
    return InputImage(Reference(MediaKind.IMAGE, file_id=file.id))


def _data_of(field: str, url: str) -> bytes:
    """The bytes of a `data:` URL.

    Raises:
        ValidationFailedError: it is not the base64 of one of the image types.
        BodyTooLargeError: the bytes are too many.
    """
    header, _, payload = url.partition(",")
    if header.lower() not in _DATA_HEADERS:
        raise fault("invalid_value", field, f"{field}.image_url must be of {', '.join(MIME_TYPES)}, in base64.")
    if len(payload) > (FILE_BYTES_MAX + 2) // 3 * 4:
        raise BodyTooLargeError(field, FILE_BYTES_MAX)
    try:
        data = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise fault("invalid_value", field, f"{field}.image_url is not valid base64.") from exc
    if len(data) > FILE_BYTES_MAX:
        raise BodyTooLargeError(field, FILE_BYTES_MAX)
    return data
