"""Run the stage on a prepared folder, change the folder, and read the results."""

import json
from pathlib import Path
from typing import Any

from distil.pipeline.files import read_jsonl
from distil.pipeline.records import Answer
from tests.workspace import ending


def run(folder: Path) -> str | int | None:
    return ending(folder, "stages.eval")


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
