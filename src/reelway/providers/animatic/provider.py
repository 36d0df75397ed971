"""The built-in engine as a provider: it renders in processes of its own on this machine, and costs nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Final, assert_never

import structlog

from reelway.domain import outcomes
from reelway.domain.catalog import DURATION_S_MAX, Catalog
from reelway.domain.generation import Mode, Product, Role
from reelway.domain.ids import JobId
from reelway.domain.media import DigitalSourceType, MediaKind
from reelway.domain.routing import BUILT_IN, Capability, Offer, Tier
from reelway.domain.task import FailureCode
from reelway.net.objects import ObjectMissingError, Objects, ObjectsError
from reelway.providers.animatic.farm import FarmFullError, Rendered, RenderFailed, RenderFarm, Rendering
from reelway.providers.animatic.output import BESIDE_NAMES, POSTER_NAME, VIDEO_NAME
from reelway.providers.animatic.spec import Brush, RenderSpec, frame_size
from reelway.providers.base import FetchedVideo, Order, VideoFacts

log = structlog.get_logger(__name__)

NAME: Final = BUILT_IN
_WAIT_S: Final = 0.5
"""How long a poll waits for news. A caller who asks for progress sees it move this often."""
_BUSY_S: Final = 1.0
_PACE: Final = {Mode.STD: 0.6, Mode.PRO: 1.2, Mode.UHD: 5.0}
"""Seconds of rendering a second of video on two cores. Source: bench/animatic."""
_CODEC: Final = "h264"


def animatic_offer(catalog: Catalog, slots: int, *, is_alone: bool = True) -> Offer:
    """The engine serves every model and every choice of its card. `is_alone`: no other provider is configured, so it
    also takes what is meant for the official one."""
    everything = Capability(
        products=frozenset(Product),
        durations_s=frozenset(range(1, DURATION_S_MAX + 1)),
        aspect_ratios=frozenset({"16:9", "9:16", "1:1"}),
        modes=frozenset(Mode),
        sound=True,
        multi_shots=True,
        negative_prompt=True,
        last_frame=True,
        reference_kinds=frozenset({MediaKind.IMAGE}),
        last_frame_alone=True,
        cfg_scale=True,
        camera=True,
        voices=True,
        elements=True,
        masks=True,
    )
    return Offer(
        provider=NAME,
        tier=Tier.VALUE,
        can_cancel=True,
        slots=slots,
        pace=_PACE,
        capabilities={card.id: (everything,) for card in catalog},
        stands_in_for=frozenset({Tier.OFFICIAL}) if is_alone else frozenset(),
    )


@dataclass(frozen=True, slots=True)
class Folders:
    """`renders` is the farm's; `inputs` holds the reference images of each job. Both have a folder a job."""

    renders: Path
    inputs: Path


