"""A model card in Hugging Face's format for every adapter of the run."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jinja2
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from distil.pipeline.files import read_record, write_text
from distil.pipeline.names import BASE, control_name, seed_name
from distil.pipeline.records import LEVELS, AdapterConfig, Scored
from stages.report.inputs import Loaded
from stages.report.lineage import file_md5
from stages.report.wording import iterations

FOLDER = Path(__file__).parent
ROLES = {"unseen": "questions held out", "unused": "questions not trained on"}


def write_cards(folder: Path, run: Loaded) -> list[str]:
    """Write `<adapter>/README.md` under `folder` for every folder of an adapter. Return the adapters' names."""
    names = []
    for name, path, model, rows in _adapters(run):
        write_text(folder / name / "README.md", card(name, path, model, rows, run) + "\n")
        names.append(name)
    return names


def _adapters(run: Loaded) -> Iterator[tuple[str, Path, str, list[Scored]]]:
    folders = [(seed_name(seed), Path(f"data/lora_seed/{seed}"), run.scored) for seed in run.params.lora_seed.seeds]
    rows = run.params.length_sweep.rows
    folders += [(name, Path(f"data/lora_level/{name}"), run.level_scored) for name in rows]
    for model, folder, scored in folders:
        for path in sorted(config.parent for config in folder.glob("*/adapter_config.json")):
            own = [row for row in scored if row.answer.model == model and row.answer.fold == path.name]
            yield f"{model}-{path.name}", path, model, own


def card(name: str, path: Path, model: str, rows: Sequence[Scored], run: Loaded) -> str:
    """The text of one adapter's card. `rows` are its scored answers."""
    config = read_record(path / "adapter_config.json", AdapterConfig)
    kind = {"lora": "LoRA", "dora": "DoRA", "full": "full"}[config.fine_tune_type]
    base = config.model
    results = list(accuracies(rows, run.scored))
    data = ModelCardData(
        language="en",
        library_name="mlx",
        pipeline_tag="text-generation",
        tags=[kind.lower(), "chain-of-thought", "distillation", "mathematics"],
        base_model=None if Path(base).exists() or base.startswith("models/") else base,
        model_name=name,
        eval_results=[
            EvalResult(
                task_type="text-generation",
                dataset_type=result.benchmark,
                dataset_name=result.benchmark,
                dataset_split=result.questions,
                metric_type="accuracy",
                metric_value=round(result.right / result.n, 4),
            )
            for result in results
            if result.questions == ROLES["unseen"]
        ]
        or None,
    )
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER), trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    body = environment.get_template("card.md.jinja").render(
        name=name,
        path=path.as_posix(),
        base=base,
        profile=run.params.profile,
        level=chains(model),
        fold=problems(path.name, model, run),
        protocol="random rows, as the study split them" if path.name == "paper" else run.split.protocol,
        kind=kind,
        lora=config.lora_parameters,
        layers=config.num_layers,
        training=run.params.lora_seed,
        iterations=iterations(run.params.lora_seed.iters),
        results=results,
        md5=file_md5(path / "adapters.safetensors"),
    )
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n{body}"))


def chains(model: str) -> str:
    """The chains that a model's adapters were trained on."""
    cut = {control_name(level): f"R1, cut to as many words as {level}" for level in LEVELS}
    return model if model in LEVELS else cut.get(model, "R1")


def problems(name: str, model: str, run: Loaded) -> dict[str, int]:
    """How many problems one adapter of a model was trained and validated on, and how many were held out from it.

    The adapters of a chain length have the name of a seed. They have one row a problem, of the first main fold.
    """
    if model in run.params.length_sweep.rows:
        trained, fold = run.level_losses[model].seeds[name], run.split.folds[run.main_folds[0]]
        return {"train": trained.train_rows, "valid": trained.valid_rows, "unseen": len(fold.unseen)}
    fold = run.split.folds[name]
    return {"train": len(fold.train), "valid": len(fold.valid), "unseen": len(fold.unseen)}


class RightAnswers(NamedTuple):
    """How many of `n` questions of one kind an adapter answered rightly, and how many the base model did."""

    benchmark: str
    questions: str
    n: int
    right: int
    base_right: int


def accuracies(rows: Iterable[Scored], everything: Iterable[Scored]) -> Iterator[RightAnswers]:
    """How many questions an adapter answered rightly, by benchmark and by their role in its fold."""
    base = {
        (row.answer.benchmark, row.answer.problem_id): row.verdict.verdict == "CORRECT"
        for row in everything
        if row.answer.model == BASE and row.answer.sample == 0
    }
    groups: dict[tuple[str, str], list[Scored]] = {}
    for row in rows:
        if row.answer.sample == 0:
            key = (row.answer.benchmark, ROLES.get(row.answer.role, "questions seen in training"))
            groups.setdefault(key, []).append(row)
    for (benchmark, questions), own in sorted(groups.items()):
        right = sum(row.verdict.verdict == "CORRECT" for row in own)
        base_right = sum(base.get((benchmark, row.answer.problem_id), False) for row in own)
        yield RightAnswers(benchmark, questions, len(own), right, base_right)
