"""Forms as browsers send them: urlencoded, bounded in bytes, fields and time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from reelway.domain.errors import BodyFault, BodyTooLargeError, MalformedBodyError

_FIELDS_MAX: Final = 500
_TYPE: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a form, or of an address's query. Texts are stripped; a field that is not there is empty."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        found = self.values.get(name)
        return found[-1].strip() if found else ""

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(value.strip() for value in self.values.get(name, ()) if value.strip())

    def number(self, name: str) -> int | None:
        """A whole number; None where there is none, or something else."""
        text = self.text(name)
        digits = text.removeprefix("-")
        return int(text) if digits.isascii() and digits.isdecimal() and len(digits) <= 18 else None


def fields_of(text: str) -> Fields:
    """Raises: MalformedBodyError: it is not urlencoded, or has too many fields."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict")
    except ValueError as exc:
        raise MalformedBodyError(BodyFault.NOT_URLENCODED) from exc
    values: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        # SQLite and PostgreSQL both store texts without NUL; browsers end lines with CR LF.
        clean = value.replace("\0", "").replace("\r\n", "\n")
        values[name] = (*values.get(name, ()), clean)
    return Fields(values)


async def read_fields(request: Request, size_bytes_max: int, seconds_max: float) -> Fields:
    """The form in a request's body.

    Raises:
        BodyTooLargeError, MalformedBodyError: it is too large, of another type, or did not come in time.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise MalformedBodyError(BodyFault.NOT_URLENCODED)
    pieces, size_bytes = [], 0
    try:
        async with asyncio.timeout(seconds_max):
            async for piece in request.stream():
                size_bytes += len(piece)
                if size_bytes > size_bytes_max:
                    raise BodyTooLargeError("body", size_bytes_max)
                pieces.append(piece)
    except (TimeoutError, ClientDisconnect) as exc:
        raise MalformedBodyError(BodyFault.INCOMPLETE) from exc
    try:
        return fields_of(b"".join(pieces).decode("ascii"))
    except UnicodeDecodeError as exc:
        raise MalformedBodyError(BodyFault.NOT_URLENCODED) from exc
