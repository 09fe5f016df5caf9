"""Exam files: what a name says, and opening a PDF or saying what is wrong with it."""

import hashlib
import re
from pathlib import Path

import pypdfium2

from distil.pipeline.files import InputError
from distil.pipeline.records import SECTIONS, ExamFile

YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
KNOWN_SECTIONS = (
    r"\bfr(esh\w*|osh)? ?(and )?so(ph\w*)?\b|\bfs\b",
    r"\bj(r|un\w*) ?(and )?s(r|en\w*)\b|\bjs\b",
    r"\b(two|2) person\b",
)
"""How names and headings spell SECTIONS, in their order. Both halves count: `Senior Challenge` is another contest."""


def problem_id(year: int, section: str, number: int) -> str:
    """The id of an exam's question: `2011/junior_senior_test/07`."""
    return f"{year}/{section}/{number:02d}"


def year_and_section(name: str) -> tuple[int | None, str | None]:
    """What a file's name says: `2019 junior_senior_test.pdf`, `2019-JS.pdf`, `jr-senior-test2019.pdf`.

    Four digits are the year and the rest is the section; words that only the contest's three sections use name these.
    """
    stem = Path(name).stem
    years = YEAR.findall(stem)
    words = re.sub(r"[^a-z0-9]+", " ", YEAR.sub(" ", stem).lower()).strip()
    known = [name for name, spelling in zip(SECTIONS, KNOWN_SECTIONS, strict=True) if re.search(spelling, words)]
    section = known[0] if len(known) == 1 else words.replace(" ", "_")
    return int(years[0]) if len(set(years)) == 1 else None, section or None


def open_pdf(path: Path) -> pypdfium2.PdfDocument:
    """Open an exam. Raises InputError when the file is missing, no PDF, cut off, encrypted, or without pages."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror}.") from error
    if b"%PDF-" not in content[:1024]:
        raise InputError(f"{path} is not a PDF: it begins with {content[:8]!r}. Replace or remove it.")
    if b"%%EOF" not in content[-2048:]:
        raise InputError(f"{path} is cut off: its end is missing. Copy or download it again.")
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise InputError(
                f"{path} is encrypted. Remove its password first (for example, print it to a PDF)."
            ) from error
        raise InputError(f"{path} is damaged: {error} Copy or download it again.") from error
    if not len(document):
        raise InputError(f"{path} has no pages. Replace or remove it.")
    return document


DOCUMENTS = (".tex", ".docx", ".md", ".html")
"""Kinds of exams besides PDFs: they have no pages."""


def describe(path: Path, original: str, year: int | None, section: str | None) -> ExamFile:
    """The manifest's entry of an exam. Raises InputError as `open_pdf` does."""
    document = open_pdf(path) if path.suffix.lower() not in DOCUMENTS else []
    texts = [page.get_textpage().count_chars() for page in document]
    return ExamFile(
        file=path.name,
        original=original,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        pages=len(texts),
        text_pages=sum(count > 0 for count in texts),
        year=year,
        section=section,
    )
