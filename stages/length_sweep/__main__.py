"""Score the answers of the six chain lengths, and test how accuracy falls as chains get shorter.

    python -m stages.length_sweep

Reads data/parsed, data/train_split, data/verified, data/answers; only questions held out
from the adapters count. Writes data/length_sweep/scored.jsonl, data/length_sweep/tables.json (sections, pairs of
levels, the published numbers), metrics/length_sweep.json and plots/length_sweep/*.csv. docs/metrics.md says what each
number is.
"""

import argparse
import math
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from pydantic import Field

from distil.pipeline.command import Params, load_params, run
from distil.pipeline.files import InputError, read_jsonl, read_record, replacing, replacing_folder, write_json
from distil.pipeline.numbers import rounded
from distil.pipeline.records import Example, Level, Problem, Split, VerifiedChain
from distil.statistics.outcomes import questions_table, score
from distil.statistics.published import against, published
from distil.statistics.seeds import influences, standard_errors
from distil.verifier import Verifier
from stages.length_sweep.sweep import (
    Outcomes,
    Sweep,
    collect,
    control,
    focus,
    gap,
    kept,
    numbers,
    pairwise,
    spread,
    trend,
)

ANSWERS, ROWS = Path("data/answers"), Path("data/train_split")
DETAILS = ("n", "no_answer", "truncated", "finished")
"""Numbers of a level that data/length_sweep/tables.json has and metrics/length_sweep.json has not."""
PLOTTED = ("n", "accuracy", "low", "high", "words", "chain_words", "no_answer", "truncated", "finished")


class SweepParams(Params):
    """The block `length_sweep`.

    `truncated` are the levels with a control, full chains cut to the level's length; `focus` is the section asked to be
    more sensitive; `margin` is percentage points.
    """

    levels: list[Level] = Field(min_length=1)
    truncated: list[Level]
    seeds: list[int] = Field(min_length=1)
    rows: dict[str, str]
    focus: str
    resamples: int = Field(ge=1000)
    resampling_seed: int = Field(ge=0)
    margin: float = Field(gt=0, le=100)
    against_paper: bool

    @property
    def controls(self) -> list[Level]:
        """The levels with a control: one that is not swept has none."""
        return [level for level in self.truncated if level in self.levels]

    def generator(self, name: str) -> np.random.Generator:
        """A random generator for one named result, so that none depends on which others were made before it."""
        return np.random.default_rng([self.resampling_seed, zlib.crc32(name.encode())])


def main() -> None:
    """Score, line up the levels on the same questions, test, and write what came out."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    params = load_params("length_sweep", SweepParams)
    split = read_record(ROWS / "folds.json", Split)
    questions = questions_table(read_jsonl("data/parsed/problems.jsonl", Problem), "contest", split.clusters)
    with replacing_folder("data/length_sweep") as out, replacing_folder("plots/length_sweep") as plots:
        with replacing(out / "scored.jsonl") as file, Verifier() as verifier:
            base, levels, truncated = score_all(params, questions, verifier, file)
        sweep = collect(questions, base, levels, truncated)
        chains = teacher_words(params.levels, sweep.questions["id"])
        found = trend(sweep, params.resamples, params.generator("trend"))
        extra = focus(sweep, params.focus, params.resamples, params.generator("focus"))
        shorter = control(sweep, params.resamples, params.generator("control"))
        unanswered = {level: "no answers at this level" for level in params.levels if level not in levels}
        reasons = found.pop("reasons") | extra.pop("reasons") | shorter.pop("reasons") | unanswered
        tests = found | extra | shorter
        rows = {level: of_level(level, sweep, chains, params) for level in params.levels}
        controls = {level: of_control(level, sweep, chains, params) for level in params.controls}
        sections = by_section(sweep, params)
        tables = {
            "base": numbers(sweep.base, sweep.clusters),
            "levels": [{"level": level, **row} for level, row in rows.items()],
            "truncated": [{"level": level, **row} for level, row in controls.items()],
            "sections": sections,
            "pairs": pairwise(sweep, params.resamples, params.generator("pairs")),
            "tests": tests,
            "published": against_published(sweep, params),
            "left_out": sweep.left_out,
            "reasons": reasons,
        }
        write_json(out / "tables.json", rounded(tables))
        for name, columns in (("levels", ["level"]), ("sections", ["section", "level"])):
            table = pd.DataFrame(tables[name], columns=[*columns, *PLOTTED]).dropna(subset=["accuracy"])
            table.to_csv(plots / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
        headline: dict[str, Any] = {level: brief(row) for level, row in rows.items()}
        headline |= {"base": brief(tables["base"]), "truncated": {level: brief(row) for level, row in controls.items()}}
        asked = {"n": len(sweep.questions), "reasons": reasons}
        write_json("metrics/length_sweep.json", rounded({**headline, **tests, **asked}))


def score_all(
    params: SweepParams, questions: pd.DataFrame, verifier: Verifier, file: IO[str]
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """The outcomes of base, and of every level and control that has answers. Raises InputError when no level has."""

    def scored(name: str, levels: Iterable[str]) -> dict[str, pd.DataFrame]:
        paths = {level: ANSWERS / name.format(level=level) / "contest.jsonl" for level in levels}
        return {level: score(path, questions, verifier, file) for level, path in paths.items() if path.exists()}

    levels, truncated = scored("{level}", params.levels), scored("truncated_{level}", params.controls)
    if not levels:
        raise InputError(f"{ANSWERS} has no answers of any level. Run the stage that writes it (`dvc dag`).")
    base = score(ANSWERS / "base/contest.jsonl", questions, verifier, None)  # eval writes these
    return base, levels, truncated


def teacher_words(levels: Iterable[str], ids: pd.Series) -> dict[str, np.ndarray]:
    """The words of the teacher's accepted chain at every level for each question, NaN where there is none."""
    words: dict[str, dict[str, int]] = {level: {} for level in levels}
    for row in read_jsonl("data/verified/accepted.jsonl", VerifiedChain):
        if row.chain.level in words:
            words[row.chain.level][row.chain.problem_id] = len(row.chain.text.split())
    return {level: ids.map(found).to_numpy(float) for level, found in words.items()}


