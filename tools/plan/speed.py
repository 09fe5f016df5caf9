"""Measure how fast this machine trains and answers with a model of a given shape, from a few timed steps."""

import importlib
import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from distil.lm.checkpoints import on_cpu
from distil.lm.progress import LmParams, LoraParams
from distil.lm.rows import Row, collate
from distil.pipeline.files import InputError
from tools.plan.model import Config, PlannedModel

SMALL = 50_000_000
"""A model of at most so many weights is timed as a whole. Of a larger one it is one layer."""
LAYER_VOCABULARY = 1024
"""The vocabulary of that layer's head. The real one's time follows from that of the layer, weight for weight."""
SLOW_ROWS, SLOW_TOKENS = 1, 128
"""The batch on which MLX times a large model's layer: a whole batch in float32 would take a CPU too long."""


@dataclass(frozen=True)
class Speed:
    """Seconds per token: of a row trained on, of a prompt that is read, of a reply when many are written at once."""

    training: float
    answering: float
    reading: float = 0.0
    whole: bool = False
    """Whether `answering` is of whole runs, in which reading and waiting for the last replies are counted."""


class Steps(NamedTuple):
    """What was timed of a network, in seconds per token. `frozen` is the forward pass of a row without a gradient."""

    training: float
    frozen: float
    reading: float
    answering: float


@dataclass(frozen=True)
class Sizes:
    """What a step works on: rows in a batch, their tokens and those of their replies; prompts at once and their tokens.

    `seen` is how many tokens a reply's next token looks back on, on average.
    """

    rows: int
    row: int
    reply: int
    prompts: int
    prompt: int
    seen: int


def measure(model: PlannedModel, lora: LoraParams, lm: LmParams, backend: str, sizes: Sizes) -> Speed:
    """Time LoRA steps, prompts and decoding steps of this model's shape with random weights.

    `lm.backend` trains and `backend` answers. Of a large model one layer is timed, trained and frozen: its others take
    as long, and its head takes as long, weight for weight.
    """
    layers, config = int(model.config["num_hidden_layers"]), model.config
    trained = layers if lora.num_layers < 0 else min(lora.num_layers, layers)
    counted, head = sizes.reply / sizes.row, config["vocab_size"] * config["hidden_size"] / model.layer_parameters
    if model.parameters > SMALL:
        config = config | {"vocab_size": LAYER_VOCABULARY, "tie_word_embeddings": True, "num_hidden_layers": 1}
        lora = lora.model_copy(update={"num_layers": 1})

    def steps_of(name: str) -> Steps:
        if name == "torch":
            from tools.plan.speed_torch import torch_steps

            return torch_steps(config, lora, lm, sizes)
        if model.parameters <= SMALL:
            return mlx_steps(config, lora, lm, sizes)
        return mlx_steps(config, lora, lm, replace(sizes, rows=SLOW_ROWS, row=SLOW_TOKENS, reply=SLOW_TOKENS))

    steps = steps_of(lm.backend)
    answered = steps if backend == lm.backend else steps_of(backend)
    if model.parameters <= SMALL:
        return Speed(steps.training, answered.answering, answered.reading)
    return Speed(
        training=(layers - trained) * steps.frozen + (trained + head * counted) * steps.training,
        answering=(layers + head) * answered.answering,
        reading=layers * answered.reading,
    )


def mlx_steps(config: Config, lora: LoraParams, _: LmParams, sizes: Sizes) -> Steps:
    """Time this network in MLX. Raises InputError for one of which the steps below cannot be taken."""
    import mlx.core as mx
    import mlx.nn as nn
    from mlx_lm.models.cache import KVCache, make_prompt_cache
    from mlx_lm.tuner.utils import linear_to_lora_layers
    from mlx_lm.utils import MODEL_REMAPPING

    from distil.lm.cpu import exponentials
    from distil.lm.train import reply_loss

    kind = config["model_type"]
    module = f"mlx_lm.models.{MODEL_REMAPPING.get(kind, kind)}"
    if not importlib.util.find_spec(module):
        raise InputError(f"lora_seed.model: mlx-lm knows no model of type {kind}, so it cannot be trained here.")
    architecture = importlib.import_module(module)
    network = architecture.Model(architecture.ModelArgs.from_dict(config))
    if not hasattr(network, "model") or any(type(part) is not KVCache for part in make_prompt_cache(network)):
        raise InputError(
            f"lora_seed.model: a model of type {kind} keeps its layers or their keys and values in a way that the plan "
            'cannot time. Give the speeds of an earlier run of it: PLAN="--measured TRAINING ANSWERING", tokens a '
            "second."
        )
    if config.get("quantization") and not on_cpu():
        nn.quantize(network, **config["quantization"])
    if on_cpu():
        exponentials.use_in(network)
    mx.eval(network.parameters())

    prompts = mx.zeros((sizes.rows, sizes.prompt), mx.int32)
    reading = best(lambda: mx.eval(network(prompts, cache=make_prompt_cache(network))))
    cache = make_prompt_cache(network)
    mx.eval(network(mx.zeros((1, 1), mx.int32), cache=cache))
    for part in cache:
        keys, values, _ = part.state
        shape = (sizes.prompts, keys.shape[1], sizes.seen, keys.shape[3])
        part.state = (mx.zeros(shape, keys.dtype), mx.zeros((*shape[:3], values.shape[3]), values.dtype), sizes.seen)
    token = mx.zeros((sizes.prompts, 1), mx.int32)
    answering = best(lambda: mx.eval(network(token, cache=cache)))
    batch = collate([Row("", [1] * sizes.row, sizes.row - sizes.reply)] * sizes.rows)
    frozen = best(lambda: mx.eval(network.model(batch.inputs)))
    network.freeze()
    linear_to_lora_layers(network, lora.num_layers, {"rank": lora.rank, "scale": 1.0, "dropout": 0.0})
    step = nn.value_and_grad(network, reply_loss)
    training = best(lambda: mx.eval(step(network, *batch)))
    tokens = sizes.rows * sizes.row
    return Steps(training / tokens, frozen / tokens, reading / prompts.size, answering / sizes.prompts)


def best(work: Callable[[], object], clock: Callable[[], float] | None = None) -> float:
    """Seconds of the fastest of three runs or more, after one that is not timed. Short runs are repeated for a second.

    On a CPU they are processor time of one thread, which other work on the machine disturbs least.
    """
    clock = clock or (time.process_time if on_cpu() else time.perf_counter)
    work()
    times: list[float] = []
    while len(times) < 3 or sum(times) < 1:
        began = clock()
        work()
        times.append(clock() - began)
    return min(times)
