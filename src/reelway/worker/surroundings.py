"""What a worker works with."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from reelway.clock import Clock
from reelway.domain.catalog import Catalog
from reelway.domain.decide import Policy
from reelway.domain.routing import Offer
from reelway.net.certificate import SigningCertificate
from reelway.net.fetch import FetchLimits
from reelway.net.media import MediaLimits
from reelway.net.objects import Objects
from reelway.net.post import Poster
from reelway.net.sealing import Sealer
from reelway.providers.base import Provider
from reelway.settings import Settings
from reelway.store.store import Store
from reelway.worker.health import HealthBook


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`references` is the guarded client that fetches callers' URLs; `poster` tells callers what happened, and `sealer`
    opens the secrets that it signs with. `health` tells which providers may be asked. `marks`: one video is marked at a
    time, because that takes all cores. `looks`: a result for each core is decoded or signed at a time, since a child's
    deadline is in seconds of the wall: many at once would all miss it. References, which callers choose and which may
    take long on purpose, have `reference_looks`.
    `certificate` signs where videos came from; None: videos are kept as they come.
    """

    store: Store
    objects: Objects
    catalog: Catalog
    providers: Mapping[str, Provider]
    references: httpx.AsyncClient
    poster: Poster
    sealer: Sealer
    clock: Clock
    settings: Settings
    media_limits: MediaLimits
    health: HealthBook
    certificate: SigningCertificate | None = None
    marks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    looks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(max(2, os.cpu_count() or 1)))
    reference_looks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    @property
    def offers(self) -> Sequence[Offer]:
        return [provider.offer for provider in self.providers.values()]

    @property
    def policy(self) -> Policy:
        settings = self.settings
        return Policy(
            submit_tries_max=settings.submit_tries_max,
            store_tries_max=settings.store_tries_max,
            backoff_base_s=settings.backoff_base_seconds,
            backoff_max_s=settings.backoff_max_seconds,
            unknown_window_s=settings.unknown_window_seconds,
        )

    def work_folder(self, name: str) -> Path:
        """A folder below DATA_DIR for files under way."""
        folder = self.settings.data_dir / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def reference_limits(self, size_bytes_max: int) -> FetchLimits:
        return FetchLimits(size_bytes_max=size_bytes_max, deadline_s=self.settings.reference_seconds_max)
