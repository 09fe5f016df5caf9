"""Shared by the training of all backends: parameters, validations, and the state from which a killed run resumes."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from distil.lm.rows import Row, schedule
from distil.lm.state import Arrays, History, load_state, save_adapter, save_state
from distil.lm.tracking import Tracker, Trackers
from distil.pipeline.command import Params
from distil.pipeline.files import InputError
from distil.pipeline.records import AdapterConfig, LowRankShape


class LmParams(Params):
    """The block `lm`: who computes, in what precision, on how many threads (PyTorch only)."""

    backend: Literal["mlx", "torch"] = "mlx"
    compute: Literal["float32", "bfloat16"] = "float32"
    threads: PositiveInt = 1

    @model_validator(mode="after")
    def _mlx_chooses_its_own(self) -> "LmParams":
        if self.backend == "mlx" and self.compute != "float32":
            raise ValueError(
                "compute bfloat16 is for backend torch; MLX computes in float32 on a CPU and in the checkpoint's "
                "precision on a GPU"
            )
        return self


class LoraParams(Params):
    """The block `lora_seed`. A stage gets its seed on the command line and does not read `seeds`."""

    model: str
    fine_tune_type: Literal["lora", "dora", "full"] = "lora"
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
    track: list[Tracker] = Field(default_factory=list)


@dataclass(frozen=True)
class TrainingSetup:
    """Everything one training is given; `folder` holds its state and its best adapter, `title` names it in messages."""

    params: LoraParams
    iters: int
    seed: int
    train_rows: list[Row]
    valid_rows: list[Row]
    folder: Path
    title: str


@dataclass(frozen=True)
class Training:
    """How a run went; `seconds` is the time of this process's training steps, `row_tokens` what those steps read."""

    history: History
    reply_tokens: int
    trainable: int
    row_tokens: int
    seconds: float
    peak_memory_gb: float


def adapter_config(params: LoraParams) -> AdapterConfig:
    """What `adapter_config.json` says of these parameters."""
    return AdapterConfig(
        fine_tune_type=params.fine_tune_type,
        lora_parameters=None if params.fine_tune_type == "full" else low_rank(params),
        model=params.model,
        num_layers=params.num_layers,
    )


def low_rank(params: LoraParams) -> LowRankShape:
    """The shape of the adapters of these parameters."""
    return LowRankShape(rank=params.rank, dropout=params.dropout, scale=params.scale)


class Progress(ABC):
    """A run's validations so far and its files; a backend says how it validates and what its state is."""

    writes = True
    """Whether this process writes files: of several workers one does."""

    def __init__(self, setup: TrainingSetup):
        self.setup = setup
        history = load_state(setup.folder, self.restore)
        self.history = history or History()
        shown = setup.params.track if self.writes and not self.history.finished else []
        settings = setup.params.model_dump(exclude={"seeds", "track"}) | {"iters": setup.iters}
        self.trackers = Trackers(shown, setup.title, settings)
        for number in range(len(self.history.iterations)):
            self.show(number)
        self.saved = history.iterations[history.best()] if history else None
        """The iteration of the adapter that is in `folder`."""
        if not history:
            self.evaluate(0, None)

    @abstractmethod
    def row_losses(self) -> np.ndarray:
        """Each validation row's loss, summed over its reply, (rows,) float32."""

    @abstractmethod
    def adapter(self) -> Arrays:
        """The trainable weights, by mlx-lm's names."""

    @abstractmethod
    def state(self) -> Arrays:
        """Everything that the run needs to go on."""

    @abstractmethod
    def restore(self, arrays: Arrays) -> None:
        """Put back what `state` gave."""

    def evaluate(self, iteration: int, train_loss: float | None) -> None:
        """Append a validation to the history and save what the run has reached."""
        setup, losses = self.setup, self.row_losses()
        if not (math.isfinite(train_loss or 0) and np.isfinite(losses).all()):
            raise InputError(
                f"{setup.title}: the loss is not a number at iteration {iteration} (training {train_loss}, validation "
                f"{losses.sum()}). Lower lora_seed.learning_rate or lora_seed.scale. {self.kept()}"
            )
        history = self.history
        history.iterations.append(iteration)
        # as the state's file keeps it, or the curve of a resumed run would differ in a last digit
        history.train_losses.append(None if train_loss is None else np.float32(train_loss).item())
        history.valid_losses.append(losses)
        self.show(-1)
        since_best = len(history.iterations) - 1 - history.best()
        history.finished = iteration >= setup.iters or 0 < setup.params.patience <= since_best
        if self.writes:
            try:
                if since_best == 0:
                    save_adapter(setup.folder, self.adapter(), adapter_config(setup.params))
                    self.saved = iteration
                save_state(setup.folder, self.state(), history)
            except InputError as error:
                raise InputError(f"{error} {self.kept()}") from error
        if history.finished:
            self.trackers.end()

    def show(self, number: int) -> None:
        """Show the trackers a validation of the history."""
        history, tokens = self.history, sum(row.reply for row in self.setup.valid_rows)
        valid = float(history.valid_losses[number].sum(dtype=np.float64)) / tokens
        self.trackers.show(history.iterations[number], history.train_losses[number], valid)

    def kept(self) -> str:
        """Where the best adapter so far is, for an error message."""
        if self.saved is None:
            return "No adapter was kept yet."
        return f"The best adapter so far (iteration {self.saved}) is kept in {self.setup.folder}."


def lengths(rows: list[Row]) -> list[int]:
    """Each row's number of tokens."""
    return [len(row.tokens) for row in rows]


def reply_tokens(rows: list[Row], batch_size: int, seed: int, iterations: int) -> int:
    """How many tokens the loss has counted after so many iterations."""
    batches = islice(schedule(lengths(rows), batch_size, seed), iterations)
    return sum(rows[number].reply for batch in batches for number in batch)
