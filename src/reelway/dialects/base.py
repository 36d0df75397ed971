"""What a dialect is: a table of operations, each with a function that reads the wire and one that writes it.

The server does everything else: authentication, limits, bodies, use cases, streams. It calls, in this order,
`own_file_urls`, `parse` and `render` of the operation, or the dialect's `render_error`.
"""

# What is made for every request is not frozen: a frozen dataclass sets each field through `object.__setattr__`, which
# takes three times as long, and these have many fields.

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

from reelway.domain.catalog import Catalog
from reelway.domain.errors import ReelwayError, UploadFault
from reelway.domain.events import Event
from reelway.domain.generation import Generation, Route
from reelway.domain.ids import FileId, is_file_id
from reelway.domain.intents import Attachment, Intent, View
from reelway.domain.records import KeptAnswer, Scope, StoredFile
from reelway.domain.task import Task

JSON_TYPE: Final = "application/json"


class BodyForm(StrEnum):
    """What an operation's request body is."""

    NONE = "none"
    JSON = "json"
    JSON_IF_ANY = "json_if_any"
    """JSON, or nothing at all."""
    MULTIPART = "multipart"
    ANY = "any"
    """JSON, multipart or urlencoded, as the caller likes."""


class RequestIds(StrEnum):
    """What a dialect's request ids look like: `req_` and 26 characters, or a UUID version 4."""

    ULID = "ulid"
    UUID = "uuid"


@dataclass(frozen=True, slots=True)
class ModelAlias:
    """Another name of a model, with values that it fixes (names of `Generation`'s fields)."""

    model: str
    fixed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file part, spooled to `path`. `sha256` is hexadecimal."""

    field: str
    filename: str
    path: Path
    size_bytes: int
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[FormFile, ...] = ()


@dataclass(frozen=True, slots=True)
class RawAttachment:
    """An image that came inside a request: its bytes, or a file part. `field` is where problems of it are told."""

    field: str
    data: bytes | FormFile


@dataclass(slots=True)
class WireRequest:
    """A request after the server has read it. Header names are lower case; `body` is the decoded JSON object, None
    where a form came."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None = None
    form: Form = field(default_factory=Form)


@dataclass(slots=True)
class WireAnswer:
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    media_type: str = JSON_TYPE


class Links(Protocol):
    """Addresses that the gateway gives out, signed by the server's key."""

    def video_url(self, task: Task) -> str:
        """Of a succeeded task."""
        ...

    def watermark_url(self, task: Task) -> str:
        """Of a succeeded task that asked for a marked video."""
        ...

    def file_url(self, file: StoredFile) -> str: ...

    def duration_token(self, file: StoredFile) -> str | None:
        """For video and audio files."""
        ...


@dataclass(slots=True)
class ParseContext:
    """What parsing may know of the world.

    `own_files` has an entry for every URL that `own_file_urls` named: the caller's live file, or None.
    `holds_duration` tells whether a duration token is genuine, in force, and belongs to the file.
    `answer_of` renders the answer to a create, to be kept for repeats.
    `attachments` has an entry for every image that the operation's `attachments` named: what it is, or what is wrong.
    `own_files_by_id` holds the caller's live files among those that the operation's `file_ids` named.
    `model_aliases` are the operator's other names of models; `allows_private_callbacks` is the operator's setting.
    `serves_route` tells whether a provider of that route is configured for the model.
    """

    catalog: Catalog
    available_models: frozenset[str]
    file_base_url: str
    own_files: Mapping[str, StoredFile | None]
    holds_duration: Callable[[str, StoredFile], bool]
    answer_of: Callable[[Task], KeptAnswer]
    serves_route: Callable[[str, Route], bool]
    attachments: Mapping[str, Attachment | UploadFault] = field(default_factory=dict)
    own_files_by_id: Mapping[str, StoredFile] = field(default_factory=dict)
    model_aliases: Mapping[str, ModelAlias] = field(default_factory=dict)
    allows_private_callbacks: bool = False


