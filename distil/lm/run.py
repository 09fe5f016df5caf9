"""One fold's adapter: read its rows, train in a checkpoint folder of its own, and say how it went."""

import contextlib
import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx

from distil.lm import train as mlx_train
from distil.lm.checkpoints import load, tokenizer_for
from distil.lm.progress import LmParams, LoraParams, Training, TrainingSetup
from distil.lm.rows import Row, read_rows
from distil.lm.state import ADAPTER, CHECKPOINTS, CONFIG, Inputs, alone_in, computing, fingerprint, folder_digest
from distil.lm.torch import require_torch
from distil.pipeline.files import replacing
from distil.pipeline.metrics import TrainingMetrics, TrainingTimings, Validation


@dataclass(frozen=True)
class FoldRun:
    """A finished run: its rows, the problems whose rows were too long, how it went, its adapter's files by name."""

    train_rows: list[Row]
    valid_rows: list[Row]
    dropped: list[str]
    training: Training
    adapter: dict[str, bytes]
    folder: Path

    def publish(self, out: Path) -> None:
        """Write the best adapter to `out`, as mlx-lm's commands load it."""
        for name, content in self.adapter.items():
            with replacing(out / name, "wb") as file:
                file.write(content)

    def clear(self) -> None:
        """Remove the files from which a killed run would resume."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def curve(self) -> list[Validation]:
        """The losses per reply token at every validation, rounded as plots show them."""
        history, tokens = self.training.history, sum(row.reply for row in self.valid_rows)
        return [
            Validation(
                iteration=iteration,
                train_loss=None if train is None else round(train, 6),
                valid_loss=round(float(valid.astype("float64").sum()) / tokens, 6),
            )
            for iteration, train, valid in zip(
                history.iterations, history.train_losses, history.valid_losses, strict=True
            )
        ]

    def metrics(self) -> TrainingMetrics:
        """What the run reached, without times."""
        history, curve = self.training.history, self.curve()
        best = curve[history.best()]
        return TrainingMetrics(
            best_iteration=best.iteration,
            best_valid_loss=best.valid_loss,
            first_valid_loss=curve[0].valid_loss,
            last_valid_loss=curve[-1].valid_loss,
            last_train_loss=curve[-1].train_loss,
            iterations=history.iterations[-1],
            reply_tokens_trained=self.training.reply_tokens,
            adapter_parameters=self.training.trainable,
            train_rows=len(self.train_rows),
            valid_rows=len(self.valid_rows),
            dropped_rows=len(self.dropped),
            dropped_problems=self.dropped,
        )

    def timings(self) -> TrainingTimings:
        """Speed and memory of this process; after a resumption only of the iterations it ran itself."""
        training = self.training
        return TrainingTimings(
            training_seconds=round(training.seconds, 3),
            row_tokens_per_second=round(training.row_tokens / training.seconds) if training.seconds else None,
            peak_memory_gb=round(training.peak_memory_gb, 3),
        )


def train_fold(params: LoraParams, lm: LmParams, iters: int, seed: int, split: Path, title: str) -> FoldRun:
    """Train on `split`/train.jsonl, validate on `split`/valid.jsonl; `title` names the run in messages and bars."""
    tokenizer = tokenizer_for(params.model)
    train_rows, too_long = read_rows(split / "train.jsonl", tokenizer, params.max_seq_length)
    valid_rows, valid_too_long = read_rows(split / "valid.jsonl", tokenizer, params.max_seq_length)
    train_adapter, computed_by = backend(lm)
    inputs = {
        "params": params.model_dump(exclude={"seeds", "iters", "track"}),
        "iters": iters,
        "seed": seed,
        "rows": [[row.problem_id, row.tokens, row.prompt] for row in [*train_rows, *valid_rows]],
        "train": len(train_rows),
        "model": folder_digest(Path(params.model)),
        "computing": computed_by,
    }
    folder = CHECKPOINTS / fingerprint(**inputs)
    with alone_in(folder) if first_worker() else contextlib.nullcontext():
        training = train_adapter(TrainingSetup(params, iters, seed, train_rows, valid_rows, folder, title))
        adapter = {name: (folder / name).read_bytes() for name in (ADAPTER, CONFIG) if first_worker()}
    return FoldRun(train_rows, valid_rows, too_long + valid_too_long, training, adapter, folder)


def backend(lm: LmParams) -> tuple[Callable[[TrainingSetup], Training], Inputs]:
    """The backend's training function, and what decides the last bits of its results.

    Raises InputError when the backend is not installed.
    """
    if lm.backend == "mlx":
        return lambda setup: mlx_train.train_adapter(load(setup.params.model)[0], setup), computing()
    require_torch()
    from distil.lm.torch import train as torch_train  # PyTorch is optional, and takes two seconds to import

    return functools.partial(torch_train.train_adapter, lm), torch_train.computing(lm)


def first_worker() -> bool:
    """Whether this process writes the outputs: of the workers that `mlx.launch` starts, the first one does."""
    return mx.distributed.init().rank() == 0
