"""Everything that the report reads. A part that the run lacks (levels, a probe) is empty and no error."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd
import yaml
from pydantic import ValidationError

from distil.pipeline.command import PARAMS, faults
from distil.pipeline.files import InputError, read_json, read_jsonl, read_record
from distil.pipeline.metrics import ContaminationMetrics, LevelSeedsMetrics, Minimum, TrainSplitMetrics, VerifiedMetrics
from distil.pipeline.names import seed_name
from distil.pipeline.recorded_results import RecordedTables
from distil.pipeline.records import Problem, Record, Scored, Split, VerifiedChain
from distil.pipeline.results import EvalTables
from distil.pipeline.sweep_results import LevelRow, SweepTables
from stages.report.params import ReportParams

CONTEST, TRANSFER = "contest", "transfer"
CUT_OFF = 0.05
"""If more of a model's answers than this share end at the token cap, what the cap alone can make is not claimed."""
WHOLE = ("contest_unseen", "all")
"""Part and group of the accuracies on all unseen questions."""
LOSSES = ["iteration", "train_loss", "valid_loss"]
Found = TypeVar("Found", bound=Record)


@dataclass(frozen=True)
class Loaded:
    """The parts of every run, whoever answered. A part that the run lacks is None.

    `params_text` is the text of params.yaml, `params` are the parts of it that the report reads. `problems` has a list
    for each benchmark, the contest first. `split` is data/train_split/folds.json, `level_tables` is tables.json of
    data/length_sweep. `verified`, `train_split`, `overfit_probe` and `contamination` are these stages' metrics.
    `level_losses` are the metrics of the length sweep's trainings, by their rows. `curves` has fold, iteration,
    train_loss, valid_loss and seed. `probe` has the same without a fold.
    """

    params_text: str
    params: ReportParams
    problems: dict[str, list[Problem]]
    scored: list[Scored]
    level_scored: list[Scored]
    chains: list[VerifiedChain]
    split: Split
    level_tables: SweepTables | None
    verified: VerifiedMetrics | None
    train_split: TrainSplitMetrics | None
    overfit_probe: Minimum | None
    contamination: ContaminationMetrics | None
    level_losses: dict[str, LevelSeedsMetrics]
    curves: pd.DataFrame
    probe: pd.DataFrame

    @property
    def students(self) -> list[str]:
        """The names of the seeds that the result is about."""
        return [seed_name(seed) for seed in self.params.lora_seed.seeds]

    @property
    def main_folds(self) -> list[str]:
        """The folds whose predictions make the result."""
        return self.split.main

    @property
    def as_the_study(self) -> bool:
        """Whether the result is under the study's protocol, which holds no near-duplicates out."""
        return "paper" in self.main_folds

    @property
    def answered_levels(self) -> list[LevelRow]:
        """The rows of the length sweep's levels that have an accuracy, in their order."""
        return self.level_tables.answered if self.level_tables else []


@dataclass(frozen=True, kw_only=True)
class RecordedRun(Loaded):
    """A run whose answers were all recorded elsewhere. There is no base model to compare with."""

    tables: RecordedTables


@dataclass(frozen=True, kw_only=True)
class Run(Loaded):
    """One run of the pipeline. `tables` is data/eval/tables.json."""

    tables: EvalTables

    @property
    def cut_off(self) -> dict[str, float]:
        """The share of unseen answers that ended at the token cap, of those models where it is above CUT_OFF."""
        shares = {row.model: row.truncated for row in self.tables.accuracy if (row.part, row.by) == WHOLE}
        return {model: share for model, share in shares.items() if share > CUT_OFF}


def load_run() -> Run | RecordedRun:
    """Read the run in the working directory. Raises InputError where a part of every run is missing or malformed."""
    problems = {CONTEST: list(read_jsonl("data/parsed/problems.jsonl", Problem))}
    second = Path("data/transfer/problems.jsonl")
    if second.exists():
        problems[TRANSFER] = list(read_jsonl(second, Problem))
    text, params = _params()
    verified = [Path("data/verified") / name for name in ("accepted.jsonl", "rejected.jsonl")]
    levels = Path("data/length_sweep/scored.jsonl")
    tables = Path("data/eval/tables.json")
    loaded = Loaded(
        params_text=text,
        params=params,
        problems=problems,
        scored=list(read_jsonl("data/eval/scored.jsonl", Scored)),
        level_scored=list(read_jsonl(levels, Scored)) if levels.exists() else [],
        chains=[row for path in verified for row in read_jsonl(path, VerifiedChain)],
        split=read_record("data/train_split/folds.json", Split),
        level_tables=_optional("data/length_sweep/tables.json", SweepTables),
        verified=_optional("metrics/verified.json", VerifiedMetrics),
        train_split=_optional("metrics/train_split.json", TrainSplitMetrics),
        overfit_probe=_optional("metrics/overfit_probe.json", Minimum),
        contamination=_optional("metrics/contamination.json", ContaminationMetrics),
        level_losses={
            name: found
            for name in params.length_sweep.rows
            if (found := _optional(f"metrics/lora_level/{name}.json", LevelSeedsMetrics))
        },
        curves=_losses([Path(f"plots/lora_seed/{seed}.csv") for seed in params.lora_seed.seeds], ["fold", *LOSSES]),
        probe=_losses([Path("plots/overfit_probe.csv")], LOSSES),
    )
    if "recorded" in read_json(tables):
        return RecordedRun(**vars(loaded), tables=read_record(tables, RecordedTables))
    return Run(**vars(loaded), tables=read_record(tables, EvalTables))


def _optional(path: str, model: type[Found]) -> Found | None:
    """The record in a file. None where there is no file or it is empty, because a stage had nothing to do."""
    return read_record(path, model) if Path(path).exists() and read_json(path) else None


def _params() -> tuple[str, ReportParams]:
    try:
        text = PARAMS.read_text(encoding="utf-8")
        return text, ReportParams.model_validate(yaml.safe_load(text))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{PARAMS} could not be read: {error}. Run from the repository's root.") from error
    except ValidationError as error:
        raise InputError(f"{PARAMS}: {faults(error)}. Compose it again with `python -m tools.params`.") from error


def _losses(paths: list[Path], columns: list[str]) -> pd.DataFrame:
    """The loss curves in those of `paths` that exist. The name of each file is its `seed`."""
    tables = [pd.DataFrame(columns=[*columns, "seed"])]
    for path in filter(Path.exists, paths):
        table = pd.read_csv(path)
        if missing := set(columns) - set(table):
            raise InputError(f"{path} lacks the columns {', '.join(sorted(missing))}. Run the stage that writes it.")
        tables.append(table.assign(seed=path.stem))
    return pd.concat(tables[1:] or tables, ignore_index=True)
