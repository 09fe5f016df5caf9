"""An OmegaConf resolver that Hydra finds in this folder: files outside the repository, or the pin that names them."""

from pathlib import Path

from omegaconf import OmegaConf

ROOT = Path(__file__).resolve().parents[2]


def first_existing(*paths):
    """The first of the paths, given from the repository's root, that exists; the last if none does."""
    return next((path for path in paths if (ROOT / path).exists()), paths[-1])


OmegaConf.register_resolver("first_existing", first_existing, replace=True)
