"""How far a rerun may be from what is committed, where it does not promise the same bits: as far as reseeding goes.

A trained stage run on another platform is at worst like the same stage run with another seed. So a metric may move by
what two sets of seeds differ by, measured on the committed seeds themselves; and an adapter, or a set of answers, must
be nearer to its committed self than any other seed's is.

That is wide: half of LoRA's scale would pass. But the same seed has the same first weights and the same order of rows
everywhere, and rounding needs time to grow. So the first losses of a training must be those of its committed self.
"""

import json
import math
import re
import statistics
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field, PositiveInt
from scipy import stats

from distil.pipeline.command import Params
from tools.check_reproduction.differences import distance, flatten

TOLERANCES = Path("tools/check_reproduction/tolerances.yaml")


class Spread(Params):
    """Where the seed-to-seed standard deviation of the metrics of a name is found.

    `metric` and `std` are dotted names that begin with the file's (`eval.contest_unseen.student_mean`); a `*` in `std`
    stands for what the `*` of `metric` matched. `{seed}` in `metric` matches any seed; `std` with `{seed}` is no metric
    itself but the standard deviation of that metric over the seeds, and `std` that names a list that of its values. A
    mean over the seeds moves less than one seed's.
    """

    metric: str
    std: str
    of: Literal["mean", "seed"]
    scale: float = 1.0
    """Unit of the standard deviation in units of the metric: 100 for a fraction beside percentage points."""

    def matches(self, name: str) -> str | None:
        """What the `*` matched, empty where there is none; None where this rule is for other metrics."""
        pattern = re.escape(self.metric).replace(r"\*", "(?P<star>.*)").replace(r"\{seed\}", r"\d+")
        found = re.fullmatch(pattern, name)
        return None if found is None else found.groupdict().get("star", "")

    def deviation(self, star: str, committed: dict[str, Any], seeds: list[int]) -> tuple[float, int] | None:
        """The standard deviation from seed to seed in the metric's unit, and of how many seeds; None where the metrics
        do not hold it.
        """
        name = self.std.replace("*", star)
        if "{seed}" in name:
            values = [committed.get(name.replace("{seed}", str(seed))) for seed in seeds]
        elif f"{name}.0" in committed:  # a list with a value for each seed
            values = [value for leaf, value in committed.items() if re.fullmatch(rf"{re.escape(name)}\.\d+", leaf)]
        else:
            value = committed.get(name)
            return (self.scale * value, len(seeds)) if isinstance(value, int | float) else None
        numbers = [value for value in values if isinstance(value, int | float)]
        known = len(numbers) == len(values) > 1
        return (self.scale * statistics.stdev(numbers), len(numbers)) if known else None


class FirstLosses(Params):
    """How a training must begin: in the first `validations` rows of each curve of `stages`, a loss may differ from the
    committed one by the share `within` of it.
    """

    stages: list[str]
    validations: PositiveInt
    within: float = Field(gt=0, lt=1)


class Reproduction(Params):
    """tolerances.yaml, with the seeds that it names.

    `trained` are the stages (foreach stages by their group) that promise the same bits on one platform and BLAS core
    type only, `siblings` those whose outputs another seed's must be further from than a rerun's; the first of `spreads`
    that matches a metric counts. `exact` are metrics that rounding cannot change, such as counts of rows.
    """

    confidence: float = Field(gt=0.5, lt=1)
    seeds: list[int] = Field(min_length=2)
    trained: list[str]
    siblings: list[str]
    spreads: list[Spread]
    exact: list[str] = Field(default_factory=list)
    first_losses: FirstLosses | None = None


def read_metrics(paths: dict[str, Path]) -> dict[str, Any]:
    """Every leaf of some JSON files, named by file and place: metrics/lora_seed/3.json gives `lora_seed.3.loss`."""
    found: dict[str, Any] = {}
    for name, path in paths.items():
        prefix = name.removeprefix("metrics/").removesuffix(".json").replace("/", ".")
        found |= flatten(json.loads(path.read_bytes()), prefix)
    return found


