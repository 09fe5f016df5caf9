"""Data-parallel training: two workers on this machine, started by mlx.launch as several Macs would be."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workspace import environment, inside, write_workspace


def two_ports() -> int:
    """The first of two free ports, below those that the system gives to programs that ask for any."""
    for port in range(20_000 + 2 * (os.getpid() % 5_000), 32_000, 2):
        with socket.socket() as first, socket.socket() as second, contextlib.suppress(OSError):
            first.bind(("127.0.0.1", port))
            second.bind(("127.0.0.1", port + 1))
            return port
    raise AssertionError("no two neighbouring ports are free")


@pytest.mark.slow
def test_two_workers_reach_the_losses_of_one(tmp_path):
    lora = {"iters": 8, "dropout": 0.0}
    alone, both = write_workspace(tmp_path / "alone", lora), write_workspace(tmp_path / "both", lora)
    assert inside(alone, "stages.lora_seed", "--seed", "3").returncode == 0
    launch = [str(Path(sys.executable).with_name("mlx.launch")), "--backend", "ring", "-n", "2"]
    launch += [
        "--starting-port",
        str(two_ports()),
        "--env",
        f"PYTHONPATH={environment()['PYTHONPATH']}",
        "--cwd",
        str(both),
    ]
    launch += ["--", sys.executable, "-m", "stages.lora_seed", "--seed", "3"]
    result = subprocess.run(launch, cwd=both, env=environment(), capture_output=True, text=True)
    assert (both / "metrics/lora_seed/3.json").exists(), result.stderr  # mlx.launch ends with 0 where a worker failed
    expected, found = (
        json.loads((folder / "metrics/lora_seed/3.json").read_text())["folds"]["held_out"] for folder in (alone, both)
    )
    for name in ("first_valid_loss", "best_valid_loss", "last_valid_loss", "last_train_loss"):
        assert found[name] == pytest.approx(expected[name], abs=1e-4), name
    assert found["best_iteration"] == expected["best_iteration"]
