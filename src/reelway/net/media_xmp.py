"""The XMP packet of an MP4 or QuickTime file: read, and given the IPTC's digital source type.

XMP lies in a box of its own at the top level of the file. A new one goes to the end, so that nothing in the file moves;
one that is there stops being one and is written anew there with what we add. Only children import this module.
Source: XMP Specification part 3, section 1.2 (MPEG-4); IPTC Photo Metadata Standard, "Digital Source Type".
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

XMP_UUID: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_PACKET_BYTES_MAX: Final = 1 << 20
_BOXES_MAX: Final = 20_000  # at the top level; a fragmented film has two a second
_SIZE_MAX: Final = (1 << 32) - 1
_HEAD_BYTES: Final = 8
_END_OF_RDF: Final = b"</rdf:RDF>"
_SOURCE_TYPE: Final = re.compile(
    rb"DigitalSourceType(?:\s*=\s*[\"']|>|\s+rdf:resource\s*=\s*[\"'])\s*([^\"'<>\s]{1,200})"
)


class UnsuitableError(Exception):
    """The file is not built of boxes to which one could be added."""


@dataclass(frozen=True, slots=True)
class _Box:
    """A box at the top level. `size` counts its head, of `head` bytes."""

    kind: bytes
    start: int
    size: int
    head: int
    runs_to_the_end: bool


def source_type_of(path: Path) -> str | None:
    """The digital source type in the file's XMP, as it stands there; None where there is none."""
    try:
        with path.open("rb") as file:
            box = _xmp_box(file, list(_boxes(file)))
            found = _SOURCE_TYPE.search(_packet(file, box)) if box is not None else None
    except UnsuitableError:
        return None
    return found[1].decode("utf-8", "replace") if found is not None else None


def add_source_type(path: Path, uri: str, creator_tool: str) -> None:
    """Give the file's XMP a digital source type, unless it has one. The file is changed in place.

    Raises:
        UnsuitableError: the file cannot take it; it may have been changed half-way and must not be used.
    """
    with path.open("r+b") as file:
        boxes = list(_boxes(file))
        box = _xmp_box(file, boxes)
        packet = _packet(file, box) if box is not None else None
        if packet is not None and (_SOURCE_TYPE.search(packet) or _END_OF_RDF not in packet):
            return  # it says so already, or it is written in a way that we had better not touch
        _close_last(file, boxes[-1])
        if box is not None:
            file.seek(box.start + 4)
            file.write(b"free")
        content = _new_packet(uri, creator_tool) if packet is None else _extended(packet, uri)
        file.seek(0, 2)
        file.write(struct.pack(">I4s", _HEAD_BYTES + len(XMP_UUID) + len(content), b"uuid") + XMP_UUID + content)


def _boxes(file: BinaryIO) -> Iterator[_Box]:
    """Raises: UnsuitableError: the boxes do not fill the file."""
    end = file.seek(0, 2)
    start = 0
    for _ in range(_BOXES_MAX):
        if start == end:
            return
        file.seek(start)
        size, kind = struct.unpack(">I4s", _read(file, _HEAD_BYTES))
        head = _HEAD_BYTES
        if size == 1:
            (size,) = struct.unpack(">Q", _read(file, 8))
            head += 8
        runs_to_the_end = size == 0
        size = end - start if runs_to_the_end else size
        if not head <= size <= end - start:
            raise UnsuitableError
        yield _Box(kind, start, size, head, runs_to_the_end)
        start += size
    raise UnsuitableError


def _read(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise UnsuitableError
    return data


def _xmp_box(file: BinaryIO, boxes: list[_Box]) -> _Box | None:
    """Raises: UnsuitableError: there is nothing in the file."""
    if not boxes:
        raise UnsuitableError
    for box in boxes:
        if box.kind == b"uuid" and box.size >= box.head + len(XMP_UUID):
            file.seek(box.start + box.head)
            if file.read(len(XMP_UUID)) == XMP_UUID:
                return box
    return None


def _packet(file: BinaryIO, box: _Box) -> bytes:
    """Raises: UnsuitableError: it is larger than any that we work with."""
    size = box.size - box.head - len(XMP_UUID)
    if size > _PACKET_BYTES_MAX:
        raise UnsuitableError
    file.seek(box.start + box.head + len(XMP_UUID))
    return file.read(size)


def _close_last(file: BinaryIO, last: _Box) -> None:
    """A last box that goes to the end of the file gets its size. Raises: UnsuitableError: no room for it."""
    if last.runs_to_the_end:
        if last.size > _SIZE_MAX:
            raise UnsuitableError
        file.seek(last.start)
        file.write(struct.pack(">I", last.size))


def _description(uri: str, more: str) -> str:
    return (
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/">'
        f"<Iptc4xmpExt:DigitalSourceType>{uri}</Iptc4xmpExt:DigitalSourceType>{more}</rdf:Description>"
    )


def _new_packet(uri: str, creator_tool: str) -> bytes:
    inner = _description(uri, f"<xmp:CreatorTool>{creator_tool}</xmp:CreatorTool>")
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{inner}</rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    ).encode()


def _extended(packet: bytes, uri: str) -> bytes:
    before, _, after = packet.rpartition(_END_OF_RDF)
    return before + _description(uri, "").encode() + _END_OF_RDF + after
