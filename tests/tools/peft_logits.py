"""What transformers and PEFT compute, in an environment of their own: PROMPTS.json LOGITS.npz MODEL ADAPTER|- ..."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


def main() -> None:
    """Save the logits of every prompt, (tokens, vocabulary) each, under the pair's and the prompt's number."""
    prompts, output, *pairs = sys.argv[1:]
    torch.set_num_threads(1)
    logits = {}
    for place, (base, adapter) in enumerate(zip(pairs[::2], pairs[1::2], strict=True)):
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        if adapter != "-":
            model = PeftModel.from_pretrained(model, adapter)
        model.eval()
        with torch.inference_mode():
            for number, tokens in enumerate(json.loads(Path(prompts).read_text())):
                logits[f"{place}/{number}"] = model(torch.tensor([tokens])).logits[0].numpy()
    np.savez(output, **logits)


main()
