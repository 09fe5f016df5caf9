"""Tables for pictures that need no statistics: verdict patterns, loss curves."""

from collections.abc import Iterable, Sequence
from itertools import groupby

import pandas as pd

from distil.pipeline.names import BASE
from stages.report.questions import COLUMNS, MISSING, Questions

VERDICTS = {"C": "right", "W": "wrong", "N": "no answer", "U": "undecided"}


def unseen_letters(questions: Questions, benchmark: str) -> list[str]:
    """For every question of the benchmark held out from every student: the base's letter, then one for each student.

    Questions that some model did not answer are left out.
    """
    index = {name: COLUMNS.index(name) for name in ("benchmark", "role", "base", "seeds")}
    patterns = (
        row[index["base"]] + row[index["seeds"]]
        for row in questions.rows
        if row[index["benchmark"]] == benchmark and row[index["role"]] == "unseen"
    )
    return [pattern for pattern in patterns if MISSING not in pattern]


def verdict_runs(letters: Iterable[str], students: Sequence[str]) -> pd.DataFrame:
    """The verdicts of every model on every question. Questions with equal patterns are next to each other.

    They are sorted by the base's verdict, then by how many students were right. Neighbours with the same verdict are
    one run from `start` to `end`, so that the picture of 20,000 questions is as small as that of 200.
    """
    ordered = sorted(letters, key=lambda pattern: (pattern[0], -pattern.count("C"), pattern))
    rows = []
    for place, model in enumerate([BASE, *students]):
        start = 0
        for letter, group in groupby(pattern[place] for pattern in ordered):
            end = start + sum(1 for _ in group)
            rows.append((model.replace("_", " "), start, end, VERDICTS[letter]))
            start = end
    return pd.DataFrame(rows, columns=["model", "start", "end", "verdict"])


def losses(curves: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and validation loss of one fold's runs in long form, and each seed's point of lowest validation loss."""
    long = pd.concat(
        [
            curves[["seed", "iteration", column]].rename(columns={column: "loss"}).assign(part=part)
            for column, part in (("train_loss", "training"), ("valid_loss", "validation"))
        ],
        ignore_index=True,
    ).dropna(subset=["loss"])
    valid = long[long["part"] == "validation"]
    best = valid.loc[valid.groupby("seed")["loss"].idxmin(), ["seed", "iteration", "loss"]]
    return long, best
