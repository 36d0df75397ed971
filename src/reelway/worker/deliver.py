"""Deliver: messages leave the outbox, each receiver's own one after another, other receivers side by side.

An attempt has three steps with a type each: prepare (`Prepared`, no I/O), call (`Attempted`, I/O only), record
(`Settled`). A receiver that fails, or takes long to answer, is served in a room of its own, so that any number of dead
ones delays nobody. A worker leases receivers as it leases tasks; what a killed worker had sent and not yet recorded is
sent again, with the same id and the same bytes.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from reelway.clock import new_id
from reelway.domain.decide import US
from reelway.domain.delivery import Attempted, Message, Receiver, Settled, attempted, settle
from reelway.domain.errors import UnavailableError
from reelway.domain.ids import DeliveryId, ReceiverId, WorkerId
from reelway.domain.webhooks import Secrets, SendFault
from reelway.net.post import Line, SendError
from reelway.net.sealing import SealError
from reelway.net.signing import webhook_headers
from reelway.store.messages import Lane
from reelway.telemetry import metrics
from reelway.telemetry.failpoints import Failpoint, hit
from reelway.worker.surroundings import Surroundings

log = structlog.get_logger(__name__)

_BATCH: Final = 32
"""Messages that a healthy receiver gets before its waiting ones are looked at again."""
_RECORD_EVERY_S: Final = 0.05
"""Attempts of one receiver are recorded together; a killed process sends what it had not recorded again."""
_SLOW_S: Final = 1.0
_SLOW_MAX: Final = 512
"""A receiver that does not answer within a second gives its place to others; so many may be waited for beside them."""
_GATHER_S: Final = 0.005
_FAULT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """One attempt, ready to be made."""

    message: Message
    headers: Sequence[tuple[str, str]]
    started_at_us: int


@dataclass(slots=True)
class _Serving:
    """A receiver under way. `called_at_s` (monotonic) is set while a call is open."""

    receiver: Receiver
    called_at_s: float | None = None


class Deliverer:
    """`run` delivers until `stop` is called; calls under way may end, and leases are given back by the worker."""

    def __init__(self, around: Surroundings, worker: WorkerId) -> None:
        self._around = around
        self._outbox = around.store.outbox
        self._worker = worker
        self._lanes: dict[ReceiverId, tuple[_Serving, asyncio.Task[None]]] = {}
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        async with self._outbox.watch() as put:
            while not self._stopping.is_set():
                put.clear()
                self._wake.clear()
                count = await self._claim_or_wait()
                if not count:
                    await self._until_any(put)
                await asyncio.sleep(_GATHER_S)

    def stop(self) -> None:
        """Claim and send nothing more; calls under way go on until `end`."""
        self._stopping.set()
        self._wake.set()

    async def end(self, grace_s: float) -> None:
        """Let calls end; what has not ended by then is broken off."""
        tasks = [task for _, task in self._lanes.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def keep_leases(self) -> None:
        """Of the receivers in service only: a lease whose release was refused, or whose claim went unanswered, ends."""
        if self._lanes:
            until_us = self._around.clock.now_us() + round(self._around.settings.lease_seconds * US)
            await self._outbox.prolong(self._worker, tuple(self._lanes), until_us)

    # --- claiming -----------------------------------------------------------------------------------------------------

    async def _until_any(self, put: asyncio.Event) -> None:
        waits = [asyncio.create_task(put.wait()), asyncio.create_task(self._wake.wait())]
        try:
            timeout_s = self._around.settings.worker_poll_seconds
            await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _claim_or_wait(self) -> int:
        try:
            return await self._claim()
        except UnavailableError as exc:
            log.warning("the outbox cannot be read", reason=str(exc))
        except Exception:
            log.exception("claiming receivers failed")
        await asyncio.sleep(_FAULT_S)
        return 0

    async def _claim(self) -> int:
        """Lease receivers for the free places of both rooms. A look costs a read, a claim a write."""
        now_us = self._around.clock.now_us()
        due = await self._outbox.is_any_due(now_us)
        count = 0
        for is_failing, room in ((False, self._free_healthy()), (True, self._free_failing())):
            if due[is_failing] and room > 0:
                until_us = now_us + round(self._around.settings.lease_seconds * US)
                found = await self._outbox.claim(
                    self._worker, is_failing=is_failing, now_us=now_us, until_us=until_us, limit=room
                )
                count += len(found)
                for receiver in found:
                    self._begin(receiver)
        if count:
            hit(Failpoint.DELIVERY_CLAIMED)
        return count

    def _free_healthy(self) -> int:
        now_s = time.monotonic()
        serving = [one for one, _ in self._lanes.values() if not one.receiver.is_failing]
        slow = sum(1 for one in serving if one.called_at_s is not None and now_s - one.called_at_s > _SLOW_S)
        return self._around.settings.deliveries_max - (len(serving) - min(slow, _SLOW_MAX))

    def _free_failing(self) -> int:
        serving = sum(1 for one, _ in self._lanes.values() if one.receiver.is_failing)
        return self._around.settings.deliveries_failing_max - serving

    def _begin(self, receiver: Receiver) -> None:
        serving = _Serving(receiver)
        self._lanes[receiver.id] = (serving, asyncio.create_task(self._serve(serving)))
        self._measure_rooms()

    def _measure_rooms(self) -> None:
        failing = sum(1 for one, _ in self._lanes.values() if one.receiver.is_failing)
        metrics.delivery_lanes.labels("failing").set(failing)
        metrics.delivery_lanes.labels("healthy").set(len(self._lanes) - failing)

    # --- one receiver -------------------------------------------------------------------------------------------------

    async def _serve(self, serving: _Serving) -> None:
        receiver = serving.receiver
        try:
            await self._send_all(serving)
        except UnavailableError as exc:
            log.warning("an attempt could not be recorded; it may be made again", receiver=receiver.id, reason=str(exc))
        except Exception:
            log.exception("a receiver could not be served", receiver=receiver.id)
            await asyncio.sleep(_FAULT_S)
        finally:
            with suppress(UnavailableError):  # then the lease runs out by itself
                await self._outbox.release(receiver.id, self._worker, self._around.clock.now_us())
            self._lanes.pop(receiver.id, None)
            self._measure_rooms()
            self._wake.set()

    async def _send_all(self, serving: _Serving) -> None:
        """Send what is due, until nothing is, or the receiver fails, or we stop. To a failing one, one message."""
        limit = 1 if serving.receiver.is_failing else _BATCH
        while not self._stopping.is_set():
            lane = await self._outbox.lane(serving.receiver.id, self._around.clock.now_us(), limit)
            if not lane.messages:
                return
            if lane.url is None:
                await self._outbox.drop_messages(serving.receiver.id)
                return
            async with self._around.poster.line(lane.url) as line:
                is_well = await self._send_some(serving, lane, line)
            if not is_well or serving.receiver.is_failing:
                return

    async def _send_some(self, serving: _Serving, lane: Lane, line: Line) -> bool:
        """In order; attempts are recorded a few at a time, while the next ones are made. False: the receiver failed, or
        we stop."""
        made: list[Settled] = []
        recording: list[asyncio.Task[None]] = []
        flushed_s = time.monotonic()
        try:
            for message in lane.messages:
                if self._stopping.is_set():
                    return False
                made.append(await self._attempt(serving, message, lane.secrets, line))
                if not made[-1].delivery.is_success:
                    return False
                if time.monotonic() - flushed_s > _RECORD_EVERY_S:
                    recording.append(asyncio.create_task(self._record(made)))
                    made, flushed_s = [], time.monotonic()
        finally:
            await asyncio.gather(self._record(made), *recording)
        return True

    async def _attempt(self, serving: _Serving, message: Message, secrets: Secrets | None, line: Line) -> Settled:
        try:
            prepared = self._prepare(message, secrets)
        except SealError as exc:
            log.error("a signing secret cannot be read; make a new one", receiver=serving.receiver.id, reason=str(exc))
            prepared = Prepared(message, [], self._around.clock.now_us())
            found = attempted(None, SendFault.CONNECT_FAILED, prepared.started_at_us, 0)
        else:
            found = await self._call(serving, prepared, line)
        hit(Failpoint.DELIVERY_SENT)
        delivery_id = DeliveryId(new_id("whd", prepared.started_at_us))
        return settle(message, found, serving.receiver.failing_since_us, delivery_id)

    # --- prepare, call, record ----------------------------------------------------------------------------------------

    def _prepare(self, message: Message, secrets: Secrets | None) -> Prepared:
        now_us = self._around.clock.now_us()
        headers: list[tuple[str, str]] = []
        if secrets is not None:
            opened = [self._around.sealer.opened(sealed) for sealed in secrets.valid(now_us)]
            headers = webhook_headers(opened, message.event_id, now_us // US, message.body)
        return Prepared(message, headers, now_us)

    async def _call(self, serving: _Serving, prepared: Prepared, line: Line) -> Attempted:
        message = prepared.message
        serving.called_at_s = started_s = time.monotonic()
        slow = asyncio.get_running_loop().call_later(_SLOW_S, self._wake.set)
        status, fault = None, None
        try:
            status = await line.post(prepared.headers, message.body, message.rules.timeout_s)
        except SendError as exc:
            fault = exc.fault
        finally:
            slow.cancel()
            serving.called_at_s = None
        duration_ms = round((time.monotonic() - started_s) * 1000)
        return attempted(status, fault, prepared.started_at_us, duration_ms)

    async def _record(self, made: Sequence[Settled]) -> None:
        if not made:
            return
        await self._outbox.record(made)
        hit(Failpoint.DELIVERY_RECORDED)
        for settled in made:
            _measure(settled)
            if settled.disables:
                log.warning("a webhook endpoint was disabled", endpoint=settled.message.endpoint_id)


def _measure(settled: Settled) -> None:
    delivery, message = settled.delivery, settled.message
    kind = "callback" if message.endpoint_id is None else "webhook"
    outcome = "delivered" if delivery.is_success else delivery.error or "refused"
    metrics.deliveries.labels(kind, outcome).inc()
    if message.attempt == 0:
        metrics.delivery_delay_seconds.labels(kind).observe((delivery.created_at_us - message.created_at_us) / US)
