"""Data-parallel training: two workers on this machine, started by mlx.launch as several Macs would be."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workspace import environment, inside, write_workspace


def test_two_workers_reach_the_losses_of_one(tmp_path):
    lora = {"iters": 8, "dropout": 0.0}
    alone, both = write_workspace(tmp_path / "alone", lora), write_workspace(tmp_path / "both", lora)
    assert inside(alone, "stages.lora_seed", "--seed", "3").returncode == 0
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        port = first.getsockname()[1]
    launch = [str(Path(sys.executable).with_name("mlx.launch")), "--backend", "ring", "-n", "2"]
    launch += ["--starting-port", str(port), "--env", f"PYTHONPATH={environment()['PYTHONPATH']}", "--cwd", str(both)]
    launch += ["--", sys.executable, "-m", "stages.lora_seed", "--seed", "3"]
    result = subprocess.run(launch, cwd=both, env=environment(), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    expected, found = (
        json.loads((folder / "metrics/lora_seed/3.json").read_text())["folds"]["held_out"] for folder in (alone, both)
    )
    for name in ("first_valid_loss", "best_valid_loss", "last_valid_loss", "last_train_loss"):
        assert found[name] == pytest.approx(expected[name], abs=1e-4), name
    assert found["best_iteration"] == expected["best_iteration"]
