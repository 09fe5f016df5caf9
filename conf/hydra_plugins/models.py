"""An OmegaConf resolver, found by Hydra through this folder: which models answer follows from which seeds are trained."""

from omegaconf import OmegaConf


def answering_models(base, seeds):
    """Map model name to the folder whose weights it answers with: the base checkpoint, then one adapter folder per seed."""
    return {"base": base, **{f"seed_{seed}": f"data/lora_seed/{seed}" for seed in seeds}}


OmegaConf.register_resolver("answering_models", answering_models, replace=True)
