"""Train an adapter, or whole layers, with mlx-lm's trainer. A run killed and resumed ends with the same bits."""

import contextlib
import io
import time
from collections.abc import Iterator
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.tuner.callbacks import TrainingCallback
from mlx_lm.tuner.trainer import TrainingArgs, train
from mlx_lm.tuner.utils import linear_to_lora_layers

from distil.lm.checkpoints import on_cpu
from distil.lm.cpu import exponentials
from distil.lm.progress import LoraParams, Progress, Training, TrainingSetup, lengths, low_rank, reply_tokens
from distil.lm.rows import Row, TrainingBatch, collate, schedule
from distil.lm.state import Arrays
from distil.lm.tracking import Losses
from distil.pipeline.files import InputError
from distil.pipeline.progress import Bar

EMPTY = Row("", [0, 0], 2)
"""What a worker trains on when a short batch has no row for it: two tokens of padding, none of them counted."""
PLAIN_HEADS = {f"mlx_lm.models.{name}" for name in ("qwen2", "qwen3", "llama")}
"""The architectures whose logits are a linear function of what `model.model` returns, and nothing else."""


def train_adapter(model: nn.Module, setup: TrainingSetup) -> Training:
    """Train `iters` iterations and leave the adapter of the lowest validation loss in `folder`, with the run's state.

    Validation reads every row, before the first iteration, every `steps_per_eval` and after the last; training stops
    early after `patience` validations in a row without a new best. A run that finds its state in `folder` goes on from
    there. Raises InputError when the loss is no longer a number, the disk is full or the state is damaged.
    """
    params = setup.params
    if params.num_layers > len(model.layers):
        raise InputError(f"lora_seed.num_layers: {params.num_layers} layers, but the model has {len(model.layers)}.")
    mx.random.seed(setup.seed)
    make_trainable(model, params)
    optimizer = optim.Adam(learning_rate=params.learning_rate)
    optimizer.init(model.trainable_parameters())
    run = MlxRun(model, optimizer, setup)
    mx.reset_peak_memory()
    start = run.history.iterations[-1]
    if not run.history.finished:
        run.train(start)
    return Training(
        run.history,
        reply_tokens(setup.train_rows, params.batch_size, setup.seed, run.history.iterations[-1]),
        sum(weights.size for _, weights in tree_flatten(model.trainable_parameters())),
        run.row_tokens,
        run.seconds,
        mx.get_peak_memory() / 1e9,
    )


def make_trainable(model: nn.Module, params: LoraParams) -> None:
    """Freeze all but what `fine_tune_type` trains of the last layers, as mlx_lm.lora does it.

    Raises InputError for whole layers of quantised weights, whose integers have no gradient, and for layers that DoRA
    does not take.
    """
    model.freeze()
    if params.fine_tune_type == "full":
        if any(isinstance(layer, nn.QuantizedLinear) for layer in model.modules()):
            raise InputError(
                f"lora_seed.fine_tune_type: full trains the weights themselves, and those of {params.model} are "
                "quantised. Take a checkpoint in 16 or 32 bits, or fine_tune_type lora or dora."
            )
        for layer in model.layers[-max(params.num_layers, 0) :]:
            layer.set_dtype(mx.float32)  # to 16-bit weights, most updates of a small learning rate round to nothing
            layer.unfreeze()
        return
    dora = params.fine_tune_type == "dora"
    try:
        linear_to_lora_layers(model, params.num_layers, low_rank(params).model_dump(), use_dora=dora)
    except ValueError as error:
        raise InputError(f"lora_seed.fine_tune_type: {params.fine_tune_type} on {params.model}: {error}") from error


