"""Run the pipeline in the working directory in a random order that its graph allows, two stages at a time.

python -m tools.check_reproduction.shuffled SEED STAGE ...
"""

import random
import sys

from distil.pipeline.command import run
from tools.repro import locked_stages, plan, put_in_order, run_all

JOBS = 2


def main() -> None:
    """Draw the order in which stages are taken up as soon as those they depend on are done."""
    seed, *targets = sys.argv[1:]
    before, (order, depends) = locked_stages(), plan(targets)
    run_all(random.Random(int(seed)).sample(order, len(order)), depends, JOBS)
    put_in_order([*before, *order])


if __name__ == "__main__":
    run(main)
