"""Find the numbered items on pages by columns, lines, the numbers at a column's left edge, and the answer key.

Text that belongs to no item is recognised and dropped: titles and instructions above the first number, running heads
and feet, page numbers.
"""

import re
from collections.abc import Iterator
from statistics import median

from stages.parsed.columns import Region, column_edges, column_of, crosses, label_of
from stages.parsed.items import (
    KEY_HEADING,
    LABELS,
    PART,
    Item,
    goes_on,
    heads_a_part,
    in_a_row,
    key_headings,
    matched,
    nearness,
)
from stages.parsed.lines import Line, overlap, read_lines, without_furniture
from stages.parsed.neighbours import NEIGHBOUR, doubt_overlaps, doubt_rows, mark_drawn
from stages.parsed.page import ANGLE, Drawing, Page

SHARED = re.compile(
    r"(?:for |in |use .{0,40} for )?(?:questions|problems|exercises|items) (\d+)\s?(?:-|–|—|to|through|and)\s?(\d+)\b",
    re.IGNORECASE,
)


def read_items(pages: list[Page], key_pages: list[Page] | None = None) -> tuple[list[Item], list[Item]]:
    """The questions and the answers of an exam. `key_pages` are the pages of a key in a separate file.

    There are several ways to write a number, and to separate the key from the questions. The first of them that gives
    both the same numbers is taken. Where none does, it is the first of those that come nearest.
    """
    lines = without_furniture(pages, [read_lines(page) for page in pages])
    apart = _whole(key_pages or [])
    fallback: tuple[list[Item], list[Item]] = ([], [])
    nearest = (-1, False, False)
    # a reading is right when questions and key have the same numbers
    for label, heading, in_order in _ways(lines):
        questions, key = _regions(pages, lines, heading, label, in_order)
        key += apart
        asked = list(_items(questions, label))
        if not asked:
            continue
        numbers = [item.number for item in asked]
        most = 0
        for key_label in (label, *(other for other in LABELS if other is not label)):
            answers = list(_items(key, key_label))
            if matched(asked, answers):
                return asked, answers
            most = max(most, len(answers))
            if (near := nearness(asked, answers)) > nearest:
                nearest, fallback = near, (asked, answers)
        if most < len(numbers) == len(set(numbers)) and (answers := _in_a_row(key, sorted(numbers))):
            return asked, answers
    return fallback


def _ways(lines: list[list[Line]]) -> Iterator[tuple[re.Pattern[str], Line | None, bool]]:
    """The ways to read an exam: its way to number, the heading of its key, and whether the key is in reading order."""
    every = [line for found in lines for line in sorted(found, key=lambda line: -line.top)]
    for label in LABELS:
        places = key_headings([(line.text, bool(label.match(line.text))) for line in every])
        headings: list[Line | None] = [every[place] for place in places]
        for heading in headings or [None]:
            for in_order in (False, True):
                yield label, heading, in_order


def _whole(pages: list[Page]) -> list[Region]:
    """Whole pages as regions."""
    lines = without_furniture(pages, [read_lines(page) for page in pages])
    return [Region(page, found, page.drawings, page.height) for page, found in zip(pages, lines, strict=True)]


def _in_a_row(key: list[Region], numbers: list[int]) -> list[Item]:
    """The answers of a key with several to a line."""
    lines = [line for region in key for line in sorted(region.lines, key=_reading_order)]
    doubts = set().union(*(line.doubts for line in lines))
    return in_a_row(" ".join(line.text for line in lines), numbers, lines[0].page, doubts) if lines else []


def _regions(
    pages: list[Page], lines: list[list[Line]], heading: Line | None, label: re.Pattern[str], in_order: bool
) -> tuple[list[Region], list[Region]]:
    """Split the pages at the heading of the answer key.

    Everything lower than the heading belongs to the key. With `in_order`, and under a heading over the last column
    only, everything that follows it in reading order, column by column, belongs to the key.
    """
    questions: list[Region] = []
    key: list[Region] = []
    for page, found in zip(pages, lines, strict=True):
        if heading is None or heading.page != page.number:
            (key or questions).append(Region(page, found, page.drawings, page.height))
            continue
        edges = column_edges([Region(page, found, [], page.height)], label)
        if not in_order and not _heads_the_last_column(heading, found, edges, label):
            edges = []
        answers_in_it = not KEY_HEADING.fullmatch(heading.text)

        def in_key(thing: Line | Drawing, heading: Line = heading, edges: list[float] = edges) -> bool:
            column, of_heading = column_of(thing.left, edges), column_of(heading.left, edges)
            return column > of_heading or (column == of_heading and thing.top < heading.bottom)

        key_lines = [line for line in found if in_key(line)]
        if answers_in_it:
            key_lines.insert(0, heading)
        asked = [line for line in found if line is not heading and not in_key(line)]
        questions.append(Region(page, asked, [one for one in page.drawings if not in_key(one)], page.height))
        key.append(Region(page, key_lines, [one for one in page.drawings if in_key(one)], page.height))
    return questions, key


def _heads_the_last_column(heading: Line, lines: list[Line], edges: list[float], label: re.Pattern[str]) -> bool:
    """Whether a heading is over the last of several columns only: answers below it, other text to its left."""
    if len(edges) < 2 or heading.left < edges[-1] - 12:
        return False
    beside = any(line.top > heading.bottom and column_of(line.left, edges) < len(edges) - 1 for line in lines)
    return beside and any(line.top < heading.bottom and label_of(line, edges[-1:], label) for line in lines)


