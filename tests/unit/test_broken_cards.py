"""A broken card stops the start and says in which file, at which field, and why. Adding a model is adding a file."""

from pathlib import Path

import pytest

from reelway.catalog import CardError, load_card, load_catalog
from reelway.domain.catalog import Catalog

NAME = "my-model.toml"
CARD = """
id = "my-model"
position = 5
display_name = "My model"
category = "video"
base_credits = 10
billing_type = "FIXED"
prompt_length_max = 500
fixed_mode = "pro"
example_prompt = { en = "A cat", ur = "ایک بلی" }

[names]
kling = "my-model-v1"

[units_per_second]
pro = { silent = "0.5", sound = "0.75", voice = "0.95" }

[references]
files_max = 1
takes_tail_frame = false
summary = { en = "one image", ur = "ایک تصویر" }
rule = { en = "One image.", ur = "ایک تصویر۔" }

[[references.uploads]]
kind = "image"
size_bytes_max = 1000
mime_types = ["image/png"]

[[params]]
key = "duration"
type = "select"
control = "duration_s"
default = "5"
options = ["5", "10"]
label = { en = "Duration", ur = "دورانیہ" }
description = { en = "Duration", ur = "دورانیہ" }

[[params]]
key = "aspect_ratio"
type = "select"
control = "aspect_ratio"
default = "16:9"
options = ["16:9", "1:1"]
label = { en = "Aspect ratio", ur = "تناسب" }
description = { en = "Aspect ratio", ur = "تناسب" }

[[params]]
key = "cfg"
type = "number"
control = "cfg_scale"
default = 0.5
min = 0
max = 1
label = { en = "CFG", ur = "پابندی" }
description = { en = "CFG", ur = "پابندی" }

[[params]]
key = "avoid"
type = "text"
control = "negative_prompt"
length_max = 100
label = { en = "Avoid", ur = "بچنا" }
description = { en = "Avoid", ur = "بچنا" }
"""
MODE_PARAM = """
[[params]]
key = "mode"
type = "select"
control = "mode"
default = "pro"
options = ["std", "pro"]
label = { en = "Mode", ur = "معیار" }
description = { en = "Mode", ur = "معیار" }
"""

