"""Make the transfer benchmark of problems that no exam asks: `python -m stages.transfer`.

Reads the `transfer` block of params.yaml. `transfer.source: sample` draws a second contest in other words and with
larger numbers. `math500` takes MATH-500. `problems` reads your own data, like `raw.source: problems`. Writes
data/transfer/problems.jsonl.
"""

import argparse
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from distil.exams.problem_sets import ColumnsParam, ready_mappings
from distil.pipeline.command import Params, load_params, run
from distil.pipeline.files import InputError, replacing_folder, write_jsonl
from distil.pipeline.records import Problem
from stages.transfer.benchmarks import from_data, math500
from stages.transfer.sample import draw_problems, load_layout

TRANSFER = Path("data/transfer")


class TransferParams(Params):
    """The `transfer` block of params.yaml."""

    source: Literal["sample", "math500", "problems"]
    path: Path
    seed: int
    columns: ColumnsParam
    split: str | None
    licence: str | None = None

    @model_validator(mode="after")
    def _parameters_fit_the_source(self) -> "TransferParams":
        if self.source != "problems" and (self.split or self.columns != ready_mappings()["plain"]):
            raise ValueError(f"columns and split are for source problems, and source is {self.source}")
        if self.licence and self.source == "sample":
            raise ValueError("licence is for a benchmark that is not the project's own; source sample has its own")
        return self


def main() -> None:
    """Write the chosen benchmark's problems."""
    argparse.ArgumentParser(
        prog="python -m stages.transfer", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    params = load_params("transfer", TransferParams)
    match params.source:
        case "sample":
            problems = list(draw_problems(load_layout(params.path), params.seed))
        case "math500":
            problems = list(math500(params.path))
        case "problems":
            problems = from_data(params.path, params.columns, params.split)
    check(problems, params.path)
    with replacing_folder(TRANSFER) as folder:
        write_jsonl(folder / "problems.jsonl", problems)
    print(f"{len(problems)} problems -> {TRANSFER}")


def check(problems: list[Problem], path: Path) -> None:
    """Raise InputError for a benchmark without problems, or with the same id for two of them."""
    if not problems:
        raise InputError(f"{path} holds no problems.")
    seen: dict[str, int] = {}
    for problem in problems:
        if problem.id in seen:
            raise InputError(f"{path}: problems {seen[problem.id]} and {problem.number} have one id, {problem.id!r}.")
        seen[problem.id] = problem.number


if __name__ == "__main__":
    run(main)
