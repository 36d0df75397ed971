"""Every file that `docs/providers.md` shows is a right one."""

import re
from pathlib import Path

import pytest
from tools.generated_docs import DOCS

from reelway.catalog import load_catalog
from reelway.domain.attempts import Ending
from reelway.providers.config import Kind, load_providers

TEXT = (DOCS / "providers.md").read_text()
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_a_right_file(text: str, tmp_path: Path) -> None:
    path = tmp_path / "reelway.toml"
    path.write_text(text)
    env = dict.fromkeys(re.findall(r'_env = "(\w+)"', text), "a-credential")
    (provider,) = load_providers(path, env, {card.id for card in load_catalog()})
    assert provider.credentials.api_key is not None or provider.kind in (Kind.KLING, Kind.OPENAI_VIDEOS)


def test_each_kind_has_an_example() -> None:
    assert set(re.findall(r'^kind = "(\w+)"', "\n".join(EXAMPLES), re.MULTILINE)) == set(Kind)


@pytest.mark.parametrize("ending", list(Ending))
def test_every_ending_of_an_attempt_is_explained(ending: Ending) -> None:
    assert f"\n| `{ending}` | " in TEXT
