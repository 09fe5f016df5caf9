"""What a long step prints where nobody sees a bar."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import time
import tqdm.std
from distil.pipeline import progress
clock = [100.0]
tqdm.std.time = time.monotonic = lambda: clock[0]
for number in progress.Bar(range({total}), "seed 0", unit="step"):
    clock[0] += {seconds}
"""


def printed(total: int, seconds: float) -> list[str]:
    """The lines that a step of so many parts, of so many seconds each, prints into a log."""
    code = PROGRAM.format(total=total, seconds=seconds)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "", done.stderr
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("total", "seconds", "lines"),
    [(5, 1, 0), (400, 0.01, 0), (400, 0.1, 9), (400, 1, 11), (10, 60, 10), (3, 7200, 3)],
)
def test_a_long_step_prints_at_each_tenth_and_a_short_one_nothing(total, seconds, lines) -> None:
    found = printed(total, seconds)
    assert abs(len(found) - lines) <= 1, found
    if lines:
        assert found[-1].startswith(f"seed 0: {total} of {total} steps, ")
        assert all(line.count(",") == 2 and line.endswith(" s remain") for line in found)


def test_it_says_what_remains() -> None:
    assert "seed 0: 40 of 400 steps, 40 s, 360 s remain" in printed(400, 1)
