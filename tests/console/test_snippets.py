"""The programs that the playground shows are run as they stand there, and each brings the video."""

import asyncio
import html
import json
import os
import re
import sys
from pathlib import Path
from shutil import which

import pytest

from console.client import Visitor
from reelway.console.snippets.programs import KEY
from reelway.domain.generation import generation_of
from reelway.domain.ids import TaskId
from support.gateway import Account, TestGateway
from support.media import image_bytes

pytestmark = pytest.mark.anyio

PROMPT = """A 'quoted' "prompt" with $HOME, `id`, $(id), \\ and a
second line; END_OF_BODY
END_OF_BODY
${x} {y} ''' چائے 😀"""
PROGRAM_S_MAX = 60
PARAMS = {"duration": "10", "aspect_ratio": "9:16", "negative_prompt": "no 'rain'", "cfg_scale": 0.7}


def node() -> str:
    found = which("node", path=str(Path(sys.executable).parent)) or which("node")
    assert found is not None, "Node is not installed: run `make dev-env`"
    return found


def command(language: str, program: str, folder: Path) -> list[str]:
    match language:
        case "curl":
            return ["/bin/sh", "-c", program]
        case "javascript":
            (folder / "video.mjs").write_text(program)
            return [node(), "video.mjs"]
        case _:
            return [sys.executable, "-c", program]


async def run(language: str, program: str, folder: Path) -> bytes:
    """What the program left as `video.mp4`."""
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    process = await asyncio.create_subprocess_exec(
        *command(language, program, folder),
        cwd=folder,
        env=clean | {"PYTHONPATH": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), PROGRAM_S_MAX)
    assert process.returncode == 0, output.decode()
    return (folder / "video.mp4").read_bytes()


def programs_in(page: str) -> dict[str, str]:
    """Every program of the page, by dialect and language."""
    found = re.findall(r'<pre id="snippet-([a-z_]+)-([a-z]+)"[^>]*>(.*?)</pre>', page, re.DOTALL)
    return {f"{dialect}-{language}": html.unescape(text) for dialect, language, text in found}


async def asked(gateway: TestGateway, account: Account, model: str, **params: object) -> TaskId:
    answer = await gateway.create(account, model=model, prompt=PROMPT, params=PARAMS | params)
    assert answer.status_code == 202, answer.text
    return TaskId(answer.json()["id"])


RUNS = [
    *(f"{dialect}-{language}" for dialect in ("rivya", "kling", "openai_videos") for language in ("curl", "python")),
    "apixo-curl",
    "apixo-python",
    "rivya-javascript",
    "apixo-javascript",
    "kling-javascript",
    "openai_videos-javascript",
    "openai_videos-sdk",
]


@pytest.mark.parametrize("name", RUNS)
async def test_a_program_pasted_with_a_key_makes_the_same_video(
    gateway: TestGateway, visitor: Visitor, tmp_path: Path, name: str
) -> None:
    dialect, _, language = name.rpartition("-")
    account = await gateway.account()
    model = {"apixo": "kling-v2-5-turbo-pro"}.get(dialect, "kling-v1-6")
    task_id = await asked(gateway, account, model)
    await visitor.sign_in(account.key)
    page = await visitor.get(f"/console/playground?again={task_id}")
    program = programs_in(page.text)[name]
    assert gateway.provider is not None
    folder = tmp_path / "run"
    folder.mkdir()
    video = await run(language, program.replace(KEY, account.key), folder)
    assert video == gateway.provider.video
    wanted, made = [
        generation_of((await gateway.task(TaskId(order.task_id))).generation) for order in gateway.provider.orders
    ]
    assert made.prompt == wanted.prompt == PROMPT
    assert (made.duration_s, made.aspect_ratio, made.negative_prompt, made.cfg_scale, made.mode) == (
        10,
        "9:16",
        "no 'rain'",
        0.7,
        wanted.mode,
    )


async def test_frames_stand_in_the_programs_as_addresses_that_work(
    gateway: TestGateway, visitor: Visitor, tmp_path: Path
) -> None:
    account = await gateway.account()
    await visitor.sign_in(account.key)
    form = {"file": ("a.png", image_bytes("PNG", (320, 320)), "image/png")}
    file = (
        await gateway.http.post("/api/v1/files", data={"kind": "image"}, files=form, headers=account.headers)
    ).json()
    page = await visitor.get(f"/console/playground?model=kling-v1-6&start_frame={file['id']}")
    programs = programs_in(page.text)
    assert {name.rpartition("-")[0] for name in programs} == {"rivya", "apixo", "kling", "openai_videos"} - (
        set() if any(name.startswith("apixo") for name in programs) else {"apixo"}
    )
    assert all(file["url"] in program for program in programs.values())
    await run("curl", programs["kling-curl"].replace(KEY, account.key), tmp_path)
    assert gateway.provider is not None
    (order,) = gateway.provider.orders
    made = generation_of((await gateway.task(TaskId(order.task_id))).generation)
    assert made.start_frame is not None
    assert made.start_frame.file_id == file["id"]


async def test_a_dialect_that_cannot_say_the_request_has_no_program(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    camera = {"type": "down_back"}
    body = {"model_name": "kling-v1", "prompt": "Rain", "camera_control": camera}
    answer = await gateway.http.post("/kling/v1/videos/text2video", json=body, headers=account.headers)
    task_id = answer.json()["data"]["task_id"]
    await visitor.sign_in(account.key)
    page = await visitor.get(f"/console/playground?again={task_id}")
    assert {name.rpartition("-")[0] for name in programs_in(page.text)} == {"kling"}
    assert "This dialect has no words for this request" in page.text


async def test_the_curl_of_the_overview_makes_a_video(gateway: TestGateway, visitor: Visitor, tmp_path: Path) -> None:
    account = await gateway.account()
    await visitor.sign_in(account.key)
    page = await visitor.get("/console/")
    found = re.search(r'<pre id="first-curl"[^>]*>(.*?)</pre>', page.text, re.DOTALL)
    assert found is not None
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        html.unescape(found[1]),
        cwd=tmp_path,
        env=clean | {"REELWAY_API_KEY": account.key},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(process.communicate(), PROGRAM_S_MAX)
    await gateway.ended(account, TaskId(json.loads(output)["id"]))
