"""A file's first bytes tell its type, whatever it is called."""

import pytest

from reelway.net.media_types import HEAD_BYTES, sniff_mime_type

FTYP = b"\0\0\0\x20ftyp"
EBML = b"\x1a\x45\xdf\xa3"

HEADS = [
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
    (b"\xff\xd8\xff\xe1Exif", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
    (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM\x36\0\0\0\0\0\0\0\x36", "image/bmp"),
    (b"II*\0\x08\0\0\0", "image/tiff"),
    (b"MM\0*\0\0\0\x08", "image/tiff"),
    (FTYP + b"avif", "image/avif"),
    (FTYP + b"heic", "image/heic"),
    (FTYP + b"mif1", "image/heif"),
    (FTYP + b"isom\0\0\2\0isomiso2avc1mp41", "video/mp4"),
    (FTYP + b"mp42", "video/mp4"),
    (FTYP + b"avc1", "video/mp4"),
    (FTYP + b"M4V ", "video/mp4"),
    (FTYP + b"dash", "video/mp4"),
    (FTYP + b"M4A ", "audio/mp4"),
    (FTYP + b"qt  ", "video/quicktime"),
    (b"\0\0\0\x08wide\0\0\0\0mdat", "video/quicktime"),
    (b"\0\0\x10\0moov\0\0\0\x6cmvhd", "video/quicktime"),
    (FTYP + b"3gp4", "video/3gpp"),
    (EBML + b"\x9f\x42\x86\x81\x01\x42\x82\x84webm\x42\x87", "video/webm"),
    (EBML + b"\xa3\x42\x86\x81\x01\x42\x82\x88matroska\x42", "video/x-matroska"),
    (b"RIFF\x10\0\0\0AVI LIST", "video/x-msvideo"),
    (b"FLV\x01\x05", "video/x-flv"),
    (b"ID3\x04\0\0\0\0\0\x23TSSE", "audio/mpeg"),
    (b"\xff\xfb\x90\x64\0", "audio/mpeg"),
    (b"\xff\xf3\x40\xc0\0", "audio/mpeg"),
    (b"\xff\xfd\x80\x04\0", "audio/mpeg"),
    (b"\xff\xf1\x4c\x40\x1b", "audio/aac"),
    (b"\xff\xf9\x50\x80\x1b", "audio/aac"),
    (b"RIFF\x10\0\0\0WAVEfmt ", "audio/wav"),
    (b"RF64\xff\xff\xff\xffWAVEds64", "audio/wav"),
    (b"OggS\0\2", "audio/ogg"),
    (b"fLaC\0\0\0\x22", "audio/flac"),
    (b"#!AMR\n", "audio/amr"),
]

NOT_MEDIA = [
    b"",
    b"\xff",
    b"\xff\xd8",
    b"\x89PN",
    b"RIFF",
    b"RIFF\x10\0\0\0ACON",
    b"BM is no bitmap here",
    b"\0\0\0\x20ftypavif"[:7],
    EBML + b"\x9f\x42\x86\x81\x01",
    EBML + b"webm matroska",
    b"\xff\xfe<\0h\0t\0m\0l\0",
    b"\xff\xff\xff\xff",
    b"\xff\xeb\x90\x64",
    b"\xff\xfb\xf0\x64",
    b"\xff\xfb\x9c\x64",
    b"#EXTM3U\n",
    b"<?xml version='1.0'?><svg/>",
    b"%PDF-1.7",
    b"PK\x03\x04",
    b"GIF88a",
    bytes(64),
]


@pytest.mark.parametrize(("head", "mime_type"), HEADS, ids=[f"{mime}-{n}" for n, (_, mime) in enumerate(HEADS)])
def test_media_is_told_by_its_first_bytes(head: bytes, mime_type: str) -> None:
    assert sniff_mime_type(head) == mime_type
    assert sniff_mime_type(head.ljust(HEAD_BYTES, b"\0")) == mime_type


@pytest.mark.parametrize("head", NOT_MEDIA, ids=ascii)
def test_what_is_no_media_has_no_type(head: bytes) -> None:
    assert sniff_mime_type(head) is None
