"""An order becomes a create body of the Kling protocol. Source: Kling contract, sections 7, 8 and 15.

What has its default is left out, so that the provider's own default, which is the same, applies. Every field that has
an effect is there.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reelway.domain.generation import CFG_SCALE_NEUTRAL, CameraMove, Generation, Product, Role
from reelway.domain.task import FailureCode, PreparedReference
from reelway.net.objects import Objects
from reelway.providers.base import Order
from reelway.wire import kling

_ROLE_FIELDS: Final[Mapping[Role, str]] = {
    Role.START_FRAME: "image",
    Role.LAST_FRAME: "image_tail",
    Role.STATIC_MASK: "static_mask",
}


def product_path(generation: Generation) -> str:
    """The last part of the path. A video from images is the other product."""
    return next(path for path, product in kling.PRODUCTS.items() if product is generation.product)


def unfitting(inputs: Sequence[PreparedReference]) -> FailureCode | None:
    """Why the provider would refuse these images, known without asking it. Source: contract, section 8."""
    for image in inputs:
        sides = sorted((image.width, image.height))
        if image.mime_type not in kling.IMAGE_TYPES or sides[0] < kling.IMAGE_SIDE_PX_MIN:
            return FailureCode.REFERENCE_UNSUPPORTED
        if image.role is Role.START_FRAME and sides[1] > kling.IMAGE_RATIO_MAX * sides[0]:
            return FailureCode.REFERENCE_UNSUPPORTED
    return None


class ImageTooLargeError(Exception):
    """An image is larger than the protocol takes."""


async def images_of(order: Order, objects: Objects) -> tuple[str, ...]:
    """The order's images as raw base64, in the order of its inputs.

    Raises:
        ImageTooLargeError: one is larger than 10 MB.
        ObjectsError, ObjectMissingError: the storage does not give one.
    """
    found = []
    for prepared in order.inputs:
        info = await objects.head(prepared.object_name)
        if info.size_bytes > kling.IMAGE_BYTES_MAX:
            raise ImageTooLargeError
        pieces = [piece async for piece in objects.stream(prepared.object_name, 0, info.size_bytes)]
        found.append(base64.b64encode(b"".join(pieces)).decode())
    return tuple(found)


def create_body(order: Order, model_name: str, images: Sequence[str], callback_url: str | None) -> dict[str, Any]:
    """The body. `images` belong to `order.inputs`, one each; our task id is the provider's `external_task_id`."""
    generation = order.generation
    body: dict[str, Any] = {"model_name": model_name}
    body |= dict(_words(generation))
    if generation.cfg_scale != CFG_SCALE_NEUTRAL and kling.honours_cfg_scale(model_name):
        body["cfg_scale"] = generation.cfg_scale
    body |= dict(_picture(generation))
    body |= _placed(order, images)
    if callback_url is not None:
        body["callback_url"] = callback_url
    body["external_task_id"] = order.task_id
    return body


def _words(generation: Generation) -> Iterator[tuple[str, Any]]:
    """Shots, prompts and what is heard."""
    if generation.multi_shots:
        yield "multi_shot", True
        yield "shot_type", "customize" if generation.shots else "intelligence"
    if generation.shots:
        shots = enumerate(generation.shots, 1)
        yield (
            "multi_prompt",
            [{"index": number, "prompt": shot.prompt, "duration": str(shot.duration_s)} for number, shot in shots],
        )
    if generation.prompt:
        yield "prompt", generation.prompt
    if generation.negative_prompt:
        yield "negative_prompt", generation.negative_prompt
    if generation.sound:
        yield "sound", "on"
    if generation.voices:
        yield "voice_list", [{"voice_id": voice} for voice in generation.voices]


def _picture(generation: Generation) -> Iterator[tuple[str, Any]]:
    """Size, length and how the camera moves."""
    if generation.mode is not kling.DEFAULT_MODE:
        yield "mode", generation.mode.value
    camera = generation.camera
    if camera is not None:
        control: dict[str, Any] = {"type": camera.move.value}
        if camera.move is CameraMove.SIMPLE:
            control["config"] = {axis: getattr(camera, axis) for axis in kling.CAMERA_AXES}
        yield "camera_control", control
    # The frame of a video from images follows the image. Source: contract, section 8.
    is_text = generation.product is Product.TEXT_TO_VIDEO
    if is_text and generation.aspect_ratio != kling.DEFAULT_ASPECT_RATIO:
        yield "aspect_ratio", generation.aspect_ratio
    if generation.duration_s != kling.DEFAULT_DURATION_S:
        yield "duration", str(generation.duration_s)


def _placed(order: Order, images: Sequence[str]) -> dict[str, Any]:
    """Images by what they are for."""
    placed: dict[str, Any] = {}
    masks = []
    for prepared, image in zip(order.inputs, images, strict=True):
        if prepared.role is Role.DYNAMIC_MASK:
            masks.append(image)
        else:
            placed[_ROLE_FIELDS[prepared.role]] = image
    if order.generation.elements:
        placed["element_list"] = [{"element_id": _element_id(element)} for element in order.generation.elements]
    if masks:
        brushes = zip(masks, order.generation.motion_brushes, strict=True)
        placed["dynamic_masks"] = [
            {"mask": mask, "trajectories": [{"x": x, "y": y} for x, y in brush.path]} for mask, brush in brushes
        ]
    return placed


def _element_id(element: str) -> int | str:
    """The vendor's own ids are numbers. Source: contract, section 8."""
    return int(element) if element.isdecimal() and element.isascii() else element
