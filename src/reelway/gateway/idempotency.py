"""Idempotency keys: a repeat of a request gets the first answer, and two at once do not both act.

The claim itself is a row that commits together with the task, so it holds across processes and crashes. What is kept in
memory is only the mark that a first request is under way.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from reelway.domain.decide import US
from reelway.domain.errors import IdempotencyConflictError
from reelway.domain.intents import Caller, IdempotencyKey
from reelway.domain.records import IdempotencyClaim, KeptAnswer
from reelway.gateway.core import Core

_MARK_S_MAX: Final = 60
"""A mark ends with its request, at the latest after this time. Source: Rivya contract, section 7.6."""


class Idempotency:
    """The marks of this process, and the look into the store."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._marks: dict[str, int] = {}

    def claim(self, caller: Caller, key: IdempotencyKey) -> IdempotencyClaim:
        """What is written with the task. The account is part of it, so that accounts never touch each other."""
        text = "\n".join((caller.account_id, key.endpoint, key.key))
        kept_us = round(self._core.settings.idempotency_hours * 3600 * US)
        return IdempotencyClaim(
            id=hashlib.sha256(text.encode()).hexdigest(),
            fingerprint=key.fingerprint,
            expires_at_us=self._core.clock.now_us() + kept_us,
        )

    @asynccontextmanager
    async def guard(self, claim: IdempotencyClaim) -> AsyncIterator[KeptAnswer | None]:
        """Hold the mark while the request is handled; gives the kept answer when there is one.

        Raises:
            IdempotencyConflictError: the key belongs to another request, or its first request is under way.
        """
        now_us = self._core.clock.now_us()
        marked_at_us = self._marks.get(claim.id)
        if marked_at_us is not None and now_us < marked_at_us + _MARK_S_MAX * US:
            raise IdempotencyConflictError(is_in_progress=True)
        self._marks[claim.id] = now_us
        try:
            row = await self._core.store.claimed(claim.id)
            if row is None or row.expires_at_us <= now_us:
                yield None
            elif row.fingerprint == claim.fingerprint:
                yield row.answer
            else:
                raise IdempotencyConflictError(is_in_progress=False)
        finally:
            if self._marks.get(claim.id) == now_us:
                del self._marks[claim.id]
