"""Chance that repeats itself: every random choice comes from a named stream of the request's own seed."""

import hashlib

import numpy as np


def seed_of(*texts: str) -> int:
    """A 64-bit number from texts; any text works, lone surrogates included."""
    joined = "\0".join(f"{len(text)}:{text}" for text in texts)
    return int.from_bytes(hashlib.sha256(joined.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def stream(seed: int, name: str) -> np.random.Generator:
    """A generator for one use; a new use elsewhere does not change the numbers that this one gives."""
    return np.random.Generator(np.random.PCG64(seed_of(str(seed), name)))
