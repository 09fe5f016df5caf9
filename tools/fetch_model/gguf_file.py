"""Turn a GGUF file into a checkpoint in Hugging Face's layout: weights, configuration and tokenizer.

llama.cpp renames every tensor, and reorders the rows of llama's queries and keys for its own rotary positions. It keeps
the configuration, the tokenizer and the chat template as fields of the file. The package `gguf` reads quantised blocks,
and transformers reads the tokenizer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, ReaderTensor
from gguf.quants import dequantize
from tqdm import tqdm

from distil.pipeline.files import InputError, write_json
from tools.fetch_model.tokenizer import write_tokenizer

CLASSES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}
"""The architectures that can be read, and their names in a checkpoint."""
WHOLE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
IN_LAYER = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
ENDS = tuple(f"tokenizer.ggml.{end}_token_id" for end in ("eos", "eot", "eom"))
"""The fields of the tokens that end generation: of a text, of a turn and, with tools, of a message."""
GROUP = 64
"""Weights that share a scale in MLX's 4-bit layout."""
SHARD = 4e9
"""Bytes of a file of weights."""
LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
"""Llama 3.1's scaled rotary positions. The file only has the resulting factor of each dimension."""


@dataclass(frozen=True)
class Source:
    """An opened GGUF file whose architecture is known."""

    path: Path
    architecture: str
    fields: dict[str, Any]
    tensors: dict[str, ReaderTensor]

    def of(self, key: str, default: Any = None) -> Any:
        """A field of the architecture, as `block_count`. Raises InputError when it is missing and has no default."""
        value = self.fields.get(f"{self.architecture}.{key}", default)
        if value is None:
            raise InputError(f"{self.path} has no field {self.architecture}.{key}: it is no whole language model.")
        return value

    @property
    def size(self) -> int:
        """How many weights it has."""
        return sum(int(tensor.n_elements) for tensor in self.tensors.values())


def read(path: Path) -> Source:
    """Open a GGUF file.

    Raises InputError when it is not one, is cut short, is one part of several, or has an architecture not read here.
    """
    try:
        with path.open("rb") as file:
            start = file.read(23)
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror}.") from error
    if start.startswith(b"version https://git-lfs"):
        raise InputError(
            f"{path} is a Git LFS pointer and not the file itself: run `git lfs pull` where it was cloned."
        )
    if not start.startswith(b"GGUF"):
        raise InputError(f"{path} is no GGUF file: it does not begin with GGUF.")
    try:
        reader = GGUFReader(path)
        fields = {name: field.contents() for name, field in reader.fields.items()}
    except (ValueError, IndexError, KeyError, OverflowError, UnicodeDecodeError, TypeError) as error:
        raise InputError(
            f"{path} is cut short or damaged ({path.stat().st_size:,} bytes; {error}). Fetch it again."
        ) from error
    if (parts := fields.get("split.count", 0)) > 1:
        raise InputError(
            f"{path} is part {fields['split.no'] + 1} of {parts} of a model. Join the parts first "
            "(`llama-gguf-split --merge FIRST_PART WHOLE.gguf`), or fetch a file that holds the whole model."
        )
    architecture = fields.get("general.architecture")
    if architecture not in CLASSES:
        raise InputError(
            f"{path} holds a model of architecture {architecture!r}; {', '.join(sorted(CLASSES))} are read here."
        )
    return Source(path, architecture, fields, {tensor.name: tensor for tensor in reader.tensors})


def write(source: Source, folder: Path, bits: int) -> None:
    """Write a checkpoint: configuration, tokenizer, weights as 16-bit numbers or in MLX's groups of 4 bits.

    Raises InputError for a tensor, a tokenizer or rotary positions that are not understood, and for missing tensors.
    """
    names = checkpoint_names(source)
    config = configuration(source)
    write_tokenizer(source.path, source.architecture, source.fields, folder)
    if bits == 4:
        config |= {"quantization": {"group_size": GROUP, "bits": 4}}
        config |= {"quantization_config": config["quantization"]}
    write_json(folder / "config.json", config)
    ends = [source.fields[name] for name in ENDS if name in source.fields]
    write_json(folder / "generation_config.json", {"eos_token_id": list(dict.fromkeys(ends)), "do_sample": False})
    write_weights(source, names, folder, getattr(mx, config["torch_dtype"]), bits)


