"""Run the pipeline as `dvc repro` does, but independent stages at the same time, here or on other machines.

    python -m tools.repro --jobs 2          (make repro JOBS=2)
    python -m tools.repro --jobs 2 answers
    python -m tools.repro --scheduler tcp://10.0.0.1:8786 --remote shared

DVC itself runs every stage (`dvc repro --single-item STAGE`) after those it depends on. So DVC's locks and cache work
as always, and the result, with dvc.lock, is that of plain `dvc repro`. Dask shares the stages out among `--jobs`
processes in this folder, or among the workers of the given scheduler, each in a clone of its own (docs/scale.md).

A stage's output goes to cache/logs/<stage>.log, and to the terminal when the stage fails. Then no more stages start,
and the running ones end, because their work is kept. An interrupt stops all of them, and the next run goes on from what
they have saved. With one job and no scheduler this is `dvc repro` itself, without Dask. A dvc.lock that a kill cut off
is first restored from git's index.
"""

import argparse
import os
import random
import signal
from pathlib import Path

import networkx as nx
from dvc.cli import main as dvc
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.reproduce import get_active_graph, plan_repro

from distil.pipeline.command import PARAMS, run
from distil.pipeline.files import InputError, read_yaml
from distil.pipeline.student_model import StudentModel
from tools.git import repository
from tools.repro.lock import locked_stages, mend_lock, put_in_order, wait_for_index


def main() -> int:
    """Run the stages that are out of date, then sort dvc.lock as plain `dvc repro` writes it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, help="how many stages to run at once; without it, one for each processor")
    parser.add_argument(
        "--shuffle", type=int, metavar="SEED", help="start stages in a random order that the graph allows"
    )
    parser.add_argument("--scheduler", metavar="ADDRESS", help="run on the workers of this Dask scheduler instead")
    parser.add_argument("--remote", metavar="NAME", help="the DVC remote by which workers elsewhere get and give data")
    parser.add_argument("targets", nargs="*", help="stages to run, with all they depend on; without any, every stage")
    args = parser.parse_args()
    if args.jobs is not None and args.scheduler:
        parser.error("--jobs (JOBS) is for this machine; with --scheduler (SCHEDULER) each worker runs one stage.")
    jobs = (os.cpu_count() or 1) if args.jobs is None else args.jobs
    if jobs < 1:
        parser.error(f"--jobs (JOBS) is {jobs}; at least one stage has to run at a time.")
    if args.remote and not args.scheduler:
        parser.error("--remote (REMOTE) is for workers elsewhere, and there is no --scheduler (SCHEDULER).")
    refuse_missing_model()
    wait_for_index(repository(Path.cwd()))
    mend_lock()
    if jobs == 1 and args.shuffle is None and not args.scheduler:
        return dvc(["repro", *args.targets])
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    before = locked_stages()
    try:
        order, depends = plan(args.targets)
        due = out_of_date(order, depends)
    except DvcException as error:
        raise InputError(f"DVC: {error}") from error
    if not due:
        print("Data and pipelines are up to date.")
        return 0
    from tools.repro import cluster, elsewhere  # here, because Dask takes a second to import

    started = due if args.shuffle is None else random.Random(args.shuffle).sample(due, len(due))
    try:
        if args.scheduler:
            with cluster.remote(args.scheduler) as client:
                elsewhere.run_all(client, started, depends, args.remote)
        else:
            with cluster.local(jobs) as client:
                cluster.run_all(client, started, depends)
    finally:
        put_in_order([*before, *order])
    return 0


def refuse_missing_model() -> None:
    """Raise InputError when the student's checkpoint is not there, or params.yaml is no YAML.

    The stage `raw` does, too, but it does not run again when the model has gone since its run. What params.yaml lacks
    is for DVC to say.
    """
    match read_yaml(PARAMS, "Mend it and run again.") if PARAMS.is_file() else None:
        case {"lora_seed": {"model": str(model)}}:
            StudentModel(model=model).require()


def plan(targets: list[str]) -> tuple[list[str], nx.DiGraph]:
    """The stages in `dvc repro`'s order, and the graph whose edges lead from each to those it depends on."""
    with Repo(_wait_for_lock=True) as repo, repo.lock:
        graph = get_active_graph(repo.index.graph)
        wanted = [stage for target in targets for stage in repo.stage.collect(target)]
        order = [stage.addressing for stage in plan_repro(graph, wanted or None)]
        return order, nx.relabel_nodes(graph, {stage: stage.addressing for stage in graph}).subgraph(order)


def out_of_date(order: list[str], depends: nx.DiGraph) -> list[str]:
    """The stages that something has changed for, and all that depend on those. The others need no DVC of their own."""
    with Repo(_wait_for_lock=True) as repo:
        changed = set(order).intersection(repo.status())
    return [name for name in order if changed & {name, *nx.descendants(depends, name)}]


if __name__ == "__main__":
    run(main)
