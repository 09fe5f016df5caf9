"""tools/lineage.py on a small repository; tests/tools/test_whole.py has it on a whole run."""

import shutil
import sys

from tests.tools.toy import ROOT, Toy


def test_what_a_run_did_not_write_is_not_called_changed(toy: Toy) -> None:
    def told() -> str:
        ask = "from tools.lineage import unchanged; print(unchanged())"
        return toy.run(sys.executable, "-c", ask, PYTHONPATH=str(ROOT)).stdout.strip()

    assert told() == "All of it is what dvc.lock records."
    shutil.rmtree(toy.folder / "data/split")
    assert told() == "All of it is what dvc.lock records. Not here, and not needed: data/split/"
    toy.write("data/answers.jsonl", "{}")
    assert told() == "NOT what dvc.lock records: data/answers.jsonl. Not here, and not needed: data/split/"
