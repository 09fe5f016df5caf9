"""The minimum of a validation curve. It is uncertain, because the validation problems are a sample."""

import numpy as np

from distil.pipeline.metrics import Minimum

RESAMPLES = 2000


def minimum(iterations: list[int], losses: np.ndarray, tokens: np.ndarray, seed: int = 0) -> Minimum:
    """The iteration of the lowest validation loss, with a percentile bootstrap interval over problems.

    `losses` (validations, problems) are sums over each problem's reply tokens; `tokens` (problems,) counts the tokens.
    A resample draws whole problems with replacement and finds its own minimum (Efron and Tibshirani, An Introduction to
    the Bootstrap, 1993, chapter 13). `rise` is the loss at the last validation less the loss at the minimum. Its
    interval is from the same resamples, at the iteration found on all problems. Where the interval is above zero, the
    student is over-fitted at the last validation.
    """
    draws = np.random.default_rng(seed).multinomial(len(tokens), np.full(len(tokens), 1 / len(tokens)), RESAMPLES)
    resampled = (draws @ losses.T.astype(np.float64)) / (draws @ tokens)[:, None]
    curve = losses.astype(np.float64).sum(axis=1) / tokens.sum()
    best = int(curve.argmin())
    low, high = np.percentile(resampled.argmin(axis=1), (2.5, 97.5), method="inverted_cdf").astype(int)
    rise_low, rise_high = np.percentile(resampled[:, -1] - resampled[:, best], (2.5, 97.5))
    return Minimum(
        best_iteration=iterations[best],
        best_iteration_low=iterations[low],
        best_iteration_high=iterations[high],
        best_valid_loss=round(float(curve[best]), 6),
        last_iteration=iterations[-1],
        last_valid_loss=round(float(curve[-1]), 6),
        rise=round(float(curve[-1] - curve[best]), 6),
        rise_low=round(float(rise_low), 6),
        rise_high=round(float(rise_high), 6),
        valid_problems=len(tokens),
        resamples=RESAMPLES,
    )
