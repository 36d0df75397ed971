"""Where the gateway may be told to call: public https URLs, and more only where the operator allows it."""

import pytest

from net.test_public_url import FAILING, PASSING
from reelway.domain.public_url import is_callback_url

PRIVATE = [
    "http://example.com/hook",
    "http://localhost:8000/hook",
    "http://127.0.0.1:9000/hook?a=b",
    "https://10.0.0.7/hook",
    "http://[::1]:8080/hook",
    "http://receiver/hook",
    "http://receiver.internal/hook",
    "https://printer.local",
]
NEVER = [
    "",
    "ftp://example.com/hook",
    "file:///etc/passwd",
    "http://",
    "http://user:pw@localhost/hook",
    "http://localhost/#part",
    "http://localhost:70000/",
    "http://local host/",
    "http://0x7f.1/",
    "http://-bad-/",
    "http://[::1/",
    "http://localhost/" + "x" * 2048,
]


@pytest.mark.parametrize("url", PASSING)
def test_a_public_https_url_may_always_be_called(url: str) -> None:
    assert is_callback_url(url, False)
    assert is_callback_url(url, True)


@pytest.mark.parametrize("url", FAILING)
def test_what_is_not_public_may_not_be_called(url: str) -> None:
    assert not is_callback_url(url, False)


@pytest.mark.parametrize("url", PRIVATE)
def test_http_and_private_hosts_may_be_called_where_the_operator_allows_it(url: str) -> None:
    assert not is_callback_url(url, False)
    assert is_callback_url(url, True)


@pytest.mark.parametrize("url", NEVER)
def test_what_is_no_http_url_may_never_be_called(url: str) -> None:
    assert not is_callback_url(url, True)
