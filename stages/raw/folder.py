"""A user's own exams: PDFs or documents in a folder, with year and section in their names or in an exams.yaml."""

import re
import shutil
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel

from distil.exams.files import DOCUMENTS, describe, year_and_section
from distil.pipeline.files import InputError, read_yaml_as
from distil.pipeline.records import ExamFile

LISTING = "exams.yaml"


class Listed(BaseModel):
    """What exams.yaml says of one file; what it leaves out is taken from the file's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    year: int | None = None
    section: str | None = None


class Listing(RootModel[dict[str, Listed]]):
    """exams.yaml: file name to year and section."""


def copy_exams(source: Path, exams: Path) -> list[ExamFile]:
    """Copy a folder's exams to `exams` as `YEAR-SECTION.pdf` and describe them.

    Raises InputError when there are none, one cannot be opened, its year or section is unknown, or two are one exam.
    """
    if not source.is_dir():
        raise InputError(f"{source} is not a folder. raw.path is the folder with your exams.")
    files = sorted(path for path in source.iterdir() if path.suffix.lower() in (".pdf", *DOCUMENTS))
    if not files:
        raise InputError(
            f"{source} holds no PDF ({', '.join(DOCUMENTS)} are read, too). Put one there for each exam, named like "
            "'2019 junior_senior_test.pdf'."
        )
    listing = _read_listing(source / LISTING)
    if unknown := sorted(set(listing) - {path.name for path in files}):
        raise InputError(f"{source / LISTING} lists {unknown[0]!r}, which is not in {source}.")
    exams.mkdir()
    described: dict[str, ExamFile] = {}
    for path in files:
        year, section = _year_and_section(path, listing.get(path.name, Listed()))
        name = f"{year}-{section}{path.suffix.lower()}"
        if other := next((one for one in described.values() if (one.year, one.section) == (year, section)), None):
            raise InputError(
                f"{path} and {source / other.original} are both {year} {section}. "
                f"Remove one, or tell them apart in {source / LISTING}."
            )
        describe(path, path.name, year, section)  # a fault is told with the user's name for the file
        shutil.copyfile(path, exams / name)
        described[name] = describe(exams / name, path.name, year, section)
    return list(described.values())


def _year_and_section(path: Path, listed: Listed) -> tuple[int, str]:
    named_year, named_section = year_and_section(path.name)
    year, section = listed.year or named_year, listed.section or named_section
    for what, value in (("year", year), ("section", section)):
        if value is None:
            raise InputError(
                f"{path}: its {what} is unknown. Name it like '2019 junior_senior_test.pdf', or write "
                f"'{path.name}: {{year: 2019, section: junior_senior_test}}' in {path.parent / LISTING}."
            )
    assert year is not None and section is not None
    if not re.fullmatch(r"[a-z0-9_]+", section):
        raise InputError(f"{path.parent / LISTING}: section {section!r} may hold only a-z, 0-9 and underscores.")
    return year, section


def _read_listing(path: Path) -> dict[str, Listed]:
    if not path.exists():
        return {}
    return read_yaml_as(path, Listing, "It is a list of 'FILE.pdf: {year: 2019, section: NAME}'.").root
