"""Providers from the settings and the file that names them: what they can do, and their adapters."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from reelway.domain.catalog import Catalog
from reelway.domain.ids import TaskId
from reelway.domain.public_url import public_url_problem
from reelway.domain.routing import Offer
from reelway.gateway.core import Core
from reelway.net.guard import Guard
from reelway.providers.animatic.farm import RenderFarm
from reelway.providers.animatic.provider import NAME as ANIMATIC
from reelway.providers.animatic.provider import AnimaticProvider, Folders, animatic_offer
from reelway.providers.base import Provider
from reelway.providers.config import ProviderConfig, load_providers
from reelway.providers.kinds import remote_offer, remote_provider
from reelway.providers.remote import Surroundings
from reelway.providers.sandbox import SandboxProvider
from reelway.server.links import HOOKS_PATH
from reelway.settings import ENV_PREFIX, MIB, Settings, SettingsError
from reelway.settings.loading import environment

_RENDERS_FOLDER: Final = "renders"
_INPUTS_FOLDER: Final = "render-inputs"


def is_sandbox(settings: Settings, offers: Sequence[Offer]) -> bool:
    """Directives are for a gateway that only plays: not for one with a provider that costs money."""
    if settings.sandbox is not None:
        return settings.sandbox
    return all(offer.provider == ANIMATIC for offer in offers)


def configured_offers(settings: Settings, catalog: Catalog) -> tuple[Offer, ...]:
    """What the configured providers can do; also known to a process that runs no worker and holds no credentials.

    Raises:
        ConfigError: the file that names providers is wrong.
        SettingsError: directives are to steer a gateway whose providers cost money.
    """
    remote = tuple(remote_offer(config, catalog) for config in configured_providers(settings, catalog, None))
    if remote and settings.sandbox:
        raise SettingsError(f"{ENV_PREFIX}SANDBOX: must not be on while providers are configured")
    if not settings.animatic_enabled:
        return remote
    return animatic_offer(catalog, settings.render_slots, is_alone=not remote), *remote


def configured_providers(
    settings: Settings, catalog: Catalog, env: Mapping[str, str] | None
) -> tuple[ProviderConfig, ...]:
    """The entries of the file that names providers; nothing without one. Raises: ConfigError."""
    file = settings.providers_file
    return () if file is None else load_providers(file, env, {card.id for card in catalog})


def make_providers(core: Core, guard: Guard) -> Mapping[str, Provider]:
    """Every configured provider, ready to be called. Raises: ConfigError: a credential is not there."""
    settings = core.settings
    providers: dict[str, Provider] = {}
    for offer in core.offers:
        if offer.provider == ANIMATIC:
            providers[ANIMATIC] = _animatic(core, offer)
    around = Surroundings(
        catalog=core.catalog,
        objects=core.objects,
        clock=core.clock,
        result_bytes_max=settings.result_bytes_max,
        public_url=settings.base_url,
        file_token=core.signer.file_token,
        hook_url=_hook_url(core),
    )
    for config in configured_providers(settings, core.catalog, environment()):
        providers[config.name] = remote_provider(config, guard, around)
    return providers


def _animatic(core: Core, offer: Offer) -> Provider:
    settings = core.settings
    folders = Folders(settings.data_dir / _RENDERS_FOLDER, settings.data_dir / _INPUTS_FOLDER)
    renders = RenderFarm(
        folders.renders,
        slots=offer.slots,
        deadline_s=settings.animatic_seconds_max,
        memory_bytes_max=settings.animatic_memory_mib_max * MIB,
    )
    engine = AnimaticProvider(
        offer, renders, core.objects, folders, captions=settings.animatic_captions, slate=settings.animatic_slate
    )
    return SandboxProvider(engine, core.clock) if core.is_sandbox else engine


def _hook_url(core: Core) -> Callable[[str, TaskId], str] | None:
    """Where a provider may tell us of a job: only at a public address of ours, for it comes from outside."""
    base_url = core.settings.public_url
    if public_url_problem(base_url) is not None:
        return None
    return lambda provider, task_id: (
        f"{base_url}{HOOKS_PATH}/{provider}/{task_id}/{core.signer.hook_token(provider, task_id)}"
    )
