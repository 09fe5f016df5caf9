"""Bring the exams in: `python -m stages.raw`.

Reads the `raw` block of params.yaml. `raw.source` says where the exams come from:

- `sample`: a contest of the project's own is typeset. Writes data/raw/truth.jsonl, too.
- `folder`: your PDFs are copied.
- `problems`: problems that are data already (JSON lines, JSON, CSV, Parquet, a Hugging Face data set). Writes
  data/raw/problems.jsonl and data/raw/recorded/chains.
- `study`: the study's exams and recordings. Writes data/raw/recorded/, too.

Exams are written to data/raw/exams, and data/raw/manifest.json lists them. Every run begins here, so this stage refuses
a run whose model (`lora_seed.model`) is missing.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from distil.exams.files import describe, problem_id
from distil.exams.problem_sets import ColumnsParam, read_problems, ready_mappings, recorded_chains
from distil.pipeline.command import Params, load_params, run
from distil.pipeline.files import replacing, replacing_folder, write_json, write_jsonl
from distil.pipeline.progress import Bar
from distil.pipeline.records import ExamFile, Manifest, Problem
from distil.pipeline.student_model import StudentModel
from stages.raw.exam_pdf import Exam, typeset
from stages.raw.folder import copy_exams
from stages.raw.sample import exams, load_layout
from stages.raw.study import copy_study

RAW = Path("data/raw")
UNKNOWN = "not known to the project; nothing is passed on"


class RawParams(Params):
    """The `raw` block of params.yaml."""

    source: Literal["sample", "folder", "problems", "study"]
    path: Path
    seed: int
    columns: ColumnsParam
    groups: int = Field(ge=2)
    split: str | None
    licence: str | None = None

    @model_validator(mode="after")
    def _parameters_fit_the_source(self) -> "RawParams":
        if self.source != "problems" and (self.split or self.columns != ready_mappings()["plain"]):
            raise ValueError(f"columns and split are for source problems, and source is {self.source}")
        if self.licence and self.source not in ("folder", "problems"):
            raise ValueError(f"licence is for your own files or problems; source {self.source} has its own")
        return self


def main() -> None:
    """Fill data/raw from the chosen source and describe every file in the manifest."""
    argparse.ArgumentParser(
        prog="python -m stages.raw", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    params = load_params("raw", RawParams)
    load_params("lora_seed", StudentModel).require()
    with replacing_folder(RAW) as raw:
        match params.source:
            case "sample":
                origin, licence = "typeset by stages/raw", "the project's own (Apache-2.0)"
                files = typeset_contest(list(exams(load_layout(params.path), params.seed)), raw)
            case "folder":
                origin, licence = "the user's own files", params.licence or UNKNOWN
                files = copy_exams(params.path, raw / "exams")
            case "problems":
                origin, licence = "the user's own problems", params.licence or UNKNOWN
                files = []
                copy_problems(params, raw)
            case "study":
                licence = "none stated by the authors: for reading here, not for passing on"
                origin, files = copy_study(params.path, raw)
        manifest = Manifest(source=params.source, origin=origin, licence=licence, exams=files)
        write_json(raw / "manifest.json", manifest.model_dump())
    if files:
        print(f"{len(files)} exams, {sum(file.pages for file in files)} pages -> {RAW}")


def copy_problems(params: RawParams, raw: Path) -> None:
    """Write the problems of a file or data set, and its worked solutions as a teacher's recorded chains."""
    problems = read_problems(params.path, params.columns, params.groups, params.split)
    chains = recorded_chains(params.path, params.columns, problems, params.split)
    write_jsonl(raw / "problems.jsonl", problems)
    if chains:
        write_jsonl(raw / "recorded/chains/solutions.jsonl", chains)
    print(f"{len(problems)} problems, {len(chains)} worked solutions -> {RAW}")


def typeset_contest(contest: list[Exam], raw: Path) -> list[ExamFile]:
    """Write each exam's PDF, and the true problems to measure `parsed` by. Return the manifest's entries."""
    files = []
    for exam in Bar(contest, "typesetting", unit="exam"):
        path = raw / "exams" / f"{exam.year}-{exam.section}.pdf"
        with replacing(path, "wb") as file:
            file.write(typeset(exam))
        files.append(describe(path, path.name, exam.year, exam.section))
    write_jsonl(raw / "truth.jsonl", (problem for exam in contest for problem in answerable(exam)))
    return files


def answerable(exam: Exam) -> Iterator[Problem]:
    """The exam's questions that need no figure, as `parsed` should read them."""
    for number, question in enumerate(exam.questions, 1):
        if question.figure is None:
            yield Problem(
                id=problem_id(exam.year, exam.section, number),
                year=exam.year,
                section=exam.section,
                number=number,
                question=question.text,
                answer=question.answer,
                source=f"{exam.year}-{exam.section}.pdf",
            )


if __name__ == "__main__":
    run(main)
