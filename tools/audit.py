"""Where the study's transcriptions and its scans differ: `python -m tools.audit`, after `dvc repro raw` with the study.

Reads the scans in data/raw, written with `raw.source: study`, by the OCR engine. Its readings are kept in cache/ocr.
Writes audit.csv: for each question or answer that differs, the scan's reading, the transcription, and the engine's
confidence. A difference may be the engine's fault, so a person should look at them; the most confident come first.
Prints how many of the recorded errata are among the differences, and how well scan and transcription agree by year and
section.
"""

import argparse
import csv
import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz import fuzz

from distil.exams.files import problem_id
from distil.pipeline.command import run
from distil.pipeline.files import InputError, read_record, replacing
from distil.pipeline.records import Manifest, Problem
from distil.verifier import verify
from stages.parsed.errata import read_errata
from stages.parsed.ocr import ScannedItem, read_scan
from stages.parsed.scan import sections
from stages.parsed.transcription import read_transcriptions

RAW = Path("data/raw")
TOKEN = re.compile(r"\d+(?:\.\d+)?|[a-z]+|[^\sa-z0-9]")
SPELLINGS = str.maketrans("−–—×⋅·∘∆△“”’", '---***°δδ""\'')
NOTATION = frozenset("$\\{}()[]⟨⟩^_,.;:?!'\"*/ ")
FEW = 6  # tokens; a longer difference is a formula that the engine split, and says little

OTHER, SAME = 60, 80  # per cent of similarity: below the first it is another question, from the second on the same
NEAR = 3


@dataclass(frozen=True)
class TextDifference:
    """A question or answer in which scan and transcription differ, and the place."""

    id: str
    field: str
    scan: str
    transcription: str
    confidence: float


def main() -> None:
    """Compare all questions and answers, and write and count the differences."""
    argparse.ArgumentParser(
        prog="python -m tools.audit", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    asked, answered = read_all()
    problems, _ = read_transcriptions(RAW / "recorded/transcribed")
    differences: list[TextDifference] = []
    agreement: dict[str, list[tuple[bool, float, bool]]] = defaultdict(list)
    for problem in problems:
        printed = printed_number(problem, asked)
        identity = problem_id(problem.year, problem.section, printed)
        question, answer = asked.get(identity), answered.get(identity)
        right = answer is not None and (
            verify(problem.answer, answer.text).verdict == "CORRECT" or plain(problem.answer) == plain(answer.text)
        )
        alike = fuzz.ratio(plain(question.text), plain(problem.question)) if question else 0.0
        for group in (str(problem.year), problem.section, "all"):
            agreement[group].append((question is not None, alike, right))
        if question and printed != problem.number:
            differences.append(
                TextDifference(problem.id, "number", str(printed), str(problem.number), question.confidence)
            )
        if question:
            differences += [
                TextDifference(problem.id, "question", scan, typed, question.confidence)
                for scan, typed in different(question.text, problem.question)
            ]
        if answer and not right:
            differences.append(TextDifference(problem.id, "answer", answer.text, problem.answer, answer.confidence))
    differences.sort(key=lambda one: (-one.confidence, one.id, one.field))
    with replacing("audit.csv") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["id", "field", "scan", "transcription", "confidence"])
        rows.writerows([d.id, d.field, d.scan, d.transcription, f"{d.confidence:.2f}"] for d in differences)
    for group, rows_of in sorted(agreement.items()):
        count = len(rows_of)
        numbers, texts, keys = (sum(row[i] for row in rows_of) / count for i in range(3))
        print(f"{group:26} {count:4} questions: numbers {numbers:.1%}, text {texts:.1f} %, answers {keys:.1%}")
    errata = read_errata(RAW / "recorded/errata.csv")
    found = [one for one in errata if is_among(one.printed, one.transcribed, differences, _id(one), one.field)]
    print(f"{len(found)} of {len(errata)} recorded errata are among {len(differences)} differences -> audit.csv")


def _id(erratum: object) -> str:
    return problem_id(erratum.year, erratum.section, erratum.question)  # type: ignore[attr-defined]


def read_all() -> tuple[dict[str, ScannedItem], dict[str, ScannedItem]]:
    """The questions and answers of all scans by id. Raises InputError where they are not the study's."""
    manifest = read_record(RAW / "manifest.json", Manifest)
    if manifest.source != "study":
        raise InputError(
            f"data/raw has the exams of raw.source {manifest.source}, and only the study's are there as scans and as "
            "transcriptions: `make params PROFILE=exams && dvc repro raw` brings them."
        )
    asked: dict[str, ScannedItem] = {}
    answered: dict[str, ScannedItem] = {}
    for exam in manifest.exams:
        for section, (questions, answers) in sections(read_scan(RAW / "exams" / exam.file), exam.section).items():
            assert exam.year is not None
            for items, by_id in ((questions, asked), (answers, answered)):
                by_id |= {problem_id(exam.year, section, item.number): item for item in items}
    return asked, answered


def printed_number(problem: Problem, asked: dict[str, ScannedItem]) -> int:
    """The number of a question in the scan. It is a near one where a transcriber left out a question and counted on."""

    def alike(number: int) -> float:
        found = asked.get(problem_id(problem.year, problem.section, number))
        return fuzz.ratio(plain(found.text), plain(problem.question)) if found else 0.0

    if alike(problem.number) >= OTHER:
        return problem.number
    best = max(range(max(1, problem.number - NEAR), problem.number + NEAR + 1), key=alike)
    return best if alike(best) >= SAME else problem.number


def plain(text: str) -> str:
    """A text without case, white space and notation."""
    return "".join(sign for sign in _spelled(text) if sign not in NOTATION)


def _spelled(text: str) -> str:
    """A text in lower case and in one spelling, without the spaces that the engine sees between digits.

    Compatibility signs come first, because a raised minus becomes a minus. A digit after a letter is an index.
    """
    text = unicodedata.normalize("NFKC", text).lower().translate(SPELLINGS)
    return re.sub(r"(?<![a-z\d])(\d+) (?=\d)", r"\1", text)


def different(scan: str, typed: str) -> Iterator[tuple[str, str]]:
    """The short differences of two texts, except those in notation only."""
    one, other = (TOKEN.findall(_spelled(text)) for text in (scan, typed))
    one, other = ([token for token in tokens if token not in NOTATION] for tokens in (one, other))
    for kind, a, b, c, d in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind != "equal" and "".join(one[a:b]) != "".join(other[c:d]) and max(b - a, d - c) <= FEW:
            yield " ".join(one[a:b]), " ".join(other[c:d])


def is_among(printed: str, transcribed: str, differences: list[TextDifference], identity: str, field: str) -> bool:
    """Whether a recorded erratum is among the differences: one of its own differences is one of them."""
    theirs = [one for one in differences if (one.id, one.field) == (identity, field)]
    if field == "answer" or re.search(r"[a-z]{4}", printed):  # the place is the whole answer, or words describe it
        return bool(theirs)
    return any(
        _part(one.scan, a)
        or _part(one.transcription, b)
        # with misread signs next to it, or where the engine reads nothing at all
        or (_part(b, one.transcription) and (_part(a, one.scan) or not one.scan))
        for one in theirs
        for a, b in different(printed, transcribed)
    )


def _part(some: str, whole: str) -> bool:
    """Whether `some` has tokens, and the other text has all of them in a row."""
    return bool(some) and f" {some} " in f" {whole} "


if __name__ == "__main__":
    run(main)
