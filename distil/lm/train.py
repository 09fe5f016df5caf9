"""Train a LoRA adapter with mlx-lm's trainer, the same to the bit however often a run is killed and taken up again."""

import contextlib
import io
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
from mlx.utils import tree_flatten
from mlx_lm.tuner.callbacks import TrainingCallback
from mlx_lm.tuner.trainer import TrainingArgs, train
from mlx_lm.tuner.utils import linear_to_lora_layers
from pydantic import Field, NonNegativeInt, PositiveInt
from tqdm import tqdm

from distil.lm.checkpoints import on_cpu
from distil.lm.cpu import exponentials
from distil.lm.rows import Batch, Row, collate, schedule
from distil.lm.state import History, load_state, save_adapter, save_state
from distil.pipeline.command import Params
from distil.pipeline.files import InputError

EMPTY = Row("", [0, 0], 2)
"""What a worker trains on when a short batch has no row for it: two tokens of padding, none of them counted."""
PLAIN_HEADS = {f"mlx_lm.models.{name}" for name in ("qwen2", "qwen3", "llama")}
"""The architectures whose logits are a linear function of what `model.model` returns, and nothing else."""


class LoraParams(Params):
    """The block `lora_seed`; a seed's own stage is told its seed and does not read `seeds`."""

    model: str
    seeds: list[NonNegativeInt] = Field(default_factory=list)
    iters: PositiveInt | Literal["probe"]
    batch_size: PositiveInt
    learning_rate: float = Field(gt=0)
    rank: PositiveInt
    scale: float = Field(gt=0)
    dropout: float = Field(ge=0, lt=1)
    num_layers: PositiveInt | Literal[-1]
    max_seq_length: PositiveInt
    steps_per_eval: PositiveInt
    patience: int = Field(ge=0)
    grad_checkpoint: bool


@dataclass(frozen=True)
class Training:
    """How a run went; `seconds` is the time of this process's training steps, `row_tokens` what those steps read."""

    history: History
    reply_tokens: int
    trainable: int
    row_tokens: int
    seconds: float
    peak_memory_gb: float


def train_adapter(
    model: nn.Module,
    params: LoraParams,
    iters: int,
    seed: int,
    train_rows: list[Row],
    valid_rows: list[Row],
    folder: Path,
    title: str,
) -> Training:
    """Train `iters` iterations and leave the adapter of the lowest validation loss in `folder`, with the run's state.

    Validation reads every row, before the first iteration, every `steps_per_eval` and after the last; training stops
    early after `patience` validations in a row without a new best. A run that finds its state in `folder` goes on from
    there. Raises InputError when the loss is no longer a number, the disk is full or the state is damaged.
    """
    if params.num_layers > len(model.layers):
        raise InputError(f"lora_seed.num_layers: {params.num_layers} layers, but the model has {len(model.layers)}.")
    mx.random.seed(seed)
    model.freeze()
    config = adapter_config(params)
    linear_to_lora_layers(model, params.num_layers, config["lora_parameters"])
    optimizer = optim.Adam(learning_rate=params.learning_rate)
    optimizer.init(model.trainable_parameters())
    history = load_state(folder, model, optimizer)
    run = Run(model, optimizer, config, valid_rows, folder, history or History(), params, title, iters)
    if not history:
        run.evaluate(0, None)
    mx.reset_peak_memory()
    start = run.history.iterations[-1]
    if not run.history.finished:
        run.train(train_rows, seed, start)
    batches = islice(schedule(lengths(train_rows), params.batch_size, seed), run.history.iterations[-1])
    return Training(
        run.history,
        sum(train_rows[number].reply for batch in batches for number in batch),
        sum(weights.size for _, weights in tree_flatten(model.trainable_parameters())),
        run.row_tokens,
        run.seconds,
        mx.get_peak_memory() / 1e9,
    )


def adapter_config(params: LoraParams) -> dict[str, Any]:
    """What `adapter_config.json` says, for mlx-lm to rebuild the layers that the weights belong to."""
    return {
        "fine_tune_type": "lora",
        "lora_parameters": {"rank": params.rank, "dropout": params.dropout, "scale": params.scale},
        "model": params.model,
        "num_layers": params.num_layers,
    }


