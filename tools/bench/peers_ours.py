"""One timed run of this project's PyTorch backend, as `peers_stock.py` times the alternatives.

python -m tools.bench.peers_ours train|validate|answers JOB
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from distil.lm.checkpoints import load_tokenizer
from distil.lm.progress import LoraParams, TrainingSetup
from distil.lm.rows import Row
from distil.lm.torch.generate import generate, load_to_answer
from distil.lm.torch.model import PROJECTIONS, load
from distil.lm.torch.train import TorchRun, token_losses


def timed(run: Callable[[], int]) -> dict[str, Any]:
    """Tokens, seconds of wall and of processor, and this process's peak memory."""
    wall, processor = time.perf_counter(), time.process_time()
    tokens = run()
    return {
        "tokens": tokens,
        "wall": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }


def rows_of(job: dict[str, Any]) -> list[list[Row]]:
    """The job's rows in its batches."""
    return [[Row("", *job["rows"][number]) for number in batch] for batch in job["batches"]]


def train(job: dict[str, Any]) -> dict[str, Any]:
    """A batch a step; the first is not counted. `share_of_peak` is of the rate of the step's own products alone."""
    params = LoraParams(
        model=job["model"], iters=1, batch_size=1, learning_rate=1e-5, rank=job["rank"], scale=job["scale"],
        dropout=0.0, num_layers=job["layers"], max_seq_length=4096, steps_per_eval=1, patience=0, grad_checkpoint=False,
    )  # fmt: skip
    first, *rest = rows_of(job)
    with tempfile.TemporaryDirectory() as folder:
        weights = load(job["model"], getattr(torch, job["compute"]))
        run = TorchRun(weights, TrainingSetup(params, 1, 0, [], first[:1], Path(folder), "bench"))
        run.step(first)

        def steps() -> int:
            for batch in rest:
                run.step(batch)
            return sum(len(row.tokens) for batch in rest for row in batch)

        found = timed(steps)
        products = sum(product_seconds(run, job["layers"], batch) for batch in rest)
    return found | {"share_of_peak": products / found["processor"]}


def product_seconds(run: TorchRun, layers: int, rows: list[Row]) -> float:
    """Processor seconds of the products that a step on these rows needs, each shape timed alone, best of three.

    Forwards through every layer, back to the activations through the adapted ones, and the head at the reply tokens.
    """
    tokens, reply = sum(len(row.tokens) - 1 for row in rows), sum(row.reply for row in rows)
    seconds = 0.0
    for ours in PROJECTIONS:
        weight = getattr(run.weights.layers[-1], ours).weight
        forward, backward = both_ways(weight, tokens)
        seconds += len(run.weights.layers) * forward + layers * backward
    return seconds + sum(both_ways(run.weights.head.weight, reply))


def both_ways(weight: Tensor, tokens: int) -> tuple[float, float]:
    """Processor seconds of one product forwards and of one back."""
    x, gradient = (torch.randn(tokens, size).to(weight.dtype) for size in reversed(weight.shape))
    with torch.inference_mode():
        return best(lambda: F.linear(x, weight)), best(lambda: gradient @ weight)


def best(run: Callable[[], Tensor]) -> float:
    """The least processor seconds of three calls."""
    times = []
    for _ in range(3):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return min(times)


def validate(job: dict[str, Any]) -> dict[str, Any]:
    """The loss of the job's batches without gradients; the first is not counted."""
    weights = load(job["model"], getattr(torch, job["compute"]))

    def losses(batches: list[list[Row]]) -> int:
        for batch in batches:
            token_losses(weights, batch).mean().item()
        return sum(len(row.tokens) for batch in batches for row in batch)

    with torch.inference_mode():
        first, *rest = rows_of(job)
        losses([first])
        return timed(lambda: losses(rest))


def answers(job: dict[str, Any]) -> dict[str, Any]:
    """All prompts side by side, greedy."""
    weights = load_to_answer(job["model"], None, getattr(torch, job["compute"]))
    tokenizer = load_tokenizer(job["model"])
    replies = generate(weights, tokenizer, job["prompts"], job["max_tokens"], job["slots"])
    return timed(lambda: sum(reply.tokens for _, reply in replies))


if __name__ == "__main__":
    job = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    print(json.dumps({"train": train, "validate": validate, "answers": answers}[sys.argv[1]](job)))
