"""Names for arrays by what their numbers are.

OpenCV's type stubs know no element types, so no checker can hold us to them.
"""

from typing import Any, TypeAlias

from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[Any]  # whole numbers 0 to 255
Floats: TypeAlias = NDArray[Any]  # single precision, unless a function says double
