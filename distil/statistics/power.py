"""How small an effect a test could have found, and how many questions a given effect needs."""

import math

from scipy import stats

from distil.statistics.seeds import StandardErrors

REACH = float(stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
"""Standard errors that an effect has to measure for a two-sided test at 5 % to find it four times in five."""


def detectable(errors: StandardErrors) -> float | None:
    """The smallest true difference, a fraction, that is found four times in five; None where the error is not known.

    It follows from the standard error of the estimate itself, seeds, questions and near-duplicates included.
    """
    error = math.hypot(errors.questions, errors.seeds or 0.0)
    return REACH * error if math.isfinite(error) and error > 0 else None


def questions_needed(effect: float, errors: StandardErrors, questions: int) -> int | None:
    """How many questions like the `questions` asked it takes to find the difference `effect` four times in five.

    More questions narrow the questions' part of the error alone. None where the seeds' part is too large for any number
    of questions, or the error is not known.
    """
    if not math.isfinite(errors.questions) or effect == 0:
        return None
    left = (effect / REACH) ** 2 - (errors.seeds or 0.0) ** 2
    return math.ceil(questions * errors.questions**2 / left) if left > 0 else None
