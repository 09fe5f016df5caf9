import json

from tests.workspace import contents, stage, write_workspace


def test_the_stage_writes_the_curve_and_its_minimum(tmp_path):
    folder = write_workspace(tmp_path, {"patience": 1, "iters": "probe"})
    result = stage(folder, "stages.overfit_probe")
    assert result.returncode == 0, result.stderr
    found = json.loads((folder / "metrics/overfit_probe.json").read_text())
    lines = (folder / "plots/overfit_probe.csv").read_text().splitlines()
    assert lines[0] == "iteration,train_loss,valid_loss" and [line.split(",")[0] for line in lines[1:]] == [
        "0",
        "4",
        "8",
    ]
    assert found["last_iteration"] == 8 and found["valid_problems"] == 6
    assert found["best_iteration_low"] <= found["best_iteration"] <= found["best_iteration_high"]
    assert set(contents(folder / "metrics")) == {"overfit_probe.json", "timings/overfit_probe.json"}
    assert not list((folder / "cache/checkpoints").iterdir())
