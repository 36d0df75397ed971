"""Tables of `docs/dialects/kling.md` that come from the code; `tools.generated_docs` writes them."""

from collections.abc import Callable

from reelway.catalog import load_catalog
from reelway.dialects.kling.render import FAILURE_MESSAGES
from reelway.domain.catalog import UnitRates
from reelway.domain.generation import CameraMove, Mode, Product
from reelway.domain.routing import Capability
from reelway.domain.task import PUBLIC_STATUS, State
from reelway.wire import kling

DOCUMENT = "dialects/kling.md"


def models_table() -> str:
    lines = ["| `model_name` | Card | Base credits | " + " | ".join(Mode) + " |", "|---|---|---|---|---|---|"]
    for card in load_catalog():
        rates = (_rates_text(card.units_per_second[mode]) for mode in Mode)
        lines.append(f"| `{card.names.kling}` | `{card.id}` | {card.base_credits} | {' | '.join(rates)} |")
    return "\n".join(lines)


def _rates_text(rates: UnitRates) -> str:
    return " / ".join(f"{float(rate):g}" for rate in (rates.silent, rates.sound, rates.voice))


def states_table() -> str:
    lines = ["| Exact state | `task_status` |", "|---|---|"]
    lines += [f"| `{state}` | `{kling.TASK_STATUSES[PUBLIC_STATUS[state]]}` |" for state in State]
    return "\n".join(lines)


def errors_table() -> str:
    lines = ["| `code` | HTTP | `message` |", "|---|---|---|"]
    for code, status in kling.STATUSES.items():
        statuses = f"{status} or 413" if code is kling.Code.PARAMETER_INVALID else str(status)
        lines.append(f"| {int(code)} | {statuses} | {kling.MESSAGES.get(code, 'names what is wrong')} |")
    return "\n".join(lines)


def failures_table() -> str:
    lines = ["| `X-Reelway-Failure` | `task_status_msg` |", "|---|---|"]
    lines += [
        f"| `{code}` | {message.replace('{reason}', '&lt;reason&gt;')} |" for code, message in FAILURE_MESSAGES.items()
    ]
    return "\n".join(lines)


def official_table() -> str:
    """What the official API can do: a line for each box of a model."""
    lines = ["| `model_name` | Product | Seconds | `mode` | With |", "|---|---|---|---|---|"]
    official = kling.official_capabilities()
    for card in load_catalog():
        lines += [f"| `{card.names.kling}` | {_box_text(box)} |" for box in official[card.id]]
    return "\n".join(lines)


def _box_text(box: Capability) -> str:
    products = [name for name, product in kling.PRODUCTS.items() if product in box.products]
    seconds = sorted(box.durations_s)
    span = f"{seconds[0]} to {seconds[-1]}" if len(seconds) > 2 else ", ".join(map(str, seconds))
    modes = [mode.value for mode in Mode if mode in box.modes]
    is_simple = box.camera_moves != frozenset(CameraMove)
    extras = {
        "sound": box.sound,
        "voices": box.voices,
        "several shots": box.multi_shots,
        "first and last frame": box.last_frame and Product.IMAGE_TO_VIDEO in box.products,
        "last frame alone": box.last_frame_alone,
        "masks": box.masks,
        "camera control (`simple`)" if is_simple else "camera control": box.camera,
        "elements": box.elements,
        "`cfg_scale`": box.cfg_scale,
    }
    told = ", ".join(name for name, is_covered in extras.items() if is_covered)
    return f"{', '.join(products)} | {span} | {', '.join(modes)} | {told}"


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "kling-models": (DOCUMENT, models_table),
    "kling-states": (DOCUMENT, states_table),
    "kling-errors": (DOCUMENT, errors_table),
    "kling-failures": (DOCUMENT, failures_table),
    "kling-official": (DOCUMENT, official_table),
}
