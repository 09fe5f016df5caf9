"""Git, for the commands that need it."""

import subprocess
from pathlib import Path

from distil.pipeline.files import InputError


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it prints. Raises InputError with git's own message when it fails."""
    try:
        result = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise InputError("this command needs git, and git is not installed.") from error
    if result.returncode:
        raise InputError(f"git {' '.join(arguments[:2])}: {' '.join(result.stderr.split())}")
    return result.stdout


def repository(folder: Path) -> Path:
    """The root of the repository that `folder` is in.

    Raises InputError where there is none, as in an unpacked archive.
    """
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel").strip())
    except InputError as error:
        if "not a git repository" not in str(error):
            raise
        raise InputError(
            "this folder is no git repository, and this command needs one. Clone the project, or run "
            '`git init && git add --all && git commit --message "start"` here.'
        ) from error
