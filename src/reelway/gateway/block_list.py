"""The operator's block list: regular expressions that no text of a request may match.

Patterns and texts are compared in Unicode's NFKC form, without regard to case and without invisible characters, so that
full-width letters, ligatures and zero-width joints pass nobody by. A pattern that takes too long refuses the request:
whoever can make it slow must not get past it.
"""

import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import regex
import structlog

from reelway.settings import ENV_PREFIX, SettingsError

log = structlog.get_logger(__name__)

_VARIABLE: Final = f"{ENV_PREFIX}BLOCK_LIST_FILE"
_FILE_BYTES_MAX: Final = 1024 * 1024
_LINES_MAX: Final = 10_000
_CHECK_S_MAX: Final = 1.0
"""For all patterns and texts of a request together; one that is not catastrophic takes microseconds."""
_FLAGS: Final = regex.VERSION1 | regex.IGNORECASE | regex.FULLCASE
_SYNTAX: Final = frozenset("\\^$.|?*+()[]{}-&~#")


@dataclass(frozen=True, slots=True)
class Term:
    """One line of the file."""

    line: int
    pattern: "regex.Pattern[str]"


@dataclass(frozen=True, slots=True)
class BlockList:
    terms: tuple[Term, ...]

    def refusal(self, texts: tuple[str, ...]) -> str | None:
        """Why these texts are refused (`listed`, `too_slow`); None where they are not. Blocks for up to a second."""
        plain = [plain_text(text) for text in texts if text]
        end_s = time.monotonic() + _CHECK_S_MAX
        for term in self.terms:
            try:
                for text in plain:
                    left_s = end_s - time.monotonic()
                    if left_s <= 0:
                        raise TimeoutError
                    if term.pattern.search(text, timeout=left_s, concurrent=True):
                        return "listed"
            except TimeoutError:
                log.warning("a pattern of the block list is too slow, so a request was refused", line=term.line)
                return "too_slow"
        return None


def load_block_list(path: Path | None) -> BlockList | None:
    """The list in a file, or None where none is configured.

    Raises:
        SettingsError: the file cannot be read, or a line is no regular expression; each fault with its line.
    """
    if path is None:
        return None
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as exc:
        raise SettingsError(f"{_VARIABLE}: {path}: {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        broken = raw[: exc.start].count(b"\n") + 1
        raise SettingsError(f"{_VARIABLE}: {path.name}:{broken}: is not UTF-8") from exc
    lines = text.split("\n")
    if len(raw) > _FILE_BYTES_MAX or len(lines) > _LINES_MAX:
        raise SettingsError(f"{_VARIABLE}: {path}: may have {_FILE_BYTES_MAX} bytes and {_LINES_MAX} lines")
    terms: list[Term] = []
    faults: list[str] = []
    for number, line in enumerate(lines, 1):
        wanted = line.strip()
        if not wanted or wanted.startswith("#"):
            continue
        found = _term(number, wanted)
        if isinstance(found, Term):
            terms.append(found)
        else:
            faults.append(f"{_VARIABLE}: {path.name}:{number}: {found}")
    if faults:
        raise SettingsError("\n".join(faults))
    return BlockList(tuple(terms))


def _term(number: int, wanted: str) -> Term | str:
    """The compiled line, or what is wrong with it."""
    plain = plain_text(wanted)
    if _syntax_of(plain) != _syntax_of(wanted):
        return "holds a character whose NFKC form has a meaning in regular expressions; write the plain one"
    try:
        pattern = regex.compile(plain, _FLAGS, cache_pattern=False)
    except (regex.error, OverflowError, RecursionError) as exc:
        return f"is no regular expression: {exc}"
    if pattern.search("") is not None:
        return "matches an empty text, and so every request"
    return Term(number, pattern)


def _syntax_of(text: str) -> list[str]:
    return [character for character in text if character in _SYNTAX]


def plain_text(text: str) -> str:
    """The NFKC form without format characters (zero-width joiners, marks of direction, soft hyphens)."""
    visible = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return unicodedata.normalize("NFKC", visible)
