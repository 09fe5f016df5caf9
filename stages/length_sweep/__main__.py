"""Score the answers of the six chain lengths, and test how accuracy changes with the length of the chains.

    python -m stages.length_sweep

Reads data/parsed, data/train_split, data/verified and data/answers. Only questions held out from the adapters count.
Writes data/length_sweep/scored.jsonl, data/length_sweep/tables.json (sections, pairs of levels, the published numbers),
metrics/length_sweep.json and plots/length_sweep/*.csv. docs/metrics.md explains each number. Without levels
(`length_sweep.levels: []`) all of these files are empty.
"""

import argparse
import math
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field

from distil.pipeline.command import load_params, run
from distil.pipeline.files import (
    InputError,
    read_jsonl,
    read_record,
    replacing,
    replacing_folder,
    write_json,
    write_jsonl,
    write_text,
)
from distil.pipeline.levels import LevelParams, LevelSeedParams
from distil.pipeline.names import BASE, control_name
from distil.pipeline.numbers import rounded
from distil.pipeline.records import Example, Level, Problem, Split, VerifiedChain, projected
from distil.pipeline.results import BesidePublished
from distil.pipeline.sweep_results import (
    ChainWords,
    ControlMetrics,
    ControlRow,
    LevelMetrics,
    LevelRow,
    LevelScores,
    OverBase,
    SectionRow,
    SweepMetrics,
    SweepTables,
    SweepTests,
)
from distil.statistics.outcomes import questions_table, score
from distil.statistics.parts import NOTHING, Part
from distil.statistics.published import against, published
from distil.statistics.resampling import named_generator
from distil.statistics.seeds import Array, influences, standard_errors
from distil.verifier import Verifier
from stages.length_sweep.sweep import (
    collect,
    control,
    controls_of,
    focus,
    gap,
    kept,
    levels_of,
    numbers,
    over_truncated,
    pairwise,
    spread,
    trend,
)

ANSWERS, ROWS = Path("data/answers"), Path("data/train_split")
PLOTTED = ("n", "accuracy", "low", "high", "words", "chain_words", "no_answer", "truncated", "finished")


class SweepParams(LevelSeedParams, LevelParams):
    """The block `length_sweep`.

    `focus` is a section. A test asks whether short chains harm it more than the others. `margin` is percentage points.
    """

    model_config = ConfigDict(extra="forbid")

    rows: dict[str, str]
    focus: str
    resamples: int = Field(ge=1000)
    resampling_seed: int = Field(ge=0)
    margin: float = Field(gt=0, le=100)
    against_paper: bool

    def generator(self, name: str) -> np.random.Generator:
        """A random generator for one named result. No result depends on which others were computed before it."""
        return named_generator(self.resampling_seed, name)


def main() -> None:
    """Score the answers, line up the levels on the same questions, run the tests, and write the results."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    params = load_params("length_sweep", SweepParams)
    if not params.levels:
        write_nothing()
        return
    split = read_record(ROWS / "folds.json", Split)
    questions = questions_table(read_jsonl("data/parsed/problems.jsonl", Problem), "contest", split.clusters)
    with replacing_folder("data/length_sweep") as out, replacing_folder("plots/length_sweep") as plots:
        with replacing(out / "scored.jsonl") as file, Verifier() as verifier:
            outcomes = score_all(params, questions, verifier, file)
        sweep, left_out = collect(questions, outcomes)
        found = tables(sweep, left_out, params)
        write_json(out / "tables.json", rounded(found.model_dump()))
        for name, rows, columns in (
            ("levels", found.levels, ["level"]),
            ("sections", found.sections, ["section", "level"]),
        ):
            table = pd.DataFrame([row.model_dump() for row in rows], columns=[*columns, *PLOTTED])
            table = table.dropna(subset=["accuracy"])
            table.to_csv(plots / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
        write_json("metrics/length_sweep.json", rounded(headline(found, len(sweep)).model_dump()))


def write_nothing() -> None:
    """Write the outputs of a run without chain lengths."""
    found = SweepTables(
        base=numbers(NOTHING, np.array([], int)), levels=[], truncated=[], sections=[], pairs=[], tests=SweepTests(),
        published=[], left_out=0, reasons={"levels": "length_sweep.levels names none"},
    )  # fmt: skip
    with replacing_folder("data/length_sweep") as out, replacing_folder("plots/length_sweep") as plots:
        write_jsonl(out / "scored.jsonl", [])
        write_json(out / "tables.json", found.model_dump())
        for name, columns in (("levels", ["level"]), ("sections", ["section", "level"])):
            write_text(plots / f"{name}.csv", ",".join([*columns, *PLOTTED]) + "\n")
    write_json("metrics/length_sweep.json", headline(found, 0).model_dump())


def score_all(
    params: SweepParams, questions: pd.DataFrame, verifier: Verifier, file: IO[str]
) -> dict[str, pd.DataFrame]:
    """The outcomes of the base, and of each level and control with answers. Raises InputError when no level has any."""

    def scored(names: Iterable[str]) -> dict[str, pd.DataFrame]:
        paths = {name: ANSWERS / name / "contest.jsonl" for name in names}
        return {name: score(path, questions, verifier, file) for name, path in paths.items() if path.exists()}

    levels, controls = scored(params.levels), scored(map(control_name, params.controls))
    if not levels:
        raise InputError(f"{ANSWERS} has no answers of any level. Run the stage that writes it (`dvc dag`).")
    base = score(ANSWERS / BASE / "contest.jsonl", questions, verifier, None)  # eval writes these
    return {BASE: base, **levels, **controls}


def tables(sweep: Part, left_out: int, params: SweepParams) -> SweepTables:
    """Every number of the sweep."""
    chains = teacher_words(params.levels, sweep.questions["id"])
    change, change_reasons = trend(sweep, params.resamples, params.generator("trend"))
    extra, extra_reasons = focus(sweep, params.focus, params.resamples, params.generator("focus"))
    shorter, shorter_reasons = control(sweep, params.resamples, params.generator("control"))
    answered = levels_of(sweep)
    unanswered = {level: "no answers at this level" for level in params.levels if level not in answered}
    return SweepTables(
        base=numbers(sweep.groups[BASE], sweep.clusters),
        levels=[of_level(level, sweep, chains[level], params) for level in params.levels],
        truncated=[of_control(level, sweep, chains[level], params) for level in params.controls],
        sections=by_section(sweep, params),
        pairs=pairwise(sweep, params.resamples, params.generator("pairs")),
        tests=SweepTests(**dict(change), **dict(extra), **dict(shorter)),
        published=against_published(sweep, params),
        left_out=left_out,
        reasons=change_reasons | extra_reasons | shorter_reasons | unanswered,
    )


def headline(found: SweepTables, questions: int) -> SweepMetrics:
    """metrics/length_sweep.json."""
    ends = {"base": projected(found.base, LevelScores), "n": questions, "reasons": found.reasons}
    levels = {row.level: projected(row, LevelMetrics) for row in found.levels}
    controls = {row.level: projected(row, ControlMetrics) for row in found.truncated}
    return SweepMetrics.model_validate({**levels, "truncated": controls, **dict(found.tests), **ends})


def teacher_words(levels: Iterable[Level], ids: pd.Series) -> dict[Level, Array]:
    """The words of the teacher's accepted chain at every level for each question, NaN where there is none."""
    words: dict[Level, dict[str, int]] = {level: {} for level in levels}
    for row in read_jsonl("data/verified/accepted.jsonl", VerifiedChain):
        if row.chain.level in words:
            words[row.chain.level][row.chain.problem_id] = len(row.chain.text.split())
    return {level: np.asarray(ids.map(found), np.float64) for level, found in words.items()}


