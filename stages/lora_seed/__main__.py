"""Train one LoRA adapter per fold with one seed, or one adapter on the rows of one chain length.

    python -m stages.lora_seed --seed 0
    python -m stages.lora_seed --level R3

Reads data/train_split and the model `lora_seed.model`. Writes data/lora_seed/<seed>/<fold>/ (for a level
data/lora_level/<level>/levels/), each the adapter of the lowest validation loss as mlx_lm.generate, mlx_lm.fuse and
mlx_lm.server load it; the losses to plots/lora_seed/<seed>.csv and metrics/lora_seed/<seed>.json; times and memory to
metrics/timings/. A killed run goes on from cache/checkpoints/, which is emptied when all its adapters are written.
Under `mlx.launch` the batches are shared among the workers, and the first of them writes.
"""

import argparse
from pathlib import Path

import pandas as pd

from distil.lm.progress import LmParams, LoraParams
from distil.lm.run import first_worker, train_fold
from distil.pipeline.command import load_params, run
from distil.pipeline.files import as_json, read_record, replacing_folder, write_json, write_texts
from distil.pipeline.records import LEVELS, Minimum, Split


def main() -> None:
    """Train the folds' adapters one after the other, then write them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="train with this seed; for a level the first of lora_seed.seeds")
    parser.add_argument("--level", choices=LEVELS, help="train on the chains of this length instead of every fold's")
    args = parser.parse_args()
    if args.seed is None and args.level is None:
        parser.error("say which --seed, or which --level")
    if args.seed is not None and args.seed < 0:
        parser.error(f"the seed is {args.seed} (lora_seed.seeds); seeds are whole numbers from 0")
    params, lm = load_params("lora_seed", LoraParams), load_params("lm", LmParams)
    seed = params.seeds[0] if args.seed is None else args.seed
    iters = params.iters
    if iters == "probe":
        iters = read_record("metrics/overfit_probe.json", Minimum).best_iteration

    split = Path("data/train_split")
    if args.level:
        name, folders = f"lora_level/{args.level}", {"levels": split / "levels" / args.level}
    else:
        name = f"lora_seed/{seed}"
        folders = {fold: split / fold for fold in read_record(split / "folds.json", Split).folds}
    runs = {fold: train_fold(params, lm, iters, seed, folder, f"{name} {fold}") for fold, folder in folders.items()}
    if not first_worker():
        return

    with replacing_folder(f"data/{name}") as out:
        for fold, trained in runs.items():
            trained.publish(out / fold)
        curves = [{"fold": fold, **point} for fold, trained in runs.items() for point in trained.curve()]
        metrics = {"seed": seed, "folds": {fold: run.metrics() for fold, run in runs.items()}}
        write_texts(
            {
                f"plots/{name}.csv": pd.DataFrame(curves).to_csv(index=False),
                f"metrics/{name}.json": as_json(metrics),
            }
        )
    write_json(f"metrics/timings/{name}.json", {fold: run.timings() for fold, run in runs.items()})
    for trained in runs.values():
        trained.clear()


if __name__ == "__main__":
    run(main)
