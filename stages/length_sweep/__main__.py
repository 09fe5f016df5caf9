"""Score the answers of the six chain lengths, and test how accuracy falls as chains get shorter.

    python -m stages.length_sweep

Reads data/parsed, data/train_split and data/answers_level; only questions that no adapter has seen count. Writes
data/length_sweep/scored.jsonl, data/length_sweep/tables.json (sections, pairs of levels, the published numbers),
metrics/length_sweep.json and plots/length_sweep/*.csv. docs/metrics.md says what each number is.
"""

import argparse
import math
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field

from distil.pipeline.command import Params, load_params, run
from distil.pipeline.files import InputError, read_jsonl, read_record, replacing, replacing_folder, write_json
from distil.pipeline.numbers import rounded
from distil.pipeline.records import Level, Problem, Split
from distil.statistics.outcomes import questions_table, score
from distil.statistics.published import against
from distil.verifier import Verifier
from stages.length_sweep.sweep import NUMBERS, Sweep, collect, mean_chain_words, pairwise, per_level, trend_tests

HEADLINE = ("accuracy", "low", "high", "words", "chain_words")
"""The names under each level in metrics/length_sweep.json; data/length_sweep/tables.json has the rest."""


class SweepParams(Params):
    """The block `length_sweep`. `focus` is the section asked to be more sensitive; `margin` is percentage points."""

    levels: list[Level] = Field(min_length=1)
    focus: str
    margin: float = Field(gt=0, le=100)
    against_paper: bool


def main() -> None:
    """Score, line up the levels on the same questions, test, and write what came out."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    params = load_params("length_sweep", SweepParams)
    clusters = read_record("data/train_split/folds.json", Split).clusters
    problems = read_jsonl("data/parsed/problems.jsonl", Problem)
    questions = questions_table(problems, "contest", clusters)
    with replacing_folder("data/length_sweep") as out, replacing_folder("plots/length_sweep") as plots:
        outcomes = score_levels(params, questions, out / "scored.jsonl")
        sweep = collect(outcomes, questions, mean_chain_words(params.levels))
        levels, sections = per_level(sweep, params.levels), by_section(sweep, params)
        found = trend_tests(sweep, params.focus)
        reasons = found.pop("reasons") | {
            level: "no answers at this level" for level in params.levels if level not in outcomes
        }
        tables = {
            "levels": [{"level": level, **numbers} for level, numbers in levels.items()],
            "sections": sections,
            "pairs": pairwise(sweep),
            "tests": found,
            "published": published(levels, params),
            "left_out": sweep.left_out,
            "reasons": reasons,
        }
        write_json(out / "tables.json", rounded(tables))
        for name, names in (("levels", ["level"]), ("sections", ["section", "level"])):
            table = pd.DataFrame(tables[name], columns=[*names, *NUMBERS]).dropna(subset=["accuracy"])
            table.to_csv(plots / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
        headline = {level: {key: numbers[key] for key in HEADLINE} for level, numbers in levels.items()}
        asked = {"n": len(sweep.questions)}
        write_json("metrics/length_sweep.json", rounded({**headline, **asked, **found, "reasons": reasons}))


def score_levels(params: SweepParams, questions: pd.DataFrame, out: Path) -> dict[str, pd.DataFrame]:
    """Score the answers of every level that has some. Raises InputError when none has."""
    paths = {level: Path("data/answers_level", level, "contest.jsonl") for level in params.levels}
    if not any(path.exists() for path in paths.values()):
        raise InputError("data/answers_level has no answers of any level. Run the stage that writes it (`dvc dag`).")
    with replacing(out) as file, Verifier() as verifier:
        return {level: score(path, questions, verifier, file) for level, path in paths.items() if path.exists()}


def by_section(sweep: Sweep, params: SweepParams) -> list[dict[str, Any]]:
    """The numbers of every level within each section."""
    labels = sweep.questions["section"].to_numpy()
    return [
        {"section": section, "level": level, **numbers}
        for section in sorted(set(labels))
        for level, numbers in per_level(sweep.where(labels == section), params.levels).items()
    ]


def published(levels: dict[str, dict[str, Any]], params: SweepParams) -> list[dict[str, Any]]:
    """Every level beside the study's number for it."""
    rows = []
    for level, numbers in levels.items():
        value, n = numbers["accuracy"], numbers["n"]
        error = math.sqrt(value * (1 - value) / n) if n else None
        rows.append({"of": level, **against(level, value, error, params.margin, params.against_paper)})
    return rows


if __name__ == "__main__":
    run(main)
