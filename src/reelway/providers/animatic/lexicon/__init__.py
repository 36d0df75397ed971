"""Which words name which fact, one file a language: adding a language is adding a file and a line here.

A table maps a fact to its phrases, separated by commas, in lower case. Languages that write spaces are matched by whole
words (`SPACED`), the others anywhere in the text (`UNSPACED`).
"""

from collections.abc import Mapping

from reelway.providers.animatic.facts import Fact
from reelway.providers.animatic.lexicon import chinese, english, urdu

Table = Mapping[Fact, str]

SPACED: tuple[Table, ...] = (english.WORDS, urdu.WORDS)
UNSPACED: tuple[Table, ...] = (chinese.WORDS,)


def phrases(table: Table) -> list[tuple[str, Fact]]:
    """Every phrase of a table with the fact it names."""
    return [(phrase.strip(), fact) for fact, line in table.items() for phrase in line.split(",")]
