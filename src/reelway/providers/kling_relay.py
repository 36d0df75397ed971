"""Gateways that serve `/kling/v1/...`: the Kling protocol behind somebody else's account, models and reply dialect.

Most do not keep our `external_task_id`: there a job that is not found may exist all the same, so nothing is submitted
again. `finds_by_reference = true` says that a gateway does keep it, as Reelway itself does.
"""

from typing import Final

from reelway.net.guard import Guard
from reelway.providers.config import ProviderConfig
from reelway.providers.kling import KlingProvider
from reelway.providers.kling_replies import read_relay, relay_job
from reelway.providers.remote import Surroundings

PREFIX: Final = "/kling"


class KlingRelayProvider(KlingProvider):
    """Fulfils `providers.base.Provider`."""

    def __init__(self, config: ProviderConfig, guard: Guard, around: Surroundings) -> None:
        super().__init__(
            config, guard, around, read=read_relay, read_job=relay_job, prefix=PREFIX, finds_by_reference=False
        )
