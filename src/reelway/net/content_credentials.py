"""Content credentials (C2PA): a signed statement inside a video of how it came about, and the IPTC's term in its XMP.

The files are untrusted, so signing and reading happen in a child process; nothing here imports the library into the
gateway.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from reelway.domain.media import DigitalSourceType
from reelway.net import process
from reelway.net.certificate import SigningCertificate
from reelway.net.media import MediaLimits

_TRIES = 2
_Outcome = TypeVar("_Outcome")

_log = logging.getLogger(__name__)


class Signing(StrEnum):
    """How signing a video ended. There is a new file only after the first two."""

    SIGNED = "signed"
    SIGNED_OVER = "signed_over"
    """It had credentials, or is made from a video that has; they are kept inside the new ones as its parent's."""
    LEFT_ALONE = "left_alone"
    """Its own credentials hold and say already that a machine made it."""
    UNSUITABLE = "unsuitable"
    """It is neither an MP4 nor a QuickTime file, or not a sound one."""
    FAILED = "failed"

    @property
    def is_marked(self) -> bool:
        return self in (Signing.SIGNED, Signing.SIGNED_OVER, Signing.LEFT_ALONE)


class CredentialsState(StrEnum):
    NONE = "none"
    """There are none."""
    INTACT = "intact"
    """The signature is good and the file is as it was when it was signed."""
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a file says of its origin, and whether that holds. Texts come from the file: whoever signed it chose them.

    `has_manifest`: there is one that can be read, even where it does not hold. `is_trusted`: the signer's certificate
    comes from an authority that the reader named. `attested_at` is vouched for by a time stamping service, `stated_at`
    only by the signer. `source_type` is of the newest action that has one, `xmp_source_type` what the XMP says.
    `parents` counts the earlier signed versions that it carries along.
    """

    state: CredentialsState
    has_manifest: bool
    xmp_source_type: str | None
    source_type: str | None = None
    is_trusted: bool = False
    organisation: str | None = None
    signer: str | None = None
    algorithm: str | None = None
    attested_at: str | None = None
    stated_at: str | None = None
    program: str | None = None
    actions: tuple[str, ...] = ()
    parents: int = 0
    faults: tuple[str, ...] = ()


async def sign_video(
    video: Path,
    signed: Path,
    source_type: DigitalSourceType,
    certificate: SigningCertificate,
    limits: MediaLimits,
    parent: Path | None = None,
) -> Signing:
    """Write a copy of a video to `signed` that says how it came about. `parent` is the video that it was made from.

    There is no file at `signed` unless the answer says so.
    """
    outcome: Signing | None = None
    try:
        outcome = await _in_child(_sign_video, (video, signed, source_type, certificate, parent), limits)
        return outcome or Signing.FAILED
    finally:
        if outcome not in (Signing.SIGNED, Signing.SIGNED_OVER):
            await asyncio.to_thread(signed.unlink, missing_ok=True)


async def read_credentials(path: Path, limits: MediaLimits, anchors_pem: str = "") -> Credentials | None:
    """What a file's credentials say; None where they cannot be read within the limits.

    `anchors_pem` has the certificates of the authorities that the reader trusts.
    """
    return await _in_child(_read_credentials, (path, anchors_pem), limits)


async def _in_child(
    function: Callable[..., _Outcome], arguments: tuple[object, ...], limits: MediaLimits
) -> _Outcome | None:
    """The answer of a child; where one comes to nothing, of a second one, since the first may have been unlucky."""
    child_limits = process.Limits(limits.deadline_s, limits.memory_bytes_max)
    for _ in range(_TRIES):
        try:
            return await process.run(function, arguments, child_limits)
        except process.ProcessFailedError as exc:
            _log.warning("content credentials failed: %s", exc)
    return None


def _sign_video(
    _report: process.Report,
    video: Path,
    signed: Path,
    source_type: DigitalSourceType,
    certificate: SigningCertificate,
    parent: Path | None,
) -> Signing:
    from reelway.net import media_credentials

    return media_credentials.sign(video, signed, source_type, certificate, parent)


def _read_credentials(_report: process.Report, path: Path, anchors_pem: str) -> Credentials:
    from reelway.net import media_credentials

    return media_credentials.read(path, anchors_pem)
