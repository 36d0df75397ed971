"""The two cards of the seeds, stated here once more from the seeds' own text. Sources: seeds 000 to 002."""

from fractions import Fraction

import pytest

from reelway.catalog import load_catalog
from reelway.domain.catalog import BillingType, Card, Control, Param, ParamType
from reelway.domain.generation import Mode
from reelway.domain.media import MediaKind

CATALOG = load_catalog()
MB = 1_048_576


@pytest.fixture
def turbo() -> Card:
    return CATALOG["kling-v2-5-turbo-pro"]


@pytest.fixture
def kling3() -> Card:
    return CATALOG["kling-3-0"]


def param(card: Card, key: str) -> Param:
    found = card.param(key)
    assert found is not None
    return found


def test_turbo_says_what_seeds_000_and_001_say_of_the_model(turbo: Card) -> None:
    assert turbo.id == "kling-v2-5-turbo-pro"
    assert turbo.display_name == "Kling V2.5 Turbo Pro"
    assert turbo.category == "video"
    assert turbo.base_credits == 42
    assert turbo.billing_type is BillingType.FIXED
    assert turbo.prompt_length_max == 2500


def test_kling_3_says_what_seed_002_says_of_the_model(kling3: Card) -> None:
    assert kling3.id == "kling-3-0"
    assert kling3.display_name == "Kling 3.0"
    assert kling3.category == "video"
    assert kling3.base_credits == 90
    assert kling3.billing_type is BillingType.FIXED
    assert kling3.prompt_length_max == 2000


def test_turbo_takes_exactly_the_parameters_of_the_seeds_in_their_order(turbo: Card) -> None:
    assert [param.key for param in turbo.params] == ["duration", "aspect_ratio", "negative_prompt", "cfg_scale"]
    assert turbo.param_keys == ("duration", "aspect_ratio", "negative_prompt", "cfg_scale", "referenceMediaItems")


def test_kling_3_takes_exactly_the_parameters_of_the_seed_in_their_order(kling3: Card) -> None:
    assert [param.key for param in kling3.params] == ["mode", "multi_shots", "duration", "sound", "aspect_ratio"]
    assert kling3.param("negative_prompt") is None
    assert kling3.param("cfg_scale") is None


SELECTS = [
    ("kling-v2-5-turbo-pro", "duration", "5", ("5", "10"), "Duration", "Duration"),
    ("kling-v2-5-turbo-pro", "aspect_ratio", "16:9", ("16:9", "9:16", "1:1"), "Aspect ratio", "Aspect ratio"),
    ("kling-3-0", "mode", "pro", ("std", "pro"), "Generation mode", "Generation mode"),
    ("kling-3-0", "multi_shots", "false", ("false", "true"), "Shot mode", "Shot mode"),
    (
        "kling-3-0",
        "duration",
        "5",
        ("3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"),
        "Duration",
        "Duration",
    ),
    ("kling-3-0", "sound", "false", ("false", "true"), "Generate audio", "Generate audio"),
    ("kling-3-0", "aspect_ratio", "16:9", ("16:9", "9:16", "1:1"), "Aspect ratio", "Aspect ratio"),
]


@pytest.mark.parametrize(("model", "key", "default", "options", "english", "urdu"), SELECTS)
def test_a_select_has_the_default_the_options_and_the_description_of_the_seeds(
    model: str, key: str, default: str, options: tuple[str, ...], english: str, urdu: str
) -> None:
    found = param(CATALOG[model], key)
    assert (found.type, found.default, found.options) == (ParamType.SELECT, default, options)
    assert (found.min, found.max, found.length_max) == (None, None, None)
    assert (found.description.en, found.description.ur) == (english, urdu)


def test_the_negative_prompt_is_a_text_without_a_default(turbo: Card) -> None:
    found = param(turbo, "negative_prompt")
    assert (found.type, found.default, found.options) == (ParamType.TEXT, None, ())
    assert found.length_max == 2500  # Rivya contract, section 6.1
    assert found.description.en == "Negative prompt"
    assert found.example is not None
    assert found.example.en == "Describe what the video should avoid"
    assert found.example.ur == "Describe کریں کہ video کو کن چیزوں سے بچنا چاہئے"


def test_the_cfg_scale_is_a_number_from_0_to_1(turbo: Card) -> None:
    found = param(turbo, "cfg_scale")
    assert (found.type, found.default, found.min, found.max) == (ParamType.NUMBER, 0.5, 0, 1)
    assert found.description.en == (
        "Controls how tightly the result follows your prompt. Higher values usually stay closer to the prompt, but can "
        "also make motion or composition feel stiffer."
    )
    assert found.description.ur == (
        "یہ control کرتا ہے کہ result آپ کے prompt کو کتنی سختی سے follow کرے۔ Higher values عموما prompt کے قریب رہتی "
        "ہیں، مگر motion یا composition کو زیادہ stiff بھی بنا سکتی ہیں۔"
    )


