"""Jobs that wait for the credential they were submitted with, because the configuration names another one now."""

import asyncio
from collections.abc import Mapping, Sequence

from sqlalchemy.exc import DBAPIError

from reelway.providers.config import ProviderConfig
from reelway.settings import Settings
from reelway.store import migrate
from reelway.store.attempts import pinned_tasks
from reelway.store.engine import DatabaseError, make_engines
from reelway.store.migrate import SchemaState


async def stranded_jobs(settings: Settings, configs: Sequence[ProviderConfig]) -> Mapping[str, int]:
    """How many unfinished jobs of each provider its credential cannot ask for; looks only, and says nothing of a
    database that is not there or not of this version."""
    return await asyncio.to_thread(_stranded, settings, {config.name: config for config in configs})


def stranded_words(count: int) -> str:
    jobs = "1 job waits" if count == 1 else f"{count} jobs wait"
    return f"{jobs} for the credential that submitted them; put it back, or they expire at their deadline"


def _stranded(settings: Settings, configs: Mapping[str, ProviderConfig]) -> Mapping[str, int]:
    engines = make_engines(settings.database, 1)
    try:
        if migrate.check_schema(engines).state is not SchemaState.CURRENT:
            return {}
        with engines.look.connect() as connection:
            found = pinned_tasks(connection)
    except (DatabaseError, DBAPIError):
        return {}
    finally:
        engines.dispose()
    stranded: dict[str, int] = {}
    for (provider, credential), count in found.items():
        config = configs.get(provider)
        if config is not None and config.credentials.fingerprint != credential:
            stranded[provider] = stranded.get(provider, 0) + count
    return stranded
