"""Show a training's losses while it goes on, in DVCLive or by mlx-lm's own callbacks for Weights & Biases and SwanLab.

A tracker gets the parameters and the losses, and never a text. It writes to one of `FOLDERS` on this machine. No
stage's outputs include these folders, because a tracker's files may hold dates.
"""

import importlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from mlx_lm.tuner.callbacks import TrainingCallback, get_reporting_callbacks

from distil.pipeline.files import InputError, write_text

Tracker = Literal["dvclive", "wandb", "swanlab"]

Losses = Mapping[str, float]
"""What mlx-lm reports: `iteration`, and `train_loss` or `val_loss`, among others."""

FOLDERS: dict[Tracker, Path] = {
    "dvclive": Path("dvclive"),  # outside of cache/: DVC reads no dvc.yaml that git ignores
    "wandb": Path("cache/live"),
    "swanlab": Path("cache/live"),
}
DVC_YAML = "metrics: [metrics.json]\nplots:\n- plots/metrics: {x: step}\n"
INSTALL = {name: f"make extra NAME={name}" for name in ("dvclive", "wandb")}
QUIET = {
    "WANDB_CONSOLE": "off", "WANDB_DISABLE_GIT": "true", "WANDB_DISABLE_CODE": "true", "WANDB_HOST": "unnamed",
    "WANDB_X_DISABLE_META": "true", "WANDB_X_DISABLE_MACHINE_INFO": "true", "WANDB_X_DISABLE_STATS": "true",
    "WANDB_X_SAVE_REQUIREMENTS": "false",
}  # fmt: skip
"""So that Weights & Biases sends neither what a stage prints, nor the code with its paths, remote and packages, nor
anything of the machine. A user's own environment overrides each."""


class DvcLive(TrainingCallback):
    """Keeps the losses, point by point, where `dvc exp show`, `dvc plots show` and VS Code's extension read them."""

    def __init__(self, folder: Path):
        from dvclive import Live  # optional, and slow to import

        # DVCLive's own file would name both once more with every point, as it lies in the folder itself
        self.live = Live(str(folder), dvcyaml=None, save_dvc_exp=False)
        write_text(folder / "dvc.yaml", DVC_YAML)

    def on_train_loss_report(self, train_info: Losses) -> None:
        """Add a training loss."""
        self._add(train_info, "train_loss")

    def on_val_loss_report(self, val_info: Losses) -> None:
        """Add a validation loss."""
        self._add(val_info, "val_loss")

    def _add(self, info: Losses, name: str) -> None:
        self.live.step = info["iteration"]
        self.live.log_metric(name, info[name])
        self.live.sync()


class Trackers:
    """The trackers of one training."""

    def __init__(self, names: list[Tracker], title: str, config: dict[str, Any]):
        """Start them; `title` names the training. Raises InputError when one is not installed or will not start."""
        self.names = names
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        self.callbacks: list[TrainingCallback] = []
        for name in names:
            folder = FOLDERS[name] / re.sub(r"[^\w.]+", "-", title)
            folder.mkdir(parents=True, exist_ok=True)
            try:
                if name == "dvclive":
                    self.callbacks.append(DvcLive(folder))
                else:
                    self.callbacks.append(get_reporting_callbacks(name, Path.cwd().name, str(folder.resolve()), config))
            except ImportError as error:
                command = INSTALL.get(name, f".venv/bin/python -m pip install {name}")
                raise InputError(
                    f"lora_seed.track: {name} is not installed. Run `{command}`, or take it out of the list."
                ) from error
            except Exception as error:  # each has its own classes: no login, no network, a wrong setting
                raise InputError(f"lora_seed.track: {name} did not start: {error}") from error

    def show(self, iteration: int, train_loss: float | None, valid_loss: float) -> None:
        """Show a validation and the training loss before it, both per reply token."""
        for callback in self.callbacks:
            if train_loss is not None:
                callback.on_train_loss_report({"iteration": iteration, "train_loss": train_loss})
            callback.on_val_loss_report({"iteration": iteration, "val_loss": valid_loss})

    def end(self) -> None:
        """Close the runs that trackers on the network keep open; without that the next training would continue them."""
        for name in self.names:
            if name != "dvclive":
                importlib.import_module(name).finish()
