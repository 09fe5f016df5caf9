"""tools/lineage.py on a small repository; tests/tools/test_whole.py has it on a whole run."""

import shutil

import pytest
import yaml

from tests.tools.toy import Toy
from tests.workspace import inside
from tools.lineage import unchanged


def test_what_a_run_did_not_write_is_not_called_changed(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toy.folder)
    assert unchanged() == "All of it is what dvc.lock records."
    shutil.rmtree("data/split")
    assert unchanged() == "All of it is what dvc.lock records. Not here, and not needed: data/split/"
    toy.write("data/answers.jsonl", "{}")
    assert unchanged() == "NOT what dvc.lock records: data/answers.jsonl. Not here, and not needed: data/split/"


def test_a_model_that_was_not_asked_is_named_with_those_that_were(toy: Toy) -> None:
    toy.write("params.yaml", yaml.safe_dump({"answers": {"models": {"base": {}, "seed_0": {}}}}))
    done = inside(toy.folder, "tools.lineage", "2024/junior_senior_test/07", "--model", "seed_7")
    assert done.returncode == 1 and "'seed_7' is none of the models that this run asks: base, seed_0." in done.stderr
