"""Texts that are so near another question that it may own them, and the question that a drawing belongs to."""

import re
from collections.abc import Iterable

from distil.exams.left_out import Doubt
from stages.parsed.columns import Region, column_of
from stages.parsed.formula import STACKED
from stages.parsed.items import Item
from stages.parsed.lines import Line, overlap
from stages.parsed.page import Drawing

CHOICE = re.compile(r"[(\[]?[A-Ea-e][.)\]]")
NEIGHBOUR: Doubt = "holds pieces of a neighbour"


def doubt_overlaps(owners: list[tuple[Line, Item]]) -> None:
    """Mark items as doubtful where lines share a height: a matrix, a case distinction, a piece of another question."""
    for index, (line, item) in enumerate(owners):
        for other, owner in owners[index + 1 :]:
            apart = abs(line.axis - other.axis) > 0.3 * min(line.size, other.size)
            if line.page == other.page and apart and overlap(line, other) and overlap(other, line):
                doubt: Doubt = STACKED if item is owner else NEIGHBOUR
                item.doubts.add(doubt)
                owner.doubts.add(doubt)


def doubt_rows(owners: list[tuple[Line, Item]], edges: list[float]) -> None:
    """Mark items with wide gaps in their lines as doubtful.

    Several such rows are a table; choices to tick look like one, too. A sentence that goes on after a gap has lost
    something. Where all lines of a seeming column continue the lines to their left, it is no column.
    """
    for line, item in owners:
        for other, owner in owners:
            level = line.page == other.page and abs(line.axis - other.axis) < 0.3 * line.size
            if level and item is owner and other.left - line.right > 0 and _goes_on(line, other):
                item.doubts.add(NEIGHBOUR)
    last = [one for one in owners if column_of(one[0].left, edges) == len(edges) - 1]
    if len(edges) > 1 and not any(abs(line.left - edges[-1]) < line.size and line.labelled for line, _ in last):
        beside = [
            [owner for other, owner in owners if other is not line and abs(other.axis - line.axis) < 0.3 * line.size]
            for line, _ in last
        ]
        if all(beside):
            for item in [owner for _, owner in last] + [owner for row in beside for owner in row]:
                item.doubts.add(NEIGHBOUR)
    rows: dict[int, dict[float, list[Line]]] = {}
    items = {id(item): item for _, item in owners}
    for line, item in owners:
        if not CHOICE.match(line.text):
            by_axis = rows.setdefault(id(item), {})
            axis = next((one for one in by_axis if abs(one - line.axis) < 0.3 * line.size), line.axis)
            by_axis.setdefault(axis, []).append(line)
    for identity, by_axis in rows.items():
        if sum(len(row) > 1 for row in by_axis.values()) > 1:
            items[identity].doubts.add("holds a table")


def mark_drawn(
    region: Region, owners: list[tuple[Line, Item]], edges: list[float], head: float, last: Item | None
) -> None:
    """Mark the items that a drawing belongs to: the items with lines at its height, else the item above it."""
    for drawing in _figures(region):
        inside = {
            id(item)
            for line, item in owners
            if drawing.bottom < line.bottom and line.top < drawing.top and drawing.left < line.left < drawing.right
        }
        if len(inside) > 1:
            continue  # a frame around questions, or a background
        if drawing.bottom >= head and not any(overlap(drawing, line) for line, _ in owners):
            continue
        column = column_of(drawing.left, edges)
        same = [
            (line, item)
            for line, item in owners
            if column_of(line.left, edges) == column or (line.left < drawing.right and line.right > drawing.left)
        ]
        beside = [item for line, item in same if overlap(drawing, line)]
        above = [(line.bottom, item) for line, item in same if line.bottom >= drawing.top - 0.3 * line.size]
        if not beside and above:
            beside = [min(above, key=lambda one: one[0])[1]]
        if not beside and not same and last:
            beside = [last]
        for item in beside:
            item.drawn = True


def _goes_on(left: Line, right: Line) -> bool:
    """Whether a sentence seems to go on from one text to the next."""
    return (
        not left.text.endswith((".", "?", "!", ":", ";")) and right.text[:1].islower() and not CHOICE.match(right.text)
    )


def _figures(region: Region) -> Iterable[Drawing]:
    """The drawings that may belong to a question: not the lines that separate columns."""
    for drawing in region.drawings:
        if drawing.right - drawing.left < 2.5 and drawing.top - drawing.bottom > 0.3 * region.page.height:
            continue
        yield drawing
