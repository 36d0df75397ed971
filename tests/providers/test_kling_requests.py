"""What goes to the official API, byte for byte in meaning. Source: Kling contract, section 15."""

import base64
from pathlib import Path
from typing import Any

import pytest

from providers.kling_desk import FRAME, IMAGES, TASK_ID, desk, order, prepared
from reelway.domain import outcomes
from reelway.domain.generation import Camera, CameraMove, Mode, MotionBrush, Role, Shot
from reelway.domain.task import FailureCode, PreparedReference
from reelway.net import tokens
from support.clock import FakeClock
from support.kling_server import ACCESS_KEY, API_KEY, SECRET_KEY, kling_server

pytestmark = pytest.mark.anyio

PROMPT = "A glass bottle turns slowly on a black table"
START, END = (base64.b64encode(IMAGES[name]).decode() for name in ("start", "end"))
PLAIN = {"model_name": "kling-v2-5-turbo", "prompt": PROMPT, "external_task_id": TASK_ID}
FRAMES = (prepared("start"), prepared("end", Role.LAST_FRAME, mime_type="image/jpeg"))

GOLDEN: dict[str, tuple[tuple[PreparedReference, ...], dict[str, Any], str, dict[str, Any]]] = {
    "all defaults": ((), {}, "text2video", PLAIN),
    "the contract's example": (
        (),
        {"negative_prompt": "blur, text", "mode": Mode.PRO},
        "text2video",
        PLAIN | {"negative_prompt": "blur, text", "mode": "pro"},
    ),
    "another ratio and length": (
        (),
        {"aspect_ratio": "9:16", "duration_s": 10},
        "text2video",
        PLAIN | {"aspect_ratio": "9:16", "duration": "10"},
    ),
    "a cfg_scale of zero": (
        (),
        {"model": "kling-v1", "cfg_scale": 0},
        "text2video",
        PLAIN | {"model_name": "kling-v1", "cfg_scale": 0},
    ),
    "a cfg_scale that has no effect": ((), {"cfg_scale": 0.9}, "text2video", PLAIN),
    "shots of the caller": (
        (),
        {
            "model": "kling-3-0",
            "prompt": "",
            "multi_shots": True,
            "shots": (Shot("A door opens", 2), Shot("Light floods in", 3)),
            "sound": True,
        },
        "text2video",
        {
            "model_name": "kling-v3",
            "multi_shot": True,
            "shot_type": "customize",
            "multi_prompt": [
                {"index": 1, "prompt": "A door opens", "duration": "2"},
                {"index": 2, "prompt": "Light floods in", "duration": "3"},
            ],
            "sound": "on",
            "external_task_id": TASK_ID,
        },
    ),
    "shots of the provider": (
        (),
        {"model": "kling-3-0", "multi_shots": True},
        "text2video",
        PLAIN | {"model_name": "kling-v3", "multi_shot": True, "shot_type": "intelligence"},
    ),
    "a voice": (
        (),
        {"model": "kling-3-0", "prompt": "She<<<voice_1>>>says: hello", "sound": True, "voices": ("v7",)},
        "text2video",
        PLAIN
        | {
            "model_name": "kling-v3",
            "prompt": "She<<<voice_1>>>says: hello",
            "sound": "on",
            "voice_list": [{"voice_id": "v7"}],
        },
    ),
    "a camera that moves along an axis": (
        (),
        {"model": "kling-v1", "camera": Camera(CameraMove.SIMPLE, zoom=-4)},
        "text2video",
        PLAIN
        | {
            "model_name": "kling-v1",
            "camera_control": {
                "type": "simple",
                "config": {"horizontal": 0, "vertical": 0, "pan": 0, "tilt": 0, "roll": 0, "zoom": -4},
            },
        },
    ),
    "a camera move with a name": (
        (),
        {"model": "kling-v1", "camera": Camera(CameraMove.DOWN_BACK)},
        "text2video",
        PLAIN | {"model_name": "kling-v1", "camera_control": {"type": "down_back"}},
    ),
    "4k": (
        (),
        {"model": "kling-3-0", "mode": Mode.UHD},
        "text2video",
        PLAIN | {"model_name": "kling-v3", "mode": "4k"},
    ),
    "a start frame, whose ratio holds": (
        FRAMES[:1],
        {"aspect_ratio": "9:16"},
        "image2video",
        PLAIN | {"image": START},
    ),
    "both frames": (
        FRAMES,
        {"mode": Mode.PRO, "last_frame": FRAME, "duration_s": 10},
        "image2video",
        PLAIN | {"image": START, "image_tail": END, "mode": "pro", "duration": "10"},
    ),
    "a last frame alone": (
        FRAMES[1:],
        {"model": "kling-v1-6", "mode": Mode.PRO, "start_frame": None, "last_frame": FRAME},
        "image2video",
        PLAIN | {"model_name": "kling-v1-6", "image_tail": END, "mode": "pro"},
    ),
    "elements": (
        FRAMES[:1],
        {"model": "kling-3-0", "elements": ("829", "mine")},
        "image2video",
        PLAIN
        | {"model_name": "kling-v3", "image": START, "element_list": [{"element_id": 829}, {"element_id": "mine"}]},
    ),
    "masks": (
        (FRAMES[0], prepared("start", Role.STATIC_MASK), prepared("end", Role.DYNAMIC_MASK)),
        {"model": "kling-v1", "static_mask": FRAME, "motion_brushes": (MotionBrush(FRAME, ((1, 2), (30, 40))),)},
        "image2video",
        PLAIN
        | {
            "model_name": "kling-v1",
            "image": START,
            "static_mask": START,
            "dynamic_masks": [{"mask": END, "trajectories": [{"x": 1, "y": 2}, {"x": 30, "y": 40}]}],
        },
    ),
    "a watermark, which we add ourselves": ((), {"watermark": True}, "text2video", PLAIN),
}


