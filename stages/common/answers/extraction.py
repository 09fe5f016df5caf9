"""From a whole response to its final answer, and how it was found."""

import re
from dataclasses import dataclass, field

ANSWER_LINE = re.compile(r"^\W*(?:final )?answer\W*?:\W*?[ \t]*(\S.*)$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Extraction:
    """A final answer, or None where the text has none; `found_by` names the cue that marked it."""

    answer: str | None
    found_by: str | None
    flags: list[str] = field(default_factory=list)


def extract(text: str) -> Extraction:
    """The final answer of a response (or of a bare answer). Never a guess: without a cue the answer is None."""
    lines = ANSWER_LINE.findall(text)
    if lines:
        flags = ["conflicting_answer_lines"] if len({line.strip() for line in lines}) > 1 else []
        return Extraction(lines[-1].strip(), "answer_line", flags)
    if text.strip() and "\n" not in text.strip():
        return Extraction(text.strip(), "bare")
    return Extraction(None, None)
