"""The adapters of every seed as PEFT loads them, each with its card, and the run's metrics and plots."""

import re
from pathlib import Path, PureWindowsPath
from typing import Any

import yaml
from huggingface_hub import ModelCard, ModelCardData

from distil.pipeline.files import InputError, read_json, read_record, read_yaml, write_json, write_text
from distil.pipeline.metrics import SeedMetrics, TrainingMetrics
from distil.pipeline.names import seed_name
from distil.pipeline.records import Split
from tools.bundle.cards import TAGS, card
from tools.export_adapter.__main__ import read
from tools.export_adapter.peft_layout import write as write_peft
from tools.repro.lock import locked
from tools.results.__main__ import KEPT, copy, outputs_of, refuse_changed

PRIVATE = {"base_url", "headers"}
"""Settings of endpoints, which may reveal a private network or hold a key."""
ABSOLUTE = re.compile(r"/|~|[A-Za-z]:[\\/]")
FINISHED = "`make repro` (or `make pull`) gives a finished run."
CONFIG = "adapter_config.json"
BUNDLED = ("raw", "parsed", "verified", "train_split", "lora_seed")
"""The stages whose data the bundle is made of."""
PARAMS = "results/params.yaml"
"""The run's parameters in the bundle, without what `for_others` takes out."""


def write(folder: Path, split: Split) -> int:
    """Write the part of the bundle that is a model; return how many adapters it has.

    Raises InputError when a metric or plot is not the one that this run wrote, a seed's adapter is missing, or PEFT's
    layout has no room for it.
    """
    params = read_yaml("params.yaml", "Run from the repository's root.")
    outputs = outputs_of(locked(), params)
    refuse_changed(outputs, *(f"data/{name}" for name in BUNDLED))
    trained = (f"metrics/lora_seed/{seed}.json" for seed in params["lora_seed"]["seeds"])
    if lacking := [path for path in (*trained, "metrics/eval.json") if path not in outputs]:
        raise InputError(f"{lacking[0]} is none of this run's outputs in dvc.lock: {FINISHED}")
    names = []
    for seed in params["lora_seed"]["seeds"]:
        metrics = read_record(f"metrics/lora_seed/{seed}.json", SeedMetrics)
        for fold in split.main:
            name = f"{seed_name(seed)}-{fold}"
            adapter = read(Path(f"data/lora_seed/{seed}/{fold}"), None)
            out = folder / "adapters" / name
            out.mkdir(parents=True)
            write_peft(adapter, out)
            config = read_json(out / CONFIG)
            if config != for_others(config):
                write_json(out / CONFIG, for_others(config))
            write_text(out / "README.md", adapter_card(name, out, metrics.folds[fold]))
            names.append(name)
    for output in outputs:
        if output.startswith(KEPT):
            copy(Path(output), folder / "results" / output)
    write_text(folder / PARAMS, yaml.safe_dump(for_others(params), sort_keys=False))
    write_text(folder / "README.md", overview(names, str(params["profile"]), folder / "results/metrics/summary.json"))
    return len(names)


def for_others(value: Any) -> Any:
    """Parameters without addresses and headers of endpoints, and with the last part alone of each absolute path."""
    if isinstance(value, dict):
        return {name: for_others(part) for name, part in value.items() if name not in PRIVATE}
    if isinstance(value, list):
        return [for_others(part) for part in value]
    if isinstance(value, str) and ABSOLUTE.match(value):
        return PureWindowsPath(value).name  # which reads both kinds of slashes
    return value


def adapter_card(name: str, folder: Path, trained: TrainingMetrics) -> str:
    """One adapter's card; its accuracies are those of the report's card of it, where the run has a report."""
    config = read_json(folder / CONFIG)
    kind = "DoRA" if config["use_dora"] else "LoRA"
    data = ModelCardData(
        language="en",
        library_name="peft",
        pipeline_tag="text-generation",
        tags=[kind.lower(), *TAGS],
        base_model=config["base_model_name_or_path"] if "revision" in config else None,
        model_name=name,
    )
    reported = Path("reports/cards", name, "README.md")
    if reported.exists():
        data.eval_results = ModelCard.load(reported).data.eval_results
    return card(data, "adapter.md.jinja", name=name, kind=kind, config=config, trained=trained)


def overview(names: list[str], profile: str, summary: Path) -> str:
    """The card of the whole, with the numbers in `summary` where the run has them."""
    data = ModelCardData(language="en", library_name="peft", pipeline_tag="text-generation", tags=TAGS)
    found = read_json(summary) if summary.exists() else {}
    return card(data, "model.md.jinja", names=names, profile=profile, summary=found)
