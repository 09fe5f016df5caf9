"""The stage through its own command line, and its adapters through mlx-lm's own commands."""

import json
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from distil.pipeline.files import InputError
from distil.pipeline.metrics import Minimum
from stages.lora_seed.__main__ import main
from tests.workspace import contents, environment, inside, stage, write_params, write_workspace
from tools.export_adapter.__main__ import export

PROBED = Minimum(
    best_iteration=6, best_iteration_low=4, best_iteration_high=8, best_valid_loss=1.0, last_iteration=8,
    last_valid_loss=1.1, rise=0.1, rise_low=0.0, rise_high=0.2, valid_problems=6, resamples=100,
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A workspace in which seed 3 has been trained."""
    folder = write_workspace(tmp_path_factory.mktemp("trained"), {"iters": 60})
    result = stage(folder, "stages.lora_seed", "--seed", "3")
    assert result.returncode == 0, result.stderr
    return folder


def test_the_stage_writes_its_adapter_its_losses_and_nothing_else(trained):
    metrics = json.loads((trained / "metrics/lora_seed/3.json").read_text())
    fold = metrics["folds"]["held_out"]
    assert metrics["seed"] == 3 and fold["iterations"] == 60
    assert (fold["train_rows"], fold["valid_rows"], fold["dropped_rows"]) == (18, 6, 0)
    assert fold["best_valid_loss"] <= fold["last_valid_loss"] < fold["first_valid_loss"]
    assert not any("second" in name for name in fold)
    lines = (trained / "plots/lora_seed/3.csv").read_text().splitlines()
    assert lines[0] == "fold,iteration,train_loss,valid_loss" and len(lines) == 17
    assert set(contents(trained / "data/lora_seed")) == {
        "3/held_out/adapter_config.json",
        "3/held_out/adapters.safetensors",
    }
    assert not list((trained / "cache/checkpoints").iterdir())
    assert str(trained) not in (trained / "data/lora_seed/3/held_out/adapter_config.json").read_text()


@pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_ends_with_the_same_bytes(trained, tmp_path, kills):
    folder = write_workspace(tmp_path, {"iters": 60})
    command, rng = [sys.executable, "-m", "stages.lora_seed", "--seed", "3"], random.Random(5)
    for _ in range(kills):
        process = subprocess.Popen(command, cwd=folder, env=environment(), stderr=subprocess.DEVNULL)
        reached = {path: path.stat().st_mtime_ns for path in folder.glob("cache/checkpoints/*/*")}
        while process.poll() is None and reached == {
            path: path.stat().st_mtime_ns for path in folder.glob("cache/checkpoints/*/*")
        }:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it ended before it could be killed: train longer"
    result = inside(folder, "stages.lora_seed", "--seed", "3")
    assert result.returncode == 0, result.stderr
    for part in ("data/lora_seed", "plots", "metrics/lora_seed"):
        assert contents(folder / part) == contents(trained / part)


def test_rows_of_a_chain_length_are_trained_on_with_every_seed_of_the_sweep(trained, tmp_path):
    folder = write_workspace(tmp_path, {"iters": 60})
    result = inside(folder, "stages.lora_seed", "--rows", "truncated/R3", "--name", "truncated_R3")
    assert result.returncode == 0, result.stderr
    found = json.loads((folder / "metrics/lora_level/truncated_R3.json").read_text())
    assert list(found["seeds"]) == ["seed_3", "seed_4"]
    name = "adapters.safetensors"
    same_rows = (trained / "data/lora_seed/3/held_out" / name).read_bytes()
    three, four = ((folder / f"data/lora_level/truncated_R3/seed_{seed}" / name).read_bytes() for seed in (3, 4))
    assert three == same_rows != four


def test_the_probe_gives_the_iterations(tmp_path):
    folder = write_workspace(tmp_path, {"iters": "probe"})
    missing = inside(folder, "stages.lora_seed", "--seed", "3")
    assert missing.returncode == 1 and missing.stderr.startswith("error: metrics/overfit_probe.json could not be read")
    (folder / "metrics").mkdir(exist_ok=True)
    (folder / "metrics/overfit_probe.json").write_text(PROBED.model_dump_json())
    assert inside(folder, "stages.lora_seed", "--seed", "3").returncode == 0
    metrics = json.loads((folder / "metrics/lora_seed/3.json").read_text())
    assert metrics["folds"]["held_out"]["iterations"] == 6


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": "models/nowhere"}, "models/nowhere holds no model"),
        ({"max_seq_length": 20}, "train.jsonl has no row of at most 20 tokens (18 longer ones)"),
        ({"learning_rate": -1.0}, "lora_seed.learning_rate: Input should be greater than 0"),
        ({"ranks": 8}, "lora_seed.ranks: Extra inputs are not permitted"),
        ({"num_layers": 9}, "lora_seed.num_layers: 9 layers"),
    ],
)
def test_wrong_input_is_one_message_and_earlier_outputs_stay(trained, changed, message, monkeypatch):
    before = contents(trained / "data/lora_seed")
    write_params(trained, changed)
    monkeypatch.chdir(trained)
    monkeypatch.setattr("sys.argv", ["lora_seed", "--seed", "3"])
    with pytest.raises(InputError) as raised:
        main()
    assert message in str(raised.value)
    assert contents(trained / "data/lora_seed") == before


@pytest.mark.parametrize("kind", ["dora", "full"])
def test_other_ways_to_fine_tune_answer_and_leave_the_house(tmp_path, monkeypatch, kind):
    """DoRA has a place in PEFT's layout, whole layers have none; both fuse; neither is trained in PyTorch."""
    folder = write_workspace(tmp_path, {"iters": 8, "fine_tune_type": kind})
    result = inside(folder, "stages.lora_seed", "--seed", "3")
    assert result.returncode == 0, result.stderr
    result = inside(folder, "mlx_lm.generate", *ADAPTER, "--prompt", "If 3x + 4 = 19, find x.", "--max-tokens", "4")
    assert result.returncode == 0 and "Generation: 4 tokens" in result.stdout, result.stderr
    answered = inside(folder, "stages.answers", "--model", "seed_3")
    assert answered.returncode == 0, answered.stderr

    monkeypatch.chdir(folder)
    adapter = Path("data/lora_seed/3/held_out")
    export(adapter, "fused", Path("fused"))
    if kind == "dora":
        export(adapter, "peft", Path("peft"))
        assert json.loads(Path("peft/adapter_config.json").read_text())["use_dora"]
    for to in ("gguf",) if kind == "dora" else ("gguf", "peft"):
        with pytest.raises(InputError, match=r"Use --to fused"):
            export(adapter, to, Path("refused"))
    assert not Path("refused").exists()


ADAPTER = ("--model", "models/random", "--adapter-path", "data/lora_seed/3/held_out")


def test_mlx_lm_generates_with_the_adapter(trained):
    result = inside(trained, "mlx_lm.generate", *ADAPTER, "--prompt", "If 3x + 4 = 19, find x.", "--max-tokens", "4")
    assert result.returncode == 0, result.stderr
    assert "Generation: 4 tokens" in result.stdout


def test_mlx_lm_fuses_the_adapter(trained, tmp_path):
    result = inside(trained, "mlx_lm.fuse", *ADAPTER, "--save-path", str(tmp_path / "fused"))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "fused/model.safetensors").stat().st_size > 0


def test_mlx_lm_serves_the_adapter(trained):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlx_lm", "server", *ADAPTER, "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, cwd=trained, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        body = {"messages": [{"role": "user", "content": "Find x."}], "max_tokens": 3}
        while True:
            try:
                reply = httpx.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body, timeout=None)
                break
            except httpx.ConnectError:
                assert server.poll() is None, "the server ended"
                time.sleep(0.1)
        assert reply.status_code == 200 and reply.json()["usage"]["completion_tokens"] == 3
    finally:
        server.kill()
        server.wait()
