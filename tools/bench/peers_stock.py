"""One timed run of a Linux user's alternative, by the interpreter of .venv-peers. It imports nothing of this project.

    .venv-peers/bin/python tools/bench/peers_stock.py train|validate|answers JOB

JOB is the JSON file that `tools.bench.peers` wrote. Prints one JSON object as its last line.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM


def timed(job: dict[str, Any], run: Callable[[], int]) -> dict[str, Any]:
    """Tokens, seconds of wall and of processor, and this process's peak memory."""
    wall, processor = time.perf_counter(), time.process_time()
    tokens = run()
    return {
        "tokens": tokens,
        "wall": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }


def load(job: dict[str, Any]) -> Any:
    """The model as transformers loads it."""
    torch.set_num_threads(job["threads"])
    return AutoModelForCausalLM.from_pretrained(
        job["model"], dtype=getattr(torch, job["compute"]), attn_implementation="sdpa"
    )


def batches(job: dict[str, Any]) -> list[dict[str, torch.Tensor]]:
    """The job's rows in its batches, padded on the right; the loss counts the replies."""
    made = []
    for batch in job["batches"]:
        rows = [job["rows"][number] for number in batch]
        longest = max(len(tokens) for tokens, _ in rows)
        ids = torch.zeros(len(rows), longest, dtype=torch.long)
        seen, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
        for place, (tokens, prompt) in enumerate(rows):
            ids[place, : len(tokens)] = torch.tensor(tokens)
            seen[place, : len(tokens)] = 1
            labels[place, prompt : len(tokens)] = torch.tensor(tokens[prompt:])
        made.append({"input_ids": ids, "attention_mask": seen, "labels": labels})
    return made


def train(job: dict[str, Any]) -> dict[str, Any]:
    """LoRA with PEFT and torch's Adam, a batch a step; the first step is not counted."""
    from peft import LoraConfig, get_peft_model

    model = load(job)
    layers = list(range(model.config.num_hidden_layers - job["layers"], model.config.num_hidden_layers))
    names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    rank, scale = job["rank"], job["scale"]
    model = get_peft_model(
        model, LoraConfig(r=rank, lora_alpha=rank * scale, target_modules=names, layers_to_transform=layers)
    )
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained, 1e-5)

    def step(batch: dict[str, torch.Tensor]) -> int:
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return int(batch["attention_mask"].sum())

    first, *rest = batches(job)
    step(first)
    return timed(job, lambda: sum(step(batch) for batch in rest))


def validate(job: dict[str, Any]) -> dict[str, Any]:
    """The loss of the job's batches without gradients; the first is not counted."""
    model = load(job).eval()

    def loss(batch: dict[str, torch.Tensor]) -> int:
        model(**batch).loss.item()
        return int(batch["attention_mask"].sum())

    with torch.inference_mode():
        first, *rest = batches(job)
        loss(first)
        return timed(job, lambda: sum(loss(batch) for batch in rest))


def answers(job: dict[str, Any]) -> dict[str, Any]:
    """`generate` on all prompts side by side, padded on the left, greedy; tokens after a reply's end do not count."""
    model = load(job).eval()
    longest = max(map(len, job["prompts"]))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in job["prompts"]])
    seen = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in job["prompts"]])

    def write() -> int:
        with torch.inference_mode():
            found = model.generate(
                ids,
                attention_mask=seen,
                max_new_tokens=job["max_tokens"],
                do_sample=False,
                eos_token_id=job["eos"],
                pad_token_id=job["eos"][0],
            )
        texts = found[:, longest:].tolist()
        ends = [
            next((place + 1 for place, token in enumerate(text) if token in job["eos"]), len(text)) for text in texts
        ]
        return sum(ends)

    return timed(job, write)


if __name__ == "__main__":
    with Path(sys.argv[2]).open(encoding="utf-8") as file:
        print(json.dumps({"train": train, "validate": validate, "answers": answers}[sys.argv[1]](json.load(file))))
