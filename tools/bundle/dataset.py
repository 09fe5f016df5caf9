"""The verified chains as a data set that `datasets.load_dataset` reads: a configuration a level, a split a part."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCardData

from distil.pipeline.files import read_jsonl, write_jsonl, write_text
from distil.pipeline.records import LEVELS, Chain, Manifest, Problem, Record, Split, VerifiedChain
from tools.bundle.cards import TAGS, card
from tools.licences import licence_of

VERIFIED = Path("data/verified")
SPLITS = {"train": "train", "valid": "validation", "unseen": "test", "unused": "unused"}
"""The parts of the first main fold, and their names in the data set."""


class ChainRow(Record):
    """One verified chain with its problem."""

    id: str
    year: int
    section: str
    number: int
    question: str
    answer: str
    chain: str
    teacher: str
    attempt: int


def write(folder: Path, manifest: Manifest, split: Split) -> int:
    """Write the data set and its card; return how many chains it has. Raises InputError where there is no licence."""
    chains = list(accepted())
    replayed = any(chain.role == "replay" for chain in chains)
    licence = licence_of(manifest, replayed, "`--without-data` (DATA=no) bundles adapters and results alone.")
    problems = {problem.id: problem for problem in read_jsonl("data/parsed/problems.jsonl", Problem)}
    fold = split.folds[split.main[0]]
    part_of = {name: called for part, called in SPLITS.items() for name in getattr(fold, part)}
    rows: dict[tuple[str, str], list[ChainRow]] = defaultdict(list)
    for chain in chains:
        problem = problems[chain.problem_id]
        rows[chain.level, part_of[problem.id]].append(
            ChainRow(
                id=problem.id,
                year=problem.year,
                section=problem.section,
                number=problem.number,
                question=problem.question,
                answer=problem.answer,
                chain=chain.text,
                teacher=chain.model,
                attempt=chain.attempt,
            )
        )
    for (level, part), found in rows.items():
        found.sort(key=lambda row: (row.id, row.attempt))
        write_jsonl(folder / f"data/{level}/{part}.jsonl", found)
    write_text(folder / "README.md", description(licence, manifest, split, rows))
    return sum(map(len, rows.values()))


def accepted() -> Iterator[Chain]:
    """Every accepted chain, among them those of further attempts that have another text."""
    texts = set()
    for path in (VERIFIED / "accepted.jsonl", VERIFIED / "attempts.jsonl"):
        for row in read_jsonl(path, VerifiedChain) if path.exists() or path.stem == "accepted" else ():
            key = (row.chain.problem_id, row.chain.level, row.chain.text)
            if row.reason is None and key not in texts:
                texts.add(key)
                yield row.chain


def description(licence: str, manifest: Manifest, split: Split, rows: dict[tuple[str, str], list[ChainRow]]) -> str:
    """The data set's card, with the configurations that `load_dataset` reads."""
    levels = [level for level in LEVELS if any(found == level for found, _ in rows)]
    parts = {level: [part for part in SPLITS.values() if rows.get((level, part))] for level in levels}
    configs: list[dict[str, Any]] = [
        {
            "config_name": level,
            **({"default": True} if level == levels[0] else {}),
            "data_files": [{"split": part, "path": f"data/{level}/{part}.jsonl"} for part in parts[level]],
        }
        for level in levels
    ]
    data = DatasetCardData(
        language="en",
        license=licence,
        task_categories=["text-generation"],
        tags=TAGS,
        pretty_name="Verified chains of thought",
        configs=configs,
    )
    teachers = sorted({row.teacher for found in rows.values() for row in found})
    return card(
        data,
        "dataset.md.jinja",
        manifest=manifest,
        split=split,
        teachers=f"`{'`, `'.join(teachers)}`",
        levels=levels,
        parts=list(SPLITS.values()),
        rows=rows,
    )
