"""docs/experiments.md, docs/own-exams.md: their `dvc exp` commands, run as the pages print them."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.test_commands import PAGES, commands
from tests.tools.toy import ROOT, Toy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
REAL = "-S lora_seed.rank=2,16 -S lora_seed.iters=60 -S overfit_probe.iters=60 summary"
TOYS = "-S train.steps=2,16 score"
"""The small repository has other parameters and stages: what changes is all that is not as printed."""


def printed(page: str, *beginnings: str) -> list[str]:
    """The commands of a page that begin so, in the page's order."""
    return [command for name, command, _ in commands(PAGES) if name == page and command.startswith(beginnings)]


def test_a_queue_is_run_compared_kept_and_dropped_as_printed(toy: Toy, tmp_path: Path) -> None:
    toy.run("git", "init", "--quiet", "--bare", str(tmp_path / "origin.git"))
    toy.run("git", "remote", "add", "origin", str(tmp_path / "origin.git"))
    toy.run("dvc", "remote", "add", "--default", "shared", str(tmp_path / "store"))
    toy.commit("say where the data is")
    queue, start, status = printed("experiments.md", "dvc exp run --queue", "dvc queue")
    assert REAL in queue
    toy.run("bash", "-c", queue.replace(REAL, TOYS))
    toy.run("bash", "-c", start)
    while re.search("Queued|Running", found := toy.run("bash", "-c", status).stdout):
        time.sleep(1)
    assert re.search(r"rank-1 .*Success", found) and re.search(r"rank-2 .*Success", found), found

    diff, *kept = printed("experiments.md", "dvc exp diff", "dvc exp branch", "dvc exp push", "dvc exp remove")
    assert re.search(r"params.yaml +train.steps +2 +16", toy.run("bash", "-c", diff).stdout)
    for command in kept:
        toy.run("bash", "-c", command)
    assert "low-rank" in toy.run("git", "branch", "--all").stdout
    assert "rank-1" in toy.run("dvc", "exp", "list", "origin", "--all-commits").stdout
    assert any((tmp_path / "store").rglob("*.dir"))
    listed = toy.run("dvc", "exp", "list", "--all-commits").stdout
    assert "rank-1" in listed and "rank-2" not in listed
    (forget,) = printed("faq.md", "dvc exp remove")
    toy.run("bash", "-c", forget)
    assert "rank" not in toy.run("dvc", "exp", "list", "--all-commits").stdout


def test_own_exams_are_read_as_printed(tmp_path: Path) -> None:
    toy = Toy(tmp_path / "clone")
    toy.take_tracked(without=("tests/", "plots/", "results/"))
    toy.run("git", "init", "--quiet")
    toy.commit("a clone")
    (toy.folder / "my-exams").mkdir()
    for exam in (ROOT / "tests/parsed/exams").glob("20*.pdf"):
        shutil.copy(exam, toy.folder / "my-exams")
    (command,) = [each for each in printed("own-exams.md", "dvc exp run -S raw.source=folder") if "teacher" not in each]
    done = subprocess.run(["bash", "-c", command], cwd=toy.folder, env=toy.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (ROOT / "docs/own-exams.md").read_text("utf-8")
    for line in ("2 exams, 3 pages -> data/raw", "16 problems, 2 left out -> data/parsed"):
        assert line in page and line in done.stdout
