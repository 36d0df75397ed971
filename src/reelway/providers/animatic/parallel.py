"""Two cores for what is painted before a shot's first frame; before the film's first there is nothing to encode yet."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_CORES = 2

Result = TypeVar("Result")


def in_parallel(parts: Sequence[Callable[[], Result]]) -> list[Result]:
    """What parts give that do not need each other, in their order.

    The threads change nothing about the picture: chance comes from streams by name, never from a shared one.
    """
    with ThreadPoolExecutor(_CORES) as painters:
        return [painting.result() for painting in [painters.submit(part) for part in parts]]
