"""The study's exams, transcriptions and recorded chains: from a folder, or from its public repository through DVC."""

import shutil
from pathlib import Path

from distil.exams.files import describe, year_and_section
from distil.pipeline.files import InputError, read_yaml_as
from distil.pipeline.progress import Bar
from distil.pipeline.records import SECTIONS, ExamFile
from distil.pipeline.repository import Pin, pinned

IN_FOLDER = {
    "pdf/*.pdf": "exams",
    "transcribed/*.json": "recorded/transcribed",
    "errata.csv": "recorded",
    "chains/*": "recorded/chains",
}
IN_REPOSITORY = {
    "Raw PDF Files/*.pdf": "exams",
    "datafile/*.json": "recorded/transcribed",
    "reasoning_chain.csv": "recorded/chains",
    "data/*.jsonl": "recorded/chains",
}
"""Where the files are in the study's folder, and where they go under data/raw."""
RENAMED = {f"{split}.jsonl": f"distilled_{split}.jsonl" for split in ("train", "valid", "test")}


def copy_study(source: Path, raw: Path) -> tuple[str, list[ExamFile]]:
    """Fill `raw` from a folder, or from the repository that a pin file names. Return the origin and the exams.

    Raises InputError when the source is neither, lacks a file, or the repository cannot be reached.
    """
    if source.is_dir():
        origin = "a folder of the study's public files"
        for pattern, place in IN_FOLDER.items():
            found = sorted(source.glob(pattern))
            if not found:
                raise InputError(f"{source} has no {pattern}: it is not a folder of the study's files.")
            for path in found:
                shutil.copyfile(path, _target(raw, place, path.name))
    else:
        pin = _read_pin(source)
        origin = f"{pin.repository} at {pin.revision}"
        _fetch(pin, raw)
    return origin, [_describe(path) for path in sorted((raw / "exams").iterdir())]


def _describe(path: Path) -> ExamFile:
    """The manifest's entry of one of the study's PDFs. Some of them hold all sections of a year."""
    year, section = year_and_section(path.name)
    return describe(path, path.name, year, section if section in SECTIONS else None)


def _target(raw: Path, place: str, name: str) -> Path:
    target = raw / place / RENAMED.get(name, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _read_pin(path: Path) -> Pin:
    expected = "raw.path is a folder of the study's files, or a YAML file with 'repository' and 'revision'."
    return read_yaml_as(path, Pin, expected)


def _fetch(pin: Pin, raw: Path) -> None:
    """Copy the study's files out of its repository."""
    advice = "Check the network, or set raw.path to a folder with the study's files (see docs/own-exams.md)."
    with pinned(pin, advice) as repository:
        found = {pattern: sorted(repository.glob(pattern)) for pattern in IN_REPOSITORY}
        for pattern, paths in found.items():
            if not paths:
                raise InputError(f"{pin.repository} at {pin.revision} has no {pattern}.")
        files = [(path, IN_REPOSITORY[pattern]) for pattern, paths in found.items() for path in paths]
        for path, place in Bar(files, "fetching", unit="file"):
            repository.get_file(path, str(_target(raw, place, Path(path).name)))
