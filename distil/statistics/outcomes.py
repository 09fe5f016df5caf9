"""Score answers in batches, and collect the outcomes in tables that are small enough for 100,000 questions."""

import hashlib
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from distil.pipeline.files import InputError, numbered_lines, records_of
from distil.pipeline.progress import Bar
from distil.pipeline.records import Answer, Problem, Scored
from distil.pipeline.share import each
from distil.verifier import Verifier
from distil.verifier.families import Progressions
from distil.verifier.forms import Items, RealSet, Value, Words
from distil.verifier.reading import read

BATCH = 1250
"""Answers scored at once."""
Lines = list[tuple[int, bytes]]
"""Lines of a file, each with its number."""


def questions_table(
    problems: Iterable[Problem], benchmark: str, clusters: Mapping[str, int], families: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """One row per problem, by id: section, year, key, key before errata, the key's form, cluster and family.

    `cluster` numbers the near-duplicates, `family` names the kind of question. A problem that `clusters` does not name
    is a cluster of its own. Problems that `families` does not name have their cluster as their family. `fingerprint`
    hashes question and key, which shows whether two runs asked the same. Raises InputError when an id comes twice.
    """
    rows = [
        (problem.id, benchmark, problem.section, problem.year, problem.answer, problem.answer_uncorrected,
         answer_form(problem.answer), _digest(f"{problem.question}\n{problem.answer}").hex()[:12])
        for problem in problems
    ]  # fmt: skip
    columns = ["id", "benchmark", "section", "year", "answer", "uncorrected", "form", "fingerprint"]
    table = pd.DataFrame(rows, columns=columns).sort_values("id", ignore_index=True)
    if table["id"].duplicated().any():
        raise InputError(f"{benchmark}: problem {table['id'][table['id'].duplicated()].iloc[0]} is there twice.")
    fresh = max(clusters.values(), default=-1) + 1
    known = table["id"].map(clusters)
    table["cluster"] = known.fillna(pd.Series(np.arange(len(table)) + fresh)).astype(int)
    own = pd.Series([f"cluster {number}" for number in table["cluster"]])
    table["family"] = table["id"].map(families or {}).astype(object).fillna(own)
    return table


def answer_form(key: str) -> str:
    """The form of a key: integer, decimal, fraction, expression, or the verifier's name for another form."""
    form = read(key)
    if isinstance(form, Items):
        return "tuple" if form.kind in ("tuple", "vector", "bracket") else "list"
    if not isinstance(form, Value):
        return {Words: "words", RealSet: "region", Progressions: "family"}.get(type(form), type(form).__name__.lower())
    if form.places is not None:
        return "decimal"
    try:
        value = form.node.rational
    except ArithmeticError:
        value = None
    return "expression" if value is None else "integer" if value.denominator == 1 else "fraction"


def score(path: Path, questions: pd.DataFrame, verifier: Verifier, out: IO[str] | None) -> pd.DataFrame:
    """Verify the answers in `path` against the keys of `questions`. Write a Scored line for each to `out`, if given.

    Returns one row per answer: `question` (row of `questions`), model, fold (empty for none), role, sample, correct,
    uncorrected (against the key before errata), lenient (within rounding), no_answer, truncated, words and `said`.
    Answers to a question with the same number `said` are one answer: right ones however they are written, others where
    their canonical forms are equal. Raises InputError for an answer to an unknown problem.
    """
    keys = {
        name: (row, key, before if isinstance(before, str) else None)
        for row, (name, key, before) in enumerate(
            zip(questions["id"], questions["answer"], questions["uncorrected"], strict=True)
        )
    }
    lines = numbered_lines(path)
    batches = iter(lambda: list(islice(lines, BATCH)), [])
    tables = []
    with Bar(desc=str(path), unit="answer", delay=2) as progress:
        for scored, table in each(_scored, batches, path=path, keys=keys, verifier=verifier):
            if out:
                out.write(scored)
            tables.append(table)
            progress.update(len(table))
    return pd.concat(tables, ignore_index=True).astype(TYPES) if tables else pd.DataFrame(columns=list(TYPES))


def _scored(
    lines: Lines, path: Path, keys: Mapping[str, tuple[int, str, str | None]], verifier: Verifier
) -> tuple[str, pd.DataFrame]:
    """The Scored lines of some answers, and their outcomes.

    `keys` has for each problem its row, its key and its key before errata.
    """
    batch = list(records_of(lines, path, Answer))
    if strangers := [answer.problem_id for answer in batch if answer.problem_id not in keys]:
        raise InputError(
            f"{path} answers {strangers[0]}, which is not among the problems. Run the answers stage again."
        )
    asked = [keys[answer.problem_id] for answer in batch]
    again = [(place, before) for place, (_, _, before) in enumerate(asked) if before is not None]
    verdicts = verifier.verify_many(
        [(key, answer.text) for (_, key, _), answer in zip(asked, batch, strict=True)]
        + [(before, batch[place].text) for place, before in again]
    )
    uncorrected = dict(zip((place for place, _ in again), verdicts[len(batch) :], strict=True))
    scored = [
        Scored(answer=answer, verdict=verdict, verdict_uncorrected=uncorrected.get(place))
        for place, (answer, verdict) in enumerate(zip(batch, verdicts, strict=False))
    ]
    table = pd.DataFrame(map(_outcome, (row for row, _, _ in asked), scored)).astype(TYPES)
    return "".join(record.model_dump_json() + "\n" for record in scored), table


TYPES: dict[str, type | str] = {
    "correct": bool, "uncorrected": bool, "lenient": bool, "no_answer": bool, "truncated": bool,
    "question": np.int32, "sample": np.int16, "words": np.int32, "said": np.int64,
    "model": "category", "fold": "category", "role": "category",
}  # fmt: skip


def _outcome(question: int, scored: Scored) -> dict[str, int | str]:
    answer, verdict, before = scored.answer, scored.verdict, scored.verdict_uncorrected
    correct = verdict.verdict == "CORRECT"
    return {
        "question": question,
        "model": answer.model,
        "fold": answer.fold or "",
        "role": answer.role,
        "sample": answer.sample,
        "correct": correct,
        "uncorrected": correct if before is None else before.verdict == "CORRECT",
        "lenient": verdict.within_rounding,
        "no_answer": verdict.verdict == "NO_ANSWER",
        "truncated": answer.finish_reason == "length",
        "words": len(answer.text.split()),
        "said": 0 if correct else int.from_bytes(_digest(verdict.answer_form or verdict.extracted or "")[:7], "big"),
    }


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
