"""Object storage behind one API: a local folder, S3, Google Cloud Storage or Azure, by URL. Keeps results and files."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

_CHUNK_BYTES: Final = 256 * 1024
_PROBE_NAME: Final = "probe/reelway"


class ObjectsError(Exception):
    """The storage refused or could not be reached. `is_full`: there is no room left."""

    def __init__(self, reason: str, *, is_full: bool = False) -> None:
        self.is_full = is_full
        super().__init__(reason)


class ObjectMissingError(Exception):
    """There is no object with this name."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    size_bytes: int
    etag: str


class Objects:
    """The objects of one storage URL. Names are relative paths such as `results/<task>/video.mp4`.

    Raises:
        ObjectsError: (any method) the storage does not do what it should.
    """

    def __init__(self, url: str) -> None:
        self._folder: Path | None = None
        try:
            if urlsplit(url).scheme == "file":
                self._folder = Path(unquote(urlsplit(url).path))
                self._folder.mkdir(parents=True, exist_ok=True)
                self._store: obstore.store.ObjectStore = LocalStore(self._folder, automatic_cleanup=True)
            else:
                self._store = from_url(url)
        except (OSError, ValueError, BaseError) as exc:
            raise ObjectsError(f"STORAGE_URL: {_first_line(exc)}") from exc

    async def put_file(self, name: str, path: Path, mime_type: str) -> None:
        """Keep a file's content under the name; when this returns it is durable. Replaces what was there."""
        attributes = None if self._folder else {"Content-Type": mime_type}  # a folder has no room for attributes
        try:
            with path.open("rb") as file:
                await obstore.put_async(self._store, name, file, attributes=attributes)
            if self._folder is not None:
                await asyncio.to_thread(_sync, self._folder / name)
        except (OSError, BaseError) as exc:
            raise _told(exc) from exc

    async def head(self, name: str) -> ObjectInfo:
        """Raises: ObjectMissingError: there is no such object."""
        try:
            meta = await obstore.head_async(self._store, name)
        except FileNotFoundError as exc:
            raise ObjectMissingError(name) from exc
        except (OSError, BaseError) as exc:
            raise _told(exc) from exc
        return ObjectInfo(meta["size"], (meta["e_tag"] or "").strip('"'))

    async def stream(self, name: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes `start` up to but without `end`, in pieces. Raises: ObjectMissingError: there is no such object."""
        try:
            answer = await obstore.get_async(self._store, name, options={"range": (start, end)})
            async for piece in answer.stream(min_chunk_size=_CHUNK_BYTES):
                yield bytes(piece)
        except FileNotFoundError as exc:
            raise ObjectMissingError(name) from exc
        except (OSError, BaseError) as exc:
            raise _told(exc) from exc

    async def copy_to(self, name: str, path: Path) -> None:
        """Write the whole object into a new file. Raises: ObjectMissingError: there is no such object."""
        info = await self.head(name)
        with path.open("wb") as file:
            async for piece in self.stream(name, 0, info.size_bytes):
                await asyncio.to_thread(file.write, piece)

    def local_path(self, name: str) -> Path | None:
        """Where an object lies, if the storage is a folder of this machine; it may be read, never written."""
        return None if self._folder is None else self._folder / name

    async def delete(self, names: Iterable[str]) -> None:
        """Delete objects; one that is not there is no fault."""
        for name in names:
            try:
                await obstore.delete_async(self._store, name)
            except FileNotFoundError:
                continue
            except (OSError, BaseError) as exc:
                raise _told(exc) from exc

    async def folders(self, prefix: str) -> list[str]:
        """Names of the folders right below `prefix`, which is a folder's name too."""
        try:
            listed = await obstore.list_with_delimiter_async(self._store, prefix)
        except FileNotFoundError:
            return []
        except (OSError, BaseError) as exc:
            raise _told(exc) from exc
        return [str(path).rpartition("/")[2] for path in listed["common_prefixes"]]

    async def delete_folder(self, prefix: str) -> None:
        """Delete every object below `prefix`."""
        try:
            async for listed in obstore.list(self._store, f"{prefix}/"):
                await self.delete(item["path"] for item in listed)
        except FileNotFoundError:
            return
        except (OSError, BaseError) as exc:
            raise _told(exc) from exc

    async def check(self) -> None:
        """Write, read and delete a small object, to find out whether the storage works."""
        try:
            await obstore.put_async(self._store, _PROBE_NAME, b"reelway")
            answer = await obstore.get_async(self._store, _PROBE_NAME)
            if bytes(await answer.bytes_async()) != b"reelway":
                raise ObjectsError("the storage gave other bytes back than it was given")
            with suppress(FileNotFoundError):
                await obstore.delete_async(self._store, _PROBE_NAME)
        except (OSError, BaseError) as exc:
            raise _told(exc) from exc


def _sync(path: Path) -> None:
    """Make a file and its name durable; the object library leaves that to the operating system."""
    for target in (path, path.parent):
        descriptor = os.open(target, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _told(error: Exception) -> ObjectsError:
    text = str(error)
    return ObjectsError(_first_line(error), is_full="No space left" in text or "os error 28" in text)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
