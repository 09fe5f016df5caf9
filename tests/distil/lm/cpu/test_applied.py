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
IMPORT_EACH = """
import importlib, os
from transformers import AutoTokenizer  # which takes long to load, and loads neither MLX nor SciPy
for stage in ("answers", "lora_seed", "overfit_probe", "student"):
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0, stage
        continue
    importlib.import_module(f"stages.{stage}.__main__")
    from distil.lm.cpu import blas
    assert blas.route().library.startswith("OpenBLAS"), stage
    os._exit(0)
"""


def run(code: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_importing_the_library_changes_nothing() -> None:
    run(IMPORT_ALL)


@pytest.mark.skipif(not blas._is_linux_cpu(), reason="products are routed with MLX's Linux CPU build only")
def test_each_stage_that_computes_routes_products() -> None:
    run(IMPORT_EACH)
