"""Any file of keys and answers scored, beside its labels and an LLM judge's verdicts where it has them."""

import json
import time
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, field_validator

from distil.pipeline.files import InputError
from distil.pipeline.records import Verdict
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


def score_pairs(pairs: list[Pair], rows: bool = False, workers: int = WORKERS) -> dict[str, Any]:
    """Counts over the pairs; those that need labels or an LLM's verdicts are null or absent without them."""
    start = time.perf_counter()
    with Verifier(workers) as verifier:
        verdicts = verifier.verify_many((pair.gold, pair.answer) for pair in pairs)
    seconds = time.perf_counter() - start
    right = [verdict.verdict == "CORRECT" for verdict in verdicts]
    labelled = [(pair.label, own) for pair, own in zip(pairs, right, strict=True) if pair.label is not None]
    scored: dict[str, Any] = {
        "n": len(pairs),
        "agree": sum(label == own for label, own in labelled) if labelled else None,
        "false_accept": sum(own and not label for label, own in labelled) if labelled else None,
        "false_reject": sum(label and not own for label, own in labelled) if labelled else None,
        "no_answer": sum(verdict.verdict == "NO_ANSWER" for verdict in verdicts),
        "unverifiable": sum(verdict.verdict == "UNVERIFIABLE" for verdict in verdicts),
        "seconds": round(seconds, 3),
        "labelled": len(labelled),
        "correct": sum(right),
    }
    if any(pair.llm_verdict is not None for pair in pairs):
        scored["judge"] = _judge(pairs, verdicts, right)
    if rows:
        scored["rows"] = [
            {"gold": pair.gold, "label": pair.label, **verdict.model_dump()}
            for pair, verdict in zip(pairs, verdicts, strict=True)
        ]
    return scored


def _judge(pairs: list[Pair], verdicts: list[Verdict], right: list[bool]) -> dict[str, Any]:
    """How the LLM's verdicts compare with ours: agreement, Cohen's kappa, and every row on which they differ.

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
    both = [place for place, pair in enumerate(pairs) if pair.llm_verdict is not None]
    ours = np.array([right[place] for place in both], dtype=bool)
    theirs = np.array([pairs[place].llm_verdict for place in both], dtype=bool)
    return {
        "n": len(both),
        "agree": int((ours == theirs).sum()),
        "kappa": kappa(ours, theirs),
        "disagreements": [
            {
                "line": place + 1,
                "gold": pairs[place].gold,
                "extracted": verdicts[place].extracted,
                "verdict": verdicts[place].verdict,
                "llm_verdict": pairs[place].llm_verdict,
                "label": pairs[place].label,
            }
            for place in both
            if right[place] != pairs[place].llm_verdict
        ],
    }
