"""Train one LoRA adapter per fold with one seed, or one adapter per seed on the rows of one chain length.

    python -m stages.lora_seed --seed 0
    python -m stages.lora_seed --rows levels/R3 --name R3
    python -m stages.lora_seed --rows truncated/R3 --name truncated_R3

Reads data/train_split and the model `lora_seed.model`. Writes one adapter to each data/lora_seed/<seed>/<fold>/, or to
each data/lora_level/<name>/seed_<seed>/ for the rows of a chain length. It is the adapter of the lowest validation
loss, in the format that mlx_lm.generate, mlx_lm.fuse and mlx_lm.server load. Losses go to plots/lora_seed/<seed>.csv
and metrics/lora_seed/<seed>.json, times and memory to metrics/timings/. A killed run goes on from cache/checkpoints/,
which is emptied when all adapters of the run are written. Under `mlx.launch` the workers share the batches, and the
first of them writes.
"""

import argparse
from pathlib import Path

import pandas as pd

from distil.lm.cpu import blas

blas.route()  # before MLX is imported

from distil.lm.progress import LmParams, LoraParams
from distil.lm.run import first_worker, train_fold
from distil.pipeline.command import load_params, run
from distil.pipeline.files import as_json, read_record, replacing_folder, write_json, write_texts
from distil.pipeline.levels import LevelSeedParams
from distil.pipeline.metrics import LevelSeedsMetrics, Minimum, SeedMetrics
from distil.pipeline.names import seed_name
from distil.pipeline.records import Split


def main() -> None:
    """Train the adapters one after the other, then write all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--seed", type=int, help="train every fold with this seed")
    which.add_argument("--rows", help="train on these rows of data/train_split with length_sweep.seeds")
    parser.add_argument("--name", help="the name of the adapters trained on --rows")
    args = parser.parse_args()
    if (args.rows is None) != (args.name is None):
        parser.error("--rows and --name go together")
    if args.seed is not None and args.seed < 0:
        parser.error(f"the seed is {args.seed} (lora_seed.seeds); seeds are whole numbers from 0")
    params, lm = load_params("lora_seed", LoraParams), load_params("lm", LmParams)
    iters = params.iters
    if iters == "probe":
        iters = read_record("metrics/overfit_probe.json", Minimum).best_iteration

    split = Path("data/train_split")
    if args.seed is None:
        name, seeds = f"lora_level/{args.name}", load_params("length_sweep", LevelSeedParams).seeds
        trainings = {seed_name(seed): (seed, split / args.rows) for seed in seeds}
    else:
        name, folds = f"lora_seed/{args.seed}", read_record(split / "folds.json", Split).folds
        trainings = {fold: (args.seed, split / fold) for fold in folds}
    runs = {
        adapter: train_fold(params, lm, iters, seed, folder, f"{name} {adapter}")
        for adapter, (seed, folder) in trainings.items()
    }
    if not first_worker():
        return

    with replacing_folder(f"data/{name}") as out:
        for adapter, trained in runs.items():
            trained.publish(out / adapter)
        column = "seed" if args.seed is None else "fold"
        curves = [{column: adapter} | dict(point) for adapter, trained in runs.items() for point in trained.curve()]
        reached = {adapter: trained.metrics() for adapter, trained in runs.items()}
        metrics = LevelSeedsMetrics(seeds=reached) if args.seed is None else SeedMetrics(seed=args.seed, folds=reached)
        write_texts(
            {
                f"plots/{name}.csv": pd.DataFrame(curves).to_csv(index=False),
                f"metrics/{name}.json": as_json(metrics.model_dump()),
            }
        )
    write_json(f"metrics/timings/{name}.json", {adapter: run.timings().model_dump() for adapter, run in runs.items()})
    for trained in runs.values():
        trained.clear()


if __name__ == "__main__":
    run(main)