def checkpoint_names(source: Source) -> dict[str, str]:
    """The name in a checkpoint of every tensor to write, by its name in the file.

    Raises InputError for a tensor that is not known, and where a block lacks one that its architecture or another
    block has.
    """
    found, in_block = dict[str, str](), {f"{part}.weight" for part in IN_LAYER}
    if source.architecture == "qwen2":
        in_block |= {f"attn_{one}.bias" for one in "qkv"}
    if source.architecture != "qwen3":
        in_block -= {"attn_q_norm.weight", "attn_k_norm.weight"}
    for tensor in source.tensors:
        name, _, kind = tensor.rpartition(".")
        *layer, part = name.removeprefix("blk.").rsplit(".", 1)
        known = IN_LAYER if layer else WHOLE
        if name == "rope_freqs":
            continue
        if part not in known or kind not in ("weight", "bias"):
            raise InputError(f"{source.path} holds a tensor {tensor}, which {source.architecture} does not have here.")
        if layer:
            in_block.add(f"{part}.{kind}")
        found[tensor] = ".".join([f"model.layers.{layer[0]}" if layer else "", known[part], kind]).lstrip(".")
    blocks = source.of("block_count")
    wanted = ["token_embd.weight", "output_norm.weight"]
    wanted += [f"blk.{block}.{name}" for block in range(blocks) for name in sorted(in_block)]
    if missing := [name for name in wanted if name not in found]:
        raise InputError(
            f"{source.path} lacks {len(missing)} of the {len(wanted)} tensors of {blocks} blocks, {missing[0]} the "
            "first: fetch a file that holds the whole model."
        )
    return found


