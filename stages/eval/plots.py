"""Small tables for `dvc plots`; .dvc/plots has the Vega-Lite template of each."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from distil.pipeline.names import BASE
from distil.pipeline.results import Comparison, EvalTables
from distil.statistics.parts import STUDENT, Part

COLUMNS = ["model", "n", "accuracy", "low", "high"]


def plot_tables(found: EvalTables, parts: Mapping[str, Part]) -> dict[str, pd.DataFrame]:
    """The tables by file name.

    Accuracies are fractions, `low` and `high` their intervals. `make compare` reads `verdicts`, too, so it names every
    question.
    """
    table = pd.DataFrame([row.model_dump() for row in found.accuracy])
    pair = table["model"].isin([BASE, STUDENT])
    unseen = table[table["part"] == "contest_unseen"]
    models = pd.concat(
        [unseen[unseen["by"] == "all"], pd.DataFrame([{"model": "teacher", **found.teacher_unseen.model_dump()}])]
    )
    sections = unseen[(unseen["by"] == "section") & pair[unseen.index]].rename(columns={"group": "section"})
    years = table[table["part"].isin(["contest_unseen", "contest_seen"]) & (table["by"] == "year") & pair]
    years = years.assign(questions=years["part"].str.removeprefix("contest_")).rename(columns={"group": "year"})
    whole = table[(table["by"] == "all") & pair]
    return {
        "models": models[COLUMNS].dropna(),
        "sections": sections[["section", *COLUMNS]],
        "years": years[["year", "questions", *COLUMNS]].sort_values(["year", "questions", "model"]),
        "parts": whole[["part", *COLUMNS]],
        "discordant": discordant(found.parts["contest_unseen"]),
        "verdicts": pd.concat([verdicts(parts[name]) for name in ("contest_unseen", "transfer")], ignore_index=True),
    }


def discordant(result: Comparison) -> pd.DataFrame:
    """For each seed, how many questions only it got right (`gained`) and only the base got right (`lost`, negative)."""
    rows = [
        row for seed in result.seeds for row in ((seed.model, "gained", seed.gained), (seed.model, "lost", -seed.lost))
    ]
    return pd.DataFrame(rows, columns=["model", "change", "questions"])


def verdicts(part: Part) -> pd.DataFrame:
    """One row per question and model. `right` is 1 or 0. `place` puts questions with the same verdicts side by side."""
    models = [*part.groups[BASE].models, *part.groups[STUDENT].models]
    correct = np.hstack([part.base, part.students]).astype(int)
    questions = part.questions[["id", "fingerprint", "cluster", "section"]].reset_index(drop=True)
    order = np.lexsort((questions["id"], -correct[:, 1:].sum(axis=1), correct[:, 0]))
    questions["place"] = np.argsort(order)
    wide = pd.DataFrame(correct, columns=models)
    long = pd.concat([questions, wide], axis=1).melt(
        id_vars=list(questions), value_vars=models, var_name="model", value_name="right"
    )
    long.insert(0, "part", part.name)
    return long
