"""One timed run in a process of its own: `stock` is what a user would run without this project, `ours` is this project.

    python -m tools.bench.worker ours-train MODEL SPLIT ITERS BATCH_SIZE
    python -m tools.bench.worker ours-answers MODEL ADAPTER PROBLEMS MAX_TOKENS BATCH_SIZE
    python -m tools.bench.worker stock-answers MODEL ADAPTER PROBLEMS MAX_TOKENS COUNT
    python -m tools.bench.worker gemm
    python -m tools.bench.worker model FOLDER STUDENT SHAPE
    python -m tools.bench.worker padding MODEL ROWS BATCH_SIZE
    python -m tools.bench.worker judge NAME PAIRS.json
    python -m tools.bench.worker share FOLDER

Prints one JSON object as its last line. The stock runs import nothing of this project before they are done, so that MLX
computes as its wheel does.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Printed = dict[str, Any]
"""The JSON object that a run prints: times, rates and texts, by name."""

Prompts = list[list[int]]


def prompts_of(tokenizer: Any, problems: str) -> Prompts:
    """The tokens of each problem's prompt."""
    questions = [json.loads(line)["question"] for line in Path(problems).read_text(encoding="utf-8").splitlines()]
    return [
        tokenizer.apply_chat_template([{"role": "user", "content": question}], add_generation_prompt=True)
        for question in questions
    ]


def ours_train(model: str, split: str, iters: str, batch_size: str) -> Printed:
    """Reply tokens per second of training an adapter, validations not counted, and of one batch's loss alone."""
    from distil.lm.cpu import blas

    blas.route()
    from mlx.utils import tree_flatten

    from distil.lm.checkpoints import load
    from distil.lm.progress import LoraParams, TrainingSetup
    from distil.lm.rows import read_rows
    from distil.lm.train import row_losses, train_adapter

    params = LoraParams(
        model=model,
        iters=int(iters),
        batch_size=int(batch_size),
        learning_rate=1e-3,
        rank=8,
        scale=4.0,
        dropout=0.0,
        num_layers=-1,
        max_seq_length=2048,
        steps_per_eval=int(iters),
        patience=0,
        grad_checkpoint=False,
    )
    loaded, tokenizer = load(model)
    rows, _ = read_rows(Path(split, "train.jsonl"), tokenizer, params.max_seq_length)
    batch = rows[: params.batch_size]
    began = time.perf_counter()
    row_losses(loaded, batch, params.batch_size)
    forward = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        training = train_adapter(loaded, TrainingSetup(params, int(iters), 0, rows, rows[:1], Path(folder), "bench"))
    batch_tokens = sum(row.reply for row in batch)
    return {
        "rate": training.reply_tokens / training.seconds,
        "row_rate": training.row_tokens / training.seconds,
        "forward_rate": batch_tokens / forward,
        "batch_tokens": batch_tokens,
        "parameters": sum(weights.size for name, weights in tree_flatten(loaded.parameters()) if "lora" not in name),
    }


def ours_answers(model: str, adapter: str, problems: str, max_tokens: str, batch_size: str) -> Printed:
    """Answers per second of the batched generator over all problems, and the texts."""
    from distil.lm.cpu import blas

    blas.route()
    from distil.lm.checkpoints import load, with_adapter
    from distil.lm.generate import generate

    loaded, tokenizer = load(model)
    loaded = with_adapter(loaded, Path(adapter))
    prompts, began = prompts_of(tokenizer, problems), time.perf_counter()
    texts = dict(generate(loaded, tokenizer, prompts, int(max_tokens), int(batch_size)))
    rate = len(prompts) / (time.perf_counter() - began)
    return {"rate": rate, "texts": [texts[number].text for number in range(len(prompts))]}


