"""How far a rerun may be from the committed run where it does not promise the same bits.

docs/reproduction.md has the reasons: on another platform a training is at worst like one with another seed.
"""

import json
import math
import re
import statistics
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field, PositiveInt
from scipy import stats

from distil.pipeline.command import Params
from tools.check_reproduction.differences import Leaves, changed_names, distance, flatten

TOLERANCES = Path("tools/check_reproduction/tolerances.yaml")


class Spread(Params):
    """The place of the standard deviation of some metrics from seed to seed.

    `metric` and `std` are dotted names that begin with the file's (`eval.contest_unseen.student_mean`). `{seed}` is any
    seed. A `*` in `std` is the text that the `*` of `metric` matched. `std` names a standard deviation, a list with a
    value for each seed, or, with `{seed}`, one metric of each seed. A mean over the seeds moves less than one seed's
    value.
    """

    metric: str
    std: str
    of: Literal["mean", "seed"]
    scale: float = 1.0
    """What to multiply the standard deviation by: 100 where it is a fraction and the metric is in percentage points."""

    def limit(self, star: str, committed: Leaves, seeds: int, confidence: float) -> float | None:
        """The largest difference that two runs show at a confidence; None where no metric gives the deviation s.

        The difference of two independent means over n seeds has the standard deviation s sqrt(2/n), that of two single
        seeds s sqrt(2), and s was estimated from n seeds: Student's t with n - 1 degrees of freedom.
        """
        name = self.std.replace("*", star)
        each = re.compile(_pattern(name) + r"(\.\d+)?")
        values = [value for leaf, value in committed.items() if each.fullmatch(leaf) and isinstance(value, int | float)]
        if len(values) < (1 if name in committed else 2):
            return None
        s, n = (values[0], seeds) if name in committed else (statistics.stdev(values), len(values))
        quantile = float(stats.t.ppf((1 + confidence) / 2, n - 1))
        return quantile * self.scale * s * math.sqrt(2 / n if self.of == "mean" else 2)


class FirstLosses(Params):
    """The first `validations` losses of the trainings of `stages` may differ by the share `within` of the committed."""

    stages: list[str]
    validations: PositiveInt
    within: float = Field(gt=0, lt=1)


class Reproduction(Params):
    """tolerances.yaml, with the list of seeds in place of its parameter's name.

    `trained` stages promise the same bits on one platform and BLAS core type only. Foreach stages have the name of
    their group. A rerun of `siblings` must be nearer to its committed output than any other seed's output. The first of
    `spreads` that matches a metric counts. `exact` are metrics that rounding cannot change, such as counts of rows.
    """

    confidence: float = Field(gt=0.5, lt=1)
    seeds: list[int] = Field(min_length=2)
    trained: list[str]
    siblings: list[str]
    spreads: list[Spread]
    exact: list[str] = Field(default_factory=list)
    first_losses: FirstLosses | None = None


def _pattern(name: str) -> str:
    """The regular expression of a metric's name with `*` and `{seed}` in it."""
    return re.escape(name).replace(r"\*", "(.*)").replace(r"\{seed\}", r"\d+")


def read_metrics(names: Iterable[str], output: Callable[[str], Path | None]) -> Leaves:
    """Every leaf of the JSON files among some outputs, by file and place: metrics/lora_seed/3.json: `lora_seed.3.loss`.

    `output` returns the path of an output, None where its content is nowhere.
    """
    found: Leaves = {}
    for name in names:
        if name.endswith(".json") and (path := output(name)) and path.exists():
            prefix = name.removeprefix("metrics/").removesuffix(".json").replace("/", ".")
            found |= flatten({prefix: json.loads(path.read_bytes())})
    return found


def allowed(name: str, committed: Leaves, rules: Reproduction) -> float | None:
    """How far this metric may move: not at all if it is exact, else by its rule; None where no rule names it."""
    if any(re.fullmatch(_pattern(exact), name) for exact in rules.exact):
        return 0.0
    for rule in rules.spreads:
        if match := re.fullmatch(_pattern(rule.metric), name):
            return rule.limit("".join(match.groups()), committed, len(rules.seeds), rules.confidence)
    return None


def judge(before: Leaves, after: Leaves, committed: Leaves, rules: Reproduction) -> tuple[list[str], list[str]]:
    """A sentence on each metric of a stage that changed: first those out of tolerance, then all others.

    `committed` has the metrics of all stages, among them the standard deviations.
    """
    outside, inside = [], []
    for name in changed_names(before, after):
        old, new = before.get(name), after.get(name)
        said, limit = f"{name}: {old} -> {new}", allowed(name, committed, rules)
        if name not in before or name not in after:
            outside.append(f"{said}: only one of the two runs has it")
        elif limit is None:
            inside.append(f"{said}, not judged: it follows from others, or no tolerance is known for it")
        elif isinstance(old, int | float) and isinstance(new, int | float) and abs(new - old) <= limit:
            inside.append(f"{said}, within the tolerance of {limit:.4g}")
        else:
            outside.append(f"{said}, outside the tolerance of {limit:.4g}")
    return outside, inside


def losses_apart(committed: Path, fresh: Path, rule: FirstLosses) -> tuple[str, bool]:
    """How far the first losses of two tables of curves are apart, in a sentence, and whether that is too far."""
    with suppress(KeyError, TypeError, ValueError):  # no table, none of iterations, or one with texts for losses
        before, after = (_first_losses(path, rule.validations) for path in (committed, fresh))
        if before.any() and before.index.equals(after.index):
            gaps = (after - before).abs() / before.abs()
            said = f"of its first losses {gaps.idxmax()} is furthest from the committed one"
            return f"{said}: {gaps.max():.2%}, where {rule.within:.2%} are allowed", bool(gaps.max() > rule.within)
    return "its first losses are of other trainings, iterations or columns than the committed ones", True


def _first_losses(path: Path, validations: int) -> pd.Series:
    """The losses that a table of curves has for its first iterations, by what the other columns say of each."""
    table = pd.read_csv(path)
    places = [name for name in table.columns if not name.endswith("_loss")]
    first = table[table["iteration"].rank(method="dense") <= validations].melt(places, var_name="loss")
    first.index = pd.Index(first["loss"] + " at " + first[places].astype(str).agg(" ".join, axis=1))
    return first["value"].dropna().astype(float)


def nearest_sibling(own: Path, others: dict[str, Path | None]) -> tuple[str, float] | None:
    """The nearest committed output of another seed, and its distance; None where there is none."""
    gaps = ((name, distance(own, other)) for name, other in others.items() if other)
    return min(((name, gap) for name, gap in gaps if gap is not None), key=lambda item: item[::-1], default=None)
