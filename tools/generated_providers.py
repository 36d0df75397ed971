"""Tables of `docs/providers.md` that come from the model of `reelway.toml`; `tools.generated_docs` writes them."""

from collections.abc import Callable, Set
from enum import Enum
from functools import partial

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reelway.providers.config import CapabilityConfig, ModelConfig, ProviderConfig

DOCUMENT = "providers.md"


def keys_table(model: type[BaseModel]) -> str:
    lines = ["| Key | Default | Meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {_default(field)} | {field.description} |" for name, field in model.model_fields.items()]
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    match field.get_default(call_default_factory=True, validated_data={}):
        case None | {}:
            return ""
        case bool(value):
            return f"`{str(value).lower()}`"
        case Enum(value=value):
            return f"`{value}`"
        case Set() as values:
            return ", ".join(f"`{value}`" for value in sorted(map(str, values)))
        case value:
            return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "provider-keys": (DOCUMENT, partial(keys_table, ProviderConfig)),
    "provider-model-keys": (DOCUMENT, partial(keys_table, ModelConfig)),
    "provider-capability-keys": (DOCUMENT, partial(keys_table, CapabilityConfig)),
}
