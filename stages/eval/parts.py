"""Parts of the answers that a claim is about: which questions, and how base and every seed fared on each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distil.pipeline.files import InputError
from distil.pipeline.records import Split

Array = NDArray[np.float64]
MEASURES = ("correct", "uncorrected", "lenient", "no_answer", "truncated")
SEEN = ("train", "valid")


@dataclass(frozen=True)
class Part:
    """Questions (rows) and, for each of MEASURES, 0 or 1 for base and every seed (columns, ordered as `models`)."""

    name: str
    questions: pd.DataFrame
    models: tuple[str, ...]
    outcomes: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.questions)

    @property
    def base(self) -> Array:
        """The base model's verdicts: (questions,)."""
        return self.outcomes["correct"][:, 0]

    @property
    def students(self) -> Array:
        """The seeds' verdicts: (questions, seeds)."""
        return self.outcomes["correct"][:, 1:]

    @property
    def clusters(self) -> NDArray[np.int_]:
        """The number of each question's cluster of near-duplicates."""
        return self.questions["cluster"].to_numpy()

    @property
    def families(self) -> NDArray[np.int_]:
        """A number for the kind of each question."""
        return np.asarray(pd.factorize(self.questions["family"], sort=True)[0])

    def where(self, mask: NDArray[np.bool_]) -> "Part":
        """The questions that `mask` is true for."""
        chosen = {measure: values[mask] for measure, values in self.outcomes.items()}
        return Part(self.name, self.questions[mask], self.models, chosen)


def select(
    name: str,
    questions: pd.DataFrame,
    outcomes: pd.DataFrame,
    models: Sequence[str],
    folds: Sequence[str],
    roles: Sequence[str],
) -> Part:
    """The questions that adapters of `folds` answered in one of `roles`, with the base model's answers to them.

    Where a question has several answers of a seed, that of the last role (then the last fold) counts. Raises
    InputError when a model left out one of these questions.
    """
    first = outcomes[outcomes["sample"] == 0]
    students = first[first["fold"].isin(list(folds)) & first["role"].isin(list(roles))]
    rank = students["role"].map({role: place for place, role in enumerate(roles)}).astype(int)
    place = students["fold"].map({fold: place for place, fold in enumerate(folds)}).astype(int)
    students = students.assign(rank=rank, place=place).sort_values(["rank", "place"], kind="stable")
    rows = np.sort(students["question"].unique())
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
    return Part(name, questions.iloc[rows].reset_index(drop=True), tuple(models), arrays)


def all_parts(
    questions: Mapping[str, pd.DataFrame],
    outcomes: Mapping[str, pd.DataFrame],
    models: Sequence[str],
    split: Split,
    asked: Collection[str],
) -> dict[str, Part]:
    """The parts by name: the contest unseen, seen and all, transfer, and the study's own protocol.

    `split` is data/train_split/folds.json and `asked` the held-out questions that `answers.limit` leaves. Under
    `contest_all` every question counts once, with the prediction of an adapter that it was held out from where there is
    one.
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
    if set(parts[0].questions["id"]) != set(asked):
        raise InputError(
            f"{len(asked)} problems that data/train_split/folds.json holds out were to be answered, but the answers "
            f"have others as unseen ({len(parts[0])}). Run the answers stage again."
        )
    return {found.name: found for found in parts}
