"""What a generation costs: integers in, integers out, computed in exact fractions."""

import math
from fractions import Fraction
from functools import lru_cache

from reelway.domain.catalog import Card
from reelway.domain.generation import Generation, Mode


def units(card: Card, mode: Mode, duration_s: int, *, sound: bool, voice: bool = False) -> Fraction:
    """Units of a request = units a second x seconds. Source: Kling contract, section 14."""
    return _rate(card, mode, sound=sound, voice=voice) * duration_s


def _rate(card: Card, mode: Mode, *, sound: bool, voice: bool) -> Fraction:
    rates = card.units_per_second[mode]
    return rates.voice if voice else rates.sound if sound else rates.silent


def units_of(card: Card, generation: Generation) -> Fraction:
    """Units of a generation; a voice counts where a prompt calls it. Source: Kling contract, section 14."""
    return units(card, generation.mode, generation.duration_s, sound=generation.sound, voice=generation.uses_voice)


def fixed_price_credits(card: Card) -> int:
    """The base credits, whatever the parameters are. Source: Rivya contract, section 9.2."""
    return card.base_credits


def unit_price_credits(card: Card, generation: Generation) -> int:
    """Base credits scaled by units and rounded up. Source: Kling contract, section 14."""
    rate = _rate(card, generation.mode, sound=generation.sound, voice=generation.uses_voice)
    default_rate = _rate(card, card.default_mode, sound=False, voice=False)
    return _scaled(card.base_credits, (rate, generation.duration_s), (default_rate, card.default_duration_s))


@lru_cache(maxsize=4_096)
def _scaled(base_credits: int, asked: tuple[Fraction, int], default: tuple[Fraction, int]) -> int:
    """Few prices exist, and exact fractions are slow. `asked`, `default`: units a second, and seconds."""
    return math.ceil(base_credits * asked[0] * asked[1] / (default[0] * default[1]))


def expected_units(card: Card | None, generation: Generation) -> Fraction:
    """Units by which providers' prices are compared; zero where the card is gone or has no rate for the mode."""
    if card is None or generation.mode not in card.units_per_second:
        return Fraction(0)
    return units_of(card, generation)
