"""Pre-training from nothing: the model, its loss, and a loop that a killed run takes up again, bit for bit."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.models.qwen2 import Model, ModelArgs
from tokenizers import Tokenizer

from distil import contest
from distil.lm.cpu import exponentials
from distil.lm.state import write_tensors
from distil.pipeline.files import InputError
from distil.pipeline.progress import Bar
from stages.student import corpus
from stages.student.params import Recipe

INITIAL_DEVIATION = 0.04
NOT_TRAINING = ("__main__.py", "evaluate.py", "publish.py")
"""Modules whose changes leave a checkpoint valid."""


def build(params: Recipe, vocabulary: int) -> Model:
    """A model with random weights N(0, 0.04), those that write to the residual stream divided by sqrt(2 layers)."""
    model = Model(ModelArgs(**architecture(params, vocabulary)))
    keys = iter(mx.random.split(mx.random.key(params.seed), 1000))
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            residual = name.endswith(("o_proj", "down_proj"))
            deviation = INITIAL_DEVIATION / ((2 * params.layers) ** 0.5 if residual else 1)
            module.weight = mx.random.normal(module.weight.shape, key=next(keys)) * deviation
            if "bias" in module:
                module.bias = mx.zeros_like(module.bias)
    mx.eval(model.parameters())
    return model


def architecture(params: Recipe, vocabulary: int) -> dict:
    """The model's entries in config.json."""
    return {
        "model_type": "qwen2",
        "hidden_size": params.hidden_size,
        "num_hidden_layers": params.layers,
        "intermediate_size": 3 * params.hidden_size,
        "num_attention_heads": params.heads,
        "num_key_value_heads": params.heads,
        "rms_norm_eps": 1e-6,
        "vocab_size": vocabulary,
        "max_position_embeddings": 4096,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
    }


def loss(
    model: Model, tokens: mx.array, mask: mx.array, positions: mx.array, targets: mx.array, weights: mx.array
) -> mx.array:
    """Weighted mean cross entropy of `targets` at `positions` of the flattened rows of `tokens` [rows, length].

    `mask` [rows, 1, length, length] keeps the documents in a row apart. Only the positions that count go through the
    output layer: two thirds of the tokens are read without loss.
    """
    hidden = model.model.embed_tokens(tokens)
    for layer in model.model.layers:
        hidden = layer(hidden, mask)
    hidden = model.model.norm(hidden).reshape(-1, model.args.hidden_size)[positions]
    logits = model.model.embed_tokens.as_linear(hidden)
    return (exponentials.cross_entropy(logits, targets) * weights).sum() / weights.sum()


def schedule(params: Recipe) -> Callable:
    """Linear warm-up, then a cosine down to 2 % of the peak."""
    warmup, peak = min(params.warmup, params.steps - 1), params.learning_rate
    decay = optim.cosine_decay(peak, params.steps - warmup, 0.02 * peak)
    return optim.join_schedules([optim.linear_schedule(1e-6, peak, warmup), decay], [warmup])


def train(params: Recipe, tokenizer: Tokenizer, checkpoint: Path) -> Model:
    """Pre-train and return the model, going on from `checkpoint` when it belongs to the same recipe."""
    model = build(params, tokenizer.get_vocab_size())
    exponentials.use_in(model)
    optimizer = optim.AdamW(schedule(params), betas=[0.9, 0.98], weight_decay=params.weight_decay)
    optimizer.init(model.trainable_parameters())
    done = load(checkpoint, params, model, optimizer)
    gradients = nn.value_and_grad(model, loss)
    bar = Bar(
        range(done, params.steps), desc="pre-training", initial=done, total=params.steps, unit="step", mininterval=2
    )
    for step in bar:
        value, gradient = gradients(model, *batch(params, tokenizer, step))
        gradient, _ = optim.clip_grad_norm(gradient, 1.0)
        optimizer.update(model, gradient)
        mx.eval(model.parameters(), optimizer.state, value)
        bar.set_postfix(loss=f"{value.item():.3f}", refresh=False)
        if (step + 1) % params.steps_per_checkpoint == 0:
            save(checkpoint, params, model, optimizer, step + 1)
    return model


def batch(params: Recipe, tokenizer: Tokenizer, step: int) -> tuple[mx.array, ...]:
    """The arguments of `loss` at one step, which follow from seed and step alone: a resumed run sees the same."""
    shares = params.early_mix if step < params.early_share * params.steps else params.mix
    rng = Random(f"{params.seed} {step}")
    packed = corpus.batch(tokenizer, shares.model_dump(), rng, params.rows, params.row_length)
    inside, ends = packed.documents[:, :-1], packed.documents[:, 1:]
    weights = (packed.weights[:, 1:] * (inside == ends)).reshape(-1)  # no document foretells the next one's beginning
    mask = (inside[:, None, :, None] == inside[:, None, None, :]) & np.tri(params.row_length, dtype=bool)
    positions = np.flatnonzero(weights)
    targets = packed.tokens[:, 1:].reshape(-1)[positions]
    return tuple(map(mx.array, (packed.tokens[:, :-1], mask, positions, targets, weights[positions])))


def save(path: Path, params: Recipe, model: Model, optimizer: optim.Optimizer, step: int) -> None:
    """Write everything that the rest of the run depends on."""
    arrays = dict(tree_flatten({"model": model.parameters(), "optimizer": optimizer.state}))
    write_tensors(
        path, {name: np.array(array) for name, array in arrays.items()}, {"recipe": recipe(params), "step": str(step)}
    )


def load(path: Path, params: Recipe, model: Model, optimizer: optim.Optimizer) -> int:
    """Restore model and optimiser and return the number of steps done: 0 without a checkpoint of this very recipe.

    Raises InputError when the checkpoint is damaged.
    """
    if not path.is_file():
        return 0
    try:
        loaded: Any = mx.load(str(path), return_metadata=True)
        arrays, about = loaded
        if about.get("recipe") != recipe(params):
            return 0
        tree: Any = tree_unflatten(list(arrays.items()))
        model.update(tree["model"])
        optimizer.state = tree["optimizer"]
        return int(about["step"])
    except (RuntimeError, ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged ({error}). Delete it and run again to train from the start.") from error


def recipe(params: Recipe) -> str:
    """All that a run depends on: the parameters, and the code of corpus, tokenizer and training with the contest's."""
    digest = hashlib.sha256()
    folders = (Path(__file__).parent, Path(contest.__file__).parent)
    for path in sorted([*(path for folder in folders for path in folder.iterdir()), Path(exponentials.__file__)]):
        if path.is_file() and path.name not in NOT_TRAINING:
            digest.update(path.read_bytes())
    return f"{params.model_dump_json()} {digest.hexdigest()}"
