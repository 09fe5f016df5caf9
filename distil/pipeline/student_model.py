"""Check that the student's checkpoint is there before hours are spent on the stages before its training."""

import re
from pathlib import Path

from pydantic import ConfigDict

from distil.pipeline.command import Params
from distil.pipeline.files import InputError

SOURCES = {
    "models/Qwen2.5-7B-Instruct-4bit": "mlx-community/Qwen2.5-7B-Instruct-4bit"
    " --revision c26a38f6a37d0a51b4e9a1eb3026530fa35d9fed",
    "models/qwen-1.5b": "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    "models/qwen-0.5b": "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    "models/smollm2": "smollm2",
}
"""Where the models of conf/profile come from, as tools.fetch_model takes it."""


class StudentModel(Params):
    """The checkpoint, of the block `lora_seed` of params.yaml."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    model: str

    def require(self) -> None:
        """Raise InputError with the command that fetches the model, unless it is there."""
        config = Path(self.model, "config.json")
        if not config.is_file():
            raise InputError(
                f"lora_seed.model: {self.model} holds no model (there is no {config.absolute()}). "
                f"Fetch it: `{fetch_command(self.model)}` (docs/own-student.md)."
            )


def fetch_command(path: str) -> str:
    """The command that fetches the checkpoint into the folder `path`, as far as it is known."""
    if re.fullmatch(r"[\w.-]+/[\w.-]+", path) and not path.startswith("models/"):  # the hub's name instead of a folder
        return f"python -m tools.fetch_model {path}` and set lora_seed.model to `models/{path.split('/')[1]}"
    return f"python -m tools.fetch_model {SOURCES.get(path, 'SOURCE')} --output {path}"
