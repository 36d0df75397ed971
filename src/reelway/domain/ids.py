"""Identifiers: what they look like and how they are made from a time and random bytes."""

import functools
import re
from typing import Final, NewType

AccountId = NewType("AccountId", str)
KeyId = NewType("KeyId", str)
TaskId = NewType("TaskId", str)
FileId = NewType("FileId", str)
EventId = NewType("EventId", str)
EndpointId = NewType("EndpointId", str)
DeliveryId = NewType("DeliveryId", str)
ReceiverId = NewType("ReceiverId", str)
TransferId = NewType("TransferId", str)
JobId = NewType("JobId", str)
WorkerId = NewType("WorkerId", str)

RANDOM_BYTES: Final = 10
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS: Final = tuple(range(70, -1, -10))
_TIME_MS_MAX: Final = 2**48 - 1
_KEY_ID: Final = re.compile(r"key_[0-9A-HJKMNP-TV-Z]{26}")
_TASK_ID: Final = re.compile(r"task_[0-9A-HJKMNP-TV-Z]{26}")
_FILE_ID: Final = re.compile(r"file_[0-9A-HJKMNP-TV-Z]{26}")
_EVENT_ID: Final = re.compile(r"evt_[0-9A-HJKMNP-TV-Z]{26}")
_ENDPOINT_ID: Final = re.compile(r"whend_[0-9A-HJKMNP-TV-Z]{26}")
_DELIVERY_ID: Final = re.compile(r"whd_[0-9A-HJKMNP-TV-Z]{26}")


def ulid(time_ms: int, randomness: bytes) -> str:
    """26 characters that sort by `time_ms` (unix milliseconds); `randomness` is `RANDOM_BYTES` long.

    Source: the ULID specification, canonical string form (Crockford's base 32).
    """
    assert len(randomness) == RANDOM_BYTES
    number = int.from_bytes(randomness, "big")
    return _time_part(time_ms) + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


@functools.lru_cache(maxsize=16)
def _time_part(time_ms: int) -> str:
    """The first 10 characters; many identifiers are made in one millisecond."""
    assert 0 <= time_ms <= _TIME_MS_MAX
    return "".join([_PAIRS[time_ms >> shift & 1023] for shift in range(40, -1, -10)])


def time_ms_of(identifier: str) -> int:
    """When an identifier was made, in unix milliseconds; the reverse of `ulid`."""
    number = 0
    for character in identifier.rpartition("_")[2][:10]:
        number = number << 5 | _ALPHABET.index(character)
    return number


def is_key_id(text: str) -> bool:
    return _KEY_ID.fullmatch(text) is not None


def is_task_id(text: str) -> bool:
    return _TASK_ID.fullmatch(text) is not None


def is_file_id(text: str) -> bool:
    return _FILE_ID.fullmatch(text) is not None


def is_event_id(text: str) -> bool:
    return _EVENT_ID.fullmatch(text) is not None


def is_endpoint_id(text: str) -> bool:
    return _ENDPOINT_ID.fullmatch(text) is not None


def is_delivery_id(text: str) -> bool:
    return _DELIVERY_ID.fullmatch(text) is not None


def last_id(prefix: str, time_us: int) -> str:
    """The greatest identifier of its kind that a time (unix microseconds) can have."""
    greatest = b"\xff" * RANDOM_BYTES
    return f"{prefix}_{ulid(max(0, time_us // 1_000), greatest)}"
