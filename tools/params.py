"""Compose params.yaml from conf/ as `dvc exp run` does.

python -m tools.params [profile=job] [lora_seed.iters=100 ...]
"""

import sys
import warnings
from pathlib import Path

from dvc.utils.hydra import compose_and_dump


def compose(output: Path, overrides: list[str]) -> None:
    """Write the parameters that conf/config.yaml and the overrides give to `output`."""
    conf = Path(__file__).resolve().parents[1] / "conf"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # DVC calls Hydra in a way that Hydra deprecates
        compose_and_dump(str(output), str(conf), None, "config", str(conf), overrides)


if __name__ == "__main__":
    compose(Path("params.yaml"), sys.argv[1:])
