"""The operator's block list: what it finds, what passes, and files that stop the start."""

from pathlib import Path

import pytest

from reelway.gateway.block_list import BlockList, load_block_list
from reelway.settings import SettingsError


def listed(tmp_path: Path, *lines: str) -> BlockList:
    file = tmp_path / "terms.txt"
    file.write_text("\n".join(lines))
    found = load_block_list(file)
    assert found is not None
    return found


def fault_of(tmp_path: Path, raw: bytes) -> str:
    file = tmp_path / "terms.txt"
    file.write_bytes(raw)
    with pytest.raises(SettingsError) as refused:
        load_block_list(file)
    return str(refused.value)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("forbidden", "A FORBIDDEN thing"),
        ("forbidden", "a ｆｏｒｂｉｄｄｅｎ thing"),
        ("forbidden", "a for\u200bbid\u00adden thing"),
        (r"\bfi\b", "the word \ufb01 as a ligature"),
        (r"gun\w*", "many Guns here"),
        ("straße", "die STRASSE"),
        (r"\bبم\b", "ایک بم ہے"),
        ("بم‌ب", "بمب"),
        ("cafe\u0301", "le CAFÉ"),
        (r"^only this$", "only this"),
        (r"\#tag", "a #tag"),
    ],
)
def test_a_listed_text_is_refused_however_it_is_written(tmp_path: Path, pattern: str, text: str) -> None:
    assert listed(tmp_path, pattern).refusal((text,)) == "listed"


@pytest.mark.parametrize(
    ("pattern", "text"), [("forbidden", "a glass bottle"), (r"\bass\b", "a glass bottle"), (r"\bبم\b", "بمشکل")]
)
def test_other_texts_pass(tmp_path: Path, pattern: str, text: str) -> None:
    assert listed(tmp_path, pattern).refusal((text,)) is None


def test_every_text_is_looked_at_by_itself(tmp_path: Path) -> None:
    terms = listed(tmp_path, "one.*two", "three")
    assert terms.refusal(("one", "two")) is None
    assert terms.refusal(("", "x", "three")) == "listed"


def test_comments_and_empty_lines_are_no_terms(tmp_path: Path) -> None:
    terms = listed(tmp_path, "\ufeff# a comment", "", "  ", "  term  ", "# term2")
    assert [term.line for term in terms.terms] == [4]
    assert listed(tmp_path, "").refusal(("anything",)) is None


def test_a_catastrophic_pattern_refuses_and_does_not_hang(tmp_path: Path) -> None:
    assert listed(tmp_path, r"(?:a|aa|b?a)+$(?<=c)").refusal(("a" * 2_500 + "!",)) == "too_slow"


def test_no_file_is_no_list() -> None:
    assert load_block_list(None) is None


def test_each_broken_line_is_told_with_its_number_and_reason(tmp_path: Path) -> None:
    told = fault_of(tmp_path, b"# fine\nfine\n(open\n[z-a]\n")
    first, second = told.splitlines()
    assert first.startswith("REELWAY_BLOCK_LIST_FILE: terms.txt:3: is no regular expression: missing )")
    assert second.startswith("REELWAY_BLOCK_LIST_FILE: terms.txt:4: is no regular expression: ")


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"fine\nx*\n", "terms.txt:2: matches an empty text, and so every request"),
        (b"fine\nf\xff\n", "terms.txt:2: is not UTF-8"),
        ("a\uff08b".encode(), "terms.txt:1: holds a character whose NFKC form has a meaning"),
        (b"a\n" * 10_001, "may have 1048576 bytes and 10000 lines"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(tmp_path: Path, raw: bytes, told: str) -> None:
    assert told in fault_of(tmp_path, raw)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load_block_list(tmp_path / "none.txt")
