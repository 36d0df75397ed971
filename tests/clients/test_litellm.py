"""LiteLLM, unmodified, against a running gateway: `litellm_session.py` is what its user would write.

It runs in a process of its own, because importing it changes much of the process, and fetches a price list from the
network unless its environment says otherwise.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from support.gateway import running_gateway
from support.media import decoded, image_bytes

pytestmark = pytest.mark.anyio

SESSION = Path(__file__).parent / "litellm_session.py"
SESSION_S_MAX = 120
ENVIRONMENT = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}


async def test_litellm_makes_polls_downloads_and_remixes_a_video(tmp_path: Path) -> None:
    image, target = tmp_path / "start.png", tmp_path / "video.mp4"
    image.write_bytes(image_bytes("PNG"))
    async with running_gateway(tmp_path) as gateway:
        account = await gateway.account()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(SESSION),
            f"{gateway.base_url}/v1",
            account.key,
            str(image),
            str(target),
            env={**os.environ, **ENVIRONMENT},
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
        seen: dict[str, Any] = json.loads(output.splitlines()[-1])
        assert not await gateway.core.store.unbalanced_accounts()
        assert gateway.provider is not None
        orders = gateway.provider.orders
    assert (seen["first"]["status"], seen["first"]["seconds"], seen["first"]["size"]) == ("queued", "8", "1280x720")
    assert seen["completed"]["status"] == "completed"
    assert decoded(target) == (24, 64, 48)
    assert seen["with_file"]["status"] == "completed"
    assert [order.inputs[0].mime_type for order in orders if order.inputs][:1] == ["image/png"]
    assert seen["remix"]["remixed_from_video_id"]
    assert "sora-9" in seen["unknown_model"]
