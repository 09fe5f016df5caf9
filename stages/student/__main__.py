"""Pre-train the embedded student from nothing and measure what it knows: some twenty minutes on one core.

    python -m stages.student

Reads the block `student` of params.yaml. Writes models/tiny-student (Hugging Face layout) and metrics/student.json. A
killed run goes on from cache/student/, bit for bit.
"""

import argparse
import time
from pathlib import Path

from distil.lm.cpu import blas

blas.route()  # before MLX is imported

from mlx.utils import tree_flatten

from distil.pipeline.command import load_params, run
from distil.pipeline.files import replacing_folder, write_json
from distil.pipeline.metrics import StudentMetrics
from stages.student import tokenizer as tokens
from stages.student.evaluate import evaluate
from stages.student.params import Recipe
from stages.student.pretrain import train
from stages.student.publish import write_card, write_checkpoint

MODEL = Path("models/tiny-student")
CHECKPOINT = Path("cache/student/checkpoint.safetensors")


def main() -> None:
    """Train, write the checkpoint, load it as any user would, measure it and say so in its card."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    params, began = load_params("student", Recipe), time.perf_counter()
    tokenizer = tokens.build()
    model = train(params, tokenizer, CHECKPOINT)
    trained = time.perf_counter()
    with replacing_folder(MODEL) as folder:
        write_checkpoint(folder, model, tokenizer, params)
        metrics = StudentMetrics(
            parameters=sum(weights.size for _, weights in tree_flatten(model.parameters())),
            vocabulary=tokenizer.get_vocab_size(),
            tokens=params.steps * params.rows * params.row_length,
            **dict(evaluate(folder, params)),
        )
        write_card(folder, params, metrics)
    write_json("metrics/student.json", metrics.model_dump())
    seconds = {"training": trained - began, "evaluation": time.perf_counter() - trained}
    write_json("metrics/timings/student.json", {name: round(value, 1) for name, value in seconds.items()})
    CHECKPOINT.unlink(missing_ok=True)


if __name__ == "__main__":
    run(main)
