"""The table of faults names tests that exist, and a test for every fault."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    line
    for line in (ROOT / "docs" / "reliability.md").read_text().splitlines()
    if line.startswith("| ") and "::" in line
]
NAMED = re.compile(r"(tests/[\w/]+\.py)::(\w+)")


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip()[:60] for row in ROWS])
def test_every_fault_is_shown_by_tests_that_exist(row: str) -> None:
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(cells) == 5
    assert all(cells)
    shown_by = NAMED.findall(cells[-1])
    assert shown_by
    for path, name in shown_by:
        assert name in names_in(ROOT / path), f"{path} has no {name}"


def test_the_table_has_its_rows() -> None:
    assert len(ROWS) > 30