def _items(regions: list[Region], label: re.Pattern[str]) -> Iterator[Item]:
    """The items of all regions in reading order: page by page, column by column, from top to bottom."""
    edges = column_edges(regions, label)
    # `item` is kept across columns and pages, because a question may go on in the next one
    item: Item | None = None
    shared: set[int] = set()  # the numbers of questions that a line above names together
    for region in regions if edges else []:
        labels = [line for line in region.lines if label_of(line, edges, label)]
        head = max((line.top for line in labels), default=region.top) if item is None else region.top
        usual = median(line.size for line in region.lines) if region.lines else 0
        columns: list[list[Line]] = [[] for _ in edges]
        for line in region.lines:
            continues = line.bottom >= head and _heads_a_column(line, region, edges, label)
            if continues:
                line.doubts |= {NEIGHBOUR}  # the end of the question before, or a title over this column
            if (line.bottom < head or continues) and not _is_at_an_angle_outside(line, edges):
                if not crosses(line, edges):
                    columns[column_of(line.left, edges)].append(line)
                elif abs(line.left - edges[0]) < 4 * line.size:  # text across columns that is not centred like a title
                    columns[0].append(line)
                    if any(other.left > edges[-1] - 12 and other.top > line.top for other in region.lines):
                        line.doubts |= {NEIGHBOUR}
        owners: list[tuple[Line, Item]] = []
        for column in columns:
            numbered = _numbered(column, edges, label)
            for line in _sorted(column, set(map(id, numbered))):
                if id(line) in (number := {id(one): one for one in numbered}) and number:
                    if item:
                        yield item
                    found = label.match(line.text)
                    assert found is not None
                    line.labelled = True
                    item = Item(int(found[1]), line.page, [line.text[found.end() :]])
                    if item.number in shared:
                        item.doubts.add(NEIGHBOUR)
                elif (found := SHARED.match(line.text)) and not (item and goes_on(line.text, item.lines[-1])):
                    shared |= set(range(int(found[1]), int(found[2]) + 1))
                    if item is None or int(found[1]) in (1, item.number + 1):
                        continue
                    line.doubts |= {NEIGHBOUR}  # a sentence of the question, or of what is asked further down
                    item.lines.append(line.text)
                elif item and (heads_a_part(line.text, item.lines[-1]) or line.size > 1.2 * usual):
                    continue  # a heading in the middle of the questions
                elif item:
                    if PART.fullmatch(line.text) and not goes_on(line.text, item.lines[-1]):
                        line.doubts |= {NEIGHBOUR}
                    item.lines.append(line.text)
                if item:
                    item.doubts |= line.doubts
                    if line.page == item.page:
                        item.boxes.append((line.left, line.bottom, line.right, line.top))
                    owners.append((line, item))
            doubt_overlaps([one for one in owners if one[0] in column])
        doubt_rows(owners, edges)
        mark_drawn(region, owners, edges, head, item)
    if item:
        yield item


def _heads_a_column(line: Line, region: Region, edges: list[float], label: re.Pattern[str]) -> bool:
    """Whether a line above the first number begins a column to the right of that number, which goes on below it."""
    first = max(
        (other for other in region.lines if label_of(other, edges, label)), key=lambda one: one.top, default=None
    )
    column = column_of(line.left, edges)
    if first is None or line.left < edges[column] - 12 or column <= column_of(first.left, edges):
        return False
    below = [other for other in region.lines if other.axis < line.axis and column_of(other.left, edges) == column]
    at_edge = line.left - edges[column] < 3 * line.size
    return at_edge and any(line.axis - other.axis < 4 * line.size for other in below)


def _numbered(column: list[Line], edges: list[float], label: re.Pattern[str]) -> list[Line]:
    """The lines of a column that begin an item.

    A number out of turn is the first word of a wrapped line, if the number whose turn it is comes further down.
    """
    found = sorted(
        ((line, int(m[1])) for line in column if (m := label_of(line, edges, label))), key=lambda o: -o[0].axis
    )
    chosen: list[Line] = []
    last: int | None = None
    for index, (line, number) in enumerate(found):
        # `... in the year\n 12. ...`: the true next number is still to come
        follows = last is not None and any(other == last + 1 for _, other in found[index + 1 :])
        if last is not None and number not in (last, last + 1) and follows:
            continue
        chosen.append(line)
        last = number
    return chosen


def _sorted(column: list[Line], numbered: set[int]) -> list[Line]:
    """A column's lines from top to bottom. A line that overlaps the line of a number from above comes after it.

    A line that begins where wrapped lines do is the exception: it ends the item above.
    """
    heads = [line for line in column if id(line) in numbered]

    def place(line: Line) -> tuple[float, float]:
        if id(line) not in numbered:
            for head in heads:
                if head.axis < line.axis and overlap(line, head) and line.left - head.left > 3 * head.size:
                    return -head.axis, line.left + 1e4
        return _reading_order(line)

    return sorted(column, key=place)


def _is_at_an_angle_outside(line: Line, edges: list[float]) -> bool:
    """Whether a line is rotated text in the margin. Such text belongs to no item."""
    return ANGLE in line.doubts and line.right < edges[0]


def _reading_order(line: Line) -> tuple[float, float]:
    return -line.axis, line.left
