"""Routing: who may serve a generation, in which order, and what is said when nobody can."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from reelway.domain.generation import Camera, CameraMove, Generation, Mode, Product, Reference, Route
from reelway.domain.health import Standing
from reelway.domain.media import MediaKind
from reelway.domain.routing import (
    BUILT_IN,
    Capability,
    Need,
    Offer,
    Price,
    Tier,
    UnsupportedError,
    candidates,
    in_turn,
    routes_taken,
    serves_any,
)

EVERYTHING = Capability(
    products=frozenset(Product),
    durations_s=frozenset(range(3, 16)),
    aspect_ratios=frozenset({"16:9", "9:16", "1:1"}),
    modes=frozenset(Mode),
    sound=True,
    multi_shots=True,
    negative_prompt=True,
    last_frame=True,
    reference_kinds=frozenset({MediaKind.IMAGE}),
    last_frame_alone=True,
    cfg_scale=True,
    camera=True,
    voices=True,
    elements=True,
    masks=True,
)
NOTHING = Capability(
    products=frozenset({Product.TEXT_TO_VIDEO}),
    durations_s=frozenset({5, 10}),
    aspect_ratios=frozenset({"16:9", "1:1"}),
    modes=frozenset({Mode.PRO, Mode.STD}),
    sound=False,
    multi_shots=False,
    negative_prompt=False,
    last_frame=False,
    reference_kinds=frozenset(),
)
PLAIN = Generation("m", "x", 5, "16:9", Mode.PRO)
IMAGE = Reference(url="https://example.com/a.png")
FULL = Generation(
    "m",
    "x",
    7,
    "9:16",
    Mode.UHD,
    "blur",
    needs_cfg_scale=True,
    sound=True,
    multi_shots=True,
    camera=Camera(CameraMove.DOWN_BACK),
    voices=("v",),
    elements=("e",),
    start_frame=IMAGE,
    last_frame=IMAGE,
    static_mask=IMAGE,
)
ALL_BUT_ONE = [need for need in Need if need is not Need.LAST_FRAME_ALONE]
"""A last frame is either alone or not."""


def offer(name: str, capability: Capability, tier: Tier = Tier.VALUE, model: str = "m") -> Offer:
    return Offer(name, tier, can_cancel=True, slots=1, pace={Mode.PRO: 2.0}, capabilities={model: (capability,)})


def refusal(offers: list[Offer], generation: Generation, route: Route = Route.AUTO) -> UnsupportedError:
    with pytest.raises(UnsupportedError) as refused:
        candidates(offers, generation, route)
    return refused.value


def names(offers: tuple[Offer, ...]) -> list[str]:
    return [offer.provider for offer in offers]


UNMET = [
    (replace(PLAIN, start_frame=IMAGE), Need.PRODUCT, None),
    (replace(PLAIN, duration_s=7), Need.DURATION_S, ("5", "10")),
    (replace(PLAIN, aspect_ratio="9:16"), Need.ASPECT_RATIO, ("16:9", "1:1")),
    (replace(PLAIN, mode=Mode.UHD), Need.MODE, ("std", "pro")),
    (replace(PLAIN, sound=True), Need.SOUND, ("false",)),
    (replace(PLAIN, multi_shots=True), Need.MULTI_SHOTS, ("false",)),
    (replace(PLAIN, negative_prompt="blur"), Need.NEGATIVE_PROMPT, None),
    (replace(PLAIN, start_frame=IMAGE), Need.REFERENCE_KIND, None),
    (replace(PLAIN, start_frame=IMAGE, last_frame=IMAGE), Need.LAST_FRAME, None),
    (replace(PLAIN, last_frame=IMAGE), Need.LAST_FRAME_ALONE, None),
    (replace(PLAIN, cfg_scale=0.7, needs_cfg_scale=True), Need.CFG_SCALE, None),
    (replace(PLAIN, camera=Camera(CameraMove.SIMPLE, zoom=5)), Need.CAMERA, None),
    (replace(PLAIN, sound=True, voices=("v",)), Need.VOICES, None),
    (replace(PLAIN, start_frame=IMAGE, elements=("e",)), Need.ELEMENTS, None),
    (replace(PLAIN, start_frame=IMAGE, static_mask=IMAGE), Need.MASKS, None),
]


def lacking(need: Need) -> Capability:
    """A capability that covers all but one need."""
    poor = {
        Need.PRODUCT: {"products": NOTHING.products},
        Need.DURATION_S: {"durations_s": NOTHING.durations_s},
        Need.ASPECT_RATIO: {"aspect_ratios": NOTHING.aspect_ratios},
        Need.MODE: {"modes": NOTHING.modes},
        Need.SOUND: {"sound": False},
        Need.MULTI_SHOTS: {"multi_shots": False},
        Need.NEGATIVE_PROMPT: {"negative_prompt": False},
        Need.REFERENCE_KIND: {"reference_kinds": frozenset[MediaKind]()},
        Need.LAST_FRAME: {"last_frame": False},
        Need.LAST_FRAME_ALONE: {"last_frame_alone": False},
        Need.CFG_SCALE: {"cfg_scale": False},
        Need.CAMERA: {"camera": False},
        Need.VOICES: {"voices": False},
        Need.ELEMENTS: {"elements": False},
        Need.MASKS: {"masks": False},
    }
    return replace(EVERYTHING, **poor[need])


@pytest.mark.parametrize(("generation", "need", "supported"), UNMET, ids=[need for _, need, _ in UNMET])
def test_a_need_that_nobody_covers_is_named_with_what_would_do(
    generation: Generation, need: Need, supported: tuple[str, ...] | None
) -> None:
    error = refusal([offer("a", lacking(need)), offer("b", lacking(need))], generation)
    assert (error.model, list(error.unmet)) == ("m", [need])
    found = error.unmet[need]
    assert found is None if supported is None else sorted(found or ()) == sorted(supported)


@pytest.mark.parametrize(("generation", "need", "supported"), UNMET, ids=[need for _, need, _ in UNMET])
def test_a_provider_that_covers_the_need_gets_the_task(
    generation: Generation, need: Need, supported: tuple[str, ...] | None
) -> None:
    offers = [offer("poor", lacking(need)), offer("rich", EVERYTHING)]
    assert names(candidates(offers, generation, Route.AUTO)) == ["rich"]


def test_every_need_has_a_case_here() -> None:
    assert [need for _, need, _ in UNMET] == list(Need)


def test_unmet_needs_come_in_their_order() -> None:
    assert NOTHING.unmet(FULL) == tuple(ALL_BUT_ONE)
    assert NOTHING.unmet(PLAIN) == ()
    assert EVERYTHING.unmet(FULL) == ()


def test_all_unmet_needs_are_told_at_once_in_their_order() -> None:
    error = refusal([offer("a", NOTHING)], replace(PLAIN, sound=True, duration_s=7))
    assert list(error.unmet.items()) == [(Need.DURATION_S, ("5", "10")), (Need.SOUND, ("false",))]
    assert list(refusal([offer("a", NOTHING)], FULL).unmet) == ALL_BUT_ONE


def test_a_need_that_one_of_them_covers_is_not_told() -> None:
    offers = [offer("silent", lacking(Need.SOUND)), offer("poor", NOTHING)]
    assert list(refusal(offers, replace(PLAIN, sound=True, duration_s=7)).unmet) == [Need.SOUND]


def test_what_several_providers_cover_together_is_listed_together() -> None:
    offers = [
        offer("a", replace(EVERYTHING, durations_s=frozenset({5, 10}))),
        offer("b", replace(EVERYTHING, durations_s=frozenset({10, 4}))),
    ]
    assert refusal(offers, replace(PLAIN, duration_s=7)).unmet == {Need.DURATION_S: ("4", "5", "10")}


def test_modes_are_listed_from_the_cheapest_on() -> None:
    offers = [offer("a", replace(EVERYTHING, modes=frozenset({Mode.PRO, Mode.STD})))]
    assert refusal(offers, replace(PLAIN, mode=Mode.UHD)).unmet == {Need.MODE: ("std", "pro")}


def test_needs_that_only_different_providers_cover_are_a_wrong_combination() -> None:
    offers = [offer("silent", lacking(Need.SOUND)), offer("short", lacking(Need.DURATION_S))]
    error = refusal(offers, replace(PLAIN, sound=True, duration_s=7))
    assert error.unmet == {}


def test_the_cheap_tier_is_tried_before_the_official_one() -> None:
    offers = [offer("official", EVERYTHING, Tier.OFFICIAL), offer("value", EVERYTHING)]
    assert names(candidates(offers, PLAIN, Route.AUTO)) == ["value", "official"]


def test_within_a_tier_the_configured_order_counts() -> None:
    offers = [offer(name, EVERYTHING) for name in ("c", "a", "b")]
    assert names(candidates(offers, PLAIN, Route.AUTO)) == ["c", "a", "b"]


def priced(name: str, unit: int, job: int = 0, tier: Tier = Tier.VALUE, **changes: Any) -> Offer:
    return replace(offer(name, EVERYTHING, tier), unit_microdollars=unit, job_microdollars=job, **changes)


@pytest.mark.parametrize(("units", "expected"), [(1, ["by unit", "by job"]), (10, ["by job", "by unit"])])
def test_the_cheapest_for_this_very_request_comes_first(units: int, expected: list[str]) -> None:
    offers = [priced("by job", 0, 500), priced("by unit", 100)]
    assert names(candidates(offers, PLAIN, Route.VALUE, Fraction(units))) == expected


def test_a_price_for_the_model_goes_before_the_providers_own() -> None:
    offers = [priced("dear", 100), priced("special", 900, prices={"m": Price(50, 0)})]
    assert names(candidates(offers, PLAIN, Route.AUTO, Fraction(5))) == ["special", "dear"]


def test_a_cheap_official_provider_still_comes_after_the_value_tier() -> None:
    offers = [priced("official", 1, tier=Tier.OFFICIAL), priced("value", 100)]
    assert names(candidates(offers, PLAIN, Route.AUTO, Fraction(5))) == ["value", "official"]


def test_of_equally_cheap_ones_who_honours_cfg_scale_comes_first() -> None:
    deaf = replace(EVERYTHING, cfg_scale=False)
    strict = replace(PLAIN, cfg_scale=0.9)
    offers = [offer("deaf", deaf), offer("hears", EVERYTHING)]
    assert names(candidates(offers, strict, Route.AUTO, Fraction(5))) == ["hears", "deaf"]
    cheap = replace(offers[0], unit_microdollars=1)
    dear = replace(offers[1], unit_microdollars=2)
    assert names(candidates([cheap, dear], strict, Route.AUTO, Fraction(5))) == ["deaf", "hears"]


# --- whose turn it is -------------------------------------------------------------------------------------------------

NOW = 1_000
A, B, OFFICIAL = offer("a", EVERYTHING), offer("b", EVERYTHING), offer("o", EVERYTHING, Tier.OFFICIAL)
OPEN, SLOW = Standing(free_at_us=NOW + 1), Standing(is_degraded=True)


@pytest.mark.parametrize(
    ("attempt", "last", "standings", "expected"),
    [
        (0, None, {}, ["a", "b", "o"]),
        (1, "a", {}, ["b", "o", "a"]),
        (2, "b", {}, ["o", "a", "b"]),
        (3, "o", {}, ["a", "b", "o"]),
        (0, None, {"a": OPEN}, ["b", "o"]),
        (1, "a", {"b": OPEN}, ["o", "a"]),
        (1, "a", {"b": OPEN, "o": OPEN}, ["a"]),
        (0, None, {"a": OPEN, "b": OPEN, "o": OPEN}, []),
        (0, None, {"a": Standing(free_at_us=NOW)}, ["a", "b", "o"]),
        (0, None, {"a": SLOW}, ["b", "a", "o"]),
        (0, None, {"a": SLOW, "b": SLOW}, ["a", "b", "o"]),
        (0, "a", {}, ["a", "b", "o"]),
        (1, "b", {"a": SLOW}, ["a", "o", "b"]),
    ],
)
def test_who_is_asked_next(attempt: int, last: str | None, standings: dict[str, Standing], expected: list[str]) -> None:
    found = in_turn([A, B, OFFICIAL], attempt, last, lambda of: standings.get(of.provider, Standing()), NOW)
    assert names(found) == expected


@pytest.mark.parametrize(("route", "expected"), [(Route.VALUE, ["value"]), (Route.OFFICIAL, ["official"])])
def test_a_route_leaves_only_its_own_tier(route: Route, expected: list[str]) -> None:
    offers = [offer("official", EVERYTHING, Tier.OFFICIAL), offer("value", EVERYTHING)]
    assert names(candidates(offers, PLAIN, route)) == expected


@pytest.mark.parametrize(("route", "expected"), [(Route.PREVIEW, [BUILT_IN]), (Route.PAID, ["value", "official"])])
def test_the_consoles_routes_part_the_built_in_engine_from_all_others(route: Route, expected: list[str]) -> None:
    offers = [offer("official", EVERYTHING, Tier.OFFICIAL), offer(BUILT_IN, EVERYTHING), offer("value", EVERYTHING)]
    assert names(candidates(offers, PLAIN, route)) == expected


def test_a_route_without_a_provider_is_refused_without_blaming_a_field() -> None:
    error = refusal([offer("value", EVERYTHING)], PLAIN, Route.OFFICIAL)
    assert error.unmet == {}


def test_a_route_does_not_fall_back_to_the_other_tier() -> None:
    offers = [offer("official", NOTHING, Tier.OFFICIAL), offer("value", EVERYTHING)]
    error = refusal(offers, replace(PLAIN, duration_s=7), Route.OFFICIAL)
    assert error.unmet == {Need.DURATION_S: ("5", "10")}


def test_a_model_that_nobody_serves_is_refused_without_blaming_a_field() -> None:
    error = refusal([offer("a", EVERYTHING, model="other")], PLAIN)
    assert (error.model, error.unmet) == ("m", {})


def test_whether_anybody_serves_a_model_is_known() -> None:
    assert serves_any([offer("a", NOTHING)], "m")
    assert not serves_any([offer("a", NOTHING)], "other")
    assert not serves_any([], "m")


def test_a_reference_of_a_kind_that_a_provider_takes_is_no_obstacle() -> None:
    video = Reference(kind=MediaKind.VIDEO, url="https://example.com/a.mp4")
    assert EVERYTHING.unmet(replace(PLAIN, start_frame=video)) == (Need.REFERENCE_KIND,)
    both = replace(EVERYTHING, reference_kinds=frozenset({MediaKind.IMAGE, MediaKind.VIDEO}))
    assert both.unmet(replace(PLAIN, start_frame=video, last_frame=IMAGE)) == ()


def test_the_expected_time_follows_the_pace_of_the_mode() -> None:
    assert offer("a", EVERYTHING).run_s(replace(PLAIN, duration_s=10)) == 20.0
    assert offer("a", EVERYTHING).run_s(replace(PLAIN, mode=Mode.STD, duration_s=10)) == 10.0


def test_a_provider_looks_at_tasks_of_its_routes_and_of_those_that_nobody_serves() -> None:
    value, official = offer("value", EVERYTHING), offer("official", EVERYTHING, Tier.OFFICIAL)
    built_in = offer(BUILT_IN, EVERYTHING)
    offers = [value, official, built_in]
    assert set(routes_taken(value, offers)) == {Route.AUTO, Route.VALUE, Route.PAID}
    assert set(routes_taken(official, offers)) == {Route.AUTO, Route.OFFICIAL, Route.PAID}
    assert set(routes_taken(built_in, offers)) == {Route.AUTO, Route.VALUE, Route.PREVIEW}
    assert set(routes_taken(value, [value])) == set(Route)
