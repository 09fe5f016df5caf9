"""The description of a machine differs where a result can differ, and nowhere else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from distil.lm.environment import _wheel_hash, explain, same_numerics, this_machine
from distil.pipeline.metrics import Environment
from tests.workspace import inside

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def here() -> Environment:
    return this_machine()


def test_names_what_results_depend_on(here: Environment) -> None:
    assert here.platform.split() and here.python.startswith("CPython 3.")
    assert here.numeric_packages.keys() >= {"mlx", "mlx-lm", "numpy", "scipy"}
    assert all(len(package.wheel) == 64 for package in here.packages.values())
    assert str(Path.home()) not in here.model_dump_json() and str(ROOT) not in here.model_dump_json()


@pytest.mark.parametrize(
    ("part", "value", "same", "said"),
    [
        ("platform", "Darwin arm64", False, "another platform adds up sums in another order"),
        ("blas", {"library": "OpenBLAS 0.3", "core_type": "Zen", "threads": 1}, False, "core_type:"),
        ("mlx_device", "gpu, 0", False, "MLX's kernels for that device"),
        ("python", "CPython 3.99.0", True, "no stage depends on details of the interpreter"),
        ("cpu_features", ["avx2"], True, "only there:"),
        ("os", "glibc 9.9", True, "the same wheels run there"),
    ],
)
def test_a_difference_is_explained(part: str, value: object, same: bool, said: str, here: Environment) -> None:
    there = Environment.model_validate(here.model_dump() | {part: value})
    assert same_numerics(there, here) is same
    sentences = explain(there, here)
    assert len(sentences) == 1 and said in sentences[0]


def test_a_library_counts_by_its_version_since_its_wheel_differs_between_platforms(here: Environment) -> None:
    def other_numpy(**changed: str) -> Environment:
        packages = here.numeric_packages
        numpy = packages["numpy"].model_copy(update=changed)
        return here.model_copy(update={"numeric_packages": packages | {"numpy": numpy}})

    other_wheel, other_version = other_numpy(wheel="0" * 64), other_numpy(version="1.26")
    assert same_numerics(other_wheel, here) and not same_numerics(other_version, here)
    assert "numpy: 1.26 (" in explain(other_version, here)[0]
    assert explain(here, here) == []


def test_a_wheel_has_the_same_hash_whoever_installed_it_wherever() -> None:
    files = ["numpy/core.py,sha256=aaa,12", "numpy-2.dist-info/METADATA,sha256=bbb,34"]
    uv = [*reversed(files), "numpy-2.dist-info/RECORD,,", "numpy-2.dist-info/INSTALLER,sha256=uv,2"]
    pip = [*files, "../../../bin/f2py,sha256=ccc,200", "numpy/__pycache__/core.cpython-311.pyc,,"]
    assert _wheel_hash("\n".join(uv)) == _wheel_hash("\n".join(pip))
    assert _wheel_hash("\n".join(pip)) != _wheel_hash("\n".join(["numpy/core.py,sha256=abc,12", *pip[1:]]))


def test_command_writes_and_compares(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "distil.lm.environment"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=tmp_path, env=env, check=True)
    written = tmp_path / "metrics/environment.json"
    again = subprocess.run(
        [*command, "--compare", written], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert again.stdout == "The same environment.\n"
    missing = inside(tmp_path, "distil.lm.environment", "--compare", "none.json")
    assert missing.returncode == 1 and "none.json could not be read" in missing.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="OpenBLAS computes for MLX on Linux only")
def test_another_core_type_is_seen(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "distil.lm.environment"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_CORETYPE": ""}
    subprocess.run(command, cwd=tmp_path, env=env | {"BLAS": "off"}, check=True)
    env.pop("OPENBLAS_CORETYPE")
    result = subprocess.run(
        [*command, "--compare", "metrics/environment.json"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "MLX's own -> OpenBLAS" in result.stdout and "may differ in the last bits" in result.stdout
