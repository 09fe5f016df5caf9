"""From pages to numbered items: columns, lines, the question numbers at a column's left edge, the answer key.

What is no part of an item is recognised and dropped: titles and instructions above the first number, running heads and
feet, page numbers.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from operator import add
from statistics import median

from distil.exams.left_out import Doubt
from stages.parsed.formula import STACKED, doubts_of_line, line_size, read_formulas, read_line
from stages.parsed.page import ANGLE, Box, Drawing, Page, Piece

LABELS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(\d{1,3})[.)](?:\s+|$)",
        r"(?:problem|question|exercise|task|item|prob\.|no\.)\s*#?\s?(\d{1,3})\s?[.):]?(?:\s+|$)",
        r"\((\d{1,3})\)(?:\s+|$)",
        r"\[(\d{1,3})\](?:\s+|$)",
        r"[QP]\.?\s?(\d{1,3})\s?[.):]?(?:\s+|$)",
        r"#\s?(\d{1,3})\s?[.):]?(?:\s+|$)",
        r"(\d{1,3})\s?[:](?:\s+|$)",
        r"(\d{1,3})\s?[-–—](?:\s+|$)",
        r"(\d{1,3})[.)](?=\D)",
        r"(\d{1,3})\s+(?=\S)",
    )
]
"""How questions are numbered, from the most usual to the least certain."""
KEY_HEADING = re.compile(
    r"([\w ,:'’&-]* )?(answer key|answers|solutions|key)( (to|for|of) [\w ,'’&-]+)?"
    r"(\s*[:.–—-]?$|\s*:?\s+(?=[(#]?\d{1,3}\s?[.):]))",
    re.IGNORECASE,
)
PART = re.compile(
    r"(part|section|round|level|category|division) ([ivx]+|[a-h]|\d+|one|two|three)\b.{0,60}", re.IGNORECASE
)
SHARED = re.compile(
    r"(?:for |in |use .{0,40} for )?(?:questions|problems|exercises|items) (\d+)\s?(?:-|–|—|to|through|and)\s?(\d+)\b",
    re.IGNORECASE,
)
EQUATION = re.compile(r"(?![-+=<>≤≥≠·×/])(?:(?![a-z]{3}|[=<>≤≥≠]).)+[=<>≤≥≠](?:(?![a-z]{3}).)*[\w)\]}']", re.IGNORECASE)
"""A line that is an equation or inequality and nothing else; two of them in a row are a system."""
CHOICE = re.compile(r"[(\[]?[A-Ea-e][.)\]]")
OVERLAP = 0.12  # font sizes of height that two lines share before one of them is taken to be stacked on the other
NEIGHBOUR: Doubt = "holds pieces of a neighbour"
PAGE_NUMBER = re.compile(r"(page )?\d+( (of|/) \d+)?", re.IGNORECASE)
SMALL = 0.9  # of the usual size; what is smaller may be an exponent or index of a line
COLUMN_GAP = 1.5  # font sizes; a wider gap on one height separates columns
COLUMN_WIDTH = 0.1  # of the page; numbers further apart from left to right stand in different columns
EDGE = 1.0  # font sizes; a column's numbers begin within this of its left edge, wrapped lines do not
MARGIN = 0.09  # of the page's height; running heads and feet stand within it


@dataclass
class Line:
    """Pieces on one height without a column's gap between them."""

    page: int
    axis: float
    pieces: list[Piece]

    def __post_init__(self) -> None:
        self.left, self.right = min(p.left for p in self.pieces), max(p.right for p in self.pieces)
        self.bottom, self.top = min(p.bottom for p in self.pieces), max(p.top for p in self.pieces)
        self.size = line_size(self.pieces)
        self.text = read_line(self.pieces)
        self.labelled = False  # whether an item begins here
        self.doubts = doubts_of_line(self.pieces)


