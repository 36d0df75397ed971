"""The composition root: from settings to a running gateway. The only place that knows concrete classes."""

from reelway.wiring.gateway import (
    DIALECTS,
    FORK_SERVER_MODULES,
    SECRET_FILE,
    AddressError,
    Gateway,
    Parts,
    open_core,
    open_gateway,
    open_worker,
)
from reelway.wiring.providers import configured_offers, configured_providers

__all__ = [
    "DIALECTS",
    "FORK_SERVER_MODULES",
    "SECRET_FILE",
    "AddressError",
    "Gateway",
    "Parts",
    "configured_offers",
    "configured_providers",
    "open_core",
    "open_gateway",
    "open_worker",
]
