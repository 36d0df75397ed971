"""Rules of section 6.3 broken together: all texts stand in one answer, in the order of the table."""

import itertools
from dataclasses import dataclass
from typing import Any

import pytest

from contract.apixo.wire import END_URL, HOOK_URL, PROMPT, START_URL, post, problems_of, request
from support.gateway import Account, TestGateway

pytestmark = pytest.mark.anyio

A13 = "Invalid value for input.mode: must be one of text-to-video, image-to-video"
A19 = "Missing required field: input.image_urls"
A20 = "Invalid value for input.image_urls: must be an array of 1 or 2 URLs"
A21_0 = "Invalid value for input.image_urls[0]: must be a public https URL"
A21_1 = "Invalid value for input.image_urls[1]: must be a public https URL"
A22 = "Invalid value for input.image_urls: not allowed in text-to-video"
BAD_URL = "http://cdn.example.com/x.png"


@dataclass(frozen=True)
class Break:
    """One rule broken by keys of `input` and of the top level; two that share a key cannot be combined."""

    text: str
    inside: dict[str, Any] | None = None
    top: dict[str, Any] | None = None

    @property
    def keys(self) -> set[str]:
        inside = {f"input.{key}" for key in self.inside or {}}
        return inside | set(self.top or {})

    def fits(self, other: "Break") -> bool:
        """Whether both can be broken at once. Without a good `input`, nothing inside it can be wrong."""
        has_no_input = "input" in self.keys and other.inside is not None
        return not self.keys & other.keys and not has_no_input and not ("input" in other.keys and self.inside)


# One way to break each rule, in the order of the table.
BREAKS: dict[str, Break] = {
    "a05": Break("Invalid value for request_type: must be one of async, callback", top={"request_type": "sync"}),
    "a06": Break("Missing required field: callback_url", top={"request_type": "callback", "callback_url": None}),
    "a07": Break("Invalid value for callback_url: must be a public https URL", top={"callback_url": "http://x"}),
    "a08": Break("Invalid value for provider: must be one of auto, value, official", top={"provider": "cheap"}),
    "a09": Break(
        "Invalid value for provider: no official route is configured for this model", top={"provider": "official"}
    ),
    "a10": Break("Invalid value for source: must be a string", top={"source": 5}),
    "a11": Break("Missing required field: input", top={"input": ...}),
    "a12": Break("Invalid value for input: must be an object", top={"input": []}),
    "a13": Break(A13, {"mode": "video-to-video"}),
    "a14": Break("Missing required field: input.prompt", {"prompt": ...}),
    "a15": Break("Invalid value for input.prompt: must be a string", {"prompt": 5}),
    "a16": Break("Invalid value for input.prompt: must not be empty", {"prompt": " "}),
    "a17": Break("Invalid value for input.prompt: at most 2500 characters", {"prompt": "x" * 2501}),
    "a18": Break("Invalid value for input.duration: must be 5 or 10", {"duration": 7}),
    "a19": Break(A19, {"mode": "image-to-video", "image_urls": []}),
    "a20": Break(A20, {"mode": "image-to-video", "image_urls": START_URL}),
    "a21": Break(A21_0, {"mode": "image-to-video", "image_urls": [BAD_URL]}),
    "a22": Break(A22, {"mode": "text-to-video", "image_urls": [START_URL]}),
    "a23": Break("Invalid value for input.aspect_ratio: must be one of 16:9, 9:16, 1:1", {"aspect_ratio": "4:3"}),
    "a24": Break(
        "Invalid value for input.negative_prompt: must be a string of at most 2500 characters", {"negative_prompt": 5}
    ),
    "a25": Break("Invalid value for input.cfg_scale: must be a number from 0 to 1", {"cfg_scale": 2}),
    "a26": Break("Unknown field: input.seed", {"seed": 1}),
    "a27": Break("Unknown field: priority", top={"priority": 1}),
}
PAIRS = [pair for pair in itertools.combinations(BREAKS, 2) if BREAKS[pair[0]].fits(BREAKS[pair[1]])]


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_6_3_two_broken_rules_give_both_texts_in_the_order_of_the_table(
    shared: TestGateway, account: Account, first: str, second: str
) -> None:
    one, other = BREAKS[first], BREAKS[second]
    body = request((other.top or {}) | (one.top or {}), **((other.inside or {}) | (one.inside or {})))
    assert problems_of(await post(shared, account, body)) == [one.text, other.text]


