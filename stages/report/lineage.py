"""The hash of every output behind the page. It is computed as DVC does, so it is the one in dvc.lock."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from distil.lm.environment import numerics
from stages.report.page_parts import Table
from stages.report.params import ReportParams

DATA = Path("data")


def paths(params: ReportParams) -> Iterator[tuple[str, Path]]:
    """Every stage that writes data, named as in dvc.lock, with its output, in the order of the data's flow."""
    for stage in ("raw", "parsed", "transfer", "teacher_cot", "verified", "train_split"):
        yield stage, DATA / stage
    items = (
        ("lora_seed", params.lora_seed.seeds),
        ("lora_level", params.length_sweep.rows),
        ("answers", params.answers.models),
    )
    for stage, names in items:
        for name in names:
            yield f"{stage}@{name}", DATA / stage / str(name)
    for stage in ("eval", "length_sweep"):
        yield stage, DATA / stage


@dataclass(frozen=True)
class Output:
    """One output of the pipeline: its stage (as in dvc.lock), its path, its numbers of files and bytes, its MD5."""

    stage: str
    path: str
    files: int
    size: int
    md5: str


def outputs(params: ReportParams) -> Iterator[Output]:
    """Yield the outputs that exist, in the order of the data's flow."""
    for stage, path in paths(params):
        files = [file for file in path.rglob("*") if file.is_file()]
        if files:
            size = sum(file.stat().st_size for file in files)
            yield Output(stage, path.as_posix(), len(files), size, folder_md5(path))


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


def lineage_table(params: ReportParams) -> Table:
    """The table of the outputs for the page."""
    return Table(
        "Outputs of the pipeline",
        ["Stage", "Path", "Files", "Bytes", "MD5"],
        [[row.stage, row.path, f"{row.files:,}", f"{row.size:,}", row.md5] for row in outputs(params)],
    )


def environment_table() -> Table:
    """The parts of the environment that the numbers' last bits depend on. Where they are equal, so is the page."""
    found = numerics()
    blas = found.blas
    kernels = f", {blas.core_type} kernels, {blas.threads} thread" if blas.core_type else ""
    return Table(
        "What computed it",
        ["Part", "Found"],
        [
            ["platform", found.platform],
            ["matrix products", blas.library + kernels],
            ["MLX device", found.mlx_device],
            *([name, package.version] for name, package in found.numeric_packages.items()),
        ],
    )
