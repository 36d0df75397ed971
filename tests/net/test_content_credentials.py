"""A signed video says that a machine made it, plays as before, and shows every change that comes after."""

import asyncio
import io
import struct
from dataclasses import replace
from pathlib import Path

import av
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from net.probing import LIMITS, inspected
from net.samples import picture, write_sound, write_video
from net.test_certificate import Key, write_own
from reelway.domain.media import DigitalSourceType
from reelway.net.certificate import AUTHORITY_NAME, SigningCertificate, kept_certificate, operators_certificate
from reelway.net.content_credentials import Credentials, CredentialsState, Signing, read_credentials, sign_video
from reelway.net.media import MediaLimits

C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
TRAINED, ALGORITHMIC = DigitalSourceType.TRAINED_ALGORITHMIC, DigitalSourceType.ALGORITHMIC


@pytest.fixture
def certificate(tmp_path: Path) -> SigningCertificate:
    return kept_certificate(tmp_path / "kept")


def signed(
    video: Path,
    target: Path,
    certificate: SigningCertificate,
    source_type: DigitalSourceType = TRAINED,
    parent: Path | None = None,
    limits: MediaLimits = LIMITS,
) -> Signing:
    return asyncio.run(asyncio.wait_for(sign_video(video, target, source_type, certificate, limits, parent), 60))


def read(path: Path, anchors_pem: str = "") -> Credentials:
    found = asyncio.run(asyncio.wait_for(read_credentials(path, LIMITS, anchors_pem), 60))
    assert found is not None
    return found


