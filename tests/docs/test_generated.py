"""Tables in the documents say what the code says."""

import pytest
from tools.generated_docs import DOCS, TABLES, with_table


@pytest.mark.parametrize("name", TABLES)
def test_a_generated_table_is_current(name: str) -> None:
    document, make = TABLES[name]
    text = (DOCS / document).read_text()
    assert with_table(text, name, make()) == text, "run: python -m tools.generated_docs"