@dataclass
class Item:
    """A numbered question or answer: its lines, the page of its number if there are pages, whether a drawing is its."""

    number: int
    page: int | None
    lines: list[str] = field(default_factory=list)
    drawn: bool = False
    doubts: set[Doubt] = field(default_factory=set)
    boxes: list[Box] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The lines in one; a word that is divided at a line's end keeps its hyphen, and a system gets commas."""
        lines = [line for line in self.lines if line]
        for index, (line, following) in enumerate(pairwise(lines)):
            if EQUATION.fullmatch(line) and EQUATION.fullmatch(following):
                lines[index] += ","
        return re.sub(r"(?<=[A-Za-z]-) (?=[A-Za-z])", "", " ".join(lines))


@dataclass
class Region:
    """The part of a page that holds questions, or the part that holds the key."""

    page: Page
    lines: list[Line]
    drawings: list[Drawing]
    top: float


def read_items(pages: list[Page]) -> tuple[list[Item], list[Item]]:
    """The questions and the answers of an exam, as they are numbered.

    Of the ways to write a number and to part the key from the questions, the first is taken under which both have the
    same numbers; where none gives that, the first that finds any.
    """
    lines = _without_furniture(pages, [_lines(page) for page in pages])
    fallback: tuple[list[Item], list[Item]] = ([], [])
    for label in LABELS:
        for in_order in (False, True):
            questions, key = _regions(pages, lines, label, in_order)
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
                if answers and not fallback[1]:
                    fallback = asked, answers
            if most < len(numbers) == len(set(numbers)) and (answers := _in_a_row(key, sorted(numbers))):
                return asked, answers
            fallback = fallback if fallback[0] else (asked, [])
    return fallback


def matched(questions: list[Item], answers: list[Item]) -> bool:
    """Whether both have the same numbers, each once; the parts of an exam are numbered on where both begin again."""
    numbers, keyed = [item.number for item in questions], [item.number for item in answers]
    if numbers == keyed and numbers.count(1) > 1 and _in_parts(numbers):
        for items in (questions, answers):
            for number, item in enumerate(items, 1):
                item.number = number
        return True
    return len(set(numbers)) == len(numbers) and sorted(numbers) == sorted(keyed)


def _in_parts(numbers: list[int]) -> bool:
    """Whether the numbers count up and begin again at 1 in each part of an exam."""
    return numbers[0] == 1 and all(after in (before + 1, 1) for before, after in pairwise(numbers))


def _in_a_row(key: list[Region], numbers: list[int]) -> list[Item]:
    """The answers of a key that goes on within its lines (`1. 56 2. 25`), if it has all of the numbers in order."""
    lines = [line for region in key for line in sorted(region.lines, key=_reading_order)]
    text, items, end = " ".join(line.text for line in lines), list[Item](), 0
    for number in numbers:
        found = re.compile(rf"(?:^|(?<=[\s,;:(]))\(?{number}\s?[.):]\s*(?!\d*[.)]\s)").search(text, end)
        if not found:
            return []
        if items:
            items[-1].lines = [text[end : found.start()].strip(" ,;(")]
        items.append(Item(number, lines[0].page, doubts=set().union(*(line.doubts for line in lines))))
        end = found.end()
    if items:
        items[-1].lines = [text[end:].strip(" ,;")]
    return items


def _regions(
    pages: list[Page], lines: list[list[Line]], label: re.Pattern[str], in_order: bool
) -> tuple[list[Region], list[Region]]:
    """Split the pages at the heading of the answer key, which comes after the first question.

    What is lower than the heading belongs to the key; `in_order`, what follows it column by column does.
    """
    questions: list[Region] = []
    key: list[Region] = []
    first_question: float | None = None
    for page, found in zip(pages, lines, strict=True):
        if first_question is None:
            first_question = max((line.top for line in found if label.match(line.text)), default=None)
        else:
            first_question = page.height
        headings = [line for line in found if KEY_HEADING.match(line.text) and line.top < (first_question or 0)]
        if key or not headings:
            (key or questions).append(Region(page, found, page.drawings, page.height))
            continue
        heading = headings[0]
        edges = _column_edges([Region(page, found, [], page.height)], label) if in_order else []
        answers_in_it = not KEY_HEADING.fullmatch(heading.text)

        def in_key(thing: Line | Drawing, heading: Line = heading, edges: list[float] = edges) -> bool:
            column, of_heading = _column(thing.left, edges), _column(heading.left, edges)
            return column > of_heading or (column == of_heading and thing.top < heading.bottom)

        key_lines = [line for line in found if in_key(line)]
        if answers_in_it:
            key_lines.insert(0, heading)
        asked = [line for line in found if line is not heading and not in_key(line)]
        questions.append(Region(page, asked, [one for one in page.drawings if not in_key(one)], page.height))
        key.append(Region(page, key_lines, [one for one in page.drawings if in_key(one)], page.height))
    return questions, key


