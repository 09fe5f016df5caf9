"""Importing the library leaves MLX and mlx-lm as they are; a command that computes applies the workarounds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from distil.lm.cpu import blas

ROOT = Path(__file__).resolve().parents[4]
IMPORT_ALL = """
import os
from mlx_lm.generate import GenerationBatch
from mlx_lm.models.cache import BatchKVCache
from mlx_lm.models.gemma2 import Attention
before = GenerationBatch._step, BatchKVCache.step, Attention.__call__
import distil.lm.checkpoints, distil.lm.environment, distil.lm.generate, distil.lm.run, distil.lm.train
assert (GenerationBatch._step, BatchKVCache.step, Attention.__call__) == before
assert "OPENBLAS_NUM_THREADS" not in os.environ
"""


def run(code: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_library_changes_nothing() -> None:
    run(IMPORT_ALL)


@pytest.mark.skipif(not blas._is_linux_cpu(), reason="products are routed with MLX's Linux CPU build only")
@pytest.mark.parametrize("stage", ["answers", "lora_seed", "overfit_probe", "student"])
def test_a_stage_that_computes_routes_products(stage: str) -> None:
    code = f"import stages.{stage}.__main__\nfrom distil.lm.cpu import blas\nprint(blas.route().library)"
    assert run(code).startswith("OpenBLAS")
