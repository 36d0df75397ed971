"""Marks inside texts: words of a protocol, and the parts of a listing. Everything else is escaped."""

import re
from typing import Final

from markupsafe import Markup, escape

_TOKEN: Final = re.compile(
    r"""(?P<text>"(?:[^"\\\n]|\\.)*")(?P<colon>\s*:)?|\b(?P<word>true|false|null|None|True|False)\b"""
    r"""|(?<![\w.-])(?P<number>-?\d+(?:\.\d+)?)(?![\w.-])"""
)


def marked(text: str) -> Markup:
    """What stands between backticks, as code that stays left to right in any text."""
    parts = []
    for number, part in enumerate(text.split("`")):
        is_code = number % 2 == 1
        parts.append(Markup('<bdi class="code mono" dir="ltr">{}</bdi>').format(part) if is_code else escape(part))
    return Markup("").join(parts)


def highlighted(text: str) -> Markup:
    """Names, texts and numbers of JSON and of what looks like it, told apart by colour."""
    parts: list[Markup] = []
    at = 0
    for found in _TOKEN.finditer(text):
        parts.append(escape(text[at : found.start()]))
        kind = "k" if found["colon"] else "s" if found["text"] else "n"
        parts.append(Markup('<span class="{}">{}</span>').format(kind, found["text"] or found[0]))
        parts.append(escape(found["colon"] or ""))
        at = found.end()
    return Markup("").join([*parts, escape(text[at:])])
