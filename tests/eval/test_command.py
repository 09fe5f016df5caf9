"""The stage's own command line: its help, and bad input as one message that leaves earlier outputs alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.eval.evaluated import run
from tests.scored_run import write_run
from tests.workspace import inside


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "data/answers/seed_1/contest.jsonl").unlink(), "seed_1/contest.jsonl could not be read"),
        (lambda f: drop(f / "data/answers/seed_1/contest.jsonl"), "data/answers/seed_1 has no answer to"),
        (lambda f: drop(f / "data/answers/base/contest.jsonl"), "data/answers/base has no answer to"),
        (lambda f: (f / "data/train_split/folds.json").write_text("{"), "folds.json is not JSON"),
        (lambda f: move_year(f), "folds.json holds out"),
        (lambda f: parameter(f, "resamples: 2000", "resamples: 20"), "eval.resamples"),
        (lambda f: parameter(f, "effect: 5.0", "efect: 5.0"), "eval.efect"),
        (lambda f: parameter(f, "base:", "bass:"), "answers.models has no 'base'"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_message_and_keeps_earlier_outputs(tmp_path: Path, damage: Any, message: str) -> None:
    folder = write_run(tmp_path)
    (folder / "data/eval").mkdir()
    (folder / "data/eval/scored.jsonl").write_text("earlier")
    damage(folder)
    said = run(folder)
    assert isinstance(said, str) and message in said
    assert len(said.splitlines()) == 1 and said.startswith("error: ")
    assert (folder / "data/eval/scored.jsonl").read_text() == "earlier"
    assert not (folder / "metrics/eval.json").exists()


def drop(path: Path) -> None:
    """Lose one of the unseen questions' answers."""
    lines = [line for line in path.read_text().splitlines(keepends=True) if "2016/junior_senior_test/03" not in line]
    path.write_text("".join(lines))


def move_year(folder: Path) -> None:
    """A split that holds out more than the answers know of."""
    path = folder / "data/train_split/folds.json"
    split = json.loads(path.read_text())
    split["folds"]["held_out"]["unseen"].append("2011/junior_senior_test/03")
    path.write_text(json.dumps(split))


def parameter(folder: Path, old: str, new: str) -> None:
    text = (folder / "params.yaml").read_text()
    assert old in text
    (folder / "params.yaml").write_text(text.replace(old, new))


def test_help_says_how_to_run_it(tmp_path: Path) -> None:
    done = inside(tmp_path, "stages.eval", "--help")
    assert done.returncode == 0 and "python -m stages.eval" in done.stdout


def test_a_failure_is_one_line_and_exit_status_one(tmp_path: Path) -> None:
    done = inside(tmp_path, "stages.eval")
    assert done.returncode == 1 and "params.yaml could not be read" in done.stderr and "Traceback" not in done.stderr
