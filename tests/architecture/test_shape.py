"""The house's shape: small files, short functions, names that say something, the same name for the same protocol."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "reelway").rglob("*.py"))
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "misc", "stuff"}

LONG_FILES: dict[str, str] = {}
"""Files over the limit, each with its reason."""
LONG_FUNCTIONS: dict[str, str] = {}
"""Functions over the limit (`file:name`), each with its reason."""


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT / "src" / "reelway"))


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def is_generated(path: Path) -> bool:
    return "migrations/versions" in str(path)


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_file_stays_within_its_size(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    if relative(path) in LONG_FILES:
        assert lines > FILE_LINES_MAX, "short by now: take it off the list"
    elif not is_generated(path):
        assert lines <= FILE_LINES_MAX


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_function_stays_within_its_size(path: Path) -> None:
    if is_generated(path):
        return
    long = {
        f"{relative(path)}:{node.name}"
        for node in functions_of(path)
        if (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    }
    assert long == {name for name in LONG_FUNCTIONS if name.startswith(f"{relative(path)}:")}


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_name_says_what_is_inside(path: Path) -> None:
    assert not VAGUE_NAMES & {part.removesuffix(".py").strip("_") for part in Path(relative(path)).parts}


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_module_opens_with_a_sentence_on_its_job(path: Path) -> None:
    if path.name == "__init__.py" and not path.read_text().strip():
        pytest.fail("even a package's first file says what the package is for")
    assert ast.get_docstring(ast.parse(path.read_text()))
