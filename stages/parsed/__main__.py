"""Turn exams into problems: `python -m stages.parsed`, or `python -m stages.parsed --exam FILE.pdf` to look at one.

    python -m stages.parsed --status    what a reader that is paid is still to be asked, and what that costs

Reads data/raw and the `parsed` block of params.yaml. Problems that came as data (`raw.source: problems`) are taken as
they are, with the final answer of each key. Of exams, `parsed.reader: text_layer` reads the PDFs' text, `ocr` scans,
`vision` has a model read scans (the role `reader` of `teacher_cot`), `transcription` the study's hand-made JSON,
corrected by its errata.csv unless `parsed.errata` is false. Writes data/parsed/problems.jsonl,
data/parsed/left_out.jsonl and metrics/parsed.json. Last, corrections.yaml is applied, which a person exports from the
page of `make review`.
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
    parser.add_argument("--status", action="store_true", help="what a paid reader is still to be asked")
    arguments = parser.parse_args()
    if arguments.exam:
        show(arguments.exam)
        return
    params = load_params("parsed", ParsedParams)
    if arguments.status:
        show_status(params)
        return
    problems, left_out, errata = read_all(params)
    corrected: dict[str, int] = {}
    if corrections := read_corrections(CORRECTIONS):
        problems, left_out, reports = apply_corrections(problems, left_out, corrections)
        for report in reports:
            print(f"{CORRECTIONS}: not applied: {report}", file=sys.stderr)
        corrected = {"corrections_applied": len(corrections) - len(reports), "corrections_not_applied": len(reports)}
    truth = RAW / "truth.jsonl"
    read = recovered(problems, list(read_jsonl(truth, Problem))) if truth.exists() else {}
    metrics = ParsedMetrics.model_validate({**counts(problems, left_out), **errata, **corrected, **read})
    with replacing_folder(PARSED) as folder:
        write_jsonl(folder / "problems.jsonl", problems)
        write_jsonl(folder / "left_out.jsonl", left_out)
        write_json(METRICS, metrics.model_dump())
    print(f"{len(problems)} problems, {len(left_out)} left out -> {PARSED}")


def read_all(params: ParsedParams) -> tuple[list[Problem], list[LeftOut], dict[str, int]]:
    """What the reader makes of data/raw, before a person's corrections, and how many errata were applied or noted."""
    errata_counts: dict[str, int] = {}
    if (RAW / "problems.jsonl").exists():
        problems, left_out = understand(read_jsonl(RAW / "problems.jsonl", Problem))
    elif params.reader != "transcription":
        problems, left_out = read_exams(params)
    else:
        problems, left_out = read_transcriptions(RAW / "recorded/transcribed")
        errata = read_errata(RAW / "recorded/errata.csv") if params.errata else []
        if params.errata and not errata:
            print("parsed.errata: these exams have no errata.csv; transcriptions stand as they are", file=sys.stderr)
        problems, applied = apply_errata(problems, errata)
        errata_counts = {"errata_applied": applied, "errata_noted": len(errata) - applied}
    return problems, left_out, errata_counts


def show(exam: Path) -> None:
    """Print one exam's problems, and on standard error what was left out of them."""
    year, section = year_and_section(exam.name)
    problems, left_out = read_exam(exam, year or 0, section or "exam")
    shown = {"number", "page", "question", "answer"}
    print("\n".join(problem.model_dump_json(include=shown) for problem in problems))
    for question in left_out:
        place = f", page {question.page}" if question.page else ""
        print(f"left out: question {question.number}{place}: {question.reason}", file=sys.stderr)


def show_status(params: ParsedParams) -> None:
    """Print what the vision model is still to be asked, and what the store's budget has spent."""
    if params.reader != "vision":
        print(f"parsed.reader {params.reader} asks nobody")
        return
    from stages.parsed import vision  # it brings the client of endpoints, which others do not need

    settings = load_params("teacher_cot", vision.ReaderSettings)
    print(vision.status((RAW / "exams" / exam.file for exam in manifest().exams), settings))


def understand(problems: Iterable[Problem]) -> tuple[list[Problem], list[LeftOut]]:
    """Problems that came as data: each with its final answer as the key, or left out."""
    read = [understood(problem) for problem in problems]
    return [one for one in read if isinstance(one, Problem)], [one for one in read if isinstance(one, LeftOut)]


def manifest() -> Manifest:
    """The exams that `raw` has brought in. Raises InputError when they are not there."""
    try:
        return Manifest.model_validate(read_json(RAW / "manifest.json"))
    except ValidationError as error:
        raise InputError(f"{RAW / 'manifest.json'} is no manifest of exams: run `python -m stages.raw`.") from error


def read_exams(params: ParsedParams) -> tuple[list[Problem], list[LeftOut]]:
    """Read every PDF of the manifest, in its order."""
    exams = manifest().exams
    for exam in exams:
        if exam.year is None or (exam.section is None and params.reader == "text_layer"):
            path = RAW / "exams" / exam.file
            raise InputError(f"{path}: its year or section is unknown. Name the file for them; see docs/own-exams.md.")
    paths = [RAW / "exams" / exam.file for exam in exams]
    if params.reader == "vision":
        return read_by_model(exams, paths, params)
    problems, left_out = [], []
    for exam, path in zip(Bar(exams, "reading", unit="exam"), paths, strict=True):
        assert exam.year is not None
        if params.reader == "ocr":
            found, without = problems_of(path, exam.year, exam.section, params.least_confidence)
        else:
            assert exam.section is not None
            found, without = read_exam(path, exam.year, exam.section)
        problems += found
        left_out += without
    return problems, left_out


def read_by_model(
    exams: list[ExamFile], paths: list[Path], params: ParsedParams
) -> tuple[list[Problem], list[LeftOut]]:
    """Have a model read the exams, and say which of its replies were of no use."""
    from stages.parsed import vision

    problems, left_out = [], []
    seen = vision.see(paths, load_params("teacher_cot", vision.ReaderSettings))
    for exam, path in zip(exams, paths, strict=True):
        assert exam.year is not None
        for page in seen[path]:
            for fault in page.faults:
                print(f"{path}, page {page.number}: a reply that is no reading: {fault}", file=sys.stderr)
        found, without = with_keys(vision.sections(seen[path], exam.section), path, exam.year, params.least_confidence)
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
    """The shares of questions and answers that were read exactly, of all that are there or were read."""
    read, true = ({problem.id: problem for problem in some} for some in (problems, truth))
    both = [(read[identity], true[identity]) for identity in read.keys() & true.keys()]
    total = len(read.keys() | true.keys())
    return {
        "recovered_questions": sum(one.question == other.question for one, other in both) / total,
        "recovered_answers": sum(one.answer == other.answer for one, other in both) / total,
    }


if __name__ == "__main__":
    run(main)
