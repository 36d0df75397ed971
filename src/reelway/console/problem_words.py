"""What a dialect says of a wrong value, in the visitor's language. A message that is not known stays as it is."""

import re
from typing import Final

from reelway.console.language import Language

_NUMBER: Final = r"-?[\d.]+"
WORDS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), f"problem.{name}")
    for pattern, name in (
        (r"required\.?", "required"),
        (r"must not be empty\.?", "empty"),
        (r"at most (?P<most>\d+) characters\.?", "too_long"),
        (rf"must be (?:between|from) (?P<least>{_NUMBER}) (?:and|to) (?P<most>{_NUMBER}?)\.?", "range"),
        (r"must be one of (?P<least>\d+) to (?P<most>\d+)", "range"),
        (r"must be one of (?:the allowed values\.|(?P<allowed>.+))", "not_offered"),
        (r"must be a number\.?", "number"),
        (rf"must be a whole number from (?P<least>{_NUMBER}) to (?P<most>{_NUMBER}?)\.", "whole_number"),
        (r"must be (?P<least>\d+) to (?P<most>\d+) characters\.", "length"),
        (r"must be a non-empty list\.", "none_chosen"),
        (r"must not name a type twice\.", "type_twice"),
        (r"unknown or expired file\.?", "file_gone"),
        (r"must be a public https URL(?: of at most 2048 characters\.| or base64)?", "url"),
        (r"the webhook URL must be a public https URL\.", "url"),
        (r"at most (?P<most>\d+) webhook endpoints\.", "endpoints"),
        (r"must be an active endpoint that takes this event's type\.", "endpoint_not_ready"),
        (r"exactly one file is allowed\.", "one_file"),
        (r"must be a file part with a file name\.", "file_name"),
        (r"the file is empty\.", "file_empty"),
        (r"this model does not accept this kind\.", "kind"),
        (r"must be JPEG or PNG", "image_type"),
        (r"not supported by any configured provider\.?", "nobody"),
        (r"unknown sandbox directive: (?P<text>.+)\.", "directive"),
        (r"(?:a last frame cannot be combined with \w+\.|not supported when multi_shot is true)", "last_frame_shots"),
        (r"image_tail, masks and camera_control exclude each other", "last_frame_camera"),
        (r"the durations add up to (?P<sum>\d+), not (?P<total>\d+)", "durations"),
        (r"needs 1 to (?P<most>\d+) shots", "shots"),
        (r"unknown model\.|there is no model .+|this model is not available through the API\.", "model"),
        (r"(?P<mark><<<\w+>>>) has no (?:input|entry in \w+)", "mark"),
    )
)
"""Both dialects that the console's forms go through word these. Source: `dialects/rivya` and `dialects/kling`."""


def worded(language: Language, message: str) -> str:
    for pattern, key in WORDS:
        found = pattern.fullmatch(message)
        if found is not None:
            return language.text(key, **found.groupdict())
    return message
