"""JSON with one meaning only. Source: Rivya contract, sections 7.4 (V1) and 7.6."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelway.wire.strict_json import DEPTH_MAX, StrictJsonError, canonical, decode, encode, fingerprint

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip

VECTOR = (
    b'{"model":"kling-v2-5-turbo-pro","prompt":"A glass bottle turns slowly on a black table",'
    b'"params":{"duration":"5","cfg_scale":0.5}}'
)


def test_the_contracts_vector_has_its_canonical_form_and_fingerprint() -> None:
    assert canonical(decode(VECTOR)) == (
        b'{"model":"kling-v2-5-turbo-pro","params":{"cfg_scale":0.5,"duration":"5"},'
        b'"prompt":"A glass bottle turns slowly on a black table"}'
    )
    assert fingerprint(decode(VECTOR)) == "8f9becafc44822d039bd5b573e767a86612cdc0a1c0ade5b3ff5f166c1765591"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a":1,"b":2}', b' { "b" : 2 , "a" : 1 } '),
        (b'{"a":5}', b'{"a":5.0}'),
        (b'{"a":100}', b'{"a":1e2}'),
        (b'{"a":0}', b'{"a":-0.0}'),
        (b'{"a":"\\u00e9"}', '{"a":"é"}'.encode()),
        (b'{"a":"\\ud83d\\ude00"}', '{"a":"😀"}'.encode()),
        (b'{"a":"\\/"}', b'{"a":"/"}'),
        (b'{"a":[1.0,{"b":2.0}]}', b'{"a":[1,{"b":2}]}'),
    ],
)
def test_requests_that_mean_the_same_have_one_fingerprint(one: bytes, other: bytes) -> None:
    assert fingerprint(decode(one)) == fingerprint(decode(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a":1}', b'{"a":"1"}'),
        (b'{"a":1}', b'{"a":true}'),
        (b'{"a":0}', b'{"a":false}'),
        (b'{"a":null}', b"{}"),
        (b'{"a":[1,2]}', b'{"a":[2,1]}'),
        (b'{"a":"x"}', b'{"a":"X"}'),
        (b'{"a":"x"}', b'{"a":"x "}'),
        (b'{"a":"\\u00e9"}', '{"a":"e\u0301"}'.encode()),
        (b'{"a":5}', b'{"a":5.5}'),
    ],
)
def test_requests_that_differ_have_different_fingerprints(one: bytes, other: bytes) -> None:
    assert fingerprint(decode(one)) != fingerprint(decode(other))


def test_keys_are_sorted_by_code_point_and_non_ascii_stays_as_it_is() -> None:
    assert canonical({"é": 1, "z": 2, "Z": 3, "ب": 4, "😀": 5}) == '{"Z":3,"z":2,"é":1,"ب":4,"😀":5}'.encode()


@given(VALUES)
def test_the_canonical_form_is_stable_and_means_the_same(value: object) -> None:
    once = canonical(value)
    assert canonical(decode(once)) == once
    assert fingerprint(decode(json.dumps(value).encode())) == fingerprint(value)


@given(VALUES)
def test_what_we_write_is_what_we_read(value: object) -> None:
    assert decode(encode(value)) == value


def test_we_write_compactly_and_in_utf_8() -> None:
    assert encode({"a": ["ایک", 1.5, None]}) == '{"a":["ایک",1.5,null]}'.encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"}",
        b"{'a':1}",
        b'{"a":1,}',
        b"[1,]",
        b'{"a":1}x',
        b'{"a":1}{"b":2}',
        b"nul",
        b"// no\n{}",
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":1.}',
        b'{"a":0x10}',
        b'{a:1}',
        b'{"a":"\n"}',
        b'{"a":"\x00"}',
        b'{"a":"\\x41"}',
        b'{"a":"\\u12"}',
        b'{"a":"\\u+123"}',
        b"\xef\xbb\xbf{}",
    ],
)  # fmt: skip
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(StrictJsonError):
        decode(raw)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e999999999"])
def test_numbers_that_are_none_are_refused(number: bytes) -> None:
    with pytest.raises(StrictJsonError):
        decode(b'{"a":' + number + b"}")


def test_a_key_that_stands_twice_is_refused_wherever_it_stands() -> None:
    for raw in (b'{"a":1,"a":1}', b'{"x":[{"a":1,"a":2}]}', b'{"a":1,"\\u0061":2}'):
        with pytest.raises(StrictJsonError, match="stands twice"):
            decode(raw)


@pytest.mark.parametrize("raw", [b"\xff", b'{"a":"\xc3"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc0\xaf"}', b"\x00{\x00}"])
def test_what_is_not_utf_8_is_refused(raw: bytes) -> None:
    with pytest.raises(StrictJsonError):
        decode(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'"\\ud800"',
        b'"\\uDC00"',
        b'"\\ude00\\ud83d"',
        b'{"a":"x\\ud83d y"}',
        b'{"\\udfff":1}',
        b'[["\\uDBFF"]]',
        b'"\\ud83d\\ud83d\\ude00"',
    ],
)
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(raw: bytes) -> None:
    with pytest.raises(StrictJsonError):
        decode(raw)


def test_a_whole_pair_and_an_escaped_backslash_are_no_fault() -> None:
    assert decode(b'"\\ud83d\\ude00"') == "😀"
    assert decode(b'"\\\\ud800"') == "\\ud800"


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_has_a_limit(opening: bytes, closing: bytes) -> None:
    inner = b"1"
    decode(opening * DEPTH_MAX + inner + closing * DEPTH_MAX)
    for depth in (DEPTH_MAX + 1, 5_000, 200_000):
        with pytest.raises(StrictJsonError):
            decode(opening * depth + inner + closing * depth)


def test_a_body_that_only_opens_is_refused() -> None:
    with pytest.raises(StrictJsonError):
        decode(b"[" * 1_000_000)


def test_numbers_of_absurd_length_are_refused() -> None:
    decode(b"1" * 1_000)
    with pytest.raises(StrictJsonError):
        decode(b"1" * 10_000)
    with pytest.raises(StrictJsonError):
        decode(b'{"a":-' + b"9" * 1_000_000 + b"}")


def test_long_fractions_are_only_rounded() -> None:
    assert decode(b"0." + b"3" * 5_000) == pytest.approx(1 / 3)


def test_a_value_that_is_no_json_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode(float("nan"))


def test_a_large_body_may_hold_long_texts_but_not_millions_of_values() -> None:
    """The decoder lets nobody else run: 60 MB of zeros would hold up a gateway for seconds."""
    image = b"A" * 4_000_000
    assert len(decode(b'{"image":"%b"}' % image)["image"]) == len(image)
    for text in (b"[" + b"0," * 1_000_000 + b"0]", b'{"a":[' + b"{}," * 500_000 + b"{}]}"):
        with pytest.raises(StrictJsonError):
            decode(text)
