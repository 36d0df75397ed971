"""Every word that a visitor reads stands in the message files, in every language."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter

import pytest

from reelway.console import language
from reelway.console.language import Language, chosen, load_languages
from reelway.domain.errors import all_errors

ROOT = Path(language.__file__).parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SOURCES = [*TEMPLATES, *sorted(ROOT.rglob("*.py"))]
LANGUAGES = load_languages()
UNTRANSLATED = {
    "Reelway",
    "API Integration",
    "curl",
    "Python",
    "JavaScript",
    "OpenAI SDK",
    "JSON",
    "CSV",
    "utf-8",
    "https://",
    "Rivya v1",
    "APIXO",
    "Kling",
    "OpenAI Videos",
}
"""Names, which are the same in every language."""
_KEY = re.compile(r"""(?<![\w.])(?:t|tn)\(\s*["']([\w.]+)["']\s*[,)]""")
_BEGUN_KEY = re.compile(r"""(?<![\w.])(?:t|tn)\(\s*["']([\w.]+\.)["']\s*~|["']([\w.]+_)["']\s*~""")
_NOTICE = re.compile(r"""\bnotice\s*=\s*["'](\w+)["']""")
_WORDS = re.compile(r"[A-Za-z\u0600-\u06ff]{2,}")
SPOKEN_ATTRIBUTES = {"alt", "title", "placeholder", "aria-label", "aria-description", "data-label", "content"}


class _Words(HTMLParser):
    """Collects what people would read of a template whose expressions are taken out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self._silent += 1
        for name, value in attrs:
            is_machine = tag == "meta" and dict(attrs).get("name") in ("viewport", "color-scheme", "htmx-config")
            if name in SPOKEN_ATTRIBUTES and value and not is_machine:
                self.found.append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


def plain(template: str) -> str:
    without_comments = re.sub(r"\{#.*?#\}", "", template, flags=re.DOTALL)
    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", without_comments, flags=re.DOTALL)


def words_of(template: str) -> Iterator[str]:
    parser = _Words()
    parser.feed(plain(template))
    for text in parser.found:
        left = text
        for name in UNTRANSLATED:
            left = left.replace(name, "")
        if _WORDS.search(left):
            yield text.strip()


def forms_of(found: Language, key: str) -> list[str]:
    message = found.messages[key]
    return [message] if isinstance(message, str) else list(message.values())


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_all_languages_have_the_same_texts() -> None:
    first, *others = LANGUAGES.values()
    for other in others:
        assert first.messages.keys() ^ other.messages.keys() == set()


@pytest.mark.parametrize("code", language.CODES)
def test_no_text_is_empty_and_a_plural_has_the_languages_forms(code: str) -> None:
    found = LANGUAGES[code]
    for key in found.messages:
        assert all(form.strip() for form in forms_of(found, key)), key
        if not isinstance(found.messages[key], str):
            wanted = {str(found.locale.plural_form(number)) for number in range(200)}
            assert wanted <= set(found.messages[key]), key


def test_a_text_has_the_same_places_for_values_in_every_language() -> None:
    for key in LANGUAGES["en"].messages:
        wanted = {frozenset(set().union(*map(placeholders, forms_of(found, key)))) for found in LANGUAGES.values()}
        assert len(wanted) == 1, key


def test_urdu_texts_are_urdu() -> None:
    """A text that was left in English has no Arabic letter."""
    urdu = LANGUAGES["ur"]
    for key in urdu.messages:
        for form in forms_of(urdu, key):
            without_values = re.sub(r"\{\w*\}", "", form)
            assert re.search(r"[\u0600-\u06ff]", without_values) or without_values.strip() in UNTRANSLATED, key


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_words_of_its_own(path: Path) -> None:
    assert not list(words_of(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_script_and_no_style_of_its_own(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:", text)


def test_every_key_that_is_used_exists() -> None:
    known = LANGUAGES["en"].messages
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        for key in _KEY.findall(text):
            assert key in known, f"{path.name}: {key}"
        for notice in _NOTICE.findall(text):
            assert f"notice.{notice}" in known, f"{path.name}: {notice}"
        for whole, begun in _BEGUN_KEY.findall(text):
            assert any(key.startswith(whole or begun) for key in known), f"{path.name}: {whole or begun}"


def test_every_error_has_its_words() -> None:
    codes = {error.code for error in all_errors()} | {"form_token"}
    for code in codes:
        assert {f"fault.{code}.title", f"fault.{code}.text"} <= LANGUAGES["en"].messages.keys(), code


@pytest.mark.parametrize(
    ("cookie", "accept", "code"),
    [
        (None, "", "en"),
        (None, "ur-PK,ur;q=0.9,en;q=0.8", "ur"),
        (None, "de, ur;q=0.5, en;q=0.7", "en"),
        (None, "de;q=x, fr", "en"),
        ("ur", "en", "ur"),
        ("../../etc", "ur", "ur"),
    ],
)
def test_the_language_is_the_chosen_one_or_the_one_that_the_browser_asks_for(
    cookie: str | None, accept: str, code: str
) -> None:
    assert chosen(LANGUAGES, cookie, accept).code == code


def test_numbers_and_lengths_are_written_as_the_language_does() -> None:
    english, urdu = LANGUAGES["en"], LANGUAGES["ur"]
    assert english.number(1234567.5) == "1,234,567.5"
    assert english.span(75) == "1 min 15 sec"
    assert english.span(0.42) == "0.4 sec"
    assert english.span(3 * 86_400 + 7_200) == "3 days 2 hr"
    assert english.size(1_500_000) == "1.5 MB"
    assert urdu.direction == "rtl"
    assert "منٹ" in urdu.span(75)