def chain_words(rows: str, level: Level) -> ChainWords:
    """The number of words of the replies in a level's training rows: mean, median and range; None without rows."""
    path = ROWS / rows / level / "train.jsonl"
    replies = read_jsonl(path, Example) if path.exists() else []
    return ChainWords(
        **spread("chain_words", np.array([len(row.messages[-1].content.split()) for row in replies], float))
    )


def of_level(level: Level, sweep: Part, taught: Array, params: SweepParams) -> LevelRow:
    """The numbers of one level, and its gain over the base model. Without answers `n` is 0 and the others are None."""
    words, answers = chain_words("levels", level), levels_of(sweep).get(level)
    if answers is None:
        return LevelRow(level=level, **dict(numbers(NOTHING, np.array([], int))), **dict(words))
    found = gap(answers.correct, sweep.base, sweep.clusters, params.resamples, params.generator(f"{level} base"))
    over = OverBase(over_base=found.points, over_base_low=found.low, over_base_high=found.high)
    own = numbers(answers, sweep.clusters)
    return LevelRow(level=level, **dict(own), **dict(words), **dict(kept(answers, taught)), **dict(over))


def of_control(level: Level, sweep: Part, taught: Array, params: SweepParams) -> ControlRow:
    """The numbers of full chains cut to one level's length, and the gain of compressed chains over them."""
    words, answers, compressed = (
        chain_words("truncated", level),
        controls_of(sweep).get(level),
        levels_of(sweep).get(level),
    )
    if answers is None or compressed is None:
        return ControlRow(level=level, **dict(numbers(NOTHING, np.array([], int))), **dict(words))
    found = gap(
        compressed.correct, answers.correct, sweep.clusters, params.resamples, params.generator(f"{level} truncated")
    )
    own, over = numbers(answers, sweep.clusters), over_truncated(found)
    return ControlRow(level=level, **dict(own), **dict(words), **dict(kept(answers, taught)), **dict(over))


def by_section(sweep: Part, params: SweepParams) -> list[SectionRow]:
    """The numbers of every level in each section."""
    labels = sweep.questions["section"].to_numpy()
    rows = []
    for section in sorted(set(labels)):
        part = sweep.where(labels == section)
        answered = levels_of(part)
        for level in params.levels:
            found = numbers(answered.get(level, NOTHING), part.clusters)
            rows.append(SectionRow(section=section, level=level, **dict(found)))
    return rows


def against_published(sweep: Part, params: SweepParams) -> list[BesidePublished]:
    """Compare each level with the study's number, over the same questions: all, or those the teacher answered."""
    solved = {
        row.chain.problem_id
        for row in read_jsonl("data/verified/accepted.jsonl", VerifiedChain)
        if row.chain.level == "R1"
    }
    correct_by_teacher = sweep.questions["id"].isin(solved).to_numpy()
    rows = []
    for level in params.levels:
        part = sweep.where(correct_by_teacher) if published()[level].over == "teacher_correct" else sweep
        answers, value, error = levels_of(part).get(level), None, None
        if answers is not None and len(part):
            correct = answers.correct
            errors = standard_errors(correct.mean(axis=0), influences(correct, part.clusters))
            value, total = float(correct.mean()), math.hypot(errors.questions, errors.seeds or 0.0)
            error = total if math.isfinite(total) else None
        rows.append(against(level, level, value, error, params.margin, params.against_paper))
    return rows


if __name__ == "__main__":
    run(main)
