"""The OpenAPI document of each dialect is valid, complete, and true: schemathesis finds nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reelway.wiring import DIALECTS
from support.fuzzing import fuzz
from support.gateway import TestGateway, running_gateway

pytestmark = pytest.mark.anyio
NAMES = [dialect.name for dialect in DIALECTS]

# What no schema can say, so that a sound request may be refused: which URLs are public and which files are the
# caller's; which parameters a configured provider can do; which of them exclude each other.
APIXO = """
[[operations]]
include-path-regex = "^/api/v1/generateTask"
checks.positive_data_acceptance.enabled = false
"""
# The same; and another method than the one of the path is 404 with the code 1202. Contract 5.2.
KLING = """
[checks]
unsupported_method.enabled = false

[[operations]]
include-path-regex = "^/kling/v1/videos"
include-method = "POST"
checks.positive_data_acceptance.enabled = false

# No schema can say that one time is not before another, and two calls within a second are too many. Contract 13.
[[operations]]
include-path-regex = "costs$"
checks.positive_data_acceptance.enabled = false
"""
# The same; `after` must name a video that there is. In a form every value is a text and an empty one counts as absent,
# so a form that is made up to be wrong may be right. Contract 7.2.
OPENAI_VIDEOS = """
[[operations]]
include-path-regex = "^/v1/videos"
include-method = ["POST", "GET"]
checks.positive_data_acceptance.enabled = false
"""


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[TestGateway]:
    """A gateway that takes any number of requests and ends every task at once."""
    async with running_gateway(tmp_path, requests_per_minute_max=10**9, unfinished_tasks_max=10**9) as gateway:
        yield gateway
        assert not await gateway.core.store.unbalanced_accounts()


@pytest.mark.parametrize(
    ("name", "config", "examples"),
    [("apixo", APIXO, 60), ("kling", KLING, 40), ("openai_videos", OPENAI_VIDEOS, 40)],
)
async def test_schemathesis_finds_nothing(
    name: str, config: str, examples: int, patient: TestGateway, tmp_path: Path
) -> None:
    owner = await patient.account(10**12)
    made_up = await fuzz(patient, owner, f"/docs/openapi/{name}.json", tmp_path / "schemathesis", config, examples)
    assert made_up > 200
    made = await patient.http.get("/api/v1/generations", headers=owner.headers)
    assert made.json()["data"], "it has created tasks"
