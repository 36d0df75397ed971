"""Sign a video's content credentials (C2PA), and read them. Only children import this module: the way in is
`net/content_credentials`.

No call of the library goes to the network: manifests elsewhere and certificates' states are not fetched.
"""

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import c2pa

from reelway import __version__
from reelway.domain.media import DigitalSourceType
from reelway.net import media_xmp
from reelway.net.certificate import SigningCertificate
from reelway.net.content_credentials import Credentials, CredentialsState, Signing
from reelway.net.media_types import HEAD_BYTES, sniff_mime_type

FORMATS: Final = frozenset({"video/mp4", "video/quicktime"})
_PROGRAM: Final = "Reelway"
_PARENTS_MAX: Final = 16
_TEXT_MAX: Final = 300
_UNTRUSTED: Final = "signingCredential.untrusted"
_INTACT: Final = frozenset({"Valid", "Trusted"})
_MACHINE_MADE: Final = frozenset(
    f"http://cv.iptc.org/newscodes/digitalsourcetype/{term}"
    for term in (
        "trainedAlgorithmicMedia",
        "compositeWithTrainedAlgorithmicMedia",
        "compositeSynthetic",
        "algorithmicMedia",
        "composite",
    )
)
"""What a manifest may say of a video's origin so that nothing has to be added to it."""


def sign(
    video: Path,
    signed: Path,
    source_type: DigitalSourceType,
    certificate: SigningCertificate,
    parent: Path | None,
) -> Signing:
    """Write a copy of a video with credentials; see `content_credentials.sign_video`."""
    mime_type = _mime_type(video)
    if mime_type not in FORMATS:
        return Signing.UNSUITABLE
    found = read(video, "")
    if found.state is CredentialsState.INTACT and found.source_type in _MACHINE_MADE:
        return Signing.LEFT_ALONE
    if parent is None and found.has_manifest:
        parent = video
    with_xmp = signed.with_name(f"{signed.name}.xmp")
    try:
        shutil.copyfile(video, with_xmp)
        media_xmp.add_source_type(with_xmp, source_type.uri, f"{_PROGRAM} {__version__}")
        _sign(with_xmp, signed, mime_type, source_type, certificate, parent)
    except media_xmp.UnsuitableError:
        return Signing.UNSUITABLE
    finally:
        with_xmp.unlink(missing_ok=True)
    return Signing.SIGNED if parent is None else Signing.SIGNED_OVER


def _sign(
    source: Path,
    target: Path,
    mime_type: str,
    source_type: DigitalSourceType,
    certificate: SigningCertificate,
    parent: Path | None,
) -> None:
    """Raises: c2pa.C2paError: the file or the certificate is not as it must be."""
    action = {
        "action": "c2pa.created" if parent is None else "c2pa.edited",
        "when": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "softwareAgent": {"name": _PROGRAM, "version": __version__},
        "digitalSourceType": source_type.uri,
    }
    manifest = {
        "title": "video.mp4",
        "format": mime_type,
        "claim_generator_info": [{"name": _PROGRAM, "version": __version__}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    information = c2pa.C2paSignerInfo(
        certificate.algorithm.encode(), certificate.chain_pem.encode(), certificate.key_pem.encode(), None
    )
    with (
        c2pa.Signer.from_info(information) as signer,
        c2pa.Builder.from_json(manifest, _context("")) as builder,
        source.open("rb") as given,
        target.open("w+b") as made,
    ):
        if parent is not None:
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            parent_type = _mime_type(parent) or mime_type
            with parent.open("rb") as before:
                about = {"relationship": "parentOf", "title": "video.mp4", "format": parent_type}
                builder.add_ingredient_from_stream(about, parent_type, before)
        builder.sign(signer, mime_type, given, made)


def read(path: Path, anchors_pem: str) -> Credentials:
    """What a file's credentials say; see `content_credentials.read_credentials`."""
    xmp_source_type = media_xmp.source_type_of(path)
    mime_type = _mime_type(path)
    if mime_type is None:
        return Credentials(CredentialsState.NONE, has_manifest=False, xmp_source_type=None)
    try:
        with path.open("rb") as file, c2pa.Reader(mime_type, file, context=_context(anchors_pem)) as reader:
            store = json.loads(reader.json())
            state = reader.get_validation_state() or ""
    except (c2pa.C2paError.ManifestNotFound, c2pa.C2paError.NotSupported):
        return Credentials(CredentialsState.NONE, has_manifest=False, xmp_source_type=xmp_source_type)
    except c2pa.C2paError as exc:
        return Credentials(
            CredentialsState.BROKEN, has_manifest=False, xmp_source_type=xmp_source_type, faults=(_short(exc),)
        )
    return _credentials(store, state, xmp_source_type)


def _credentials(store: Mapping[str, Any], state: str, xmp_source_type: str | None) -> Credentials:
    lineage = _lineage(store)
    active = lineage[0] if lineage else {}
    signature = active.get("signature_info") or {}
    generator = (active.get("claim_generator_info") or [{}])[0]
    actions = [(manifest, action) for manifest in lineage for action in _actions(manifest)]
    typed = next((action["digitalSourceType"] for _, action in actions if action.get("digitalSourceType")), None)
    faults = [
        _short(fault.get("explanation") or fault.get("code") or "unknown")
        for fault in store.get("validation_status") or ()
        if fault.get("code") != _UNTRUSTED
    ]
    is_intact = state in _INTACT
    return Credentials(
        state=CredentialsState.INTACT if is_intact else CredentialsState.BROKEN,
        has_manifest=True,
        xmp_source_type=xmp_source_type,
        source_type=_text(typed),
        is_trusted=state == "Trusted",
        organisation=_text(signature.get("issuer")),
        signer=_text(signature.get("common_name")),
        algorithm=_text(signature.get("alg")),
        attested_at=_text(signature.get("time")),
        stated_at=next((_text(action["when"]) for _, action in actions if action.get("when")), None),
        program=_text(" ".join(str(generator[part]) for part in ("name", "version") if generator.get(part))),
        actions=tuple(_short(action.get("action", "")) for manifest, action in actions if manifest is active),
        parents=len(lineage) - 1,
        faults=tuple(faults) if faults or is_intact else ("it does not hold",),
    )


def _lineage(store: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The active manifest, its parent's, and so on."""
    manifests = store.get("manifests") or {}
    label = store.get("active_manifest")
    found: list[Mapping[str, Any]] = []
    while label in manifests and len(found) <= _PARENTS_MAX:
        manifest = manifests[label]
        found.append(manifest)
        parents = [part for part in manifest.get("ingredients") or () if part.get("relationship") == "parentOf"]
        label = parents[0].get("active_manifest") if parents else None
    return found


def _actions(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        action
        for assertion in manifest.get("assertions") or ()
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in (assertion.get("data") or {}).get("actions") or ()
        if isinstance(action, dict)
    ]


def _context(anchors_pem: str) -> c2pa.Context:
    settings: dict[str, Any] = {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
        "builder": {"thumbnail": {"enabled": False}},
    }
    if anchors_pem:
        settings["trust"] = {"trust_anchors": anchors_pem}
    return c2pa.Context.from_dict(settings)


def _mime_type(path: Path) -> str | None:
    with path.open("rb") as file:
        return sniff_mime_type(file.read(HEAD_BYTES))


def _text(value: object) -> str | None:
    return None if value is None or value == "" else _short(value)


def _short(value: object) -> str:
    return str(value)[:_TEXT_MAX]
