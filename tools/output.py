"""A folder that a command writes whole: what may stand in its place before."""

from pathlib import Path

from distil.pipeline.files import InputError


def refuse_foreign(output: Path, *own: str) -> None:
    """Raise InputError where `output` is not empty and has none of the files `own`, one of which a command writes.

    So does a link, in whose place no folder can be put.
    """
    if output.is_symlink():
        raise InputError(f"{output} is a link: name the folder that it leads to.")
    empty = output.is_dir() and not any(output.iterdir())
    if output.exists() and not empty and not any((output / name).is_file() for name in own):
        raise InputError(f"{output} is there and was not written by this command: name another folder, or remove it.")


def refuse_holding(output: Path, needed: Path) -> None:
    """Raise InputError where `output` is the folder `needed` or holds it, so that writing it would delete that."""
    if needed.resolve().is_relative_to(output.resolve()):
        raise InputError(f"--output {output} would replace {needed} itself; name another folder.")
