"""A gateway whose tasks have references, and the server that these come from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from net.servers import Names, Server
from support.gateway import Account, TestGateway
from support.media import image_bytes
from support.provider import ScriptedProvider
from worker.lives import objects_under

PNG = image_bytes("PNG", (640, 480))
JPEG = image_bytes("JPEG", (320, 240))
CREDITS = 1_000


@dataclass
class World:
    """A gateway, and a server on the internet that its references come from."""

    gateway: TestGateway
    server: Server
    names: Names
    folder: Path
    account: Account

    @property
    def provider(self) -> ScriptedProvider:
        assert self.gateway.provider is not None
        return self.gateway.provider

    async def created(self, *urls: str) -> Any:
        items = [{"url": url, "kind": "image"} for url in urls]
        return await self.gateway.created(self.account, params={"referenceMediaItems": items})

    def objects(self) -> list[str]:
        return objects_under(self.folder, "inputs")
