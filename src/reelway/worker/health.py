"""The health book of a worker: what it sees of its providers, and which circuits are open, here or elsewhere.

What is seen stays in memory. A circuit that changes is written at once, and all are read every few seconds, so that
every process keeps away from a provider that one of them found to be down.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from reelway.clock import Clock
from reelway.domain.decide import US
from reelway.domain.errors import UnavailableError
from reelway.domain.health import (
    ALL_MODELS,
    Circuit,
    Counts,
    HealthPolicy,
    Kind,
    Observed,
    Seen,
    Standing,
    Window,
    after_trial,
    on_trial,
    opened,
    seen_of_find,
    seen_of_poll,
    seen_of_store,
    seen_of_submit,
    without_trial,
)
from reelway.domain.ids import TaskId, WorkerId
from reelway.domain.outcomes import FindOutcome, PollOutcome, StoreOutcome, SubmitOutcome
from reelway.domain.routing import Offer
from reelway.domain.task import Task
from reelway.providers.base import Order, Provider
from reelway.settings import Settings
from reelway.store.circuits import Trial
from reelway.store.store import Store
from reelway.telemetry import metrics

log = structlog.get_logger(__name__)

_ALL_LABEL: Final = "*"
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a provider said to a submit. `is_trial`: it was asked in order to see whether it is back."""

    outcome: SubmitOutcome
    is_trial: bool


def health_policy(settings: Settings) -> HealthPolicy:
    return HealthPolicy(
        window_s=settings.health_window_seconds,
        observations_min=settings.health_observations_min,
        error_share_max=settings.health_error_share_max,
        open_s=settings.circuit_open_seconds,
        open_s_max=settings.circuit_open_seconds_max,
        slow_submit_s=settings.health_slow_submit_seconds,
    )