class Run(TrainingCallback):
    """A run in progress: mlx-lm's trainer draws its batches from here and reports here every `steps_per_eval`."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: optim.Optimizer,
        config: dict[str, Any],
        valid_rows: list[Row],
        folder: Path,
        history: History,
        params: LoraParams,
        title: str,
        iters: int,
    ):
        self.model, self.optimizer, self.config, self.valid_rows = model, optimizer, config, valid_rows
        self.folder, self.history, self.params, self.title, self.iters = folder, history, params, title, iters
        self.saved = history.iterations[history.best()] if history.iterations else None
        """The iteration of the adapter that is in `folder`."""
        self.world = mx.distributed.init()
        self.row_tokens, self.seconds, self.clock = 0, 0.0, 0.0

    def train(self, rows: list[Row], seed: int, start: int) -> None:
        """Hand the iterations from `start` on to mlx-lm's trainer."""
        args = TrainingArgs(
            batch_size=self.params.batch_size,
            iters=self.iters - start,
            steps_per_report=self.params.steps_per_eval,
            steps_per_save=self.iters + 1,
            max_seq_length=self.params.max_seq_length,
            adapter_file=str(self.folder / "last.safetensors"),
            grad_checkpoint=self.params.grad_checkpoint,
            clear_cache_threshold=2**30,
        )
        layer = type(self.model.layers[0])
        forward = layer.__call__
        self.start = start
        hidden = True if self.world.rank() else None  # None: hidden unless standard error is a terminal
        with tqdm(total=self.iters, initial=start, desc=self.title, unit="step", disable=hidden) as self.bar:
            try:
                self.clock = time.perf_counter()
                with contextlib.redirect_stdout(io.StringIO()):  # mlx-lm draws a bar of its own there
                    train(
                        self.model,
                        self.optimizer,
                        rows,
                        args=args,
                        loss=reply_loss,
                        iterate_batches=lambda **_: self.batches(rows, seed, start),
                        training_callback=self,
                    )
            except RuntimeError as error:
                raise InputError(f"{self.title}: {error}. {self.kept()}") from error
            finally:
                layer.__call__ = forward  # mlx-lm's gradient checkpointing wraps it anew at every call

    def batches(self, rows: list[Row], seed: int, start: int) -> Iterator[Batch]:
        """This worker's part of every batch, until the iterations are done or the run has stopped early."""
        multiple = 1 if on_cpu() else 8  # a compiled step is compiled again for every new length
        for batch in schedule(lengths(rows), self.params.batch_size, seed, start):
            if self.history.finished:
                return
            mine = [rows[number] for number in batch[self.world.rank() :: self.world.size()]] or [EMPTY]
            self.row_tokens += sum(len(row.tokens) for row in mine)
            self.bar.update()
            yield collate(mine, multiple)

    def on_train_loss_report(self, train_info: dict[str, Any]) -> None:
        """Validate, keep the adapter when it is the best so far, and save the state."""
        self.seconds += time.perf_counter() - self.clock
        self.evaluate(self.start + train_info["iteration"], train_info["train_loss"])
        self.clock = time.perf_counter()

    def evaluate(self, iteration: int, train_loss: float | None) -> None:
        """Append a validation to the history and save what the run has reached."""
        losses = row_losses(self.model, self.valid_rows, self.params.batch_size)
        if not (math.isfinite(train_loss or 0) and np.isfinite(losses).all()):
            raise InputError(
                f"{self.title}: the loss is not a number at iteration {iteration} (training {train_loss}, validation "
                f"{losses.sum()}). Lower lora_seed.learning_rate or lora_seed.scale. {self.kept()}"
            )
        history = self.history
        history.iterations.append(iteration)
        # as the state's file keeps it, or the curve of a resumed run would differ in a last digit
        history.train_losses.append(None if train_loss is None else np.float32(train_loss).item())
        history.valid_losses.append(losses)
        since_best = len(history.iterations) - 1 - history.best()
        history.finished = iteration >= self.iters or 0 < self.params.patience <= since_best
        if self.world.rank() == 0:
            try:
                if since_best == 0:
                    save_adapter(self.folder, self.model, self.config)
                    self.saved = iteration
                save_state(self.folder, self.model, self.optimizer, history)
            except InputError as error:
                raise InputError(f"{error} {self.kept()}") from error

    def kept(self) -> str:
        """Where the best adapter so far is, for an error message."""
        if self.saved is None:
            return "No adapter was kept yet."
        return f"The best adapter so far (iteration {self.saved}) is kept in {self.folder}."


def lengths(rows: list[Row]) -> list[int]:
    """Each row's number of tokens."""
    return [len(row.tokens) for row in rows]


def token_losses(model: nn.Module, batch: Batch) -> mx.array:
    """Cross-entropy of the batch's counted tokens, (tokens,) float32, zero for padding.

    The logits of all other positions, which would be most of the work of a small model and most of the memory of one
    with a large vocabulary, are not computed where the model is known to be layers and a linear head.
    """
    if type(model).__module__ in PLAIN_HEADS:
        hidden = model.model(batch.inputs)
        hidden = hidden.reshape(-1, hidden.shape[-1])[batch.positions]
        tied = model.args.tie_word_embeddings
        logits = model.model.embed_tokens.as_linear(hidden) if tied else model.lm_head(hidden)
    else:
        logits = model(batch.inputs)
        logits = logits.reshape(-1, logits.shape[-1])[batch.positions]
    return exponentials.cross_entropy(logits.astype(mx.float32), batch.targets) * batch.weights


def reply_loss(model: nn.Module, *arrays: mx.array) -> tuple[mx.array, mx.array]:
    """Mean cross-entropy per reply token over the batches of all workers, and this worker's number of such tokens.

    mlx-lm's default_loss counts one token of padding after every row, and weighs workers alike whatever their tokens.
    """
    batch = Batch(*arrays)
    mine = batch.weights.sum()
    everywhere = mx.stop_gradient(mx.distributed.all_sum(mine))
    return token_losses(model, batch).sum() * (mx.distributed.init().size() / everywhere), mine


def row_losses(model: nn.Module, rows: list[Row], batch_size: int) -> np.ndarray:
    """Each row's cross-entropy summed over its reply, (rows,) float32; the work is shared among the workers."""
    world = mx.distributed.init()
    order = sorted(range(len(rows)), key=lambda number: len(rows[number].tokens))
    found = np.zeros(len(rows), np.float32)
    model.eval()
    for start in range(world.rank() * batch_size, len(order), world.size() * batch_size):
        numbers = order[start : start + batch_size]
        batch = [rows[number] for number in numbers]
        ends = np.cumsum([row.reply for row in batch])
        losses = np.array(token_losses(model, collate(batch)))[: ends[-1]]
        found[numbers] = np.add.reduceat(losses, [0, *ends[:-1]])
    model.train()
    return np.array(mx.distributed.all_sum(mx.array(found)))
