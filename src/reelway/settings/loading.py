"""Settings from the environment, and settings as texts for people, without their secrets."""

import os
from typing import Final
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import ValidationError
from sqlalchemy.engine import make_url

from reelway.settings import ENV_PREFIX, Settings, SettingsError

_SECRET_WORDS: Final = ("pass", "secret", "token", "key")
CLIENT_VARIABLES: Final = frozenset({"REELWAY_BASE_URL", "REELWAY_API_KEY"})
"""Variables that `reelway generate` reads; no settings of the gateway."""


def load_settings(**overrides: object) -> Settings:
    """The settings from the environment, `.env` and `overrides`, which win.

    Raises:
        SettingsError: a value is wrong, or a variable with our prefix is not known.
    """
    faults = [f"{name}: unknown setting" for name in _unknown_names()]
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as exc:
        for error in exc.errors(include_url=False, include_input=False):
            name, *within = (str(part) for part in error["loc"])
            where = f"{'.'.join(within)}: " if within and name != "roles" else ""
            faults.append(f"{ENV_PREFIX}{name.upper()}: {where}{error['msg'].removeprefix('Value error, ')}")
        raise SettingsError("\n".join(faults)) from exc
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def environment() -> dict[str, str]:
    """The environment and `.env`, for what `reelway.toml` refers to; the environment wins."""
    env_file = str(Settings.model_config.get("env_file"))
    return {name: value for name, value in dotenv_values(env_file).items() if value is not None} | dict(os.environ)


def _unknown_names() -> list[str]:
    """Variables with our prefix, of the environment or of `.env`, that are no setting."""
    env_file = str(Settings.model_config.get("env_file"))
    names = {name.upper() for name in (*os.environ, *dotenv_values(env_file))}
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields} | CLIENT_VARIABLES
    return sorted(name for name in names if name.startswith(ENV_PREFIX) and name not in known)


def shown(settings: Settings) -> dict[str, str]:
    """Every setting as text under its variable's name, secrets masked."""
    values = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if name == "roles":
            value = ",".join(sorted(value))
        elif name == "database_url":
            value = shown_database(settings)
        elif name == "storage_url":
            value = shown_storage(settings)
        elif name == "public_url":
            value = settings.base_url
        values[ENV_PREFIX + name.upper()] = "" if value is None else str(value)
    return values


def shown_database(settings: Settings) -> str:
    """The database's URL without its secrets, wherever in it they stand."""
    url = make_url(settings.database)
    secret = {name: "..." for name in url.query if any(word in name.lower() for word in _SECRET_WORDS)}
    return url.update_query_dict(secret).render_as_string(hide_password=True)


def shown_storage(settings: Settings) -> str:
    """The storage's URL without its secrets."""
    parts = urlsplit(settings.storage)
    netloc = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=netloc, query="..." if parts.query else "").geturl()
