"""What a reader finds on a contract page: its words, its table rows, its facts, its listings."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_ISOLATES = str.maketrans("", "", "\u2066\u2068\u2069")
_VOID = {"meta", "link", "input", "br", "path", "rect"}


@dataclass
class PageText(HTMLParser):
    """`rows` are the cells of each table row, with the id of the section around it; `pairs` what stands in `<dl>`."""

    html: str
    rows: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    listings: dict[str, str] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._all: list[str] = []
        self._open: list[tuple[str, str, int]] = []
        self._cells: list[str] = []
        self._label = ""
        self.feed(self.html)

    @property
    def text(self) -> str:
        return _tidy("".join(self._all))

    def rows_in(self, section: str) -> list[tuple[str, ...]]:
        return [cells for found, cells in self.rows if found == section]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a":
            self.links.append(values.get("href", ""))
        if tag == "tr":
            self._cells = []
        if tag not in _VOID:
            self._open.append((tag, values.get("id", ""), len(self._all)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        name, identifier, start = self._open.pop()
        assert name == tag, f"</{tag}> closes <{name}>"
        inside = "".join(self._all[start:])
        match tag:
            case "td" | "th":
                self._cells.append(_tidy(inside))
            case "tr":
                section = next((found for kind, found, _ in reversed(self._open) if kind == "section"), "")
                self.rows.append((section, tuple(self._cells)))
            case "dt":
                self._label = _tidy(inside)
            case "dd":
                self.pairs.append((self._label, _tidy(inside)))
            case "pre":
                self.listings[identifier] = inside
        if tag in ("p", "li", "h1", "h2", "h3", "td", "th", "dt", "dd", "pre", "summary", "div", "span", "a"):
            self._all.append(" " if tag != "span" else "")

    def handle_data(self, data: str) -> None:
        self._all.append(data)


def _tidy(text: str) -> str:
    return " ".join(text.translate(_ISOLATES).split())