def stock_answers(model: str, adapter: str, problems: str, max_tokens: str, count: str) -> Printed:
    """Answers per second of mlx_lm.generate called once per problem, as the study did, and the texts."""
    import mlx_lm

    loaded, tokenizer = mlx_lm.load(model, adapter_path=adapter)[:2]
    prompts = prompts_of(tokenizer, problems)
    chosen = range(0, len(prompts), max(1, len(prompts) // int(count)))[: int(count)]
    began = time.perf_counter()
    texts = {
        number: mlx_lm.generate(loaded, tokenizer, prompts[number], max_tokens=int(max_tokens)) for number in chosen
    }
    return {"rate": len(texts) / (time.perf_counter() - began), "texts": texts}


def gemm() -> Printed:
    """The rate of MLX's float32 matrix products here, in GFLOP/s: 2,048 x 2,048 x 2,048, best of five."""
    from distil.lm.cpu import blas

    route = blas.route()
    import mlx.core as mx

    side, times = 2048, []
    left, right = mx.random.normal((side, side)), mx.random.normal((side, side))
    mx.eval(left, right)
    for _ in range(5):
        began = time.perf_counter()
        mx.eval(left @ right)
        times.append(time.perf_counter() - began)
    return {"rate": 2 * side**3 / min(times) / 1e9, "blas": route.library, "core_type": route.core_type}


def padding(model: str, rows: str, batch_size: str) -> Printed:
    """Padded over real tokens in one epoch of chat rows, batched by mlx-lm's trainer and by this project's."""
    from distil.lm.cpu import blas

    blas.route()
    import numpy as np
    from mlx_lm.tuner.datasets import CacheDataset, ChatDataset
    from mlx_lm.tuner.trainer import iterate_batches

    from distil.lm.checkpoints import load
    from distil.lm.rows import Row, collate, epoch

    _, tokenizer = load(model)
    examples = [json.loads(line) for line in Path(rows).read_text(encoding="utf-8").splitlines()]
    data = CacheDataset(ChatDataset(examples, tokenizer, mask_prompt=True))
    longest = max(len(data[number][0]) for number in range(len(data)))
    shapes = [(batch.size, int(spans[:, 1].sum())) for batch, spans in iterate_batches(data, int(batch_size), longest)]
    found = [Row("", *data[number]) for number in range(len(data))]
    lengths = [len(row.tokens) for row in found]
    batches = epoch(lengths, int(batch_size), np.random.default_rng(0))
    ours = sum(len(batch) + collate([found[number] for number in batch]).inputs.size for batch in batches)
    return {
        "rows": len(found),
        "tokens": sum(lengths),
        "stock": sum(padded for padded, _ in shapes) / sum(real for _, real in shapes),
        "ours": ours / sum(lengths),
    }


def model(folder: str, student: str, shape: str) -> Printed:
    """Write a checkpoint of a shape; returns where."""
    from tools.bench.models import write_model

    return {"folder": str(write_model(Path(folder), Path(student), shape))}


WARM = [("1+√2", "√2+1"), ("2+√2", "√2+2"), ("$\\frac{7}{11}$", "\\boxed{7/11}"), ("$(1, 9)$", "$(1,9)$")]
"""Pairs that no file has: the first two start our workers, all of them load what Math-Verify loads at first use."""


def judge(name: str, pairs: str) -> Printed:
    """What a judge says of every [key, answer], and how long one pass takes: on the wall, and of the processor.

    The worker processes count. Their seconds come in steps of the system's clock, 0.01 s on Linux.
    """
    import psutil

    rows = json.loads(Path(pairs).read_text(encoding="utf-8"))
    judged = _judge(name)
    judged(WARM)
    before, begun = _processor_seconds(psutil.Process()), time.perf_counter()
    said = judged(rows)
    seconds = time.perf_counter() - begun
    return {
        "said": said,
        "seconds": seconds,
        "processor_seconds": _processor_seconds(psutil.Process()) - before,
    }


def _judge(name: str) -> Callable[[list[tuple[str, str]]], list[bool]]:
    if name == "ours":
        from distil.verifier import Verifier

        verifier = Verifier(workers=2)
        return lambda rows: [found.verdict == "CORRECT" for found in verifier.verify_many(rows)]
    from math_verify import parse, verify

    delimiter = "$" if name == "math_verify" else ""
    return lambda rows: [bool(verify(parse(f"{delimiter}{gold}{delimiter}"), parse(answer))) for gold, answer in rows]


def share(folder: str) -> Printed:
    """Score answers and resample, with the help of free workers where a Dask worker runs this."""
    from tools.bench.share import timed

    return timed(folder)._asdict()


def _processor_seconds(process: Any) -> float:
    """Of this process, to the nanosecond, and of all below it."""
    below = [child.cpu_times() for child in process.children(recursive=True)]
    return time.process_time() + sum(times.user + times.system for times in below)


COMMANDS: dict[str, Callable[..., Printed]] = {
    "ours-train": ours_train,
    "ours-answers": ours_answers,
    "stock-answers": stock_answers,
    "gemm": gemm,
    "padding": padding,
    "model": model,
    "judge": judge,
    "share": share,
}
if __name__ == "__main__":
    print(json.dumps(COMMANDS[sys.argv[1]](*sys.argv[2:])))
