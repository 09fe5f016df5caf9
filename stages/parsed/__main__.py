"""Turn exams into problems: `python -m stages.parsed`, or `python -m stages.parsed --exam FILE.pdf` to look at one.

    python -m stages.parsed --status    how many requests a paid reader still has to get, and what they cost

Reads data/raw and the `parsed` block of params.yaml. Problems that came as data (`raw.source: problems`) are taken as
they are, with the final answer of each key. For exams, `parsed.reader` says how they are read:

- `text_layer` reads the text in the PDFs. A scan among them is named on standard error and left out.
- `ocr` reads scans. `vision` has a model read scans (the role `reader` of `teacher_cot`).
- `transcription` reads the study's hand-made JSON, corrected by its errata.csv unless `parsed.errata` is false.

Last, the corrections in corrections.yaml are applied. A person exports that file from the page of `make review`. Writes
data/parsed/problems.jsonl, data/parsed/left_out.jsonl and metrics/parsed.json.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from distil.exams.files import year_and_section
from distil.exams.left_out import LeftOut
from distil.exams.problem_sets import understood
from distil.pipeline.command import Params, load_params, run
from distil.pipeline.files import InputError, read_json, read_jsonl, replacing_folder, write_json, write_jsonl
from distil.pipeline.metrics import ParsedMetrics
from distil.pipeline.progress import Bar
from distil.pipeline.records import ExamFile, Manifest, Problem
from stages.parsed.corrections import apply_corrections, read_corrections
from stages.parsed.errata import apply_errata, read_errata
from stages.parsed.exam import read_exam
from stages.parsed.page import NoTextLayer
from stages.parsed.scan import problems_of, with_keys
from stages.parsed.transcription import read_transcriptions

RAW, PARSED, METRICS = Path("data/raw"), Path("data/parsed"), Path("metrics/parsed.json")
CORRECTIONS = Path("corrections.yaml")


class ParsedParams(Params):
    """The `parsed` block of params.yaml."""

    reader: Literal["text_layer", "ocr", "vision", "transcription"]
    errata: bool
    least_confidence: float = Field(ge=0, le=1)


def main() -> None:
    """Read all exams, or print the problems of one."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.parsed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--exam", type=Path, metavar="FILE", help="print this exam's problems as JSON lines")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the exam's key, if it is a separate file")
    parser.add_argument("--status", action="store_true", help="how many requests a paid reader still has to get")
    arguments = parser.parse_args()
    if arguments.exam:
        show(arguments.exam, arguments.key)
        return
    params = load_params("parsed", ParsedParams)
    if arguments.status:
        show_status(params)
        return
    problems, left_out, further = read_all(params)
    corrected: dict[str, int] = {}
    if corrections := read_corrections(CORRECTIONS):
        problems, left_out, reports = apply_corrections(problems, left_out, corrections)
        for report in reports:
            print(f"{CORRECTIONS}: not applied: {report}", file=sys.stderr)
        corrected = {"corrections_applied": len(corrections) - len(reports), "corrections_not_applied": len(reports)}
    truth = RAW / "truth.jsonl"
    read = recovered(problems, list(read_jsonl(truth, Problem))) if truth.exists() else {}
    metrics = ParsedMetrics.model_validate({**counts(problems, left_out), **further, **corrected, **read})
    with replacing_folder(PARSED) as folder:
        write_jsonl(folder / "problems.jsonl", problems)
        write_jsonl(folder / "left_out.jsonl", left_out)
        write_json(METRICS, metrics.model_dump())
    not_read = f", {count} exams not read" if (count := further.get("exams_not_read")) else ""
    print(f"{len(problems)} problems, {len(left_out)} left out{not_read} -> {PARSED}")


def read_all(params: ParsedParams) -> tuple[list[Problem], list[LeftOut], dict[str, int]]:
    """Read data/raw without a person's corrections. Returns problems, left-out questions and counts for the metrics."""
    further: dict[str, int] = {}
    if (RAW / "problems.jsonl").exists():
        problems, left_out = understand(read_jsonl(RAW / "problems.jsonl", Problem))
    elif params.reader != "transcription":
        problems, left_out, not_read = read_exams(params)
        further = {"exams_not_read": not_read} if not_read else {}
    else:
        problems, left_out = read_transcriptions(RAW / "recorded/transcribed")
        errata = read_errata(RAW / "recorded/errata.csv") if params.errata else []
        if params.errata and not errata:
            print("parsed.errata: these exams have no errata.csv; no transcription is corrected", file=sys.stderr)
        problems, applied = apply_errata(problems, errata)
        further = {"errata_applied": applied, "errata_noted": len(errata) - applied}
    return problems, left_out, further


def show(exam: Path, key: Path | None) -> None:
    """Print one exam's problems, and on standard error the questions that were left out."""
    year, section = year_and_section(exam.name)
    problems, left_out = read_exam(exam, year or 0, section or "exam", key)
    shown = {"number", "page", "question", "answer"}
    print("\n".join(problem.model_dump_json(include=shown) for problem in problems))
    for question in left_out:
        place = f", page {question.page}" if question.page else ""
        print(f"left out: question {question.number}{place}: {question.reason}", file=sys.stderr)


