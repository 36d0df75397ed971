"""Queries, lists and the account's quantity. Source: contract, sections 11 and 13."""

import functools
import re
from typing import Final

from reelway.dialects.base import ParseContext, WireRequest
from reelway.dialects.kling.create import is_external_id
from reelway.domain.errors import NotFoundError, Problem, ValidationFailedError
from reelway.domain.generation import Product
from reelway.domain.ids import TaskId, is_task_id
from reelway.domain.intents import ListTasks, ReadAccount, ReadTask
from reelway.wire import kling

_NUMBER: Final = re.compile(r"[0-9]{1,18}")


def parse_read(product: Product, request: WireRequest, _context: ParseContext) -> ReadTask:
    """Raises: NotFoundError: no task can have such an id."""
    text = request.path["task_id"]
    if is_task_id(text):
        return ReadTask(TaskId(text), product=product)
    if not is_external_id(text):
        raise NotFoundError("task")
    return ReadTask(external_task_id=text, product=product)


def parse_list(product: Product, request: WireRequest, _context: ParseContext) -> ListTasks:
    problems: list[Problem] = []
    number = _page_value(request, "pageNum", 1, kling.PAGE_NUMBER_MAX, problems)
    size = _page_value(request, "pageSize", kling.PAGE_SIZE_DEFAULT, kling.PAGE_SIZE_MAX, problems)
    if problems:
        raise ValidationFailedError(tuple(problems))
    return ListTasks(limit=size, offset=(number - 1) * size, product=product)


def _page_value(request: WireRequest, name: str, default: int, largest: int, problems: list[Problem]) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    value = int(text) if _NUMBER.fullmatch(text) else 0
    if not 1 <= value <= largest:
        problems.append(Problem(name, f"must be from 1 to {largest}"))
    return value


def parse_costs(request: WireRequest, _context: ParseContext) -> ReadAccount:
    """The wallet is one pack for all time, so the times are checked and choose nothing; the name may choose it."""
    problems: list[Problem] = []
    start, end = (_time_ms(request, name, problems) for name in ("start_time", "end_time"))
    if start is not None and end is not None and start > end:
        problems.append(Problem("start_time", "must not be later than end_time"))
    if problems:
        raise ValidationFailedError(tuple(problems))
    return ReadAccount(wire=request.query.get("resource_pack_name") or None)


def _time_ms(request: WireRequest, name: str, problems: list[Problem]) -> int | None:
    text = request.query.get(name, "")
    if _NUMBER.fullmatch(text):
        return int(text)
    problems.append(Problem(name, "must be an integer, unix milliseconds" if text else "required"))
    return None


parse_read_of: Final = {product: functools.partial(parse_read, product) for product in Product}
parse_list_of: Final = {product: functools.partial(parse_list, product) for product in Product}
