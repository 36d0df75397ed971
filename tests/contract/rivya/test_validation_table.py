"""The table of section 7.4, row by row: each rule broken alone gives exactly its field, message and allowed values."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from contract.rivya.wire import (
    BODY_KEYS,
    IMAGE_TYPES,
    ITEM_KEYS,
    KINDS,
    KLING_3,
    KLING_3_PARAMS,
    PROMPT,
    QUOTE,
    TURBO,
    TURBO_PARAMS,
    available_models,
    body_of,
    credits_of,
    item,
    listed_ids,
    post,
    post_raw,
    problem,
    problems_of,
    task_of,
    with_items,
)
from support.gateway import CREDITS, Account, TestGateway

pytestmark = pytest.mark.anyio

REFERENCES = "params.referenceMediaItems"
FIRST = f"{REFERENCES}[0]"
NOT_TEXTS: list[Any] = [None, 5, 0.5, True, False, [], {}, ["x"], {"en": "x"}]
NOT_OBJECTS: list[Any] = [5, "x", "", True, [], ["x"]]
DURATIONS_3 = [str(seconds) for seconds in range(3, 16)]
CHOICE = "Must be one of the allowed values."
SWITCH = ["false", "true"]
RATIOS = ["16:9", "9:16", "1:1"]
PUBLIC = "Must be a public https URL of at most 2048 characters."
LONG_URL = "https://cdn.example.com/"

BAD_URLS = [
    "",
    "x.png",
    "/files/x.png",
    "//cdn.example.com/x.png",
    "http://cdn.example.com/x.png",
    "ftp://cdn.example.com/x.png",
    "file:///etc/passwd",
    "data:image/png;base64,AAAA",
    "https://",
    "https:///x.png",
    "https://user@cdn.example.com/x.png",
    "https://user:word@cdn.example.com/x.png",
    "https://cdn.example.com/x.png#part",
    "https://localhost/x.png",
    "https://LOCALHOST/x.png",
    "https://localhost./x.png",
    "https://a.localhost/x.png",
    "https://printer.local/x.png",
    "https://api.internal/x.png",
    "https://box.home.arpa/x.png",
    "https://intranet/x.png",
    "https://127.0.0.1/x.png",
    "https://127.1/x.png",
    "https://2130706433/x.png",
    "https://0x7f000001/x.png",
    "https://10.0.0.1/x.png",
    "https://172.16.0.1/x.png",
    "https://192.168.1.1/x.png",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/x.png",
    "https://0.0.0.0/x.png",
    "https://224.0.0.1/x.png",
    "https://240.0.0.1/x.png",
    "https://255.255.255.255/x.png",
    "https://[::1]/x.png",
    "https://[::]/x.png",
    "https://[fd00::1]/x.png",
    "https://[fe80::1]/x.png",
    "https://[ff02::1]/x.png",
    "https://[::ffff:10.0.0.1]/x.png",
    "https://[::ffff:127.0.0.1]/x.png",
    "https://cdn.example.com:0/x.png",
    "https://cdn.example.com:99999/x.png",
    "https://cdn.example.com/a b.png",
    "https://cdn.example.com/x.png\n",
    " https://cdn.example.com/x.png",
    LONG_URL + "x" * (2049 - len(LONG_URL)),
]
GOOD_URLS = [
    "https://cdn.example.com",
    "https://cdn.example.com/x.png?a=b&c=d",
    "https://cdn.example.com:8443/x.png",
    "HTTPS://CDN.EXAMPLE.COM/x.png",
    "https://8.8.8.8/x.png",
    "https://[2606:4700:4700::1111]/x.png",
    LONG_URL + "x" * (2048 - len(LONG_URL)),
]

Row = tuple[Any, list[dict[str, Any]]]

ROWS: dict[str, list[Row]] = {
    "v05": [({"prompt": PROMPT}, [problem("model", "Required.")])],
    "v06": [(body_of(model=value), [problem("model", "Must be a string.")]) for value in NOT_TEXTS],
    "v09": [({"model": TURBO}, [problem("prompt", "Required.")])],
    "v10": [(body_of(prompt=value), [problem("prompt", "Must be a string.")]) for value in NOT_TEXTS],
    "v11": [(body_of(prompt=value), [problem("prompt", "Must not be empty.")]) for value in ("", " \n\t")],
    "v12": [
        (body_of(prompt="x" * 2501), [problem("prompt", "At most 2500 characters.")]),
        (body_of(model=KLING_3, prompt="x" * 2001), [problem("prompt", "At most 2000 characters.")]),
    ],
    "v13": [(body_of(params=value), [problem("params", "Must be an object.")]) for value in NOT_OBJECTS],
    "v14": [
        (body_of(model=model, params={key: value}), [problem(f"params.{key}", CHOICE, options)])
        for model, key, options in (
            (TURBO, "duration", ["5", "10"]),
            (TURBO, "aspect_ratio", RATIOS),
            (KLING_3, "mode", ["std", "pro"]),
            (KLING_3, "multi_shots", SWITCH),
            (KLING_3, "duration", DURATIONS_3),
            (KLING_3, "sound", SWITCH),
            (KLING_3, "aspect_ratio", RATIOS),
        )
        for value in ("", "4:3", "4k", 99, 0.5, [], {}, ["5"])
    ],
    "v15": [
        (body_of(params={"cfg_scale": value}), [problem("params.cfg_scale", "Must be a number.")])
        for value in ("0.5", "", True, False, [], {}, [0.5])
    ],
    "v16": [
        (body_of(params={"cfg_scale": value}), [problem("params.cfg_scale", "Must be between 0 and 1.")])
        for value in (-0.01, 1.01, 2, -1, 10**30, -1e300)
    ],
    "v17": [
        (body_of(params={"negative_prompt": value}), [problem("params.negative_prompt", "Must be a string.")])
        for value in (5, 0.5, True, False, [], {}, ["x"])
    ],
    "v18": [
        (
            body_of(params={"negative_prompt": "x" * 2501}),
            [problem("params.negative_prompt", "At most 2500 characters.")],
        )
    ],
    "v19": [
        (body_of(params={"referenceMediaItems": value}), [problem(REFERENCES, "Must be an array.")])
        for value in ("", "x", 5, True, False, {}, {"url": "x"})
    ],
    "v20": [
        (with_items(*[item()] * 3), [problem(REFERENCES, "At most 2 items.")]),
        (with_items(*[item()] * 3, model=KLING_3), [problem(REFERENCES, "At most 2 items.")]),
    ],
    "v21": [(with_items(value), [problem(FIRST, "Must be an object.")]) for value in (None, 5, "x", "", True, [], [{}])]
    + [(with_items(item(), 5), [problem(f"{REFERENCES}[1]", "Must be an object.")])],
    "v22": [(with_items(item(url=value)), [problem(f"{FIRST}.url", "Required.")]) for value in (..., None)]
    + [
        (with_items(item(url=value)), [problem(f"{FIRST}.url", "Must be a string.")])
        for value in (5, True, [], {}, ["https://cdn.example.com/x.png"])
    ],
    "v23": [(with_items(item(url=value)), [problem(f"{FIRST}.url", PUBLIC)]) for value in BAD_URLS],
    "v25": [(with_items(item(kind=value)), [problem(f"{FIRST}.kind", "Required.", KINDS)]) for value in (..., None)],
    "v26": [
        (with_items(item(kind=value)), [problem(f"{FIRST}.kind", CHOICE, KINDS)])
        for value in ("", "Image", "photo", 5, True, [], {}, ["image"])
    ],
    "v27": [
        (
            with_items(item(kind=kind), model=model),
            [problem(f"{FIRST}.kind", "This model does not accept this kind.", ["image"])],
        )
        for kind in ("video", "audio")
        for model in (TURBO, KLING_3)
    ],
    "v29": [
        (with_items(item(name=value)), [problem(f"{FIRST}.name", "Must be a string of 1 to 255 characters.")])
        for value in ("", "x" * 256, "ک" * 256, 5, True, [], {})
    ],
    "v30": [
        (with_items(item(mimeType=value)), [problem(f"{FIRST}.mimeType", CHOICE, IMAGE_TYPES)])
        for value in ("", "image/gif", "image/PNG", "png", "video/mp4", 5, True, [], {}, ["image/png"])
    ],
    "v31": [
        (
            with_items(item(durationSeconds=value)),
            [problem(f"{FIRST}.durationSeconds", "Must be a number of at least 0.")],
        )
        for value in (-0.01, -1, "1", "", True, False, [], {})
    ],
    "v34": [(with_items(item(size=3)), [problem(f"{FIRST}.size", "Unknown field.", ITEM_KEYS)])],
    "v35": [
        (
            with_items(item(), item(), model=KLING_3, multi_shots="true"),
            [problem(f"{REFERENCES}[1]", "A last frame cannot be combined with multi_shots.")],
        )
    ],
    "v36": [
        (body_of(params={"seed": 7}), [problem("params.seed", "Unknown parameter.", TURBO_PARAMS)]),
        (body_of(params={"": 7}), [problem("params.", "Unknown parameter.", TURBO_PARAMS)]),
        (
            body_of(model=KLING_3, params={"cfg_scale": 1}),
            [problem("params.cfg_scale", "Unknown parameter.", KLING_3_PARAMS)],
        ),
        (body_of(params={"seed": None}), [problem("params.seed", "Unknown parameter.", TURBO_PARAMS)]),
    ],
    "v37": [
        (body_of(client_request_id=value), [problem("client_request_id", "Must be a string of 1 to 128 characters.")])
        for value in ("", "x" * 129, "😀" * 129, 5, True, False, [], {})
    ],
    "v38": [
        (body_of(files=value), [problem("files", "Unknown field. Use params.referenceMediaItems.", BODY_KEYS)])
        for value in (None, [], ["a.png"], "x")
    ],
    "v39": [
        (body_of(**{key: value}), [problem(key, "Unknown field.", BODY_KEYS)])
        for key in ("duration", "Model", "seed", "", "a.b[0]", "مدت", "\0")
        for value in (None, 5)
    ],
}  # fmt: skip

PARAMETERS = [
    pytest.param(body, expected, id=f"{rule}-{number}")
    for rule, rows in ROWS.items()
    for number, (body, expected) in enumerate(rows)
]


@pytest.mark.parametrize(("body", "expected"), PARAMETERS)
async def test_7_4_a_rule_broken_alone_gives_its_row_of_the_table_at_create_and_in_a_quote(
    shared: TestGateway, visitor: Account, body: Any, expected: list[dict[str, Any]]
) -> None:
    answer = await post(shared, visitor, body)
    assert problems_of(answer) == expected
    assert answer.json()["error"]["message"] == "The request is invalid."
    quote = await post(shared, visitor, body, QUOTE)
    assert quote.status_code == 200
    assert (quote.json()["valid"], quote.json()["problems"]) == (False, expected)


@pytest.fixture(scope="module")
async def visitor(shared: TestGateway) -> AsyncIterator[Account]:
    """An account that is always turned away: in the end it has no task and all its credits."""
    account = await shared.account()
    yield account
    assert await listed_ids(shared, account) == []
    assert await credits_of(shared, account) == CREDITS


@pytest.mark.parametrize("url", GOOD_URLS)
async def test_v23_a_public_https_url_passes(shared: TestGateway, account: Account, url: str) -> None:
    task_of(await post(shared, account, with_items(item(url=url))), 202)


async def test_7_3_every_good_value_of_an_item_passes(shared: TestGateway, account: Account) -> None:
    for more in (
        {"name": "x"},
        {"name": "ک" * 255},
        *({"mimeType": value} for value in IMAGE_TYPES),
        *({"durationSeconds": value} for value in (0, 0.0, 1.5, 10**6)),
        {"durationToken": "ignored for an image"},
        {"durationToken": 5},
    ):
        task_of(await post(shared, account, with_items(item(**more))), 202)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"{]",
        b"nul",
        b"{'model': 'x'}",
        b'{"model":"x",}',
        b'{"cfg_scale":NaN}',
        b'{"cfg_scale":Infinity}',
        b'{"cfg_scale":-Infinity}',
        b'{"prompt":"\xff"}',
        b'{"a":1} {"b":2}',
    ],
)
async def test_v01_what_is_not_json_is_refused(shared: TestGateway, account: Account, raw: bytes) -> None:
    for path in ("/api/v1/generations", QUOTE):
        answer = await post_raw(shared, account, raw, path)
        assert problems_of(answer) == [problem("body", "Body is not valid JSON.")]


@pytest.mark.parametrize("raw", [b"[]", b"5", b'"text"', b"null", b"true", b'[{"model":"x"}]'])
async def test_v02_json_that_is_no_object_is_refused(shared: TestGateway, account: Account, raw: bytes) -> None:
    answer = await post_raw(shared, account, raw)
    assert problems_of(answer) == [problem("body", "Body must be a JSON object.")]


@pytest.mark.parametrize(
    "media_type", [None, "", "text/plain", "application/jsonx", "text/json", "multipart/form-data"]
)
async def test_v03_another_media_type_is_refused(shared: TestGateway, account: Account, media_type: str | None) -> None:
    headers = account.headers | ({} if media_type is None else {"Content-Type": media_type})
    answer = await shared.http.post("/api/v1/generations", content=b"{}", headers=headers)
    assert problems_of(answer) == [
        problem("Content-Type", "Content-Type must be application/json.", ["application/json"]),
    ]


async def test_v07_an_unknown_model_is_told_the_models_that_there_are(shared: TestGateway, account: Account) -> None:
    allowed = await available_models(shared)
    assert {TURBO, KLING_3} <= set(allowed)
    for model in ("", "kling-9", "kling_3_0", "\0", "x" * 10_000):
        assert problems_of(await post(shared, account, body_of(model=model))) == [
            problem("model", "Unknown model.", allowed),
        ]
