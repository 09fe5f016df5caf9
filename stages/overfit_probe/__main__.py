"""Train far too long on purpose. The turn of the validation loss says how many iterations the student needs.

    python -m stages.overfit_probe

Reads the first main fold of data/train_split and the model `lora_seed.model`. Trains `overfit_probe.iters` iterations
with the parameters of `lora_seed`, without early stop. Writes the losses to plots/overfit_probe.csv. Writes the minimum
with its uncertainty to metrics/overfit_probe.json; with `lora_seed.iters: probe` the students train as many iterations.
With `overfit_probe.iters: 0` nothing is trained, and both files are empty.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import NonNegativeInt

from distil.lm.cpu import blas

blas.route()  # before MLX is imported

from distil.lm.progress import LmParams, LoraParams
from distil.lm.run import train_fold
from distil.pipeline.command import Params, load_params, run
from distil.pipeline.files import as_json, read_record, write_json, write_texts
from distil.pipeline.records import Split
from stages.overfit_probe.minimum import minimum


class ProbeParams(Params):
    """The block `overfit_probe`."""

    iters: NonNegativeInt
    seed: NonNegativeInt


def main() -> None:
    """Train, find the minimum, write both."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    probe, params = load_params("overfit_probe", ProbeParams), load_params("lora_seed", LoraParams)
    lm = load_params("lm", LmParams)
    if not probe.iters:
        write_texts(
            {"plots/overfit_probe.csv": "iteration,train_loss,valid_loss\n", "metrics/overfit_probe.json": as_json({})}
        )
        return
    params = params.model_copy(update={"patience": 0})
    split = Path("data/train_split")
    fold = read_record(split / "folds.json", Split).main[0]

    trained = train_fold(params, lm, probe.iters, probe.seed, split / fold, "overfit_probe")
    history = trained.training.history
    tokens = np.array([row.reply for row in trained.valid_rows])
    found = minimum(history.iterations, np.stack(history.valid_losses), tokens)

    curve = pd.DataFrame(map(dict, trained.curve())).to_csv(index=False)
    write_texts({"plots/overfit_probe.csv": curve, "metrics/overfit_probe.json": as_json(found.model_dump())})
    write_json("metrics/timings/overfit_probe.json", trained.timings().model_dump())
    trained.clear()


if __name__ == "__main__":
    run(main)
