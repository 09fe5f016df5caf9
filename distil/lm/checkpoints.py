"""Load a Hugging Face checkpoint and its adapters, in the form this machine computes fastest in."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import psutil
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.tokenizer_utils import TokenizerWrapper
from mlx_lm.tuner.utils import load_adapters
from mlx_lm.utils import dequantize_model, load_config, load_model, load_tokenizer

from distil.lm import gemma2, template
from distil.lm.cpu import exponentials
from distil.pipeline.files import InputError
from distil.pipeline.student_model import StudentModel

POINTER = b"version https://git-lfs"
"""The beginning of the text that Git LFS puts in a file's place."""


def load(path: str) -> tuple[nn.Module, TokenizerWrapper]:
    """Load a model and its tokenizer from a folder in Hugging Face's layout.

    On a CPU the weights become float32 and quantised layers are dequantised: MLX's products of 4-bit, 16-bit and
    brain floats run there at a hundredth of a float32 product's speed. Raises InputError when the folder is not there,
    is incomplete or holds an architecture that mlx-lm does not know.
    """
    tokenizer = tokenizer_for(path)
    try:
        # mlx-lm prints remarks there that a stage's log has no use for
        with contextlib.redirect_stdout(io.StringIO()):
            model, config = load_model(Path(path), lazy=True)
        require_positions(path, model, config)
        gemma2.use_in(model)
        if on_cpu():
            model = dequantize_model(model)
            model.set_dtype(mx.float32)
            exponentials.use_in(model)
        # nothing is in memory yet: the weights are loaded lazily, and their types are the final ones
        require_memory(path, sum(weights.nbytes for _, weights in tree_flatten(model.parameters())))
        mx.eval(model.parameters())
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise InputError(f"lora_seed.model: the model in {path} could not be loaded: {error}") from error
    return model, tokenizer


def tokenizer_for(path: str) -> TokenizerWrapper:
    """Load a model's tokenizer alone, where a backend loads the weights itself. Raises InputError as `load` does."""
    folder = Path(path)
    StudentModel(model=path).require()
    refuse_pointers(folder)
    return tokenizer_in(folder)


def tokenizer_in(folder: Path) -> TokenizerWrapper:
    """Load a checkpoint's tokenizer, and check that its chat template and its end tokens fit each other.

    Raises InputError when it cannot be loaded or would train a model that cannot answer.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            tokenizer = load_tokenizer(folder, eos_token_ids=load_config(folder).get("eos_token_id"))
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise InputError(f"lora_seed.model: the model in {folder} could not be loaded: {error}") from error
    template.check(tokenizer, folder)
    return tokenizer


def require_positions(path: str, model: nn.Module, config: dict[str, Any]) -> None:
    """Raise InputError when positions are written as transformers 5 writes them and mlx-lm's model does not read that.

    Such a model would be computed with mlx-lm's own default for `rope_theta`, and without scaling.
    """
    rope = config.get("rope_parameters")
    if not rope or hasattr(model.args, "rope_parameters"):
        return
    needed = {"rope_theta": rope["rope_theta"]} if "rope_theta" in rope else {}
    if rope.get("rope_type", "default") != "default":
        needed["rope_scaling"] = {name: value for name, value in rope.items() if name != "rope_theta"}
    if missing := {name: value for name, value in needed.items() if name not in config}:
        raise InputError(
            f"lora_seed.model: {path}/config.json has rope_parameters, which mlx-lm's {config['model_type']} does not "
            f"read. Add to that file: {json.dumps(missing)[1:-1]}"
        )


def refuse_pointers(folder: Path) -> None:
    """Raise InputError when a file of a checkpoint is what Git LFS keeps in its place until the file is fetched."""
    for path in sorted(folder.iterdir()):
        if path.suffix in (".safetensors", ".json", ".model") and path.is_file():
            with path.open("rb") as file:
                if file.read(len(POINTER)) == POINTER:
                    raise InputError(
                        f"lora_seed.model: {path} is a Git LFS pointer and not the file itself. Run `git lfs pull` "
                        "where it was cloned, or fetch the model with `python -m tools.fetch_model`."
                    )


def require_memory(path: str, needed: int) -> None:
    """Raise InputError when a model's weights alone need more than the memory that is free."""
    free = psutil.virtual_memory().available
    if needed > free:
        raise InputError(
            f"lora_seed.model: the weights in {path} need {needed / 1e9:.1f} GB of memory here and {free / 1e9:.1f} GB "
            "are free. End other programs, take a smaller model, or a machine with more; `make plan` counts it all."
        )


def with_adapter(model: nn.Module, folder: Path) -> nn.Module:
    """Put a trained adapter (LoRA, DoRA, or whole layers of fine_tune_type full) on a loaded model, for inference.

    On a CPU the low-rank products are added into the weights, which halves the work of a step of a small model; on a
    GPU the weights may be quantised and stay as they are. Raises InputError when an adapter is missing or does not
    fit.
    """
    try:
        load_adapters(model, str(folder))
        saved: dict[str, mx.array] = mx.load(str(folder / "adapters.safetensors"))  # type: ignore[assignment]
        # mlx-lm fills a half that is missing with its first value, and the adapter answers as the base model would.
        first, second = (
            {name.removesuffix(half) for name in saved if name.endswith(half)} for half in (".lora_a", ".lora_b")
        )
        if alone := sorted(first ^ second):
            raise ValueError(f"{len(alone)} of its low-rank products lack a half, {alone[0]} the first")
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(
            f"{folder} holds no adapter for this model: {' '.join(str(error).split()).rstrip('.')}. Run the stage that "
            "trains it (see `dvc dag`)."
        ) from error
    if on_cpu():
        model.update_modules(
            tree_unflatten([(name, layer.fuse()) for name, layer in model.named_modules() if hasattr(layer, "fuse")])
        )
    mx.eval(model.parameters())
    model.eval()
    return model


def on_cpu() -> bool:
    """Whether MLX computes on the CPU here (no Metal, no CUDA)."""
    return mx.default_device().type == mx.DeviceType.cpu
