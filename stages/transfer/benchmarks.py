"""Existing benchmarks: MATH-500, and any problems that are data."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from distil.exams.left_out import LeftOut
from distil.exams.problem_sets import ProblemColumns, read_problems, understood
from distil.pipeline.files import InputError, read_jsonl, read_yaml_as
from distil.pipeline.records import Problem


class DatasetPin(BaseModel):
    """A file of a dataset on the Hugging Face hub at one revision."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    dataset: str
    revision: str
    file: str


class MathProblem(BaseModel):
    """One row of MATH-500, for example `{"unique_id": "test/algebra/2.json", "subject": "Algebra", ...}`."""

    unique_id: str
    subject: str
    problem: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    level: int | None = None


def math500(path: Path) -> Iterator[Problem]:
    """MATH-500 from its JSON lines, or from the hub if `path` is a YAML file with a pin. Its subjects are sections."""
    rows = path if path.suffix == ".jsonl" else _fetch(path)
    for number, row in enumerate(read_jsonl(rows, MathProblem), 1):
        yield Problem(
            id=row.unique_id,
            year=0,
            section=row.subject,
            number=number,
            question=row.problem,
            answer=row.answer,
            source="MATH-500",
            difficulty=row.level,
        )


def from_data(path: Path, columns: ProblemColumns, split: str | None) -> list[Problem]:
    """A user's benchmark. Questions that cannot be asked are counted on standard error, by reason."""
    read = [understood(problem) for problem in read_problems(path, columns, groups=None, split=split)]
    left_out = Counter(one.reason for one in read if isinstance(one, LeftOut))
    for reason, count in sorted(left_out.items()):
        print(f"transfer: {count} problems left out: {reason}", file=sys.stderr)
    return [one for one in read if isinstance(one, Problem)]


def _fetch(path: Path) -> Path:
    """Download the pinned file, or find it in the hub's cache. Raises InputError without a network and a cache."""
    from huggingface_hub import hf_hub_download  # slow to import, and needed only here
    from huggingface_hub.errors import HfHubHTTPError

    pin = read_yaml_as(path, DatasetPin, "transfer.path is a .jsonl file, or a pin: 'dataset', 'revision' and 'file'.")
    try:
        return Path(hf_hub_download(pin.dataset, pin.file, repo_type="dataset", revision=pin.revision))
    except (HfHubHTTPError, OSError, ValueError) as error:  # ValueError: the pin is no name of a data set
        raise InputError(
            f"{pin.dataset} at {pin.revision} could not be fetched: {str(error).splitlines()[0]} Check the network, or "
            "set transfer.path to a copy of it (JSON lines with unique_id, subject, problem and answer)."
        ) from error
