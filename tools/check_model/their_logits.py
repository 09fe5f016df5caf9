"""Logits that transformers computes from a GGUF file, by the interpreter of .venv-peers: imports nothing of ours.

    .venv-peers/bin/python tools/check_model/their_logits.py JOB LOGITS.npz

JOB is a JSON file with `file`, `prompts` (lists of tokens) and `kind`, what weights are rounded to: bfloat16 or
float16. Writes the logits after each prompt, (prompts, vocabulary), as arrays `rounded` and `whole`, and prints the
number of prompts as a JSON object.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM


def main() -> None:
    """Read the file once; round its weights for the second pass."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    path = Path(job["file"])
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    found = {}
    with torch.inference_mode():
        for name in ("whole", "rounded"):
            if name == "rounded":
                for weights in model.parameters():
                    weights.copy_(weights.to(getattr(torch, job["kind"])))
            logits = [model(torch.tensor([tokens])).logits[0, -1] for tokens in job["prompts"]]
            found[name] = torch.stack(logits).numpy()
    np.savez(sys.argv[2], **found)
    print(json.dumps({"prompts": len(job["prompts"])}))


main()
