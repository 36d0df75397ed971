"""The navigation: which pages there are to go to, in their order."""

from dataclasses import dataclass
from typing import Final

from reelway.domain.records import Scope


@dataclass(frozen=True, slots=True)
class Item:
    """`text` is the key of its words, `icon` a name of `icons.html`. `scope` None: for everybody who is signed in."""

    path: str
    icon: str
    text: str
    scope: Scope | None = None

    def holds(self, path: str) -> bool:
        """Whether a page belongs to the item: it is its page, or lies below."""
        return path == self.path or (not self.path.endswith("/") and path.startswith(f"{self.path}/"))


ITEMS: Final = (
    Item("/console/", "home", "nav.overview"),
    Item("/console/playground", "spark", "nav.playground", Scope.GENERATIONS_CREATE),
    Item("/console/storyboard", "board", "nav.storyboard", Scope.GENERATIONS_CREATE),
    Item("/console/tasks", "film", "nav.tasks", Scope.GENERATIONS_READ),
    Item("/console/credits", "coins", "nav.credits", Scope.CREDITS_READ),
    Item("/console/keys", "key", "nav.keys"),
    Item("/console/webhooks", "hook", "nav.webhooks", Scope.WEBHOOKS_MANAGE),
    Item("/console/providers", "plug", "nav.providers", Scope.ADMIN),
    Item("/console/accounts", "people", "nav.accounts", Scope.ADMIN),
    Item("/docs", "book", "nav.docs"),
)
