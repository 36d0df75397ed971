"""The APIXO dialect, mounted at `/api/v1/generateTask` and `/api/v1/statusTask`."""

from reelway.dialects.apixo.operations import APIXO

__all__ = ["APIXO"]
