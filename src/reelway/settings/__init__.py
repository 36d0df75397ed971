"""Every knob of the gateway: environment variables with the prefix `REELWAY_`, or the same lines in a file `.env`.

The unit stands in the name. An unknown variable is refused, so that a misspelt limit never goes unnoticed.
"""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from reelway.domain.generation import PUBLIC_ROUTES, Mode, Route

ENV_PREFIX: Final = "REELWAY_"
MIB: Final = 1024 * 1024
KEY_LENGTH_MAX: Final = 256
DEFAULT_CONFIG_FILE: Final = Path("reelway.toml")


class SettingsError(Exception):
    """The configuration is wrong; the message has one line a fault, each with the variable's name."""


class Marking(StrEnum):
    """Whether kept videos are marked as made by a machine. `required`: one that cannot be is not kept."""

    OFF = "off"
    ON = "on"
    REQUIRED = "required"


class Role(StrEnum):
    API = "api"
    WORKER = "worker"


def _is_visible_ascii(text: str) -> bool:
    return all("!" <= character <= "~" for character in text)


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",  # other programs' lines in `.env`; ours are checked by `load_settings`
        frozen=True,
    )

    # where things are
    data_dir: Path = Field(Path("reelway-data"), description="Folder for the database, objects and work files.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8787, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str = Field("", description="Base URL that callers see; default http://HOST:PORT.")
    database_url: str = Field(
        "", description="SQLAlchemy URL, SQLite or PostgreSQL; default a SQLite file in DATA_DIR."
    )
    storage_url: str = Field(
        "", description="file:///folder, s3://bucket/prefix, gs:// or az://; default DATA_DIR/objects."
    )
    config_file: Path | None = Field(
        None, description="File that names providers; default reelway.toml in the working folder, if it is there."
    )
    catalog_dir: Path | None = Field(None, description="Folder with model cards of your own, beside the built-in ones.")
    secret_key: SecretStr | None = Field(
        None, min_length=32, description="Signs URLs and tokens; default made once and kept in DATA_DIR/secret.key."
    )
    roles: Annotated[frozenset[Role], NoDecode] = Field(
        frozenset({Role.API, Role.WORKER}), description="What this process does: api, worker, or both."
    )
    trusted_proxies: str = Field(
        "127.0.0.1", description="Addresses or networks whose X-Forwarded-For is believed, comma-separated."
    )

    # first start
    bootstrap_key: SecretStr | None = Field(
        None, description="Make a first account with this very API key, if it is new."
    )
    bootstrap_credits: int = Field(1_000, ge=0, le=10**12, description="Credits granted to the bootstrap account.")

    # limits toward callers
    api_enabled: bool = Field(True, description="False answers every call with 503: the public API is switched off.")
    requests_per_minute_max: int = Field(
        10_000, ge=1, le=10**9, description="Requests a minute and account, all dialects."
    )
    unfinished_tasks_max: int = Field(1_000, ge=1, le=10**9, description="Unfinished tasks an account, all dialects.")
    json_body_bytes_max: int = Field(MIB, ge=1024, le=256 * MIB, description="Largest JSON body.")
    image_pixels_max: int = Field(
        50_000_000, ge=1, le=50_000_000, description="Pixels an uploaded or fetched image may have."
    )
    media_seconds_max: int = Field(600, ge=1, le=86_400, description="Length an uploaded video or audio file may have.")
    streams_max: int = Field(
        2_000, ge=1, le=10**6, description="Long polls and event streams held open at once in a process."
    )
    stream_seconds_max: int = Field(900, ge=1, le=86_400, description="An event stream is closed after this time.")
    stream_keepalive_seconds: float = Field(
        15, gt=0, le=3_600, description="A comment line goes out this often on a quiet stream."
    )
    body_seconds_max: float = Field(120, gt=0, le=86_400, description="Time a caller may take to send a request body.")

    # life of things
    task_deadline_seconds: int = Field(
        3_600, ge=1, le=31_536_000, description="A task without a result expires after this time."
    )
    result_retention_days: float = Field(15, gt=0, le=36_500, description="Results are kept this long after success.")
    file_retention_days: float = Field(7, gt=0, le=36_500, description="Uploaded files are kept this long.")
    task_retention_days: float = Field(180, gt=0, le=36_500, description="Task records are kept this long.")
    event_retention_days: float = Field(30, gt=0, le=36_500, description="Events are kept this long.")
    idempotency_hours: float = Field(24, gt=0, le=87_600, description="An Idempotency-Key is remembered this long.")

    # worker
    lease_seconds: float = Field(30, ge=1, le=3_600, description="A worker that is silent this long loses its tasks.")
    worker_steps_max: int = Field(64, ge=1, le=10_000, description="Task steps under way at once in a process.")
    jobs_held_max: int = Field(
        20_000, ge=1, le=1_000_000, description="Jobs at providers that a process looks after at once."
    )
    worker_poll_seconds: float = Field(
        0.25, gt=0, le=10, description="How often the queue is looked at when nothing wakes us."
    )
    sweep_seconds: float = Field(
        5, gt=0, le=3_600, description="How often lost leases and ended retentions are looked for."
    )
    shutdown_grace_seconds: float = Field(25, ge=0, le=86_400, description="Time for running steps to end at a stop.")
    submit_tries_max: int = Field(5, ge=1, le=1_000, description="Attempts to submit a task to a provider.")
    store_tries_max: int = Field(6, ge=1, le=1_000, description="Attempts to copy a result.")
    backoff_base_seconds: float = Field(1, gt=0, le=3_600, description="First delay between tries; doubles each time.")
    backoff_max_seconds: float = Field(60, gt=0, le=86_400, description="Longest delay between tries.")
    unknown_window_seconds: float = Field(
        900, gt=0, le=604_800, description="How long an unanswered submit is looked for."
    )
    reconcile_hours: float = Field(
        24, ge=0, le=8_760, description="How long a job that was given up is looked for, so that its cost is known."
    )
    reference_seconds_max: float = Field(30, gt=0, le=3_600, description="Deadline of one reference download.")
    result_bytes_max: int = Field(2_048 * MIB, ge=MIB, le=1_048_576 * MIB, description="Largest result that is copied.")
    evidence_results_max: int = Field(
        20, ge=0, le=10_000, description="Results that were not as promised, kept in DATA_DIR/evidence; the newest."
    )
    deliveries_max: int = Field(64, ge=1, le=4_096, description="Webhook and callback receivers served at once.")
    deliveries_failing_max: int = Field(
        64, ge=1, le=4_096, description="Receivers whose last attempt failed that are tried again at once."
    )

    # routing and health
    default_route: Route = Field(
        Route.AUTO, description="Route where neither request nor key says: auto, value, official."
    )
    health_window_seconds: float = Field(
        120, ge=1, le=86_400, description="For how long what was seen of a provider counts."
    )
    health_observations_min: int = Field(
        5, ge=1, le=10_000, description="Fewer in the window say nothing of a provider."
    )
    health_error_share_max: float = Field(
        0.5, gt=0, le=1, description="This share of faults opens a provider's circuit."
    )
    health_slow_submit_seconds: float = Field(
        20, gt=0, le=600, description="Slower providers rank behind others of their tier."
    )
    health_share_seconds: float = Field(
        2, gt=0, le=60, description="How often workers tell each other which circuits are open."
    )
    circuit_open_seconds: float = Field(
        30, gt=0, le=86_400, description="First time that a circuit stays open; doubles each time."
    )
    circuit_open_seconds_max: float = Field(
        900, gt=0, le=604_800, description="Longest time that a circuit stays open."
    )
    block_list_file: Path | None = Field(
        None, description="Regular expressions, one a line, that no text of a request may match."
    )

    # animatic engine
    animatic_enabled: bool = Field(True, description="Whether the built-in engine serves tasks.")
    animatic_slots: int = Field(0, ge=0, le=256, description="Renders at once; 0 takes half of the processor cores.")
    animatic_captions: bool = Field(True, description="Show the prompt in the picture.")
    animatic_slate: bool = Field(False, description="Show the number of each shot in a video of several.")
    animatic_seconds_max: float = Field(600, gt=0, le=86_400, description="A render is stopped after this time.")
    animatic_memory_mib_max: int = Field(3_072, ge=512, le=1_048_576, description="Address space of one render.")

    # marks of origin
    content_credentials: Marking = Field(
        Marking.ON,
        description="Mark videos as made by a machine (C2PA, IPTC): on, off, or required, which keeps none without.",
    )
    content_credentials_cert_file: Path | None = Field(
        None, description="Certificates in PEM, the signer's first; default made at the first start, kept in DATA_DIR."
    )
    content_credentials_key_file: Path | None = Field(
        None, validate_default=True, description="The key of the first of them, in PEM."
    )

    sandbox: bool | None = Field(
        None,
        description="Directives in prompts steer the built-in engine; default: on without a real provider.",
    )

    # dialects
    openai_model_aliases: dict[str, dict[str, bool | int | float | str]] = Field(
        {
            name: {"model": "kling-3-0"}
            for name in (
                "sora-2",
                "sora-2-2025-10-06",
                "sora-2-2025-12-08",
                "sora-2-pro",
                "sora-2-pro-2025-10-06",
            )
        },
        description='Names that OpenAI clients send, as JSON: {"sora-2": {"model": "kling-3-0", "sound": true}}.',
    )
    dangerous_allow_private_callbacks: bool = Field(
        False, description="Callback and webhook URLs may be http and lead to private addresses. For development."
    )

    # console
    console_enabled: bool = Field(True, description="Serve the console at /console and the contract pages at /docs.")
    console_session_hours: float = Field(
        168, gt=0, le=8_760, description="A session of the console ends after this time."
    )
    console_idle_hours: float = Field(24, gt=0, le=8_760, description="A session that is not used so long ends.")
    console_sign_ins_per_minute_max: int = Field(
        10, ge=1, le=10_000, description="Attempts to sign in to the console, a minute and address."
    )
    console_spend_days_max: int = Field(
        10_000, ge=100, le=10**6, description="Days of accounts whose charges the console keeps added up in memory."
    )
    console_form_bytes_max: int = Field(256 * 1024, ge=1024, le=MIB, description="Largest form that the console reads.")

    # store
    commit_batch_max: int = Field(256, ge=1, le=10_000, description="Writes that share one commit.")
    commit_queue_max: int = Field(
        20_000, ge=1, le=10**7, description="Writes that may wait; more are refused with 503."
    )
    read_batch_max: int = Field(256, ge=1, le=5_000, description="Reads that share one query.")
    database_threads: int = Field(2, ge=1, le=64, description="Threads for reads, and for writes on PostgreSQL.")

    # logs and tests
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is logged.")
    log_format: Literal["console", "json"] = Field("console", description="Lines for people or for machines.")
    failpoint: str = Field("", description="For crash tests: the named point at which the process kills itself.")

    @field_validator("roles", mode="before")
    @classmethod
    def _split_roles(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("roles")
    @classmethod
    def _some_role(cls, value: frozenset[Role]) -> frozenset[Role]:
        if not value:
            raise ValueError("at least one of: api, worker")
        return value

    @field_validator("bootstrap_key")
    @classmethod
    def _plain_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            key = value.get_secret_value()
            if not 16 <= len(key) <= KEY_LENGTH_MAX or not _is_visible_ascii(key):
                raise ValueError(f"a key has 16 to {KEY_LENGTH_MAX} visible ASCII characters")
        return value

    @field_validator("openai_model_aliases")
    @classmethod
    def _known_alias_values(
        cls, value: dict[str, dict[str, bool | int | float | str]]
    ) -> dict[str, dict[str, bool | int | float | str]]:
        for name, alias in value.items():
            if "model" not in alias:
                raise ValueError(f"{name} needs a model")
            for key, fixed in alias.items():
                if not _is_alias_value(key, fixed):
                    raise ValueError(f"{name}: {key} cannot be set to {fixed!r}")
        return value

    @field_validator("public_url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("must be an http or https URL without query and fragment")
        return value.rstrip("/")

    @field_validator("default_route")
    @classmethod
    def _public_route(cls, value: Route) -> Route:
        if value not in PUBLIC_ROUTES:
            raise ValueError(f"must be one of {', '.join(PUBLIC_ROUTES)}")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if not value:
            return value
        try:
            url = make_url(value)
        except ArgumentError as exc:
            raise ValueError("is not a database URL") from exc
        if url.drivername in ("postgres", "postgresql"):
            url = url.set(drivername="postgresql+psycopg")
        if url.drivername not in ("sqlite", "postgresql+psycopg"):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
            raise ValueError("a database in memory would lose tasks and money; name a file")
        return url.render_as_string(hide_password=False)

    @field_validator("storage_url")
    @classmethod
    def _known_storage(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("file", "s3", "gs", "az"):
            raise ValueError("must begin with file:///, s3://, gs:// or az://")
        return value

    @field_validator("worker_poll_seconds")
    @classmethod
    def _heartbeat_fits(cls, value: float, info: ValidationInfo) -> float:
        if "lease_seconds" in info.data and value > info.data["lease_seconds"] / 3:
            raise ValueError(f"must be at most a third of {ENV_PREFIX}LEASE_SECONDS")
        return value

    @field_validator("content_credentials_key_file")
    @classmethod
    def _goes_with_a_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if (value is None) != (info.data.get("content_credentials_cert_file") is None):
            raise ValueError(f"goes together with {ENV_PREFIX}CONTENT_CREDENTIALS_CERT_FILE")
        return value

    @field_validator("task_retention_days")
    @classmethod
    def _outlives_its_result(cls, value: float, info: ValidationInfo) -> float:
        """A result is found through its task's row: without the row its bytes would stay for ever."""
        if "result_retention_days" in info.data and value < info.data["result_retention_days"]:
            raise ValueError(f"must be at least {ENV_PREFIX}RESULT_RETENTION_DAYS")
        return value

    # what follows from the above
    @property
    def base_url(self) -> str:
        """The public base URL, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'reelway.db'}"

    @property
    def storage(self) -> str:
        return self.storage_url or (self.data_dir.absolute() / "objects").as_uri()

    @property
    def providers_file(self) -> Path | None:
        """The file that names providers, if there is to be one."""
        if self.config_file is not None:
            return self.config_file
        return DEFAULT_CONFIG_FILE if DEFAULT_CONFIG_FILE.is_file() else None

    @property
    def render_slots(self) -> int:
        return self.animatic_slots or max(1, (os.cpu_count() or 1) // 2)


def _is_alias_value(key: str, value: bool | int | float | str) -> bool:
    """Whether an alias may set this: its model, or a value that holds for every request by its name."""
    match key:
        case "model" | "negative_prompt":
            return isinstance(value, str)
        case "mode":
            return value in tuple(Mode)
        case "sound" | "multi_shots":
            return isinstance(value, bool)
        case "cfg_scale":
            return not isinstance(value, bool | str) and 0 <= value <= 1
        case _:
            return False