def _lines(page: Page) -> list[Line]:
    """The page's lines from top to bottom, divided where columns are apart."""
    pieces = sorted(read_formulas(page.pieces, page.rules), key=lambda piece: -piece.axis)
    if not pieces:
        return []
    full_size = SMALL * median(piece.size for piece in pieces)
    rows: list[list[Piece]] = []
    for piece in pieces:
        if piece.size > full_size:
            if rows and rows[-1][0].axis - piece.axis < 0.3 * full_size:
                rows[-1].append(piece)
            else:
                rows.append([piece])
    waiting = sorted((piece for piece in pieces if piece.size <= full_size), key=lambda piece: piece.left)
    while waiting:  # exponents and indices join the row they stand at; what none reaches, in the end, begins a row
        apart = [piece for piece in waiting if not _join(piece, rows, full_size)]
        if len(apart) == len(waiting):
            rows.append([apart.pop(0)])
        waiting = apart
    return [Line(page.number, row[0].axis, run) for row in rows for run in _runs(row)]


def _join(piece: Piece, rows: list[list[Piece]], full_size: float) -> bool:
    """Add a small piece to the nearest row that it stands at; False where it stands at none."""
    near = [row for row in rows if abs(row[0].axis - piece.axis) < 4 * full_size]
    nearest = min(near, key=lambda row: _distance(piece, row), default=None)
    if nearest is None or _distance(piece, nearest) >= 0.5 * full_size:
        return False
    nearest.append(piece)
    return True


def _distance(piece: Piece, row: list[Piece]) -> float:
    """How far a piece is from a row: beyond a column's gap if they share their axis, else from the ink of the row.

    Where lines are tight an exponent touches two of them, and the nearer axis tells which is its own.
    """
    axes = abs(piece.axis - row[0].axis)
    sideways = [max(other.left - piece.right, piece.left - other.right, 0) for other in row]
    if axes < 0.1 * row[0].size:
        return max(min(sideways) - COLUMN_GAP * row[0].size, 0)
    upright = [max(other.bottom - piece.top, piece.bottom - other.top, 0) for other in row]
    return min(map(add, sideways, upright)) + 0.1 * axes


def _runs(row: list[Piece]) -> Iterator[list[Piece]]:
    """A row's pieces, divided at gaps as wide as those between columns."""
    row = sorted(row, key=lambda piece: piece.left)
    size, run = max(piece.size for piece in row), row[:1]
    for piece in row[1:]:
        if piece.left - max(p.right for p in run) > COLUMN_GAP * size:
            yield run
            run = []
        run.append(piece)
    yield run


def _without_furniture(pages: list[Page], lines: list[list[Line]]) -> list[list[Line]]:
    """Drop page numbers, and what stands in the upper or lower margin of several pages but for its numbers."""

    def place(line: Line) -> tuple[str, int]:
        return re.sub(r"\d+", "#", line.text), round(line.bottom)

    def in_margin(page: Page, line: Line) -> bool:
        outside = line.top < MARGIN * page.height or line.bottom > (1 - MARGIN) * page.height
        return outside and not (line.text[:1].islower() and not PAGE_NUMBER.fullmatch(line.text))  # a sentence's end

    places = [
        {place(line) for line in found if in_margin(page, line)} for page, found in zip(pages, lines, strict=True)
    ]
    repeated = {one for index, found in enumerate(places) for one in found if any(one in o for o in places[:index])}
    return [
        [
            line
            for line in found
            if not in_margin(page, line) or not (place(line) in repeated or PAGE_NUMBER.fullmatch(line.text))
        ]
        for page, found in zip(pages, lines, strict=True)
    ]


