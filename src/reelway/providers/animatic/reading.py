"""Reads a text: which facts its words name, where, how many, and which of them it says are absent."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from reelway.providers.animatic.facts import Fact
from reelway.providers.animatic.lexicon import SPACED, UNSPACED, phrases

_PHRASE_WORDS_MAX = 4
_TEXT_LENGTH_MAX = 4000  # code points; prompts are shorter, and no text may cost more than this

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_ARABIC_TO_URDU = str.maketrans(
    {"ي": "ی", "ى": "ی", "ك": "ک", "ه": "ہ", "ة": "ہ", "ۃ": "ہ", "أ": "ا", "إ": "ا", "’": "'"}
)
_ABSENT_BEFORE = frozenset({"no", "not", "without", "never", "zero", "minus"})
_ARTICLES = frozenset({"any", "a", "an", "the"})
_ABSENT_AFTER = (("کے", "بغیر"), ("کے", "بنا"), ("نہیں",), ("نہ",))
_ABSENT_PREFIXES = ("没有", "沒有", "无", "無", "不要")
_UNSPACED_COUNTS: Mapping[str, int] = {
    "两": 2,
    "兩": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "几": 3,
    "幾": 3,
    "群": 5,
    "许多": 5,
    "許多": 5,
}
_SOME = 3  # how many a plural without a number is
_ARTICLE_REACH = 6  # words from an article to its noun: "a very small but bright orange fish"
_BARE_PLURALS = frozenset({"fish", "koi"})  # many where no article stands before: "colourful fish", but "a fish"
_SINGULARS = frozenset(
    {"a", "an", "the", "one", "this", "that", "single", "lone", "another", "every"}
    | {"his", "her", "its", "my", "our", "their"}
)
_IRREGULAR_PLURALS = frozenset(
    {"men", "women", "children", "people", "wolves", "foxes", "geese", "butterflies"}
    | {"لوگ", "بچے", "عورتیں", "گھوڑے", "پرندے", "کتے", "مچھلیاں"}
)
_COUNTS: Mapping[str, int] = {
    "two": 2,
    "couple": 2,
    "pair": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "several": 4,
    "group": 4,
    "many": 5,
    "some": 3,
    "herd": 5,
    "pack": 4,
    "flock": 7,
    "crowd": 6,
    "school": 6,
    "caravan": 4,
    "2": 2,
    "3": 3,
    "4": 4,
    "5": 5,
    "دو": 2,
    "تین": 3,
    "چار": 4,
    "پانچ": 5,
    "کئی": 4,
    "بہت": 4,
    "ریوڑ": 5,
    "غول": 6,
    "ہجوم": 6,
    "قافلہ": 4,
    "کچھ": 3,
}


@dataclass(frozen=True, slots=True)
class Mention:
    """One fact as the text names it; `position` orders mentions, `count` is 1 where no number is named."""

    fact: Fact
    phrase: str
    position: int
    count: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The mentions in the order of the text, the first of each fact only, and the facts said to be absent.

    `every` has the repeated ones too.
    """

    mentions: tuple[Mention, ...]
    every: tuple[Mention, ...]
    absent: frozenset[Fact]


def read(text: str) -> Reading:
    """What the text names; any text is fine, and the work is bounded."""
    even = _even(text[:_TEXT_LENGTH_MAX])
    found: dict[Fact, Mention] = {}
    every: list[Mention] = []
    absent: set[Fact] = set()
    for mention, is_absent in sorted((*_spaced(even), *_unspaced(even)), key=lambda pair: pair[0].position):
        if is_absent:
            absent.add(mention.fact)
        else:
            every.append(mention)
            first = found.setdefault(mention.fact, mention)
            found[mention.fact] = replace(first, count=max(first.count, mention.count))
    mentions = tuple(mention for fact, mention in found.items() if fact not in absent)
    return Reading(mentions, tuple(mention for mention in every if mention.fact not in absent), frozenset(absent))


def _even(text: str) -> str:
    """One spelling for many: compatibility forms, letter case, accents and Arabic letter variants evened out."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_ARABIC_TO_URDU))
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return unicodedata.normalize("NFC", plain).casefold().translate(_ARABIC_TO_URDU)


def _spaced(text: str) -> Iterator[tuple[Mention, bool]]:
    matches = list(_TOKEN.finditer(text))
    tokens = [match.group() for match in matches]
    table = _spaced_table()
    index = 0
    while index < len(tokens):
        length = _PHRASE_WORDS_MAX
        while length and (phrase := " ".join(tokens[index : index + length])) not in table:
            length -= 1
        for fact in table[phrase] if length else ():
            counted = (*tokens[max(0, index - 3) : index], phrase)
            count = max(_COUNTS.get(token, 1) for token in counted)
            is_many = phrase in _BARE_PLURALS and _SINGULARS.isdisjoint(tokens[max(0, index - _ARTICLE_REACH) : index])
            if count == 1 and (is_many or phrase in _plurals() or phrase in _IRREGULAR_PLURALS):
                count = _SOME
            mention = Mention(fact, phrase, matches[index].start(), count)
            yield mention, _is_absent(tokens, index, index + length)
        index += length or 1


def _is_absent(tokens: list[str], start: int, end: int) -> bool:
    before = start - 1
    if before >= 0 and tokens[before] in _ARTICLES:
        before -= 1
    if before >= 0 and tokens[before] in _ABSENT_BEFORE:
        return True
    return any(tuple(tokens[end : end + len(words)]) == words for words in _ABSENT_AFTER)


def _unspaced(text: str) -> Iterator[tuple[Mention, bool]]:
    pattern, table = _unspaced_table()
    for match in pattern.finditer(text):
        is_absent = text[: match.start()].endswith(_ABSENT_PREFIXES)
        for fact in table[match.group()]:
            before = text[max(0, match.start() - 3) : match.start()]
            count = max((many for word, many in _UNSPACED_COUNTS.items() if word in before), default=1)
            yield Mention(fact, match.group(), match.start(), count), is_absent


@cache
def _spaced_table() -> dict[str, list[Fact]]:
    table: dict[str, list[Fact]] = {}
    for language in SPACED:
        for phrase, fact in phrases(language):
            for form in _forms(_even(phrase)):
                facts = table.setdefault(form, [])
                if fact not in facts:
                    facts.append(fact)
    return table


@cache
def _plurals() -> frozenset[str]:
    """English phrases in the plural that are no phrases of the table by themselves."""
    own = {form for table in SPACED for phrase, _ in phrases(table) for form in [_joined(phrase)]}
    return frozenset(
        form for phrase in own if phrase.isascii() for form in _forms(phrase) if form != phrase and form not in own
    )


def _joined(phrase: str) -> str:
    return " ".join(_TOKEN.findall(_even(phrase)))


def _forms(phrase: str) -> Iterator[str]:
    """The phrase as tokens and, for Latin letters, with its last word in the plural."""
    joined = " ".join(_TOKEN.findall(phrase))
    yield joined
    if joined.isascii():
        yield joined + "s"
        if joined.endswith(("s", "x", "ch", "sh")):
            yield joined + "es"
        if joined.endswith("y"):
            yield joined[:-1] + "ies"


@cache
def _unspaced_table() -> tuple[re.Pattern[str], dict[str, list[Fact]]]:
    table: dict[str, list[Fact]] = {}
    for language in UNSPACED:
        for phrase, fact in phrases(language):
            table.setdefault(_even(phrase), []).append(fact)
    longest_first = sorted(table, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))), table
