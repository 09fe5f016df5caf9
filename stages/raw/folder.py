"""A user's own exams: PDFs or documents in a folder, with year and section in their names or in an exams.yaml.

A key may be a separate file: `2019 JS key.pdf` next to `2019 JS.pdf`, or a file that exams.yaml names.
"""

import re
import shutil
import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel

from distil.exams.files import DOCUMENTS, describe, year_and_section
from distil.pipeline.files import InputError, read_yaml_as
from distil.pipeline.records import ExamFile

LISTING = "exams.yaml"
KEY = re.compile(r"(?<![a-z])(?:answer[\W_]*keys?|answers?|keys?|solutions?)(?![a-z])", re.IGNORECASE)
"""Words that the name of a key's file has and the name of its exam has not."""
NEAR = (".doc", ".odt", ".rtf", ".htm", ".markdown", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".heic")
"""Kinds of files that may be exams and are not read."""


class Listed(BaseModel):
    """An entry of exams.yaml about one file. The rest follows from the file's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    year: int | None = None
    section: str | None = None
    key: str | None = None


class Listing(RootModel[dict[str, Listed]]):
    """exams.yaml: year and section by file name."""


def copy_exams(source: Path, exams: Path) -> list[ExamFile]:
    """Copy a folder's exams to `exams` as `YEAR-SECTION.pdf`, a key as `YEAR-SECTION.key.pdf`, and describe them.

    Names on standard error what may be an exam and is not read. Raises InputError when there are no exams, one cannot
    be opened, its year or section is unknown, two are of the same exam, or a key is another kind of file than its exam
    or has a key, year or section itself.
    """
    if not source.is_dir():
        raise InputError(f"{source} is not a folder. raw.path is the folder with your exams.")
    kinds = (".pdf", *DOCUMENTS)
    files = sorted(path for path in source.iterdir() if path.suffix.lower() in kinds and not path.is_dir())
    if skipped := ", ".join(_not_read(source)):
        print(
            f"{source}: not read: {skipped}. An exam is a file of the folder itself, and ends in .pdf, "
            f"{', '.join(DOCUMENTS[:-1])} or {DOCUMENTS[-1]}.",
            file=sys.stderr,
        )
    if not files:
        raise InputError(
            f"{source} holds no PDF ({', '.join(DOCUMENTS)} are read, too). Put one there for each exam, named like "
            "'2019 junior_senior_test.pdf'."
        )
    listing = _read_listing(source / LISTING)
    if unknown := sorted(set(listing) - {path.name for path in files}):
        raise InputError(f"{source / LISTING} lists {unknown[0]!r}, which is not in {source}.")
    keys = _keys(files, listing)
    exams.mkdir()
    described: dict[str, ExamFile] = {}
    for path in (path for path in files if path not in keys.values()):
        year, section = _year_and_section(path, listing.get(path.name, Listed()))
        name = f"{year}-{section}{path.suffix.lower()}"
        if other := next((one for one in described.values() if (one.year, one.section) == (year, section)), None):
            raise InputError(
                f"{path} and {source / other.original} are both {year} {section}. "
                f"Remove one, or tell them apart in {source / LISTING}."
            )
        described[name] = _copied(path, exams / name, year, section)
        if key := keys.get(path):
            entry = _copied(key, exams / f"{year}-{section}.key{key.suffix.lower()}", year, section)
            described[name] = described[name].model_copy(update={"key": entry})
    return list(described.values())


def _not_read(source: Path) -> list[str]:
    """Folders, and files of a kind near to an exam's."""
    visible = sorted(path for path in source.iterdir() if not path.name.startswith("."))
    return [
        f"'{path.name}{'/' if path.is_dir() else ''}'"
        for path in visible
        if path.is_dir() or path.suffix.lower() in NEAR
    ]


def _copied(path: Path, copy: Path, year: int, section: str) -> ExamFile:
    describe(path, path.name, year, section)  # an error message has the user's name of the file
    shutil.copyfile(path, copy)
    return describe(copy, path.name, year, section)


def _keys(files: list[Path], listing: dict[str, Listed]) -> dict[Path, Path]:
    """The key's file of each exam that has one: as exams.yaml says, or a file named like the exam and a key."""
    by_name = {path.name: path for path in files}
    keys: dict[Path, Path] = {}
    for name, listed in listing.items():
        if listed.key and listed.key not in by_name:
            raise InputError(f"{files[0].parent / LISTING}: the key {listed.key!r} of {name!r} is not in the folder.")
        if listed.key and listed.key != name:  # an exam that is its own key holds the key, as exams do
            keys[by_name[name]] = by_name[listed.key]
    exams = [path for path in files if not KEY.search(path.stem)]
    for path in files:
        called = _called(KEY.sub(" ", path.stem))
        fitting = [exam for exam in exams if _called(exam.stem) == called]
        if KEY.search(path.stem) and fitting and path not in keys.values() and path.name not in listing:
            exam = fitting[0]
            if len(fitting) > 1:
                raise InputError(
                    f"{path} may be the key of {' or of '.join(other.name for other in fitting)}. Say which in "
                    f"{path.parent / LISTING}: '{exam.name}: {{key: {path.name}}}'."
                )
            if exam in keys:
                raise InputError(f"{path} and {keys[exam]} are both the key of {exam}. Remove one.")
            keys[exam] = path
    for exam, key in keys.items():
        entry = listing.get(key.name, Listed())
        if key in keys or entry.year or entry.section:
            own = "key" if key in keys else "year or section"
            raise InputError(
                f"{key.parent}: {key.name!r} is the key of {exam.name!r}, and has a {own} of its own. A file "
                f"is an exam or a key: say which in {LISTING}."
            )
        if (exam.suffix.lower() == ".pdf") != (key.suffix.lower() == ".pdf"):
            raise InputError(f"{key} is the key of {exam}: give both as PDFs, or neither.")
    return keys


def _called(stem: str) -> tuple[int | None, str | None]:
    """The year and section in an exam's name, whatever its spelling. They tell exams apart."""
    return year_and_section(f"{stem}.pdf")


def _year_and_section(path: Path, listed: Listed) -> tuple[int, str]:
    named_year, named_section = year_and_section(path.name)
    year, section = listed.year or named_year, listed.section or named_section
    for what, value in (("year", year), ("section", section)):
        if value is None:
            of_key = f" If it is the key of EXAM.pdf, write 'EXAM.pdf: {{key: {path.name}}}' there."
            raise InputError(
                f"{path}: its {what} is unknown. Name it like '2019 junior_senior_test.pdf', or write "
                f"'{path.name}: {{year: 2019, section: junior_senior_test}}' in {path.parent / LISTING}."
                + (of_key if KEY.search(path.stem) else "")
            )
    assert year is not None and section is not None
    if not re.fullmatch(r"[a-z0-9_]+", section):
        raise InputError(f"{path.parent / LISTING}: section {section!r} may hold only a-z, 0-9 and underscores.")
    return year, section


def _read_listing(path: Path) -> dict[str, Listed]:
    if not path.exists():
        return {}
    return read_yaml_as(path, Listing, "It is a list of 'FILE.pdf: {year: 2019, section: NAME}'.").root