def _items(regions: list[Region], label: re.Pattern[str]) -> Iterator[Item]:
    """The items of all regions in reading order: page by page, column by column, from top to bottom."""
    edges = _column_edges(regions, label)
    item: Item | None = None
    shared: set[int] = set()  # numbers of questions that a line above them speaks of together
    for region in regions if edges else []:
        labels = [line for line in region.lines if _label(line, edges, label)]
        head = max((line.top for line in labels), default=region.top) if item is None else region.top
        usual = median(line.size for line in region.lines) if region.lines else 0
        columns: list[list[Line]] = [[] for _ in edges]
        for line in region.lines:
            continues = line.bottom >= head and _heads_a_column(line, region, edges, label)
            if continues:
                line.doubts |= {NEIGHBOUR}  # the end of the question before, or a title over this column
            if (line.bottom < head or continues) and not _is_at_an_angle_outside(line, edges):
                if not _crosses(line, edges):
                    columns[_column(line.left, edges)].append(line)
                elif abs(line.left - edges[0]) < 4 * line.size:  # text across columns; what is centred is a title
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
                elif found := SHARED.match(line.text):
                    shared |= set(range(int(found[1]), int(found[2]) + 1))
                    continue
                elif item and (PART.fullmatch(line.text) or line.size > 1.2 * usual):
                    continue  # a heading in the middle of the questions
                elif item:
                    item.lines.append(line.text)
                if item:
                    item.doubts |= line.doubts
                    if line.page == item.page:
                        item.boxes.append((line.left, line.bottom, line.right, line.top))
                    owners.append((line, item))
            _doubt_overlaps([one for one in owners if one[0] in column])
        _doubt_rows(owners, edges)
        _mark_drawn(region, owners, edges, head, item)
    if item:
        yield item


def _heads_a_column(line: Line, region: Region, edges: list[float], label: re.Pattern[str]) -> bool:
    """Whether a line above the first number goes on below it in a column that is not the first number's."""
    first = max((other for other in region.lines if _label(other, edges, label)), key=lambda one: one.top, default=None)
    column = _column(line.left, edges)
    if first is None or line.left < edges[column] - 12 or column <= _column(first.left, edges):
        return False
    below = [other for other in region.lines if other.axis < line.axis and _column(other.left, edges) == column]
    at_edge = line.left - edges[column] < 3 * line.size
    return at_edge and any(line.axis - other.axis < 2 * line.size for other in below)


def _numbered(column: list[Line], edges: list[float], label: re.Pattern[str]) -> list[Line]:
    """The lines of a column that begin an item.

    A number that is out of turn while the next in turn comes further down is a wrapped line's first word.
    """
    found = sorted(
        ((line, int(m[1])) for line in column if (m := _label(line, edges, label))), key=lambda o: -o[0].axis
    )
    chosen: list[Line] = []
    last: int | None = None
    for index, (line, number) in enumerate(found):
        follows = last is not None and any(other == last + 1 for _, other in found[index + 1 :])
        if last is not None and number not in (last, last + 1) and follows:
            continue
        chosen.append(line)
        last = number
    return chosen


def _sorted(column: list[Line], numbered: set[int]) -> list[Line]:
    """A column's lines from top to bottom; what overlaps the line of a number from above follows it.

    Not so a line that begins where wrapped lines do: it ends the item above.
    """
    heads = [line for line in column if id(line) in numbered]

    def place(line: Line) -> tuple[float, float]:
        if id(line) not in numbered:
            for head in heads:
                if head.axis < line.axis and _overlap(line, head) and line.left - head.left > 3 * head.size:
                    return -head.axis, line.left + 1e4
        return _reading_order(line)

    return sorted(column, key=place)