def allowed(name: str, committed: dict[str, Any], rules: Reproduction) -> float | None:
    """The largest difference that two runs of this metric show at the given confidence; None where no rule names it.

    The difference of two independent means over n seeds has the standard deviation s sqrt(2/n), that of two single
    seeds s sqrt(2), and s was estimated from n seeds: Student's t with n - 1 degrees of freedom. An exact metric may
    not move at all.
    """
    if any(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name) for pattern in rules.exact):
        return 0.0
    for rule in rules.spreads:
        star = rule.matches(name)
        if star is not None:
            found = rule.deviation(star, committed, rules.seeds)
            if found is None:
                return None
            std, n = found
            quantile = float(stats.t.ppf((1 + rules.confidence) / 2, n - 1))
            return quantile * std * math.sqrt(2 / n if rule.of == "mean" else 2)
    return None


def judge(
    before: dict[str, Any], after: dict[str, Any], committed: dict[str, Any], rules: Reproduction
) -> tuple[list[str], list[str]]:
    """Sentences on the metrics of a stage that differ `before` and `after`: those out of tolerance, and all others.

    `committed` are the metrics of all stages, among them the standard deviations.
    """
    outside, inside = [], []
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name), after.get(name)
        if name in before and name in after and old == new:
            continue
        limit = allowed(name, committed, rules)
        if name not in before or name not in after:
            outside.append(f"{name}: {old} -> {new}: only one of the two runs has it")
        elif limit is None:
            inside.append(
                f"{name}: {old} -> {new}, not judged: it follows from others, or no tolerance is known for it"
            )
        elif isinstance(old, int | float) and isinstance(new, int | float) and abs(new - old) <= limit:
            inside.append(f"{name}: {old} -> {new}, within the tolerance of {limit:.4g}")
        else:
            outside.append(f"{name}: {old} -> {new}, outside the tolerance of {limit:.4g}")
    return outside, inside


def losses_apart(committed: Path, fresh: Path, rule: FirstLosses) -> tuple[str, bool]:
    """How far the first losses of two tables of curves are apart, in a sentence, and whether that is too far.

    Every column but the losses says of which curve and iteration a row is.
    """
    before, after = pd.read_csv(committed), pd.read_csv(fresh)
    columns, here_columns = ([str(name) for name in table.columns] for table in (before, after))
    losses = [name for name in columns if name.endswith("_loss")]
    places = [name for name in columns if name not in losses]
    if columns != here_columns:
        return f"its columns are {', '.join(here_columns)}, committed are {', '.join(columns)}", True
    curves = [name for name in places if name != "iteration"]
    first, here = (
        (table.groupby(curves, sort=False) if curves else table).head(rule.validations).set_index(places)
        for table in (before, after)
    )
    if not first.index.equals(here.index):
        return "its losses are of other trainings or iterations than the committed ones", True
    gaps = pd.Series(((here[losses] - first[losses]).abs() / first[losses].abs()).stack())
    lost = int((first[losses].notna() != here[losses].notna()).to_numpy().sum())
    if gaps.isna().all():
        return "its first losses are no numbers", True
    where, worst = gaps.idxmax(), float(gaps.max())
    *place, name = where if isinstance(where, tuple) else (where,)
    said = (
        f"of its first losses {name} at {' '.join(map(str, place))} is furthest from the committed one: {worst:.2%}, "
        f"where {rule.within:.2%} are allowed"
    )
    return said, bool(lost) or worst > rule.within


def nearest_sibling(own: Path | None, others: dict[str, Path | None]) -> tuple[str, float] | None:
    """The committed output of another seed that is nearest to this one's, and how far; None where there is none."""
    if own is None:
        return None
    gaps = {name: distance(own, other) for name, other in others.items() if other is not None}
    known = {name: gap for name, gap in gaps.items() if gap is not None}
    return min(known.items(), key=lambda item: (item[1], item[0]), default=None)