# (what stands in the good card, what stands there instead, the field that is named, words of the reason)
FAULTS = {
    "id missing": ('id = "my-model"\n', "", "id", "required"),
    "id with capitals": ('id = "my-model"', 'id = "My-Model"', "(card)", "lower-case"),
    "id of another file": ('id = "my-model"', 'id = "other-model"', "id", "must be named other-model.toml"),
    "unknown key": ("position = 5", 'position = 5\ncolour = "red"', "colour", "nexpected"),
    "unknown key inside": ('kling = "my-model-v1"', 'sora = "x"', "names.sora", "nexpected"),
    "text as number": ("base_credits = 10", 'base_credits = "ten"', "base_credits", "integer"),
    "free of charge": ("base_credits = 10", "base_credits = 0", "(card)", "positive"),
    "fraction of a credit": ("base_credits = 10", "base_credits = 10.5", "base_credits", "integer"),
    "no prompt allowed": ("prompt_length_max = 500", "prompt_length_max = 0", "(card)", "positive"),
    "unknown billing": ('"FIXED"', '"FREE"', "billing_type", "FIXED"),
    "unknown fixed mode": ('fixed_mode = "pro"', 'fixed_mode = "8k"', "fixed_mode", "std"),
    "neither mode nor fixed mode": ('fixed_mode = "pro"\n', "", "(card)", "mode parameter or a fixed_mode"),
    "text in one language": (', ur = "ایک بلی"', "", "example_prompt.ur", "required"),
    "text that is blank": ('"ایک بلی"', '"  "', "example_prompt", "both languages"),
    "no units for the mode": ("pro = { silent", "std = { silent", "(card)", "units_per_second lacks pro"),
    "units that are no number": ('silent = "0.5"', 'silent = "half"', "units_per_second.pro.silent", "fraction"),
    "three files": ("files_max = 1", "files_max = 3", "references", "from 0 to 2"),
    "two files without a tail frame": ("files_max = 1", "files_max = 2", "references", "tail frame"),
    "tail frame with one file": ("takes_tail_frame = false", "takes_tail_frame = true", "references", "tail frame"),
    "a kind that is none": ('kind = "image"', 'kind = "smell"', "references.uploads.0.kind", "image"),
    "size of nothing": ("size_bytes_max = 1000", "size_bytes_max = 0", "references.uploads.0", "positive"),
    "no MIME types": ('["image/png"]', "[]", "references.uploads.0", "MIME types"),
    "MIME type of another kind": ('"image/png"', '"video/mp4"', "references.uploads.0", "not of the kind image"),
    "default that is no option": ('default = "5"', 'default = "7"', "params.0", "not among the options"),
    "select without a default": ('default = "5"\n', "", "params.0", "not among the options"),
    "repeated option": ('["5", "10"]', '["5", "5"]', "params.0", "different options"),
    "no options": ('["5", "10"]', "[]", "params.0", "different options"),
    "duration of no number": ('["5", "10"]', '["5", "long"]', "params.0", "whole seconds"),
    "duration of nothing": ('["5", "10"]', '["5", "0"]', "params.0", "whole seconds"),
    "duration that is too long": ('["5", "10"]', '["5", "16"]', "params.0", "from 1 to 15"),
    "duration in other digits": ('["5", "10"]', '["5", "²"]', "params.0", "whole seconds"),
    "unknown aspect ratio": ('["16:9", "1:1"]', '["16:9", "4:3"]', "params.1", "aspect ratios"),
    "select with a range": ('default = "5"', 'default = "5"\nmin = 1', "params.0", "neither min"),
    "unknown type": ('type = "number"', 'type = "slider"', "params.2.type", "select"),
    "unknown control": ('"cfg_scale"', '"magic"', "params.2.control", "duration_s"),
    "number without a range": ("min = 0\n", "", "params.2", "min below max"),
    "number with a range upside down": ("min = 0", "min = 2", "params.2", "min below max"),
    "number with options": ("min = 0", 'min = 0\noptions = ["1"]', "params.2", "neither options"),
    "default out of range": ("default = 0.5", "default = 1.5", "params.2", "from 0"),
    "default of another type": ("default = 0.5", 'default = "0.5"', "params.2", "must be a number"),
    "text without a limit": ("length_max = 100\n", "", "params.3", "positive length_max"),
    "text with a range": ("length_max = 100", "length_max = 100\nmax = 3", "params.3", "a text has no options"),
    "a control twice": ('"negative_prompt"', '"cfg_scale"', "(card)", "of its own"),
    "a key twice": ('key = "avoid"', 'key = "cfg"', "(card)", "of its own"),
    "the reserved key": ('key = "avoid"', 'key = "referenceMediaItems"', "(card)", "of its own"),
    "no duration": ('control = "duration_s"', 'control = "sound"', "params.0", '"false" and "true"'),
    "not TOML": ("position = 5", "position = ", "(file)", "line 3"),
    "no text": ("position = 5", "\udcff", "(file)", "utf-8"),
    "a key given twice": ("position = 5", "position = 5\nposition = 6", "(file)", "overwrite"),
}


def written(folder: Path, text: str, name: str = NAME) -> Path:
    path = folder / name
    path.write_bytes(text.encode(errors="surrogateescape"))
    return path


