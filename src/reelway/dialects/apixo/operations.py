"""The table of the APIXO dialect's endpoints. Source: the contract's section 2."""

from typing import Final

from reelway.dialects.apixo import parse, render
from reelway.dialects.apixo.errors import render_error
from reelway.dialects.apixo.openapi import make_spec
from reelway.dialects.base import BodyForm, Dialect, Operation
from reelway.domain.records import Scope

_CREATE_PATH: Final = "/api/v1/generateTask"
_STATUS_PATH: Final = "/api/v1/statusTask"

OPERATIONS: Final = (
    Operation(
        "status",
        "GET",
        f"{_STATUS_PATH}/{{model}}",
        Scope.GENERATIONS_READ,
        parse.parse_status,
        render.render_status,
        check_path=parse.check_known_model,
    ),
    Operation(
        "create",
        "POST",
        f"{_CREATE_PATH}/{{model}}",
        Scope.GENERATIONS_CREATE,
        parse.parse_create,
        render.render_create,
        body=BodyForm.JSON,
        takes_idempotency_key=True,
        check_path=parse.check_served_model,
        urls=parse.own_file_urls,
    ),
)

APIXO: Final = Dialect(
    name=parse.NAME,
    prefixes=(_CREATE_PATH, _STATUS_PATH),
    operations=OPERATIONS,
    answer_to_create=render.kept_answer,
    render_error=render_error,
    render_callback=render.render_callback,
    make_spec=make_spec,
)
