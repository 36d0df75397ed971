"""Byte ranges of results and files. Source: RFC 9110, section 14."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelway.server.delivery import UnsatisfiableRangeError, parse_range

SIZE = 1_000


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-499", (0, 500)),
        ("bytes=500-999", (500, 1_000)),
        ("bytes=500-", (500, 1_000)),
        ("bytes=0-", (0, 1_000)),
        ("bytes=999-", (999, 1_000)),
        ("bytes=-1", (999, 1_000)),
        ("bytes=-500", (500, 1_000)),
        ("bytes=-1000", (0, 1_000)),
        ("bytes=-5000", (0, 1_000)),
        ("bytes=900-5000", (900, 1_000)),
        ("bytes=0-999999999999999999", (0, 1_000)),
        (" bytes=1-2 ", (1, 3)),
    ],
)
def test_a_range_gives_its_bytes(header: str, span: tuple[int, int]) -> None:
    assert parse_range(header, SIZE) == span


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1000", "bytes=5000-6000", "bytes=-0"])
def test_a_range_beyond_the_end_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        parse_range(header, SIZE)


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=-", "bytes=2-1", "bytes=a-b", "bytes=0-1,5-6", "lines=0-1", "bytes=0x0-0x5",
     "bytes=+1-2", "bytes=1 - 2", "bytes=--5", "0-5", "bytes=1.5-2", "bytes=9999999999999999999-"],
)  # fmt: skip
def test_what_is_no_single_byte_range_means_the_whole_file(header: str | None) -> None:
    assert parse_range(header, SIZE) is None


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-1"])
def test_an_empty_file_has_no_range(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        parse_range(header, 0)


@given(st.integers(0, 5_000), st.integers(0, 6_000), st.integers(0, 6_000))
def test_a_range_never_reaches_outside_the_file(size: int, first: int, last: int) -> None:
    content = bytes(number % 251 for number in range(size))
    for header, expected in (
        (f"bytes={first}-{last}", content[first : last + 1]),
        (f"bytes={first}-", content[first:]),
        (f"bytes=-{last}", content[max(0, size - last) :]),
    ):
        try:
            span = parse_range(header, size)
        except UnsatisfiableRangeError:
            assert expected == b""
        else:
            if span is None:
                assert first > last
            else:
                assert content[span[0] : span[1]] == expected
                assert 0 <= span[0] < span[1] <= size


@given(st.text(max_size=40))
def test_no_header_makes_the_parser_fail_over(header: str) -> None:
    try:
        span = parse_range(header, SIZE)
    except UnsatisfiableRangeError:
        return
    assert span is None or 0 <= span[0] < span[1] <= SIZE
