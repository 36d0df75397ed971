"""The public URL rule, as far as it can be judged without DNS; `net/guard` judges the addresses that a name has.

Source: contract of the Rivya dialect, section 1.5.
"""

import ipaddress
import re
import unicodedata

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

URL_CHARACTERS_MAX = 2048
NAME_CHARACTERS_MAX = 253
LABEL_CHARACTERS_MAX = 63

_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa")
_AUTHORITY = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:@%]+))(?::(?P<port>[0-9]{1,5}))?")
_ASCII_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_NUMBER = re.compile(r"0x[0-9a-f]*|\d+")  # \d: a digit of any script
# Letters and marks that a browser's name mapping (UTS 46) drops, so that "x.loc<mark>al" would mean "x.local".
_IGNORABLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")

# Source: IANA IPv4 Special-Purpose Address Registry, and the multicast and reserved blocks. The standard library's
# `is_global` is not used: its answers changed between patch releases of Python.
_IPV4_NOT_PUBLIC = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # a public number, but on Azure it is the machine's own host agent
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Source: IANA IPv6 Global Unicast Address Space: all that is handed out lies in 2000::/3; inside it, these are special.
_IPV6_UNICAST = ipaddress.IPv6Network("2000::/3")
_IPV6_NOT_PUBLIC = tuple(
    ipaddress.IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments, Teredo and benchmarking among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: leads to whatever IPv4 address it carries
        "3fff::/20",
    )
)
_IPV4_IN_IPV6 = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))


def is_public_address(address: IPAddress) -> bool:
    """Whether an address is global unicast.

    An IPv4-mapped or NAT64 address is what the IPv4 address in it is: a network with IPv6 only reaches every IPv4 host
    through NAT64.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _IPV4_NOT_PUBLIC)
    if address.scope_id is not None:
        return False
    if any(address in network for network in _IPV4_IN_IPV6):
        return is_public_address(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _IPV6_UNICAST and not any(address in network for network in _IPV6_NOT_PUBLIC)


def public_url_problem(url: str) -> str | None:
    """What keeps `url` from passing, in a few words for people; `None` when it passes."""
    return _url_problem(url, allows_private=False)


def is_callback_url(url: str, allows_private: bool) -> bool:
    """Whether a caller may be told at `url`. `allows_private` is the operator's setting: `http` and hosts that are not
    public pass then, and every other rule still holds. Source: APIXO contract, 1.4; Kling contract, 1.4.
    """
    return _url_problem(url, allows_private=allows_private) is None


def _url_problem(url: str, *, allows_private: bool) -> str | None:
    if len(url) > URL_CHARACTERS_MAX:
        return f"the URL is longer than {URL_CHARACTERS_MAX} characters"
    if not url.isprintable() or " " in url or "\\" in url:
        return "the URL holds a character that is not allowed"
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in (("https", "http") if allows_private else ("https",)):
        return "the scheme must be https"
    if "#" in rest:
        return "a fragment is not allowed"
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    if "@" in authority:
        return "user info is not allowed"
    return _authority_problem(authority, allows_private=allows_private)


def _authority_problem(authority: str, *, allows_private: bool) -> str | None:
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        return "the host or port is not valid"
    if match["port"] is not None and not 1 <= int(match["port"]) <= 65535:
        return "the port is not valid"
    if match["ipv6"] is not None:
        return _literal_problem(match["ipv6"], allows_private=allows_private)
    return _name_problem(match["name"].lower().removesuffix("."), allows_private=allows_private)


def _name_problem(name: str, *, allows_private: bool) -> str | None:
    labels = name.split(".")
    if len(name) > NAME_CHARACTERS_MAX or not all(_is_label(label) for label in labels):
        return "the host is not valid"
    if _NUMBER.fullmatch(labels[-1]):
        # No top-level domain is a number. Resolvers read such hosts as addresses, in octal, hexadecimal and short forms
        # too; the four-part decimal form alone is accepted.
        return _literal_problem(name, allows_private=allows_private)
    is_local = len(labels) == 1 or name.endswith(_LOCAL_SUFFIXES) or name == "home.arpa"
    return "the host is not public" if is_local and not allows_private else None


def _literal_problem(text: str, *, allows_private: bool) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "the host is not a valid address"
    return None if allows_private or is_public_address(address) else "the host is not public"


def _is_label(label: str) -> bool:
    """Whether a lower-case label is one that no later step (IDNA, NFKC, a resolver) reads as another one."""
    if label.isascii():
        return len(label) <= LABEL_CHARACTERS_MAX and _ASCII_LABEL.fullmatch(label) is not None
    is_plain = all(char == "-" or unicodedata.category(char)[0] in "LM" or char.isdecimal() for char in label)
    if not is_plain or _IGNORABLE.search(label) or unicodedata.normalize("NFKC", label) != label:
        return False
    return len(label.encode("punycode")) + len("xn--") <= LABEL_CHARACTERS_MAX
