"""Prices, against the tables and examples of the Kling and OpenAI contracts, section 14 of each."""

from dataclasses import replace
from fractions import Fraction

import pytest

from reelway.catalog import load_catalog
from reelway.domain.generation import Generation, Mode
from reelway.domain.pricing import fixed_price_credits, unit_price_credits, units

CATALOG = load_catalog()
CARDS = ("kling-v2-5-turbo-pro", "kling-3-0", "kling-2-6", "kling-v2-1-master")


def generation(model: str, mode: str = "pro", duration_s: int = 5, *, sound: bool = False) -> Generation:
    return Generation(model, "x", duration_s, "16:9", Mode(mode), sound=sound)


# Kling contract, section 14: units a second. Columns: std, pro, 4k; the same with sound; the same with a voice.
UNIT_TABLE = {
    "kling-v2-5-turbo-pro": ("0.3", "0.5", "3", "0.45", "0.75", "3", "0.65", "0.95", "3"),
    "kling-2-6": ("0.3", "0.5", "3", "0.45", "1", "3", "0.65", "1.2", "3"),
    "kling-3-0": ("0.6", "0.8", "3", "0.9", "1.2", "3", "1.1", "1.4", "3"),
    "kling-v2-1-master": ("2", "2", "3", "3", "3", "3", "3.2", "3.2", "3"),
}
COLUMNS = [(mode, sound, voice) for sound, voice in ((False, False), (True, False), (True, True)) for mode in Mode]


@pytest.mark.parametrize("model", CARDS)
@pytest.mark.parametrize("column", range(9))
def test_units_a_second_are_those_of_the_contracts_table(model: str, column: int) -> None:
    mode, sound, voice = COLUMNS[column]
    expected = Fraction(UNIT_TABLE[model][column])
    assert units(CATALOG[model], mode, 1, sound=sound, voice=voice) == expected
    assert units(CATALOG[model], mode, 7, sound=sound, voice=voice) == expected * 7


# Kling contract, section 6.1: units of the entry's default request.
@pytest.mark.parametrize(
    ("model", "default_units"),
    [("kling-v2-5-turbo-pro", "2.5"), ("kling-3-0", "4"), ("kling-2-6", "2.5"), ("kling-v2-1-master", "10")],
)
def test_the_default_request_has_the_units_of_the_contract(model: str, default_units: str) -> None:
    card = CATALOG[model]
    assert units(card, card.default_mode, card.default_duration_s, sound=False) == Fraction(default_units)


@pytest.mark.parametrize(
    ("asked", "price_credits"),
    [
        # Kling contract, section 14
        (generation("kling-v2-5-turbo-pro", "pro", 5), 42),
        (generation("kling-v2-5-turbo-pro", "std", 5), 26),
        (generation("kling-v2-5-turbo-pro", "pro", 10), 84),
        (generation("kling-3-0", "pro", 5), 90),
        (generation("kling-3-0", "std", 5), 68),
        # OpenAI contract, section 14
        (generation("kling-3-0", "std", 4), 54),
        # by the same formula, rounded up: 90 x 3.6 / 4, 90 x 1.8 / 4, 90 x 4.5 / 4, 90 x 15 / 4, 42 x 0.9 / 2.5
        (generation("kling-3-0", "pro", 3, sound=True), 81),
        (generation("kling-3-0", "std", 3), 41),
        (generation("kling-3-0", "std", 5, sound=True), 102),
        (generation("kling-3-0", "4k", 5), 338),
        (generation("kling-v2-5-turbo-pro", "std", 3), 16),
    ],
)
def test_a_price_by_units_is_the_contracts(asked: Generation, price_credits: int) -> None:
    assert unit_price_credits(CATALOG[asked.model], asked) == price_credits


@pytest.mark.parametrize(("model", "credits"), [("kling-v2-5-turbo-pro", 42), ("kling-3-0", 90)])
def test_a_fixed_price_is_the_seeds_base_credits(model: str, credits: int) -> None:
    assert fixed_price_credits(CATALOG[model]) == credits


@pytest.mark.parametrize("model", CARDS)
def test_the_default_request_costs_the_base_credits_by_units_too(model: str) -> None:
    card = CATALOG[model]
    asked = generation(model, card.default_mode, card.default_duration_s)
    assert unit_price_credits(card, asked) == card.base_credits


@pytest.mark.parametrize("model", CARDS)
def test_a_price_is_a_whole_positive_number_and_grows_with_the_length(model: str) -> None:
    for mode in Mode:
        for sound in (False, True):
            prices = [
                unit_price_credits(CATALOG[model], generation(model, mode, seconds, sound=sound))
                for seconds in range(1, 16)
            ]
            assert all(type(price) is int and price > 0 for price in prices)
            assert prices == sorted(prices)
            assert len(set(prices)) == len(prices)


def test_rounding_never_loses_a_credit_to_the_caller_nor_takes_two() -> None:
    card = CATALOG["kling-3-0"]
    for seconds in range(1, 16):
        exact = Fraction(card.base_credits) * Fraction("0.6") * seconds / 4
        price = unit_price_credits(card, generation("kling-3-0", "std", seconds))
        assert exact <= price < exact + 1


def test_what_does_not_cost_the_provider_more_does_not_cost_the_caller_more() -> None:
    plain = generation("kling-3-0")
    rich = replace(plain, prompt="y" * 2000, aspect_ratio="9:16", cfg_scale=1.0, negative_prompt="blur")
    assert unit_price_credits(CATALOG["kling-3-0"], plain) == unit_price_credits(CATALOG["kling-3-0"], rich)
