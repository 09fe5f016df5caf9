"""How long the statistics take and how much memory, at the study's size and at a hundred and fifty times that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scored_run import write_run

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("per_section", "seconds", "gigabytes"),
    [pytest.param(15, 60, 1, id="675 questions"), pytest.param(2223, 600, 2, id="100,035 questions")],
)
def test_base_and_five_seeds_are_evaluated_in_time(tmp_path, per_section, seconds, gigabytes):
    write_run(
        tmp_path,
        range(2011, 2026),
        (2022, 2023, 2024, 2025),
        per_section,
        (0, 1, 2, 3, 4),
        params={"resamples": 10_000},
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.eval"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    _, status, used = os.wait4(process.pid, 0)
    took = used.ru_utime + used.ru_stime  # of the processor, which a busy machine does not lengthen
    print(f"{45 * per_section} questions: {took:.1f} s, {used.ru_maxrss / 1e6:.2f} GB")
    assert status == 0
    assert took < seconds and used.ru_maxrss < gigabytes * 1e6
