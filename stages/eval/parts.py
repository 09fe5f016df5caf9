"""The parts of the benchmarks that claims are about: their questions, and the outcomes of the base and every seed."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from distil.pipeline.files import InputError
from distil.pipeline.names import BASE
from distil.pipeline.records import Split
from distil.statistics.parts import MEASURES, STUDENT, Group, Part
from distil.statistics.seeds import Array

SEEN = ("train", "valid")


def select(
    name: str,
    questions: pd.DataFrame,
    outcomes: pd.DataFrame,
    models: Sequence[str],
    folds: Sequence[str],
    roles: Sequence[str],
) -> Part:
    """The questions that adapters of `folds` answered in one of `roles`, with the base model's answers to them.

    Where a seed has several answers to a question, the one of the last role counts, and among those the one of the last
    fold. Raises InputError when a model left out one of these questions.
    """
    first = outcomes[outcomes["sample"] == 0]
    students = first[first["fold"].isin(list(folds)) & first["role"].isin(list(roles))]
    rank = students["role"].map({role: place for place, role in enumerate(roles)}).astype(int)
    place = students["fold"].map({fold: place for place, fold in enumerate(folds)}).astype(int)
    # below, drop_duplicates keeps the last answer, so the role that counts most comes last
    students = students.assign(rank=rank, place=place).sort_values(["rank", "place"], kind="stable")
    rows = np.sort(students["question"].unique())
    # the base model has no fold: it answers every question once
    base = first[(first["model"] == models[0]) & (first["fold"] == "") & first["question"].isin(rows)]
    chosen = pd.concat([base, students]).drop_duplicates(["question", "model"], keep="last")
    places = np.searchsorted(rows, chosen["question"].to_numpy())
    columns = chosen["model"].astype(str).map({model: column for column, model in enumerate(models)})
    arrays: dict[str, Array] = {}
    for measure in MEASURES:
        arrays[measure] = np.full((len(rows), len(models)), np.nan)
        arrays[measure][places, columns.to_numpy(int)] = chosen[measure].to_numpy(float)
    if gaps := np.argwhere(np.isnan(arrays["correct"])).tolist():
        question, model = gaps[0]
        raise InputError(
            f"data/answers/{models[model]} has no answer to {questions['id'].iloc[rows[question]]} ({name}), and "
            f"{len(gaps) - 1} more are missing. Run the answers stage again."
        )
    groups = {
        BASE: Group(tuple(models[:1]), {measure: values[:, :1] for measure, values in arrays.items()}),
        STUDENT: Group(tuple(models[1:]), {measure: values[:, 1:] for measure, values in arrays.items()}),
    }
    return Part(name, questions.iloc[rows].reset_index(drop=True), groups)


def all_parts(
    questions: Mapping[str, pd.DataFrame],
    outcomes: Mapping[str, pd.DataFrame],
    models: Sequence[str],
    split: Split,
    asked: Collection[str],
) -> dict[str, Part]:
    """The parts by name: the contest unseen, seen and all, transfer, and the study's own protocol.

    `split` is data/train_split/folds.json. `asked` are the held-out questions within `answers.limit`. `contest_all`
    counts every question once: with an adapter that had not seen it, if there is one.
    """

    def part(name: str, benchmark: str, folds: Sequence[str], *roles: str) -> Part:
        return select(name, questions[benchmark], outcomes[benchmark], models, folds, roles)

    main = split.main
    anything = (*SEEN, "unused", "unseen")
    parts = (
        part("contest_unseen", "contest", main, "unseen"),
        part("contest_seen", "contest", main, *SEEN),
        part("contest_all", "contest", main, *anything),
        part("transfer", "transfer", [split.transfer_fold], *anything),
        part("paper_protocol", "contest", ["paper"], *anything),
    )
    # otherwise answers of an older split would be compared without a word
    if set(parts[0].questions["id"]) != set(asked):
        raise InputError(
            f"data/train_split/folds.json holds out {len(asked)} problems that were to be answered, but the answers "
            f"call {len(parts[0])} other problems unseen. Run the answers stage again."
        )
    return {found.name: found for found in parts}
