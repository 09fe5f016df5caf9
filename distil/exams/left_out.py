"""Questions that are left out of the problems, and why."""

import re
from typing import Literal

from pydantic import Field

from distil.pipeline.records import Problem, Record

_HERE = r"(shown\b|(at|on) the (left|right)\b|(above|below)\b(?! (the|its?|an?|\w)\b| ?[-\d$\\]))"
"""Where something is on the page; `the graph below the line y = 2` is not there."""
NAMES_FIGURE = re.compile(
    r"\b(in|see|of|from|use|refer to) the (following |accompanying )?(figure|diagram|drawing|picture|sketch)\b"
    r"|\b(figure|diagram|drawing|picture|sketch)s? (shown|above|below|(at|on|to) the (left|right))\b"
    r"|\b((?-i:F(igures?|ig\.))|(in|see|from|to) (figure|fig\.)) ?\d"
    rf"|\b(graph|chart)s? {_HERE}|\baccompanying (graph|chart)\b|\bshown (in|on|by) the (graph|chart)\b"
    rf"|\b(is|are) (shown|pictured)\b(?! (that|to)\b)|\bas (shown|pictured|drawn)\b|\bdrawn {_HERE}",
    re.IGNORECASE,
)
NAMES_TABLE = re.compile(rf"\btables? {_HERE}|\baccompanying table\b|\bshown (in|on|by) the table\b", re.IGNORECASE)
TABLE = re.compile(r"\\begin\{(tabular\w*|array)\}|^\s*\||<table\b", re.MULTILINE)
"""A table in the source of a text, which can be read: LaTeX's, Markdown's or HTML's."""
DRAWN = re.compile(r"\[asy\]|\\begin\{(asy|tikzpicture|picture)\}|\\includegraphics|!\[[^\]]*\]\(|<(img|svg)\b")
"""A drawing in the source of a text: Asymptote's, LaTeX's, Markdown's or HTML's."""
Doubt = Literal[
    "holds a sign that is not read",
    "holds stacked text that is not read",
    "holds a bar that is not read",
    "holds text at an angle",
    "holds a table",
    "holds pieces of a neighbour",
]
"""Why what was read of a question may not be what the page shows."""
Reason = (
    Literal[
        "has a drawing",
        "refers to a figure",
        "placeholder",
        "key without a final answer",
        "its key is not read",
        "its question is not read",
        "read with too little confidence",
        "its number comes twice",
        "its two readings differ",
        "its page was not read twice",
        "its page was not read",
        "dropped by a person",
    ]
    | Doubt
)


class LeftOut(Record):
    """A question that is not among the problems, and the reason. Its key is used while reading and never written."""

    id: str
    year: int
    section: str
    number: int
    source: str
    page: int | None
    reason: Reason
    question: str
    answer: str = Field(default="", exclude=True)

    @classmethod
    def of(cls, problem: Problem, reason: Reason) -> "LeftOut":
        """The record of a question that is left out."""
        return cls(reason=reason, **problem.model_dump(include=cls.model_fields.keys() - {"reason"}))


def reason_against(question: str) -> Reason | None:
    """The reason, in a question's own words, why a model that reads only text cannot be asked it; None if it can."""
    if DRAWN.search(question):
        return "has a drawing"
    if NAMES_FIGURE.search(question) or (NAMES_TABLE.search(question) and not TABLE.search(question)):
        return "refers to a figure"
    return None
