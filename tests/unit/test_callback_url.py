"""Which URLs a caller may name for callbacks, with and without the operator's permission for private ones."""

import pytest

from reelway.domain.public_url import is_callback_url, public_url_problem

PUBLIC = [
    "https://hooks.example.com/apixo",
    "HTTPS://Hooks.Example.com:8443/a?b=c",
    "https://8.8.8.8/a",
    "https://[2606:4700:4700::1111]/a",
    "https://hooks.example.com/" + "x" * (2048 - 26),
]
PRIVATE = [
    "http://hooks.example.com/apixo",
    "HTTP://127.0.0.1:9000/hook",
    "https://127.0.0.1/hook",
    "http://10.0.0.1/hook",
    "http://192.168.1.1:80/hook",
    "http://169.254.169.254/latest",
    "http://[::1]:9000/hook",
    "http://[fd00::1]/hook",
    "http://localhost:9000/hook",
    "http://a.localhost/hook",
    "https://printer.local/hook",
    "https://api.internal/hook",
    "https://box.home.arpa/hook",
    "http://receiver/hook",
]
NEVER = [
    "",
    "hook",
    "//127.0.0.1/hook",
    "http:/127.0.0.1/hook",
    "http://",
    "http:///hook",
    "ftp://127.0.0.1/hook",
    "file:///etc/passwd",
    "httpx://127.0.0.1/hook",
    "http://user@127.0.0.1/hook",
    "http://user:word@hooks.example.com/hook",
    "http://127.0.0.1/hook#part",
    "http://127.0.0.1:0/hook",
    "http://127.0.0.1:65536/hook",
    "http://127.0.0.1:port/hook",
    "http://127.1/hook",
    "http://2130706433/hook",
    "http://0x7f000001/hook",
    "http://0177.0.0.1/hook",
    "http://[::1/hook",
    "http://[::1%25eth0]/hook",
    "http://127.0.0.1/a b",
    "http://127.0.0.1/a\\b",
    "http://127.0.0.1/\n",
    " http://127.0.0.1/",
    "http://loc\u00adalhost/",
    "http://127.0.0.1/" + "x" * 2048,
]


@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_https_url_passes_either_way(url: str) -> None:
    assert is_callback_url(url, allows_private=False)
    assert is_callback_url(url, allows_private=True)


@pytest.mark.parametrize("url", PRIVATE)
def test_http_and_private_hosts_pass_only_with_the_operators_permission(url: str) -> None:
    assert not is_callback_url(url, allows_private=False)
    assert is_callback_url(url, allows_private=True)
    assert public_url_problem(url) is not None


@pytest.mark.parametrize("url", NEVER)
def test_the_permission_does_not_touch_any_other_rule(url: str) -> None:
    assert not is_callback_url(url, allows_private=False)
    assert not is_callback_url(url, allows_private=True)
