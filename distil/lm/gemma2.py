"""Let mlx-lm's Gemma 2 answer several prompts at once.

Its grouped heads give the scores a dimension more than the mask that a batch of padded prompts comes with has.
"""

from typing import Any

import mlx.core as mx
from mlx_lm.models.gemma2 import Attention

_call = Attention.__call__


def _with_mask_for_groups(self: Attention, x: mx.array, mask: Any = None, cache: Any = None) -> mx.array:
    if self.repeats > 1 and isinstance(mask, mx.array) and mask.ndim == 4:
        mask = mx.expand_dims(mask, 2)
    return _call(self, x, mask, cache)


Attention.__call__ = _with_mask_for_groups
