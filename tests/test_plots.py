"""`dvc plots show` and `dvc plots diff` draw every plot of dvc.yaml from what the stages write."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import vl_convert
import yaml

from tests.scored_run import write_run
from tests.workspace import inside

ROOT = Path(__file__).resolve().parents[1]
CURVES = {
    "seed": ["plots/lora_seed/0.csv", "plots/lora_seed/1.csv"],
    "level": ["plots/lora_level/R1.csv", "plots/lora_level/truncated_R2.csv"],
}
LOSSES = "fold,iteration,train_loss,valid_loss\nheld_out,0,,1.5\nheld_out,20,1.0,0.9\nheld_out,40,0.5,0.95\n"


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two revisions with the plots of two runs, and this project's plot definitions and templates."""
    folder = tmp_path_factory.mktemp("repository")
    run(folder, "git", "init", "-q")
    run(folder, sys.executable, "-m", "dvc", "init", "-q")
    shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots")
    project = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"plots": project["plots"]}))
    curves = {f"{name}_curves": dict.fromkeys(files, "valid_loss") for name, files in CURVES.items()}
    (folder / "params.yaml").write_text(yaml.safe_dump({"trained": curves}))
    for gain in (0.5, 1.5):
        scored = write_run(tmp_path_factory.mktemp("run"), gain=gain)
        for name in ("stages.eval", "stages.length_sweep"):
            assert inside(scored, name).returncode == 0
        shutil.rmtree(folder / "plots", ignore_errors=True)
        shutil.copytree(scored / "plots", folder / "plots")
        for path in (*CURVES["seed"], *CURVES["level"], "plots/overfit_probe.csv"):
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(LOSSES)
        run(folder, "git", "add", "-A")
        run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", str(gain))
    return folder


def specifications(page: Path) -> dict[str, Any]:
    """The Vega-Lite specification of every plot of a page that dvc wrote, by title."""
    specs = [json.loads(text) for text in re.findall(r"var spec = (\{.*?\});\n", page.read_text(), re.DOTALL)]
    return {spec["title"]: spec for spec in specs}


@pytest.fixture(scope="module")
def shown(repository: Path) -> dict[str, Any]:
    """What `dvc plots show` shows there."""
    return plots(repository, "show")


def plots(repository: Path, *command: str) -> dict[str, Any]:
    run(repository, sys.executable, "-m", "dvc", "plots", *command, "-o", "page")
    return specifications(repository / "page/index.html")


def test_every_plot_of_one_revision_is_drawn(repository: Path, shown: dict[str, Any]) -> None:
    all_drawn(repository, shown, 1)


def test_every_plot_of_two_revisions_is_drawn(repository: Path) -> None:
    all_drawn(repository, plots(repository, "diff", "HEAD~1", "HEAD"), 2)


def all_drawn(repository: Path, specs: dict[str, Any], revisions: int) -> None:
    assert len(specs) == len(yaml.safe_load((repository / "dvc.yaml").read_text())["plots"])
    for title, spec in specs.items():
        assert len({row["rev"] for row in spec["data"]["values"]}) == revisions, title
        drawn = vl_convert.vegalite_to_svg(spec)
        assert drawn.count('aria-roledescription="') > 3 * revisions, (
            title
        )  # points, bars and rules, each with its role
        assert "NaN" not in drawn, title


def test_losses_of_all_seeds_are_one_plot_with_both_parts_named_and_a_log_axis(shown: dict[str, Any]) -> None:
    spec = shown["Loss in training, every seed"]
    assert {row["filename"] for row in spec["data"]["values"]} == {"0.csv", "1.csv"}
    drawn = vl_convert.vegalite_to_svg(spec)
    assert all(f">{words}<" in drawn for words in ("training", "validation", "loss (nats per token, log scale)"))
    assert drawn.count('aria-roledescription="line mark"') == 4 and drawn.count('aria-roledescription="point"') == 2
    levels = vl_convert.vegalite_to_svg(shown["Loss in training, every chain length"])
    assert ">R1<" in levels and ">truncated R2<" in levels


def test_every_template_is_used() -> None:
    used = set(re.findall(r"template: (\w+)", (ROOT / "dvc.yaml").read_text()))
    assert used == {path.stem for path in (ROOT / ".dvc/plots").glob("*.json")}
