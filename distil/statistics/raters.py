"""An LLM judge as a rater: how often it agrees with the verifier, and an accuracy corrected for its errors."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from distil.statistics.proportions import kappa, wilson
from distil.statistics.seeds import Interval


class Rating(NamedTuple):
    """Counts of a judge's and the verifier's verdicts on the same answers.

    `both` and `neither` are agreements. A false accept is an answer that only the judge calls right. A false reject is
    one that only the verifier calls right. `kappa` is Cohen's, None where each rater gives one verdict throughout.
    """

    both: int
    neither: int
    false_accepts: int
    false_rejects: int
    kappa: float | None

    @property
    def n(self) -> int:
        """Answers that both rated."""
        return self.both + self.neither + self.false_accepts + self.false_rejects

    @property
    def right(self) -> int:
        """Answers that the verifier calls right."""
        return self.both + self.false_rejects

    @property
    def sensitivity(self) -> float | None:
        """The share of right answers that the judge accepts."""
        return self.both / self.right if self.right else None

    @property
    def specificity(self) -> float | None:
        """The share of wrong answers that the judge rejects."""
        wrong = self.n - self.right
        return self.neither / wrong if wrong else None

    def summary(self) -> dict[str, int | float | None]:
        """The counts, and the rates with Wilson's intervals, by name."""
        caught = wilson(self.both, self.right)
        spared = wilson(self.neither, self.n - self.right)
        return {
            "n": self.n, "verifier_right": self.right, "judge_right": self.both + self.false_accepts,
            "agree": self.both + self.neither, "false_accepts": self.false_accepts,
            "false_rejects": self.false_rejects, "kappa": self.kappa,
            "sensitivity": self.sensitivity, "sensitivity_low": caught and caught.low,
            "sensitivity_high": caught and caught.high,
            "specificity": self.specificity, "specificity_low": spared and spared.low,
            "specificity_high": spared and spared.high,
        }  # fmt: skip


class Corrected(NamedTuple):
    """An accuracy corrected for the judge's errors, with its 95 % interval."""

    value: float
    low: float
    high: float


def rate(verifier: NDArray[np.bool_], judge: NDArray[np.bool_]) -> Rating:
    """Compare a judge's verdicts with the verifier's, row by row; True is right."""
    both, neither = int(np.sum(verifier & judge)), int(np.sum(~verifier & ~judge))
    return Rating(both, neither, int(np.sum(~verifier & judge)), int(np.sum(verifier & ~judge)), kappa(verifier, judge))


def rogan_gladen(accepted: int, n: int, judge: Rating) -> Corrected | None:
    """The accuracy of `n` answers that only the judge rated, and of which it accepted `accepted`.

    `judge` counts the judge's errors on other answers. The judge is assumed to err on these as it did on those. The
    estimate is Rogan and Gladen's (1978), cut at 0 and 1. The interval is Lang and Reiczigel's (2014), which includes
    the uncertainty of sensitivity and specificity. None where the judge is no better than chance, or where `judge` has
    no right or no wrong answer.
    """
    if judge.sensitivity is None or judge.specificity is None or n <= 0:
        return None
    informed = judge.sensitivity + judge.specificity - 1
    if informed <= 0:
        return None
    value = (accepted / n + judge.specificity - 1) / informed
    z = float(stats.norm.ppf(0.975))
    size, positives, negatives = n + z**2, judge.right + 2, judge.n - judge.right + 2
    share = (accepted + z**2 / 2) / size
    caught, spared = (judge.both + 1) / positives, (judge.neither + 1) / negatives
    informed = caught + spared - 1
    middle = (share + spared - 1) / informed
    of_right, of_wrong = caught * (1 - caught) / positives, spared * (1 - spared) / negatives
    shift = 2 * z**2 * (middle * of_right - (1 - middle) * of_wrong)
    spread = math.sqrt(share * (1 - share) / size + middle**2 * of_right + (1 - middle) ** 2 * of_wrong) / informed
    interval = Interval(middle + shift - z * spread, middle + shift + z * spread)
    return Corrected(*(min(1.0, max(0.0, bound)) for bound in (value, interval.low, interval.high)))
