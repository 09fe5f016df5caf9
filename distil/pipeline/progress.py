"""How far a long step has come: a bar at a terminal, a few lines in a log."""

import math
import sys
import time
from typing import Any

from tqdm import tqdm

QUIET = 10
"""Seconds that a step runs before it prints its first line into a log."""
LONGEST = 600
"""Seconds after which the next line is printed, though no tenth is done."""


class Bar(tqdm):
    """tqdm. Where standard error is no terminal, a line after ten seconds and at each tenth says how much time remains.

    A shorter step prints nothing there. Of parts that are worked on `at_once`, the first ends when others are nearly
    done. So no time is said to remain before so many, or half of fewer, have ended.
    """

    def __init__(self, *args: Any, at_once: int = 1, **options: Any) -> None:
        self.in_log = not sys.stderr.isatty()
        self.printed, self.tenth, self.shown = -math.inf, 0, -1.0
        self.at_once = at_once
        options |= {"smoothing": 0}  # parts end in bursts, of which the last says nothing about the whole
        if self.in_log:
            options |= {"mininterval": 1, "delay": QUIET, "leave": True}
        super().__init__(*args, **options)

    def skip(self, parts: int) -> None:
        """Count parts that an earlier run has done, on which no time is spent now."""
        if self.disable:  # by tqdm's variable TQDM_DISABLE
            return
        self.initial += parts
        self.update(parts)

    @property
    def format_dict(self) -> dict[str, Any]:
        """What tqdm draws the bar from: without a rate it draws no remaining time."""
        state = dict(super().format_dict)
        return state if self.foreseen else state | {"rate": 0}

    @property
    def foreseen(self) -> bool:
        """Whether enough parts have ended to say how long the others take."""
        missing = (self.total or math.inf) - self.initial
        return bool(self.n - self.initial >= min(self.at_once, max(1, missing / 2)))

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Draw the bar, or print a line where a tenth more is done."""
        if not self.in_log:
            super().display(msg, pos)
            return
        now = time.monotonic()
        tenth = int(10 * self.n // self.total) if self.total else self.tenth
        if tenth > self.tenth or now - self.printed > LONGEST:
            self.printed, self.tenth, self.shown = now, tenth, self.n
            print(self.line(), file=sys.stderr, flush=True)

    def close(self) -> None:
        """End the bar; in a log, with a last line where there was one before."""
        if not self.in_log:
            super().close()
        elif not self.disable:
            self.disable = True
            self._decr_instances(self)  # type: ignore[attr-defined]
            if self.shown not in (-1, self.n):
                print(self.line(), file=sys.stderr, flush=True)

    def line(self) -> str:
        """`seed 0: 120 of 400 steps, 35 s, 82 s remain`."""
        state = self.format_dict
        done = f"{self.n} {self.unit.strip()}s" if not self.total else f"{self.n} of {self.total} {self.unit.strip()}s"
        parts = [f"{self.desc.removesuffix(': ')}: {done}", f"{state['elapsed']:.0f} s"]
        steps = self.n - self.initial
        if self.total and self.foreseen:
            parts.append(f"{state['elapsed'] / steps * (self.total - self.n):.0f} s remain")
        return ", ".join([*parts, str(self.postfix)] if self.postfix else parts)
