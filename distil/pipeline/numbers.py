"""Numbers as they are written to metrics and tables."""

import math
from typing import Any


def rounded(value: Any) -> Any:
    """Every float in a nested structure to six significant digits, so that the last bits of a platform do not show.

    Raises ValueError for NaN or infinity: what has no value is None by then.
    """
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(entry) for entry in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"a number to be written is {value}")
        return float(f"{value:.6g}")
    return value
