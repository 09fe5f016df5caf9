"""docs/data-versions.md, carried out: remotes that share what a run made, and branches that both changed dvc.lock."""

import re
import sys
from pathlib import Path

import pytest

from tests.tools.remotes import Remote, http_read_only, local_folder, share, ssh
from tests.tools.toy import Toy

SLOW = [pytest.param(remote, marks=pytest.mark.slow) for remote in (local_folder, http_read_only)]


@pytest.mark.parametrize("remote", [ssh, *SLOW])
def test_a_colleague_pulls_and_has_nothing_to_run(remote: Remote, toy: Toy, tmp_path: Path) -> None:
    share(toy, remote, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "run"),
    [
        ("ours", {"split", "train@0", "train@1", "train@2", "score"}),
        ("theirs", {"problems", "count", "split", "train@0", "train@1", "train@2", "score"}),
    ],
)
def test_branches_that_both_changed_dvc_lock(side: str, run: set[str], toy: Toy) -> None:
    """The documented way: merge what people wrote, take either side of what the pipeline wrote, and run it again.

    Our change is the one further up. With their side, `problems` runs again, which has run here with the same inputs.
    """
    toy.run("git", "checkout", "--quiet", "-b", "more-unseen")
    toy.replace("params.yaml", "every: 4", "every: 5")
    toy.repro()
    toy.commit("hold out fewer problems")
    toy.run("git", "checkout", "--quiet", "main")
    toy.run("dvc", "checkout", "--quiet")
    toy.replace("exam.txt", "What is 5 plus 8?=13", "What is 5 plus 8?=14")
    toy.repro()
    toy.commit("correct a key")

    merged = toy.run("git", "merge", "more-unseen", check=False)
    conflicts = toy.run("git", "diff", "--name-only", "--diff-filter=U").stdout.split()
    assert merged.returncode == 1 and "dvc.lock" in conflicts
    assert not {"params.yaml", "exam.txt"} & set(conflicts)

    toy.run("git", "checkout", f"--{side}", "--", "dvc.lock", "metrics")
    toy.run("dvc", "checkout", "--force", "--quiet", check=False)
    said = toy.run(sys.executable, "-m", "dvc", "repro").stdout
    assert set(re.findall("Running stage '(.+)'", said)) == run and "is cached" not in said
    toy.commit("merge")
    assert "up to date" in toy.run("dvc", "repro").stdout
    lock = (toy.folder / "dvc.lock").read_text("utf-8")
    assert "every: 5" in lock and "<<<<" not in lock
    rows = (toy.folder / "data/split/train.jsonl").read_text("utf-8")
    assert '"key": 14' not in rows and len(rows.splitlines()) == 32  # problem 5 is held out now, with its new key
    assert '"key": 14' in (toy.folder / "data/split/unseen.jsonl").read_text("utf-8")


@pytest.mark.slow
def test_an_artifact_is_fetched_by_name(toy: Toy, tmp_path: Path) -> None:
    text = (toy.folder / "dvc.yaml").read_text("utf-8")
    toy.write("dvc.yaml", text + "artifacts:\n  adapter-seed-0: {path: data/train/0, type: model}\n")
    toy.commit("name an artifact")
    toy.run("git", "tag", "--annotate", "adapter-seed-0@v1.0.0", "--message", "first release")
    colleague = Toy(tmp_path)
    colleague.run("dvc", "artifacts", "get", str(toy.folder), "adapter-seed-0", "--rev", "v1.0.0", "--out", "adapter")
    fetched = (tmp_path / "adapter/adapters.safetensors").read_bytes()
    assert fetched == (toy.folder / "data/train/0/adapters.safetensors").read_bytes()
