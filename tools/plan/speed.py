"""Measure how fast this machine trains and answers with a model of a given shape, from a few timed steps."""

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from tools.plan.model import PlannedModel

SMALL = 50_000_000
"""A model of at most so many weights is timed as a whole, at its real sizes. Of a larger one it is a single layer."""
LAYER_ROWS, LAYER_TOKENS, LAYER_REPLIES, LAYER_VOCABULARY = 1, 128, 8, 1024


@dataclass(frozen=True)
class Speed:
    """Seconds per padded token of a training step, and per token of a reply when several are answered at once."""

    training: float
    answering: float


def measure(model: PlannedModel, rank: int, rows: int, row_tokens: int, sequences: int) -> Speed:
    """Time LoRA steps on `rows` of `row_tokens` tokens and decoding steps of `sequences`, all with random weights.

    Of a large model one layer is timed on fewer tokens, and its seconds per weight and token count for all layers.
    """
    import mlx.core as mx
    import mlx.nn as nn
    from mlx_lm.models.cache import make_prompt_cache
    from mlx_lm.tuner.utils import linear_to_lora_layers

    from distil.lm.checkpoints import on_cpu
    from distil.lm.rows import Row, collate
    from distil.lm.train import reply_loss

    config, share = dict(model.config), 1.0
    if model.parameters > SMALL:
        config |= {"num_hidden_layers": 1, "vocab_size": LAYER_VOCABULARY, "tie_word_embeddings": True}
        share = model.parameters / (model.layer_parameters + LAYER_VOCABULARY * config["hidden_size"])
        rows, row_tokens, sequences = LAYER_ROWS, LAYER_TOKENS, LAYER_REPLIES
    architecture = importlib.import_module(f"mlx_lm.models.{config['model_type']}")
    network = architecture.Model(architecture.ModelArgs.from_dict(config))
    if not on_cpu() and config.get("quantization"):
        nn.quantize(network, **config["quantization"])
    mx.eval(network.parameters())

    cache = make_prompt_cache(network)
    mx.eval(network(mx.zeros((sequences, row_tokens), mx.int32), cache=cache))
    token = mx.zeros((sequences, 1), mx.int32)
    decoding = best(lambda: mx.eval(network(token, cache=cache)))
    network.freeze()
    linear_to_lora_layers(network, -1, {"rank": rank, "scale": 1.0, "dropout": 0.0})
    step, batch = nn.value_and_grad(network, reply_loss), collate([Row("", [1] * (row_tokens + 1), 1)] * rows)
    training = best(lambda: mx.eval(step(network, *batch)))
    return Speed(training * share / (rows * row_tokens), decoding * share / sequences)


def best(work: Callable[[], object]) -> float:
    """Seconds of the fastest of three runs, after one that is not timed."""
    times = []
    for _ in range(4):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times[1:])
