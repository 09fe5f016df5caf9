"""An adapter added into its base model's weights: a whole checkpoint that any tool loads, never quantised."""

import contextlib
import io
import shutil
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.tuner.utils import load_adapters
from mlx_lm.utils import dequantize_model, load_model, save_model

from distil.lm.checkpoints import refuse_pointers
from distil.pipeline.files import InputError, read_json, write_json
from tools.export_adapter.adapter import tensor_shapes

BESIDE = {".json", ".jinja", ".model", ".py", ".txt"}
"""Endings of a checkpoint's other files: tokenizer, chat template, generation."""
OWN = {"config.json", "source.json", "model.safetensors.index.json"}


def write(base: Path, adapter: Path | None, folder: Path) -> None:
    """Write `base` with the adapter in mlx-lm's layout added to its weights, in the base's own kind of number.

    The sums are made in float32 and rounded once. Raises InputError when a part cannot be loaded, they do not fit, or
    mlx-lm calls the architecture's weights otherwise than its checkpoints do.
    """
    refuse_pointers(base)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            model, _ = load_model(base, lazy=True)
        model = dequantize_model(model)
        if adapter:
            load_adapters(model, str(adapter))
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise InputError(f"{adapter or base} could not be put on the model in {base}: {error}.") from error
    model.update_modules(
        tree_unflatten([(name, added(layer)) for name, layer in model.named_modules() if hasattr(layer, "fuse")])
    )
    known = tensor_shapes(base)
    if strange := [name for name, _ in tree_flatten(model.parameters()) if name not in known]:
        raise InputError(
            f"mlx-lm has other names than the checkpoint for weights of {base} ({strange[0]}), so what it writes no "
            "other tool would read."
        )
    save_model(folder, model)
    config = read_json(base / "config.json")
    write_json(
        folder / "config.json",
        {name: value for name, value in config.items() if name not in ("quantization", "quantization_config")},
    )
    for path in sorted(base.iterdir()):
        if path.suffix in BESIDE and path.name not in OWN and path.is_file():
            shutil.copyfile(path, folder / path.name)


def added(layer: nn.Module) -> nn.Module:
    """A linear layer with its low-rank adapter added to the weights."""
    kind = layer.linear.weight.dtype
    layer.linear.weight = layer.linear.weight.astype(mx.float32)
    fused = layer.fuse()
    fused.weight = fused.weight.astype(kind)
    mx.eval(fused.parameters())
    return fused
