"""Let mlx-lm's Gemma 2 answer several prompts at once.

Its grouped heads give the scores one dimension more than the mask of a batch of padded prompts has.
"""

from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx_lm.models.gemma2 import Attention, Model

_call = Attention.__call__


def _with_mask_for_groups(self: Attention, x: mx.array, mask: Any = None, cache: Any = None) -> mx.array:
    if self.repeats > 1 and isinstance(mask, mx.array) and mask.ndim == 4:
        mask = mx.expand_dims(mask, 2)
    return _call(self, x, mask, cache)


def use_in(model: nn.Module) -> None:
    """Let this model's attention take such masks, where the model is a Gemma 2. Calling it again changes nothing."""
    if isinstance(model, Model):
        Attention.__call__ = _with_mask_for_groups
