"""Files and folders taken as one thing, as DVC's outputs are."""

import shutil
from pathlib import Path


def files(path: Path) -> dict[str, Path]:
    """The files of a folder by their path within it, or a file by the empty path; nothing where there is nothing."""
    if path.is_dir():
        return {found.relative_to(path).as_posix(): found for found in sorted(path.rglob("*")) if found.is_file()}
    return {"": path} if path.is_file() else {}


def equal(one: Path, other: Path) -> bool:
    """Whether two files or folders hold the same bytes under the same names."""
    left, right = files(one), files(other)
    return left.keys() == right.keys() and all(left[name].read_bytes() == right[name].read_bytes() for name in left)


def remove(path: Path) -> None:
    """Delete a file or folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
