"""From settings to a running gateway: the core, the worker, the server."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from reelway.catalog import load_catalog
from reelway.clock import Clock, SystemClock
from reelway.dialects.announce import Announcing
from reelway.dialects.apixo import APIXO
from reelway.dialects.base import Dialect, RenderContext
from reelway.dialects.kling import KLING
from reelway.dialects.openai_videos import OPENAI_VIDEOS
from reelway.dialects.rivya import RIVYA
from reelway.domain.catalog import Catalog
from reelway.domain.events import Announcer
from reelway.domain.public_url import IPAddress
from reelway.domain.routing import Offer
from reelway.front import BACKLOG, HttpServer, make_front, make_server
from reelway.gateway.account import FreshKey, create_account
from reelway.gateway.block_list import load_block_list
from reelway.gateway.content import PICTURES_FOLDER
from reelway.gateway.core import Core
from reelway.gateway.sessions import Tickets
from reelway.net import media, process
from reelway.net.guard import Guard
from reelway.net.media import MediaLimits
from reelway.net.objects import Objects
from reelway.net.post import Poster
from reelway.net.sealing import Sealer
from reelway.net.signing import Signer, kept_secret
from reelway.providers.animatic import farm
from reelway.providers.base import Provider
from reelway.server.limits import share_counts
from reelway.server.links import SignedLinks
from reelway.server.shell import UPLOADS_FOLDER, Shell, run_seconds
from reelway.settings import Role, Settings, SettingsError
from reelway.store.store import Store
from reelway.telemetry import failpoints
from reelway.wiring.providers import configured_offers, is_sandbox, make_providers
from reelway.worker.credentials import signing_certificate
from reelway.worker.health import HealthBook, health_policy
from reelway.worker.prepare import FETCHED_FOLDER
from reelway.worker.surroundings import Surroundings
from reelway.worker.worker import Worker

DIALECTS: Final = (RIVYA, APIXO, KLING, OPENAI_VIDEOS)
SECRET_FILE: Final = "secret.key"  # noqa: S105 - a file name

FORK_SERVER_MODULES: Final = (*media.FORK_SERVER_MODULES, *farm.PRELOAD)
"""Loaded once by the server that child processes are forked from, so that a child starts in milliseconds."""

process.preload(FORK_SERVER_MODULES)


class AddressError(Exception):
    """The address cannot be listened on."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What tests and benches may put in the place of the real thing: the clock, the network's edge, the providers."""

    clock: Clock = field(default_factory=SystemClock)
    guard: Guard = field(default_factory=Guard)
    offers: Callable[[Settings, Catalog], tuple[Offer, ...]] | None = None
    providers: Callable[[Core], Mapping[str, Provider]] | None = None
    dialects: Sequence[Dialect] = DIALECTS


@asynccontextmanager
async def open_core(settings: Settings, parts: Parts | None = None, base_url: str | None = None) -> AsyncIterator[Core]:
    """The use cases on an open store, without server or worker; what the command line works with.

    `base_url` is the public one, for links in what callers are told; None takes that of the settings.

    Raises:
        SettingsError, SecretError, CardError, ConfigError, ObjectsError, DatabaseError: the surroundings are wrong.
    """
    parts = parts or Parts()
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise SettingsError(f"REELWAY_DATA_DIR: {settings.data_dir.absolute()}: {exc.strerror}") from exc
    catalog = load_catalog(settings.catalog_dir)
    objects, block_list = Objects(settings.storage), load_block_list(settings.block_list_file)
    offers, secret = (parts.offers or configured_offers)(settings, catalog), _secret(settings)
    signer = Signer(secret)
    links = SignedLinks(base_url or settings.base_url, signer)
    store = await asyncio.to_thread(_open_store, settings, _announcer(parts.dialects, catalog, links, offers))
    try:
        yield Core(
            store=store,
            objects=objects,
            catalog=catalog,
            offers=offers,
            signer=signer,
            sealer=Sealer(secret),
            poster=_poster(settings, parts.guard),
            clock=parts.clock,
            settings=settings,
            media_limits=MediaLimits(
                pixels_max=settings.image_pixels_max, duration_s_max=float(settings.media_seconds_max)
            ),
            block_list=block_list,
            is_sandbox=is_sandbox(settings, offers),
        )
    finally:
        await store.aclose()


def _announcer(dialects: Sequence[Dialect], catalog: Catalog, links: SignedLinks, offers: Sequence[Offer]) -> Announcer:
    context = RenderContext(
        catalog=catalog,
        links=links,
        request_id="",
        spec=bytes,
        run_s=lambda generation: run_seconds(offers, generation),
    )
    return Announcing(dialects, context)


def _poster(settings: Settings, guard: Guard) -> Poster:
    if not settings.dangerous_allow_private_callbacks:
        return Poster(guard)
    return Poster(replace(guard, is_allowed=_any_address), allows_private=True)


def _any_address(_address: IPAddress) -> bool:
    return True


def _open_store(settings: Settings, announce: Announcer) -> Store:
    return Store.open(
        settings.database,
        threads=settings.database_threads,
        batch_max=settings.commit_batch_max,
        queue_max=settings.commit_queue_max,
        read_batch_max=settings.read_batch_max,
        announce=announce,
    )


