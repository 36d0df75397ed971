"""The guides: getting started, webhooks, sandbox. Their tables come from the code's own."""

from collections.abc import Sequence
from dataclasses import dataclass

from reelway.console.contracts.blocks import (
    Block,
    Bullets,
    Listing,
    Prose,
    Section,
    Table,
    Words,
    code,
    codes,
    curl,
    pretty,
    said,
)
from reelway.console.contracts.shared import number_text
from reelway.domain.delivery import EXACTLY_200, FAILING_US_MAX, NEWEST_ONLY, POLICIES, STANDARD, Policy
from reelway.domain.events import EventType
from reelway.domain.records import ALL_SCOPES
from reelway.domain.sandbox import DELAY_S_MAX, FAILURES, THROTTLES_MAX
from reelway.domain.webhooks import ENDPOINTS_MAX, GRACE_HOURS_MAX, SendFault
from reelway.settings import Settings
from reelway.wire.apixo import FAILURES as APIXO_FAILURES
from reelway.wire.openai_videos import FAILURES as OPENAI_FAILURES
from reelway.wire.rivya import FAILURE_MESSAGES

_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Guide:
    """`name` is the last part of its address."""

    name: str
    title: str
    lead: str
    sections: Sequence[Section]


@dataclass(frozen=True, slots=True)
class Ground:
    """What the guides are written of. `model` is a card that the gateway offers, `payload` a webhook's example."""

    words: Words
    settings: Settings
    base_url: str
    model: str
    prompt: str
    payload: str
    is_sandbox: bool

    def t(self, key: str, **values: object) -> str:
        return self.words.t(key, **values)


def make(name: str, ground: Ground) -> Guide:
    """The guide of this name. Raises: KeyError: there is none."""
    return {"start": start, "webhooks": webhooks, "sandbox": sandbox}[name](ground)


def start(ground: Ground) -> Guide:
    t, words = ground.t, ground.words
    api = f"{ground.base_url}/api/v1"
    body = {"model": ground.model, "prompt": ground.prompt}
    python = (
        "import os, time\n"
        "import httpx\n\n"
        f'api = httpx.Client(base_url="{api}", timeout=90,\n'
        '                   headers={"Authorization": f"Bearer {os.environ[\'REELWAY_API_KEY\']}"})\n'
        f'task = api.post("/generations", json={pretty(body)}).raise_for_status().json()\n'
        'while task["status"] in ("queued", "processing"):\n'
        '    task = api.get(f"/generations/{task[\'id\']}", params={"wait": 30}).raise_for_status().json()\n'
        'print(task["result"]["primary_url"] if task["result"] else task["error"])'
    )
    dialects = (
        ("Rivya v1", f"{ground.base_url}/api/v1", t("guide.dialect.rivya")),
        ("APIXO", f"{ground.base_url}/api/v1/generateTask", t("guide.dialect.apixo")),
        ("Kling", f"{ground.base_url}/kling", t("guide.dialect.kling")),
        ("OpenAI Videos", f"{ground.base_url}/v1", t("guide.dialect.openai")),
    )
    heads = (t("guide.head.dialect"), t("guide.head.base_url"), t("guide.head.for"))
    table = Table(t("guide.dialects"), heads, [(name, code(url), text) for name, url, text in dialects])
    sections = [
        words.section(
            "start",
            "guide.key",
            Prose(t("guide.key_text")),
            Listing("start-key-text", t("guide.key"), "export REELWAY_API_KEY='YOUR_API_KEY'"),
            Prose(t("guide.scopes", scopes=codes(sorted(scope.value for scope in ALL_SCOPES)))),
        ),
        words.section(
            "start",
            "guide.first",
            Prose(t("guide.first_text")),
            Listing("start-create-text", t("guide.first"), curl(f"{api}/generations", body)),
        ),
        words.section(
            "start",
            "guide.follow",
            Prose(t("guide.follow_text")),
            Listing("start-follow-text", t("guide.follow"), curl(f"{api}/generations/TASK_ID?wait=30")),
            Bullets([t(f"guide.follow_{key}") for key in ("wait", "stream", "webhook")]),
        ),
        words.section("start", "guide.python", Listing("start-python-text", t("guide.python"), python)),
        words.section("start", "guide.dialects", Prose(t("guide.dialects_text")), table),
        words.section(
            "start",
            "guide.safety",
            Prose(t("guide.safety_text", hours=number_text(ground.settings.idempotency_hours))),
            Listing(
                "start-idempotency-text", "Idempotency-Key", "Idempotency-Key: 8f14e45f-ceea-467f-a8d5-2f1f0b6b4c11"
            ),
        ),
    ]
    return Guide("start", t("guide.start"), t("guide.start_lead"), sections)


# --- webhooks ---------------------------------------------------------------------------------------------------------

_VERIFY = """import os
from standardwebhooks import Webhook

def receive(headers, raw_body):
    event = Webhook(os.environ["REELWAY_WEBHOOK_SECRET"]).verify(raw_body, headers)
    if event["type"] == "generation.succeeded":
        print(event["data"]["result"]["primary_url"])"""


