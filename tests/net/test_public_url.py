"""The public URL rule, as far as it goes without DNS."""

import ipaddress
import socket

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelway.domain.public_url import is_public_address, public_url_problem

PASSING = [
    "https://cdn.example.com/reference-image.png",
    "HTTPS://CDN.Example.COM/a",
    "https://example.com",
    "https://example.com?x=1",
    "https://example.com./a",
    "https://example.com:8443/a?b=c&d=%20",
    "https://my_bucket.s3.amazonaws.com/a",
    "https://xn--mnchen-3ya.de/a",
    "https://MÜNCHEN.de/straße/ä.png",
    "https://مثال.com/تصویر.png",
    "https://8.8.8.8/a",
    "https://[2606:4700:4700::1111]:443/a",
    "https://[64:ff9b::8.8.8.8]/a",
    "https://127.0.0.1.example.com/a",
    "https://localhost.example.com/a",
    "https://example.com/a@b:c",
    "https://1e100.net/",
    "https://" + "a" * 63 + ".com/",
    "https://example.com/" + "x" * (2048 - 20),
]

FAILING = [
    "",
    "https",
    "https://",
    "https:///x",
    "https:/example.com/x",
    "https:example.com",
    "//example.com/x",
    "http://example.com/x",
    "ftp://example.com/x",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "httpsx://example.com",
    "https://example.com/" + "x" * (2049 - 20),
    # user info, fragments, and what a parser may take for them
    "https://user@example.com/",
    "https://user:pw@example.com/",
    "https://@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com/#",
    "https://example.com/#x",
    "https://example.com#@127.0.0.1/",
    "https://example.com\\@127.0.0.1/",
    "https:\\\\example.com\\x",
    "https://example.com/a\\b",
    # characters that parsers strip, split at or fold
    " https://example.com/",
    "https://example.com/ ",
    "https://exa mple.com/",
    "https://exa\tmple.com/",
    "https://local\nhost/",
    "\x00https://example.com/",
    "https://example.com/\x7f",
    "https://example.com/\u0085",
    "https://example.com/\u2028",
    "https://example.com/\u202e",
    "https://example.com/\ud800",
    "https://example.com\u00a0/",
    "https://example.com\u200b.evil.org/",
    "https://example.com／@evil.org/",
    "https://example\u2024com/",
    # hosts that are not public by name
    "https://localhost/",
    "https://LOCALHOST./",
    "https://localhost:8443/",
    "https://a.localhost/",
    "https://a.LocalHost./",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://metadata.google.internal./",
    "https://router.home.arpa/",
    "https://home.arpa/",
    "https://intranet/",
    "https://intranet./",
    "https://x.loc\ufe0fal/",
    "https://x.ｌｏｃａｌ/",
    "https://x。local/",
    "https://ⓛocalhost/",
    # hosts that are not names
    "https://./",
    "https://.example.com/",
    "https://example..com/",
    "https://example.com../",
    "https://-example.com/",
    "https://example-.com/",
    "https://exam%70le.com/",
    "https://%6c%6f%63alhost/",
    "https://" + "a" * 64 + ".com/",
    "https://" + ".".join(["a" * 60] * 5) + "/",
    "https://" + "ü" * 63 + ".com/",
    "https://exa$mple.com/",
    # ports
    "https://example.com:/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:999999/",
    "https://example.com:-1/",
    "https://example.com:44a/",
    "https://example.com:４４３/",
    "https://example.com:443:443/",
    # addresses, in every spelling that some resolver reads
    "https://127.0.0.1/",
    "https://127.0.0.1./",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://0x7F.0x0.0x0.0x1/",
    "https://0x/",
    "https://8.8.8.0x8/",
    "https://010.8.8.8/",
    "https://8.8.8/",
    "https://8.8.8.256/",
    "https://1.8.8.8.8/",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://127．0．0．1/",
    "https://١٢٧.٠.٠.١/",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a00:1]/",
    "https://[64:ff9b:1::808:808]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:808:808::1]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[2001:db8::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[2606:4700::1%eth0]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[::1/",
    "https://::1]/",
    "https://[::1]x/",
    "https://[::1]x:443/",
    "https://[127.0.0.1]/",
    "https://[v1.x]/",
    "https://[]/",
    "https://2606:4700::1/",
]


@pytest.mark.parametrize("url", PASSING)
def test_a_public_https_url_passes(url: str) -> None:
    assert public_url_problem(url) is None


@pytest.mark.parametrize("url", FAILING, ids=ascii)
def test_every_other_spelling_is_refused_with_a_reason(url: str) -> None:
    problem = public_url_problem(url)

    assert problem
    assert len(problem) < 80


@pytest.mark.parametrize(
    "text",
    ["1.1.1.1", "8.8.8.8", "99.255.255.255", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
     "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450::1",
     "2001:200::1", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)  # fmt: skip
def test_global_unicast_addresses_are_public(text: str) -> None:
    assert is_public_address(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0", "0.1.2.3", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.255.255.255", "168.63.129.16",
     "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1",
     "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
     "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "::8.8.8.8",
     "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1", "2001:10::1", "2001:1ff:ffff::1",
     "2001:db8::1", "2002:808:808::1", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fdff::1", "fe80::1",
     "fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1", "ff0e::1"],
)  # fmt: skip
def test_all_other_addresses_are_not(text: str) -> None:
    assert not is_public_address(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.com/", "the scheme must be https"),
        ("https://user@example.com/", "user info is not allowed"),
        ("https://example.com/#x", "a fragment is not allowed"),
        ("https://example.com:0/", "the port is not valid"),
        ("https://example.com:x/", "the host or port is not valid"),
        ("https://localhost/", "the host is not public"),
        ("https://10.0.0.1/", "the host is not public"),
        ("https://127.1/", "the host is not a valid address"),
        ("https://a..b/", "the host is not valid"),
        ("https://a b/", "the URL holds a character that is not allowed"),
        ("https://a.b/" + "x" * 2048, "the URL is longer than 2048 characters"),
    ],
)
def test_the_reason_says_what_to_change(url: str, reason: str) -> None:
    assert public_url_problem(url) == reason


PIECES = [
    "example",
    "com",
    "local",
    "localhost",
    "internal",
    "home.arpa",
    ".",
    ".",
    ".",
    "127.0.0.1",
    "8.8.8.8",
    "0x7f",
]
PIECES += [
    "1",
    "0",
    "@",
    "#",
    "\\",
    "/",
    "?",
    ":",
    ":443",
    "[::1]",
    "[2606:4700::1]",
    "%2e",
    "。",
    "．",
    "１",
    "ü",
    "ß",
]
PIECES += ["\ufe0f", "xn--", "xn--mnchen-3ya", "-", "_", " ", "\t", "K", "ſ"]


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join))
def test_what_passes_means_the_same_to_the_client_that_connects(tail: str) -> None:
    url = f"https://{tail}"
    if public_url_problem(url) is not None:
        return
    try:
        seen = httpx.URL(url)
        host = seen.raw_host.decode("ascii")
    except (httpx.InvalidURL, UnicodeError):
        return  # the client refuses it later, without a connection

    assert (seen.scheme, seen.userinfo, seen.fragment) == ("https", b"", "")
    assert public_url_problem(f"https://[{host}]/" if ":" in host else f"https://{host}/") is None
    assert _address_as_a_resolver_reads(host) in (None, host.removesuffix("."))


def _address_as_a_resolver_reads(host: str) -> str | None:
    try:
        return socket.inet_ntoa(socket.inet_aton(host.removesuffix(".")))
    except OSError:
        return None