class AnimaticProvider:
    """Fulfils `providers.base.Provider`. A job's id is its task's id, so a repeated submit finds the job that is there.

    A render that was lost with its process is simply made again: the same request gives the same video.
    """

    is_local = True
    unknown_window_s = 60.0
    credential = "none"

    def __init__(
        self, offer: Offer, farm: RenderFarm, objects: Objects, folders: Folders, *, captions: bool, slate: bool = False
    ) -> None:
        self.offer = offer
        self._farm = farm
        self._objects = objects
        self._folders = folders
        self._captions, self._slate = captions, slate

    @property
    def free_slots(self) -> int:
        return self._farm.free_slots

    async def submit(self, order: Order) -> outcomes.SubmitOutcome:
        try:
            await self._farm.start(order.task_id, await self._spec(order))
        except FarmFullError:
            return outcomes.Throttled(_BUSY_S)
        except (ObjectsError, ObjectMissingError, OSError) as exc:
            log.warning("a render could not be started", task=order.task_id, reason=str(exc))
            return outcomes.Unavailable("the engine could not read its input")
        return outcomes.Accepted(JobId(order.task_id), poll_after_s=0.0)

    async def find(self, order: Order) -> outcomes.FindOutcome:
        if self._farm.state(order.task_id) is None:
            return outcomes.Absent()
        return outcomes.Accepted(JobId(order.task_id), poll_after_s=0.0)

    async def poll(self, order: Order, job_id: JobId) -> outcomes.PollOutcome:
        await self._farm.wait(job_id, _WAIT_S)
        state = self._farm.state(job_id)
        match state:
            case None:
                return await self._begin_again(order)
            case Rendering(progress):
                return outcomes.InProgress(progress, poll_after_s=0.0)
            case Rendered():
                return outcomes.Finished()
            case RenderFailed(reason, is_crash):
                log.warning("a render failed", task=order.task_id, reason=reason, is_crash=is_crash)
                return outcomes.JobFailed(FailureCode.GENERATION_FAILED, "")
            case _:
                assert_never(state)

    async def cancel(self, order: Order, job_id: JobId | None) -> outcomes.CancelOutcome:
        await self._farm.cancel(job_id or order.task_id)
        self._drop_inputs(order.task_id)
        return outcomes.CancelConfirmed()

    async def fetch(self, order: Order, job_id: JobId, folder: Path) -> FetchedVideo | outcomes.StoreFailed:
        """The video where it was rendered; `folder` is not needed. Renders it again where it is lost."""
        while True:
            state = self._farm.state(job_id)
            match state:
                case Rendered(rendered_in, video):
                    facts = VideoFacts(
                        video.width, video.height, video.duration_s, _CODEC, video.size_bytes, video.sha256
                    )
                    beside = {name: rendered_in / name for name in BESIDE_NAMES if (rendered_in / name).is_file()}
                    return FetchedVideo(
                        rendered_in / VIDEO_NAME, facts, rendered_in / POSTER_NAME, beside, _source_type(order)
                    )
                case RenderFailed(reason, _):
                    return outcomes.StoreFailed(reason, is_final=True)
                case None:
                    outcome = await self._begin_again(order)
                    if not isinstance(outcome, outcomes.InProgress) or outcome.poll_after_s:
                        return outcomes.StoreFailed("the render is lost and cannot be repeated now", is_final=False)
                case Rendering():
                    await self._farm.wait(job_id, _WAIT_S)
                case _:
                    assert_never(state)

    async def discard(self, job_id: JobId) -> None:
        await self._farm.discard(job_id)
        self._drop_inputs(job_id)

    async def forget_ended(self, is_needed: Callable[[JobId], Awaitable[bool]]) -> None:
        for name in {*_names_in(self._folders.renders), *_names_in(self._folders.inputs)}:
            if not await is_needed(JobId(name)):
                await self.discard(JobId(name))

    async def aclose(self) -> None:
        await self._farm.aclose()

    async def _begin_again(self, order: Order) -> outcomes.PollOutcome:
        """The job is not here: it was lost with its process, or another machine had it."""
        outcome = await self.submit(order)
        match outcome:
            case outcomes.Accepted():
                return outcomes.InProgress(None, poll_after_s=0.0)
            case outcomes.Throttled(retry_after_s):
                return outcomes.InProgress(None, poll_after_s=retry_after_s)
            case _:
                return outcomes.PollUnknown("the render cannot be begun again now")

    async def _spec(self, order: Order) -> RenderSpec:
        generation = order.generation
        placed = await self._local_inputs(order)
        first = next((size for role, _, size in placed if role in (Role.START_FRAME, Role.LAST_FRAME)), None)
        paths = {role: path for role, path, _ in placed}
        width, height = frame_size(generation.mode.value, generation.aspect_ratio, first)
        masks = [path for role, path, _ in placed if role is Role.DYNAMIC_MASK]
        return RenderSpec(
            prompt=generation.prompt,
            negative_prompt=generation.negative_prompt,
            duration_s=generation.duration_s,
            width=width,
            height=height,
            cfg_scale=generation.cfg_scale,
            start_frame=paths.get(Role.START_FRAME),
            last_frame=paths.get(Role.LAST_FRAME),
            caption=self._captions,
            shots=generation.shots,
            splits_shots=generation.multi_shots and not generation.shots,
            camera=generation.camera,
            sound=generation.sound,
            watermark=generation.watermark,
            static_mask=paths.get(Role.STATIC_MASK),
            brushes=tuple(
                Brush(mask, brush.path) for mask, brush in zip(masks, generation.motion_brushes, strict=False)
            ),
            voices=generation.voices,
            elements=generation.elements,
            slate=self._slate,
        )

    async def _local_inputs(self, order: Order) -> list[tuple[Role, Path, tuple[int, int]]]:
        """The reference images as local files, for the render's process, with what each is for and its size."""
        placed = []
        folder = self._folders.inputs / order.task_id
        for number, prepared in enumerate(order.inputs):
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / str(number)
            await self._objects.copy_to(prepared.object_name, path)
            placed.append((prepared.role, path, (prepared.width, prepared.height)))
        return placed

    def _drop_inputs(self, name: str) -> None:
        rmtree(self._folders.inputs / name, ignore_errors=True)


def _source_type(order: Order) -> DigitalSourceType:
    """With a caller's picture in it, which may be anything, it is not the algorithm's work alone."""
    return DigitalSourceType.COMPOSITE if order.generation.references else DigitalSourceType.ALGORITHMIC


def _names_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
