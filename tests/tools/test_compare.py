"""Two revisions compared in a real repository, and the summary of a run."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.workspace import ROOT, inside, stage

VERDICTS = "plots/eval/verdicts.csv"


def verdicts(right: dict[str, str], changed: str | None = None) -> pd.DataFrame:
    """One row per question and model from `right`: model to one digit (0 or 1) per question."""
    rows = [
        ("contest_unseen", f"q{n}", "new" if f"q{n}" == changed else "old", n // 2, "s", n, model, int(digit))
        for model, digits in right.items() for n, digit in enumerate(digits)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["part", "id", "fingerprint", "cluster", "section", "place", "model", "right"])


def commit(folder: Path, table: pd.DataFrame, tag: str) -> None:
    (folder / VERDICTS).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / VERDICTS, index=False)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", tag)
    git(folder, "tag", tag)


def git(folder: Path, *arguments: str) -> None:
    options = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", *options, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Revisions one and two; a question is added, one has another text, and nothing lies in revision zero."""
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "-q")
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=folder, check=True, capture_output=True)
    git(folder, "commit", "-qam", "zero", "--allow-empty")
    git(folder, "tag", "zero")
    commit(folder, verdicts({"base": "0000001111", "seed_0": "0000111111", "seed_1": "0001111111"}), "one")
    second = {"base": "00000011110", "seed_0": "11111111110", "seed_1": "11111111110", "seed_9": "00000000000"}
    commit(folder, verdicts(second, changed="q9"), "two")
    return folder


def test_the_students_of_two_revisions_on_the_questions_they_share(repository: Path) -> None:
    done = inside(repository, "tools.compare", "one", "two", "--json")
    assert done.returncode == 0, done.stderr
    base, student = json.loads(done.stdout)["rows"]
    assert (student["shared"], student["only_a"], student["only_b"]) == (9, 1, 2)
    assert (base["difference"], base["gained"], base["lost"], base["mcnemar_p"]) == (0, 0, 0, 1)
    assert student["seeds"] == 2  # seed_9 has no counterpart
    assert student["a"] == pytest.approx((5 + 6) / 18, abs=1e-5) and student["b"] == 1
    assert student["difference"] == pytest.approx(100 * (1 - 11 / 18), abs=1e-3)
    assert (student["gained"], student["lost"], student["mcnemar_p"]) == (4, 0, 0.125)
    assert student["low"] < student["difference"] < student["high"]


def test_the_workspace_and_the_table(repository: Path) -> None:
    done = stage(repository, "tools.compare", "two", "workspace")
    assert done.returncode == 0 and "contest_unseen" in done.stdout and "B - A" in done.stdout
    assert "+0.0" in done.stdout


@pytest.mark.parametrize(("revision", "message"), [("nosuch", "revision 'nosuch'"), ("zero", "zero has no readable")])
def test_what_cannot_be_read_is_one_message(repository: Path, revision: str, message: str) -> None:
    done = inside(repository, "tools.compare", revision, "one")
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr


def test_the_summary_says_what_is_missing(tmp_path: Path) -> None:
    done = inside(tmp_path, "tools.summary")
    assert done.returncode == 0 and "No metrics/eval.json yet" in done.stdout and "not written yet" in done.stdout


def test_the_summary_of_a_run_with_gaps(tmp_path: Path) -> None:
    found = json.loads((ROOT / "metrics/eval.json").read_text("utf-8"))
    whole = {"n": 9, "student_mean": 0.75, "student_low": 0.7, "student_high": 0.8, "difference": 25.0,
             "difference_low": 15.0, "difference_high": 35.0, "mcnemar_p": 0.0004, "leak_paired": None}  # fmt: skip
    found["contest_unseen"] |= whole
    found["transfer"] |= dict.fromkeys(("base", "student_mean", "difference", "mcnemar_p")) | {"n": 0}
    sweep = json.loads((ROOT / "metrics/length_sweep.json").read_text("utf-8"))
    reasons = {"R2": "no answers", "trend_p": "no verdict differs"}
    sweep |= {"R2": sweep["R2"] | {"accuracy": None}, "trend_p": None, "reasons": reasons}
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/eval.json").write_text(json.dumps(found))
    (tmp_path / "metrics/length_sweep.json").write_text(json.dumps(sweep))
    done = inside(tmp_path, "tools.summary")
    assert done.returncode == 0, done.stderr
    for text in ("75.0 % (70.0 to 80.0)", "+25.0 points (+15.0 to +35.0), McNemar p = 0.0004", "R2  none: no answers"):
        assert text in done.stdout
    assert "Trend from first to last: none: no verdict differs" in done.stdout


@pytest.mark.parametrize(
    ("judged", "said"),
    [(252, "  teacher   94.8 % (91.4 to 97.0)\n"), (200, "(200 of 252 questions, those with a chain)\n")],
)
def test_the_summary_says_which_questions_the_teacher_was_judged_on(judged: int, said: str, tmp_path: Path) -> None:
    """A question whose solver was cut off or refused has no chain, and is not in the teacher's accuracy."""
    (tmp_path / "metrics").mkdir()
    found = json.loads((ROOT / "metrics/eval.json").read_text("utf-8")) | {"teacher_unseen_n": judged}
    (tmp_path / "metrics/eval.json").write_text(json.dumps(found))
    assert said in inside(tmp_path, "tools.summary").stdout


@pytest.mark.parametrize(
    ("difference", "base", "student", "lines"),
    [
        ((-7.0, 2.0), 0.05, 0.05, []),
        ((-7.0, 2.0), 0.06, 0.05, ["The base model was cut off in 6.0 % of these answers: up to 6.0 points of a gain"]),
        ((-7.0, 2.0), 0.049, 0.4, ["The student was cut off in 40.0 % of these answers: up to 40.0 points of a loss"]),
        ((-7.0, 2.0), 0.06, 0.4, ["The base model was cut off in 6.0 %", "The student was cut off in 40.0 %"]),
        ((-14.0, -2.0), 0.06, 0.4, ["The student was cut off in 40.0 %"]),
        ((2.0, 14.0), 0.06, 0.4, ["The base model was cut off in 6.0 %"]),
    ],
)
def test_the_summary_says_whom_the_token_cap_stopped(
    difference: tuple[float, float], base: float, student: float, lines: list[str], tmp_path: Path
) -> None:
    found = json.loads((ROOT / "metrics/eval.json").read_text("utf-8"))
    low, high = difference
    found["contest_unseen"] |= {"base_cut_off": base, "student_cut_off": student}
    found["contest_unseen"] |= {"difference_low": low, "difference_high": high}
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/eval.json").write_text(json.dumps(found))
    said = [line for line in inside(tmp_path, "tools.summary").stdout.splitlines() if "was cut off" in line]
    assert len(said) == len(lines) and all(one.startswith(line) for one, line in zip(said, lines, strict=True))