def content(path: Path) -> tuple[list[bytes], list[bytes]]:
    """Every picture and every packet of sound."""
    with av.open(path) as container:
        pictures = [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]
    with av.open(path) as container:
        sounds = [bytes(packet) for packet in container.demux(audio=0)] if container.streams.audio else []
    return pictures, sounds


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and content of the boxes at the top level."""
    found, stream = [], io.BytesIO(data)
    while head := stream.read(8):
        size, kind = struct.unpack(">I4s", head)
        found.append((kind, stream.read(size - 8)))
    return found


def box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(data), kind) + data


def xmp_box(inner: str) -> bytes:
    return box(b"uuid", XMP_UUID + inner.encode())


def test_a_signed_video_says_how_it_was_made_and_by_which_program(
    tmp_path: Path, certificate: SigningCertificate
) -> None:
    video, target = write_video(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    assert signed(video, target, certificate) is Signing.SIGNED

    found = read(target)
    assert (found.state, found.faults, found.actions) == (CredentialsState.INTACT, (), ("c2pa.created",))
    assert found.source_type == found.xmp_source_type == TRAINED.uri
    assert found.program is not None
    assert found.program.startswith("Reelway ")
    assert (found.signer, found.organisation) == ("Reelway content credentials", "Reelway")
    assert found.stated_at is not None
    assert found.attested_at is None


def test_pictures_sound_and_place_of_the_index_stay_as_they_are(
    tmp_path: Path, certificate: SigningCertificate
) -> None:
    video, target = write_video(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    signed(video, target, certificate)
    assert content(target) == content(video)
    assert inspected(target) == inspected(video)
    kinds = [kind for kind, _ in boxes(target.read_bytes())]
    assert kinds.index(b"moov") < kinds.index(b"mdat"), "it still plays while it is loaded"
    uuids = [data[:16] for kind, data in boxes(target.read_bytes()) if kind == b"uuid"]
    assert sorted(uuids) == sorted([C2PA_UUID, XMP_UUID])


def test_signing_leaves_no_other_file(tmp_path: Path, certificate: SigningCertificate) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    signed(write_video(folder / "a.mp4"), folder / "b.mp4", certificate)
    assert sorted(path.name for path in folder.iterdir()) == ["a.mp4", "b.mp4"]


def test_who_knows_the_authority_sees_who_signed(tmp_path: Path, certificate: SigningCertificate) -> None:
    target = tmp_path / "b.mp4"
    signed(write_video(tmp_path / "a.mp4"), target, certificate)
    assert not read(target).is_trusted
    assert read(target, (tmp_path / "kept" / AUTHORITY_NAME).read_text()).is_trusted
    kept_certificate(tmp_path / "other")
    assert not read(target, (tmp_path / "other" / AUTHORITY_NAME).read_text()).is_trusted


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
)
def test_the_operators_certificate_signs_as_well(tmp_path: Path, key: Key) -> None:
    target = tmp_path / "b.mp4"
    own = operators_certificate(*write_own(tmp_path / "own", key))
    assert signed(write_video(tmp_path / "a.mp4"), target, own) is Signing.SIGNED
    found = read(target)
    assert (found.state, found.organisation) == (CredentialsState.INTACT, "A studio")


@pytest.mark.parametrize("where", ["picture", "statement", "xmp", "end"])
def test_any_change_after_signing_shows(tmp_path: Path, certificate: SigningCertificate, where: str) -> None:
    target = tmp_path / "b.mp4"
    signed(write_video(tmp_path / "a.mp4"), target, certificate)
    data = bytearray(target.read_bytes())
    xmp = data.index(XMP_UUID)
    match where:
        case "picture":
            data[data.index(b"mdat") + 400] ^= 1
        case "statement":
            at = data.index(b"trainedAlgorithmicMedia")
            data[at : at + 7] = b"capture"
        case "xmp":
            at = data.index(b"trainedAlgorithmicMedia", xmp)
            data[at : at + 7] = b"capture"
        case _:
            del data[xmp - 8 :]
    target.write_bytes(data)
    found = read(target)
    assert found.state is CredentialsState.BROKEN
    assert found.faults


def test_a_file_without_credentials_is_told_from_one_whose_credentials_are_broken(
    tmp_path: Path, certificate: SigningCertificate
) -> None:
    video, target = write_video(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    signed(video, target, certificate)
    garbled = bytearray(target.read_bytes())
    at = garbled.index(b"jumb")
    garbled[at + 8 : at + 40] = bytes(32)
    target.write_bytes(garbled)
    picture().save(tmp_path / "a.png")
    (tmp_path / "text").write_text("no media")

    assert read(target).state is CredentialsState.BROKEN
    for path in (video, tmp_path / "a.png", tmp_path / "text"):
        assert read(path).state is CredentialsState.NONE


# --- videos that come with credentials --------------------------------------------------------------------------------


def test_a_video_whose_own_credentials_say_it_already_is_left_alone(
    tmp_path: Path, certificate: SigningCertificate
) -> None:
    video, once, twice = write_video(tmp_path / "a.mp4"), tmp_path / "b.mp4", tmp_path / "c.mp4"
    signed(video, once, kept_certificate(tmp_path / "somebody else"), ALGORITHMIC)
    assert signed(once, twice, certificate) is Signing.LEFT_ALONE
    assert not twice.exists()


def test_credentials_that_do_not_hold_are_kept_inside_new_ones(tmp_path: Path, certificate: SigningCertificate) -> None:
    once, twice = tmp_path / "b.mp4", tmp_path / "c.mp4"
    signed(write_video(tmp_path / "a.mp4"), once, kept_certificate(tmp_path / "somebody else"), ALGORITHMIC)
    data = bytearray(once.read_bytes())
    data[data.index(b"mdat") + 400] ^= 1
    once.write_bytes(data)

    assert signed(once, twice, certificate) is Signing.SIGNED_OVER
    found = read(twice)
    assert (found.state, found.parents, found.actions) == (
        CredentialsState.INTACT,
        1,
        ("c2pa.opened", "c2pa.edited"),
    )
    assert found.source_type == TRAINED.uri


def test_a_video_with_something_illegible_in_the_place_of_credentials_gets_its_own(
    tmp_path: Path, certificate: SigningCertificate
) -> None:
    once, twice = tmp_path / "b.mp4", tmp_path / "c.mp4"
    signed(write_video(tmp_path / "a.mp4"), once, certificate)
    data = bytearray(once.read_bytes())
    at = data.index(b"jumb")
    data[at + 8 : at + 40] = bytes(32)
    once.write_bytes(data)
    assert signed(once, twice, certificate) is Signing.SIGNED
    assert (read(twice).state, read(twice).actions) == (CredentialsState.INTACT, ("c2pa.created",))


def test_a_copy_with_a_visible_mark_names_the_video_that_it_was_made_from(
    tmp_path: Path, certificate: SigningCertificate
) -> None:
    original, copy, target = tmp_path / "b.mp4", write_video(tmp_path / "copy.mp4", sound=None), tmp_path / "c.mp4"
    signed(write_video(tmp_path / "a.mp4"), original, kept_certificate(tmp_path / "somebody else"))
    assert signed(copy, target, certificate, parent=original) is Signing.SIGNED_OVER
    found = read(target)
    assert (found.state, found.parents, found.source_type) == (CredentialsState.INTACT, 1, TRAINED.uri)
    assert content(target) == content(copy)


# --- XMP --------------------------------------------------------------------------------------------------------------


def test_xmp_that_is_there_keeps_what_it_says_and_gets_the_source_type(
    tmp_path: Path, certificate: SigningCertificate
) -> None:
    video, target = write_video(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    kept = "<rdf:RDF><rdf:Description><dc:title>Dunes</dc:title></rdf:Description></rdf:RDF>"
    video.write_bytes(video.read_bytes() + xmp_box(kept))

    assert signed(video, target, certificate) is Signing.SIGNED
    packets = [data for kind, data in boxes(target.read_bytes()) if kind == b"uuid" and data.startswith(XMP_UUID)]
    assert len(packets) == 1
    assert b"<dc:title>Dunes</dc:title>" in packets[0]
    assert read(target).xmp_source_type == TRAINED.uri
    assert content(target) == content(video)


@pytest.mark.parametrize(
    "spelling", ['x:DigitalSourceType="urn:a"', "><x:DigitalSourceType>urn:a</x:DigitalSourceType"]
)
def test_a_source_type_in_the_xmp_is_never_overruled(
    tmp_path: Path, certificate: SigningCertificate, spelling: str
) -> None:
    video, target = write_video(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    video.write_bytes(video.read_bytes() + xmp_box(f"<rdf:RDF><rdf:Description {spelling}/></rdf:RDF>"))
    assert signed(video, target, certificate) is Signing.SIGNED
    assert read(target).xmp_source_type == "urn:a"


def test_a_last_box_that_runs_to_the_end_of_the_file_gets_its_size(
    tmp_path: Path, certificate: SigningCertificate
) -> None:
    video, target = write_video(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    data = bytearray(video.read_bytes())
    at = data.index(b"mdat") - 4
    assert at + struct.unpack(">I", data[at : at + 4])[0] == len(data)
    data[at : at + 4] = bytes(4)
    video.write_bytes(data)
    before = content(video)
    assert signed(video, target, certificate) is Signing.SIGNED
    assert (content(target), read(target).state) == (before, CredentialsState.INTACT)


# --- what cannot be signed --------------------------------------------------------------------------------------------


def test_what_is_no_mp4_cannot_be_signed_and_leaves_nothing(tmp_path: Path, certificate: SigningCertificate) -> None:
    target = tmp_path / "b.mp4"
    webm = write_video(tmp_path / "a.webm", codec="libvpx-vp9", sound="libopus")
    assert signed(webm, target, certificate) is Signing.UNSUITABLE
    assert signed(write_sound(tmp_path / "a.mp3", "mp3", "mp3"), target, certificate) is Signing.UNSUITABLE
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(write_video(tmp_path / "a.mp4").read_bytes()[:-100])
    assert signed(cut, target, certificate) is Signing.UNSUITABLE
    assert not target.exists()
    assert not list(tmp_path.glob("*.xmp"))


def test_a_quicktime_film_is_signed_too(tmp_path: Path, certificate: SigningCertificate) -> None:
    target = tmp_path / "b.mp4"
    assert signed(write_video(tmp_path / "a.mov"), target, certificate) is Signing.SIGNED
    assert read(target).state is CredentialsState.INTACT


def test_a_signer_that_readers_would_refuse_makes_no_file(tmp_path: Path, certificate: SigningCertificate) -> None:
    video, target = write_video(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    other = kept_certificate(tmp_path / "other")
    assert signed(video, target, replace(certificate, key_pem=other.key_pem)) is Signing.FAILED
    assert not target.exists()


def test_signing_that_takes_too_much_memory_fails_and_leaves_nothing(
    tmp_path: Path, certificate: SigningCertificate
) -> None:
    target = tmp_path / "b.mp4"
    limits = replace(LIMITS, memory_bytes_max=1 << 16)
    assert signed(write_video(tmp_path / "a.mp4"), target, certificate, limits=limits) is Signing.FAILED
    assert not target.exists()
