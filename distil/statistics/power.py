"""How small an effect the paired test could have found, and how many questions a given effect needs."""

import math

import numpy as np
from scipy import optimize, stats

Z_ALPHA, Z_BETA = float(stats.norm.ppf(0.975)), float(stats.norm.ppf(0.8))
"""Two-sided tests at 5 % with 80 % power."""


def questions_needed(effect: float, discordance: float) -> int | None:
    """Questions that McNemar's test needs for a difference `effect` when a share `discordance` tells the models apart.

    Connor (1987), equation 3. `effect` is a fraction; None where it is 0 or larger than the discordance allows.
    """
    effect = abs(effect)
    if effect == 0 or effect > discordance:
        return None
    root = Z_ALPHA * math.sqrt(discordance) + Z_BETA * math.sqrt(discordance - effect**2)
    return math.ceil(root**2 / effect**2)


def detectable(n: int, discordance: float) -> float | None:
    """The smallest difference that n questions show with 80 % power, the inverse of `questions_needed`.

    None where even the largest difference that the discordance allows would be missed.
    """
    if n <= 0 or discordance <= 0:
        return None

    def lack(effect: float) -> float:
        root = Z_ALPHA * math.sqrt(discordance) + Z_BETA * math.sqrt(max(0.0, discordance - effect**2))
        return root - effect * math.sqrt(n)

    if lack(discordance) > 0:
        return None
    return float(optimize.brentq(lack, 1e-12, discordance))


def exact_power(effect: float, discordance: float, n: int) -> float:
    """The power of McNemar's exact test at 5 %, over the binomial number of discordant pairs."""
    pairs = np.arange(n + 1)
    share = (discordance + effect) / (2 * discordance)
    lowest = stats.binom.ppf(0.025, pairs, 0.5)  # the largest count that may not reject
    reject = np.where(stats.binom.cdf(lowest, pairs, 0.5) <= 0.025, lowest, lowest - 1)
    found = stats.binom.cdf(reject, pairs, share) + stats.binom.sf(pairs - reject - 1, pairs, share)
    return float(stats.binom.pmf(pairs, n, discordance) @ np.where(reject < 0, 0.0, found))
