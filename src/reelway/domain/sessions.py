"""Sessions of the console: who is signed in with which key, and for how long."""

from dataclasses import dataclass
from typing import Final

from reelway.domain.ids import AccountId, KeyId
from reelway.domain.records import ApiKey, Scope

SESSIONS_MAX: Final = 100
"""Sessions an account may have at once; with one more the one that was seen longest ago ends."""


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser. `id_hash` is kept in the place of what the cookie holds.

    `form_token` stands in every form of the session. `is_operator`: it began with the link that the gateway shows at
    its start, so whoever has it runs the gateway.
    """

    id_hash: str
    key_id: KeyId
    account_id: AccountId
    form_token: str
    is_operator: bool
    created_at_us: int
    seen_at_us: int
    expires_at_us: int

    def is_live(self, now_us: int, idle_us_max: int) -> bool:
        return now_us < self.expires_at_us and now_us - self.seen_at_us < idle_us_max

    def scopes(self, key: ApiKey) -> frozenset[Scope]:
        """What may be done in the session: what its key may do, and for its operator the operator's part."""
        return key.scopes | {Scope.ADMIN} if self.is_operator else key.scopes
