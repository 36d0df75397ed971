"""An adapter of the Kling family in front of the scripted server, and orders for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from reelway.catalog import load_catalog
from reelway.clock import Clock, SystemClock
from reelway.domain.generation import Generation, Mode, Reference, Role
from reelway.domain.ids import TaskId
from reelway.domain.task import PreparedReference
from reelway.net.guard import Guard
from reelway.net.objects import Objects
from reelway.providers.base import Order
from reelway.providers.config import Credentials, ProviderConfig
from reelway.providers.kling import KlingProvider
from reelway.providers.kling_relay import KlingRelayProvider
from reelway.providers.remote import Surroundings
from support.kling_server import ACCESS_KEY, API_KEY, SECRET_KEY
from support.media import image_bytes

TASK_ID = TaskId("task_01KB2R8T4NQ6V0X3Z5A7C9E1G3")
CATALOG = load_catalog()
FRAME = Reference(url="https://cdn.example.com/start.png")
IMAGES = {
    "start": image_bytes("PNG", (400, 300)),
    "end": image_bytes("JPEG", (400, 300)),
    "small": image_bytes("PNG", (200, 200)),
    "long": image_bytes("PNG", (1_000, 300)),
}


def kling_config(base_url: str, **changes: Any) -> ProviderConfig:
    """With a pair of keys; `api_key=True` for an API key."""
    given: dict[str, Any] = {
        "name": "kling",
        "kind": "kling",
        "base_url": base_url,
        "allow_private": True,
        "access_key_env": "AK",
        "secret_key_env": "SK",
        "unit_microdollars": 140_000,
        "requests_per_second_max": 10_000,
        "submit_seconds": 1,
        "request_seconds": 1,
        "fetch_seconds": 5,
        "absent_after_seconds": 2,
        "poll_seconds": 0.02,
    }
    has_key = changes.pop("api_key", False)
    config = ProviderConfig.model_validate(given | changes)
    pair = Credentials(access_key=SecretStr(ACCESS_KEY), secret_key=SecretStr(SECRET_KEY))
    config._credentials = Credentials(api_key=SecretStr(API_KEY)) if has_key else pair
    return config


async def storage(folder: Path) -> Objects:
    """Object storage that holds `IMAGES` under their names."""
    objects = Objects((folder / "objects").as_uri())
    for name, content in IMAGES.items():
        path = folder / name
        path.write_bytes(content)
        await objects.put_file(f"inputs/{name}", path, "image/png")
    return objects


@asynccontextmanager
async def desk(
    base_url: str,
    folder: Path,
    *,
    clock: Clock | None = None,
    hook_url: Any = None,
    relay: bool = False,
    **changes: Any,
) -> AsyncIterator[KlingProvider]:
    around = Surroundings(
        catalog=CATALOG,
        objects=await storage(folder),
        clock=clock or SystemClock(),
        result_bytes_max=10_000_000,
        public_url="https://gw.example.com",
        file_token=lambda file_id: file_id,
        hook_url=hook_url,
    )
    if relay:
        provider: KlingProvider = KlingRelayProvider(
            kling_config(base_url, kind="kling_relay", **changes), Guard(), around
        )
    else:
        provider = KlingProvider(kling_config(base_url, **changes), Guard(), around)
    try:
        yield provider
    finally:
        await provider.aclose()


def generation(**changes: Any) -> Generation:
    """A plain one, all of whose fields have the protocol's defaults."""
    given: dict[str, Any] = {
        "model": "kling-v2-5-turbo-pro",
        "prompt": "A glass bottle turns slowly on a black table",
        "duration_s": 5,
        "aspect_ratio": "16:9",
        "mode": Mode.STD,
    }
    return Generation(**(given | changes))


def prepared(name: str, role: Role = Role.START_FRAME, **changes: Any) -> PreparedReference:
    size = {"small": (200, 200), "long": (1_000, 300)}.get(name, (400, 300))
    given: dict[str, Any] = {
        "object_name": f"inputs/{name}",
        "mime_type": "image/png",
        "width": size[0],
        "height": size[1],
    }
    return PreparedReference(**(given | changes), role=role)


JUST_NOW_US = 4_000_000_000_000_000
"""Later than any clock: whatever looks at it has had no time to grow old."""


def order(*inputs: PreparedReference, since_us: int = JUST_NOW_US, **changes: Any) -> Order:
    if inputs:
        changes.setdefault("start_frame", FRAME)
    return Order(TASK_ID, generation(**changes), inputs, since_us)
