"""Shared by all commands: parameters checked against a model, and errors that a user can act on."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from distil.pipeline.files import InputError, read_yaml

PARAMS = Path("params.yaml")


class Params(BaseModel):
    """Base of a stage's parameters: an unknown key is an error, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Params)


def load_params(block: str, model: type[Model]) -> Model:
    """Read one block of params.yaml. Raises InputError naming the key when it is missing, unknown or out of range."""
    content = read_yaml(PARAMS, "Run from the repository's root.")
    if not isinstance(content, dict) or block not in content:
        raise InputError(f"{PARAMS} has no block '{block}'.")
    try:
        return model.model_validate(content[block])
    except ValidationError as error:
        raise InputError(f"{PARAMS}: {faults(error, block)}") from error


def faults(error: ValidationError, *block: str) -> str:
    """What is wrong with parameters, each fault with its place below `block`."""
    return "; ".join(_described(block, fault) for fault in error.errors(include_url=False))


def _described(block: tuple[str, ...], fault: ErrorDetails) -> str:
    """A fault's place, what is wrong there, and what was found, unless that is a whole block."""
    place = ".".join([*block, *map(str, fault["loc"])])
    found = "" if isinstance(fault["input"], dict) else f" (found {fault['input']!r})"
    return f"{place}: {fault['msg'].removeprefix('Value error, ')}{found}"


def run(main: Callable[[], int | None]) -> None:
    """Run a command's main function: an InputError becomes one line on standard error and exit status 1."""
    try:
        sys.exit(main() or 0)
    except InputError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: run the same command again to go on.")
