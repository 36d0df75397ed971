"""What the tests of `net/process` run in children, which find it by name: so it lives in a module of its own."""

import asyncio
import ctypes
import mmap
import os
import signal
import sys
import threading
import time
from pathlib import Path

from reelway.net import process
from reelway.net.process import Report

LIMITS = process.Limits(deadline_s=30.0, memory_bytes_max=256 * 1024 * 1024)


def add(report: Report, left: int, right: int) -> int:
    report(0.5)
    return left + right


def tell_progress(report: Report, go_on: str) -> str:
    report(0.25)
    report(0.1)
    report(7.0)
    _wait_for(Path(go_on))
    return "done"


def fail(_report: Report, text: str) -> None:
    raise LookupError(text)


def crash(_report: Report) -> None:
    ctypes.string_at(0)


def exit_at_once(_report: Report) -> None:
    os._exit(7)


def give_what_cannot_be_sent(_report: Report) -> object:
    return threading.Lock()


def sleep(_report: Report, pid_file: str) -> None:
    Path(pid_file).write_text(str(os.getpid()))
    time.sleep(60)  # a child that does not end by itself is what is tried


def return_and_linger(_report: Report, pid_file: str) -> int:
    """Something in this process does not let it exit."""
    Path(pid_file).write_text(str(os.getpid()))
    threading.Thread(target=time.sleep, args=(60,)).start()
    return 1


def hold(_report: Report, size_bytes: int) -> int:
    with mmap.mmap(-1, size_bytes) as memory:
        return len(memory)


def tell_surroundings(_report: Report) -> dict[str, object]:
    return {
        "nice": os.nice(0),
        "sockets": [name for name in map(_target, os.listdir("/proc/self/fd")) if name.startswith("socket")],
        "threads": len(os.listdir("/proc/self/task")),
        "pid": os.getpid(),
    }


def _target(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return ""


def _wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.005)  # the child says nothing; this program runs without the suite's folders, so not `came_true`


async def _gateway(pid_file: str, mode: str) -> None:
    """A gateway with one child. It waits for it, or ends by itself once the child runs."""
    child = await process.ChildProcess.start(sleep, (pid_file,), LIMITS)
    if mode == "wait":
        signal.signal(signal.SIGTERM, lambda *_: None)
        await child.result()
    _wait_for(Path(pid_file))


if __name__ == "__main__":
    asyncio.run(_gateway(sys.argv[1], sys.argv[2]))
