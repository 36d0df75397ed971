"""The legacy Kling protocol as data: its words, limits, codes, and what the official API can do.

Shared by the dialect that serves it and by the provider that calls it. Source: Kling contract, sections 5 to 9 and 11;
seed 004.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from reelway.domain.generation import CameraMove, Mode, Product
from reelway.domain.media import MediaKind
from reelway.domain.routing import Capability
from reelway.domain.task import PublicStatus

PRODUCTS: Final[Mapping[str, Product]] = {
    "text2video": Product.TEXT_TO_VIDEO,
    "image2video": Product.IMAGE_TO_VIDEO,
}
"""The last part of the path, below `/v1/videos`."""

TASK_STATUSES: Final[Mapping[PublicStatus, str]] = {
    PublicStatus.QUEUED: "submitted",
    PublicStatus.PROCESSING: "processing",
    PublicStatus.SUCCEEDED: "succeed",
    PublicStatus.FAILED: "failed",
}
"""Source: contract 11.2."""


class Code(IntEnum):
    """`code` of an answer. Source: contract 5.2; those that we never send: the vendor's list of error codes."""

    SUCCEED = 0
    AUTHENTICATION_FAILED = 1000
    AUTHORIZATION_EMPTY = 1001
    AUTHORIZATION_INVALID = 1002
    TOKEN_NOT_YET = 1003
    TOKEN_EXPIRED = 1004
    ACCOUNT_ABNORMAL = 1100
    ACCOUNT_IN_ARREARS = 1101
    BALANCE_NOT_ENOUGH = 1102
    NO_PERMISSION = 1103
    BODY_INVALID = 1200
    PARAMETER_INVALID = 1201
    METHOD_NOT_ALLOWED = 1202
    NOT_FOUND = 1203
    PLATFORM_STRATEGY = 1300
    CONTENT_REFUSED = 1301
    TOO_FREQUENT = 1302
    TOO_MANY_TASKS = 1303
    ADDRESS_NOT_ALLOWED = 1304
    INTERNAL_ERROR = 5000
    MAINTENANCE = 5001


STATUSES: Final[Mapping[Code, int]] = {
    Code.SUCCEED: 200,
    Code.AUTHENTICATION_FAILED: 401,
    Code.AUTHORIZATION_EMPTY: 401,
    Code.AUTHORIZATION_INVALID: 401,
    Code.TOKEN_NOT_YET: 401,
    Code.TOKEN_EXPIRED: 401,
    Code.BALANCE_NOT_ENOUGH: 429,
    Code.NO_PERMISSION: 403,
    Code.BODY_INVALID: 400,
    Code.PARAMETER_INVALID: 400,
    Code.METHOD_NOT_ALLOWED: 404,
    Code.NOT_FOUND: 404,
    Code.CONTENT_REFUSED: 400,
    Code.TOO_FREQUENT: 429,
    Code.TOO_MANY_TASKS: 429,
    Code.INTERNAL_ERROR: 500,
    Code.MAINTENANCE: 503,
}
"""HTTP status by code; a body that is too large has the code 1201 with 413."""

MESSAGES: Final[Mapping[Code, str]] = {
    Code.SUCCEED: "SUCCEED",
    Code.AUTHENTICATION_FAILED: "Authentication failed",
    Code.AUTHORIZATION_EMPTY: "Authorization is empty",
    Code.AUTHORIZATION_INVALID: "Authorization is invalid",
    Code.TOKEN_NOT_YET: "Token is not valid yet",
    Code.TOKEN_EXPIRED: "Token has expired",
    Code.BALANCE_NOT_ENOUGH: "Account balance not enough",
    Code.NO_PERMISSION: "No permission for this API",
    Code.BODY_INVALID: "Request body is not valid JSON",
    Code.METHOD_NOT_ALLOWED: "Method not allowed",
    Code.CONTENT_REFUSED: "Content does not pass the safety rules",
    Code.TOO_FREQUENT: "Request too frequent",
    Code.TOO_MANY_TASKS: "parallel task over resource pack limit",
    Code.INTERNAL_ERROR: "Internal error",
    Code.MAINTENANCE: "Service under maintenance",
}
"""What a code says; 1201 and 1203 have no entry, because they name what is wrong."""

# --- fields of a create, in the order of the contract's tables (sections 7 and 8) ------------------------------------

TEXT_FIELDS: Final = (
    "model_name",
    "model",
    "multi_shot",
    "shot_type",
    "prompt",
    "multi_prompt",
    "negative_prompt",
    "sound",
    "voice_list",
    "cfg_scale",
    "mode",
    "camera_control",
    "aspect_ratio",
    "duration",
    "watermark_info",
    "callback_url",
    "external_task_id",
)
FRAME_FIELDS: Final = ("image", "image_tail")
IMAGE_FIELDS: Final = (*FRAME_FIELDS, "element_list", "static_mask", "dynamic_masks")
SHOT_FIELDS: Final = ("index", "prompt", "duration")
CAMERA_AXES: Final = ("horizontal", "vertical", "pan", "tilt", "roll", "zoom")

