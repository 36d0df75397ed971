"""What a file is, told from its first bytes. Names and declared types are never asked."""

HEAD_BYTES = 64

# Source: the WHATWG MIME Sniffing standard and each format's own specification.
_BY_PREFIX: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"#!AMR", "audio/amr"),
    (b"MThd", "audio/midi"),
    (b"FLV\x01", "video/x-flv"),
)
_BY_RIFF_FORM = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
# The major brand of an ISO base media file. Every other brand is some MP4.
_BY_BRAND = {
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"M4P ": "audio/mp4",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"crx ": "image/x-canon-cr3",
}
_QUICKTIME_ATOMS = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})  # a movie older than "ftyp"


def sniff_mime_type(head: bytes) -> str | None:
    """The MIME type that a file's first `HEAD_BYTES` bytes tell; `None` for anything but media.

    A container is named for what it usually holds: whether an MP4 or an Ogg has pictures in it only decoding shows.
    """
    for prefix, mime_type in _BY_PREFIX:
        if head.startswith(prefix):
            return mime_type
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return "image/bmp"
    if head[:4] in (b"RIFF", b"RF64"):
        return _BY_RIFF_FORM.get(head[8:12])
    if head[4:8] == b"ftyp":
        return "video/3gpp" if head[8:10] == b"3g" else _BY_BRAND.get(head[8:12], "video/mp4")
    if head[4:8] in _QUICKTIME_ATOMS:
        return "video/quicktime"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _matroska_type(head[:HEAD_BYTES])
    return _mpeg_audio_type(head)


def _matroska_type(head: bytes) -> str | None:
    """The EBML header names its document type. Source: RFC 8794, section 11.2.4 (element 0x4282)."""
    if b"\x42\x82\x84webm" in head:
        return "video/webm"
    return "video/x-matroska" if b"\x42\x82\x88matroska" in head else None


def _mpeg_audio_type(head: bytes) -> str | None:
    """Raw MPEG audio frames start with 11 set bits, ADTS frames with 12 and layer 0.

    Source: ISO/IEC 11172-3, section 2.4.1.3; ISO/IEC 13818-7, section 6.2.
    """
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    version, layer = head[1] >> 3 & 0b11, head[1] >> 1 & 0b11
    bit_rate, sample_rate = head[2] >> 4, head[2] >> 2 & 0b11
    is_frame = version != 0b01 and layer in (0b01, 0b10) and bit_rate not in (0b0000, 0b1111) and sample_rate != 0b11
    return "audio/mpeg" if is_frame else None
