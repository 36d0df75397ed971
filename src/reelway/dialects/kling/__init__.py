"""The Kling native dialect (legacy standard), mounted at `/kling`."""

from reelway.dialects.kling.operations import KLING

__all__ = ["KLING"]
