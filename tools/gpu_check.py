"""Measure a random-weight Qwen2.5-7B at 4 bits on this machine's accelerator: answering and LoRA, in tokens per second.

    make gpu-check                       (the tests that touch MLX, then python -m tools.gpu_check)

The study answered at 64 tokens per second on a Mac, one problem at a time; the first number here is the same measure.
Writes nothing: prints one JSON object.
"""

import argparse
import json
import time

from distil.lm.checkpoints import on_cpu
from distil.lm.rows import Row, collate
from distil.lm.train import reply_loss
from distil.pipeline.command import run

# isort: split
import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx_lm.models import qwen2
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.tuner.utils import linear_to_lora_layers

from tools.plan.model import PUBLISHED

STUDY = 64
"""Tokens per second that the study reports for answering on its Mac."""
PROMPT, REPLY, ROW = 128, 64, 512


def main() -> None:
    """Build the model, time it, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=28, help="how many of the model's 28 layers (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=32, help="sequences answered at once (%(default)s)")
    args = parser.parse_args()
    config = PUBLISHED["models/Qwen2.5-7B-Instruct-4bit"] | {"num_hidden_layers": args.layers}
    model = qwen2.Model(qwen2.ModelArgs.from_dict(config))
    model.set_dtype(mx.float32 if on_cpu() else mx.bfloat16)
    if not on_cpu():
        nn.quantize(model, **config["quantization"])
    mx.eval(model.parameters())
    found = {
        "device": "CPU" if on_cpu() else mx.device_info().get("device_name", "GPU"),
        "layers": args.layers,
        "study_tokens_per_second": STUDY,
        "answering_one": round(answering(model, 1), 1),
        f"answering_{args.batch_size}": round(answering(model, args.batch_size), 1),
        "lora_batch_4": round(training(model), 1),
        "peak_memory_gb": round(mx.get_peak_memory() / 1e9, 1),
    }
    print(json.dumps(found, indent=2))


def answering(model: nn.Module, sequences: int) -> float:
    """Tokens per second of greedy decoding after a prompt, over all sequences."""
    cache = make_prompt_cache(model)
    token = mx.argmax(model(mx.ones((sequences, PROMPT), mx.int32), cache=cache)[:, -1:], -1)
    mx.eval(token)
    began = time.perf_counter()
    for _ in range(REPLY):
        token = mx.argmax(model(token, cache=cache)[:, -1:], -1)
        mx.async_eval(token)
    mx.eval(token)
    return sequences * REPLY / (time.perf_counter() - began)


def training(model: nn.Module) -> float:
    """Tokens per second of LoRA steps with the study's settings: rank 8, 16 layers, four rows."""
    model.freeze()
    linear_to_lora_layers(model, 16, {"rank": 8, "scale": 20.0, "dropout": 0.0})
    optimizer, step = optim.Adam(1e-5), nn.value_and_grad(model, reply_loss)
    batch, times = collate([Row("", [1] * ROW, ROW // 4)] * 4, 8), []
    for _ in range(4):
        began = time.perf_counter()
        (loss, _), gradient = step(model, *batch)
        optimizer.update(model, gradient)
        mx.eval(model.trainable_parameters(), optimizer.state, loss)
        times.append(time.perf_counter() - began)
    return 4 * ROW / min(times[1:])


if __name__ == "__main__":
    run(main)
