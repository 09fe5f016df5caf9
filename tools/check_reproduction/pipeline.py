"""What dvc.yaml declares and what dvc.lock records, as plain values."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
from dvc.dependency import ParamsDependency
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.reproduce import get_active_graph, plan_repro
from dvc.stage import PipelineStage

from distil.pipeline.files import InputError, read_yaml
from tools.check_reproduction.differences import Leaves, flatten


@dataclass(frozen=True)
class Stage:
    """One stage as dvc.yaml declares it; paths are relative to the repository's root.

    `params` holds the names it declares for each parameter file, none meaning the whole file; `kept` are the outputs
    that live in git rather than in DVC's cache; `upstream` names the stages whose outputs it reads.
    """

    name: str
    cmd: str
    deps: tuple[str, ...]
    params: dict[str, tuple[str, ...]]
    outs: tuple[str, ...]
    kept: frozenset[str]
    frozen: bool
    upstream: frozenset[str]

    @property
    def group(self) -> str:
        """The name without the item of a foreach or matrix stage: `lora_seed` for `lora_seed@3`."""
        return self.name.split("@")[0]


@dataclass(frozen=True)
class Entry:
    """One stage as dvc.lock records it: hashes of what it read and wrote, and its command and parameters by name."""

    deps: dict[str, str]
    outs: dict[str, str]
    recipe: Leaves


def read_pipeline(folder: Path, targets: Iterable[str] = ()) -> list[Stage]:
    """The stages of the dvc.yaml in `folder`, dependencies first; with targets, those stages and all they depend on.

    A target is a stage's name or a foreach stage's name without its item. Raises InputError when dvc.yaml cannot be
    read or a target is unknown.
    """
    try:
        with Repo(str(folder)) as repo:
            graph = get_active_graph(repo.index.graph)
            wanted = [node for target in targets for node in repo.stage.collect(f"{folder / 'dvc.yaml'}:{target}")]
            nodes = plan_repro(graph, wanted or None)
            return [_stage(node, graph) for node in nodes if isinstance(node, PipelineStage)]
    except (DvcException, OSError) as error:
        raise InputError(f"the pipeline of this revision could not be read: {error}") from error


def _stage(node: PipelineStage, graph: nx.DiGraph) -> Stage:
    parameters = {dep.def_path: tuple(dep.params) for dep in node.deps if isinstance(dep, ParamsDependency)}
    return Stage(
        name=node.name,
        cmd=node.cmd,
        deps=tuple(dep.def_path for dep in node.deps if dep.def_path not in parameters),
        params=parameters,
        outs=tuple(out.def_path for out in node.outs),
        kept=frozenset(out.def_path for out in node.outs if not out.use_cache),
        frozen=bool(node.frozen),
        upstream=frozenset(found.name for found in graph.successors(node) if isinstance(found, PipelineStage)),
    )


def read_lock(path: Path) -> dict[str, Entry]:
    """The entries of a dvc.lock, by stage; none where there is no such file. Raises InputError when it is not one."""
    content = read_yaml(path) if path.is_file() else None
    try:
        return {name: _entry(**found) for name, found in (content or {}).get("stages", {}).items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"dvc.lock could not be read: {error}") from error


def _entry(cmd: str, deps: Any = (), params: Any = None, outs: Any = ()) -> Entry:
    recipe = {"command": cmd}
    for file, values in (params or {}).items():
        place = "" if file == "params.yaml" else f"{file}:"
        recipe |= {f"parameter {place}{name}": value for name, value in flatten(values).items()}
    read, written = ({one["path"]: str(one.get(one.get("hash", "md5"), "")) for one in side} for side in (deps, outs))
    return Entry(read, written, recipe | {f"dependency {name}": "declared" for name in read})
