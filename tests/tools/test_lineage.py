"""tools/lineage.py on a small repository; tests/tools/test_whole.py has it on a whole run."""

import shutil

import pytest

from tests.tools.toy import Toy
from tools.lineage import unchanged


def test_what_a_run_did_not_write_is_not_called_changed(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toy.folder)
    assert unchanged() == "All of it is what dvc.lock records."
    shutil.rmtree("data/split")
    assert unchanged() == "All of it is what dvc.lock records. Not here, and not needed: data/split/"
    toy.write("data/answers.jsonl", "{}")
    assert unchanged() == "NOT what dvc.lock records: data/answers.jsonl. Not here, and not needed: data/split/"
