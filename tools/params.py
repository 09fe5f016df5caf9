"""Compose params.yaml from conf/ as `dvc exp run` does.

    make params PROFILE=exams            (python -m tools.params profile=exams lora_seed.iters=100)

Profiles are the files of conf/profile; every parameter is in conf/config.yaml.
"""

import argparse
import tempfile
import warnings
from pathlib import Path

from dvc.utils.hydra import compose_and_dump
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from distil.pipeline.command import run
from distil.pipeline.files import InputError, write_text


def compose(output: Path, overrides: list[str]) -> None:
    """Write the parameters that conf/config.yaml and the overrides give to `output`.

    Raises InputError for an override that names no profile or parameter, or is not in Hydra's grammar.
    """
    conf = Path(__file__).resolve().parents[1] / "conf"
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as scratch:
        warnings.simplefilter("ignore")  # DVC calls Hydra in a way that Hydra deprecates
        composed = Path(scratch) / output.name
        try:
            compose_and_dump(str(composed), str(conf), None, "config", str(conf), overrides)
        except (HydraException, OmegaConfBaseException) as error:
            raise InputError(f"{' '.join(overrides)}: {str(error).split('Config search path')[0].strip()}") from error
        write_text(output, composed.read_text(encoding="utf-8"))


def main() -> None:
    """Compose into params.yaml."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("override", nargs="*", help="profile=NAME, or block.name=value in Hydra's grammar")
    compose(Path("params.yaml"), parser.parse_args().override)


if __name__ == "__main__":
    run(main)
