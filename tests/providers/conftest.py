"""One second Reelway for all tests that do not need one of their own."""

from collections.abc import Iterator

import pytest

from providers.second import Second, second_reelway
from reelway.net import media, process

process.preload(media.FORK_SERVER_MODULES)


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Second]:
    with second_reelway(tmp_path_factory.mktemp("second")) as found:
        yield found
