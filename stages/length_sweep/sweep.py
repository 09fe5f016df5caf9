"""The same questions at every chain length: accuracy, words, and how both change from level to level.

A level has one adapter per seed. Seeds and questions are crossed in every interval: each adapter answers each question,
and both are samples. A sweep is a part with these groups: the base model, each level's adapters under the level's name,
and the adapters of a level's control under `control_name(level)`.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distil.pipeline.names import BASE, control_name
from distil.pipeline.records import LEVELS, Level
from distil.pipeline.results import Gap
from distil.pipeline.sweep_results import FocusTest, LengthKept, LevelNumbers, LevelPair, OverTruncated, TrendTests
from distil.statistics.difference import difference, points
from distil.statistics.paired import cochrans_q, holm, sign_flips
from distil.statistics.parts import MEASURES, NOTHING, Group, Part
from distil.statistics.proportions import accuracy
from distil.statistics.resampling import resample
from distil.statistics.seeds import Array, cluster_sums
from distil.statistics.trend import page

NEAR = 0.25
"""A response counts as having its chain's length if it differs from it by no more than this share."""
Reasons = dict[str, str]


def levels_of(sweep: Part) -> dict[Level, Group]:
    """The levels that were answered, from the longest chains to the shortest."""
    return {level: sweep.groups[level] for level in LEVELS if level in sweep.groups}


def controls_of(sweep: Part) -> dict[Level, Group]:
    """The controls that were answered, by level."""
    return {level: sweep.groups[control_name(level)] for level in LEVELS if control_name(level) in sweep.groups}


def collect(questions: pd.DataFrame, outcomes: Mapping[str, pd.DataFrame]) -> tuple[Part, int]:
    """Line up every group's outcomes on the unseen questions that all models answered, first sample only.

    Returns the sweep, and how many questions are left out: some adapter answered them and another did not.
    """
    unseen = {name: table[(table["role"] == "unseen") & (table["sample"] == 0)] for name, table in outcomes.items()}
    asked = {
        name: [set(answered["question"]) for _, answered in table.groupby("fold", observed=True)] or [set()]
        for name, table in unseen.items()
    }
    # only the shared questions: a level that answered easier ones would look better
    shared = sorted(set.intersection(*(places for sets in asked.values() for places in sets)))
    groups = {name: _group(table, shared) for name, table in unseen.items()}
    own = {place for name, sets in asked.items() if name != BASE for places in sets for place in places}
    part = Part("length_sweep", questions.iloc[shared].reset_index(drop=True), groups)
    return part, len(own) - len(shared)


def _group(table: pd.DataFrame, shared: Sequence[int]) -> Group:
    """The adapters of one table, by fold, on the questions in `shared`."""
    if not shared:
        return NOTHING
    wide = table[table["question"].isin(shared)].pivot_table(
        index="question", columns="fold", values=list(MEASURES), observed=True, aggfunc="first"
    )
    models = tuple(map(str, wide.columns.get_level_values("fold").unique()))
    return Group(models, {measure: wide[measure].to_numpy(float).reshape(len(shared), -1) for measure in MEASURES})


def verdicts(levels: Mapping[Level, Group], questions: int) -> Array:
    """The share of a level's adapters that answered rightly: (questions, levels)."""
    return np.array([group.correct.mean(axis=1) for group in levels.values()]).reshape(len(levels), questions).T


def numbers(group: Group, clusters: NDArray[np.int_]) -> LevelNumbers:
    """Accuracy with its interval, each seed's accuracy, words of the responses, and rates; all None without questions.

    `finished` is the accuracy of the responses that ended by themselves.
    """
    correct, words = group.correct, group.outcomes["words"]
    value, low, high = accuracy(correct, clusters)
    if value is None:
        return LevelNumbers(
            n=0, accuracy=None, low=None, high=None, seeds=[], std=None, **spread("words", words), no_answer=None,
            truncated=None, finished=None,
        )  # fmt: skip
    per_seed = correct.mean(axis=0)
    ended = group.outcomes["truncated"] == 0
    return LevelNumbers(
        n=len(correct),
        accuracy=value,
        low=low,
        high=high,
        seeds=per_seed.tolist(),
        std=float(per_seed.std(ddof=1)) if len(per_seed) > 1 else None,
        **spread("words", words),
        no_answer=float(group.outcomes["no_answer"].mean()),
        truncated=float(group.outcomes["truncated"].mean()),
        finished=float(correct[ended].mean()) if ended.any() else None,
    )


def kept(group: Group, taught: Array) -> LengthKept:
    """The share of responses with the length of the teacher's chain for the same question, give or take a quarter.

    `taught` has the number of words of the level's own chain for each question, NaN where the teacher has none.
    """
    known = ~np.isnan(taught)
    if not known.any():
        return LengthKept()
    off = np.abs(group.outcomes["words"][known] - taught[known, None]) / taught[known, None]
    return LengthKept(length_kept=float((off <= NEAR).mean()), length_kept_n=int(known.sum()))


def spread(name: str, words: Array) -> dict[str, float | None]:
    """Mean, median and range of numbers of words, under `name`; None where there are none."""
    ends = (name, f"{name}_median", f"{name}_min", f"{name}_max")
    if words.size == 0:
        return dict.fromkeys(ends)
    found = (words.mean(), np.median(words), words.min(), words.max())
    return {end: float(value) for end, value in zip(ends, found, strict=True)}


