"""The summary of a run, and the tables that DVC makes of it."""

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_commands import PAGES, commands
from tests.tools.toy import ROOT, Toy
from tests.workspace import inside, stage
from tools.check_reproduction.revision import read_pipeline

UNSEEN = {
    "n": 252, "base": 0.468254, "base_low": 0.407172, "base_high": 0.530303, "student_mean": 0.950794,
    "student_low": 0.932685, "student_high": 0.964218, "difference": 48.254, "difference_low": 41.8327,
    "difference_high": 54.3874, "mcnemar_p": 1.72286e-32, "leak_paired": None,
}  # fmt: skip
COMMITTED = {name: json.loads((ROOT / f"metrics/{name}.json").read_text("utf-8")) for name in ("eval", "length_sweep")}
EVALUATION = COMMITTED["eval"] | {
    "contest_unseen": COMMITTED["eval"]["contest_unseen"] | UNSEEN, "teacher": 0.933548, "teacher_unseen": 0.948413,
}  # fmt: skip
LENGTHS = COMMITTED["length_sweep"] | {
    "R1": COMMITTED["length_sweep"]["R1"] | {"accuracy": 0.964286},
    "R6": COMMITTED["length_sweep"]["R6"] | {"accuracy": None},
}
EXPECTED = {
    "base": 46.8, "student": 95.1, "gain": 48.3, "gain_low": 41.8, "gain_high": 54.4, "p": 1.7e-32, "R1": 96.4,
    "R6": None, "teacher": 94.8, "leak": None, "base_low": 40.7, "base_high": 53.0, "student_low": 93.3,
    "student_high": 96.4,
}  # fmt: skip

COMPLETE = {**EXPECTED, "R6": 29.4, "leak": 2.6}
BEFORE_TRAINING = tuple(
    f"{folder}/{name}"
    for folder in ("data", "metrics")
    for name in ("raw", "parsed", "transfer", "teacher_cot", "verified", "train_split")
)


def write(folder: Path, evaluation: dict | None = EVALUATION, lengths: dict | None = LENGTHS) -> None:
    (folder / "metrics").mkdir()
    for name, content in (("eval", evaluation), ("length_sweep", lengths)):
        if content is not None:
            (folder / f"metrics/{name}.json").write_text(json.dumps(content))


def test_the_numbers_that_matter_most_come_first(tmp_path: Path) -> None:
    write(tmp_path)
    done = stage(tmp_path, "stages.summary")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "metrics/summary.json").read_text())
    assert list(found.items()) == list(EXPECTED.items())


@pytest.mark.parametrize(
    ("evaluation", "lengths", "said"),
    [
        (None, LENGTHS, "metrics/eval.json could not be read"),
        (EVALUATION, None, "metrics/length_sweep.json could not be read"),
        (EVALUATION | {"contest_unseen": {}}, LENGTHS, "metrics/eval.json, contest_unseen.n: Field required"),
        (EVALUATION, LENGTHS | {"R1": 0.9}, "metrics/length_sweep.json, R1: Input should be"),
    ],
)
def test_wrong_input_is_one_message_and_leaves_the_summary_alone(tmp_path, evaluation, lengths, said) -> None:
    write(tmp_path, evaluation, lengths)
    (tmp_path / "metrics/summary.json").write_text("before")
    done = inside(tmp_path, "stages.summary")
    assert done.returncode == 1 and said in done.stderr and done.stderr.count("\n") == 1
    assert (tmp_path / "metrics/summary.json").read_text() == "before"


EXPERIMENTS = {"rank-of-four": 4, "rank-of-two": 2, "rank-of-sixteen": 16}
WANTED = [name for name in COMPLETE if not name.endswith(("_low", "_high"))]


def numbers(rank: int) -> list[str]:
    """What a table shows of the summary that `run` writes."""
    return [f"{COMPLETE[name] - rank:.4g}" for name in WANTED]


