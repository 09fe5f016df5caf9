"""An OmegaConf resolver that Hydra finds in this folder: which models answer follows from which seeds are trained."""

from omegaconf import OmegaConf


def answering_models(base, seeds):
    """Map each model's name to the folder of its weights: the base checkpoint, then one adapter folder per seed."""
    return {"base": base, **{f"seed_{seed}": f"data/lora_seed/{seed}" for seed in seeds}}


OmegaConf.register_resolver("answering_models", answering_models, replace=True)
