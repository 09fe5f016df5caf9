"""The tokenizer and chat template that a GGUF file holds, as the files of a checkpoint."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, pre_tokenizers

from distil.pipeline.files import InputError, write_json

DIGITS = ("smollm", "starcoder", "refact", "command-r")
"""Byte-level vocabularies whose text is split at every digit, then as GPT-2's is."""
PLAIN = ("default", "gpt-2")


def write_tokenizer(path: Path, architecture: str, fields: dict[str, Any], folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json.

    Raises InputError when the file has no tokenizer or no chat template, or splits text in a way that is not known.
    """
    template = fields.get("tokenizer.chat_template")
    if not template:
        raise InputError(
            f"{path} has no chat template, which training rows need: take the file of an instruct model, or a "
            "file that was made with the template."
        )
    tokens, end = fields.get("tokenizer.ggml.tokens"), fields.get("tokenizer.ggml.eos_token_id")
    if not tokens or end is None:
        raise InputError(f"{path} has no tokenizer: its fields tokenizer.ggml.tokens and eos_token_id are needed.")
    build(path, architecture, fields).save(str(folder / "tokenizer.json"))
    named = {
        name: tokens[fields[f"tokenizer.ggml.{key}"]]
        for name, key in (("bos_token", "bos_token_id"), ("unk_token", "unknown_token_id"))
        if f"tokenizer.ggml.{key}" in fields
    }
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **named,
        "eos_token": tokens[end],
        "pad_token": tokens[fields.get("tokenizer.ggml.padding_token_id", end)],
        "chat_template": template,
        "clean_up_tokenization_spaces": False,
    }
    write_json(folder / "tokenizer_config.json", settings)


def build(path: Path, architecture: str, fields: dict[str, Any]) -> Tokenizer:
    """The tokenizer from the file's own vocabulary and merges, split as its vocabulary was learned."""
    from transformers.integrations.gguf import convert_gguf_tokenizer  # slow to import
    from transformers.integrations.gguf import gguf_tokenizer_mapping as known

    named = {
        name: fields[f"tokenizer.{key}"]
        for key, name in known.GGUF_TOKENIZER_MAPPING["tokenizer"].items()
        if f"tokenizer.{key}" in fields
    }
    splits, byte_level = named.get("pre_tokenizer_type", "default"), named.get("tokenizer_type") == "gpt2"
    if byte_level and splits not in (*DIGITS, *PLAIN, *known.GGUF_PRE_TOKENIZER_SPLITS):
        raise InputError(f"{path}: its tokenizer splits text in the way {splits!r}, which is not known here.")
    try:
        tokenizer: Tokenizer = convert_gguf_tokenizer(architecture, named)[0]
    except (ValueError, KeyError) as error:
        raise InputError(f"{path}: its tokenizer could not be read: {error}.") from error
    if byte_level and splits in DIGITS:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )
    return tokenizer