def run(repository: Toy, rank: int) -> None:
    """Put there what a run with this rank could have written: other files from training on, and other numbers."""
    repository.replace("params.yaml", "rank: 8", f"rank: {rank}")
    stages = [each for each in read_pipeline(repository.folder) if not each.frozen]
    written = {out for each in stages for out in each.outs}
    inside = {dep for each in stages for dep in each.deps if dep.startswith("data/train_split/")}
    for path in written | inside:
        made = "the same" if path.startswith(BEFORE_TRAINING) else f"rank {rank}"
        repository.write(path if Path(path).suffix else f"{path}/made.txt", made)
    summary = {key: value - rank for key, value in COMPLETE.items()}
    repository.write("metrics/summary.json", json.dumps(summary, indent=2))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_tables_of_experiments_fit_a_screen(tmp_path: Path) -> None:
    """DVC's own commands on this repository's dvc.yaml, with numbers that three experiments could have given."""
    repository = Toy(tmp_path / "repository")
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(repository.folder)], check=True)
    dvc = [sys.executable, "-m", "dvc"]
    run(repository, 8)
    repository.run(*dvc, "commit", "--force")
    repository.commit("a run")
    for name, rank in EXPERIMENTS.items():
        run(repository, rank)
        repository.run(*dvc, "exp", "save", "--name", name)
        difference = repository.run(*dvc, "metrics", "diff").stdout
        assert len(difference.splitlines()) <= 15
        repository.run("git", "checkout", "--quiet", ".")
    assert len(repository.run(*dvc, "metrics", "show").stdout.splitlines()) == 2

    shown = table(repository, make_experiments())
    assert shown[0].split() == ["experiment", *WANTED, "changed"], shown
    for name, rank in EXPERIMENTS.items():
        (line,) = [line for line in shown if name in line]
        assert line.split() == [name, *numbers(rank), f"lora_seed.rank={rank}"]

    (command,) = [command for _, command, _ in commands(PAGES) if command.startswith("dvc exp show")]
    shown = table(repository, [*dvc, *shlex.split(command)[1:]])
    (head,) = [line.split() for line in shown if "Experiment" in line]
    assert head == ["Experiment", *WANTED, "lora_seed.rank"]
    for name, rank in EXPERIMENTS.items():
        (line,) = [line for line in shown if f"[{name}]" in line]
        assert line.split()[-10:] == [f"[{name}]", *numbers(rank), str(rank)], line
    every = repository.run(*dvc, "exp", "show", "--csv").stdout
    assert len(next(csv.reader([every.splitlines()[0]]))) > 250
    plain = table(repository, [*dvc, "exp", "show", "--no-pager"])
    assert not [line for line in plain if any(name in line for name in EXPERIMENTS)], "DVC can do it: change the page"

    repository.run(*dvc, "exp", "run", "--name", "stopped", "-S", "lora_seed.rank=2", "raw")
    shown = table(repository, make_experiments())
    assert [line.split() for line in shown if line.startswith("stopped ")] == [["stopped", "lora_seed.rank=2"]], shown
    assert [
        line for line in shown if re.match("stopped: no numbers, since `(overfit_probe|lora_.*)` has not run", line)
    ]
    (line,) = [line for line in shown if "rank-of-two" in line]
    assert line.split()[1:9] == numbers(2)

    repository.run("git", "checkout", "--quiet", "HEAD", "--", ".")
    repository.run(*dvc, "checkout", "--force")
    assert "workspace: no numbers" not in "\n".join(table(repository, make_experiments()))
    for last, out, following in (
        ("eval", "metrics/eval.json", "summary"),
        ("answers@seed_0", "data/answers/seed_0/made.txt", "eval"),
    ):
        repository.write(out, "of another run")
        repository.run(*dvc, "commit", "--force", last)
        assert f"workspace: no numbers, since `{following}` has not run" in "\n".join(
            table(repository, make_experiments())
        )

    repository.run("git", "checkout", "--quiet", "HEAD", "--", ".")
    repository.run(*dvc, "checkout", "--force")
    summary = repository.folder / "metrics/summary.json"
    summary.write_text(json.dumps(json.loads(summary.read_text("utf-8")) | {"R1": None, "leak": None}), "utf-8")
    for folder in (".dvc/cache", "data/train_split"):  # as in a new clone, which has nothing of the committed run
        shutil.rmtree(repository.folder / folder)
    (line,) = [line for line in table(repository, make_experiments()) if line.startswith("workspace ")]
    assert len(line.split()) == len(WANTED) - 1, line


def make_experiments() -> list[str]:
    """What `make experiments` runs."""
    (recipe,) = re.findall(r"^experiments: .*\n\t@python (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)
    return [sys.executable, *shlex.split(recipe)]


def table(repository: Toy, command: list[str]) -> list[str]:
    """What a command prints where there are 120 columns, none of its lines longer."""
    shown = repository.run(*command, COLUMNS="120").stdout.splitlines()
    assert max(map(len, shown)) <= 120
    return shown
