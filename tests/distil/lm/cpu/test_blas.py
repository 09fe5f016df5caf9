"""Routing happens once per process and before MLX is imported, so each case runs in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from distil.lm.cpu import blas
from distil.pipeline.metrics import Blas

ROOT = Path(__file__).resolve().parents[4]
PRODUCT = """
import json, sys, time
from distil.lm.cpu import blas
routed = blas.route().model_dump()
import hashlib
import mlx.core as mx
import numpy as np
a, b = mx.random.normal((512, 512), key=mx.random.key(0)), mx.random.normal((512, 512), key=mx.random.key(1))
times = []
for _ in range(4):
    start = time.process_time()
    mx.eval(c := a @ b)
    times.append(time.process_time() - start)
print(json.dumps({**routed, "seconds": min(times), "digest": hashlib.sha256(np.array(c).tobytes()).hexdigest(),
                  "sum": float(np.abs(np.array(c)).sum())}))
"""
pytestmark = pytest.mark.skipif(not blas._is_linux_cpu(), reason="products are routed with MLX's Linux CPU build only")


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in the repository with these variables and none that the suite's own routing has set."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_") and k not in ("BLAS",)}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def product(**environment: str) -> dict:
    done = run(PRODUCT, **environment)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "stderr": done.stderr}


def test_routed_products_are_fast_and_the_same_bits_in_every_process() -> None:
    first, second, own = product(), product(), product(BLAS="off")
    assert first["library"].startswith("OpenBLAS") and first["threads"] == 1
    assert first["core_type"].lower() == blas.CORE_TYPES[os.uname().machine].lower()
    assert first["digest"] == second["digest"]
    assert own["library"] == "MLX's own"
    assert own["sum"] == pytest.approx(first["sum"], rel=1e-5)
    assert own["seconds"] / first["seconds"] > 4  # measured: 16 to 30
    assert first["stderr"] == second["stderr"] == own["stderr"] == ""


def test_built_once_and_cached(tmp_path: Path) -> None:
    product(XDG_CACHE_HOME=str(tmp_path))
    (built,) = (tmp_path / "obryan-distillation").iterdir()
    before = built.stat().st_mtime_ns
    assert product(XDG_CACHE_HOME=str(tmp_path), PATH=str(tmp_path))["library"].startswith("OpenBLAS")
    assert built.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("compiler", "reason"),
    [(None, "there is no C compiler"), ("#!/bin/sh\necho broken >&2\nexit 1\n", "cc failed: broken")],
)
def test_goes_on_without_a_working_compiler(tmp_path: Path, compiler: str | None, reason: str) -> None:
    if compiler:
        (tmp_path / "cc").write_text(compiler)
        (tmp_path / "cc").chmod(0o755)
    found = product(XDG_CACHE_HOME=str(tmp_path / "cache"), PATH=f"{tmp_path}:/bin" if compiler else str(tmp_path))
    assert found["library"] == "MLX's own"
    assert reason in found["stderr"] and found["stderr"].count("\n") == 1


def test_an_unwritable_cache_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = product(XDG_CACHE_HOME=str(tmp_path / "file"))
    assert found["library"] == "MLX's own" and found["stderr"].count("\n") == 1


def test_another_core_type_is_respected_and_named() -> None:
    assert product(OPENBLAS_CORETYPE="Sandybridge")["core_type"].lower() == "sandybridge"


def test_scipy_loaded_first_still_gets_one_thread_and_is_told_about_kernels() -> None:
    code = "import scipy.linalg\nfrom distil.lm.cpu import blas\nprint(blas.route())"
    done = run(code)
    assert "threads=1" in done.stdout
    assert ("SciPy was imported before" in done.stderr) == ("Haswell" not in done.stdout)


def test_called_too_late_is_an_error() -> None:
    done = run("import mlx.core\nfrom distil.lm.cpu import blas\nblas.route()")
    assert done.returncode == 1
    assert "RuntimeError: blas.route() was called after MLX was imported" in done.stderr


def test_nothing_happens_with_a_cuda_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_installed", lambda package: package in ("mlx-cpu", "mlx-cuda-13"))
    assert blas.route.__wrapped__() == Blas(library="MLX's own")


def test_nothing_happens_on_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert blas.route.__wrapped__() == Blas(library="MLX's own")
