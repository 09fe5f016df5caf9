"""The hash of every output that the page rests on, computed as DVC computes it: the same as in dvc.lock."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.report.content import Table

OUTPUTS = {
    "data/raw": "raw",
    "data/parsed": "parsed",
    "data/transfer": "transfer",
    "data/teacher_cot": "teacher_cot",
    "data/verified": "verified",
    "data/train_split": "train_split",
    "data/lora_seed/*": "lora_seed",
    "data/lora_level/*": "lora_level",
    "data/answers/*": "answers",
    "data/answers_level/*": "answers_level",
    "data/eval": "eval",
    "data/length_sweep": "length_sweep",
}
"""What each stage wrote, in the order data flows; a `*` stands for one output for each item of a foreach stage."""


@dataclass(frozen=True)
class Output:
    """One output of the pipeline: its stage as dvc.lock names it, its path, how many files and bytes, and its MD5."""

    stage: str
    path: str
    files: int
    size: int
    md5: str


def outputs() -> Iterator[Output]:
    """Yield the outputs that are there, in the order data flows."""
    for pattern, stage in OUTPUTS.items():
        several = pattern.endswith("*")
        for path in sorted(Path().glob(pattern)):
            files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
            yield Output(
                stage=f"{stage}@{path.name}" if several else stage,
                path=path.as_posix(),
                files=len(files),
                size=sum(file.stat().st_size for file in files),
                md5=folder_md5(path) if path.is_dir() else file_md5(path),
            )


def file_md5(path: Path) -> str:
    """The MD5 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def folder_md5(folder: Path) -> str:
    """DVC's hash of a folder: the MD5 of the JSON list of its files' MD5s and relative paths, with `.dir` behind it."""
    listing = [
        {"md5": file_md5(file), "relpath": file.relative_to(folder).as_posix()}
        for file in folder.rglob("*")
        if file.is_file()
    ]
    listing.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(listing).encode(), usedforsecurity=False).hexdigest() + ".dir"


def lineage_table() -> Table:
    """The outputs as the page shows them."""
    return Table(
        "Outputs of the pipeline",
        ["Stage", "Path", "Files", "Bytes", "MD5"],
        [[row.stage, row.path, f"{row.files:,}", f"{row.size:,}", row.md5] for row in outputs()],
    )
