"""What a task is asked to make, and how it survives being kept as text."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelway.domain.generation import (
    PUBLIC_ROUTES,
    Generation,
    Mode,
    Product,
    Reference,
    generation_of,
    generation_text,
)
from reelway.domain.ids import FileId
from reelway.domain.media import MediaKind

PLAIN = Generation("kling-3-0", "A bottle", 5, "16:9", Mode.PRO)
FILE = Reference(file_id=FileId("file_01KB2R8T4NQ6V0X3Z5A7C9E1G5"))
LINK = Reference(kind=MediaKind.VIDEO, url="https://cdn.example.com/ایک.mp4")

REFERENCES = st.none() | st.sampled_from([FILE, LINK, Reference(url="https://example.com/a.png")])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
GENERATIONS = st.builds(
    Generation,
    model=TEXTS,
    prompt=TEXTS,
    duration_s=st.integers(1, 15),
    aspect_ratio=st.sampled_from(["16:9", "9:16", "1:1"]),
    mode=st.sampled_from(list(Mode)),
    negative_prompt=TEXTS,
    cfg_scale=st.floats(0, 1),
    sound=st.booleans(),
    multi_shots=st.booleans(),
    start_frame=REFERENCES,
    last_frame=REFERENCES,
)


@given(GENERATIONS)
def test_a_generation_survives_being_kept(generation: Generation) -> None:
    again = generation_of(generation_text(generation))
    assert again == generation
    assert type(again.mode) is Mode
    for before, after in zip(generation.references, again.references, strict=True):
        assert (after, type(after.kind)) == (before, MediaKind)


def test_people_can_read_what_is_kept() -> None:
    assert "ایک شہر" in generation_text(replace(PLAIN, prompt="ایک شہر"))


def test_a_field_that_we_do_not_know_is_our_mistake() -> None:
    text = json.dumps(json.loads(generation_text(PLAIN)) | {"colour": "red"})
    with pytest.raises(TypeError):
        generation_of(text)


@pytest.mark.parametrize("fields", [{}, {"file_id": FileId("file_1"), "url": "https://example.com"}])
def test_a_reference_is_either_a_file_or_a_url(fields: dict[str, str]) -> None:
    with pytest.raises(AssertionError):
        Reference(**fields)  # type: ignore[arg-type]


def test_an_image_makes_it_image_to_video() -> None:
    assert PLAIN.product is Product.TEXT_TO_VIDEO
    assert replace(PLAIN, start_frame=FILE).product is Product.IMAGE_TO_VIDEO


def test_references_come_start_frame_first() -> None:
    assert PLAIN.references == ()
    assert replace(PLAIN, last_frame=LINK, start_frame=FILE).references == (FILE, LINK)


def test_the_words_are_those_of_the_contracts() -> None:
    assert [mode.value for mode in Mode] == ["std", "pro", "4k"]
    assert [product.value for product in Product] == ["text-to-video", "image-to-video"]
    assert [route.value for route in PUBLIC_ROUTES] == ["auto", "value", "official"]
