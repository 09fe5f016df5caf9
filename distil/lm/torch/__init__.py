"""Language models in PyTorch, for Linux CPUs: bfloat16 products there run many times faster than MLX's float32.

PyTorch is an optional extra (`pip install .[torch]`); nothing outside this package imports it.
"""

import importlib.util

from distil.pipeline.files import InputError


def require_torch() -> None:
    """Raise InputError when PyTorch is not installed."""
    if importlib.util.find_spec("torch") is None:
        raise InputError("lm.backend: torch is not installed. Run `make extra NAME=torch`, or set lm.backend to mlx.")
