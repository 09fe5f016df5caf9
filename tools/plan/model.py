"""A model's size in memory and on disk, computed from its configuration."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distil.pipeline.files import InputError, read_json
from distil.pipeline.student_model import StudentModel

GIGA = 1e9
FLOAT = 4
"""Bytes of a float32."""
WIDTHS = {"float32": FLOAT, "bfloat16": 2}
"""Bytes of a number in each precision of the PyTorch backend."""
TORCH_KEEPS = 1.8
"""PyTorch's process holds so many times the activations that the backward pass keeps, as its peak memory shows."""
NEEDED = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
"""The fields of config.json that the arithmetic below uses."""
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")
"""Every tokenizer of the transformers library has one of these files."""


Config = dict[str, Any]
"""What a checkpoint's config.json says."""
PUBLISHED: dict[str, Config] = {
    "models/Qwen2.5-7B-Instruct-4bit": {
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
    }
}
"""The config.json of checkpoints on the hub, for a plan before the download."""


@dataclass(frozen=True)
class PlannedModel:
    """The place of a model, its missing parts, and its shape."""

    path: str
    lacking: list[str]
    config: Config

    @property
    def there(self) -> bool:
        """Whether it has its weights and its tokenizer."""
        return not self.lacking

    @property
    def layer_parameters(self) -> int:
        """Weights of one layer's projections."""
        width, inner = self.config["hidden_size"], self.config["intermediate_size"]
        return 2 * width * (self.head * self.config["num_attention_heads"] + self.keys) + 3 * width * inner

    @property
    def head(self) -> int:
        """The width of a head. Heads need not add up to the model's width, as Qwen3's do not."""
        return self.config.get("head_dim") or self.config["hidden_size"] // self.config["num_attention_heads"]

    @property
    def keys(self) -> int:
        """The width of a token's keys, and of its values."""
        return self.head * (self.config.get("num_key_value_heads") or self.config["num_attention_heads"])

    @property
    def parameters(self) -> int:
        """Weights of all layers, the embedding and the head."""
        heads = 1 if self.config.get("tie_word_embeddings") else 2
        embedding = self.config["vocab_size"] * self.config["hidden_size"]
        return self.config["num_hidden_layers"] * self.layer_parameters + heads * embedding

    @property
    def file_bytes(self) -> float:
        """The size of the checkpoint: its real size, or the one that follows from its quantisation."""
        if self.there:
            return sum(path.stat().st_size for path in Path(self.path).glob("*.safetensors"))
        quantization = self.config.get("quantization")
        bits = quantization["bits"] + 32 / quantization["group_size"] if quantization else 16
        return self.parameters * bits / 8

    def memory(
        self, lora: dict[str, Any], on_cpu: bool, batch_tokens: int, batch_replies: int, torch: str | None = None
    ) -> dict[str, float]:
        """The bytes that training needs at its largest batch, by purpose; `torch` is that backend's precision.

        Activations are what the backward pass keeps of a layer. Per token these are about 12 vectors of the model's
        width and 4 of the inner width. With gradient checkpointing it is one vector per layer, and one layer in full.
        With PyTorch the layers below the adapters keep nothing, and logits are computed for 256 tokens at a time.
        """
        width, inner, layers = (self.config[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers"))
        size = WIDTHS[torch] if torch else FLOAT if on_cpu else 2
        trained = layers if lora["num_layers"] < 0 else min(lora["num_layers"], layers)
        adapter = trained * lora["rank"] * (8 * width + 3 * (width + inner))
        if lora["fine_tune_type"] == "full":
            adapter = trained * self.layer_parameters
        layer = batch_tokens * (12 * width + 4 * inner) * size * (TORCH_KEEPS if torch else 1)
        keeping = trained if torch else layers
        kept = batch_tokens * width * size * keeping + layer if lora["grad_checkpoint"] else layer * keeping
        counted = min(batch_replies, 256) if torch else batch_replies
        return {
            "weights": self.parameters * size if on_cpu or torch else self.file_bytes,
            "adapter, gradient and Adam": 4 * adapter * FLOAT,
            "activations": kept,
            "logits": 3 * counted * self.config["vocab_size"] * FLOAT,
        }

    def cache_bytes(self, sequences: int, length: int, on_cpu: bool, torch: str | None = None) -> float:
        """The bytes of the keys and values of the sequences that are answered at once."""
        size = WIDTHS[torch] if torch else FLOAT if on_cpu else 2
        return 2.0 * self.config["num_hidden_layers"] * self.keys * sequences * length * size


def find(path: str) -> PlannedModel:
    """The model in a folder, or the published one that belongs there.

    Raises InputError when neither is known, or its configuration is not of a decoder like Qwen2, Llama or Mistral.
    """
    file = Path(path, "config.json")
    if not file.is_file():
        if path in PUBLISHED:
            return PlannedModel(path, ["config.json", *_lacking(Path(path))], PUBLISHED[path])
        StudentModel(model=path).require()
    config = read_json(file)
    if unknown := [name for name in NEEDED if name not in config]:
        raise InputError(f"{file} has no {', '.join(unknown)}: no plan can be made for this kind of model.")
    return PlannedModel(path, _lacking(Path(path)), config)


def _lacking(folder: Path) -> list[str]:
    """The missing files of a checkpoint, without its configuration."""
    index = folder / "model.safetensors.index.json"
    shards = set(read_json(index)["weight_map"].values()) if index.is_file() else set()
    weights = sorted(shards) or ([] if any(folder.glob("*.safetensors")) else ["model.safetensors"])
    tokenizer = [] if any((folder / name).is_file() for name in TOKENIZERS) else ["tokenizer.json"]
    return [name for name in weights if not (folder / name).is_file()] + tokenizer
