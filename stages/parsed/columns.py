"""The columns of a page: the left edges of question numbers, and the column that a line begins in."""

import re
from dataclasses import dataclass

from stages.parsed.lines import Line
from stages.parsed.page import Drawing, Page

COLUMN_WIDTH = 0.1  # of the page's width; numbers that are further apart from left to right are in different columns
EDGE = 1.0  # font sizes; a column's numbers begin at most this far from its left edge, wrapped lines further


@dataclass
class Region:
    """The part of a page that holds questions, or the part that holds the key."""

    page: Page
    lines: list[Line]
    drawings: list[Drawing]
    top: float


def column_edges(regions: list[Region], label: re.Pattern[str]) -> list[float]:
    """The left edges of the columns with question numbers, and of a last column that only continues a question."""
    lines = [line for region in regions for line in region.lines]
    width = max((region.page.width for region in regions), default=0)
    edges: list[float] = []
    for left in sorted(line.left for line in lines if label.match(line.text)):
        if not edges or left - edges[-1] > COLUMN_WIDTH * width:
            edges.append(left)
    if edges:
        right = max(line.right for line in lines if 0 <= line.left - edges[-1] < COLUMN_WIDTH * width)
        beyond = [line.left for line in lines if line.left > right and line.left - edges[-1] > 2 * COLUMN_WIDTH * width]
        if beyond and right - edges[-1] > COLUMN_WIDTH * width:
            edges.append(min(beyond))
    return edges


def label_of(line: Line, edges: list[float], label: re.Pattern[str]) -> re.Match[str] | None:
    """The number that a line begins with, if it is at a column's left edge."""
    at_edge = any(abs(line.left - edge) <= EDGE * line.size for edge in edges)
    return label.match(line.text) if at_edge else None


def column_of(left: float, edges: list[float]) -> int:
    """The number of the column in which something at `left` begins. A hanging number may begin 12 points before it."""
    return max((index for index, edge in enumerate(edges) if left > edge - 12), default=0)


def crosses(thing: Line | Drawing, edges: list[float]) -> bool:
    """Whether a thing reaches from one column into the next: a title, a running head."""
    return any(thing.left < edge - 12 and thing.right > edge + 12 for edge in edges)