def show_status(params: ParsedParams) -> None:
    """Print how many requests the vision model still has to get, and how much of the store's budget is spent."""
    if params.reader != "vision":
        print(f"parsed.reader {params.reader} asks nobody")
        return
    from stages.parsed import vision  # it imports the client of endpoints, which the other readers do not need

    settings = load_params("teacher_cot", vision.ReaderSettings)
    print(vision.status((path for exam in manifest().exams for path in files_of(exam) if path), settings))


def understand(problems: Iterable[Problem]) -> tuple[list[Problem], list[LeftOut]]:
    """Problems that came as data. Each gets its final answer as the key, or is left out with the reason."""
    read = [understood(problem) for problem in problems]
    return [one for one in read if isinstance(one, Problem)], [one for one in read if isinstance(one, LeftOut)]


def manifest() -> Manifest:
    """The exams that `raw` has brought in. Raises InputError when they are not there."""
    try:
        return Manifest.model_validate(read_json(RAW / "manifest.json"))
    except ValidationError as error:
        raise InputError(f"{RAW / 'manifest.json'} is no manifest of exams: run `python -m stages.raw`.") from error


def files_of(exam: ExamFile) -> tuple[Path, Path | None]:
    """The paths of an exam and of its key, if that is a separate file."""
    return RAW / "exams" / exam.file, RAW / "exams" / exam.key.file if exam.key else None


def read_exams(params: ParsedParams) -> tuple[list[Problem], list[LeftOut], int]:
    """Read every exam of the manifest, in its order. Exams without text are named on standard error and counted last.

    Raises InputError when no exam has text, or one cannot be read for another reason.
    """
    exams = manifest().exams
    for exam in exams:
        if exam.year is None or (exam.section is None and params.reader == "text_layer"):
            path = RAW / "exams" / exam.file
            raise InputError(f"{path}: its year or section is unknown. Name the file for them; see docs/own-exams.md.")
    if params.reader == "vision":
        return *read_by_model(exams, params), 0
    problems, left_out, scans = [], [], list[tuple[str, NoTextLayer]]()
    for exam in Bar(exams, "reading", unit="exam"):
        path, key = files_of(exam)
        assert exam.year is not None
        if params.reader == "ocr":
            found, without = problems_of(path, exam.year, exam.section, params.least_confidence, key)
        else:
            assert exam.section is not None
            try:
                found, without = read_exam(path, exam.year, exam.section, key)
            except NoTextLayer as scan:
                scans.append((exam.original, scan))
                continue
        problems += found
        left_out += without
    if scans and len(scans) == len(exams):
        raise scans[0][1]
    for original, fault in scans:
        print(f"not read: {original}: {fault}", file=sys.stderr)
    return problems, left_out, len(scans)


def read_by_model(exams: list[ExamFile], params: ParsedParams) -> tuple[list[Problem], list[LeftOut]]:
    """Have a model read the exams, and print which of its replies could not be used."""
    from stages.parsed import vision

    problems, left_out = [], []
    paths = [path for exam in exams for path in files_of(exam) if path]
    seen = vision.see(paths, load_params("teacher_cot", vision.ReaderSettings))
    for path in paths:
        for page in seen[path]:
            for fault in page.faults:
                print(f"{path}, page {page.number}: a reply that is no reading: {fault}", file=sys.stderr)
    for exam in exams:
        path, key = files_of(exam)
        assert exam.year is not None
        both = vision.sections(path, seen[path], exam.section)
        if key and exam.section and exam.section in both:
            both[exam.section] = both[exam.section][0], [item for page in seen[key] for item in page.answers]
        found, without = with_keys(both, path, exam.year, params.least_confidence)
        problems += found
        left_out += without
    return problems, left_out


def counts(problems: list[Problem], left_out: list[LeftOut]) -> dict[str, int | dict[str, int]]:
    """How many problems there are, by section and year, and how many are left out, by reason."""
    return {
        "problems": len(problems),
        "left_out": len(left_out),
        "by_section": dict(sorted(Counter(problem.section for problem in problems).items())),
        "by_year": {str(year): count for year, count in sorted(Counter(p.year for p in problems).items())},
        "left_out_by_reason": dict(sorted(Counter(question.reason for question in left_out).items())),
    }


def recovered(problems: list[Problem], truth: list[Problem]) -> dict[str, float]:
    """The shares of questions and answers that were read exactly, among all that exist or were read."""
    read, true = ({problem.id: problem for problem in some} for some in (problems, truth))
    both = [(read[identity], true[identity]) for identity in read.keys() & true.keys()]
    total = len(read.keys() | true.keys())
    return {
        "recovered_questions": sum(one.question == other.question for one, other in both) / total,
        "recovered_answers": sum(one.answer == other.answer for one, other in both) / total,
    }


if __name__ == "__main__":
    run(main)
