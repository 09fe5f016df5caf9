"""Start a program in an environment of its own, .venv-peers, without this project's code, and return its output."""

import json
import subprocess
from pathlib import Path
from typing import Any

from distil.pipeline.files import InputError

PYTHON = Path(".venv-peers/bin/python")
"""The interpreter that has PyTorch, transformers, PEFT and gguf; `make check-model` and `make bench-peers` make it."""


def require(python: Path | str) -> None:
    """Raise InputError when the interpreter is missing, before anything else takes time."""
    if not Path(python).exists():
        raise InputError(f"{python} is not there. `make check-model` makes it: transformers, PEFT and PyTorch.")


def answer(command: list[str], *arguments: Any) -> dict[str, Any]:
    """Run a program and return the JSON object in the last line it prints.

    Raises InputError with its last words when it fails.
    """
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"`{' '.join(map(str, [*command, *arguments]))}` failed: {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
