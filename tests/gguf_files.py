"""Small GGUF files with random weights, written with the package `gguf` as llama.cpp's converter lays them out."""

from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import dequantize, quantize
from tokenizers import pre_tokenizers

from tests.checkpoint import SPECIAL, TEMPLATE

WIDTH, INNER, LAYERS, HEADS, KEYS, CONTEXT = 256, 512, 2, 4, 2, 512
"""Widths that hold whole blocks of 256, which Q4_K and its like need."""
TOKENS = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "an", *SPECIAL]
NORMAL, CONTROL = 1, 3


def write_gguf(
    path: Path,
    architecture: str,
    kind: GGMLQuantizationType,
    tied: bool = True,
    without: str = "",
    split: int = 0,
    **fields: Any,
) -> dict[str, np.ndarray]:
    """Write a file; returns its tensors as a checkpoint has them, as float32, under their names in the file.

    The tensor `without` is left out. The file is written in parts of `split` tensors where that is not 0. A keyword
    changes a field of the tokenizer, as `pre`, or leaves it out where it is None; `chat_template` too.
    """
    writer, rng = GGUFWriter(path, architecture, split_max_tensors=split), np.random.default_rng(3)
    head = 128 if architecture == "qwen3" else WIDTH // HEADS  # qwen3's heads need not add up to the width
    writer.add_block_count(LAYERS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEYS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    if architecture == "qwen3":
        writer.add_key_length(head)
        writer.add_value_length(head)
    known = {"model": "gpt2", "pre": "qwen2", "chat_template": TEMPLATE, "eos": "<|im_end|>", "eot": None} | fields
    if known["model"]:
        writer.add_tokenizer_model(known["model"])
        writer.add_tokenizer_pre(known["pre"])
        writer.add_token_list(TOKENS)
        writer.add_token_types([CONTROL if token in SPECIAL else NORMAL for token in TOKENS])
        writer.add_token_merges(["a n"])
        writer.add_eos_token_id(TOKENS.index(known["eos"]))
        if known["eot"]:
            writer.add_eot_token_id(TOKENS.index(known["eot"]))
        writer.add_pad_token_id(TOKENS.index("<|endoftext|>"))
    if known["chat_template"]:
        writer.add_chat_template(known["chat_template"])
    if architecture == "llama":
        writer.add_rope_dimension_count(head)

    shapes = {"token_embd.weight": (len(TOKENS), WIDTH), "output_norm.weight": (WIDTH,)}
    shapes |= {} if tied else {"output.weight": (len(TOKENS), WIDTH)}
    for layer in range(LAYERS):
        sizes = {"attn_q": (HEADS * head, WIDTH), "attn_k": (KEYS * head, WIDTH), "attn_v": (KEYS * head, WIDTH)}
        sizes |= {"attn_output": (WIDTH, HEADS * head), "ffn_gate": (INNER, WIDTH), "ffn_up": (INNER, WIDTH)}
        sizes |= {"ffn_down": (WIDTH, INNER)}
        shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in sizes.items()}
        norms = {"attn_norm": WIDTH, "ffn_norm": WIDTH}
        norms |= {"attn_q_norm": head, "attn_k_norm": head} if architecture == "qwen3" else {}
        shapes |= {f"blk.{layer}.{name}.weight": (size,) for name, size in norms.items()}
        if architecture == "qwen2":
            shapes |= {f"blk.{layer}.{name}.bias": sizes[name][:1] for name in ("attn_q", "attn_k", "attn_v")}
    shapes.pop(without, None)
    tensors = {}
    for name, shape in shapes.items():
        stored = kind if len(shape) == 2 else GGMLQuantizationType.F32
        blocks = _blocks(rng, shape, stored, 1 if "norm" in name else 0)
        writer.add_tensor(name, blocks, raw_dtype=stored)
        tensors[name] = dequantize(blocks, stored).astype(np.float32).reshape(shape)
        if architecture == "llama" and name.endswith(("attn_q.weight", "attn_k.weight")):
            tensors[name] = tensors[name][np.argsort(_paired(shape[0], head))]
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


def _paired(rows: int, head: int) -> np.ndarray:
    """Which row of a checkpoint's query or key projection llama.cpp's converter puts in each place."""
    return np.arange(rows).reshape(rows // head, 2, head // 2).swapaxes(1, 2).reshape(rows)


def _blocks(rng: np.random.Generator, shape: tuple[int, ...], kind: GGMLQuantizationType, mean: float) -> np.ndarray:
    """Random weights as they are stored; Q4_K, which `gguf` reads and does not write, as random blocks."""
    if kind != GGMLQuantizationType.Q4_K:
        return np.asarray(quantize(rng.normal(mean, 0.08, shape).astype(np.float32), kind))
    blocks = rng.integers(0, 256, (shape[0], shape[1] // 256, 144), dtype=np.uint8)
    scales = np.array([0.0006, 0.0045], np.float16)  # of the numbers and of what is taken off them, as in real files
    blocks[:, :, :4] = scales.view(np.uint8)
    return blocks.reshape(shape[0], -1)
