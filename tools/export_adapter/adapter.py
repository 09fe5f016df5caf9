"""A low-rank adapter as numbers, whichever layout it lies in, checked against the model it belongs to."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
from safetensors import SafetensorError, safe_open

from distil.lm.state import ADAPTER, CONFIG
from distil.pipeline.files import InputError, read_json

PEFT_ADAPTER = "adapter_model.safetensors"
"""How PEFT calls the file of an adapter's weights; mlx-lm's is `distil.lm.state.ADAPTER`, both call the other alike."""

OUTSIDE = (
    "which is in none of the model's blocks. mlx-lm, which fuses here too, adapts blocks alone: merge it with PEFT's "
    "merge_and_unload, or train it without that layer."
)
"""What is said of a layer that only PEFT has a place for, after its name."""


@dataclass(frozen=True)
class LowRankUpdate:
    """What is added to one linear layer: scale x @ a @ b, with `a` (inputs, rank) and `b` (rank, outputs) in float32.

    A DoRA layer has the length of every row of the adapted weights too, `m` (outputs,).
    """

    a: np.ndarray
    b: np.ndarray
    m: np.ndarray | None = None


@dataclass(frozen=True)
class Adapter:
    """The adapted layers by their names in the checkpoint in `base`, as `model.layers.0.self_attn.q_proj`."""

    source: Path
    base: Path
    rank: int
    scale: float
    dropout: float
    layers: dict[str, LowRankUpdate]

    @property
    def dora(self) -> bool:
        """Whether the layers keep the length of their weights' rows apart (DoRA)."""
        return any(layer.m is not None for layer in self.layers.values())

    def base_config(self) -> dict[str, Any]:
        """The base model's config.json."""
        return dict(read_json(self.base / "config.json"))


def layout(folder: Path) -> str:
    """`mlx`, `peft` or `checkpoint`: what a folder holds. Raises InputError when it is none of them.

    Some trainers save the base's config.json beside an adapter, so an adapter's files come first.
    """
    for name, file in (("mlx", ADAPTER), ("peft", PEFT_ADAPTER)):
        if (folder / CONFIG).is_file() and (folder / file).is_file():
            return name
    if (folder / "config.json").is_file():
        return "checkpoint"
    inside = sorted(path.parent.name for path in folder.glob(f"*/{CONFIG}"))
    hint = f" It has adapters in its folders {', '.join(inside)}: name one of them." if inside else ""
    raise InputError(f"{folder} holds no adapter: {CONFIG} with {ADAPTER} (mlx-lm) or {PEFT_ADAPTER} (PEFT).{hint}")


def base_folder(source: Path, named: Any, model: Path | None) -> Path:
    """The base model's folder: `model`, or the one that the adapter's configuration names.

    Raises InputError when there is no checkpoint.
    """
    folder = model or Path(str(named))
    if not (folder / "config.json").is_file():
        raise InputError(
            f"{source} belongs to the model {str(folder)!r}, and no checkpoint is there (no config.json). Name its "
            "folder with --model; `python -m tools.fetch_model` fetches one."
        )
    return folder


def numbers(path: Path) -> dict[str, np.ndarray]:
    """A safetensors file's arrays as float32 (NumPy has no bfloat16). Raises InputError when it is damaged."""
    try:
        arrays: dict[str, mx.array] = mx.load(str(path))  # type: ignore[assignment]
        return {name: np.array(array.astype(mx.float32)) for name, array in arrays.items()}
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} could not be read: {error}.") from error


def checked(adapter: Adapter) -> Adapter:
    """The adapter, once every layer of it is one of its base model's and of its sizes. Raises InputError otherwise."""
    shapes = tensor_shapes(adapter.base)
    if not adapter.layers:
        raise InputError(f"{adapter.source} adapts no layer.")
    for name, layer in adapter.layers.items():
        shape = shapes.get(f"{name}.weight")
        if shape is None:
            raise InputError(f"{adapter.source} adapts {name}, and {adapter.base} has no such layer.")
        quantised = f"{name}.scales" in shapes
        fits = layer.a.ndim == layer.b.ndim == 2 and layer.a.shape[1] == layer.b.shape[0] == adapter.rank
        if not fits or layer.b.shape[1] != shape[0] or not (quantised or layer.a.shape[0] == shape[1]):
            raise InputError(
                f"{adapter.source}: {name} has sizes {layer.a.shape} and {layer.b.shape}, which do not fit rank "
                f"{adapter.rank} and the weights of {adapter.base}, {shape}."
            )
    return adapter


def tensor_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor of a checkpoint, from the heads of its files. Raises InputError when it has none."""
    shapes = dict[str, tuple[int, ...]]()
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as file:
                shapes |= {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path} could not be read: {error}.") from error
    if not shapes:
        raise InputError(f"{folder} has no weights (*.safetensors).")
    return shapes


def config_of(folder: Path, read: Callable[[dict[str, Any]], Any]) -> Any:
    """What `read` takes from an adapter's configuration. Raises InputError when a field is missing or malformed."""
    try:
        return read(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        said = f"has no field {error}" if isinstance(error, KeyError) else f"could not be read: {error}"
        raise InputError(f"{folder / CONFIG} {said}.") from error