def _secret(settings: Settings) -> bytes:
    """What everything is signed and sealed with."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    return kept_secret(settings.data_dir / SECRET_FILE)


@asynccontextmanager
async def open_worker(core: Core, parts: Parts) -> AsyncIterator[Worker]:
    """A worker with its providers; `run` it. Providers are closed at the end, which ends their processes."""
    assert isinstance(core.store, Store)
    async with AsyncExitStack() as stack:
        providers = parts.providers(core) if parts.providers else make_providers(core, parts.guard)
        core.credentials.update({name: provider.credential for name, provider in providers.items()})
        for provider in providers.values():
            stack.push_async_callback(provider.aclose)
        references = await stack.enter_async_context(parts.guard.client())
        around = Surroundings(
            store=core.store,
            objects=core.objects,
            catalog=core.catalog,
            providers=providers,
            references=references,
            poster=core.poster,
            sealer=core.sealer,
            clock=core.clock,
            settings=core.settings,
            media_limits=core.media_limits,
            health=HealthBook(core.store, core.clock, health_policy(core.settings)),
            certificate=await asyncio.to_thread(signing_certificate, core.settings),
        )
        yield Worker(around)


@dataclass(slots=True)
class Gateway:
    """A gateway that is ready to run. `fresh_key` is there when the first account has just been made."""

    core: Core
    base_url: str
    fresh_key: FreshKey | None
    shell: Shell | None
    tickets: Tickets
    _server: HttpServer | None
    _socket: socket.socket | None
    _worker: Worker | None

    async def run(self) -> None:
        """Serve and work until `stop`; returns when everything under way has ended or its time is over."""
        async with asyncio.TaskGroup() as group:
            if self._worker is not None:
                group.create_task(self._worker.run())
            sharing = None
            if self.shell is not None and self.core.store.is_shared:
                sharing = group.create_task(share_counts(self.shell.limiter, self.core.store))
            if self._server is not None and self._socket is not None:
                await self._server.serve(sockets=[self._socket])
                self.stop()
            if sharing is not None:
                sharing.cancel()

    def stop(self) -> None:
        """Take no new requests, end long waits, claim no more tasks. May be called again."""
        self.core.stopping.set()
        if self._server is not None:
            self._server.should_exit = True
        if self._worker is not None:
            self._worker.stop()


@asynccontextmanager
async def open_gateway(settings: Settings, parts: Parts | None = None) -> AsyncIterator[Gateway]:
    """A whole gateway in the roles of the settings, listening but not yet running.

    Raises:
        AddressError: the address cannot be listened on.
        SettingsError, SecretError, CertificateError, CardError, ConfigError, ObjectsError, DatabaseError: wrong.
    """
    parts = parts or Parts()
    failpoints.arm(settings.failpoint)
    async with AsyncExitStack() as stack:
        listening = _listen(settings) if Role.API in settings.roles else None
        if listening is not None:
            stack.callback(listening.close)
        base_url = _base_url(settings, listening)
        core = await stack.enter_async_context(open_core(settings, parts, base_url))
        _clean_work_folders(settings)
        fresh_key = await _bootstrap(core)
        worker = None
        if Role.WORKER in settings.roles:
            worker = await stack.enter_async_context(open_worker(core, parts))
        shell = server = None
        tickets = Tickets()
        if listening is not None:
            shell = Shell(core, base_url)
            server = make_server(make_front(shell, parts.dialects, base_url, tickets), settings)
        yield Gateway(core, base_url, fresh_key, shell, tickets, server, listening, worker)


def _listen(settings: Settings) -> socket.socket:
    """Raises: AddressError: the address is taken, not ours, or none."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off; without it every answer waits for an ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(BACKLOG)  # before the address is announced: who comes early waits instead of being refused
        listening.set_inheritable(False)
    except OSError as exc:
        listening.close()
        raise AddressError(f"{settings.host}:{settings.port}: {exc.strerror or exc}") from exc
    return listening


def _base_url(settings: Settings, listening: socket.socket | None) -> str:
    """The public base URL; with port 0 the port that the system chose."""
    if settings.public_url or listening is None:
        return settings.base_url
    return settings.model_copy(update={"port": listening.getsockname()[1]}).base_url


async def _bootstrap(core: Core) -> FreshKey | None:
    """Make the first account. The key is given back when it is ours to show: not when the operator named it."""
    settings = core.settings
    own_key = settings.bootstrap_key
    fresh = await create_account(
        core,
        "first account",
        settings.bootstrap_credits,
        secret=own_key.get_secret_value() if own_key is not None else None,
        only_first=True,
    )
    return None if own_key is not None else fresh


def _clean_work_folders(settings: Settings) -> None:
    """Delete what a killed process left half-way. Only files older than any request or download may be."""
    now_s = SystemClock().now_us() / 1e6
    oldest_s = now_s - max(settings.body_seconds_max, settings.reference_seconds_max) - 60
    for name in (UPLOADS_FOLDER, FETCHED_FOLDER, PICTURES_FOLDER):
        folder = settings.data_dir / name
        for path in folder.glob("*") if folder.is_dir() else ():
            if path.is_file() and path.stat().st_mtime < oldest_s:
                path.unlink(missing_ok=True)
