"""The same questions at every chain length: accuracy, words, and how both change from level to level.

A level has one adapter per seed. Seeds and questions are crossed in every interval: each adapter answers each question,
and both are samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distil.statistics.difference import difference, points
from distil.statistics.paired import cochrans_q, holm, sign_flips
from distil.statistics.proportions import accuracy
from distil.statistics.resampling import resample
from distil.statistics.seeds import Interval, cluster_sums
from distil.statistics.trend import page

Array = NDArray[np.float64]
Outcomes = Mapping[str, Array]
"""By name of the measure, an array (questions, seeds); the base model has one column."""
MEASURES = ("correct", "no_answer", "truncated", "words")
WORDS = ("words", "words_median", "words_min", "words_max")
NEAR = 0.25
"""How far from its chain's length a response may be and still count as having it."""


@dataclass(frozen=True)
class Sweep:
    """Unseen questions (rows) that base and every adapter answered; `left_out` counts those that some did not.

    `levels` and `truncated` have the outcomes of what was trained on by level, from the longest chains to the shortest.
    """

    questions: pd.DataFrame
    base: Outcomes
    levels: Mapping[str, Outcomes]
    truncated: Mapping[str, Outcomes]
    left_out: int

    @property
    def clusters(self) -> NDArray[np.int_]:
        """The number of each question's cluster of near-duplicates."""
        return self.questions["cluster"].to_numpy()

    @property
    def verdicts(self) -> Array:
        """The share of a level's adapters that answered rightly: (questions, levels)."""
        means = [outcomes["correct"].mean(axis=1) for outcomes in self.levels.values()]
        return np.array(means).reshape(len(means), len(self.questions)).T

    def where(self, mask: NDArray[np.bool_]) -> "Sweep":
        """The questions that `mask` is true for."""

        def chosen(outcomes: Outcomes) -> Outcomes:
            return {measure: values[mask] for measure, values in outcomes.items()}

        return Sweep(
            self.questions[mask],
            chosen(self.base),
            {level: chosen(outcomes) for level, outcomes in self.levels.items()},
            {level: chosen(outcomes) for level, outcomes in self.truncated.items()},
            self.left_out,
        )


def collect(
    questions: pd.DataFrame,
    base: pd.DataFrame,
    levels: Mapping[str, pd.DataFrame],
    truncated: Mapping[str, pd.DataFrame],
) -> Sweep:
    """Line up the outcomes of base and of every level's adapters, first sample and unseen questions only."""
    unseen = [_unseen(table) for table in (base, *levels.values(), *truncated.values())]
    asked = [
        set(answered["question"])
        for table in unseen
        for _, answered in (table.groupby("fold", observed=True) if len(table) else [("", table)])
    ]
    shared = sorted(set.intersection(*asked))
    arrays = [_arrays(table, shared) for table in unseen]
    own = {place for places in asked[1:] for place in places}
    return Sweep(
        questions.iloc[shared].reset_index(drop=True),
        arrays[0],
        dict(zip(levels, arrays[1:], strict=False)),
        dict(zip(truncated, arrays[1 + len(levels) :], strict=True)),
        len(own) - len(shared),
    )


def _unseen(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["role"] == "unseen") & (table["sample"] == 0)]


def _arrays(table: pd.DataFrame, shared: Sequence[int]) -> dict[str, Array]:
    if not shared:
        return {measure: np.empty((0, 1)) for measure in MEASURES}
    wide = table[table["question"].isin(shared)].pivot_table(
        index="question", columns="fold", values=list(MEASURES), observed=True, aggfunc="first"
    )
    return {measure: wide[measure].to_numpy(float).reshape(len(shared), -1) for measure in MEASURES}


def numbers(outcomes: Outcomes, clusters: NDArray[np.int_]) -> dict[str, Any]:
    """Accuracy with its interval, every seed's, words of the responses, and rates; all None without questions.

    `finished` is accuracy among the responses that ended by themselves.
    """
    correct, words = outcomes["correct"], outcomes["words"]
    value, low, high = accuracy(correct, clusters)
    if value is None:
        empty = ("accuracy", "low", "high", "std", *WORDS, "no_answer", "truncated", "finished")
        return {"n": 0, **dict.fromkeys(empty), "seeds": []}
    per_seed = correct.mean(axis=0)
    ended = outcomes["truncated"] == 0
    return {
        "n": len(correct),
        "accuracy": value,
        "low": low,
        "high": high,
        "seeds": per_seed.tolist(),
        "std": float(per_seed.std(ddof=1)) if len(per_seed) > 1 else None,
        **spread("words", words),
        "no_answer": float(outcomes["no_answer"].mean()),
        "truncated": float(outcomes["truncated"].mean()),
        "finished": float(correct[ended].mean()) if ended.any() else None,
    }


def kept(outcomes: Outcomes, taught: Array) -> dict[str, Any]:
    """How many responses have the length of the teacher's chain for the same question, to within a quarter of it.

    `taught` has the words of the level's own chain for each question, NaN where the teacher has none.
    """
    known = ~np.isnan(taught)
    if not known.any():
        return {"length_kept": None, "length_kept_n": 0}
    off = np.abs(outcomes["words"][known] - taught[known, None]) / taught[known, None]
    return {"length_kept": float((off <= NEAR).mean()), "length_kept_n": int(known.sum())}


