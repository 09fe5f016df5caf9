"""Send a bundle to the hub."""

import os
from pathlib import Path

import httpx
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from distil.pipeline.files import InputError

PARTS = ("dataset", "model")


def push(bundle: Path, name: str, public: bool) -> None:
    """Make or update the data set and the model `name` from the bundle's parts, each in one commit.

    Raises InputError when there is no token or no bundle, and with what the hub says when it refuses.
    """
    token = os.environ.get("HF_TOKEN")
    if not token:
        raise InputError("HF_TOKEN is not set: it holds a token of yours that may write to the hub.")
    parts = [part for part in PARTS if (bundle / part / "README.md").is_file()]
    if not parts:
        raise InputError(f"{bundle} holds no bundle: `make bundle` writes it.")
    hub = HfApi(token=token)
    for part in parts:
        try:
            hub.create_repo(name, repo_type=part, private=not public, exist_ok=True)
            done = hub.upload_folder(
                repo_id=name, folder_path=bundle / part, repo_type=part, commit_message=f"The {part} of a finished run"
            )
        except (HfHubHTTPError, HFValidationError, httpx.HTTPError, OSError) as error:
            raise InputError(f"{part} {name} was not pushed: {' '.join(str(error).split())}") from error
        print(done.commit_url)
