"""How small an effect a comparison could have found, and how many questions it takes to find a given effect.

An effect is found where the interval over questions and seeds leaves out 0.
"""

import math

import numpy as np
from scipy import optimize, stats

from distil.statistics.seeds import StandardErrors, Variances, seeds_part

WANTED = 0.8
SPREADS = (np.arange(100) + 0.5) / 100
"""Where in its distribution the variance of the seeds' values is looked at: few seeds may show much of it or little."""
ENDLESS = 1e9
"""So many times the questions asked are as good as all there could be."""


def power(effect: float, errors: StandardErrors) -> float:
    """The chance that a true difference of `effect`, a fraction, is found.

    The estimate is normal. The variance of the seeds' values, from which the interval's margin over seeds is made, is a
    scaled chi-squared with seed_count - 1 degrees of freedom, independent of the estimate.
    """
    error = math.hypot(errors.questions, errors.seeds or 0.0)
    questions, interaction = errors.questions**2, errors.interaction**2
    seeds = (errors.seeds or 0.0) ** 2 + interaction
    reach = float(stats.norm.ppf(0.975)) * errors.questions
    freedom = errors.seed_count - 1
    shown = seeds * stats.chi2.ppf(SPREADS, freedom) / freedom if freedom else [0.0]
    parts = (seeds_part(Variances(questions, float(one), interaction), errors.seed_count) for one in shown)
    reaches = np.array([part.joined(reach) for part in parts])
    return float(stats.norm.cdf((abs(effect) - reaches) / error).mean())


def detectable(errors: StandardErrors) -> float | None:
    """The smallest true difference, a fraction, that is found four times in five; None where the error is not known."""
    error = math.hypot(errors.questions, errors.seeds or 0.0)
    if not math.isfinite(error) or error == 0:
        return None
    most = error
    while power(most, errors) < WANTED:
        most *= 2
    return float(optimize.brentq(lambda effect: power(effect, errors) - WANTED, 0, most))


def questions_needed(effect: float, errors: StandardErrors, questions: int) -> int | None:
    """How many questions like the `questions` asked it takes to find the difference `effect` four times in five.

    More questions make only the questions' part of the error smaller. None where the seeds' part alone is too large,
    so that no number of questions is enough, or where the error is not known.
    """
    if not math.isfinite(errors.questions) or errors.questions == 0 or effect == 0:
        return None

    def lacking(times: float) -> float:
        """The power that is missing with so many times as many questions."""
        narrower = errors._replace(
            questions=errors.questions / math.sqrt(times), interaction=errors.interaction / math.sqrt(times)
        )
        return WANTED - power(effect, narrower)

    if lacking(ENDLESS) > 0:
        return None
    times = math.exp(optimize.brentq(lambda log: lacking(math.exp(log)), -math.log(ENDLESS), math.log(ENDLESS)))
    return math.ceil(questions * times)
