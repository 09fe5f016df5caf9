"""Data in the shapes of GSM8K, MATH and AIME through the whole pipeline, by the command in docs/own-exams.md."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from distil import contest
from distil.pipeline.files import read_json

ROOT = Path(__file__).resolve().parents[2]
SHAPES = {
    "gsm8k": lambda n, text, work, key: {"question": text, "answer": f"{work}\n#### {key}"},
    "math": lambda n, text, work, key: {"problem": text, "type": "Algebra", "solution": f"{work} $\\boxed{{{key}}}$"},
    "aime": lambda n, text, work, key: {
        "ID": f"{2000 + n // 15}-I-{n % 15 + 1}", "Year": 2000 + n // 15, "Question": text, "Answer": key,
        "Solution": work,
    },
}  # fmt: skip


@pytest.fixture
def workspace(tmp_path):
    """A copy of the repository's tracked files, as a repository of its own."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("the project is no git repository here")
    folder = tmp_path / "project"
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "copy"]):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *command], cwd=folder, check=True)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_data_set_goes_from_one_command_to_the_report(workspace, shape):
    rng, families, rows = random.Random(3), list(contest.FAMILIES), []
    for number in range(60):
        question = contest.draw(rng, families[number % len(families)])
        work = ". ".join(map(str, question.steps))
        rows.append(SHAPES[shape](number, question.text, work, str(question.answer)))
    (workspace / f"{shape}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = subprocess.run(
        [
            sys.executable, "-m", "dvc", "exp", "run", "-S", "raw.source=problems", "-S", f"raw.path={shape}.jsonl",
            "-S", f"raw.columns={shape}", "-S", "teacher_cot.teacher=replay", "-S", "train_split.protocol=kfold_years",
            "-S", "train_split.folds=2", "-S", "length_sweep.levels=[R1]",
            "-S", "lora_seed.seeds=[0,1]", "-S", "lora_seed.iters=20", "-S", "overfit_probe.iters=40",
        ],
        cwd=workspace,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert read_json(workspace / "metrics/parsed.json")["problems"] == 60
    assert read_json(workspace / "metrics/verified.json")
    assert (workspace / "reports/index.html").exists()
