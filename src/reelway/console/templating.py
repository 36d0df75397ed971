"""The templates' surroundings: everything is escaped, and a name that is not there is an error."""

from datetime import UTC, datetime

import jinja2

from reelway.console.markup import highlighted, marked
from reelway.console.security import FORM_FIELD
from reelway.domain.decide import US


def make_environment(loader: jinja2.BaseLoader) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["FORM_FIELD"] = FORM_FIELD
    environment.filters["iso"] = iso_time
    environment.filters["marked"] = marked
    environment.filters["highlighted"] = highlighted
    return environment


def iso_time(time_us: int) -> str:
    """For `<time datetime>`: to the second, in UTC."""
    return datetime.fromtimestamp(time_us // US, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
