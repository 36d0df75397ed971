"""Which provider serves a generation: decided from data, before money is touched."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Final

from reelway.domain.errors import ReelwayError
from reelway.domain.generation import CFG_SCALE_NEUTRAL, CameraMove, Generation, Mode, Product, Route
from reelway.domain.health import Standing
from reelway.domain.media import MediaKind

BUILT_IN: Final = "embedded"
"""The built-in engine's name, the only name of a provider that callers may see."""


class Tier(StrEnum):
    """A provider's route class. The built-in engine is `value`."""

    VALUE = "value"
    OFFICIAL = "official"


class Need(StrEnum):
    """What a generation asks of a provider."""

    PRODUCT = "product"
    DURATION_S = "duration_s"
    ASPECT_RATIO = "aspect_ratio"
    MODE = "mode"
    SOUND = "sound"
    MULTI_SHOTS = "multi_shots"
    NEGATIVE_PROMPT = "negative_prompt"
    REFERENCE_KIND = "reference_kind"
    LAST_FRAME = "last_frame"
    LAST_FRAME_ALONE = "last_frame_alone"
    CFG_SCALE = "cfg_scale"
    CAMERA = "camera"
    VOICES = "voices"
    ELEMENTS = "elements"
    MASKS = "masks"


@dataclass(frozen=True, slots=True)
class Capability:
    """What a provider can make of one model, or a part of it: every combination of what stands here.

    `cfg_scale`: it honours the value. `last_frame_alone`: a last frame without a start frame. `camera_moves`: which of
    the moves, where it takes any. `own_shots`: where it makes several shots, the caller may say what is in each.
    """

    products: frozenset[Product]
    durations_s: frozenset[int]
    aspect_ratios: frozenset[str]
    modes: frozenset[Mode]
    sound: bool
    multi_shots: bool
    negative_prompt: bool
    last_frame: bool
    reference_kinds: frozenset[MediaKind]
    last_frame_alone: bool = False
    cfg_scale: bool = False
    camera: bool = False
    voices: bool = False
    elements: bool = False
    masks: bool = False
    camera_moves: frozenset[CameraMove] = frozenset(CameraMove)
    own_shots: bool = True

    def unmet(self, generation: Generation) -> tuple[Need, ...]:
        """The needs that this capability does not cover, in the order of `Need`."""
        covered = (
            generation.product in self.products,
            generation.duration_s in self.durations_s,
            generation.aspect_ratio in self.aspect_ratios,
            generation.mode in self.modes,
            self.sound or not generation.sound,
            (self.multi_shots and (self.own_shots or not generation.shots)) or not generation.multi_shots,
            self.negative_prompt or not generation.negative_prompt,
            all(reference.kind in self.reference_kinds for reference in generation.references),
            self.last_frame or generation.last_frame is None or generation.start_frame is None,
            self.last_frame_alone or generation.last_frame is None or generation.start_frame is not None,
            self.cfg_scale or not generation.needs_cfg_scale,
            generation.camera is None or (self.camera and generation.camera.move in self.camera_moves),
            self.voices or not generation.voices,
            self.elements or not generation.elements,
            self.masks or not (generation.static_mask or generation.motion_brushes),
        )
        if all(covered):
            return ()
        return tuple(need for need, is_covered in zip(Need, covered, strict=True) if not is_covered)


@dataclass(frozen=True, slots=True)
class Price:
    """What a provider takes, in millionths of a US dollar: for each unit (`pricing.units_of`), and for each job."""

    unit_microdollars: int = 0
    job_microdollars: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """A configured provider as routing sees it.

    `capabilities` has an entry for each model that it serves: a request fits if any one of its capabilities covers it.
    `slots` is how many jobs it runs at once; `pace` tells how many seconds it takes for a second of video.
    `stands_in_for` names tiers whose requests it also takes, because nobody else is configured for them.
    `unit_microdollars` and `job_microdollars` are its price; `prices` has other prices for single models.
    """

    provider: str
    tier: Tier
    can_cancel: bool
    slots: int
    pace: Mapping[Mode, float]
    capabilities: Mapping[str, tuple[Capability, ...]]
    stands_in_for: frozenset[Tier] = frozenset()
    unit_microdollars: int = 0
    job_microdollars: int = 0
    prices: Mapping[str, Price] = field(default_factory=dict)

    def price_of(self, model: str) -> Price:
        return self.prices.get(model) or Price(self.unit_microdollars, self.job_microdollars)

    def cost_microdollars(self, model: str, units: Fraction) -> int:
        """What a job of so many units is expected to cost us, rounded up."""
        price = self.price_of(model)
        return math.ceil(units * price.unit_microdollars) + price.job_microdollars

    def covers(self, generation: Generation) -> bool:
        return any(not capability.unmet(generation) for capability in self.capabilities.get(generation.model, ()))

    def honours_cfg_scale(self, generation: Generation) -> bool:
        """Whether a `cfg_scale` of this request would have an effect."""
        fitting = self.capabilities.get(generation.model, ())
        return any(capability.cfg_scale for capability in fitting if not capability.unmet(generation))

    def run_s(self, generation: Generation) -> float:
        """Expected seconds from submit to result."""
        return self.pace.get(generation.mode, 1.0) * generation.duration_s


