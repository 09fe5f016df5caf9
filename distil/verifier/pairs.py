"""A file of keys and answers, scored against its labels and compared with an LLM judge where it has verdicts."""

import json
import time
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, field_validator

from distil.pipeline.files import InputError
from distil.pipeline.records import Verdict, VerdictName
from distil.verifier import Verifier
from distil.verifier.verifier import WORKERS

RIGHT = ("1", "yes", "y", "t", "true", "right", "correct", "equal", "equivalent")
WRONG = ("0", "no", "n", "f", "false", "wrong", "incorrect", "different", "unequal")
WORDS = dict.fromkeys(RIGHT, True) | dict.fromkeys(WRONG, False)
"""What a label may say, in any case; the empty word is no label. Another one is an error, never a guess."""


class Pair(BaseModel):
    """One row: `answer` is a whole response or a bare answer; labels are true, false, 1, 0 or one of WORDS."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    gold: str
    answer: str
    label: bool | None = Field(default=None, validation_alias=AliasChoices("label", "equal"))
    llm_verdict: bool | None = None

    @field_validator("answer", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return "" if value is None else value

    @field_validator("label", "llm_verdict", mode="before")
    @classmethod
    def _word_is_verdict(cls, value: Any) -> Any:
        word = str(value).strip().lower() if isinstance(value, str | int) else value
        if word is None or word == "":
            return None
        if not isinstance(word, str) or word not in WORDS:
            raise ValueError(f"{value!r} is no label: say one of {', '.join(WORDS)}")
        return WORDS[word]


def read_pairs(path: Path) -> list[Pair]:
    """The rows of a JSON-lines file. Raises InputError naming file, line and field.

    Lone surrogates, which JSON can spell but no record can hold, become question marks: a hostile row costs no other.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror}.") from error
    pairs = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            pairs.append(Pair.model_validate(_printable(json.loads(line))))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"]) or "the line itself"
            raise InputError(
                f'{path}, line {number}, {field}: {first["msg"]} (rows are {{"gold": ..., "answer": ...}}, with or '
                f'without "label").'
            ) from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: not JSON: {error}.") from error
    return pairs


def _printable(row: Any) -> Any:
    if not isinstance(row, dict):
        return row
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in row.items()
    }


class ScoredRow(Verdict):
    """A row's verdict with its key and label."""

    gold: str
    label: bool | None


class PairDisagreement(BaseModel):
    """A row (`line` counts from 1) on which the LLM and the verifier differ."""

    line: int
    gold: str
    extracted: str | None
    verdict: VerdictName
    llm_verdict: bool
    label: bool | None


class JudgeScores(BaseModel):
    """The LLM's verdicts against ours; `kappa` is Cohen's, None where both say only one thing."""

    n: int
    agree: int
    kappa: float | None
    disagreements: list[PairDisagreement]


class Scores(BaseModel):
    """Counts over the rows of a file; those that need labels are None without them."""

    n: int
    agree: int | None
    false_accept: int | None
    false_reject: int | None
    no_answer: int
    unverifiable: int
    seconds: float
    labelled: int
    correct: int
    judge: JudgeScores | None = None
    rows: list[ScoredRow] | None = None


def score_pairs(pairs: list[Pair], rows: bool = False, workers: int = WORKERS) -> Scores:
    """The scores; `judge` is set where rows have an LLM's verdict, `rows` where they are asked for."""
    start = time.perf_counter()
    with Verifier(workers) as verifier:
        verdicts = verifier.verify_many((pair.gold, pair.answer) for pair in pairs)
    seconds = time.perf_counter() - start
    right = [verdict.verdict == "CORRECT" for verdict in verdicts]
    labelled = [(pair.label, own) for pair, own in zip(pairs, right, strict=True) if pair.label is not None]
    scores = Scores(
        n=len(pairs),
        agree=sum(label == own for label, own in labelled) if labelled else None,
        false_accept=sum(own and not label for label, own in labelled) if labelled else None,
        false_reject=sum(label and not own for label, own in labelled) if labelled else None,
        no_answer=sum(verdict.verdict == "NO_ANSWER" for verdict in verdicts),
        unverifiable=sum(verdict.verdict == "UNVERIFIABLE" for verdict in verdicts),
        seconds=round(seconds, 3),
        labelled=len(labelled),
        correct=sum(right),
    )
    if any(pair.llm_verdict is not None for pair in pairs):
        scores.judge = _judge(pairs, verdicts, right)
    if rows:
        scores.rows = [
            ScoredRow(gold=pair.gold, label=pair.label, **verdict.model_dump())
            for pair, verdict in zip(pairs, verdicts, strict=True)
        ]
    return scores


def _judge(pairs: list[Pair], verdicts: list[Verdict], right: list[bool]) -> JudgeScores:
    """How the LLM's verdicts compare with ours.

    Raises InputError where the packages for statistics, which the verifier itself does without, are not installed.
    """
    try:
        import numpy as np

        from distil.statistics.proportions import kappa
    except ImportError as error:
        raise InputError(
            f"Rows with an llm_verdict need {error.name}, which is not installed. Install the extra `pipeline`, or "
            f"leave llm_verdict out."
        ) from error
    judged = [
        (line, pair, verdict, own, pair.llm_verdict)
        for line, (pair, verdict, own) in enumerate(zip(pairs, verdicts, right, strict=True), 1)
        if pair.llm_verdict is not None
    ]
    ours = np.array([own for *_, own, _ in judged], dtype=bool)
    theirs = np.array([said for *_, said in judged], dtype=bool)
    return JudgeScores(
        n=len(judged),
        agree=int((ours == theirs).sum()),
        kappa=kappa(ours, theirs),
        disagreements=[
            PairDisagreement(
                line=line, gold=pair.gold, extracted=verdict.extracted, verdict=verdict.verdict, llm_verdict=said,
                label=pair.label,
            )
            for line, pair, verdict, own, said in judged
            if own != said
        ],
    )  # fmt: skip
