"""The verifier outside this repository: the wheel in an environment that has nothing else."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
OFFLINE = re.compile(
    r"error sending request|dns error|Connection(?:Error| refused)|Failed to (?:fetch|establish)|No matching dist"
)


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command. Skips the test where no package registry answers."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    ran = subprocess.run(command, cwd=cwd, env=kept, capture_output=True, text=True, check=False)
    if ran.returncode and OFFLINE.search(ran.stdout + ran.stderr):
        pytest.skip("needs a package registry, and none answers")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.slow
def test_the_wheel_alone_verifies_an_answer(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT / "distil", source / "distil", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, cwd=source)
    (wheel,) = tmp_path.glob("*.whl")
    shutil.rmtree(source)
    environment = tmp_path / "environment"
    python = environment / "bin" / "python"
    if shutil.which("uv"):
        run("uv", "venv", "--python", sys.executable, environment, cwd=tmp_path)
        run("uv", "pip", "install", "--python", python, wheel, cwd=tmp_path)
        packages = run("uv", "pip", "freeze", "--python", python, cwd=tmp_path)
    else:
        run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path)
        pip = (sys.executable, "-m", "pip", "--python", python)
        run(*pip, "install", "--no-compile", wheel, cwd=tmp_path)  # what is used compiles itself, a tenth of sympy
        packages = run(*pip, "freeze", cwd=tmp_path)
    assert len(packages.splitlines()) < 20 and "mlx" not in packages and "dvc" not in packages, packages
    script = "from distil.verifier import verify; print(*(verify('1+2√2', said).verdict for said in ('2√2+1', '2√2')))"
    assert run(python, "-c", script, cwd=tmp_path).split() == ["CORRECT", "WRONG"]
    explained = run(python, "-m", "distil.verifier", "--explain", "-√2", "Answer: -\\sqrt{2}", cwd=tmp_path)
    assert explained.splitlines()[-1] == "verdict   CORRECT"