_NO_UNITS: Final = Fraction(0)


class UnsupportedError(ReelwayError):
    """The request is valid by the card, but no configured provider can do it.

    `unmet` holds the needs that none covers, with the values that some provider does cover where a need has a list of
    values (None otherwise). It is empty when only the combination, or the route, is at fault; `route` is set when no
    provider of that route serves the model at all. `generation` is what was asked for.
    """

    code = "unsupported"

    def __init__(
        self,
        model: str,
        unmet: Mapping[Need, tuple[str, ...] | None],
        *,
        route: Route | None = None,
        generation: Generation | None = None,
    ) -> None:
        self.model = model
        self.unmet = unmet
        self.route = route
        self.generation = generation
        super().__init__(f"no configured provider of {model} covers {', '.join(unmet) or 'this combination'}")


def serves_any(offers: Sequence[Offer], model: str) -> bool:
    """Whether a provider is configured for the model at all."""
    return any(model in offer.capabilities for offer in offers)


def serves_route(offers: Sequence[Offer], model: str, route: Route) -> bool:
    """Whether a provider of that route is configured for the model."""
    return any(model in offer.capabilities and _is_on(offer, route) for offer in offers)


def routes_taken(offer: Offer, offers: Sequence[Offer]) -> tuple[Route, ...]:
    """The routes whose tasks a provider is to look at: its own, and those that nobody serves any more."""
    return tuple(route for route in Route if _is_on(offer, route) or not any(_is_on(other, route) for other in offers))


def candidates(
    offers: Sequence[Offer], generation: Generation, route: Route, units: Fraction = _NO_UNITS
) -> tuple[Offer, ...]:
    """The providers that can serve this request, in the order in which they are to be tried; never empty.

    `units`: how much of it there is (`pricing.units_of`), so that the cheapest can come first.

    Raises:
        UnsupportedError: none can.
    """
    serving = [offer for offer in offers if generation.model in offer.capabilities and _is_on(offer, route)]
    fitting = [offer for offer in serving if offer.covers(generation)]
    if fitting:
        return tuple(sorted(fitting, key=lambda offer: _rank(offer, generation, units)))
    capabilities = [capability for offer in serving for capability in offer.capabilities[generation.model]]
    unmet = [set(capability.unmet(generation)) for capability in capabilities]
    common = set.intersection(*unmet) if unmet else set()
    raise UnsupportedError(
        generation.model,
        {need: _supported(need, capabilities) for need in Need if need in common},
        route=None if serving else route,
        generation=generation,
    )


def _rank(offer: Offer, generation: Generation, units: Fraction) -> tuple[bool, int, bool]:
    """The cheap tier first, within a tier the cheapest; of equals those for whom a changed `cfg_scale` is not lost."""
    is_lost = generation.cfg_scale != CFG_SCALE_NEUTRAL and not offer.honours_cfg_scale(generation)
    return offer.tier is Tier.OFFICIAL, offer.cost_microdollars(generation.model, units), is_lost


def in_turn(
    offers: Sequence[Offer], attempt: int, last: str | None, standing: Callable[[Offer], Standing], now_us: int
) -> tuple[Offer, ...]:
    """Who may be asked now, in the order for a task's next attempt; may be empty.

    Of `offers`, which are in their order, each attempt begins one further. Whoever could not take the task last time
    comes last, and within a tier those behind that throttle or are slow.
    """
    ranked = sorted(offers, key=lambda offer: (offer.tier is Tier.OFFICIAL, standing(offer).is_degraded))
    start = attempt % len(ranked)
    turned = [*ranked[start:], *ranked[:start]]
    free = [offer for offer in turned if standing(offer).free_at_us <= now_us]
    return tuple(sorted(free, key=lambda offer: attempt > 0 and offer.provider == last))


def _supported(need: Need, capabilities: Sequence[Capability]) -> tuple[str, ...] | None:
    """The values that some capability covers, for needs that have a list of values."""
    match need:
        case Need.DURATION_S:
            return tuple(str(second) for second in sorted(frozenset().union(*(c.durations_s for c in capabilities))))
        case Need.ASPECT_RATIO:
            return tuple(sorted(frozenset().union(*(c.aspect_ratios for c in capabilities))))
        case Need.MODE:
            covered = frozenset[Mode]().union(*(c.modes for c in capabilities))
            return tuple(mode.value for mode in Mode if mode in covered)
        case Need.SOUND | Need.MULTI_SHOTS:
            return ("false",)
        case _:
            return None


def _is_on(offer: Offer, route: Route) -> bool:
    match route:
        case Route.AUTO:
            return True
        case Route.VALUE:
            return offer.tier is Tier.VALUE or Tier.VALUE in offer.stands_in_for
        case Route.OFFICIAL:
            return offer.tier is Tier.OFFICIAL or Tier.OFFICIAL in offer.stands_in_for
        case Route.PREVIEW:
            return offer.provider == BUILT_IN
        case Route.PAID:
            return offer.provider != BUILT_IN
