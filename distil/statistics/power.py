"""How small an effect a test could have found, and how many questions it takes to find a given effect."""

import math

from scipy import stats

from distil.statistics.seeds import StandardErrors

REACH = float(stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
"""An effect of this many standard errors is found four times in five by a two-sided test at 5 %."""


def detectable(errors: StandardErrors) -> float | None:
    """The smallest true difference, a fraction, that is found four times in five; None where the error is not known.

    It follows from the estimate's own standard error, which includes seeds, questions and near-duplicates.
    """
    error = math.hypot(errors.questions, errors.seeds or 0.0)
    return REACH * error if math.isfinite(error) and error > 0 else None


def questions_needed(effect: float, errors: StandardErrors, questions: int) -> int | None:
    """How many questions like the `questions` asked it takes to find the difference `effect` four times in five.

    More questions make only the questions' part of the error smaller. None where the seeds' part alone is too large,
    so that no number of questions is enough, or where the error is not known.
    """
    if not math.isfinite(errors.questions) or effect == 0:
        return None
    left = (effect / REACH) ** 2 - (errors.seeds or 0.0) ** 2
    return math.ceil(questions * errors.questions**2 / left) if left > 0 else None