def configuration(source: Source) -> dict[str, Any]:
    """The file's fields as the config.json of its architecture."""
    heads, width = source.of("attention.head_count"), source.of("embedding_length")
    shapes = {name: [int(size) for size in tensor.shape] for name, tensor in source.tensors.items()}
    config: dict[str, Any] = {
        "architectures": [CLASSES[source.architecture]],
        "model_type": source.architecture,
        "hidden_size": width,
        "num_hidden_layers": source.of("block_count"),
        "intermediate_size": source.of("feed_forward_length"),
        "num_attention_heads": heads,
        "num_key_value_heads": source.of("attention.head_count_kv", heads),
        "rms_norm_eps": source.of("attention.layer_norm_rms_epsilon"),
        "vocab_size": shapes["token_embd.weight"][-1],
        "max_position_embeddings": source.of("context_length"),
        "rope_theta": source.of("rope.freq_base", 10000.0),
        "tie_word_embeddings": "output.weight" not in shapes,
        "hidden_act": "silu",
        "torch_dtype": _number(source),
        "bos_token_id": source.fields.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": source.fields.get("tokenizer.ggml.eos_token_id"),
    }
    head = source.of("attention.key_length", source.of("rope.dimension_count", width // heads))
    if head != width // heads or source.architecture == "qwen3":
        config["head_dim"] = head
    if source.architecture == "llama":
        config |= {"attention_bias": "blk.0.attn_q.bias" in shapes, "mlp_bias": "blk.0.ffn_up.bias" in shapes}
    if scaling := rope_scaling(source, head):
        config["rope_scaling"] = scaling
    return config


def rope_scaling(source: Source, head: int) -> dict[str, Any] | None:
    """How rotary positions are stretched for long texts; None where they are not.

    Raises InputError for an unknown way.
    """
    kind = source.fields.get(f"{source.architecture}.rope.scaling.type", "none")
    if kind in ("linear", "yarn"):
        scaling = {"rope_type": kind, "factor": source.of("rope.scaling.factor")}
        if kind == "yarn":
            scaling["original_max_position_embeddings"] = source.of("rope.scaling.original_context_length")
        return scaling
    if kind != "none":
        raise InputError(f"{source.path} scales rotary positions in a way that is not known here: {kind}.")
    if "rope_freqs.weight" not in source.tensors:
        return None
    kept = np.asarray(source.tensors["rope_freqs.weight"].data, np.float32)
    scaling = {"rope_type": "llama3", "factor": float(kept.max()), **LLAMA3}
    if not np.allclose(kept, llama3_factors(scaling, source.of("rope.freq_base", 10000.0), head), rtol=1e-3):
        raise InputError(
            f"{source.path} scales rotary positions in a way that is not Llama 3.1's, and is not known here."
        )
    return scaling


def llama3_factors(scaling: dict[str, Any], base: float, head: int) -> np.ndarray:
    """The factors by which Llama 3.1 slows the rotation of each pair of dimensions."""
    waves = 2 * np.pi * base ** (np.arange(0, head, 2) / head)
    long, low, high = (
        scaling[name] for name in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor")
    )
    smooth = np.clip((long / waves - low) / (high - low), 0, 1)
    return 1 / ((1 - smooth) / scaling["factor"] + smooth)


def weights(source: Source, names: dict[str, str]) -> Iterator[tuple[str, np.ndarray]]:
    """Every tensor under its name in a checkpoint, as float32. Raises InputError for one that cannot be read."""
    heads = {"attn_q": source.of("attention.head_count")}
    heads["attn_k"] = source.of("attention.head_count_kv", heads["attn_q"])
    for tensor, name in tqdm(names.items(), desc=source.path.name, unit="tensor", disable=None):
        stored, part = source.tensors[tensor], tensor.split(".")[-2]
        try:
            values = dequantize(stored.data, stored.tensor_type).astype(np.float32)
            values = values.reshape([int(size) for size in reversed(stored.shape)])
        except (NotImplementedError, ValueError) as error:
            raise InputError(f"{source.path}: {tensor} could not be read: {error}.") from error
        if source.architecture == "llama" and part in heads:
            values = _turned_back(values, heads[part])
        yield name, values


def write_weights(source: Source, names: dict[str, str], folder: Path, number: mx.Dtype, bits: int) -> None:
    """Write the weights in files of SHARD bytes at most, with the index of each weight's file."""
    shard, shards = dict[str, mx.array](), list[list[str]]()

    def flush() -> None:
        mx.save_safetensors(str(folder / f"{len(shards)}.safetensors"), shard, metadata={"format": "mlx"})
        shards.append(list(shard))
        shard.clear()

    for name, values in weights(source, names):
        array = mx.array(values).astype(number)
        if bits == 4 and array.ndim == 2 and array.shape[1] % GROUP == 0:
            path = name.removesuffix(".weight")
            made = dict(zip(("weight", "scales", "biases"), mx.quantize(array, GROUP, bits), strict=True))
            shard |= {f"{path}.{part}": values for part, values in made.items()}
        else:
            shard[name] = array
        mx.eval(shard)
        if sum(array.nbytes for array in shard.values()) > SHARD:
            flush()
    if shard:
        flush()
    if len(shards) == 1:
        (folder / "0.safetensors").rename(folder / "model.safetensors")
        return
    places = dict[str, str]()
    for place, held in enumerate(shards):
        file = f"model-{place + 1:05d}-of-{len(shards):05d}.safetensors"
        (folder / f"{place}.safetensors").rename(folder / file)
        places |= dict.fromkeys(held, file)
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": dict(sorted(places.items()))})


def _number(source: Source) -> str:
    """The 16-bit type that loses least: the file's own, or the usual one of models before quantisation."""
    half = GGMLQuantizationType.F16
    matrices = {tensor.tensor_type for tensor in source.tensors.values() if len(tensor.shape) == 2}
    return "float16" if matrices == {half} else "bfloat16"


def _turned_back(values: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a query or key projection in the order before llama.cpp paired them for its rotary positions."""
    pairs = values.reshape(heads, values.shape[0] // heads // 2, 2, *values.shape[1:])
    return pairs.swapaxes(1, 2).reshape(values.shape)


def paired(values: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a query or key projection in llama.cpp's order. `_turned_back` undoes it."""
    halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)
