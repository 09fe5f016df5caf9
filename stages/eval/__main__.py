"""Score every answer. How much better is the student than the base, how sure is that, and what would the study claim?

    python -m stages.eval

Reads data/parsed, data/transfer, data/teacher_cot, data/train_split/folds.json, data/verified and data/answers. Writes
data/eval/scored.jsonl (every answer with its verdict), data/eval/tables.json (everything in detail), metrics/eval.json
(the headline) and plots/eval/*.csv. docs/metrics.md explains each number. When all answers are recorded ones, of models
that this run did not train, recorded.py compares these models instead.
"""

import argparse
from pathlib import Path
from typing import IO

import pandas as pd

from distil.pipeline.command import load_params, run
from distil.pipeline.files import read_jsonl, read_record, replacing, replacing_folder, write_json
from distil.pipeline.numbers import rounded
from distil.pipeline.records import Problem, Split
from distil.pipeline.results import EvalTables, SectionComparison
from distil.pipeline.subset import subset
from distil.statistics.outcomes import TYPES, questions_table, score
from distil.statistics.parts import Part
from distil.verifier import Verifier
from stages.eval import recorded
from stages.eval.against_paper import against_paper
from stages.eval.baselines import baselines
from stages.eval.comparison import compare, with_holm
from stages.eval.leakage import leakage
from stages.eval.metrics import headline
from stages.eval.params import EvalAnswers, EvalParams, EvalTraining
from stages.eval.parts import all_parts
from stages.eval.plots import plot_tables
from stages.eval.tables import accuracy_table, several_samples
from stages.eval.teacher import solved, teacher_accuracy, teacher_on_benchmark, teacher_sections

BENCHMARKS = {"contest": Path("data/parsed/problems.jsonl"), "transfer": Path("data/transfer/problems.jsonl")}


def main() -> None:
    """Score the answers, divide them into parts, compare base and student on each, and write the results."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    params = load_params("eval", EvalParams)
    answering = load_params("answers", EvalAnswers)
    seeds = load_params("lora_seed", EvalTraining).seeds
    if answering.recorded(seeds):
        evaluate_recorded(list(answering.models), params)
        return
    models = answering.compared(seeds)
    split, problems, questions = read_questions()
    asked = subset(problems["contest"], problems["transfer"], split, answering.limit)
    with replacing_folder("data/eval") as out, replacing_folder("plots/eval") as plots:
        with replacing(out / "scored.jsonl") as file, Verifier() as verifier:
            outcomes = score_all(models, questions, verifier, file)
            others = score_all(answering.baselines, questions, verifier, file)
            teacher_transfer = teacher_on_benchmark(questions["transfer"], verifier, file)
        parts = all_parts(questions, outcomes, models, split, asked.unseen)
        chains, unseen = solved(), parts["contest_unseen"].questions
        teacher = teacher_accuracy(questions["contest"], chains)
        for name, table in others.items():
            table["place"] = questions[name]["id"].to_numpy()[table["question"].to_numpy(int)]
        results = {name: compare(part, params, name) for name, part in parts.items()}
        results, by_section = with_holm(results, sections(parts, params))
        tables = EvalTables(
            parts=results,
            sections=by_section,
            leakage=leakage(parts, split, params),
            baselines=baselines(parts, others, params),
            teacher=teacher,
            teacher_unseen=teacher_accuracy(unseen, chains),
            teacher_sections=teacher_sections(unseen, chains),
            teacher_transfer=teacher_transfer,
            families_are=split.families_are,
            asked=asked.summary(),
            published=against_paper(parts, teacher, params),
            accuracy=list(accuracy_table(parts, split.families_are)),
            samples={
                name: several_samples(table, questions[name]["cluster"].to_numpy()) for name, table in outcomes.items()
            },
        )
        write_json(out / "tables.json", rounded(tables.model_dump()))
        for name, table in plot_tables(tables, parts).items():
            table.to_csv(plots / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
        write_json("metrics/eval.json", rounded(headline(tables).model_dump()))


def read_questions() -> tuple[Split, dict[str, list[Problem]], dict[str, pd.DataFrame]]:
    """The folds, and by benchmark its problems and their table."""
    split = read_record("data/train_split/folds.json", Split)
    problems = {name: list(read_jsonl(path, Problem)) for name, path in BENCHMARKS.items()}
    kinds = {problem: split.family_names[number] for problem, number in split.families.items()}
    return (
        split,
        problems,
        {name: questions_table(found, name, split.clusters, kinds) for name, found in problems.items()},
    )


def evaluate_recorded(models: list[str], params: EvalParams) -> None:
    """Score recorded answers, compare the models, rate their judges, and write the results."""
    _, problems, questions = read_questions()
    with replacing_folder("data/eval") as out, replacing_folder("plots/eval") as plots:
        with replacing(out / "scored.jsonl") as file, Verifier() as verifier:
            score_all(models, questions, verifier, file)
        rows = recorded.rated(out / "scored.jsonl", models)
        tables = recorded.tables(rows, problems, questions, params)
        write_json(out / "tables.json", rounded(tables.model_dump()))
        for name, table in recorded.plot_tables(tables, rows).items():
            table.to_csv(plots / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
        write_json("metrics/eval.json", rounded(recorded.headline(tables).model_dump()))


def score_all(
    models: list[str], questions: dict[str, pd.DataFrame], verifier: Verifier, file: IO[str]
) -> dict[str, pd.DataFrame]:
    """Score every model's answers to every benchmark into one file; return the outcomes by benchmark."""
    found = {}
    for benchmark, table in questions.items():
        paths = [Path("data/answers", model, f"{benchmark}.jsonl") for model in models]
        scored = [score(path, table, verifier, file) for path in paths]
        found[benchmark] = pd.concat(scored, ignore_index=True) if scored else pd.DataFrame(columns=list(TYPES))
    return found


def sections(parts: dict[str, Part], params: EvalParams) -> list[SectionComparison]:
    """The comparison within each section, of unseen contest questions and of the transfer benchmark.

    Where all questions of one have the same section there is none: it would be the same test again.
    """
    rows = []
    for name in ("contest_unseen", "transfer"):
        labels = parts[name].questions["section"].to_numpy()
        for section in sorted(set(labels)) if len(set(labels)) > 1 else ():
            result = compare(parts[name].where(labels == section), params, f"{name} {section}")
            rows.append(SectionComparison(part=name, section=section, **dict(result)))
    return rows


if __name__ == "__main__":
    run(main)
