"""`reelway.toml`: which providers are configured, as a checked model. A wrong file stops the start.

Credentials stand in the environment, never in the file: a key that ends in `_env` names the variable.
"""

import hashlib
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, assert_never
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
)

from reelway.domain.generation import Mode, Product
from reelway.domain.media import MediaKind
from reelway.domain.public_url import is_callback_url
from reelway.domain.routing import BUILT_IN, Capability, Price, Tier
from reelway.providers.places import Place, line_of, name_of

FILE_BYTES_MAX: Final = 256 * 1024
PROVIDERS_MAX: Final = 64
RESERVED_NAMES: Final = frozenset({BUILT_IN})
"""The built-in engine's name; it is configured by settings, not in the file."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`line` counts from 1; None where the file as a whole is meant."""

    line: int | None
    field: str
    reason: str


class ConfigError(Exception):
    """The file is wrong: one line a fault, each with file, line, field and reason. It never holds a credential."""

    def __init__(self, file: str, faults: Collection[Fault]) -> None:
        assert faults
        self.file = file
        self.faults = tuple(faults)
        super().__init__("\n".join(self._told(fault) for fault in self.faults))

    @property
    def line(self) -> int | None:
        """Where the first fault is."""
        return self.faults[0].line

    @property
    def reason(self) -> str:
        """What the first fault is."""
        return self.faults[0].reason

    def _told(self, fault: Fault) -> str:
        place = self.file if fault.line is None else f"{self.file}:{fault.line}"
        return f"{place}: {fault.field}: {fault.reason}" if fault.field else f"{place}: {fault.reason}"


class Kind(StrEnum):
    """How a provider is spoken to; each has an adapter of the same name."""

    KLING = "kling"
    KLING_RELAY = "kling_relay"
    RIVYA = "rivya"
    APIXO = "apixo"
    OPENAI_VIDEOS = "openai_videos"


def _variable(value: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value) is None:
        raise ValueError("is not the name of an environment variable")
    if value.upper().startswith("REELWAY_"):
        raise ValueError("must not begin with REELWAY_, which names settings")
    return value


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or "@" in value:
        raise ValueError("must be an http or https URL without user, query and fragment")
    return value.rstrip("/")


class Form(StrEnum):
    """In which form a `/v1/videos` server takes a create."""

    MULTIPART = "multipart"
    JSON = "json"


class Extra(StrEnum):
    """Fields beyond the vendor's that a `/v1/videos` server may understand. Source: OpenAI Videos contract, 7.1."""

    LAST_FRAME = "last_frame"
    NEGATIVE_PROMPT = "negative_prompt"
    CFG_SCALE = "cfg_scale"
    SOUND = "sound"
    MULTI_SHOTS = "multi_shots"


Variable = Annotated[str, AfterValidator(_variable)]
_STRICT: Final = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class CapabilityConfig(BaseModel):
    """What a model can make here, where that is not what its kind of provider can usually make."""

    model_config = _STRICT

    products: frozenset[Product] = Field(frozenset(Product), min_length=1, description="text-to-video, image-to-video.")
    durations_s: frozenset[int] = Field(min_length=1, description="Whole seconds that a video may have.")
    aspect_ratios: frozenset[str] = Field(
        frozenset({"16:9", "9:16", "1:1"}), min_length=1, description="Of 16:9, 9:16 and 1:1."
    )
    modes: frozenset[Mode] = Field(frozenset({Mode.STD, Mode.PRO}), min_length=1, description="std, pro, 4k.")
    sound: bool = Field(False, description="Whether it can make sound.")
    multi_shots: bool = Field(False, description="Whether it can make several shots.")
    negative_prompt: bool = Field(False, description="Whether it takes a negative prompt.")
    last_frame: bool = Field(False, description="Whether it takes a last frame beside a start frame.")
    last_frame_alone: bool = Field(False, description="Whether it takes a last frame without a start frame.")
    cfg_scale: bool = Field(False, description="Whether it honours cfg_scale.")
    camera: bool = Field(False, description="Whether it takes camera moves.")
    voices: bool = Field(False, description="Whether it takes voices.")
    elements: bool = Field(False, description="Whether it takes elements.")
    masks: bool = Field(False, description="Whether it takes motion masks.")

    @property
    def capability(self) -> Capability:
        return Capability(reference_kinds=frozenset({MediaKind.IMAGE}), **self.model_dump())


