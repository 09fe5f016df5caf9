"""Every experiment in one line: its name, the main numbers of its result, and what it changed.

    python -m tools.experiments            (make experiments)

Shows the workspace, the last commit and the experiments that began there. The numbers are from metrics/summary.json;
docs/metrics.md explains them. An experiment that stopped before the stage `summary` still has that file of an earlier
run. So it is shown without numbers, and a line names the stage that has not run. `dvc exp show` has a column for every
parameter and file, some two hundred, and does not notice that numbers are of an earlier run.
"""

import argparse
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import networkx
from dvc.api import exp_show
from dvc.dependency import Dependency
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from dvc_data.hashfile.build import build
from dvc_data.index import DataIndexDirError
from rich.console import Console
from rich.table import Table

from distil.pipeline.command import run
from distil.pipeline.metrics import RecordedSummary, Summary
from tools.git import repository

WIDTH = 120
"""The width in characters where no terminal gives one."""
NUMBERS = [
    name for model in (Summary, RecordedSummary) for name in model.model_fields if not name.endswith(("_low", "_high"))
]
SUMMARY = "summary"
"""The stage that writes them."""
NO_CHOICE = re.compile(
    r"(Experiment|rev|typ|Created|parent|State|Executor)$"  # DVC's own columns about an experiment
    r"|answers\.models\.|trained\.|iterations_from|length_sweep\.rows\."  # derived from other parameters
    r"|models\.|.*_(low|high)$"  # further numbers of the result
)
HASH = re.compile(r"[0-9a-f]{32}(\.dir)?")
"""The content of a file's column."""


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    repository(Path.cwd())
    rows = exp_show()
    numbers = [{name: row[name] for name in NUMBERS if isinstance(row.get(name), int | float)} for row in rows]
    names = [name for name in NUMBERS if any(name in found for found in numbers)]
    table = Table(box=None, pad_edge=False)
    table.add_column("experiment", overflow="fold")
    for name in names:
        table.add_column(name.replace("math500_", ""), justify="right", no_wrap=True)
    table.add_column("changed", overflow="fold")
    committed = [row for row in rows if row["typ"] == "baseline" and row["rev"] != "workspace"]
    notes = []
    with Repo() as repo:
        for row, found in zip(rows, numbers, strict=True):
            title = row["Experiment"] or row["rev"]
            stage = not_run(repo, row["rev"]) if found else None
            if stage:
                notes.append(f"{title}: no numbers, since `{stage}` has not run with what is there, nor what follows")
            shown = ("" if stage or name not in found else f"{found[name]:.4g}" for name in names)
            table.add_row(title, *shown, " ".join(changes(row, *committed[:1])))
    console = Console(width=shutil.get_terminal_size((WIDTH, 0)).columns, highlight=False, markup=False)
    console.print(table)
    for note in notes:
        console.print(note)


def not_run(repo: Repo, revision: str) -> str | None:
    """The first stage up to `summary` whose files or parameters at a revision are not those of its last run.

    None where the last run of every stage was of that revision. Then the numbers are of that revision, too.
    """
    with repo.switch(revision):
        graph, hashes = repo.index.graph, dict[str, str | None]()  # edges go from a stage to one that it depends on
        last = next((stage for stage in graph if getattr(stage, "name", None) == SUMMARY), None)
        for stage in networkx.dfs_postorder_nodes(graph, last) if last else ():
            if not stage.frozen and any(changed(repo, dep, hashes) for dep in stage.deps):
                return str(stage.name)
    return None


def changed(repo: Repo, dep: Dependency, hashes: dict[str, str | None]) -> bool:
    """Whether a stage's dependency differs from the one in dvc.lock. `hashes` keeps paths' hashes for the next stage.

    A dependency outside the repository counts as unchanged. So does a folder whose list of files is not in DVC's cache.
    """
    if isinstance(dep, ParamsDependency):
        return bool(dep.workspace_status())
    if not dep.is_in_repo:
        return False
    path = os.path.relpath(dep.fs_path, repo.root_dir)
    if path not in hashes:
        try:
            _, _, built = build(repo.cache.local, "/" + repo.dvcfs.from_os_path(path), repo.dvcfs, "md5", dry_run=True)
            hashes[path] = built.hash_info.value
        except (FileNotFoundError, DataIndexDirError):  # the latter for a part of such a folder
            hashes[path] = None
    return hashes[path] not in (None, dep.hash_info.value)


def changes(row: Mapping[str, Any], committed: Mapping[str, Any] = MappingProxyType({})) -> Iterator[str]:
    """The parameters that an experiment changed from the last commit, in the form of `-S`."""
    for name in sorted(row.keys() | committed.keys()):
        old, new = committed.get(name), row.get(name)
        if old == new or name in NUMBERS or NO_CHOICE.match(name) or HASH.fullmatch(f"{new or old}"):
            continue
        yield f"{name}={new:g}" if isinstance(new, float) else f"{name}={new}"


if __name__ == "__main__":
    run(main)
