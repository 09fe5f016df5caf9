"""OmegaConf resolvers that Hydra finds in this folder: which adapters are trained on what, and which models answer."""

from omegaconf import ListConfig, OmegaConf


def sweep_rows(levels, truncated):
    """Map the name of what each chain length's adapters train on to the folder of its rows in data/train_split.

    A level that is not swept has no control either.
    """
    rows = {level: f"levels/{level}" for level in levels}
    return rows | {f"truncated_{level}": f"truncated/{level}" for level in truncated if level in levels}


def answering_models(base, seeds, baselines, rows):
    """Map each model's name to its weights and, where it is not asked as the others are, its prompt: base, each seed's
    adapters, base once for each other way to ask it, and the adapters of each chain length.

    Raises ValueError when the seeds are not different whole numbers from 0, or a baseline has another model's name.
    """
    whole = isinstance(seeds, ListConfig) and all(type(seed) is int and seed >= 0 for seed in seeds)
    if not whole or not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"lora_seed.seeds is {seeds}, and has to list different whole numbers from 0, as [0, 1, 2]")
    models = {"base": base, **{f"seed_{seed}": f"data/lora_seed/{seed}" for seed in seeds}}
    models |= {name: f"data/lora_level/{name}" for name in rows}
    if taken := [name for name in baselines if name in models]:
        raise ValueError(f"answers.baselines has {taken[0]}, which is the name of another model")
    asked = {name: {"weights": weights} for name, weights in models.items()}
    return asked | {name: {"weights": base, "prompt": prompt} for name, prompt in baselines.items()}


def trained(seeds, rows, otherwise):
    """What the report reads of training by part: the folders, or what it reads anyway where nothing is trained.

    `seed_curves` and `level_curves` name the files of losses for `dvc plots`, each with its column.
    """
    return {
        "seeds": "data/lora_seed" if seeds else otherwise,
        "levels": "data/lora_level" if rows else otherwise,
        "losses": "plots/lora_seed" if seeds else otherwise,
        "level_losses": "metrics/lora_level" if rows else otherwise,
        "seed_curves": {f"plots/lora_seed/{seed}.csv": "valid_loss" for seed in seeds},
        "level_curves": {f"plots/lora_level/{name}.csv": "valid_loss" for name in rows},
    }


def iterations_from(iters, model):
    """The overfit probe's metrics where a training is as long as they say, else the model, which it reads anyway."""
    return "metrics/overfit_probe.json" if iters == "probe" else model


OmegaConf.register_resolver("sweep_rows", sweep_rows, replace=True)
OmegaConf.register_resolver("answering_models", answering_models, replace=True)
OmegaConf.register_resolver("trained", trained, replace=True)
OmegaConf.register_resolver("iterations_from", iterations_from, replace=True)
