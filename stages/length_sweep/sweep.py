"""The same questions at every chain length: accuracy and words per level, and tests of the trend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distil.pipeline.files import read_jsonl
from distil.pipeline.records import Example
from distil.statistics.paired import cochrans_q, holm, mcnemar
from distil.statistics.proportions import accuracy
from distil.statistics.trend import log_words_slopes, page

Array = NDArray[np.float64]
NUMBERS = ("n", "accuracy", "low", "high", "words", "chain_words", "no_answer", "truncated", "finished")


@dataclass(frozen=True)
class Sweep:
    """Unseen questions (rows) that every answered level (columns) answered; `left_out` counts those that some did not.

    `outcomes` has, by name of the measure, an array (questions, levels); `chain_words` the mean words of the training
    chains of each level.
    """

    levels: tuple[str, ...]
    questions: pd.DataFrame
    outcomes: Mapping[str, Array]
    chain_words: Mapping[str, float]
    left_out: int

    @property
    def verdicts(self) -> Array:
        """1 where a level's adapter answered rightly: (questions, levels)."""
        return self.outcomes["correct"]

    @property
    def clusters(self) -> NDArray[np.int_]:
        """The number of each question's cluster of near-duplicates."""
        return self.questions["cluster"].to_numpy()

    def where(self, mask: NDArray[np.bool_]) -> "Sweep":
        """The questions that `mask` is true for."""
        chosen = {measure: values[mask] for measure, values in self.outcomes.items()}
        return Sweep(self.levels, self.questions[mask], chosen, self.chain_words, self.left_out)


def collect(outcomes: Mapping[str, pd.DataFrame], questions: pd.DataFrame, chain_words: Mapping[str, float]) -> Sweep:
    """Line up the outcomes of every level, first sample and unseen questions only."""
    unseen = {
        level: table[(table["role"] == "unseen") & (table["sample"] == 0)].set_index("question")
        for level, table in outcomes.items()
    }
    asked = [set(table.index) for table in unseen.values()]
    shared = sorted(set.intersection(*asked)) if asked else []
    arrays = {
        measure: np.array([table.loc[shared, measure].to_numpy(float) for table in unseen.values()]).T
        for measure in ("correct", "no_answer", "truncated", "words")
    }
    left_out = len(set().union(*asked)) - len(shared)
    return Sweep(tuple(unseen), questions.iloc[shared].reset_index(drop=True), arrays, chain_words, left_out)


def mean_chain_words(levels: Sequence[str]) -> dict[str, float]:
    """Mean words of the replies in each level's training rows; a level without rows is left out."""
    found = {}
    for level in levels:
        path = Path("data/train_split/levels", level, "train.jsonl")
        if path.exists():
            words = [len(row.messages[-1].content.split()) for row in read_jsonl(path, Example)]
            if words:
                found[level] = float(np.mean(words))
    return found


def per_level(sweep: Sweep, levels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The numbers of every level of `levels`; all None (`n` 0) for one that did not answer, or without questions."""
    return {level: one_level(sweep, level) for level in levels}


def one_level(sweep: Sweep, level: str) -> dict[str, Any]:
    """Accuracy with Wilson's interval, words, and rates of one level; `finished` is accuracy among untruncated."""
    if level not in sweep.levels or not len(sweep.questions):
        return dict.fromkeys(NUMBERS) | {"n": 0, "chain_words": sweep.chain_words.get(level)}
    column = sweep.levels.index(level)
    chosen = {measure: values[:, column] for measure, values in sweep.outcomes.items()}
    value, low, high = accuracy(chosen["correct"][:, None], sweep.clusters)
    finished = chosen["correct"][chosen["truncated"] == 0]
    return {
        "n": len(sweep.questions),
        "accuracy": value,
        "low": low,
        "high": high,
        "words": float(chosen["words"].mean()),
        "chain_words": sweep.chain_words.get(level),
        "no_answer": float(chosen["no_answer"].mean()),
        "truncated": float(chosen["truncated"].mean()),
        "finished": float(finished.mean()) if len(finished) else None,
    }


def trend_tests(sweep: Sweep, focus: str) -> dict[str, Any]:
    """Page's trend, Cochran's Q and the logistic model; None with its reason in `reasons` for what cannot be had.

    `slope` is the log odds of a right answer per unit of log words of the training chains, in the sections other than
    `focus`; `focus_extra` is how much larger it is in `focus` (above 0: that section needs long chains more).
    """
    names = ("trend_p", "trend_z", "cochrans_q", "cochrans_q_p", "slope", "slope_low", "slope_high", "slope_p")
    result: dict[str, Any] = dict.fromkeys((*names, *(f"focus_extra{end}" for end in ("", "_low", "_high", "_p"))))
    reasons: dict[str, str] = {}
    if len(sweep.levels) < 2 or not len(sweep.questions):
        why = "fewer than two levels were answered" if len(sweep.levels) < 2 else "no question answered at every level"
        return result | {"reasons": dict.fromkeys(("trend_p", "cochrans_q", "slope"), why)}
    trend, q = page(sweep.verdicts, sweep.clusters), cochrans_q(sweep.verdicts, sweep.clusters)
    if trend:
        result |= {"trend_p": trend.p, "trend_z": trend.z}
    else:
        reasons["trend_p"] = "no question's verdict differs between the levels"
    if q:
        result |= {"cochrans_q": q[0], "cochrans_q_p": q[1]}
    else:
        reasons["cochrans_q"] = "no question's verdict differs between the levels"
    slopes = _slopes(sweep, focus)
    if isinstance(slopes, str):
        reasons["slope"] = slopes
    else:
        for name, slope in zip(("slope", "focus_extra"), slopes, strict=True):
            result |= {name: slope.value, f"{name}_low": slope.low, f"{name}_high": slope.high, f"{name}_p": slope.p}
    return result | {"reasons": reasons}


def _slopes(sweep: Sweep, focus: str) -> Any:
    if missing := [level for level in sweep.levels if not sweep.chain_words.get(level)]:
        return f"the words of the training chains of {', '.join(missing)} are not known"
    words = [sweep.chain_words[level] for level in sweep.levels]
    if len(set(words)) < 2:
        return "the chains of all levels have the same length"
    return log_words_slopes(sweep.verdicts, words, sweep.questions["section"].to_numpy(), sweep.clusters, focus)


def pairwise(sweep: Sweep) -> list[dict[str, Any]]:
    """McNemar's test of every pair of levels, with Holm's correction for all pairs."""
    pairs = list(combinations(range(len(sweep.levels)), 2))
    found = [mcnemar(sweep.verdicts[:, first], sweep.verdicts[:, second]) for first, second in pairs]
    return [
        {"first": sweep.levels[first], "second": sweep.levels[second], "gained": test.gained, "lost": test.lost,
         "p": test.p, "holm_p": adjusted}
        for (first, second), test, adjusted in zip(pairs, found, holm([test.p for test in found]), strict=True)
    ]  # fmt: skip