class HealthBook:
    """One a worker. A local provider is not judged: its faults are our own, and nobody else could do better."""

    def __init__(self, store: Store, clock: Clock, policy: HealthPolicy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._windows: dict[Key, Window] = {}
        self._circuits: dict[Key, Circuit] = {}
        self._noted: dict[Key, Counts] = {}
        self._unwritten: set[Key] = set()
        self._paused_until_us: dict[str, int] = {}

    # --- what happened ------------------------------------------------------------------------------------------------

    async def submit(self, provider: Provider, order: Order) -> Submitted:
        """Make the one call that may cost money, and note how it went."""
        began_s = time.perf_counter()
        outcome = await provider.submit(order)
        seen = seen_of_submit(outcome, time.perf_counter() - began_s)
        is_trial = self.is_on_trial(provider, order.generation.model, order.task_id)
        await self._note(provider, order.generation.model, order.task_id, seen)
        if seen is None:
            await self.release(provider.offer.provider, order.generation.model, order.task_id)
        return Submitted(outcome, is_trial)

    async def found(self, provider: Provider, task: Task, outcome: FindOutcome) -> None:
        await self._note(provider, task.model, task.id, seen_of_find(outcome))

    async def polled(self, provider: Provider, model: str, task_id: TaskId, outcome: PollOutcome, tries: int) -> None:
        """`tries`: polls of this job that were in vain before this one."""
        await self._note(provider, model, task_id, seen_of_poll(outcome, tries))

    async def stored(self, provider: Provider, task: Task, outcome: StoreOutcome, *, is_given_up: bool) -> None:
        await self._note(provider, task.model, task.id, seen_of_store(outcome, is_given_up=is_given_up))

    async def _note(self, provider: Provider, model: str, task_id: TaskId, seen: Seen | None) -> None:
        if seen is None or provider.is_local:
            return
        name, now_us = provider.offer.provider, self._clock.now_us()
        metrics.provider_outcomes.labels(name, seen.kind.value).inc()
        self._windows[name, model] = self._windows.get((name, model), Window()).plus(seen, self._policy, now_us)
        if seen.kind is Kind.THROTTLE:
            until_us = now_us + round(seen.retry_after_s * US)
            self._paused_until_us[name] = max(until_us, self._paused_until_us.get(name, 0))
        for key in ((name, ALL_MODELS), (name, model)):
            self._judge(key, task_id, seen, now_us)
        await self._write()

    def _judge(self, key: Key, task_id: TaskId, seen: Seen, now_us: int) -> None:
        """What an observation does to a circuit. While it is open, only its trial can do something."""
        before = self._circuits.get(key)
        if before is not None and before.is_open:
            if before.trial_task_id == task_id:
                after = after_trial(before, seen, self._policy, now_us)
                if after is not before:
                    self._change(key, after)
        elif seen.kind is Kind.FAULT and self._is_due(key, seen, now_us):
            self._change(key, opened(before, *key, seen, self._policy, now_us))

    def _is_due(self, key: Key, seen: Seen, now_us: int) -> bool:
        """Whether a fault opens a closed circuit."""
        if key[1] == ALL_MODELS:
            return seen.is_account
        if seen.is_account:
            return False  # the provider's own circuit is opened
        return seen.is_certain or self._windows[key].is_too_bad(seen.stage, self._policy, now_us)

    def _change(self, key: Key, circuit: Circuit) -> None:
        before = self._circuits.get(key)
        self._circuits[key] = circuit
        self._unwritten.add(key)
        if (before is not None and before.is_open) == circuit.is_open and not _is_reopened(before, circuit):
            return
        self._told(circuit)
        if circuit.is_open:
            open_s = (circuit.until_us - circuit.opened_at_us) / US
            log.warning(
                "a circuit opened", provider=key[0], model=key[1] or _ALL_LABEL, reason=circuit.reason, seconds=open_s
            )
        else:
            self._forget_faults(key)
            log.info("a circuit closed", provider=key[0], model=key[1] or _ALL_LABEL)

    def _forget_faults(self, key: Key) -> None:
        """What was seen before the provider came back must not open its circuit again."""
        for seen_of in [found for found in self._windows if found[0] == key[0] and key[1] in (ALL_MODELS, found[1])]:
            del self._windows[seen_of]

    @staticmethod
    def _told(circuit: Circuit) -> None:
        metrics.circuit_open.labels(circuit.provider, circuit.model or _ALL_LABEL).set(int(circuit.is_open))

    # --- who may be asked ---------------------------------------------------------------------------------------------

    def standing(self, offer: Offer, model: str) -> Standing:
        """How the provider does for this model, as far as is known here."""
        name = offer.provider
        free_at_us = self._paused_until_us.get(name, 0)
        for circuit in self._of(name, model):
            free_at_us = max(free_at_us, circuit.free_at_us())
        window = self._windows.get((name, model))
        is_degraded = window is not None and window.counts(self._policy, self._clock.now_us()).is_degraded(self._policy)
        return Standing(free_at_us, is_degraded)

    def models_served(self, offer: Offer) -> tuple[str, ...]:
        """The models for which the provider may be asked now."""
        now_us = self._clock.now_us()
        return tuple(model for model in offer.capabilities if self.standing(offer, model).free_at_us <= now_us)

    def _of(self, name: str, model: str) -> Sequence[Circuit]:
        found = (self._circuits.get((name, ALL_MODELS)), self._circuits.get((name, model)))
        return [circuit for circuit in found if circuit is not None and circuit.is_open]

    def is_on_trial(self, provider: Provider, model: str, task_id: TaskId) -> bool:
        return any(circuit.trial_task_id == task_id for circuit in self._of(provider.offer.provider, model))

    async def admit(self, provider: Provider, task: Task) -> bool:
        """Whether the task may be submitted there now. Of all processes one gets a half-open circuit's trial."""
        now_us, is_admitted = self._clock.now_us(), False
        if self.standing(provider.offer, task.model).free_at_us > now_us:
            return False
        try:
            for circuit in self._of(provider.offer.provider, task.model):
                if not await self._take_trial(circuit, task.id, now_us):
                    await self.share()
                    return False
            is_admitted = True
        finally:
            if not is_admitted:
                await self.release(provider.offer.provider, task.model, task.id)
        return True

    async def _take_trial(self, circuit: Circuit, task_id: TaskId, now_us: int) -> bool:
        key, is_taken = (circuit.provider, circuit.model), False
        trial = on_trial(circuit, task_id, self._policy, now_us)
        assert trial.trial_until_us is not None
        self._circuits[key] = trial  # before the wait, because another task of this process may look meanwhile
        try:
            is_taken = await self._store.take_trial(Trial(*key, task_id, trial.trial_until_us, now_us))
        finally:
            if not is_taken:
                self._circuits[key] = circuit
        if is_taken:
            log.info("a task is let through as a trial", task=task_id, provider=key[0], model=key[1] or _ALL_LABEL)
        return is_taken

    async def release(self, name: str, model: str, task_id: TaskId) -> None:
        """The task says no more of the provider: if it is on trial there, the next one may be."""
        now_us = self._clock.now_us()
        for circuit in self._of(name, model):
            if circuit.trial_task_id == task_id and (circuit.trial_until_us or 0) > now_us:
                self._change((circuit.provider, circuit.model), without_trial(circuit, now_us))
        await self._write()

    # --- with other processes -----------------------------------------------------------------------------------------

    async def _write(self) -> None:
        """Write what has changed; what cannot be written now is written with the next round."""
        for key in tuple(self._unwritten):
            circuit = self._circuits[key]
            self._unwritten.discard(key)
            try:
                await self._store.write_circuit(circuit)
            except UnavailableError as exc:
                self._unwritten.add(key)
                log.warning("a circuit could not be written", provider=key[0], reason=str(exc))
                return

    async def share(self) -> None:
        """Tell what is not yet told, and take over what others have found."""
        await self._write()
        try:
            found = await self._store.circuits()
        except UnavailableError as exc:
            log.warning("circuits could not be read", reason=str(exc))
            return
        for circuit in found:
            key = (circuit.provider, circuit.model)
            before = self._circuits.get(key)
            if key in self._unwritten or (before is not None and before.changed_at_us > circuit.changed_at_us):
                continue
            self._circuits[key] = circuit
            self._told(circuit)
            if before is not None and before.is_open and not circuit.is_open:
                self._forget_faults(key)

    async def tell(self, worker: WorkerId) -> None:
        """Write down what was seen lately, for those who look."""
        now_us = self._clock.now_us()
        seen = {key: window.counts(self._policy, now_us) for key, window in self._windows.items()}
        news = {key: counts for key, counts in seen.items() if counts != self._noted.get(key)}
        if news:
            observed = tuple(Observed(worker, name, model, counts, now_us) for (name, model), counts in news.items())
            await self._store.note_observations(observed)
            self._noted |= news


def _is_reopened(before: Circuit | None, after: Circuit) -> bool:
    return before is not None and after.is_open and after.openings != before.openings
