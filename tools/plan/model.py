"""A model's size in memory and on disk, from its configuration alone."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GIGA = 1e9
FLOAT = 4
"""Bytes of a float32."""


@dataclass(frozen=True)
class Published:
    """A checkpoint on the Hugging Face hub, for when it is not there yet."""

    repository: str
    revision: str
    config: dict[str, Any]


PUBLISHED = {
    "models/Qwen2.5-7B-Instruct-4bit": Published(
        "mlx-community/Qwen2.5-7B-Instruct-4bit",
        "c26a38f6a37d0a51b4e9a1eb3026530fa35d9fed",
        {
            "model_type": "qwen2",
            "hidden_size": 3584,
            "num_hidden_layers": 28,
            "intermediate_size": 18944,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "rms_norm_eps": 1e-6,
            "vocab_size": 152064,
            "rope_theta": 1000000.0,
            "tie_word_embeddings": False,
            "quantization": {"group_size": 64, "bits": 4},
        },
    )
}


@dataclass(frozen=True)
class Model:
    """Where a model is, whether it is there, and its shape."""

    path: str
    there: bool
    config: dict[str, Any]

    @property
    def layer_parameters(self) -> int:
        """Weights of one layer's projections."""
        width, inner = self.config["hidden_size"], self.config["intermediate_size"]
        heads = self.config["num_attention_heads"]
        keys = width // heads * self.config.get("num_key_value_heads", heads)
        return 2 * width * width + 2 * width * keys + 3 * width * inner

    @property
    def parameters(self) -> int:
        """Weights of all layers, the embedding and the head."""
        heads = 1 if self.config.get("tie_word_embeddings") else 2
        embedding = self.config["vocab_size"] * self.config["hidden_size"]
        return self.config["num_hidden_layers"] * self.layer_parameters + heads * embedding

    @property
    def file_bytes(self) -> float:
        """Size of the checkpoint: what is there, or what its quantisation comes to."""
        if self.there:
            return sum(path.stat().st_size for path in Path(self.path).glob("*.safetensors"))
        quantization = self.config.get("quantization")
        bits = quantization["bits"] + 32 / quantization["group_size"] if quantization else 16
        return self.parameters * bits / 8

    def memory(self, lora: dict[str, Any], on_cpu: bool, batch_tokens: int, batch_replies: int) -> dict[str, float]:
        """Bytes that training needs at its largest batch, by what they are for.

        Activations are counted as what the backward pass keeps of a layer: about 12 vectors of the model's width and 4
        of the inner width per token; with gradient checkpointing one vector per layer, and one layer in full.
        """
        width, inner, layers = (self.config[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers"))
        size = FLOAT if on_cpu else 2
        trained = layers if lora["num_layers"] < 0 else min(lora["num_layers"], layers)
        adapter = trained * lora["rank"] * (8 * width + 3 * (width + inner))
        layer = batch_tokens * (12 * width + 4 * inner) * size
        kept = batch_tokens * width * size * layers + layer if lora["grad_checkpoint"] else layer * layers
        return {
            "weights": self.parameters * FLOAT if on_cpu else self.file_bytes,
            "adapter, gradient and Adam": 4 * adapter * FLOAT,
            "activations": kept,
            "logits": 3 * batch_replies * self.config["vocab_size"] * FLOAT,
        }

    def cache_bytes(self, sequences: int, length: int, on_cpu: bool) -> float:
        """Bytes of the keys and values of sequences being answered at once."""
        heads = self.config["num_attention_heads"]
        keys = self.config["hidden_size"] // heads * self.config.get("num_key_value_heads", heads)
        return 2.0 * self.config["num_hidden_layers"] * keys * sequences * length * (FLOAT if on_cpu else 2)


def find(path: str) -> Model | None:
    """The model in a folder, or the published one that belongs there; None when neither is known."""
    config = Path(path, "config.json")
    if config.is_file():
        return Model(path, True, json.loads(config.read_text(encoding="utf-8")))
    return Model(path, False, PUBLISHED[path].config) if path in PUBLISHED else None
