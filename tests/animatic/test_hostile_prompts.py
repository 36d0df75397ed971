"""Prompts that nobody would write in good faith."""

import time
from pathlib import Path

import pytest

from animatic.screening import shoot, spec_of

_PROMPTS = {
    "empty": "",
    "nul": "\0" * 50,
    "controls": "".join(map(chr, range(32))) + "\x7f\x85\u2028\u2029",
    "overrides": "\u202e\u2066\u2067 evil \u202d text \u2069" * 100,
    "emoji": "😀👩‍👩‍👧‍👦🏳️‍🌈" * 300,
    "zalgo": ("a" + "\u0301\u0317\u0489" * 20) * 41,
    "lone marks": "\u0301" * 2500,
    "surrogates": "\ud83d \udc00" * 800,
    "private use": "\ue000\U000f0000" * 600,
    "unassigned": "\u0378\u2fe0" * 900,
    "one long word": "x" * 2500,
    "ligatures": "\ufdfa" * 2500,
    "tibetan": "ཧཱུྃ" * 600,
    "percent": "1%%%%%%%%%" * 250,
    "brackets": "(" * 1250 + ")" * 1250,
    "mixed": "abc שלום 123 سلام 中文 ไทย हिन्दी " * 70,
}


@pytest.mark.parametrize("name", list(_PROMPTS))
def test_a_hostile_prompt_renders_like_any_other(name: str, empty_folder: Path) -> None:
    started = time.perf_counter()
    shown = shoot(spec_of(_PROMPTS[name], width=160, height=90, caption=True), empty_folder)
    assert len(shown.frames) == 24
    assert time.perf_counter() - started < 10
