"""The official Node SDK, unmodified, against a running gateway: `node/session.mjs` is what its user would write.

Its version is pinned in `node/package-lock.json`. Where Node or the package is missing the test fails and says so.
"""

import asyncio
import base64
import json
import sys
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from support.gateway import running_gateway
from support.media import image_bytes

pytestmark = pytest.mark.anyio

NODE = Path(__file__).parent / "node"
SESSION_S_MAX = 120


def requirements() -> str:
    """The program `node`; a failure where it cannot run the session."""
    node = which("node", path=str(Path(sys.executable).parent)) or which("node")
    assert node is not None, "Node is not installed: run `make dev-env`"
    assert (NODE / "node_modules" / "openai").is_dir(), "the Node SDK is not installed: run `make dev-env`"
    return node


@pytest.fixture(scope="module")
async def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the session saw."""
    node = requirements()
    png = base64.b64encode(image_bytes("PNG")).decode()
    async with running_gateway(tmp_path_factory.mktemp("node")) as gateway:
        account = await gateway.account()
        process = await asyncio.create_subprocess_exec(
            node,
            str(NODE / "session.mjs"),
            f"{gateway.base_url}/v1",
            account.key,
            png,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(SESSION_S_MAX):
                output, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode == 0, errors.decode()
        assert not await gateway.core.store.unbalanced_accounts()
    found: dict[str, Any] = json.loads(output)
    return found


async def test_a_prompt_alone_makes_a_video(seen: dict[str, Any]) -> None:
    first = seen["first"]
    assert (first["status"], first["model"], first["seconds"], first["size"]) == ("queued", "sora-2", "4", "720x1280")
    assert (seen["completed"]["status"], seen["completed"]["progress"]) == ("completed", 100)


async def test_content_comes_whole(seen: dict[str, Any]) -> None:
    content = seen["content"]
    assert content["ftyp"] == "ftyp"
    assert content["header"] == str(content["bytes"])
    assert seen["thumbnail"] == "WEBP"


async def test_images_come_as_files_and_as_objects(seen: dict[str, Any]) -> None:
    assert (seen["withFile"]["status"], seen["withFile"]["seconds"]) == ("completed", "8")
    assert seen["withUrl"]["status"] == "completed"
    assert seen["withAddress"]["status"] == "queued"


async def test_remix_list_delete_and_repeats(seen: dict[str, Any]) -> None:
    first = seen["first"]["id"]
    assert seen["remix"]["remixed_from_video_id"] == first
    made = [seen[name]["id"] for name in ("remix", "withAddress", "withUrl", "withFile", "first")]
    assert seen["listed"] == made
    assert seen["isRepeated"]
    assert seen["deleted"] == {"id": first, "object": "video.deleted", "deleted": True}


@pytest.mark.parametrize(
    ("name", "kind", "status", "code"),
    [
        ("deleted", "NotFoundError", 404, "video_not_found"),
        ("model", "NotFoundError", 404, "model_not_found"),
        ("conflict", "ConflictError", 409, "idempotency_conflict"),
        ("key", "AuthenticationError", 401, "invalid_api_key"),
        ("edit", "NotFoundError", 404, "unsupported_endpoint"),
        ("webhooks", "NotFoundError", 404, "unsupported_endpoint"),
    ],
)
async def test_errors_have_their_classes_and_are_sent_once(
    seen: dict[str, Any], name: str, kind: str, status: int, code: str
) -> None:
    error = seen["refused"][name]
    assert (error["kind"], error["status"], error["code"], error["sent"]) == (kind, status, code, 1)
    assert error["type"] == "invalid_request_error"
    assert error["requestID"].startswith("req_")
