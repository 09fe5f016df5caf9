"""From pages to numbered items: columns, lines, the question numbers at a column's left edge, the answer key.

What is no part of an item is recognised and dropped: titles and instructions above the first number, running heads and
feet, page numbers.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import add
from statistics import median

from stages.parsed.formula import read_formulas, read_line
from stages.parsed.page import Drawing, Page, Piece

LABEL = re.compile(r"(\d{1,3})[.)](?:\s+|$)")
KEY_HEADING = re.compile(r"([\w ,:'-]* )?(answer key|answers|solutions|key):?", re.IGNORECASE)
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
        self.size = max(p.size for p in self.pieces)
        self.text = read_line(self.pieces)


@dataclass
class Item:
    """A numbered question or answer: its lines, the page of its number, and whether a drawing belongs to it."""

    number: int
    page: int
    lines: list[str] = field(default_factory=list)
    drawn: bool = False

    @property
    def text(self) -> str:
        """The lines in one; a word that is divided at a line's end keeps its hyphen."""
        return re.sub(r"(?<=[A-Za-z]-) (?=[A-Za-z])", "", " ".join(line for line in self.lines if line))


@dataclass
class Region:
    """The part of a page that holds questions, or the part that holds the key."""

    page: Page
    lines: list[Line]
    top: float
    bottom: float


def read_items(pages: list[Page]) -> tuple[list[Item], list[Item]]:
    """The questions and the answers of an exam, as they are numbered."""
    questions, key = _regions(pages)
    return list(_items(questions)), list(_items(key))


def _regions(pages: list[Page]) -> tuple[list[Region], list[Region]]:
    """Split the pages at the heading of the answer key, which comes after the first question."""
    lines = _without_furniture(pages, [_lines(page) for page in pages])
    questions: list[Region] = []
    key: list[Region] = []
    first_question: float | None = None
    for page, found in zip(pages, lines, strict=True):
        if first_question is None:
            first_question = max((line.top for line in found if LABEL.match(line.text)), default=None)
        else:
            first_question = page.height
        headings = [line for line in found if KEY_HEADING.fullmatch(line.text) and line.top < (first_question or 0)]
        if key or not headings:
            (key or questions).append(Region(page, found, page.height, 0))
        else:
            height = headings[0].bottom
            questions.append(Region(page, [line for line in found if line.bottom > height], page.height, height))
            key.append(Region(page, [line for line in found if line.top < height], height, 0))
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
        return line.top < MARGIN * page.height or line.bottom > (1 - MARGIN) * page.height

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


def _items(regions: list[Region]) -> Iterator[Item]:
    """The items of all regions in reading order: page by page, column by column, from top to bottom."""
    edges = _column_edges(regions)
    item: Item | None = None
    for region in regions if edges else []:
        labels = [line for line in region.lines if _label(line, edges)]
        head = max((line.top for line in labels), default=region.top) if item is None else region.top
        columns: list[list[Line | Drawing]] = [[] for _ in edges]
        things: list[Line | Drawing] = [*region.lines, *_figures(region)]
        for thing in things:
            if thing.bottom < head and not _crosses(thing, edges):
                columns[_column(thing.left, edges)].append(thing)
        for column in columns:
            for thing in sorted(column, key=_reading_order):
                if isinstance(thing, Line) and (label := _label(thing, edges)):
                    if item:
                        yield item
                    item = Item(int(label[1]), thing.page, [thing.text[label.end() :]])
                elif item and isinstance(thing, Line):
                    item.lines.append(thing.text)
                elif item:
                    item.drawn = True
    if item:
        yield item


def _reading_order(thing: Line | Drawing) -> tuple[float, float]:
    return (-thing.axis if isinstance(thing, Line) else -thing.top), thing.left


def _column_edges(regions: list[Region]) -> list[float]:
    """The left edges of the columns: where the numbers of questions stand, and where a last column only goes on."""
    lines = [line for region in regions for line in region.lines]
    width = max((region.page.width for region in regions), default=0)
    edges: list[float] = []
    for left in sorted(line.left for line in lines if LABEL.match(line.text)):
        if not edges or left - edges[-1] > COLUMN_WIDTH * width:
            edges.append(left)
    if edges:
        right = max(line.right for line in lines if 0 <= line.left - edges[-1] < COLUMN_WIDTH * width)
        beyond = [line.left for line in lines if line.left > right and line.left - edges[-1] > 2 * COLUMN_WIDTH * width]
        if beyond and right - edges[-1] > COLUMN_WIDTH * width:
            edges.append(min(beyond))
    return edges


def _label(line: Line, edges: list[float]) -> re.Match[str] | None:
    """The number that a line begins with, if it stands at a column's left edge."""
    at_edge = any(abs(line.left - edge) <= EDGE * line.size for edge in edges)
    return LABEL.match(line.text) if at_edge else None


def _column(left: float, edges: list[float]) -> int:
    return max((index for index, edge in enumerate(edges) if left > edge - 12), default=0)


def _crosses(thing: Line | Drawing, edges: list[float]) -> bool:
    """Whether a thing reaches from one column into the next: a title, a running head."""
    return any(thing.left < edge - 12 and thing.right > edge + 12 for edge in edges)


def _figures(region: Region) -> Iterable[Drawing]:
    """The drawings that may belong to a question: not the lines that separate columns."""
    for drawing in region.page.drawings:
        if drawing.right - drawing.left < 2.5 and drawing.top - drawing.bottom > 0.3 * region.page.height:
            continue
        if region.bottom <= drawing.bottom and drawing.top <= region.top:
            yield drawing
