"""Greedy replies by transformers and PEFT, by the interpreter of .venv-peers: imports nothing of ours.

    .venv-peers/bin/python tools/check_model/theirs.py JOB

JOB is the JSON file that `tools.check_model` wrote. Prints one JSON object as its last line: the tokens of every reply
and, for each token, how far its logit is above the next best one's.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, LogitsProcessor, LogitsProcessorList


class Leads(LogitsProcessor):
    """Keeps, of every step, how far each row's best logit is above the second: (rows,) a step."""

    def __init__(self) -> None:
        self.steps: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Note the leads and change nothing."""
        best = scores.topk(2).values
        self.steps.append(best[:, 0] - best[:, 1])
        return scores


def replies(job: dict[str, Any]) -> dict[str, Any]:
    """All prompts side by side, padded on the left, in float32."""
    torch.set_num_threads(job["threads"])
    model = AutoModelForCausalLM.from_pretrained(job["model"], dtype=torch.float32)
    if job["adapter"]:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, job["adapter"])
    longest = max(map(len, job["prompts"]))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in job["prompts"]])
    seen = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in job["prompts"]])
    leads = Leads()
    with torch.inference_mode():
        found = model.eval().generate(
            input_ids=ids,
            attention_mask=seen,
            max_new_tokens=job["max_tokens"],
            do_sample=False,
            eos_token_id=job["eos"],
            pad_token_id=job["eos"][0],
            logits_processor=LogitsProcessorList([leads]),
        )
    texts = found[:, longest:].tolist()
    ends = [next((place + 1 for place, token in enumerate(text) if token in job["eos"]), len(text)) for text in texts]
    table = torch.stack(leads.steps, dim=1).tolist()
    return {
        "tokens": [text[:end] for text, end in zip(texts, ends, strict=True)],
        "leads": [row[:end] for row, end in zip(table, ends, strict=True)],
    }


if __name__ == "__main__":
    print(json.dumps(replies(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