def spread(name: str, words: Array) -> dict[str, float | None]:
    """Mean, median and range of a number of words; None where there is none."""
    if words.size == 0:
        return {name.replace("words", own): None for own in WORDS}
    found = (words.mean(), np.median(words), words.min(), words.max())
    return {name.replace("words", own): float(value) for own, value in zip(WORDS, found, strict=True)}


def gap(
    better: Outcomes, worse: Outcomes, clusters: NDArray[np.int_], resamples: int, rng: np.random.Generator
) -> dict[str, float | None]:
    """`better` minus `worse` on the same questions in percentage points, over other questions and other seeds."""
    found = difference(worse["correct"], better["correct"], clusters, resamples, rng)
    low, high = found.both or (None, None)
    return {"points": points(found.value), "low": points(low), "high": points(high)}


def pairwise(sweep: Sweep, resamples: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Every pair of levels: second minus first in points with its interval, and the sign-flip p, Holm-corrected.

    The interval is over other questions and seeds; p is about these adapters on other questions.
    """
    pairs = list(combinations(sweep.levels.items(), 2))
    clusters = sweep.clusters
    tests = [sign_flips(one["correct"], other["correct"], clusters) for (_, one), (_, other) in pairs]
    return [
        {"first": first, "second": second, **gap(other, one, clusters, resamples, rng), "p": p, "holm_p": adjusted}
        for ((first, one), (second, other)), p, adjusted in zip(pairs, tests, holm(tests), strict=True)
    ]


def trend(sweep: Sweep, resamples: int, rng: np.random.Generator) -> dict[str, Any]:
    """Does accuracy fall from level to level? None with its reason in `reasons` for what cannot be had.

    `change` is the last level's accuracy minus the first's in points, with the interval over other questions and seeds;
    Page's trend test and Cochran's Q are about these adapters, whose mean verdict is ranked.
    """
    names = ("change", "change_low", "change_high", "trend_p", "trend_z", "cochrans_q", "cochrans_q_p")
    result: dict[str, Any] = dict.fromkeys(names)
    if len(sweep.levels) < 2 or not len(sweep.questions):
        why = "fewer than two levels were answered" if len(sweep.levels) < 2 else "no question answered at every level"
        return result | {"reasons": dict.fromkeys(("change", "trend_p", "cochrans_q"), why)}
    first, *_, last = sweep.levels.values()
    changed = gap(last, first, sweep.clusters, resamples, rng)
    result |= {"change": changed["points"], "change_low": changed["low"], "change_high": changed["high"]}
    reasons: dict[str, str] = {}
    found, q = page(sweep.verdicts, sweep.clusters), cochrans_q(sweep.verdicts, sweep.clusters)
    if found:
        result |= {"trend_p": found.p, "trend_z": found.z}
    else:
        reasons["trend_p"] = "no question's verdict differs between the levels"
    if q:
        result |= {"cochrans_q": q[0], "cochrans_q_p": q[1]}
    else:
        reasons["cochrans_q"] = "no question's verdict differs between the levels"
    return result | {"reasons": reasons}


def focus(sweep: Sweep, section: str, resamples: int, rng: np.random.Generator) -> dict[str, Any]:
    """By how many points more accuracy falls from the first level to the last in `section` than elsewhere.

    A difference of two falls over different questions, resampled together with the seeds. None where there is no such
    contrast, with its reason in `reasons`.
    """
    result: dict[str, Any] = dict.fromkeys(("focus_extra", "focus_extra_low", "focus_extra_high"))
    inside = (sweep.questions["section"] == section).to_numpy()
    if len(sweep.levels) < 2 or not inside.any() or inside.all():
        why = f"sections to compare '{section}' with are missing" if len(sweep.levels) > 1 else "fewer than two levels"
        return result | {"reasons": {"focus_extra": why}}
    first, *_, last = (outcomes["correct"] for outcomes in sweep.levels.values())
    falls = first - last
    inside_falls, outside_falls = falls * inside[:, None], falls * ~inside[:, None]
    columns = [inside[:, None] * 1.0, inside_falls, ~inside[:, None] * 1.0, outside_falls]
    seeds = falls.shape[1]

    def extra(totals: Array) -> Array:
        own, others = totals[..., : seeds + 1], totals[..., seeds + 1 :]
        return own[..., 1:] / own[..., :1] - others[..., 1:] / others[..., :1]

    found = resample(cluster_sums(np.hstack(columns), sweep.clusters), extra, resamples, rng)
    low, high = found.both or Interval(np.nan, np.nan)
    if found.both is None:
        return result | {"focus_extra": points(found.estimate), "reasons": {"focus_extra": "nothing varies"}}
    return {
        "focus_extra": points(found.estimate), "focus_extra_low": points(low), "focus_extra_high": points(high),
        "reasons": {},
    }  # fmt: skip


def control(sweep: Sweep, resamples: int, rng: np.random.Generator) -> dict[str, Any]:
    """What compressed chains gain on full chains cut to the same length, in points, over all levels with a control."""
    names = tuple(f"compressed_over_truncated{end}" for end in ("", "_low", "_high"))
    levels = [level for level in sweep.truncated if level in sweep.levels]
    if not levels or not len(sweep.questions):
        why = "no level has a control" if not levels else "no question answered at every level"
        return dict.fromkeys(names) | {"reasons": {names[0]: why}}
    compressed, cut = (
        {"correct": np.mean([rows[level]["correct"] for level in levels], axis=0)}
        for rows in (sweep.levels, sweep.truncated)
    )
    found = gap(compressed, cut, sweep.clusters, resamples, rng)
    return dict(zip(names, found.values(), strict=True)) | {"reasons": {}}
