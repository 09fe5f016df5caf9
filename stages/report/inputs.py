"""Everything the report reads. What a run may lack (levels, a second benchmark, a probe) is empty, not an error."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from distil.pipeline.command import PARAMS
from distil.pipeline.files import InputError, read_json, read_jsonl, read_record
from distil.pipeline.records import Problem, Scored, Split, VerifiedChain

CONTEST, TRANSFER = "contest", "transfer"
CUT_OFF = 0.05
"""Share of the base's answers that may end at the token cap before a difference is put down to the student."""
NEEDED = (("lora_seed", "seeds"), ("length_sweep", "levels"), ("answers", "models"))
LOSSES = ["iteration", "train_loss", "valid_loss"]
METRICS = ("verified", "train_split", "overfit_probe", "contamination")


@dataclass(frozen=True)
class Run:
    """One run of the pipeline.

    `params_text` is params.yaml as it stands and `params` its content; `problems` has a list for each benchmark, the
    contest first; `split` is data/train_split/folds.json; `metrics` has the content of metrics/<name>.json for each of
    METRICS, empty where the file is missing; `tables` and `level_tables` are the tables.json of data/eval and
    data/length_sweep; `curves` has fold, iteration, train_loss, valid_loss and seed, and
    `probe` the same without a fold.
    """

    params_text: str
    params: dict[str, Any]
    problems: dict[str, list[Problem]]
    scored: list[Scored]
    level_scored: list[Scored]
    chains: list[VerifiedChain]
    split: Split
    metrics: dict[str, Any]
    tables: dict[str, Any]
    level_tables: dict[str, Any]
    curves: pd.DataFrame
    probe: pd.DataFrame

    @property
    def main_folds(self) -> list[str]:
        """The folds whose predictions make the result."""
        return self.split.main

    @property
    def base_cut_off(self) -> float:
        """The share of the base model's answers to unseen questions that ended at the token cap."""
        whole = ("contest_unseen", "all", "base")
        rows = self.tables["accuracy"]
        return next((row["truncated"] for row in rows if (row["part"], row["by"], row["model"]) == whole), 0.0)

    @property
    def answered_levels(self) -> list[dict[str, Any]]:
        """The rows of the length sweep's levels that have an accuracy, from the longest chains to the shortest."""
        return [row for row in self.level_tables.get("levels", []) if row["accuracy"] is not None]


def load_run() -> Run:
    """Read the run in the working directory. Raises InputError where what every run has is missing or malformed."""
    problems = {CONTEST: list(read_jsonl("data/parsed/problems.jsonl", Problem))}
    second = Path("data/transfer/problems.jsonl")
    if second.exists():
        problems[TRANSFER] = list(read_jsonl(second, Problem))
    text, params = _params()
    verified = [Path("data/verified") / name for name in ("accepted.jsonl", "rejected.jsonl")]
    levels = Path("data/length_sweep/scored.jsonl")
    return Run(
        params_text=text,
        params=params,
        problems=problems,
        scored=list(read_jsonl("data/eval/scored.jsonl", Scored)),
        level_scored=list(read_jsonl(levels, Scored)) if levels.exists() else [],
        chains=[row for path in verified for row in read_jsonl(path, VerifiedChain)],
        split=read_record("data/train_split/folds.json", Split),
        metrics={name: _optional(Path(f"metrics/{name}.json")) for name in METRICS},
        tables=read_json("data/eval/tables.json"),
        level_tables=_optional(Path("data/length_sweep/tables.json")),
        curves=_losses(
            [Path(f"plots/lora_seed/{seed}.csv") for seed in params["lora_seed"]["seeds"]], ["fold", *LOSSES]
        ),
        probe=_losses([Path("plots/overfit_probe.csv")], LOSSES),
    )


def _optional(path: Path) -> dict[str, Any]:
    return read_json(path) if path.exists() else {}


def _params() -> tuple[str, dict[str, Any]]:
    try:
        text = PARAMS.read_text(encoding="utf-8")
        params = yaml.safe_load(text)
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{PARAMS} could not be read: {error}. Run from the repository's root.") from error
    for block, name in NEEDED:
        if name not in params.get(block, {}):
            raise InputError(f"{PARAMS} has no {block}.{name}. Compose it again with `python -m tools.params`.")
    return text, params


def _losses(paths: list[Path], columns: list[str]) -> pd.DataFrame:
    """The loss curves in those of `paths` that are there, each with its file's name as `seed`."""
    tables = [pd.DataFrame(columns=[*columns, "seed"])]
    for path in filter(Path.exists, paths):
        table = pd.read_csv(path)
        if missing := set(columns) - set(table):
            raise InputError(f"{path} lacks the columns {', '.join(sorted(missing))}. Run the stage that writes it.")
        tables.append(table.assign(seed=path.stem))
    return pd.concat(tables[1:] or tables, ignore_index=True)