# Rules that look at the same field.
TOGETHER: list[tuple[dict[str, Any], list[str]]] = [
    # request_type and callback_url
    (request({"request_type": "sync", "callback_url": 5}), [BREAKS["a05"].text, BREAKS["a07"].text]),
    (request({"request_type": "sync", "callback_url": HOOK_URL}), [BREAKS["a05"].text]),
    (request({"request_type": "callback", "callback_url": ""}), [BREAKS["a07"].text]),
    # mode and image_urls: a mode that is not known asks for no images and forbids none
    (request(mode="x"), [A13]),
    (request(mode="x", image_urls=[]), [A13]),
    (request(mode="x", image_urls=[START_URL]), [A13]),
    (request(mode="x", image_urls=5), [A13, A20]),
    (request(mode="x", image_urls=[BAD_URL, 5]), [A13, A21_0, A21_1]),
    # too many, not public and not allowed are three rules
    (request(mode="image-to-video", image_urls=[BAD_URL, END_URL, 5]), [A20, A21_0]),
    (request(mode="image-to-video", image_urls=[None, None]), [A21_0, A21_1]),
    (request(image_urls=[BAD_URL]), [A21_0, A22]),
    (request(image_urls=[START_URL] * 3), [A20, A22]),
    (request(image_urls=[5, BAD_URL, START_URL]), [A20, A21_0, A21_1, A22]),
    (request(image_urls=""), [A20]),
    # what stands beside a bad input is still judged
    ({"input": None, "zeta": 1, "alpha": 1}, [BREAKS["a12"].text, "Unknown field: alpha", "Unknown field: zeta"]),
    ({"prompt": PROMPT}, [BREAKS["a11"].text, "Unknown field: prompt"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "texts"), TOGETHER)
async def test_6_3_rules_about_the_same_field_are_told_apart(
    shared: TestGateway, account: Account, body: dict[str, Any], texts: list[str]
) -> None:
    assert problems_of(await post(shared, account, body)) == texts


async def test_6_3_the_contracts_example_of_three_problems_is_answered_as_it_stands(
    shared: TestGateway, account: Account
) -> None:
    answer = await post(shared, account, request({"request_type": "callback"}, duration=7, seed=1))
    assert answer.json()["data"]["error"] == (
        "Missing required field: callback_url; Invalid value for input.duration: must be 5 or 10; "
        "Unknown field: input.seed"
    )


async def test_6_3_everything_wrong_at_once_comes_in_the_order_of_the_table(
    shared: TestGateway, account: Account
) -> None:
    names = ("a05", "a07", "a08", "a10", "a13", "a14", "a18", "a23", "a24", "a25", "a26", "a27")
    top: dict[str, Any] = {"zulu": 1}
    inside: dict[str, Any] = {"zulu": 1, "image_urls": [BAD_URL, END_URL, 5]}
    for name in reversed(names):
        top |= BREAKS[name].top or {}
        inside |= BREAKS[name].inside or {}
    texts = [BREAKS[name].text for name in names]
    texts[7:7] = [A20, A21_0]
    texts[-1:] = ["Unknown field: input.zulu", BREAKS["a27"].text, "Unknown field: zulu"]
    assert problems_of(await post(shared, account, request(top, **inside))) == texts


async def test_6_3_a_hundred_problems_are_listed_and_the_rest_is_counted(shared: TestGateway, account: Account) -> None:
    body = request({f"key{number:05}": 1 for number in range(5_000)}, prompt=5)
    texts = problems_of(await post(shared, account, body))
    assert len(texts) == 101
    assert texts[:2] == [BREAKS["a15"].text, "Unknown field: key00000"]
    assert texts[-1] == "4901 more problems are not listed"
