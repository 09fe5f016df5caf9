"""Check a model that `fetch_model` made of a GGUF file against transformers' own reading of the same file.

    python -m tools.check_model.imported qwen2.5-coder-0.5b-instruct-q4_k_m.gguf models/qwen-0.5b

Twenty prompts, in float32 on both sides. transformers keeps the file's weights as they are dequantised; `fetch_model`
rounds them to 16 bits. So two distances are printed: to the logits of transformers' weights rounded alike, which is
what another order of sums makes, and to those of its weights as they are, which is what 16 bits cost. Exit status 1
where the first is above 0.01, or where rounded weights choose another next token.
"""

import argparse
import json
import tempfile
from pathlib import Path

from distil.lm.cpu import blas

blas.route()  # before MLX is imported

import mlx.core as mx
import numpy as np

from distil.lm.checkpoints import load
from distil.pipeline.command import run
from distil.pipeline.files import read_json
from tools.peers import PYTHON, answer, require

NEAR = 0.01
"""Logits farther apart than this are not the same sums in another order."""
PROMPTS = [f"What is {number} + {7 * number}? Also {number * number} - {number}." for number in range(1, 21)]


def main() -> int:
    """Print both distances and how many next tokens agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the GGUF file")
    parser.add_argument("model", type=Path, help="the folder that fetch_model wrote")
    parser.add_argument("--python", type=Path, default=PYTHON, help="theirs (%(default)s)")
    args = parser.parse_args()
    require(args.python)
    model, tokenizer = load(str(args.model))
    prompts = [list(tokenizer.encode(text)) for text in PROMPTS]
    ours = np.stack([np.array(model(mx.array([tokens]))[0, -1].astype(mx.float32)) for tokens in prompts])
    del model
    theirs = their_logits(args.python, args.file, str(read_json(args.model / "config.json")["torch_dtype"]), prompts)
    apart = {name: float(np.abs(ours - logits).max()) for name, logits in theirs.items()}
    alike = {name: int((ours.argmax(-1) == logits.argmax(-1)).sum()) for name, logits in theirs.items()}
    print(f"{args.file.name}: logits of {len(prompts)} prompts, from {ours.min():.1f} to {ours.max():.1f}")
    for name, of in (("rounded", "transformers' weights rounded to 16 bits"), ("whole", "transformers' weights")):
        print(f"  {of}: at most {apart[name]:.2g} apart, {alike[name]} next tokens the same")
    return 0 if apart["rounded"] <= NEAR and alike["rounded"] == len(prompts) else 1


def their_logits(python: Path, file: Path, kind: str, prompts: list[list[int]]) -> dict[str, np.ndarray]:
    """transformers' logits after every prompt, (prompts, vocabulary). Raises InputError with its last words."""
    with tempfile.TemporaryDirectory(prefix="check-model-") as scratch:
        job, found = Path(scratch, "job.json"), Path(scratch, "logits.npz")
        job.write_text(json.dumps({"file": str(file.resolve()), "kind": kind, "prompts": prompts}), encoding="utf-8")
        answer([str(python), str(Path(__file__).with_name("their_logits.py"))], job, found)
        with np.load(found) as arrays:
            return dict(arrays)


if __name__ == "__main__":
    run(main)