def test_the_good_card_is_good(tmp_path: Path) -> None:
    written(tmp_path, CARD)
    card = load_catalog(tmp_path)["my-model"]
    assert (card.id, card.base_credits, card.names.kling, card.names.apixo) == ("my-model", 10, "my-model-v1", {})


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_names_its_file_its_field_and_its_reason(fault: str, tmp_path: Path) -> None:
    good, bad, field, reason = FAULTS[fault]
    assert CARD.count(good) >= 1, "the case does not fit the good card"
    path = written(tmp_path, CARD.replace(good, bad, 1))
    with pytest.raises(CardError) as refused:
        load_card(path)
    assert (refused.value.file, refused.value.field) == (NAME, field)
    assert reason in refused.value.reason
    assert str(refused.value) == f"{NAME}: {field}: {refused.value.reason}"


def test_one_broken_card_stops_the_whole_catalogue(tmp_path: Path) -> None:
    written(tmp_path, CARD)
    written(tmp_path, "id = 1", "broken.toml")
    with pytest.raises(CardError, match=r"broken\.toml"):
        load_catalog(tmp_path)


@pytest.mark.parametrize("comment", ["#", "# ایک بلی "], ids=["ascii", "urdu"])
def test_a_card_of_absurd_size_is_refused_and_not_cut(comment: str, tmp_path: Path) -> None:
    """The limit counts bytes, so it must not be passed by letters that take several."""
    plain = "".join(character if character.isascii() else "x" for character in CARD)
    text = (plain if comment == "#" else CARD) + comment * 300_000
    with pytest.raises(CardError, match="larger than"):
        load_card(written(tmp_path, text))


def test_a_card_without_a_duration_or_an_aspect_ratio_is_refused(tmp_path: Path) -> None:
    first, second = CARD.index("[[params]]"), CARD.index("[[params]]", CARD.index("[[params]]") + 1)
    with pytest.raises(CardError, match="duration_s is missing"):
        load_card(written(tmp_path, CARD[:first] + CARD[second:]))
    third = CARD.index("[[params]]", second + 1)
    with pytest.raises(CardError, match="aspect_ratio is missing"):
        load_card(written(tmp_path, CARD[:second] + CARD[third:]))


def test_a_card_with_a_mode_parameter_has_no_fixed_mode(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="either a mode parameter or a fixed_mode"):
        load_card(written(tmp_path, CARD + MODE_PARAM))


def test_a_mode_parameter_needs_units_for_each_of_its_modes(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="units_per_second lacks std"):
        load_card(written(tmp_path, CARD.replace('fixed_mode = "pro"\n', "") + MODE_PARAM))


@pytest.mark.parametrize("options", ['["yes", "no"]', '["false"]'])
def test_a_switch_has_the_options_false_and_true(options: str, tmp_path: Path) -> None:
    switch = MODE_PARAM.replace('"mode"', '"sound"').replace('["std", "pro"]', options).replace('"pro"', '"false"')
    with pytest.raises(CardError, match="false"):
        load_card(written(tmp_path, CARD + switch))


def test_an_own_card_may_not_take_the_id_of_a_built_in_one(tmp_path: Path) -> None:
    written(tmp_path, CARD.replace('"my-model"', '"kling-3-0"'), "kling-3-0.toml")
    with pytest.raises(CardError, match="kling-3-0"):
        load_catalog(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="is not a folder"):
        load_catalog(tmp_path / "nowhere")


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a card")
    assert len(list(load_catalog(tmp_path))) == len(list(load_catalog()))


def test_an_own_card_stands_in_the_list_by_its_position(tmp_path: Path) -> None:
    written(tmp_path, CARD)
    assert next(iter(load_catalog(tmp_path))).id == "my-model"


def test_cards_are_found_by_their_id_only() -> None:
    catalog = load_catalog()
    assert catalog.get("kling-3-0") is catalog["kling-3-0"]
    assert catalog.get("KLING-3-0") is None
    with pytest.raises(KeyError):
        catalog["nothing"]


def test_two_cards_with_one_id_are_no_catalogue() -> None:
    card = load_catalog()["kling-3-0"]
    with pytest.raises(ValueError, match="same id"):
        Catalog([card, card])
