"""An adapter as llama.cpp and Ollama read it: a GGUF file of type adapter, as llama.cpp's own converter writes one."""

from pathlib import Path

import numpy as np
from gguf import GGUFType, GGUFWriter, Keys

from distil.pipeline.files import InputError
from tools.export_adapter.adapter import OUTSIDE, Adapter
from tools.fetch_model.gguf_file import CLASSES, IN_LAYER, paired

FILE = "adapter.gguf"
SHORT = {name: short for short, name in IN_LAYER.items()}


def write(adapter: Adapter, folder: Path) -> None:
    """Write adapter.gguf in float32.

    Raises InputError for an architecture, a layer or a kind of adapter that llama.cpp does not take from us.
    """
    config = adapter.base_config()
    architecture = str(config.get("model_type"))
    if architecture not in CLASSES:
        raise InputError(
            f"{adapter.base} is of architecture {architecture!r}; adapters of {', '.join(sorted(CLASSES))} are written "
            "as GGUF. Use --to fused and llama.cpp's own convert_hf_to_gguf.py."
        )
    if adapter.dora:
        raise InputError(
            f"{adapter.source} is a DoRA adapter, which llama.cpp does not read. Use --to fused and llama.cpp's own "
            "convert_hf_to_gguf.py."
        )
    heads = {"attn_q": config["num_attention_heads"]}
    heads["attn_k"] = config.get("num_key_value_heads") or heads["attn_q"]
    writer = GGUFWriter(folder / FILE, architecture)
    writer.add_type(GGUFType.ADAPTER)
    writer.add_string(Keys.Adapter.TYPE, "lora")
    writer.add_float32(Keys.Adapter.LORA_ALPHA, adapter.scale * adapter.rank)
    for name, layer in adapter.layers.items():
        block, _, path = name.removeprefix("model.layers.").partition(".")
        if not block.isdigit():
            raise InputError(f"{adapter.source} adapts {name}, {OUTSIDE}")
        if path not in SHORT:
            raise InputError(f"{adapter.source} adapts {name}, for which GGUF has no name here. Use --to fused.")
        outputs = layer.b.T
        if architecture == "llama" and SHORT[path] in heads:
            outputs = paired(outputs, heads[SHORT[path]])
        writer.add_tensor(f"blk.{block}.{SHORT[path]}.weight.lora_a", np.ascontiguousarray(layer.a.T))
        writer.add_tensor(f"blk.{block}.{SHORT[path]}.weight.lora_b", np.ascontiguousarray(outputs))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
