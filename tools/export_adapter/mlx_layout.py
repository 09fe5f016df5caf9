"""Adapters as mlx-lm and this project keep them."""

from pathlib import Path
from typing import Any

from distil.lm.state import ADAPTER, CONFIG, write_tensors
from distil.pipeline.files import InputError, write_json
from tools.export_adapter.adapter import OUTSIDE, Adapter, LowRankUpdate, base_folder, checked, config_of, numbers

PARTS = {"lora_a": "a", "lora_b": "b", "m": "m"}


def read(folder: Path, model: Path | None) -> Adapter:
    """Read an adapter. Raises InputError when it is damaged, or trains whole weights and is no low-rank adapter."""
    config = config_of(folder, lambda config: config)
    if config.get("fine_tune_type", "lora") == "full":
        raise InputError(
            f"{folder} holds whole weights (fine_tune_type full), which no adapter's layout takes. Use --to fused."
        )
    rank, scale, dropout = config_of(folder, _low_rank)
    parts = dict[str, dict[str, Any]]()
    for name, array in numbers(folder / ADAPTER).items():
        layer, _, part = name.rpartition(".")
        if part not in PARTS:
            raise InputError(f"{folder / ADAPTER}: {name} is no part of a low-rank adapter of a linear layer.")
        parts.setdefault(layer, {})[PARTS[part]] = array
    try:
        layers = {name: LowRankUpdate(**found) for name, found in sorted(parts.items())}
    except TypeError as error:
        raise InputError(f"{folder / ADAPTER} holds half an adapter of a layer: {error}.") from error
    return checked(Adapter(folder, base_folder(folder, config.get("model"), model), rank, scale, dropout, layers))


def _low_rank(config: dict[str, Any]) -> tuple[int, float, float]:
    lora = config["lora_parameters"]
    return int(lora["rank"]), float(lora["scale"]), float(lora.get("dropout", 0.0))


def write(adapter: Adapter, folder: Path) -> None:
    """Write an adapter. Raises InputError for layers outside of the model's blocks, which mlx-lm's layout has not."""
    keys = set()
    for name in adapter.layers:
        model, layers, number, *rest = [*name.split("."), "", "", ""]
        if (model, layers) != ("model", "layers") or not number.isdigit():
            raise InputError(f"{adapter.source} adapts {name}, {OUTSIDE}")
        keys.add(".".join(part for part in rest if part))
    arrays = dict[str, Any]()
    for name, layer in adapter.layers.items():
        arrays |= {
            f"{name}.{part}": getattr(layer, ours) for part, ours in PARTS.items() if part != "m" or adapter.dora
        }
    write_tensors(folder / ADAPTER, arrays)
    lora = {"rank": adapter.rank, "dropout": adapter.dropout, "scale": adapter.scale, "keys": sorted(keys)}
    write_json(
        folder / CONFIG,
        {
            "fine_tune_type": "dora" if adapter.dora else "lora",
            "lora_parameters": lora,
            "model": adapter.base.as_posix(),
            "num_layers": -1,
        },
    )