def chain_words(rows: str, level: str) -> dict[str, float | None]:
    """Words of the replies in a level's training rows: mean, median and range; None where it has no rows."""
    path = ROWS / rows / level / "train.jsonl"
    replies = read_jsonl(path, Example) if path.exists() else []
    return spread("chain_words", np.array([len(row.messages[-1].content.split()) for row in replies], float))


def of_level(level: str, sweep: Sweep, chains: Mapping[str, np.ndarray], params: SweepParams) -> dict[str, Any]:
    """The numbers of one level, and what it gains on the base model; None, and `n` 0, where it did not answer."""
    words, outcomes = chain_words("levels", level), sweep.levels.get(level)
    if outcomes is None:
        return numbers(nothing(), np.array([], int)) | words
    over_base = gap(outcomes, sweep.base, sweep.clusters, params.resamples, params.generator(f"{level} base"))
    return (
        numbers(outcomes, sweep.clusters)
        | words
        | kept(outcomes, chains[level])
        | {f"over_base{end}": over_base[name] for end, name in ENDS.items()}
    )


def of_control(level: str, sweep: Sweep, chains: Mapping[str, np.ndarray], params: SweepParams) -> dict[str, Any]:
    """The numbers of full chains cut to one level's length, and what compressed chains gain on them."""
    words, outcomes = chain_words("truncated", level), sweep.truncated.get(level)
    if outcomes is None or level not in sweep.levels:
        return numbers(nothing(), np.array([], int)) | words
    compressed = gap(
        sweep.levels[level], outcomes, sweep.clusters, params.resamples, params.generator(f"{level} truncated")
    )
    return (
        numbers(outcomes, sweep.clusters)
        | words
        | kept(outcomes, chains[level])
        | {f"compressed_over_truncated{end}": compressed[name] for end, name in ENDS.items()}
    )


ENDS = {"": "points", "_low": "low", "_high": "high"}


def nothing() -> Outcomes:
    """The outcomes of what was not asked."""
    return {"correct": np.empty((0, 1)), "words": np.empty((0, 1)), "truncated": np.empty((0, 1))}


def brief(row: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of one level for metrics/length_sweep.json."""
    return {name: value for name, value in row.items() if name not in DETAILS}


def by_section(sweep: Sweep, params: SweepParams) -> list[dict[str, Any]]:
    """The numbers of base and of every level within each section."""
    labels = sweep.questions["section"].to_numpy()
    rows = []
    for section in sorted(set(labels)):
        part = sweep.where(labels == section)
        for level in params.levels:
            outcomes = part.levels.get(level, nothing())
            rows.append({"section": section, "level": level, **numbers(outcomes, part.clusters)})
    return rows


def against_published(sweep: Sweep, params: SweepParams) -> list[dict[str, Any]]:
    """Every level beside the study's number for it, over the same questions: all, or those the teacher answered."""
    solved = {
        row.chain.problem_id
        for row in read_jsonl("data/verified/accepted.jsonl", VerifiedChain)
        if row.chain.level == "R1"
    }
    correct_by_teacher = sweep.questions["id"].isin(solved).to_numpy()
    rows = []
    for level in params.levels:
        filtered = published()[level].get("over") == "teacher_correct"
        part = sweep.where(correct_by_teacher) if filtered else sweep
        value = error = None
        if level in part.levels and len(part.questions):
            correct = part.levels[level]["correct"]
            errors = standard_errors(correct.mean(axis=0), influences(correct, part.clusters))
            value, total = float(correct.mean()), math.hypot(errors.questions, errors.seeds or 0.0)
            error = total if math.isfinite(total) else None
        rows.append({"of": level, **against(level, value, error, params.margin, params.against_paper)})
    return rows


if __name__ == "__main__":
    run(main)
