"""Run the stage on a prepared folder, change the folder, and read the results."""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from distil.pipeline import command
from distil.pipeline.files import read_jsonl
from distil.pipeline.records import Answer
from stages.eval.__main__ import main


def run(folder: Path) -> str | int | None:
    """Run the stage in this process, which saves loading its libraries; return what it exits with."""
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as end:
        patch.setattr(sys, "argv", ["stages.eval"])
        command.run(main)
    return end.value.code


def metrics(folder: Path) -> dict[str, Any]:
    assert run(folder) == 0
    return loads(folder / "metrics/eval.json")


def loads(path: Path) -> Any:
    """JSON without NaN or infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{path} has {name}")

    return json.loads(path.read_text(), parse_constant=refuse)


def rewrite(folder: Path, change: Any) -> None:
    """Change every answer on disk."""
    for path in (folder / "data/answers").glob("*/*.jsonl"):
        rows = [change(row) for row in read_jsonl(path, Answer)]
        path.write_text("".join(row.model_dump_json() + "\n" for row in rows if row is not None))