def webhooks(ground: Ground) -> Guide:
    t, words = ground.t, ground.words
    hooks = f"{ground.base_url}/api/v1/webhooks"
    body = {"url": "https://hooks.example.com/reelway", "event_types": [kind.value for kind in EventType]}
    events = [(code(kind.value), t(f"guide.event.{kind.name.lower()}")) for kind in EventType]
    signature = (
        (code("webhook-id"), t("guide.header_id")),
        (code("webhook-timestamp"), t("guide.header_timestamp")),
        (code("webhook-signature"), t("guide.header_signature")),
    )
    header_heads = (t("guide.head.header"), t("docs.head.meaning"))
    sections = [
        words.section(
            "webhooks",
            "guide.register",
            Prose(t("guide.register_text", endpoints=ENDPOINTS_MAX)),
            Listing("webhooks-register-text", t("guide.register"), curl(hooks, body)),
        ),
        words.section(
            "webhooks",
            "guide.events",
            Table(t("guide.events"), (t("guide.head.event"), t("docs.head.when")), events),
            Listing("webhooks-payload-text", t("guide.payload"), ground.payload),
        ),
        words.section(
            "webhooks",
            "guide.verify",
            Prose(t("guide.verify_text")),
            Table(t("guide.verify"), header_heads, signature),
            Listing("webhooks-verify-text", "Python", _VERIFY),
        ),
        words.section("webhooks", "guide.retries", Prose(t("guide.retries_text")), _policies(ground)),
        words.section("webhooks", "guide.rules", Bullets(_rules(ground))),
        words.section("webhooks", "guide.send_faults", Prose(t("guide.send_faults_text")), _faults(ground)),
        words.section("webhooks", "guide.test", Prose(t("guide.test_text")), *_tests(hooks, t("guide.test"))),
    ]
    return Guide("webhooks", t("guide.webhooks"), t("guide.webhooks_lead"), sections)


def _policies(ground: Ground) -> Table:
    t = ground.t
    names = (
        (STANDARD, "guide.policy.webhook"),
        (EXACTLY_200, "guide.policy.apixo"),
        (NEWEST_ONLY, "guide.policy.kling"),
    )
    rows = [_policy_row(ground, t(key), POLICIES[name]) for name, key in names]
    keys = ("receiver", "told", "success", "timeout", "attempts", "delays")
    return Table(t("guide.retries"), tuple(t(f"guide.head.{key}") for key in keys), rows)


def _policy_row(ground: Ground, name: str, policy: Policy) -> tuple[str, ...]:
    t = ground.t
    return (
        name,
        t("guide.told_every") if policy.every_status else t("guide.told_end"),
        code("200") if policy.only_200 else code("2xx"),
        t("docs.limit.seconds", seconds=number_text(policy.timeout_s)),
        str(policy.attempts_max),
        said(", ".join(_delay(delay_s) for delay_s in policy.delays_s)),
    )


def _delay(seconds: float) -> str:
    whole = int(seconds)
    for size, unit in ((3_600, "h"), (60, "min")):
        if whole % size == 0:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def _rules(ground: Ground) -> list[str]:
    t = ground.t
    days = FAILING_US_MAX // _DAY_US
    kept = number_text(ground.settings.event_retention_days)
    return [
        t("guide.rule.bytes"),
        t("guide.rule.twice"),
        t("guide.rule.order"),
        t("guide.rule.redirects"),
        t("guide.rule.gone", days=days),
        t("guide.rule.rotate", hours=GRACE_HOURS_MAX),
        t("guide.rule.kept", days=kept),
    ]


def _faults(ground: Ground) -> Table:
    t = ground.t
    rows = [(code(fault.value), t(f"guide.fault.{fault}")) for fault in SendFault]
    return Table(t("guide.send_faults"), (t("docs.head.code"), t("docs.head.meaning")), rows)


def _tests(hooks: str, label: str) -> list[Block]:
    return [
        Listing("webhooks-test-text", label, curl(f"{hooks}/ENDPOINT_ID/test", method="POST")),
        Listing(
            "webhooks-replay-text",
            label,
            curl(f"{hooks.removesuffix('webhooks')}webhook-events/EVENT_ID/replay", method="POST"),
        ),
    ]


# --- sandbox ----------------------------------------------------------------------------------------------------------


def sandbox(ground: Ground) -> Guide:
    t, words = ground.t, ground.words
    body = {"model": ground.model, "prompt": f"{ground.prompt} [[reelway: delay=5s, fail=CONTENT_VIOLATION]]"}
    directives = (
        ("[[reelway: delay=20s]]", t("guide.directive.delay", seconds=number_text(DELAY_S_MAX))),
        ("[[reelway: fail=CODE]]", t("guide.directive.fail")),
        ("[[reelway: hang]]", t("guide.directive.hang", seconds=ground.settings.task_deadline_seconds)),
        ("[[reelway: throttle=3]]", t("guide.directive.throttle", times=THROTTLES_MAX)),
        ("[[reelway: lost-answer]]", t("guide.directive.lost_answer")),
    )
    failures = [
        (
            code(word),
            code(failure.value),
            said(FAILURE_MESSAGES[failure].format(reason="…")),
            code(APIXO_FAILURES[failure][0]),
            code(OPENAI_FAILURES[failure][0]),
        )
        for word, failure in FAILURES.items()
    ]
    failure_heads = (code("fail"), "X-Reelway-Failure", "Rivya", "APIXO", "OpenAI Videos")
    sections = [
        words.section(
            "sandbox", "guide.here", Prose(t("guide.sandbox_on") if ground.is_sandbox else t("guide.sandbox_off"))
        ),
        words.section(
            "sandbox",
            "guide.directives",
            Table(
                t("guide.directives"),
                (t("guide.head.directive"), t("guide.head.effect")),
                [(code(word), text) for word, text in directives],
            ),
            Prose(t("guide.combined")),
            Listing("sandbox-curl-text", t("docs.as_curl"), curl(f"{ground.base_url}/api/v1/generations", body)),
        ),
        words.section("sandbox", "guide.failures", Table(t("guide.failures"), failure_heads, failures)),
        words.section("sandbox", "guide.without", Prose(t("guide.without_text"))),
    ]
    return Guide("sandbox", t("guide.sandbox"), t("guide.sandbox_lead"), sections)