@pytest.mark.parametrize("model", ["kling-v2-5-turbo-pro", "kling-3-0"])
def test_the_upload_policy_is_the_seeds(model: str) -> None:
    rules = CATALOG[model].references
    assert (rules.files_max, rules.kinds, rules.takes_tail_frame) == (2, (MediaKind.IMAGE,), True)
    assert not rules.requires_duration_token  # only video and audio could need one, and neither is accepted
    upload = rules.upload_of(MediaKind.IMAGE)
    assert upload is not None
    assert upload.size_bytes_max == 10 * MB
    assert upload.mime_types == ("image/jpeg", "image/png", "image/webp")
    assert rules.upload_of(MediaKind.VIDEO) is None
    assert rules.upload_of(MediaKind.AUDIO) is None


def test_the_reference_rules_are_the_seeds_sentences(turbo: Card, kling3: Card) -> None:
    assert turbo.references.rule.en == (
        "Reference images: Optionally upload up to 2 images to switch into image-to-video mode; the second image maps "
        "to the tail frame."
    )
    assert turbo.references.rule.ur == (
        "Reference images: Image-to-video mode میں switch کرنے کے لئے optionally 2 images تک upload کریں؛ دوسری image "
        "tail frame پر map ہوتی ہے۔"
    )
    assert kling3.references.rule.ur == (
        "Reference media: Image-to-video projects کے لئے total 2 image files تک upload کریں۔"
    )


def test_the_summary_is_the_one_of_the_contract(turbo: Card, kling3: Card) -> None:
    """Source: Rivya contract, section 6.2."""
    summary = "0 to 2 images; the first is the start frame, the second the last frame"
    assert turbo.references.summary.en == kling3.references.summary.en == summary


def test_the_example_prompt_is_the_seeds(turbo: Card, kling3: Card) -> None:
    prompt = "A cinematic product reveal with smooth camera movement"
    assert turbo.example_prompt.en == kling3.example_prompt.en == prompt


def test_turbo_always_runs_in_pro_and_kling_3_offers_both(turbo: Card, kling3: Card) -> None:
    """Source: Rivya contract, section 6.1; seed 002."""
    assert (turbo.fixed_mode, turbo.modes, turbo.default_mode) == (Mode.PRO, (Mode.PRO,), Mode.PRO)
    assert (kling3.fixed_mode, kling3.modes, kling3.default_mode) == (None, (Mode.STD, Mode.PRO), Mode.PRO)
    assert turbo.default_duration_s == kling3.default_duration_s == 5


def test_the_cards_know_their_names_in_the_other_dialects(turbo: Card, kling3: Card) -> None:
    """Sources: seeds 003 and 004; Kling contract, section 6.1."""
    assert (turbo.names.kling, turbo.names.apixo) == ("kling-v2-5-turbo", {"kling-2-5-turbo-pro": Mode.PRO})
    assert (kling3.names.kling, kling3.names.apixo) == ("kling-v3", {"kling-3-0-std": Mode.STD})


BESIDE_THE_SEEDS = {
    "kling-2-6": ("kling-v2-6", 55),
    "kling-v2-1-master": ("kling-v2-1-master", 160),
    "kling-v2-master": ("kling-v2-master", 160),
    "kling-v2-1": ("kling-v2-1", 32),
    "kling-v1-6": ("kling-v1-6", 32),
    "kling-v1-5": ("kling-v1-5", 32),
    "kling-v1": ("kling-v1", 16),
}
"""Name in the Kling dialect, and base credits. Source: Kling contract, section 6.1."""


def test_the_cards_of_the_contract_beside_the_seeds_are_there() -> None:
    """Sources: Kling contract, sections 6.1, 6.3 and 7."""
    assert [card.id for card in CATALOG] == ["kling-v2-5-turbo-pro", "kling-3-0", *BESIDE_THE_SEEDS]
    for model, told in BESIDE_THE_SEEDS.items():
        card = CATALOG[model]
        assert (card.names.kling, card.base_credits) == told
        assert param(card, "duration").options == ("5", "10")
        assert param(card, "negative_prompt").length_max == 2500
        assert card.references.files_max == (1 if model.endswith("-master") else 2)


@pytest.mark.parametrize("card", list(CATALOG), ids=lambda card: card.id)
def test_every_text_stands_in_english_and_in_urdu(card: Card) -> None:
    texts = [card.references.summary, card.references.rule, card.example_prompt, *card.notices]
    for each in card.params:
        texts += [each.label, each.description, *([each.example] if each.example else [])]
    assert all(text.en.strip() and text.ur.strip() for text in texts)
    assert all(any("\u0600" <= character <= "\u06ff" for character in each.label.ur) for each in card.params)
    assert any("\u0600" <= character <= "\u06ff" for character in card.references.rule.ur)


@pytest.mark.parametrize("card", list(CATALOG), ids=lambda card: card.id)
def test_every_card_steers_what_a_generation_needs(card: Card) -> None:
    for control in (Control.DURATION_S, Control.ASPECT_RATIO):
        assert card.control(control) is not None
    assert all(isinstance(rates.silent, Fraction) for rates in card.units_per_second.values())
