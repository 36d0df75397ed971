"""A host of pictures, good and bad, and names that lead to it or to where no connection may go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from net.samples import png_header
from net.servers import HOST, LOOPBACK, Names, Server, answer, client_tls, redirect, serving
from reelway.domain.public_url import IPAddress, is_public_address
from reelway.net.guard import Guard
from support.media import image_bytes, noise_png, video_bytes

MB = 1024 * 1024
PRIVATE = "private.example.com"
METADATA = "https://169.254.169.254/latest/meta-data/iam"
PNG, JPEG, WEBP, GIF = (image_bytes(name) for name in ("PNG", "JPEG", "WEBP", "GIF"))


def is_allowed(address: IPAddress) -> bool:
    """The real rule, and beside it the one address where the test's server stands."""
    return address == LOOPBACK or is_public_address(address)


def names() -> Names:
    """One name leads to the server, the others to where no connection may go."""
    known = Names().set(HOST, [str(LOOPBACK)]).set(PRIVATE, ["10.0.0.5"])
    known.set("mixed.example.com", ["93.184.216.34", "10.0.0.5"]).set(
        "mixed-first.example.com", ["10.0.0.5", "8.8.8.8"]
    )
    known.set("loopback.example.com", ["127.0.0.2"]).set("loopback6.example.com", ["::1"])
    known.set("linklocal.example.com", ["169.254.169.254"]).set("cgnat.example.com", ["100.64.0.1"])
    known.set("mapped.example.com", ["::ffff:10.0.0.5"]).set("unique.example.com", ["fd00::1"])
    known.set("zero.example.com", ["0.0.0.0"]).set("multicast.example.com", ["224.0.0.1"]).set("none.example.com", [])
    known.set("rebind.example.com", [str(LOOPBACK)], ["10.0.0.5"])
    return known


async def silence(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Take the request and never answer it."""
    await asyncio.Event().wait()


ANSWERS: dict[str, Any] = {
    "/wide.png": answer(image_bytes("PNG", (640, 360))),
    "/wide.jpg": answer(image_bytes("JPEG", (640, 360))),
    "/tall.png": answer(image_bytes("PNG", (360, 640))),
    "/silent": silence,
    "/start.png": answer(PNG),
    "/start.jpg": answer(JPEG),
    "/start.webp": answer(WEBP),
    "/closing.png": answer(PNG, Connection="close"),
    "/lying.gif": answer(PNG, Content_Type="image/gif"),
    "/missing": answer(b"", "404 Not Found"),
    "/error": answer(b"", "500 Internal Server Error"),
    "/gone": answer(b"", "410 Gone"),
    "/empty": answer(b""),
    "/page": answer(b"<html>" * 100, Content_Type="image/png"),
    "/film.mp4": answer(video_bytes()),
    "/moving.gif": answer(GIF, Content_Type="image/png"),
    "/large.png": answer(noise_png(11 * MB)),
    "/endless.png": answer(PNG, length=11 * MB),
    "/huge.png": answer(png_header(40_000, 40_000)),
    "/cut.jpg": answer(image_bytes("JPEG", (640, 480))[:-400]),
    "/to-metadata": redirect(METADATA),
    "/to-loopback": redirect("https://127.0.0.1/x.png"),
    "/to-http": redirect(f"http://{HOST}/start.png"),
    "/to-private-name": redirect(f"https://{PRIVATE}/x.png"),
    "/to-file": redirect("file:///etc/passwd"),
    "/to-nothing": redirect("https://"),
    "/once": redirect("/start.png"),
    "/1": redirect("/2"),
    "/2": redirect("/3"),
    "/3": redirect("/start.png"),
    "/0": redirect("/1"),
    "/round": redirect("/round"),
}


@dataclass(frozen=True)
class PictureHost:
    """The server, the resolver that knows it, and the guard through which a gateway reaches it."""

    server: Server
    names: Names
    guard: Guard

    def url(self, path: str, host: str = HOST) -> str:
        return self.server.url(path, host)


@asynccontextmanager
async def picture_host() -> AsyncIterator[PictureHost]:
    async with serving(ANSWERS, names=[HOST, "rebind.example.com"]) as server:
        known = names()
        yield PictureHost(server, known, Guard(known, is_allowed, client_tls(), 5.0))
