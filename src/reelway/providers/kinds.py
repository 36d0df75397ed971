"""Every kind of remote provider: its offer, its adapter, and the harmless call that shows whether it takes us."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from reelway.clock import Clock
from reelway.domain.catalog import Catalog
from reelway.domain.routing import Offer
from reelway.net.guard import Guard
from reelway.providers.apixo import ApixoProvider, apixo_offer
from reelway.providers.base import Provider
from reelway.providers.config import Kind, ProviderConfig
from reelway.providers.http import Answered, HttpUpstream, Lost, NotSent
from reelway.providers.kling import KlingProvider, authorizer, kling_offer
from reelway.providers.kling_relay import PREFIX, KlingRelayProvider
from reelway.providers.openai_videos import OpenAIVideosProvider, api_path, openai_offer
from reelway.providers.remote import ACCOUNT, Surroundings
from reelway.providers.rivya import RivyaProvider, rivya_offer
from reelway.wire.kling import Code


@dataclass(frozen=True, slots=True)
class _Kind:
    offer: Callable[[ProviderConfig, Catalog], Offer]
    adapter: Callable[[ProviderConfig, Guard, Surroundings], Provider]
    check_path: Callable[[ProviderConfig], str]
    """A GET that needs our credentials and makes nothing."""


_KLING_LIST: Final = "/v1/videos/text2video?pageNum=1&pageSize=1"
_KINDS: Final[Mapping[Kind, _Kind]] = {
    Kind.KLING: _Kind(kling_offer, KlingProvider, lambda _: _KLING_LIST),
    Kind.KLING_RELAY: _Kind(kling_offer, KlingRelayProvider, lambda _: PREFIX + _KLING_LIST),
    Kind.RIVYA: _Kind(rivya_offer, RivyaProvider, lambda _: "/api/v1/credits"),
    Kind.APIXO: _Kind(apixo_offer, ApixoProvider, lambda _: "/api/v1/statusTask/kling-2-5-turbo-pro?taskId=none"),
    Kind.OPENAI_VIDEOS: _Kind(openai_offer, OpenAIVideosProvider, lambda config: api_path(config, "/models")),
}
_LOCKED_OUT: Final = frozenset({401, 402, 403})
_KLING_LOCKED_OUT: Final = frozenset(
    {
        Code.AUTHENTICATION_FAILED,
        Code.AUTHORIZATION_EMPTY,
        Code.AUTHORIZATION_INVALID,
        Code.TOKEN_NOT_YET,
        Code.TOKEN_EXPIRED,
        Code.ACCOUNT_ABNORMAL,
        Code.ACCOUNT_IN_ARREARS,
        Code.BALANCE_NOT_ENOUGH,
        Code.NO_PERMISSION,
        Code.ADDRESS_NOT_ALLOWED,
    }
)


def remote_offer(config: ProviderConfig, catalog: Catalog) -> Offer:
    return _KINDS[config.kind].offer(config, catalog)


def remote_provider(config: ProviderConfig, guard: Guard, around: Surroundings) -> Provider:
    return _KINDS[config.kind].adapter(config, guard, around)


async def trouble_with(config: ProviderConfig, guard: Guard, clock: Clock) -> str | None:
    """Ask the provider something that costs nothing; None where it answers and does not turn us away."""
    upstream = HttpUpstream(config, guard, authorizer(config.credentials, clock))
    try:
        reply = await upstream.get_json(_KINDS[config.kind].check_path(config))
    finally:
        await upstream.aclose()
    match reply:
        case NotSent(reason) | Lost(reason):
            return reason
        case Answered(status) if status >= 500:
            return f"it answers with status {status}"
        case Answered(status):
            is_locked = status in _LOCKED_OUT
            return _kling_trouble(reply) or (f"{ACCOUNT}: it answers with status {status}" if is_locked else None)
        case _:
            assert_never(reply)


def _kling_trouble(answer: Answered) -> str | None:
    """Kling says in its envelope why it turns us away. Nothing else than a Kling answers with such a code."""
    found = answer.json_object() or {}
    code = found.get("code")
    is_locked = type(code) is int and code in _KLING_LOCKED_OUT
    return f"{ACCOUNT}: it answers with code {code}" if is_locked else None
