"""One exam as a PDF: a title, numbered questions in columns, an answer key on the last page."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from fpdf import FPDF

from stages.raw.typeset import Mark, Typesetter

WIDTH, HEIGHT, MARGIN = 612, 792, 60  # US Letter in points
SIZE, LEADING = 11.5, 15.0
LABEL, INDENT, GUTTER = 18, 24, 26  # right edge of a question's number, left edge of its text, space between columns
KEY_COLUMNS = 3
EPOCH = datetime(2011, 1, 1, tzinfo=UTC)  # in every file, so that the same exam is the same bytes

Figure = tuple[str, int, int]
"""A shape (`rectangle` or `triangle`) with the lengths written at its sides."""


@dataclass(frozen=True)
class PrintedQuestion:
    """A question, its answer, and the drawing that it needs, if any."""

    text: str
    answer: str
    figure: Figure | None = None


@dataclass(frozen=True)
class Exam:
    """One section of one year's contest. `space` is the room below each question for the work, in points."""

    year: int
    section: str
    contest: str
    title: str
    columns: int
    space: float
    questions: tuple[PrintedQuestion, ...]


def typeset(exam: Exam) -> bytes:
    """The PDF of an exam: the same bytes for the same exam. Questions are numbered from 1."""
    document = FPDF(unit="pt", format="letter")
    document.set_compression(False)  # zlib's output differs between its implementations
    document.set_creation_date(EPOCH)
    document.set_producer("")
    document.set_title(f"{exam.year} {exam.title}")
    document.set_auto_page_break(False)
    setter = Typesetter(document)
    flow = _Flow(document, f"{exam.contest} {exam.year}, {exam.title}")

    flow.start(
        exam.columns, _heading(setter, f"{exam.contest} {exam.year}", exam.title, "Calculators are not allowed.")
    )
    for number, question in enumerate(exam.questions, 1):
        _question(setter, flow, number, question, exam.space)
    flow.start(KEY_COLUMNS, _heading(setter, f"{exam.contest} {exam.year}", f"{exam.title} Answer Key"))
    for number, question in enumerate(exam.questions, 1):
        if number > 1 and (number - 1) % -(-len(exam.questions) // KEY_COLUMNS) == 0:
            flow.next_column()
        _question(setter, flow, number, PrintedQuestion(question.answer, ""), space=6)
    return bytes(document.output())


class _Flow:
    """Places lines one below the other, column after column, page after page."""

    def __init__(self, document: FPDF, footer: str) -> None:
        self.document, self.footer = document, footer
        self.columns, self.column, self.top, self.y = 1, 0, float(MARGIN), float(MARGIN)

    @property
    def width(self) -> float:
        return (WIDTH - 2 * MARGIN - (self.columns - 1) * GUTTER) / self.columns

    @property
    def left(self) -> float:
        return MARGIN + self.column * (self.width + GUTTER)

    def start(self, columns: int, heading: Callable[[], float]) -> None:
        """Open a page of `columns` under a heading. `heading` draws it and returns where it ends."""
        self.columns = columns
        self._page()
        self.top = self.y = heading()

    def place(self, height: float, draw: Callable[[float, float], None]) -> None:
        """Draw something `height` high where there is room. `draw` gets the left and the upper edge."""
        if self.y + height > HEIGHT - MARGIN:
            self.next_column()
        draw(self.left, self.y)
        self.y += height

    def next_column(self) -> None:
        """Go to the top of the next column, or after the last one to the next page."""
        self.column += 1
        if self.column == self.columns:
            self._page()
            self.top = float(MARGIN)
        self.y = self.top

    def space(self, height: float) -> None:
        """Leave room, except at the top of a column."""
        if self.y > self.top:
            self.y += height

    def _page(self) -> None:
        self.document.add_page()
        self.column = 0
        self.document.set_font("times", "I", 9)
        self.document.text(MARGIN, HEIGHT - 36, self.footer)
        number = f"Page {self.document.page_no()}"
        self.document.text(WIDTH - MARGIN - self.document.get_string_width(number), HEIGHT - 36, number)


def _heading(setter: Typesetter, *lines: str) -> Callable[[], float]:
    """Centred lines over a rule across the page."""

    def draw() -> float:
        y = float(MARGIN)
        for line, (size, style) in zip(lines, [(16, "B"), (13, "B"), (10, "I")], strict=False):
            box = setter.box(line, size, style)
            box.draw((WIDTH - box.width) / 2, y)
            y += 1.5 * size
        setter.document.set_line_width(0.6)
        setter.document.line(MARGIN, y, WIDTH - MARGIN, y)
        return y + 14

    return draw


def _question(setter: Typesetter, flow: _Flow, number: int, question: PrintedQuestion, space: float) -> None:
    label = setter.box(f"{number}.", SIZE)
    for index, line in enumerate(setter.lines(question.text, flow.width - INDENT, SIZE)):
        ascent = max(line.ascent, 0.7 * LEADING)
        height = ascent + max(line.descent, 0.3 * LEADING)

        def draw(x: float, y: float, line: Mark = line, baseline: float = ascent, first: bool = index == 0) -> None:
            if first:
                label.draw(x + LABEL - label.width, y + baseline)
            line.draw(x + INDENT, y + baseline)

        flow.place(height, draw)
    for height, draw_figure in _figure(setter, question.figure):
        flow.place(height, draw_figure)
    flow.space(space)


def _figure(setter: Typesetter, figure: Figure | None) -> Iterator[tuple[float, Callable[[float, float], None]]]:
    """The drawing of a figure with its lengths, if there is one, and its height."""
    if figure is None:
        return
    shape, across, up = figure
    wide, high = 60 + across, 30 + up

    def draw(x: float, y: float) -> None:
        left, top, bottom = x + INDENT + 20, y + 10, y + 10 + high
        setter.document.set_line_width(0.8)
        if shape == "rectangle":
            setter.document.rect(left, top, wide, high)
        else:
            setter.document.polygon([(left, top), (left, bottom), (left + wide, bottom)])
        setter.box(str(up), 10).draw(left - 14, (top + bottom) / 2)
        setter.box(str(across), 10).draw(left + wide / 2, bottom + 12)

    yield high + 28, draw