def gap(better: Array, worse: Array, clusters: NDArray[np.int_], resamples: int, rng: np.random.Generator) -> Gap:
    """`better` minus `worse` on the same questions in percentage points; the interval is over questions and seeds."""
    found = difference(worse, better, clusters, resamples, rng)
    low, high = found.both or (None, None)
    return Gap(points=points(found.value), low=points(low), high=points(high))


def pairwise(sweep: Part, resamples: int, rng: np.random.Generator) -> list[LevelPair]:
    """Every pair of levels: second minus first in points with its interval, and the sign-flip p with Holm's correction.

    The interval is over other questions and seeds. p is about these adapters on other questions.
    """
    pairs = list(combinations(levels_of(sweep).items(), 2))
    clusters = sweep.clusters
    # all p-values first, because Holm's correction of each depends on the others
    tests = [sign_flips(one.correct, other.correct, clusters) for (_, one), (_, other) in pairs]
    rows = []
    for ((first, one), (second, other)), p, adjusted in zip(pairs, tests, holm(tests), strict=True):
        found = gap(other.correct, one.correct, clusters, resamples, rng)
        rows.append(
            LevelPair(
                first=first, second=second, points=found.points, low=found.low, high=found.high, p=p, holm_p=adjusted
            )
        )
    return rows


def trend(sweep: Part, resamples: int, rng: np.random.Generator) -> tuple[TrendTests, Reasons]:
    """Does accuracy fall from level to level? A test that cannot be made is None, and the reasons say why.

    `change` is the last level's accuracy minus the first's in points, with the interval over other questions and seeds.
    Page's trend test and Cochran's Q are about these adapters: they use the mean verdict of a level's adapters.
    """
    levels = levels_of(sweep)
    if len(levels) < 2 or not len(sweep):
        why = "fewer than two levels were answered" if len(levels) < 2 else "no question answered at every level"
        return TrendTests(), dict.fromkeys(("change", "trend_p", "cochrans_q"), why)
    first, *_, last = levels.values()
    changed = gap(last.correct, first.correct, sweep.clusters, resamples, rng)
    ranked = verdicts(levels, len(sweep))
    found, q = page(ranked, sweep.clusters), cochrans_q(ranked, sweep.clusters)
    same = "no question's verdict differs between the levels"
    reasons = ({} if found else {"trend_p": same}) | ({} if q else {"cochrans_q": same})
    statistic, q_p = q or (None, None)
    tests = TrendTests(
        change=changed.points, change_low=changed.low, change_high=changed.high,
        trend_p=found.p if found else None, trend_z=found.z if found else None,
        cochrans_q=statistic, cochrans_q_p=q_p,
    )  # fmt: skip
    return tests, reasons


def focus(sweep: Part, section: str, resamples: int, rng: np.random.Generator) -> tuple[FocusTest, Reasons]:
    """How much more accuracy falls from the first level to the last in `section` than elsewhere, in points.

    It is the difference of two falls over different questions, which are resampled together. Where there is nothing to
    compare it is None, and the reasons say why.
    """
    levels = levels_of(sweep)
    inside = (sweep.questions["section"] == section).to_numpy()
    if len(levels) < 2 or not inside.any() or inside.all():
        why = f"sections to compare '{section}' with are missing" if len(levels) > 1 else "fewer than two levels"
        return FocusTest(), {"focus_extra": why}
    first, *_, last = (group.correct for group in levels.values())
    falls = first - last
    inside_falls, outside_falls = falls * inside[:, None], falls * ~inside[:, None]
    # [n inside, falls inside, n outside, falls outside], because a resample changes the numbers of questions, too
    columns = [inside[:, None] * 1.0, inside_falls, ~inside[:, None] * 1.0, outside_falls]
    seeds = falls.shape[1]

    def extra(totals: Array) -> Array:
        own, others = totals[..., : seeds + 1], totals[..., seeds + 1 :]
        return own[..., 1:] / own[..., :1] - others[..., 1:] / others[..., :1]

    found = resample(cluster_sums(np.hstack(columns), sweep.clusters), extra, resamples, rng, most=2)
    low, high = found.both or (None, None)
    test = FocusTest(focus_extra=points(found.estimate), focus_extra_low=points(low), focus_extra_high=points(high))
    return test, {} if found.both else {"focus_extra": "nothing varies"}


def control(sweep: Part, resamples: int, rng: np.random.Generator) -> tuple[OverTruncated, Reasons]:
    """The gain of compressed chains over full chains cut to the same length, in points, over levels with a control."""
    levels, controls = levels_of(sweep), controls_of(sweep)
    both = [level for level in controls if level in levels]
    if not both or not len(sweep):
        why = "no level has a control" if not both else "no question answered at every level"
        return OverTruncated(), {"compressed_over_truncated": why}
    # each question's verdict is averaged over the levels, so that there is one number with one interval
    compressed, cut = (np.mean([groups[level].correct for level in both], axis=0) for groups in (levels, controls))
    return over_truncated(gap(compressed, cut, sweep.clusters, resamples, rng)), {}


def over_truncated(found: Gap) -> OverTruncated:
    """A gap in the fields of OverTruncated."""
    return OverTruncated(
        compressed_over_truncated=found.points,
        compressed_over_truncated_low=found.low,
        compressed_over_truncated_high=found.high,
    )