@dataclass(slots=True)
class RenderContext:
    """What rendering may know of the world. `spec` gives the dialect's machine-readable description; `run_s` how many
    seconds a generation is expected to take from submit to result."""

    catalog: Catalog
    links: Links
    request_id: str
    spec: Callable[[], bytes]
    run_s: Callable[[Generation], float]


Parse = Callable[[WireRequest, ParseContext], Intent]
Render = Callable[[View, RenderContext], WireAnswer]


def _no_urls(_request: WireRequest) -> tuple[str, ...]:
    return ()


def _no_attachments(_request: WireRequest) -> tuple[RawAttachment, ...]:
    return ()


def _any_path(_path: Mapping[str, str], _catalog: Catalog, _available: frozenset[str]) -> None:
    pass


def _no_limit(_fields: Mapping[str, str], _catalog: Catalog) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint. `scope` None: no key is needed, and one that comes is ignored.

    `urls` names the texts of a request that may be addresses of our own files, `file_ids` those that may be their ids,
    `attachments` the images that it brings along. `file_bytes_max` gives the size limit of a file part from the form
    fields that came before it. `body_bytes_max` None: the setting; for a form it counts the whole body.
    `check_path` raises for a path that names nothing, before the body is looked at. `is_paced`: an account may call it
    once a second.
    """

    name: str
    method: str
    path: str
    scope: Scope | None
    parse: Parse
    render: Render
    body: BodyForm = BodyForm.NONE
    takes_idempotency_key: bool = False
    body_bytes_max: int | None = None
    is_paced: bool = False
    check_path: Callable[[Mapping[str, str], Catalog, frozenset[str]], None] = _any_path
    attachments: Callable[[WireRequest], tuple[RawAttachment, ...]] = _no_attachments
    file_ids: Callable[[WireRequest], tuple[str, ...]] = _no_urls
    urls: Callable[[WireRequest], tuple[str, ...]] = _no_urls
    file_bytes_max: Callable[[Mapping[str, str], Catalog], int] = _no_limit

    @property
    def looks_around(self) -> bool:
        """Whether parsing needs to know of files: uploaded ones, or images inside the request."""
        return self.urls is not _no_urls or self.file_ids is not _no_urls or self.attachments is not _no_attachments


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API that we serve: every path below one of `prefixes` is its own.

    `takes_tokens`: a signed token (JWT) may stand in the place of a key. `takes_trailing_slash`: `/x/` is `/x`.
    `render_callback` is the body of a callback about a task in its present state, without what belongs to an answer.
    `unsupported_paths` are those that the vendor has and we do not: whatever the method, `NotFoundError("endpoint")`.
    `render_webhook` is what webhook endpoints are sent about a task that has ended; one dialect words it for all.
    """

    name: str
    prefixes: tuple[str, ...]
    operations: tuple[Operation, ...]
    answer_to_create: Callable[[Task, RenderContext], KeptAnswer]
    render_error: Callable[[ReelwayError, str, Catalog], WireAnswer]
    render_event: Callable[[Task, RenderContext], bytes] | None = None
    make_spec: Callable[[Catalog], bytes] | None = None
    render_callback: Callable[[Task, RenderContext], bytes] | None = None
    render_webhook: Callable[[Event, Task, RenderContext], bytes] | None = None
    request_ids: RequestIds = RequestIds.ULID
    takes_tokens: bool = False
    takes_trailing_slash: bool = False
    unsupported_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileAddress:
    """The parts of one of our file URLs: `<file_base_url>/<file_id>/<token>`."""

    file_id: FileId
    token: str


def file_address(url: str, file_base_url: str) -> FileAddress | None:
    """The parts of a URL below our file address; None where it is not one of ours or is incomplete."""
    if not is_own_url(url, file_base_url):
        return None
    file_id, _, token = url.removeprefix(f"{file_base_url}/").partition("/")
    return FileAddress(FileId(file_id), token) if is_file_id(file_id) and token else None


def is_own_url(url: str, file_base_url: str) -> bool:
    return url.startswith(f"{file_base_url}/")
