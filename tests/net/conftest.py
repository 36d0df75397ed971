"""What the tests of this folder share. Their fork server loads the decoders once, as the gateway's does."""

from pathlib import Path

import pytest

from reelway.net import media, process

process.preload(media.FORK_SERVER_MODULES)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where a download shall go."""
    return tmp_path / "reference.bin"
