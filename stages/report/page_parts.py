"""The parts of the page: an answer, claims with their evidence, tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from stages.report.drawing import Picture


@dataclass(frozen=True)
class Score:
    """One number of the answer. `kind` (base, student, difference, teacher) decides its colour."""

    kind: str
    name: str
    value: str
    range: str


@dataclass(frozen=True)
class PageTop:
    """The top of the page: a sentence, what was tested, a paragraph, a few numbers and the picture."""

    title: str
    tested: str
    text: str
    scores: Sequence[Score]
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Table:
    """Rows of text under column heads. The first column names the row. A `folded` table is opened by the reader."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Link:
    """A link into the list of questions."""

    target: str
    text: str


@dataclass(frozen=True)
class Claim:
    """A claim with its evidence. The title states the claim."""

    anchor: str
    topic: str
    title: str
    text: Sequence[str]
    links: Sequence[Link] = field(default_factory=tuple)
    pictures: Sequence[Picture] = field(default_factory=tuple)
    tables: Sequence[Table] = field(default_factory=tuple)
