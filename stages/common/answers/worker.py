"""What runs inside a worker process: a memory limit, and judgements with algebra at hand."""

import contextlib
import resource

from stages.common.answers.comparison import Outcome
from stages.common.answers.judging import Judgement, judge

MEMORY = 1024**3
"""Bytes of address space a worker may have."""


def start() -> None:
    """Bound the worker's memory. macOS accepts the call but does not enforce it: there the time limit alone holds."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def judge_with_algebra(gold: str, answer: str) -> Judgement:
    """A judgement that may use sympy; whatever sympy raises becomes an undecided outcome."""
    from stages.common.answers.algebra import equal

    try:
        return judge(gold, answer, equal)
    except (Exception, MemoryError, RecursionError) as error:
        return Judgement(Outcome(None, f"algebra_failed: {type(error).__name__}"), False, None, None)
