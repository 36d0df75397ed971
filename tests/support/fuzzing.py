"""Schemathesis against a running gateway, by its own command in its own process."""

import asyncio
import re
import sys
from pathlib import Path

from support.gateway import Account, TestGateway

_DEADLINE_S = 600

EVERYWHERE = """
seed = 1
continue-on-failure = true

[generation]
max-examples = {examples}
database = "none"
"""


def _prepare(folder: Path, config: str) -> None:
    folder.mkdir()
    (folder / "schemathesis.toml").write_text(config)


async def fuzz(gateway: TestGateway, owner: Account, address: str, folder: Path, config: str, examples: int) -> int:
    """Run all phases and checks on the document at `address`; returns how many requests were made up.

    `config` has what the document cannot say, as overrides of schemathesis by operation. Every finding fails the test.
    """
    _prepare(folder, EVERYWHERE.format(examples=examples) + config)
    command = Path(sys.executable).with_name("schemathesis")
    process = await asyncio.create_subprocess_exec(
        str(command),
        *("--config-file", "schemathesis.toml", "run", gateway.base_url + address, "--no-color"),
        *("-H", f"Authorization: Bearer {owner.key}"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(_DEADLINE_S):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    generated = re.search(rb"(\d+) generated", output)
    assert generated is not None, output.decode()
    return int(generated[1])