@pytest.mark.parametrize("name", GOLDEN)
async def test_an_order_becomes_the_body_of_the_contract(name: str, tmp_path: Path) -> None:
    inputs, changes, product, expected = GOLDEN[name]
    with kling_server(b"") as server:
        async with desk(server.url, tmp_path) as provider:
            assert isinstance(await provider.submit(order(*inputs, **changes)), outcomes.Accepted)
    (request,) = server.created
    assert request.target == f"/v1/videos/{product}"
    assert request.json == expected


async def test_the_model_is_called_as_the_file_says(tmp_path: Path) -> None:
    with kling_server(b"") as server:
        async with desk(server.url, tmp_path, models={"kling-v2-5-turbo-pro": "kling-v2-5-turbo-0926"}) as provider:
            await provider.submit(order())
            assert set(provider.offer.capabilities) == {"kling-v2-5-turbo-pro"}
    assert server.created[0].json["model_name"] == "kling-v2-5-turbo-0926"


async def test_the_callback_is_ours_or_absent(tmp_path: Path) -> None:
    def hook_url(provider: str, task_id: str) -> str:
        return f"https://gw.example.com/hooks/provider/{provider}/{task_id}/token"

    with kling_server(b"") as server:
        async with desk(server.url, tmp_path, hook_url=hook_url) as provider:
            await provider.submit(order())
    assert server.created[0].json["callback_url"] == f"https://gw.example.com/hooks/provider/kling/{TASK_ID}/token"


async def test_a_pair_of_keys_signs_a_fresh_token_for_every_request(tmp_path: Path) -> None:
    clock = FakeClock()
    with kling_server(b"", now_s=lambda: clock.now_us() / 1e6) as server:
        async with desk(server.url, tmp_path, clock=clock) as provider:
            accepted = await provider.submit(order())
            assert isinstance(accepted, outcomes.Accepted)
            clock.advance(3_600)
            assert isinstance(await provider.poll(order(), accepted.job_id), outcomes.InProgress)
    first, second = (request.headers["authorization"].removeprefix("Bearer ") for request in server.requests)
    assert first != second
    for token in (first, second):
        assert tokens.issuer(token) == ACCESS_KEY
    assert tokens.fault_of(second, SECRET_KEY, clock.now_us() / 1e6) is None


def test_a_token_is_that_of_the_contracts_vector() -> None:
    assert tokens.signed("AK_TEST", "SK_TEST", 1_700_000_000) == (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJBS19URVNUIiwiZXhwIjoxNzAwMDAxODAwLCJuYmYiOjE2OTk5OTk5OTV9."
        "6L4y5-2k74trk6jmaKXDAvqPATo_9aKYSk-HhIQYesk"
    )


async def test_an_api_key_goes_as_it_is(tmp_path: Path) -> None:
    changes = {"api_key": True, "api_key_env": "KEY", "access_key_env": None, "secret_key_env": None}
    with kling_server(b"") as server:
        async with desk(server.url, tmp_path, **changes) as provider:
            assert isinstance(await provider.submit(order()), outcomes.Accepted)
    assert server.created[0].headers["authorization"] == f"Bearer {API_KEY}"


UNFITTING = {
    "webp": (prepared("start", mime_type="image/webp"), FailureCode.REFERENCE_UNSUPPORTED),
    "too small": (prepared("small"), FailureCode.REFERENCE_UNSUPPORTED),
    "too long": (prepared("long"), FailureCode.REFERENCE_UNSUPPORTED),
}


@pytest.mark.parametrize("name", UNFITTING)
async def test_an_image_that_the_api_would_refuse_is_not_sent(name: str, tmp_path: Path) -> None:
    image, code = UNFITTING[name]
    with kling_server(b"") as server:
        async with desk(server.url, tmp_path) as provider:
            assert await provider.submit(order(image)) == outcomes.Refused(code, "")
    assert server.requests == []


async def test_an_input_that_is_not_there_makes_no_job(tmp_path: Path) -> None:
    with kling_server(b"") as server:
        async with desk(server.url, tmp_path) as provider:
            outcome = await provider.submit(order(prepared("start", object_name="inputs/nothing")))
            assert isinstance(outcome, outcomes.Unavailable)
            assert provider.free_slots == 5
    assert server.requests == []