class MlxRun(Progress, TrainingCallback):
    """A run in progress: mlx-lm's trainer draws its batches from here and reports here every `steps_per_eval`."""

    def __init__(self, model: nn.Module, optimizer: optim.Optimizer, setup: TrainingSetup):
        self.model, self.optimizer = model, optimizer
        self.world = mx.distributed.init()
        self.writes = self.world.rank() == 0
        self.row_tokens, self.seconds, self.clock = 0, 0.0, 0.0
        super().__init__(setup)

    def train(self, start: int) -> None:
        """Hand the iterations from `start` on to mlx-lm's trainer."""
        setup = self.setup
        args = TrainingArgs(
            batch_size=setup.params.batch_size,
            iters=setup.iters - start,
            steps_per_report=setup.params.steps_per_eval,
            steps_per_save=setup.iters + 1,
            max_seq_length=setup.params.max_seq_length,
            adapter_file=str(setup.folder / "last.safetensors"),
            grad_checkpoint=setup.params.grad_checkpoint,
            clear_cache_threshold=2**30,
        )
        layer = type(self.model.layers[0])
        forward = layer.__call__
        self.start = start
        hidden = self.world.rank() > 0
        with Bar(total=setup.iters, initial=start, desc=setup.title, unit="step", disable=hidden) as self.bar:
            try:
                self.clock = time.perf_counter()
                with contextlib.redirect_stdout(io.StringIO()):  # mlx-lm draws a bar of its own there
                    train(
                        self.model,
                        self.optimizer,
                        setup.train_rows,
                        args=args,
                        loss=reply_loss,
                        iterate_batches=lambda **_: self.batches(start),
                        training_callback=self,
                    )
            except RuntimeError as error:
                raise InputError(f"{setup.title}: {error}. {self.kept()}") from error
            finally:
                layer.__call__ = forward  # mlx-lm's gradient checkpointing wraps it anew at every call

    def batches(self, start: int) -> Iterator[TrainingBatch]:
        """This worker's part of every batch, until the iterations are done or the run has stopped early."""
        multiple = 1 if on_cpu() else 8  # a compiled step is compiled again for every new length
        setup, rows = self.setup, self.setup.train_rows
        for batch in schedule(lengths(rows), setup.params.batch_size, setup.seed, start):
            if self.history.finished:
                return
            mine = [rows[number] for number in batch[self.world.rank() :: self.world.size()]] or [EMPTY]
            self.row_tokens += sum(len(row.tokens) for row in mine)
            self.bar.update()
            yield collate(mine, multiple)

    def on_train_loss_report(self, train_info: Losses) -> None:
        """Validate, keep the adapter when it is the best so far, and save the state."""
        self.seconds += time.perf_counter() - self.clock
        self.evaluate(self.start + int(train_info["iteration"]), train_info["train_loss"])
        self.clock = time.perf_counter()

    def row_losses(self) -> np.ndarray:
        """Each validation row's loss, summed over its reply."""
        return row_losses(self.model, self.setup.valid_rows, self.setup.params.batch_size)

    def adapter(self) -> Arrays:
        """The trainable weights, by mlx-lm's names."""
        return as_numpy(self.model.trainable_parameters())

    def state(self) -> Arrays:
        """Weights, optimiser and random generator."""
        generator: Any = mx.random.state
        arrays = {"model": self.model.trainable_parameters(), "optimizer": self.optimizer.state}
        return as_numpy(arrays | {"random": generator[0]})

    def restore(self, arrays: Arrays) -> None:
        """Put back what `state` gave."""
        tree: Any = tree_unflatten([(name, mx.array(array)) for name, array in arrays.items()])
        self.model.load_weights(list(tree_flatten(tree["model"])), strict=False)
        self.optimizer.state = tree["optimizer"]
        high, low = tree["random"].tolist()
        mx.random.seed(high << 32 | low)  # a seed's two halves are the generator's state


def as_numpy(tree: Any) -> Arrays:
    """The arrays of a tree, by their paths in it."""
    return {name: np.array(array) for name, array in tree_flatten(tree)}


def token_losses(model: nn.Module, batch: TrainingBatch) -> mx.array:
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

    mlx-lm's default_loss counts one token of padding after every row, and gives all workers the same weight.
    """
    batch = TrainingBatch(*arrays)
    mine = batch.weights.sum()
    everywhere = mx.stop_gradient(mx.distributed.all_sum(mine))
    # mlx-lm averages the workers' gradients: times their number, this gives the mean over all tokens
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
        # without the padding at the end
        losses = np.array(token_losses(model, collate(batch)))[: ends[-1]]
        found[numbers] = np.add.reduceat(losses, [0, *ends[:-1]])
    model.train()
    # each worker has filled in its own rows, and the others are zero there
    return np.array(mx.distributed.all_sum(mx.array(found)))
