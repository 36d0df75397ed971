"""Renders for the tests of the animatic engine, each kept for the whole run because making one takes time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from animatic.screening import Film, shoot, spec_of

Screen = Callable[..., Film]


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Screen:
    """`film(prompt, **changes)` gives the decoded video of a small one-second request with some fields changed."""
    made: dict[object, Film] = {}

    def screen(prompt: str, **changes: object) -> Film:
        spec = spec_of(prompt, **changes)
        if spec not in made:
            made[spec] = shoot(spec, tmp_path_factory.mktemp("film"))
        return made[spec]

    return screen


@pytest.fixture
def empty_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder
