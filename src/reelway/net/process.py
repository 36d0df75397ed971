"""Run a function in a process of its own: it can be killed for real, and its crash stays its own.

Untrusted media is decoded and videos are rendered this way. Children are forked from a *fork server* that has the heavy
modules loaded already, so a child starts in some milliseconds and inherits neither threads nor sockets of the gateway.
A child dies with its fork server, which dies with us: a killed gateway leaves no renders behind. Signals to the whole
process group (Ctrl-C, a service manager's stop) pass children by: the gateway ends them itself.
"""

import asyncio
import atexit
import contextlib
import ctypes
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")
Report = Callable[[float], None]

PR_SET_PDEATHSIG = 1
EXIT_GRACE_S = 5.0
ERROR_CHARACTERS_MAX = 2000

_context = multiprocessing.get_context("forkserver")
_bookkeeping = threading.Lock()  # multiprocessing's own list of children is not made for threads
_running: weakref.WeakSet[ForkServerProcess] = weakref.WeakSet()


class ProcessFailedError(Exception):
    """The child ended without a result."""


class ProcessCrashedError(ProcessFailedError):
    """The child died: a fault in native code, too much memory, or a kill from outside."""

    def __init__(self, exit_code: int | None) -> None:
        self.exit_code = exit_code
        super().__init__(f"the process died with exit code {exit_code}")


class ProcessTimeoutError(ProcessFailedError):
    """The child passed its deadline and was killed."""


class ProcessCancelledError(ProcessFailedError):
    """`ChildProcess.kill` ended the child."""


class ProcessRaisedError(ProcessFailedError):
    """The function raised; the message carries the exception's type and text."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may take.

    `memory_bytes_max` bounds the address space that it takes on top of what it starts with, which depends on the
    modules that the fork server has loaded. `nice` is added to its priority number.
    """

    deadline_s: float
    memory_bytes_max: int
    nice: int = 0


def preload(modules: Iterable[str]) -> None:
    """Name the modules that the fork server imports once, before any child. Call it before the first child.

    Name what the main script imports too: every child runs that script's imports again (CPython,
    multiprocessing/spawn.py), which costs nothing only if they are loaded already.
    """
    _context.set_forkserver_preload(list(modules))


class ChildProcess(Generic[Result]):
    """One function running in a process of its own.

    The function gets `report` as its first argument and may call it with its progress, 0 to 1. What it returns is
    small, some kilobytes at most: the event loop reads it in one go.
    """

    def __init__(self, process: ForkServerProcess, receiver: Connection, deadline_s: float) -> None:
        """Called by `start`."""
        loop = asyncio.get_running_loop()
        self.progress = 0.0
        self._killed = False
        self._process = process
        self._outcome: asyncio.Future[Result] = loop.create_future()
        self._outcome.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._timer = loop.call_later(deadline_s, self._time_out)
        loop.add_reader(receiver.fileno(), self._receive, receiver)

    @classmethod
    async def start(
        cls, function: Callable[..., Result], arguments: tuple[Any, ...], limits: Limits
    ) -> "ChildProcess[Result]":
        """Start `function(report, *arguments)`; both must be picklable. Returns as soon as the process exists."""
        launching = asyncio.create_task(asyncio.to_thread(_launch, function, arguments, limits))
        try:
            process, receiver = await asyncio.shield(launching)
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):  # the cancellation is what the caller hears of
                process, receiver = await launching
                process.kill()
                receiver.close()
            raise
        return cls(process, receiver, limits.deadline_s)

    @property
    def is_done(self) -> bool:
        return self._outcome.done()

    async def result(self) -> Result:
        """What the function returned.

        Raises:
            ProcessFailedError: one of its subclasses says how the child ended instead.
        """
        return await asyncio.shield(self._outcome)

    def kill(self) -> None:
        """End the child now; `result` raises `ProcessCancelledError`. Nothing happens when it has ended already."""
        if not self._outcome.done():
            self._killed = True
            self._signal_kill()

    def _signal_kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def _time_out(self) -> None:
        if not self._outcome.done():
            self._outcome.set_exception(ProcessTimeoutError("the process passed its deadline"))
            self._signal_kill()

    def _receive(self, receiver: Connection) -> None:
        """Called by the event loop whenever the child has sent something or has closed its end by dying."""
        try:
            kind, value = receiver.recv()
        except (EOFError, OSError):
            self._close(receiver)
            return
        if kind == "progress":
            self.progress = max(self.progress, min(1.0, value))
        elif not self._outcome.done():
            if kind == "result":
                self.progress = 1.0
                self._outcome.set_result(value)
            else:
                self._outcome.set_exception(ProcessRaisedError(value))

    def _close(self, receiver: Connection) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(receiver.fileno())
        receiver.close()
        self._timer.cancel()
        threading.Thread(target=self._reap, args=(loop,), daemon=True).start()

    def _reap(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: wait for the child's exit code, which tells a crash from an ordinary end."""
        exit_code = _wait_for_exit(self._process)
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now: nobody waits any more
            loop.call_soon_threadsafe(self._ended, exit_code)

    def _ended(self, exit_code: int | None) -> None:
        if self._outcome.done():
            return
        if self._killed:
            self._outcome.set_exception(ProcessCancelledError("the process was killed"))
        else:
            self._outcome.set_exception(ProcessCrashedError(exit_code))


async def run(function: Callable[..., Result], arguments: tuple[Any, ...], limits: Limits) -> Result:
    """Run `function(report, *arguments)` in a child and wait; a cancelled caller kills the child.

    Raises:
        ProcessFailedError: the child died, timed out or raised.
    """
    child = await ChildProcess.start(function, arguments, limits)
    try:
        return await child.result()
    except asyncio.CancelledError:
        child.kill()
        raise


def _launch(
    function: Callable[..., Any], arguments: tuple[Any, ...], limits: Limits
) -> tuple[ForkServerProcess, Connection]:
    """In a thread: the first call starts the fork server too, which takes as long as its modules take to load."""
    receiver, sender = _context.Pipe(duplex=False)
    try:
        process = _context.Process(target=_run_in_child, args=(sender, limits, function, arguments), daemon=True)
        with _bookkeeping:
            _start(process)
            _running.add(process)
    except BaseException:
        receiver.close()
        raise
    finally:
        sender.close()
    return process, receiver


def _start(process: ForkServerProcess) -> None:
    """Start with the stop signals blocked: a fork server that this starts keeps them so, and its children do."""
    resource_tracker.ensure_running()  # first, because starting it unblocks the signals again
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _wait_for_exit(process: ForkServerProcess) -> int | None:
    """The exit code of a child that has closed its pipe; one that lingers in its exit is killed."""
    if not connection.wait([process.sentinel], EXIT_GRACE_S):
        process.kill()
        connection.wait([process.sentinel])
    with _bookkeeping:
        process.join()
        _running.discard(process)
        return process.exitcode


@atexit.register
def _kill_all() -> None:
    """Before multiprocessing's own exit, which would ask children to end by a signal that they block, and wait."""
    for process in list(_running):
        if process.is_alive():
            process.kill()


def _run_in_child(sender: Connection, limits: Limits, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    _die_with_parent()
    unless_unread = contextlib.suppress(BrokenPipeError)  # the gateway may have stopped listening

    def report(progress: float) -> None:
        with unless_unread:
            sender.send(("progress", progress))

    try:
        _take_limits(limits)
        message = ("result", function(report, *arguments))
    except BaseException as exc:  # noqa: BLE001 - the edge of this process; the parent gets every failure as a value
        message = ("error", _described(exc))
    with unless_unread:
        try:
            sender.send(message)
        except (TypeError, ValueError, AttributeError, pickle.PicklingError) as exc:
            sender.send(("error", _described(exc)))
    sender.close()


def _described(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {exc}"[:ERROR_CHARACTERS_MAX]


def _take_limits(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, ceiling = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _address_space_bytes() + limits.memory_bytes_max
    allowed = wanted if ceiling == resource.RLIM_INFINITY else min(wanted, ceiling)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
    os.nice(limits.nice)


def _address_space_bytes() -> int:
    """What this process has reserved so far. Source: proc(5), /proc/pid/statm."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _die_with_parent() -> None:
    """Ask the kernel to kill us when the fork server dies, and let go of what keeps it alive.

    The fork server ends when nobody holds its "alive" pipe any more, and it hands every child a copy of that pipe; a
    child that kept it would keep the fork server, and so itself, alive after the gateway's death.
    Source: prctl(2), PR_SET_PDEATHSIG; CPython, multiprocessing/forkserver.py.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    server: Any = forkserver._forkserver
    os.close(server._forkserver_alive_fd)
    server._forkserver_alive_fd = None