SHOT_TYPES: Final = ("customize", "intelligence")
SOUNDS: Final = ("on", "off")
ASPECT_RATIOS: Final = ("16:9", "9:16", "1:1")
MODES: Final = tuple(mode.value for mode in Mode)
CAMERA_MOVES: Final = tuple(move.value for move in CameraMove)
DEFAULT_MODE: Final = Mode.STD
DEFAULT_ASPECT_RATIO: Final = "16:9"
DEFAULT_DURATION_S: Final = 5
DURATION_S_MIN: Final = 3
DURATION_S_MAX: Final = 15
PROMPT_LENGTH_MAX: Final = 2500
SHOT_PROMPT_LENGTH_MAX: Final = 512
SHOTS_MAX: Final = 6
VOICES_MAX: Final = 2
ELEMENTS_MAX: Final = 3
DYNAMIC_MASKS_MAX: Final = 6
TRAJECTORY_POINTS_MIN: Final = 2
TRAJECTORY_POINTS_MAX: Final = 77
CAMERA_VALUE_MAX: Final = 10
EXTERNAL_ID_LENGTH_MAX: Final = 256
IMAGE_BYTES_MAX: Final = 10 * 1024 * 1024
IMAGE_TYPES: Final = ("image/jpeg", "image/png")
IMAGE_SIDE_PX_MIN: Final = 300
IMAGE_RATIO_MAX: Final = 2.5
PAGE_NUMBER_MAX: Final = 1000
PAGE_SIZE_MAX: Final = 500
PAGE_SIZE_DEFAULT: Final = 30


def honours_cfg_scale(model_name: str) -> bool:
    """Whether `cfg_scale` has an effect at all. Source: seed 004: kling-v2.x models do not support it."""
    return not model_name.startswith("kling-v2")


# --- the official API -------------------------------------------------------------------------------------------------

_TEXT: Final = frozenset({Product.TEXT_TO_VIDEO})
_IMAGE: Final = frozenset({Product.IMAGE_TO_VIDEO})
_BOTH: Final = _TEXT | _IMAGE
_FIVE: Final = frozenset({5})
_FIVE_OR_TEN: Final = frozenset({5, 10})
_THREE_TO_FIFTEEN: Final = frozenset(range(DURATION_S_MIN, DURATION_S_MAX + 1))
_STD_OR_PRO: Final = frozenset({Mode.STD, Mode.PRO})
_PRO: Final = frozenset({Mode.PRO})
_ALL_MODES: Final = frozenset(Mode)


def _box(
    products: frozenset[Product], durations_s: frozenset[int], modes: frozenset[Mode], **extras: Any
) -> Capability:
    """A part of what a model can do; without `extras` it is a plain, silent video with at most a first frame."""
    plain: dict[str, Any] = {"sound": False, "multi_shots": False, "last_frame": False}
    return Capability(
        products=products,
        durations_s=durations_s,
        aspect_ratios=frozenset(ASPECT_RATIOS),
        modes=modes,
        negative_prompt=True,
        reference_kinds=frozenset({MediaKind.IMAGE}),
        **(plain | extras),
    )


def official_capabilities() -> Mapping[str, tuple[Capability, ...]]:
    """What the official API makes of each catalogue entry: a request fits if any one box covers it.

    Source: contract 6.3. Where its table ties a feature to a mode, a length or a product, that is a box of its own.
    """
    one_tier = (_box(_BOTH, _FIVE_OR_TEN, _STD_OR_PRO),)
    return {
        "kling-v1": (
            _box(_BOTH, _FIVE_OR_TEN, _STD_OR_PRO, cfg_scale=True),
            _box(_IMAGE, _FIVE, _STD_OR_PRO, cfg_scale=True, last_frame=True, masks=True),
            _box(_TEXT, _FIVE, frozenset({Mode.STD}), cfg_scale=True, camera=True),
        ),
        "kling-v1-5": (
            _box(_IMAGE, _FIVE_OR_TEN, _STD_OR_PRO, cfg_scale=True),
            _box(_IMAGE, _FIVE_OR_TEN, _PRO, cfg_scale=True, last_frame=True, last_frame_alone=True),
            _box(_IMAGE, _FIVE, _PRO, cfg_scale=True, masks=True),
            _box(_IMAGE, _FIVE, _PRO, cfg_scale=True, camera=True, camera_moves=frozenset({CameraMove.SIMPLE})),
        ),
        "kling-v1-6": (
            _box(_BOTH, _FIVE_OR_TEN, _STD_OR_PRO, cfg_scale=True),
            _box(_IMAGE, _FIVE_OR_TEN, _PRO, cfg_scale=True, last_frame=True, last_frame_alone=True),
        ),
        "kling-v2-master": one_tier,
        "kling-v2-1": (
            _box(_IMAGE, _FIVE_OR_TEN, _STD_OR_PRO),
            _box(_IMAGE, _FIVE_OR_TEN, _PRO, last_frame=True),
        ),
        "kling-v2-1-master": one_tier,
        "kling-v2-5-turbo-pro": (
            _box(_BOTH, _FIVE_OR_TEN, _STD_OR_PRO),
            _box(_IMAGE, _FIVE_OR_TEN, _PRO, last_frame=True),
        ),
        "kling-2-6": (
            _box(_BOTH, _FIVE_OR_TEN, _STD_OR_PRO),
            _box(_BOTH, _FIVE_OR_TEN, _PRO, sound=True),
            _box(_IMAGE, _FIVE_OR_TEN, _PRO, sound=True, voices=True),
            _box(_IMAGE, _FIVE_OR_TEN, _PRO, last_frame=True),
        ),
        "kling-3-0": (
            _box(_BOTH, _THREE_TO_FIFTEEN, _ALL_MODES, **_KLING_3),
            # The vendor prices a voice in std and pro only. Source: contract, section 14.
            _box(_BOTH, _THREE_TO_FIFTEEN, _STD_OR_PRO, voices=True, **_KLING_3),
        ),
    }


_KLING_3: Final = {"sound": True, "multi_shots": True, "last_frame": True, "cfg_scale": True, "elements": True}
