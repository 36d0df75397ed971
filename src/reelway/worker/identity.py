"""Who a worker is, and whether another worker of this machine is still alive.

Every worker holds a lock on a file for as long as it lives; the kernel lets go of it however the process ends. So a
restarted gateway knows at once which leases belong to the dead, instead of waiting until they run out.
"""

import fcntl
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from reelway.domain.ids import RANDOM_BYTES, WorkerId

WORKERS_FOLDER: Final = "workers"
_SUFFIX: Final = ".lock"


class WorkerIdentity:
    """An id of our own and the lock that proves that we live."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        host = "".join(character if character.isalnum() else "-" for character in socket.gethostname())[:40]
        self.id = WorkerId(f"{host}-{os.getpid()}-{os.urandom(RANDOM_BYTES).hex()}")
        self._path = _lock_path(folder, self.id)
        self._file = _locked(self._path)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        self._file.close()


def is_dead(folder: Path, worker: WorkerId) -> bool:
    """Whether the worker ran on this machine and has ended. False for workers of other machines: we cannot know."""
    path = _lock_path(folder, worker)
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
    except (FileNotFoundError, BlockingIOError):
        return False
    return True


def _lock_path(folder: Path, worker: WorkerId) -> Path:
    return folder / f"{worker}{_SUFFIX}"


def forget_dead(folder: Path) -> None:
    """Remove the locks of workers that have ended: they hold nothing any more."""
    for path in folder.glob(f"*{_SUFFIX}"):
        is_dead(folder, WorkerId(path.name.removesuffix(_SUFFIX)))


def _locked(path: Path) -> BinaryIO:
    """The lock's file, held. Whoever judges the dead may hold it for a moment and take it away while it is new."""
    while True:
        file = path.open("wb")
        fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()
