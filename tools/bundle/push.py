"""Send a bundle to the hub."""

import os
from pathlib import Path

import httpx
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError

from distil.pipeline.files import InputError

PARTS = ("dataset", "model")


def push(bundle: Path, name: str, public: bool) -> None:
    """Make or update the data set and the model `name` from the bundle's parts, each in one commit.

    Other files in these repositories are deleted from their newest revision. Raises InputError when there is no token
    or no bundle, when a repository exists that more people can see than the push asks for, and with the hub's message
    when it refuses.
    """
    token = os.environ.get("HF_TOKEN")
    if not token:
        raise InputError("HF_TOKEN is not set: it holds a token of yours that may write to the hub.")
    parts = [part for part in PARTS if (bundle / part / "README.md").is_file()]
    if not parts:
        raise InputError(f"{bundle} holds no bundle: `make bundle` writes it.")
    hub = HfApi(token=token)
    for part in parts:
        refuse_other_visibility(hub, name, part, public)
    for part in parts:
        try:
            hub.create_repo(name, repo_type=part, private=not public, exist_ok=True)
            done = hub.upload_folder(
                repo_id=name,
                folder_path=bundle / part,
                repo_type=part,
                commit_message=f"The {part} of a finished run",
                delete_patterns="*",
            )
        except (HfHubHTTPError, HFValidationError, httpx.HTTPError, OSError) as error:
            raise InputError(f"{part} {name} was not pushed: {' '.join(str(error).split())}") from error
        print(done.commit_url)


def refuse_other_visibility(hub: HfApi, name: str, part: str, public: bool) -> None:
    """Raise InputError when the repository exists and is more public or more private than the push asks for."""
    try:
        private = bool(hub.repo_info(name, repo_type=part).private)
    except RepositoryNotFoundError:
        return
    except (HfHubHTTPError, HFValidationError, httpx.HTTPError, OSError) as error:
        raise InputError(f"{part} {name} was not pushed: {' '.join(str(error).split())}") from error
    if private == public:
        found, wanted = ("private", "--public (PUBLIC=1)") if private else ("public", "no --public (PUBLIC=1)")
        raise InputError(
            f"{part} {name} is on the hub already and is {found}, but this push has {wanted}. Nothing was pushed: "
            "change its visibility in its settings on the hub, or take another name."
        )