class ModelConfig(BaseModel):
    """One card at one provider. The prices replace those of the provider for this card."""

    model_config = _STRICT

    name: str = Field(min_length=1, max_length=200, description="What the provider calls the model.")
    unit_microdollars: int | None = Field(default=None, ge=0, description="Price of a unit; default the provider's.")
    job_microdollars: int | None = Field(default=None, ge=0, description="Price of a job; default the provider's.")
    capability: CapabilityConfig | None = Field(default=None, description="What it can make here; default by kind.")


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key, or an access key with its secret key; none for a server that asks for none. Masked when printed."""

    api_key: SecretStr | None = None
    access_key: SecretStr | None = None
    secret_key: SecretStr | None = None

    @property
    def fingerprint(self) -> str:
        """Tells credentials apart without telling them; "none" where there are none.

        Of a pair only the access key counts: a new secret key for it leads to the same account.
        """
        told = self.access_key or self.api_key
        if told is None:
            return "none"
        return hashlib.sha256(b"reelway credential:" + told.get_secret_value().encode()).hexdigest()[:12]


def _model_of(value: object) -> object:
    """A bare name stands for a model of which nothing else is said."""
    return {"name": value} if isinstance(value, str) else value


class ProviderConfig(BaseModel):
    """One `[[providers]]` entry. Times are in seconds, prices in millionths of a US dollar."""

    model_config = _STRICT

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", description="Your name for it; jobs are tied to it.")
    kind: Kind = Field(description="How it is spoken to: kling, kling_relay, rivya, apixo, openai_videos.")
    base_url: Annotated[str, AfterValidator(_base_url)] = Field(description="Where it is, without the API's own path.")
    api_key_env: Variable | None = Field(default=None, description="Variable with the API key.")
    access_key_env: Variable | None = Field(
        default=None, description="Variable with the access key (kling, kling_relay)."
    )
    secret_key_env: Variable | None = Field(
        default=None, description="Variable with the secret key (kling, kling_relay)."
    )
    tier: Tier | None = Field(
        default=None, description="official or value; default official for kling, value for others."
    )
    allow_private: bool = Field(
        False, description="It may be http and on a private network, and so may the videos that it names."
    )
    models: Mapping[str, Annotated[ModelConfig, BeforeValidator(_model_of)]] = Field(
        default_factory=dict, description="Card = upstream name, or a table; default every card that the kind knows."
    )
    idempotent: bool = Field(
        False, description="It keeps to Idempotency-Key: a lost submit is asked again (rivya, apixo, openai_videos)."
    )
    can_cancel: bool = Field(False, description="It can stop a job (rivya, openai_videos).")
    form: Form = Field(Form.MULTIPART, description="Form of a create: multipart or json (openai_videos).")
    takes: frozenset[Extra] = Field(
        frozenset(),
        description="Fields that it understands beyond the vendor's (openai_videos): last_frame, negative_prompt, "
        "cfg_scale, sound, multi_shots.",
    )
    unit_microdollars: int = Field(0, ge=0, description="Price of a unit (Kling contract, section 14).")
    job_microdollars: int = Field(0, ge=0, description="Price of a job, whatever it makes.")
    concurrency_max: int = Field(5, ge=1, le=100_000, description="Jobs that it has at once.")
    requests_per_second_max: float = Field(10, gt=0, le=10_000, description="Requests a second, all kinds together.")
    connect_seconds: float = Field(10, gt=0, le=120, description="Deadline of a connection.")
    request_seconds: float = Field(30, gt=0, le=600, description="Deadline of a poll, a find, a cancel.")
    submit_seconds: float = Field(
        60, gt=0, le=600, description="Deadline of a submit; after it the outcome is unknown."
    )
    fetch_seconds: float = Field(600, gt=0, le=7_200, description="Deadline of one download of a video.")
    poll_seconds: float = Field(5, gt=0, le=600, description="Time between two polls of a job.")
    absent_after_seconds: float = Field(
        120, gt=0, le=3_600, description="A job that cannot be found this long after its submit was never made."
    )
    finds_by_reference: bool | None = Field(
        default=None, description="Whether it finds jobs by our id; default true for kling, false for kling_relay."
    )
    lists: bool | None = Field(default=None, description="Whether one call can tell of many jobs; default by kind.")
    unknown_window_seconds: float = Field(900, gt=0, description="How long an unanswered submit is looked for.")

    _credentials: Credentials = PrivateAttr(default_factory=Credentials)

    @property
    def credentials(self) -> Credentials:
        """Nothing in them where the file was loaded without an environment."""
        return self._credentials

    @property
    def route_tier(self) -> Tier:
        return self.tier or (Tier.OFFICIAL if self.kind is Kind.KLING else Tier.VALUE)

    def upstream_name(self, card: str) -> str | None:
        """What the provider calls the model of a card; None where the file does not say."""
        found = self.models.get(card)
        return None if found is None else found.name

    def model(self, card: str) -> ModelConfig | None:
        """What the file says of a card; None where it says nothing."""
        return self.models.get(card)

    def price_of(self, card: str) -> Price:
        found = self.model(card)
        unit = found.unit_microdollars if found is not None else None
        job = found.job_microdollars if found is not None else None
        return Price(self.unit_microdollars if unit is None else unit, self.job_microdollars if job is None else job)


def load_providers(
    path: Path, env: Mapping[str, str] | None, cards: Collection[str] | None = None
) -> tuple[ProviderConfig, ...]:
    """The providers of the file, in its order.

    `env`: where credentials are looked up; None leaves them out, for a process that calls no provider. `cards`: the
    catalogue's ids; models for others are refused, None checks nothing.

    Raises:
        ConfigError: the file cannot be read, is no TOML, breaks a rule of the model, or a credential is not there.
    """
    text = _text_of(path)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(path.name, [_syntax_fault(exc)]) from None  # its context may show a line of the file
    faults: list[tuple[Place, str]] = []
    try:
        providers = _File.model_validate(found).providers
    except ValidationError as exc:
        faults = [(error["loc"], error["msg"].removeprefix("Value error, ")) for error in exc.errors(include_url=False)]
        raise ConfigError(path.name, _faults_at(text, faults)) from None
    faults = [*_unfitting(providers, cards)]
    if not faults and env is not None:
        faults = [*_fill_credentials(providers, env)]
    if faults:
        raise ConfigError(path.name, _faults_at(text, faults))
    return tuple(providers)


class _File(BaseModel):
    model_config = _STRICT

    providers: list[ProviderConfig] = Field(default_factory=list, max_length=PROVIDERS_MAX)


def _text_of(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as exc:
        raise ConfigError(path.name, [Fault(None, "", exc.strerror or "cannot be read")]) from exc
    if len(raw) > FILE_BYTES_MAX:
        raise ConfigError(path.name, [Fault(None, "", f"larger than {FILE_BYTES_MAX} bytes")])
    try:
        return raw.decode()
    except UnicodeDecodeError as exc:
        line = raw[: exc.start].count(b"\n") + 1
        raise ConfigError(path.name, [Fault(line, "", "is not UTF-8")]) from exc


def _faults_at(text: str, faults: Collection[tuple[Place, str]]) -> list[Fault]:
    found = [Fault(line_of(text, place), name_of(text, place), reason) for place, reason in faults]
    return sorted(found, key=lambda fault: fault.line or 0)


def _syntax_fault(error: tomllib.TOMLDecodeError) -> Fault:
    reason = str(error)
    place = re.search(r" \(at line (\d+), column \d+\)$", reason)
    if place is None:
        return Fault(None, "", reason)
    return Fault(int(place[1]), "", reason[: place.start()])


# --- rules that pydantic does not know --------------------------------------------------------------------------------


def _unfitting(providers: Collection[ProviderConfig], cards: Collection[str] | None) -> Iterator[tuple[Place, str]]:
    names: set[str] = set()
    for number, provider in enumerate(providers):
        place: Place = ("providers", number)
        if provider.name in names or provider.name in RESERVED_NAMES:
            yield (*place, "name"), f"{provider.name} is taken"
        names.add(provider.name)
        if not is_callback_url(provider.base_url, provider.allow_private):
            yield (*place, "base_url"), "must be a public https URL, unless allow_private = true"
        for field, reason in (*_credential_faults(provider), *_option_faults(provider)):
            yield (*place, field), reason
        if provider.absent_after_seconds <= provider.submit_seconds:
            yield (*place, "absent_after_seconds"), "must be more than submit_seconds"
        if provider.kind is Kind.OPENAI_VIDEOS and not provider.models:
            yield (*place, "models"), "is needed for openai_videos"
        for card in provider.models:
            if cards is not None and card not in cards:
                yield (*place, "models", card), "is no card of the catalogue"


def _credential_faults(provider: ProviderConfig) -> Iterator[tuple[str, str]]:
    has_pair = provider.access_key_env is not None or provider.secret_key_env is not None
    match provider.kind:
        case Kind.KLING | Kind.KLING_RELAY:
            if provider.api_key_env is not None and has_pair:
                yield "api_key_env", "is not needed beside access_key_env and secret_key_env"
            elif provider.api_key_env is None and not has_pair:
                yield "api_key_env", "is needed, or access_key_env with secret_key_env"
            elif has_pair and provider.access_key_env is None:
                yield "access_key_env", "is needed with secret_key_env"
            elif has_pair and provider.secret_key_env is None:
                yield "secret_key_env", "is needed with access_key_env"
        case Kind.RIVYA | Kind.APIXO | Kind.OPENAI_VIDEOS:
            for field in ("access_key_env", "secret_key_env"):
                if getattr(provider, field) is not None:
                    yield field, f"is not for {provider.kind}"
            if provider.api_key_env is None and provider.kind is not Kind.OPENAI_VIDEOS:
                yield "api_key_env", "is needed"
        case _:
            assert_never(provider.kind)


_OPTIONS: Final[Mapping[str, frozenset[Kind]]] = {
    "idempotent": frozenset({Kind.RIVYA, Kind.APIXO, Kind.OPENAI_VIDEOS}),
    "can_cancel": frozenset({Kind.RIVYA, Kind.OPENAI_VIDEOS}),
    "form": frozenset({Kind.OPENAI_VIDEOS}),
    "takes": frozenset({Kind.OPENAI_VIDEOS}),
    "finds_by_reference": frozenset({Kind.KLING, Kind.KLING_RELAY}),
    "lists": frozenset({Kind.KLING, Kind.KLING_RELAY, Kind.RIVYA, Kind.OPENAI_VIDEOS}),
}
"""Options that mean something to some kinds only."""


def _option_faults(provider: ProviderConfig) -> Iterator[tuple[str, str]]:
    for field, kinds in _OPTIONS.items():
        if field in provider.model_fields_set and provider.kind not in kinds:
            yield field, f"is not for {provider.kind}"


def _fill_credentials(providers: Collection[ProviderConfig], env: Mapping[str, str]) -> Iterator[tuple[Place, str]]:
    for number, provider in enumerate(providers):
        values: dict[str, SecretStr] = {}
        for name in ("api_key", "access_key", "secret_key"):
            variable = getattr(provider, f"{name}_env")
            if variable is None:
                continue
            value = env.get(variable, "").strip()
            if not value or not all("!" <= character <= "~" for character in value):
                reason = "holds other than visible ASCII characters" if value else "is not set"
                yield ("providers", number, f"{name}_env"), f"the variable {variable} {reason}"
            values[name] = SecretStr(value)
        provider._credentials = Credentials(**values)
