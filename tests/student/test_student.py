"""The stage through its own command line, and its checkpoint through mlx-lm's."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from stages.student.params import Recipe
from tests.workspace import inside

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models/tiny-student"
SMALL = {
    "seed": 1,
    "hidden_size": 16,
    "layers": 1,
    "heads": 2,
    "steps": 20,
    "rows": 2,
    "row_length": 128,
    "learning_rate": 2e-3,
    "weight_decay": 0.05,
    "warmup": 4,
    "early_share": 0.2,
    "early_mix": {"facts": 0.65, "counting": 0.1, "direct": 0.1, "solution": 0.15},
    "mix": {"facts": 0.25, "counting": 0.02, "direct": 0.43, "solution": 0.3},
    "steps_per_checkpoint": 3,
    "test_seed": 7,
    "test_questions": 18,
}


def command(folder: Path, **changes: object) -> subprocess.Popen[str]:
    """Start the stage in `folder` with a small recipe."""
    (folder / "params.yaml").write_text(yaml.safe_dump({"student": {**SMALL, **changes}}))
    return subprocess.Popen(
        [sys.executable, "-m", "stages.student"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(checkpoint: Path, process: subprocess.Popen[str]) -> None:
    """Until the stage has written its first checkpoint, however long a busy machine takes over it."""
    while not checkpoint.exists():
        assert process.poll() is None, "the stage ended before its first checkpoint"
        time.sleep(0.005)


def finish(folder: Path, **changes: object) -> subprocess.CompletedProcess[str]:
    """The stage with a small recipe, in this process."""
    (folder / "params.yaml").write_text(yaml.safe_dump({"student": {**SMALL, **changes}}))
    return inside(folder, "stages.student")


def outputs(folder: Path) -> dict[str, bytes]:
    files = [*(folder / "models/tiny-student").iterdir(), folder / "metrics/student.json"]
    return {path.name: path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("student")
    process = command(folder)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return folder


def test_end_to_end(trained: Path) -> None:
    written = outputs(trained)
    assert set(written) == {
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "student.json",
        "tokenization_student.py",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    metrics = json.loads(written["student.json"])
    assert metrics["chat"]["n"] == metrics["solution"]["n"] == 18 and metrics["facts"]["n"] == 36
    assert all(
        0 <= metrics[name]["low"] <= metrics[name]["accuracy"] <= metrics[name]["high"] <= 1
        for name in ("chat", "facts")
    )
    assert "{" not in written["README.md"].decode()
    assert not (trained / "cache/student/checkpoint.safetensors").exists()


def test_a_killed_run_goes_on_bit_for_bit(trained: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "cache/student/checkpoint.safetensors"
    process = command(tmp_path)
    wait_for(checkpoint, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "models").exists()
    done = finish(tmp_path)
    assert done.returncode == 0, done.stderr
    assert outputs(tmp_path) == outputs(trained)


def test_a_checkpoint_of_another_recipe_is_not_taken_up(trained: Path, tmp_path: Path) -> None:
    process = command(tmp_path, learning_rate=1e-3)
    checkpoint = tmp_path / "cache/student/checkpoint.safetensors"
    wait_for(checkpoint, process)
    process.kill()
    process.communicate()
    assert finish(tmp_path).returncode == 0
    assert outputs(tmp_path) == outputs(trained)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "student.steps"),
        ({"mix": {"facts": 1, "counting": 0, "direct": 0.5, "solution": 0}}, "the shares add up to 1.5 instead of 1"),
        ({"colour": "red"}, "student.colour"),
    ],
)
def test_wrong_parameters_are_one_message(tmp_path: Path, changes: dict, message: str) -> None:
    done = finish(tmp_path, **changes)
    assert done.returncode == 1
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "models").exists()


def test_a_damaged_checkpoint_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "cache/student").mkdir(parents=True)
    (tmp_path / "cache/student/checkpoint.safetensors").write_bytes(b"no tensors")
    done = finish(tmp_path)
    assert done.returncode == 1
    assert "checkpoint.safetensors is damaged" in done.stderr and "Traceback" not in done.stderr


def test_mlx_lm_generates_with_the_checkpoint_in_the_repository() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mlx_lm", "generate", "--model", str(MODEL), "--prompt", "Find the value of 3^2 + 14."],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Answer: " in done.stdout


def test_the_checkpoint_in_the_repository_is_small_and_of_the_recipe() -> None:
    assert sum(path.stat().st_size for path in MODEL.iterdir()) <= 5_000_000
    recipe = Recipe.model_validate(yaml.safe_load((ROOT / "params.yaml").read_text())["student"])
    config = json.loads((MODEL / "config.json").read_text())
    assert config["hidden_size"] == recipe.hidden_size and config["num_hidden_layers"] == recipe.layers
    metrics = json.loads((ROOT / "metrics/student.json").read_text())
    assert metrics["tokens"] == recipe.steps * recipe.rows * recipe.row_length
    locked = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]["student"]["params"]["params.yaml"]
    assert Recipe.model_validate(locked["student"]) == recipe, "dvc.lock has another recipe: dvc commit --force student"


def test_the_base_answers_directly_and_has_the_skill_outside_the_chat() -> None:
    metrics = json.loads((ROOT / "metrics/student.json").read_text())
    assert metrics["chat"]["n"] == 1000
    assert metrics["solution"]["low"] > metrics["chat"]["high"] + 0.2
    sections = metrics["chat"]["sections"]
    assert sections["two_person_speed_event"]["high"] < sections["freshman_sophomore_test"]["low"]
