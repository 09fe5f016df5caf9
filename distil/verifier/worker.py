"""The code that runs inside a worker process: limits on memory and processor time, and judgements with algebra."""

import contextlib
import resource
import signal
from pathlib import Path

from distil.verifier.decision import Decision, decide
from distil.verifier.scalars import Outcome

MEMORY = 1024**3
"""Bytes of address space that a worker may have on top of what it starts with."""


def start() -> None:
    """Load sympy and limit the worker's memory, where Linux says what it has. Elsewhere only time is bounded."""
    import distil.verifier.algebra  # noqa: F401 - loaded before the clock of the first pair runs

    with contextlib.suppress(ValueError, OSError):
        # a program's own script is loaded here, too: with MLX or PyTorch that maps more than the limit before any work
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


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