def _overlap(one: Line | Drawing, other: Line) -> bool:
    """Whether the ink of two things shares some height."""
    return min(one.top, other.top) - max(one.bottom, other.bottom) > OVERLAP * other.size


def _doubt_overlaps(owners: list[tuple[Line, Item]]) -> None:
    """Doubt what shares its height with another line: a matrix, a case distinction, a piece of another question."""
    for index, (line, item) in enumerate(owners):
        for other, owner in owners[index + 1 :]:
            apart = abs(line.axis - other.axis) > 0.3 * min(line.size, other.size)
            if line.page == other.page and apart and _overlap(line, other) and _overlap(other, line):
                doubt: Doubt = STACKED if item is owner else NEIGHBOUR
                item.doubts.add(doubt)
                owner.doubts.add(doubt)


def _doubt_rows(owners: list[tuple[Line, Item]], edges: list[float]) -> None:
    """Doubt items with wide gaps in their lines.

    Several such rows are a table (choices to tick are set like that, too); a sentence that goes on after a gap has lost
    something; and where all lines of what looks like a column continue the lines to their left, it is none.
    """
    for line, item in owners:
        for other, owner in owners:
            level = line.page == other.page and abs(line.axis - other.axis) < 0.3 * line.size
            if level and item is owner and other.left - line.right > 0 and _goes_on(line, other):
                item.doubts.add(NEIGHBOUR)
    last = [one for one in owners if _column(one[0].left, edges) == len(edges) - 1]
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


def _mark_drawn(
    region: Region, owners: list[tuple[Line, Item]], edges: list[float], head: float, last: Item | None
) -> None:
    """Mark the items that a drawing belongs to: those beside whose lines it is, else the one above it."""
    for drawing in _figures(region):
        inside = {
            id(item)
            for line, item in owners
            if drawing.bottom < line.bottom and line.top < drawing.top and drawing.left < line.left < drawing.right
        }
        if len(inside) > 1:
            continue  # a frame around questions, or the ground under them
        if drawing.bottom >= head and not any(_overlap(drawing, line) for line, _ in owners):
            continue
        column = _column(drawing.left, edges)
        same = [
            (line, item)
            for line, item in owners
            if _column(line.left, edges) == column or (line.left < drawing.right and line.right > drawing.left)
        ]
        beside = [item for line, item in same if _overlap(drawing, line)]
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


def _is_at_an_angle_outside(line: Line, edges: list[float]) -> bool:
    """Whether a line is turned text in the margin, which belongs to no item."""
    return ANGLE in line.doubts and line.right < edges[0]


def _reading_order(line: Line) -> tuple[float, float]:
    return -line.axis, line.left


def _column_edges(regions: list[Region], label: re.Pattern[str]) -> list[float]:
    """The left edges of the columns: where the numbers of questions stand, and where a last column only goes on."""
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


def _label(line: Line, edges: list[float], label: re.Pattern[str]) -> re.Match[str] | None:
    """The number that a line begins with, if it stands at a column's left edge."""
    at_edge = any(abs(line.left - edge) <= EDGE * line.size for edge in edges)
    return label.match(line.text) if at_edge else None


def _column(left: float, edges: list[float]) -> int:
    return max((index for index, edge in enumerate(edges) if left > edge - 12), default=0)


def _crosses(thing: Line | Drawing, edges: list[float]) -> bool:
    """Whether a thing reaches from one column into the next: a title, a running head."""
    return any(thing.left < edge - 12 and thing.right > edge + 12 for edge in edges)


def _figures(region: Region) -> Iterable[Drawing]:
    """The drawings that may belong to a question: not the lines that separate columns."""
    for drawing in region.drawings:
        if drawing.right - drawing.left < 2.5 and drawing.top - drawing.bottom > 0.3 * region.page.height:
            continue
        yield drawing
