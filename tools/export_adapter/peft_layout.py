"""Adapters as PEFT keeps them, which transformers, vLLM and TGI read.

PEFT's matrices are mlx-lm's turned round: lora_A is (rank, inputs), lora_B (outputs, rank), and what it multiplies
their product with is lora_alpha / r.
"""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from distil.lm.state import CONFIG, write_tensors
from distil.pipeline.files import InputError, read_json, write_json
from tools.export_adapter.adapter import PEFT_ADAPTER, Adapter, LowRankUpdate, base_folder, checked, config_of, numbers

PREFIX = "base_model.model."
PARTS = {"lora_A.weight": "a", "lora_B.weight": "b", "lora_magnitude_vector": "m"}
BLOCK = re.compile(r"model\.layers\.(\d+)\.(?:.+\.)?(\w+)")
KNOWN: dict[str, tuple[Any, ...]] = {
    "rank_pattern": (),
    "alpha_pattern": (),
    "modules_to_save": (),
    "trainable_token_indices": (),
    "layer_replication": (),
    "target_parameters": (),
    "alora_invocation_tokens": (),
    "arrow_config": (),
    "fan_in_fan_out": (False,),
    "lora_bias": (False,),
    "use_qalora": (False,),
    "bias": ("none",),
    "init_lora_weights": (True, False, "gaussian", "eva", "orthogonal"),
}
"""Fields that may make more of an adapter than this project has, and what they say where they do not.

Other starts than these change the base before training (PiSSA, OLoRA, CorDA, LoftQ), so the matrices are none for the
base as it is. PEFT writes `true` where it has converted them.
"""


def write(adapter: Adapter, folder: Path) -> None:
    """Write an adapter with the configuration that PEFT loads it by."""
    arrays = {}
    for name, layer in adapter.layers.items():
        arrays[f"{PREFIX}{name}.lora_A.weight"] = np.ascontiguousarray(layer.a.T)
        arrays[f"{PREFIX}{name}.lora_B.weight"] = np.ascontiguousarray(layer.b.T)
        if layer.m is not None:
            arrays[f"{PREFIX}{name}.lora_magnitude_vector"] = layer.m
    write_tensors(folder / PEFT_ADAPTER, arrays, {"format": "pt"})
    alpha = adapter.scale * adapter.rank
    write_json(
        folder / CONFIG,
        {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            **_base(adapter),
            "r": adapter.rank,
            "lora_alpha": int(alpha) if alpha.is_integer() else alpha,
            "lora_dropout": adapter.dropout,
            **_targets(adapter),
            "bias": "none",
            "fan_in_fan_out": False,
            "use_dora": adapter.dora,
            "use_rslora": False,
            "inference_mode": True,
        },
    )


def _base(adapter: Adapter) -> dict[str, Any]:
    """Where the base is: on the hub, if it was fetched from there as it is, else in its folder."""
    source = adapter.base / "source.json"
    fetched = read_json(source) if source.is_file() else {}
    if "repository" in fetched and "file" not in fetched and "quantization" not in adapter.base_config():
        return {"base_model_name_or_path": fetched["repository"], "revision": fetched["revision"]}
    return {"base_model_name_or_path": adapter.base.as_posix()}


def _targets(adapter: Adapter) -> dict[str, Any]:
    """Which layers carry the adapter: by kind and block where every block has the same kinds, else one by one."""
    found = [BLOCK.fullmatch(name) for name in adapter.layers]
    if all(found):
        pairs = {(int(match[1]), match[2]) for match in found if match}
        blocks, kinds = sorted({block for block, _ in pairs}), sorted({kind for _, kind in pairs})
        if len(pairs) == len(found) == len(blocks) * len(kinds):
            everywhere = len(blocks) == adapter.base_config().get("num_hidden_layers")
            return {"target_modules": kinds} | (
                {} if everywhere else {"layers_to_transform": blocks, "layers_pattern": "layers"}
            )
    return {"target_modules": sorted(adapter.layers)}


def read(folder: Path, model: Path | None) -> Adapter:
    """Read an adapter. Raises InputError when it is damaged, or has parts that a low-rank adapter here has not."""
    config = config_of(folder, lambda config: config)
    if (kind := config.get("peft_type")) != "LORA":
        raise InputError(f"{folder} holds an adapter of type {kind!r}; LORA is read, with DoRA or without.")
    for field, plain in KNOWN.items():
        if config.get(field) not in (*plain, None, {}, []):
            raise InputError(f"{folder / CONFIG}: {field} is {config[field]!r}, which is not read here.")
    rank, scale, dropout = config_of(folder, _low_rank)
    parts = dict[str, dict[str, Any]]()
    for name, array in numbers(folder / PEFT_ADAPTER).items():
        match = re.fullmatch(rf"{re.escape(PREFIX)}(.+)\.({'|'.join(PARTS)})(?:\.weight)?", name)
        if not match:
            raise InputError(f"{folder / PEFT_ADAPTER}: {name} is no part of a low-rank adapter of a linear layer.")
        parts.setdefault(match[1], {})[PARTS[match[2]]] = np.ascontiguousarray(array.T)
    try:
        layers = {name: LowRankUpdate(**found) for name, found in sorted(parts.items())}
    except TypeError as error:
        raise InputError(f"{folder / PEFT_ADAPTER} holds half an adapter of a layer: {error}.") from error
    base = base_folder(folder, config.get("base_model_name_or_path"), model)
    return checked(Adapter(folder, base, rank, scale, dropout, layers))


def _low_rank(config: dict[str, Any]) -> tuple[int, float, float]:
    rank = int(config["r"])
    scale = float(config["lora_alpha"]) / (math.sqrt(rank) if config.get("use_rslora") else rank)
    return rank, scale, float(config.get("lora_dropout", 0.0))
