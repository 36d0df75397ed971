"""Tables of the documents that come from the code itself: settings, states, error codes, metrics.

    python -m tools.generated_docs      writes them into the documents

Each stands between `<!-- begin NAME -->` and `<!-- end NAME -->`; a test fails when one is not current.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from prometheus_client import Metric

from reelway.catalog import load_catalog
from reelway.dialects.kling.render import FAILURE_MESSAGES as KLING_FAILURES
from reelway.dialects.openai_videos.errors import SHOULD_RETRY
from reelway.dialects.openai_videos.render import STATUSES as VIDEO_STATUSES
from reelway.domain.catalog import Control
from reelway.domain.delivery import EXACTLY_200, NEWEST_ONLY, POLICIES, STANDARD
from reelway.domain.generation import Generation
from reelway.domain.pricing import unit_price_credits
from reelway.domain.sandbox import FAILURES as SANDBOX_FAILURES
from reelway.domain.task import ALLOWED_MOVES, FINAL_STATES, PUBLIC_STATUS, State
from reelway.domain.webhooks import SendFault
from reelway.settings import ENV_PREFIX, Settings
from reelway.telemetry.failpoints import Failpoint
from reelway.telemetry.metrics import registry
from reelway.wire.apixo import FAILURES as APIXO_FAILURES
from reelway.wire.apixo import STATES as APIXO_STATES
from reelway.wire.apixo import STATUSES as APIXO_STATUSES
from reelway.wire.openai_videos import CODES, FAILURES, SIZES
from reelway.wire.rivya import FAILURE_MESSAGES, STATUSES
from tools import generated_kling, generated_providers

DOCS = Path(__file__).parents[1] / "docs"


def settings_table() -> str:
    lines = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.get_default()
        match default:
            case None | "":
                shown = ""
            case frozenset():
                shown = ",".join(sorted(default))
            case _:
                shown = str(default)
        default_text = f"`{shown}`" if shown else ""
        lines.append(f"| `{ENV_PREFIX}{name.upper()}` | {default_text} | {field.description} |")
    return "\n".join(lines)


def state_diagram() -> str:
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> queued"]
    for state in State:
        lines += [f"    {state} --> {target}" for target in State if target in ALLOWED_MOVES[state] and target != state]
    lines += [f"    {state} --> [*]" for state in State if state in FINAL_STATES]
    return "\n".join([*lines, "```"])


def states_table() -> str:
    lines = ["| State | Callers see | May go to |", "|---|---|---|"]
    for state in State:
        targets = ", ".join(f"`{target}`" for target in State if target in ALLOWED_MOVES[state] and target != state)
        lines.append(f"| `{state}` | `{PUBLIC_STATUS[state]}` | {targets or 'nowhere: it has ended'} |")
    return "\n".join(lines)


def rivya_errors_table() -> str:
    lines = ["| `error.code` | HTTP |", "|---|---|"]
    lines += [
        f"| `{code}` | {status}{' or 413' if code == 'validation_failed' else ''} |"
        for code, status in STATUSES.items()
    ]
    return "\n".join(lines)


def rivya_failures_table() -> str:
    lines = ["| `X-Reelway-Failure` | `error.message` |", "|---|---|"]
    lines += [
        f"| `{code}` | {message.replace('{reason}', '&lt;reason&gt;')} |" for code, message in FAILURE_MESSAGES.items()
    ]
    return "\n".join(lines)


def apixo_models_table() -> str:
    lines = [
        "| `{model}` | Card | Mode | Seconds | Prompt | Images | Credits for 5 s |",
        "|---|---|---|---|---|---|---|",
    ]
    for card in load_catalog():
        seconds = card.control(Control.DURATION_S)
        assert seconds is not None
        for name, mode in card.names.apixo.items():
            credits = unit_price_credits(card, Generation(card.id, "", 5, "16:9", mode))
            lines.append(
                f"| `{name}` | `{card.id}` | {mode} | {', '.join(seconds.options)} "
                f"| {card.prompt_length_max} characters | up to {card.references.files_max} | {credits} |"
            )
    return "\n".join(lines)


def apixo_states_table() -> str:
    lines = ["| Exact state | `state` |", "|---|---|"]
    lines += [f"| `{state}` | `{APIXO_STATES[PUBLIC_STATUS[state]]}` |" for state in State]
    return "\n".join(lines)


def apixo_errors_table() -> str:
    lines = ["| `message` | `code` and HTTP |", "|---|---|"]
    lines += [f"| `{message}` | {status} |" for message, status in APIXO_STATUSES.items()]
    return "\n".join(lines)


def apixo_failures_table() -> str:
    lines = ["| `X-Reelway-Failure` | `failCode` | `failMsg` |", "|---|---|---|"]
    lines += [
        f"| `{failure}` | `{code}` | {message.replace('{reason}', '&lt;reason&gt;')} |"
        for failure, (code, message) in APIXO_FAILURES.items()
    ]
    return "\n".join(lines)


def openai_sizes_table() -> str:
    lines = ["| `size` | Aspect ratio | Quality |", "|---|---|---|"]
    lines += [f"| `{size}` | {aspect_ratio} | {mode} |" for size, (aspect_ratio, mode) in SIZES.items()]
    return "\n".join(lines)


def openai_states_table() -> str:
    lines = ["| `X-Reelway-State` | `status` |", "|---|---|"]
    lines += [f"| `{state}` | `{word}` |" for state, word in VIDEO_STATUSES.items()]
    return "\n".join(lines)


def openai_failures_table() -> str:
    lines = ["| `error.code` | `X-Reelway-Failure` | `error.message` |", "|---|---|---|"]
    lines += [
        f"| `{word}` | `{code}` | {message.replace('{reason}', '&lt;reason&gt;')} |"
        for code, (word, message) in FAILURES.items()
    ]
    return "\n".join(lines)


def openai_errors_table() -> str:
    lines = ["| `error.code` | HTTP | `error.type` | `x-should-retry` |", "|---|---|---|---|"]
    for code, (status, kind) in CODES.items():
        word = SHOULD_RETRY.get(code)
        lines.append(f"| `{code}` | {status} | `{kind}` | {f'`{word}`' if word else ''} |")
    return "\n".join(lines)


def sandbox_failures_table() -> str:
    lines = [
        "| `fail=` | `X-Reelway-Failure` | Rivya `error.message` | APIXO `failCode` | Kling `task_status_msg` "
        "| OpenAI `error.code` |",
        "|---|---|---|---|---|---|",
    ]
    for word, code in SANDBOX_FAILURES.items():
        rivya, kling = (text.replace("{reason}", "...") for text in (FAILURE_MESSAGES[code], KLING_FAILURES[code]))
        lines.append(
            f"| `{word}` | `{code}` | {rivya} | `{APIXO_FAILURES[code][0]}` | {kling} | `{FAILURES[code][0]}` |"
        )
    return "\n".join(lines)


def delivery_policies_table() -> str:
    lines = [
        "| Rules | For | Told of | Counts as delivered | Tried again after | Attempts |",
        "|---|---|---|---|---|---|",
    ]
    receivers = {STANDARD: "webhook endpoints", EXACTLY_200: "APIXO callbacks", NEWEST_ONLY: "Kling callbacks"}
    for name, policy in POLICIES.items():
        told = "every status; a newer one drops older ones that wait" if policy.newest_only else "the end"
        counts = f"{'200' if policy.only_200 else 'any 2xx'} within {policy.timeout_s:g} s"
        spread = f", each lengthened by up to {policy.spread:.0%}" if policy.spread else ""
        delays = ", ".join(_duration(delay_s) for delay_s in policy.delays_s)
        lines.append(f"| `{name}` | {receivers[name]} | {told} | {counts} | {delays}{spread} | {policy.attempts_max} |")
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    for unit, length_s in (("h", 3_600), ("min", 60)):
        if seconds >= length_s:
            return f"{seconds / length_s:g} {unit}"
    return f"{seconds:g} s"


_FAULTS = {
    SendFault.TIMEOUT: "no answer in time",
    SendFault.CONNECT_FAILED: "the name has no address, or nobody listens there",
    SendFault.TLS_FAILED: "no secure connection: the certificate is not good for the host, say",
    SendFault.ADDRESS_BLOCKED: "the URL or its address is not public",
    SendFault.REDIRECT_REFUSED: "the answer was a redirect; none is followed",
    SendFault.INVALID_RESPONSE: "the connection ended without an answer, or the answer is no HTTP",
}


def send_faults_table() -> str:
    return "\n".join(
        ["| `error` | Meaning |", "|---|---|", *(f"| `{fault}` | {_FAULTS[fault]} |" for fault in SendFault)]
    )


def metrics_table() -> str:
    lines = ["| Metric | Kind | Meaning |", "|---|---|---|"]
    found: list[Metric] = sorted(registry.collect(), key=lambda metric: metric.name)
    for metric in found:
        name = metric.name + ("_total" if metric.type == "counter" else "")
        lines.append(f"| `{name}` | {metric.type} | {metric.documentation} |")
    return "\n".join(lines)


def failpoints_list() -> str:
    return "\n".join(f"{number}. `{point}`" for number, point in enumerate(Failpoint, 1))


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    **generated_kling.TABLES,
    **generated_providers.TABLES,
    "settings": ("operations.md", settings_table),
    "metrics": ("operations.md", metrics_table),
    "state-diagram": ("architecture.md", state_diagram),
    "states": ("architecture.md", states_table),
    "failpoints": ("architecture.md", failpoints_list),
    "sandbox-failures": ("sandbox.md", sandbox_failures_table),
    "rivya-errors": ("dialects/rivya.md", rivya_errors_table),
    "rivya-failures": ("dialects/rivya.md", rivya_failures_table),
    "apixo-models": ("dialects/apixo.md", apixo_models_table),
    "apixo-states": ("dialects/apixo.md", apixo_states_table),
    "apixo-errors": ("dialects/apixo.md", apixo_errors_table),
    "apixo-failures": ("dialects/apixo.md", apixo_failures_table),
    "openai-sizes": ("dialects/openai-videos.md", openai_sizes_table),
    "openai-states": ("dialects/openai-videos.md", openai_states_table),
    "openai-failures": ("dialects/openai-videos.md", openai_failures_table),
    "openai-errors": ("dialects/openai-videos.md", openai_errors_table),
    "delivery-policies": ("dialects/rivya.md", delivery_policies_table),
    "send-faults": ("dialects/rivya.md", send_faults_table),
}
"""Name of a table: the document that holds it, and what makes it."""


def with_table(text: str, name: str, table: str) -> str:
    """The document with its table replaced. Raises: ValueError: the markers are missing."""
    pattern = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the markers of {name} are missing")
    return pattern.sub(lambda match: f"{match[1]}{table}\n{match[2]}", text)


def main() -> int:
    for name, (document, make) in TABLES.items():
        path = DOCS / document
        path.write_text(with_table(path.read_text(), name, make()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
