"""The code that runs inside a worker process: limits on memory and processor time, and judgements with algebra."""

import contextlib
import resource
import signal

from distil.verifier.decision import Decision, decide
from distil.verifier.scalars import Outcome

MEMORY = 1024**3
"""Bytes of address space a worker may have."""


def start() -> None:
    """Load sympy and limit the worker's memory. macOS accepts the limit and does not enforce it: there only time is
    bounded.
    """
    import distil.verifier.algebra  # noqa: F401 - loaded before the clock of the first pair runs

    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def decide_with_algebra(gold: str, answer: str, seconds: float) -> Decision:
    """A decision that may use sympy; whatever sympy raises becomes an undecided outcome.

    The system ends this process when it has used `seconds` more of processor time: unlike time on the wall, that is the
    same on a busy machine, so that verdicts do not depend on the load.
    """
    from distil.verifier.algebra import equal

    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return decide(gold, answer, equal)
    except (Exception, MemoryError, RecursionError) as error:  # sympy may raise anything
        return Decision(Outcome(None, f"algebra_failed: {type(error).__name__}"), False, None, None)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
