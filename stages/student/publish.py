"""Write the student as a folder in Hugging Face's layout, with a model card that states what was measured."""

from pathlib import Path

import numpy as np
from mlx.utils import tree_flatten
from mlx_lm.models.qwen2 import Model
from tokenizers import Tokenizer

from distil.lm.state import write_tensors
from distil.pipeline.files import write_json, write_text
from distil.pipeline.metrics import StudentAccuracy, StudentAnswers, StudentMetrics, StudentScores, StudentSize
from stages.student import tokenizer as tokens
from stages.student.params import Recipe
from stages.student.pretrain import architecture

CARD = Path(__file__).with_name("model_card.md")


def write_checkpoint(folder: Path, model: Model, tokenizer: Tokenizer, params: Recipe) -> None:
    """Write weights, configuration and tokenizer as mlx-lm and transformers load them."""
    ends = [tokenizer.token_to_id(tokens.TURN_ENDS), tokenizer.token_to_id(tokens.END_OF_TEXT)]
    special = {"eos_token_id": ends, "pad_token_id": ends[1]}
    config = architecture(params, tokenizer.get_vocab_size())
    about = {"architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu", "torch_dtype": "float32"}
    write_json(folder / "config.json", {**about, **config, **special})
    write_json(folder / "generation_config.json", {"do_sample": False, **special})
    weights = {name: np.array(array) for name, array in tree_flatten(model.parameters())}
    write_tensors(folder / "model.safetensors", weights, {"format": "mlx"})
    tokens.save(tokenizer, folder)


def write_card(folder: Path, params: Recipe, metrics: StudentMetrics) -> None:
    """Fill the model card's template with the measured numbers."""
    values = {name: str(value) for name, value in params.model_dump().items()}
    values |= {name: f"{getattr(metrics, name):,}" for name in StudentSize.model_fields}
    for name in StudentScores.model_fields:
        measured: StudentAccuracy = getattr(metrics, name)
        sections = measured.sections.values() if isinstance(measured, StudentAnswers) else ()
        values[name] = " | ".join(_percent(share) for share in (measured, *sections))
        values[f"{name}_n"] = f"{measured.n:,}"
    write_text(folder / "README.md", CARD.read_text(encoding="utf-8").format(**values))


def _percent(share: StudentAccuracy) -> str:
    return f"{share.accuracy:.1%} ({share.low:.1%} to {share.high:.1%})".replace("%", " %")
