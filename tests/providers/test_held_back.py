"""Requests for which our own pace leaves no turn: nothing of that is told as the provider's fault, by any adapter."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from providers.kling_desk import CATALOG, order, prepared, storage
from providers.test_http import closed_port
from reelway.clock import SystemClock
from reelway.domain import outcomes
from reelway.domain.health import seen_of_poll, seen_of_store, seen_of_submit
from reelway.domain.ids import JobId
from reelway.net.guard import Guard
from reelway.providers.base import Provider
from reelway.providers.config import Kind, load_providers
from reelway.providers.kinds import remote_provider
from reelway.providers.remote import Surroundings

pytestmark = pytest.mark.anyio

CONFIG = """
[[providers]]
name = "upstream"
kind = "{kind}"
base_url = "http://127.0.0.1:{port}"
allow_private = true
api_key_env = "UPSTREAM_KEY"
requests_per_second_max = 0.001
request_seconds = 0.2
submit_seconds = 0.2
models = {{ kling-v2-5-turbo-pro = "kling-v2-5-turbo-pro" }}
"""


@pytest.fixture(params=list(Kind))
async def paced(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Provider]:
    """An adapter that has used its only turn."""
    path = tmp_path / "reelway.toml"
    path.write_text(CONFIG.format(kind=request.param, port=closed_port()))
    (config,) = load_providers(path, {"UPSTREAM_KEY": "key"}, {card.id for card in CATALOG})
    around = Surroundings(
        catalog=CATALOG,
        objects=await storage(tmp_path),
        clock=SystemClock(),
        result_bytes_max=10_000_000,
        public_url="https://gw.example.com",
        file_token=lambda file_id: file_id,
    )
    provider = remote_provider(config, Guard(), around)
    assert isinstance(await provider.poll(order(), JobId("job")), outcomes.PollUnknown)
    yield provider
    await provider.aclose()


async def test_a_submit_without_a_turn_comes_again_and_says_nothing_of_the_provider(paced: Provider) -> None:
    for wanted in (order(), order(prepared("start"))):
        outcome = await paced.submit(wanted)
        assert isinstance(outcome, outcomes.Throttled)
        assert seen_of_submit(outcome, 0.0) is None


async def test_a_poll_without_a_turn_says_nothing_of_the_job(paced: Provider) -> None:
    outcome = await paced.poll(order(), JobId("job"))
    assert isinstance(outcome, outcomes.InProgress)
    assert seen_of_poll(outcome, 9) is None


async def test_a_search_for_a_result_without_a_turn_says_nothing_of_the_provider(
    paced: Provider, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    found = await paced.fetch(order(), JobId("job"), tmp_path)
    assert isinstance(found, outcomes.StoreFailed)
    asks_first = "openai" not in request.node.callspec.id  # a download itself takes no turn
    assert (seen_of_store(found, is_given_up=True) is None) is asks_first
