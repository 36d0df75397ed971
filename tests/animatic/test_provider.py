"""The engine behind the provider's protocol: what an order's fields become, and what is handed over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import av
import numpy as np
from PIL import Image

from animatic.screening import Pixels, psnr_db
from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.generation import Camera, CameraMove, Generation, Mode, MotionBrush, Reference, Role, Shot
from reelway.domain.ids import FileId, JobId, TaskId
from reelway.domain.task import RESULT_NAMES, PreparedReference
from reelway.net import process
from reelway.net.objects import Objects
from reelway.providers.animatic.farm import PRELOAD, RenderFarm
from reelway.providers.animatic.provider import AnimaticProvider, Folders, animatic_offer
from reelway.providers.base import FetchedVideo, Order

process.preload(PRELOAD)

TASK = TaskId(f"task_{7:026d}")


@asynccontextmanager
async def open_provider(folder: Path) -> AsyncIterator[tuple[AnimaticProvider, Objects]]:
    objects = Objects(f"file://{folder / 'objects'}")
    folders = Folders(folder / "renders", folder / "inputs")
    farm = RenderFarm(folders.renders, slots=1, deadline_s=120, memory_bytes_max=4 << 30)
    offer = animatic_offer(load_catalog(None), 1)
    provider = AnimaticProvider(offer, farm, objects, folders, captions=False)
    try:
        yield provider, objects
    finally:
        await provider.aclose()


def generation(**changes: object) -> Generation:
    values = {"model": "kling-3-0", "prompt": "", "duration_s": 1, "aspect_ratio": "16:9", "mode": Mode.STD}
    return Generation(**(values | changes))


async def made(provider: AnimaticProvider, order: Order, folder: Path) -> FetchedVideo:
    """Run an order to its end."""
    accepted = await provider.submit(order)
    assert isinstance(accepted, outcomes.Accepted)
    async with asyncio.timeout(120):
        while not isinstance(outcome := await provider.poll(order, accepted.job_id), outcomes.Finished):
            assert isinstance(outcome, outcomes.InProgress), outcome
    fetched = await provider.fetch(order, accepted.job_id, folder)
    assert isinstance(fetched, FetchedVideo)
    return fetched


def frames_of(path: Path) -> list[Pixels]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_a_last_frame_alone_is_not_taken_for_a_start_frame(tmp_path: Path) -> None:
    picture = np.zeros((720, 1280, 3), np.uint8)
    picture[:, 600:] = (200, 60, 40)
    Image.fromarray(picture).save(tmp_path / "photo.png")

    async def run() -> FetchedVideo:
        async with open_provider(tmp_path) as (provider, objects):
            await objects.put_file("refs/0", tmp_path / "photo.png", "image/png")
            inputs = (PreparedReference("refs/0", "image/png", 1280, 720, Role.LAST_FRAME),)
            reference = Reference(file_id=FileId("file_1"))
            return await made(provider, Order(TASK, generation(last_frame=reference), inputs), tmp_path)

    frames = frames_of(asyncio.run(run()).path)
    assert psnr_db(frames[-1], picture) >= 30
    assert psnr_db(frames[0], picture) < 30


def test_every_result_is_handed_over_under_a_name_of_the_house(tmp_path: Path) -> None:
    async def run() -> FetchedVideo:
        async with open_provider(tmp_path) as (provider, _):
            wanted = generation(prompt="hills", watermark=True, sound=True)
            fetched = await made(provider, Order(TASK, wanted, ()), tmp_path)
            assert all(path.is_file() for path in fetched.beside.values())
            await provider.discard(JobId(TASK))
            return fetched

    fetched = asyncio.run(run())
    assert fetched.poster is not None
    assert {fetched.path.name, fetched.poster.name, *fetched.beside} == set(RESULT_NAMES)


def test_every_directing_field_reaches_the_engine(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        Image.new("L", (64, 36), 255).save(tmp_path / f"{name}.png")
    reference = Reference(file_id=FileId("file_1"))
    wanted = generation(
        shots=(Shot("one", 1), Shot("two", 2)),
        duration_s=3,
        multi_shots=True,
        camera=Camera(CameraMove.FORWARD_UP),
        voices=("v",),
        elements=("e",),
        start_frame=reference,
        static_mask=reference,
        motion_brushes=(MotionBrush(reference, ((0, 0), (5, 5))), MotionBrush(reference, ((1, 1), (2, 2)))),
        sound=True,
        watermark=True,
        cfg_scale=0.2,
        negative_prompt="rain",
    )
    roles = (Role.START_FRAME, Role.STATIC_MASK, Role.DYNAMIC_MASK, Role.DYNAMIC_MASK)

    async def run() -> None:
        async with open_provider(tmp_path) as (provider, objects):
            inputs = []
            for name, role in zip("abcd", roles, strict=True):
                await objects.put_file(f"refs/{name}", tmp_path / f"{name}.png", "image/png")
                inputs.append(PreparedReference(f"refs/{name}", "image/png", 64, 36, role))
            spec = await provider._spec(Order(TASK, wanted, tuple(inputs)))
            assert (spec.shots, spec.splits_shots, spec.camera) == (wanted.shots, False, wanted.camera)
            assert (spec.voices, spec.elements, spec.sound, spec.watermark) == (("v",), ("e",), True, True)
            assert (spec.cfg_scale, spec.negative_prompt) == (0.2, "rain")
            assert spec.start_frame is not None
            assert spec.last_frame is None
            assert spec.static_mask is not None
            assert [brush.path for brush in spec.brushes] == [((0, 0), (5, 5)), ((1, 1), (2, 2))]
            assert len({spec.start_frame, spec.static_mask, *(brush.mask for brush in spec.brushes)}) == 4

    asyncio.run(run())
