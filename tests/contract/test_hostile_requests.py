"""Requests that once did harm, in whichever dialect: each gets that dialect's error, or does no harm."""

import json
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from reelway.domain.errors import UnavailableError
from reelway.domain.task import State
from reelway.net.objects import Objects, ObjectsError
from reelway.store.store import Store
from support.gateway import CREDITS, Account, TestGateway
from support.media import image_bytes

pytestmark = pytest.mark.anyio

PNG = image_bytes("PNG", (320, 320))


async def test_a_file_name_loses_what_no_name_may_hold(shared: TestGateway, account: Account) -> None:
    """PostgreSQL keeps no NUL in a text."""
    body = (
        b'--X\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nA bottle\r\n'
        b'--X\r\nContent-Disposition: form-data; name="input_reference"; filename="a\x00b.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + PNG + b"\r\n--X--\r\n"
    )
    headers = account.headers | {"Content-Type": "multipart/form-data; boundary=X"}
    answer = await shared.http.post("/v1/videos", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    task = await shared.task(answer.json()["id"])
    file_id = json.loads(task.generation)["start_frame"]["file_id"]
    file = await shared.core.store.file(file_id)
    assert file is not None
    assert file.name == "ab.png"


@pytest.mark.parametrize("name", ["e" * 257, "a\x00b", "a\nb"])
async def test_an_element_of_absurd_name_is_refused(shared: TestGateway, account: Account, name: str) -> None:
    body = {
        "model_name": "kling-v3",
        "prompt": "A bottle",
        "image": "https://cdn.example.com/a.png",
        "element_list": [{"element_id": name}],
    }
    answer = await shared.http.post("/kling/v1/videos/image2video", json=body, headers=account.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, 1201)
    assert "element_list[0].element_id: at most 256 printable characters" in answer.json()["message"]


@pytest.mark.parametrize(("is_fate_known", "is_kept"), [(True, False), (False, True)])
async def test_images_stay_where_the_task_may_have_been_made(
    stage: TestGateway, owner: Account, monkeypatch: pytest.MonkeyPatch, is_fate_known: bool, is_kept: bool
) -> None:
    async def away(_self: object, _new: object) -> None:
        raise UnavailableError("the database went away during the write", is_fate_known=is_fate_known)

    monkeypatch.setattr(type(stage.core.store), "create_task", away)
    files = {"input_reference": ("a.png", PNG, "image/png")}
    answer = await stage.http.post("/v1/videos", data={"prompt": "A bottle"}, files=files, headers=owner.headers)
    assert answer.status_code == 503
    folder = stage.settings.data_dir / "objects" / "files"
    assert bool(list(folder.glob("*"))) is is_kept
    if not is_fate_known:
        assert answer.headers["x-should-retry"] == "false"
        assert "not known" in answer.json()["error"]["message"]


async def test_a_storage_that_breaks_off_ends_the_connection_and_sends_no_second_answer(
    stage: TestGateway, owner: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = await stage.created(owner)
    await stage.ended(owner, task_id)
    assert (await stage.task(task_id)).state is State.SUCCEEDED

    async def broken(_self: Objects, _name: str, _start: int, _end: int) -> AsyncIterator[bytes]:
        yield b"0123456789"
        raise ObjectsError("the disk is gone")

    monkeypatch.setattr(Objects, "stream", broken)
    with pytest.raises(Exception, match=r"incomplete|peer closed|without sending complete"):
        await stage.http.get(f"/v1/videos/{task_id}/content", headers=owner.headers)
    monkeypatch.undo()
    answer = await stage.http.get(f"/v1/videos/{task_id}/content", headers=owner.headers)
    assert answer.status_code == 200
    assert await stage.available_credits(owner) < CREDITS


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/v1/nowhere", ("error", "code", "internal_error")),
        ("/kling/v1/nowhere", ("code", 5000)),
        ("/v1/videos/x/y", ("error", "type", "server_error")),
    ],
    ids=["rivya", "kling", "openai"],
)
async def test_a_fault_of_ours_on_an_unknown_path_is_told_as_the_dialect_tells_it(
    stage: TestGateway, path: str, said: tuple[object, ...]
) -> None:
    """A key's row was damaged: reading it fails with something that nobody has foreseen."""
    owner, store = await stage.account(), stage.core.store
    assert isinstance(store, Store)
    with store.engines.write.begin() as connection:
        connection.execute(text("UPDATE api_keys SET scopes = 'damaged'"))
    answer = await stage.http.get(path, headers=owner.headers)
    assert answer.status_code == 500
    found = answer.json()
    for name in said[:-1]:
        found = found[name]
    assert found == said[-1]
    assert "damaged" not in answer.text
