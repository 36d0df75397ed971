"""Waiting for what another process or another thread does. It tells us nothing, so it is looked at again and again."""

import time
from collections.abc import Callable

PAUSE_S = 0.01


def came_true(holds: Callable[[], bool], within_s: float) -> bool:
    """Whether it holds in the end."""
    ends_s = time.monotonic() + within_s
    while not holds():
        if time.monotonic() >= ends_s:
            return False
        time.sleep(PAUSE_S)  # between two looks, so that what is waited for has the processor
    return True
