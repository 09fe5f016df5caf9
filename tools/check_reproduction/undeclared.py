"""Find out why a stage fails, or gives something else, when only what it declares is there."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.check_reproduction import isolated, trees
from tools.check_reproduction.pipeline import Stage

NOT_INPUT = (".git", ".dvc", ".venv", "params.yaml")


@dataclass(frozen=True)
class Given:
    """What a run of a stage finds: files and folders, and the text of each parameter file."""

    deps: list[str]
    params: dict[str, str]


def explain(stage: Stage, root: Path, declared: Given, failed: bool) -> str:
    """Run a stage again with more than it declares, and say in a sentence what made the difference.

    `root` is the clone in which the isolated pipeline ran; it holds this stage's outputs unless the stage `failed`.
    Whichever makes it end well, or changes its outputs, is read without being declared: all files of the clone in place
    of its dependencies, or the whole of params.yaml in place of its parameters.
    """
    every_file = [path.name for path in sorted(root.iterdir()) if path.name not in (*NOT_INPUT, *declared.params)]
    every_parameter = {name: (root / name).read_text(encoding="utf-8") for name in declared.params} or {
        "params.yaml": (root / "params.yaml").read_text(encoding="utf-8") if (root / "params.yaml").exists() else ""
    }
    with tempfile.TemporaryDirectory(prefix="undeclared-") as folder:
        box = Path(folder, "box")

        def matters(given: Given) -> bool:
            return _gives_the_same(stage, root, box, given) == failed

        if not failed and matters(declared):
            return "it is not deterministic: two runs with the same command, dependencies and parameters differ"
        if matters(Given(every_file, declared.params)):
            known = [*declared.deps, *stage.outs, *stage.params]
            found = [path for path in _reads(box) if not isolated.covers(known, path) and (root / path).is_file()]
            return (
                f"it reads a file that its deps do not name: {', '.join(found[:8]) or 'one that Python did not open'}"
            )
        if matters(Given(declared.deps, every_parameter)):
            return "it reads a parameter that its params do not name"
        if matters(Given(every_file, every_parameter)):
            return "it reads a file and a parameter that it does not declare"
    if failed:
        return "its command fails, even with every file and parameter there"
    return "the same command, dependencies and parameters give other outputs than the committed ones"


def _gives_the_same(stage: Stage, root: Path, box: Path, given: Given) -> bool:
    """Whether the stage ends well in a new box and, where `root` has its outputs, writes the same."""
    isolated.build(box, root, given.deps, given.params, list(stage.outs))
    reads = box.with_suffix(".reads")
    reads.unlink(missing_ok=True)
    status = isolated.execute(stage.cmd, box, box.with_suffix(".log"), reads)
    return status == 0 and all(trees.equal(box / out, root / out) for out in stage.outs if (root / out).exists())


def _reads(box: Path) -> list[str]:
    """The files that the last run in the box opened, each once."""
    log = box.with_suffix(".reads")
    return sorted(set(log.read_text(encoding="utf-8").splitlines())) if log.exists() else []
