"""A create that is held up until a search may already call its job absent is not sent: it would be paid twice."""

import asyncio
from pathlib import Path

import pytest

from net.servers import answer, serving
from providers.kling_desk import CATALOG, desk, order, prepared, storage
from reelway.domain import outcomes
from reelway.net.guard import Guard
from reelway.providers.config import ProviderConfig
from reelway.providers.remote import Surroundings
from reelway.providers.rivya import FILES, GENERATIONS, RivyaProvider
from support.clock import FakeClock
from support.kling_server import kling_server
from support.media import video_bytes

pytestmark = pytest.mark.anyio

CREATED = answer(b'{"id": "job", "status": "queued"}', "202 Accepted", Content_Type="application/json")


@pytest.mark.parametrize(("upload_s", "is_sent"), [(20, True), (50, False)])
async def test_slow_uploads_leave_a_create_unsent_and_the_next_try_sends_it(
    upload_s: float, is_sent: bool, tmp_path: Path
) -> None:
    clock = FakeClock()

    async def upload(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"--\r\n")  # the last boundary: an answer that comes earlier breaks the upload off
        clock.advance(upload_s)
        writer.write(answer(b'{"url": "https://x.example.com/f"}', "201 Created"))

    async with serving({FILES: upload, GENERATIONS: CREATED}, is_tls=False) as server:
        config = ProviderConfig.model_validate(
            {"name": "one", "kind": "rivya", "base_url": f"http://127.0.0.1:{server.port}", "allow_private": True}
        )
        around = Surroundings(
            catalog=CATALOG,
            objects=await storage(tmp_path),
            clock=clock,
            result_bytes_max=10_000_000,
            public_url="https://gw.example.com",
            file_token=lambda file_id: file_id,
        )
        provider = RivyaProvider(config, Guard(), around)
        images = prepared("start"), prepared("start")
        outcome = await provider.submit(order(*images, since_us=clock.now_us()))
        assert isinstance(outcome, outcomes.Accepted if is_sent else outcomes.Unavailable)
        assert creates(server.requests) == is_sent
        if not is_sent:
            again = await provider.submit(order(*images, since_us=clock.now_us()))
            assert isinstance(again, outcomes.Accepted)
            assert [len(server.requests), creates(server.requests)] == [3, 1], "the images are at the provider already"
        await provider.aclose()


def creates(requests: list[str]) -> int:
    return sum(1 for request in requests if request.startswith(f"POST {GENERATIONS} "))


@pytest.mark.parametrize("finds", [True, False])
async def test_a_late_create_is_sent_only_where_a_search_never_says_absent(finds: bool, tmp_path: Path) -> None:
    clock = FakeClock()
    late = order(prepared("start"), since_us=clock.now_us())
    clock.advance(1.5)
    with kling_server(video_bytes(), now_s=lambda: clock.now_us() / 1e6) as server:
        async with desk(server.url, tmp_path, clock=clock, finds_by_reference=finds) as provider:
            outcome = await provider.submit(late)
        assert isinstance(outcome, outcomes.Unavailable if finds else outcomes.Accepted)
        assert len(server.created) == (not finds)
