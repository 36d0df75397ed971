"""The Rivya v1 dialect, mounted at `/api/v1`."""

from reelway.dialects.rivya.operations import RIVYA

__all__ = ["RIVYA"]
