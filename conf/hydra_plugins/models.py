"""An OmegaConf resolver that Hydra finds in this folder: which models answer follows from which seeds are trained."""

from omegaconf import ListConfig, OmegaConf


def answering_models(base, seeds):
    """Map each model's name to the folder of its weights: the base checkpoint, then one adapter folder per seed.

    Raises ValueError when the seeds are not different whole numbers from 0.
    """
    whole = isinstance(seeds, ListConfig) and all(type(seed) is int and seed >= 0 for seed in seeds)
    if not whole or not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"lora_seed.seeds is {seeds}, and has to list different whole numbers from 0, as [0, 1, 2]")
    return {"base": base, **{f"seed_{seed}": f"data/lora_seed/{seed}" for seed in seeds}}


OmegaConf.register_resolver("answering_models", answering_models, replace=True)
