"""What a long step prints where nobody sees a bar."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import time
import tqdm.std
from distil.pipeline import progress
clock = [0.0]
tqdm.std.time = time.monotonic = lambda: clock[0]
"""
ONE_BY_ONE = """
for number in progress.Bar(range({total}), "seed 0", unit="step"):
    clock[0] += {seconds}
"""
AT_ONCE = """
lengths = [30 + 7 * number % 61 for number in range(257)]
with progress.Bar(total=257 + {known}, desc="base answers", unit="answer", at_once=32) as bar:
    bar.skip({known})
    waiting, ends = lengths[:], []
    while waiting or ends:
        ends = sorted(ends + [clock[0] + waiting.pop(0) for _ in range(min(32 - len(ends), len(waiting)))])
        clock[0] = ends.pop(0)
        bar.update()
"""

ONE_AT_ONCE = """
with progress.Bar(total={known} + {missing}, desc="base answers", unit="answer", at_once=32) as bar:
    bar.skip({known})
    for _ in range({missing}):
        clock[0] += 60
        bar.update()
"""


def printed(total: int, seconds: float) -> list[str]:
    """The lines that a step of so many parts, of so many seconds each, prints into a log."""
    return run(ONE_BY_ONE.format(total=total, seconds=seconds))


def run(code: str) -> list[str]:
    """What a program of its own prints into a log, with a clock that it sets."""
    done = subprocess.run([sys.executable, "-c", PROGRAM + code], cwd=ROOT, capture_output=True, text=True)
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


@pytest.mark.parametrize("known", [0, 1000])
def test_what_remains_of_parts_done_side_by_side_is_said_once_it_can_be_known(known) -> None:
    """Of 257 answers, 32 at once, the first ends after 30 s; they all take 8 minutes, and those known take none."""
    found = [
        re.fullmatch(r"base answers: (\d+) of \d+ answers, (\d+) s(?:, (\d+) s remain)?", line)
        for line in run(AT_ONCE.format(known=known))
    ]
    rows = [(int(ended) - known, int(seconds), remain) for ended, seconds, remain in map(re.Match.groups, found)]
    whole = rows[-1][1]
    assert rows[-1][0] == 257 and 450 < whole < 550
    assert all((remain is None) == (ended < 32) for ended, _, remain in rows)
    assert all(abs(int(remain) - (whole - seconds)) < 0.25 * whole for _, seconds, remain in rows if remain), rows


def test_where_fewer_are_missing_than_are_at_once_half_of_them_say_what_remains() -> None:
    code = ONE_AT_ONCE.format(known=900, missing=20)
    remain = [line for line in run(code) if line.endswith(" remain")]
    assert remain[0] == "base answers: 917 of 920 answers, 1020 s, 180 s remain"


def test_tqdms_own_variable_turns_it_off() -> None:
    code = "import os; os.environ['TQDM_DISABLE'] = '1'\n" + PROGRAM + ONE_AT_ONCE.format(known=900, missing=20)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
