"""Does this run's number equal the published one within a margin? Two one-sided tests (Schuirmann 1987)."""

import math
from typing import NamedTuple

from scipy import stats


class Equivalence(NamedTuple):
    """The larger p of the two one-sided tests, and whether both reject at 5 %."""

    p: float
    equivalent: bool


def tost(difference: float, standard_error: float, margin: float) -> Equivalence | None:
    """Test whether a normal estimate's true value is within `margin` of zero. None if its error is zero or unknown."""
    if not standard_error > 0 or not math.isfinite(standard_error):
        return None
    p = max(
        float(stats.norm.sf((difference + margin) / standard_error)),
        float(stats.norm.cdf((difference - margin) / standard_error)),
    )
    return Equivalence(p, p < 0.05)


def tost_power(standard_error: float, margin: float) -> float:
    """The chance that `tost` shows equivalence where the true difference is zero.

    It is 0 where the error is so large that no estimate is significantly away from both ends of the margin.
    """
    clear = margin / standard_error - float(stats.norm.ppf(0.95))
    return max(0.0, 2 * float(stats.norm.cdf(clear)) - 1)
