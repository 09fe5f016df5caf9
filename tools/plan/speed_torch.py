"""The same steps as `tools.plan.speed` times in MLX, with the PyTorch backend."""

import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor

from distil.lm.progress import LmParams, LoraParams, TrainingSetup
from distil.lm.rows import Row
from distil.lm.torch.generate import Cache, next_logits, pack
from distil.lm.torch.model import Layer, Linear, Weights, attend_in_rows, hidden_states, read_config
from distil.lm.torch.train import TorchRun
from tools.plan.model import Config
from tools.plan.speed import Sizes, Steps, best


def torch_steps(config: Config, lora: LoraParams, lm: LmParams, sizes: Sizes) -> Steps:
    """Time this network in PyTorch. Raises InputError for an architecture that the backend does not compute."""
    torch.set_num_threads(lm.threads)
    clock = time.process_time if lm.threads == 1 else time.perf_counter
    weights = random_weights(config, getattr(torch, lm.compute))
    rows = [Row("", [1] * sizes.row, sizes.row - sizes.reply)] * sizes.rows
    with tempfile.TemporaryDirectory(prefix="plan-") as folder:
        run = TorchRun(weights, TrainingSetup(lora, 1, 0, [], rows[:1], Path(folder), "plan"))
        training = best(lambda: run.step(rows), clock)
    for layer in weights.layers:
        for linear in (layer.qkv, layer.o, layer.gate_up, layer.down):
            linear.adapter = None
    with torch.inference_mode():
        frozen = best(lambda: forward(weights, sizes.rows, sizes.row), clock)
        pack(weights)
        reading = best(lambda: forward(weights, 1, sizes.prompt), clock)
        cache = Cache(weights.config, sizes.prompts, weights.embedding.dtype)
        cache.lengths = [sizes.seen] * sizes.prompts
        drafts = {slot: [1] for slot in range(sizes.prompts)}
        answering = best(lambda: next_logits(weights, cache, drafts, sizes.prompts), clock)
    tokens = sizes.rows * sizes.row
    return Steps(training / tokens, frozen / tokens, reading / sizes.prompt, answering / sizes.prompts)


def forward(weights: Weights, rows: int, length: int) -> Tensor:
    """The hidden states of packed rows of one length."""
    tokens, positions = torch.zeros(rows * length, dtype=torch.long), torch.arange(length).repeat(rows)
    return hidden_states(weights, tokens, positions, attend_in_rows([length] * rows))


def random_weights(raw: Config, dtype: torch.dtype) -> Weights:
    """A model of this config.json's shape, whose head is its embedding."""
    config = read_config(raw, "the model")
    width, inner = config.hidden_size, raw["intermediate_size"]

    def normal(*shape: int) -> Tensor:
        return torch.empty(shape, dtype=dtype).normal_(0, 0.02)

    def layer() -> Layer:
        heads = (config.heads + 2 * config.kv_heads) * config.head_dim
        bias = normal(heads) if raw["model_type"] == "qwen2" else None
        return Layer(
            input_norm=normal(width),
            qkv=Linear(normal(heads, width), bias),
            o=Linear(normal(width, config.heads * config.head_dim)),
            post_norm=normal(width),
            gate_up=Linear(normal(2 * inner, width)),
            down=Linear(normal(width, inner)),
        )

    embedding = normal(raw["vocab_size"], width)
    return Weights(config, embedding, [layer() for _ in range(config.layers)], normal(width), Linear(embedding))
