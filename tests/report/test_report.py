"""The stage through its own command line: the same bytes twice, what a run may lack, and its cards and pictures."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from distil.pipeline.records import LEVELS
from stages.report.lineage import folder_md5
from tests.report import synthetic
from tests.report.conftest import stage
from tests.workspace import inside


def digests(folder: Path) -> dict[str, str]:
    """The hash of every file of the report."""
    files = [path for root in ("reports", "plots/figures") for path in (folder / root).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def page_text(folder: Path) -> str:
    return (folder / "reports/index.html").read_text(encoding="utf-8")


def test_writes_the_same_bytes_again_and_nothing_of_what_an_earlier_run_left_behind(run_folder: Path) -> None:
    first = digests(run_folder)
    assert {"reports/index.html", "plots/figures/result.svg", "plots/figures/result.png"} <= set(first)
    synthetic.adapter(run_folder / "data/lora_seed/99/held_out")
    done = stage("report", run_folder)  # a process that has drawn nothing yet has no other fonts
    shutil.rmtree(run_folder / "data/lora_seed/99")
    assert done.returncode == 0, done.stderr
    assert digests(run_folder) == first


def test_every_chosen_picture_is_drawn(run_folder: Path) -> None:
    drawn = {path.stem for path in (run_folder / "plots/figures").glob("*.svg")}
    assert drawn == {path.stem for path in (run_folder / "plots/figures").glob("*.png")}
    assert drawn == {
        "result", "accuracy_by_model", "accuracy_by_words", "accuracy_by_section", "section_by_level", "year_by_year",
        "seen_and_unseen", "discordant_pairs", "questions_by_seed", "loss_curves", "overfit_probe",
    }  # fmt: skip


def test_numbers_on_the_page_are_the_metrics(run_folder: Path) -> None:
    result = json.loads((run_folder / "metrics/eval.json").read_text())["contest_unseen"]
    text = page_text(run_folder)
    assert f"{100 * result['base']:.1f}\u00a0%" in text
    assert f"{100 * result['student_mean']:.1f}\u00a0%" in text
    assert (
        f'<h1 id="answer-title">Distillation raised the student’s accuracy by {result["difference"]:.1f} points' in text
    )
    assert f"gains {result['gained']} questions that the base model gets wrong, and loses {result['lost']}" in text
    assert "These numbers cannot be compared with the study’s" in text


def test_lineage_has_the_hashes_of_dvc(run_folder: Path) -> None:
    text = page_text(run_folder)
    for path in ("data/parsed", "data/eval", "data/lora_seed/0"):
        assert f"<td>{folder_md5(run_folder / path)}</td>" in text


def test_no_path_of_this_machine_is_in_the_outputs(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    temporary = tmp_path_factory.getbasetemp().parent
    assert run_folder.is_relative_to(temporary)
    for name in digests(run_folder):
        assert str(temporary).encode() not in (run_folder / name).read_bytes()


def test_cards_are_hugging_face_model_cards(run_folder: Path) -> None:
    cards = {path.parent.name: path for path in (run_folder / "reports/cards").glob("*/README.md")}
    levels = [*LEVELS, *(f"truncated_{level}" for level in synthetic.TRUNCATED)]
    trained = {f"{level}-seed_{seed}" for level in levels for seed in synthetic.LEVEL_SEEDS}
    assert set(cards) == {f"seed_{seed}-held_out" for seed in range(5)} | trained
    card = ModelCard.load(cards["seed_0-held_out"])
    assert card.data.library_name == "mlx"
    assert "base_model" not in card.data.to_dict(), "the tiny student is a folder, not a model on the hub"
    unseen = [result for result in card.data.eval_results if result.dataset_name == "contest"]
    rows = json.loads((run_folder / "data/eval/tables.json").read_text())["accuracy"]
    expected = next(
        row["accuracy"] for row in rows if (row["part"], row["by"], row["model"]) == ("contest_unseen", "all", "seed_0")
    )
    assert [result.metric_value for result in unseen] == [pytest.approx(expected, abs=5e-5)]


@pytest.mark.parametrize(
    ("name", "level", "trained"),
    [
        ("seed_0-held_out", "R1", "198 training and 0 validation problems"),
        ("R3-seed_1", "R3", "123 training and 45 validation problems"),
        ("truncated_R3-seed_0", "R1, cut to as many words as R3", "123 training and 45 validation problems"),
    ],
)
def test_a_card_says_what_its_adapter_was_trained_on(run_folder: Path, name: str, level: str, trained: str) -> None:
    card = (run_folder / "reports/cards" / name / "README.md").read_text("utf-8")
    assert f"- **Chains**: level {level} (R1 is the distiller" in card
    assert f"{trained}; split: held_out_years. 72 problems were held out." in card


def test_what_a_run_may_lack(tmp_path: Path) -> None:
    synthetic.write_run(tmp_path, synthetic.problems(2), synthetic.transfer(0), (3,), ("R1", "R4"))
    for name in ("verified", "eval", "length_sweep"):
        done = inside(tmp_path, f"stages.{name}")
        assert done.returncode == 0, done.stderr
    for unneeded in ("metrics/overfit_probe.json", "plots/overfit_probe.csv"):
        (tmp_path / unneeded).unlink()
    done = inside(tmp_path, "stages.report")
    assert done.returncode == 0, done.stderr
    text = page_text(tmp_path)
    assert "with its one seed" in text
    assert "One seed: the intervals hold for this adapter only." in text
    assert "nan" not in re.sub(r"<script.*?</script>|<svg.*?</svg>", "", text, flags=re.DOTALL).lower().split()
    assert not (tmp_path / "plots/figures/overfit_probe.svg").exists()
    assert (tmp_path / "plots/figures/result.svg").exists()

    shutil.rmtree(tmp_path / "data/length_sweep")
    done = inside(tmp_path, "stages.report")
    assert done.returncode == 0, done.stderr
    assert "This run has no length sweep" in page_text(tmp_path)
    assert not (tmp_path / "plots/figures/accuracy_by_words.svg").exists()


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("data/eval/scored.jsonl", "{", "data/eval/scored.jsonl, line 1"),
        ("data/train_split/folds.json", None, "data/train_split/folds.json could not be read"),
        ("plots/lora_seed/0.csv", "fold,iteration\n", "plots/lora_seed/0.csv lacks the columns train_loss, valid_loss"),
        ("params.yaml", "a: [", "params.yaml could not be read"),
        ("params.yaml", "lora_seed: {seeds: [0]}", "params.yaml: raw: Field required"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bad_input_is_one_message_and_leaves_the_report_alone(
    run_folder: Path, path: str, content: str | None, message: str
) -> None:
    before, kept = digests(run_folder), (run_folder / path).read_bytes()
    try:
        if content is None:
            (run_folder / path).unlink()
        else:
            (run_folder / path).write_text(content)
        done = inside(run_folder, "stages.report")
    finally:
        (run_folder / path).write_bytes(kept)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert digests(run_folder) == before
