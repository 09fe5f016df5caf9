"""Every experiment in one line: its name, the main numbers of its result, and what it changed.

    python -m tools.experiments            (make experiments)

Shows the workspace, the last commit and the experiments that began there. The numbers are those of
metrics/summary.json; docs/metrics.md says what they are. `dvc exp show` has the same with a column for every parameter
and file, some hundreds of them.
"""

import argparse
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dvc.api import exp_show
from rich.console import Console
from rich.table import Table

from distil.pipeline.command import run
from distil.pipeline.metrics import RecordedSummary, Summary
from tools.git import repository

WIDTH = 120
"""Where no terminal says another."""
NUMBERS = [
    name for model in (Summary, RecordedSummary) for name in model.model_fields if not name.endswith(("_low", "_high"))
]
NO_CHOICE = re.compile(
    r"(Experiment|rev|typ|Created|parent|State|Executor)$"  # what DVC says of an experiment
    r"|composed_from|answers\.models\.|trained\.|iterations_from|length_sweep\.rows\."  # worked out from others
    r"|models\.|.*_(low|high)$"  # further numbers of the result
)
HASH = re.compile(r"[0-9a-f]{32}(\.dir)?")
"""What the column of a file holds."""


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    repository(Path.cwd())
    rows = exp_show()
    names = [name for name in NUMBERS if any(row.get(name) is not None for row in rows)]
    table = Table(box=None, pad_edge=False)
    table.add_column("experiment", overflow="fold")
    for name in names:
        table.add_column(name.replace("math500_", ""), justify="right", no_wrap=True)
    table.add_column("changed", overflow="fold")
    committed = [row for row in rows if row["typ"] == "baseline" and row["rev"] != "workspace"]
    for row in rows:
        shown = (f"{row[name]:.4g}" if row.get(name) is not None else "" for name in names)
        table.add_row(row["Experiment"] or row["rev"], *shown, " ".join(changes(row, *committed[:1])))
    Console(width=shutil.get_terminal_size((WIDTH, 0)).columns, highlight=False, markup=False).print(table)


def changes(row: Mapping[str, Any], committed: Mapping[str, Any] = MappingProxyType({})) -> Iterator[str]:
    """What an experiment sets otherwise than the last commit, as `-S` takes it."""
    for name in sorted(row.keys() | committed.keys()):
        old, new = committed.get(name), row.get(name)
        if old == new or name in NUMBERS or NO_CHOICE.match(name) or HASH.fullmatch(f"{new or old}"):
            continue
        yield f"{name}={new:g}" if isinstance(new, float) else f"{name}={new}"


if __name__ == "__main__":
    run(main)
