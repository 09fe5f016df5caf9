"""Scans read by a model that sees. It is shown each page twice, and the items that it reads alike both times are kept.

The model has the role `reader` of `teacher_cot`. Its endpoint, prices, budget and store are the teacher's, so a page is
paid once, whichever run asks. Like a lesson of the teacher, the reading of a page is a generator of requests, so the
same code runs against the endpoint and against the store.
"""

import base64
import functools
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeAlias

import pypdfium2
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from distil.endpoint import Client, Failed, Reply, Stop, request_body
from distil.exams.files import open_pdf
from distil.exams.left_out import Reason
from distil.pipeline.files import InputError
from distil.pipeline.progress import Bar
from distil.teacher import Asker, Request, Store, Teacher, ask_all, gathered, money
from stages.parsed.ocr import ScannedItem
from stages.parsed.scan import OTHER_TEST, Both, require_one_section, section_named

PROMPT = Path(__file__).with_name("reader.md")
DPI = 150
READINGS, ATTEMPTS = 2, 3
"""So many readings of a page are compared, in so many attempts at most. A useless reply is asked for again."""
PIXELS_PER_TOKEN = 512
"""Models take more pixels for a token (28 x 28 or 750), so the budget counts more than a picture costs."""

SWALLOWED = re.compile(r"[\b\f\t\r\v]|\n(?:eq?|u|abla|ot(?:in)?|i|mid|exists|[lg]eq?|parallel|subseteq)\b")
r"""The result of reading \beta, \frac, \text, \right or \neq as JSON, if the backslash is not written twice."""


class ReaderSettings(Teacher):
    """The parameters of the block `teacher_cot` that the reader needs."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if fault := self.fault_of("reader", paid=True):
            raise ValueError(f"{fault}, and parsed.reader is vision (docs/own-exams.md)")
        return self


class Numbered(BaseModel):
    """A question or answer as the model read it."""

    number: int = Field(ge=1)
    text: str
    confidence: float = Field(ge=0, le=1)


class Reading(BaseModel):
    """What the model read of a page."""

    section: str | None = None
    continued: str | None = None
    questions: list[Numbered] = Field(default_factory=list)
    answers: list[Numbered] = Field(default_factory=list)


@dataclass
class SeenPage:
    """The usable readings of a page, and why others are not usable."""

    number: int
    readings: list[Reading] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def section(self) -> str | None:
        """The title of the test on the page."""
        return next((reading.section for reading in self.readings if reading.section), None)

    @property
    def continued(self) -> ScannedItem:
        """The end of the last question of the page before. Its number is 0."""
        parts = [[Numbered(number=1, text=one.continued or "", confidence=1)] for one in self.readings]
        return next(iter(self._compared(parts)), ScannedItem(0, self.number, doubt="its page was not read"))

    @property
    def questions(self) -> list[ScannedItem]:
        """The questions, each with its confidence and its doubt, if any."""
        return list(self._compared([reading.questions for reading in self.readings]))

    @property
    def answers(self) -> list[ScannedItem]:
        """The answers, each with its confidence and its doubt, if any."""
        return list(self._compared([reading.answers for reading in self.readings]))

    def _compared(self, readings: list[list[Numbered]]) -> Iterator[ScannedItem]:
        by_number = [{one.number: one for one in reading} for reading in readings]
        times = [Counter(one.number for one in reading) for reading in readings]
        titles = {section_named(reading.section) for reading in self.readings if reading.section}
        for number in sorted({number for reading in by_number for number in reading}):
            found = [reading[number] for reading in by_number if number in reading]
            yield ScannedItem(
                number, self.number, " ".join(found[0].text.split()),
                min(one.confidence for one in found),
                doubt=_doubt(found, len(readings), max(one[number] for one in times))
                or ("its two readings differ" if len(titles) > 1 else None),
            )  # fmt: skip


def _doubt(found: list[Numbered], readings: int, times: int) -> Reason | None:
    """The doubt about an item. Each of `readings` should have it, and one of them has it so many `times`."""
    if times > 1:
        return "its number comes twice"
    if readings < READINGS:
        return "its page was not read twice"
    if len(found) < readings or len({" ".join(one.text.split()) for one in found}) > 1:
        return "its two readings differ"
    if any(SWALLOWED.search(one.text) for one in found):
        return "holds a sign that is not read"
    return None


class PageShown:
    """A page of a scan, as it is shown to the model."""

    def __init__(self, path: Path, document: pypdfium2.PdfDocument, number: int):
        self.path, self.number = path, number
        self._document = document

    @functools.cached_property
    def picture(self) -> tuple[str, int]:
        """The page as a data URL, and the most tokens that a model may count for it."""
        image = self._document[self.number - 1].render(scale=DPI / 72, grayscale=True).to_pil()
        with io.BytesIO() as file:
            image.save(file, "PNG")
            url = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
        return url, image.width * image.height // PIXELS_PER_TOKEN

    def request(self, settings: Teacher, attempt: int, max_tokens: int | None = None) -> Request:
        """The request to the reader to say what is on the page."""
        role = settings.roles["reader"]
        url, tokens = self.picture
        content = [
            {"type": "text", "text": PROMPT.read_text(encoding="utf-8")},
            {"type": "image_url", "image_url": {"url": url}},
        ]
        body = request_body(
            role,
            role.model,
            [{"role": "user", "content": content}],
            cap := max_tokens or role.max_tokens,
            role.temperature_of(attempt),
            None if role.seed is None else role.seed + attempt - 1,
        )
        return Request("reader", role.endpoint, attempt, body, cap, tokens)


Steps: TypeAlias = Generator[Request, Reply | Failed, SeenPage]
"""A generator that yields requests, is sent their replies, and returns the readings."""


def steps(page: PageShown, settings: Teacher) -> Steps:
    """Show a page until two replies are usable, or there are no attempts left."""
    seen = SeenPage(page.number)
    for attempt in range(1, ATTEMPTS + 1):
        reply = yield page.request(settings, attempt)
        larger = settings.roles["reader"].max_tokens_if_truncated
        if larger and isinstance(reply, Reply) and reply.truncated:
            reply = yield page.request(settings, attempt, larger)
        found = reading_of(reply)
        if isinstance(found, str):
            seen.faults.append(found)
        else:
            seen.readings.append(found)
        if len(seen.readings) == READINGS:
            break
    return seen


def reading_of(reply: Reply | Failed) -> Reading | str:
    """The reading in a reply, or why there is none."""
    if isinstance(reply, Failed):
        return reply.reason
    if reply.truncated:
        return "cut off at its cap (raise teacher_cot.roles.reader.max_tokens)"
    found = re.search(r"\{.*\}", reply.text, re.DOTALL)  # models put words and fences around it
    try:
        return Reading.model_validate(_decoded(found[0] if found else ""))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        return f"not the JSON asked for ({'.'.join(map(str, fault['loc']))}: {fault['msg']})"
    except ValueError as error:
        return f"no JSON ({error})"


def _decoded(text: str) -> object:
    """Read JSON, also with single backslashes in LaTeX, as models often write it. Raises ValueError where it is not."""
    try:
        return json.loads(text)
    except ValueError:
        # a written `\n` may be a line's end; where it is the beginning of `\neq`, SWALLOWED finds the rest
        return json.loads(re.sub(r'(\\\\)|\\(?!["/n])', r"\\\\", text))


class NotStored(Exception):
    """The store lacks the answer to a request."""

    def __init__(self, request: Request):
        super().__init__(request.key)
        self.request = request


def recall(page: PageShown, settings: Teacher, store: Store, *, asked: bool) -> SeenPage:
    """A page's readings from the store. Raises NotStored where an answer is missing.

    With `asked`, a request that failed counts as a reply that cannot be used.
    """
    reading = steps(page, settings)
    request = next(reading)
    while True:
        reply = store.get(request) or (store.failure(request) if asked else None)
        if reply is None:
            raise NotStored(request)
        try:
            request = reading.send(reply)
        except StopIteration as end:
            return end.value


def lacking(pages: Iterable[PageShown], settings: Teacher, store: Store) -> list[Request]:
    """The first request of each page that the store lacks."""
    found = []
    for page in pages:
        try:
            recall(page, settings, store, asked=False)
        except NotStored as missing:
            found.append(missing.request)
    return found


def projected(requests: list[Request], settings: Teacher) -> str:
    """How many requests are still to be asked, and about what they cost."""
    role = settings.roles["reader"]
    price = settings.prices.get(role.model)
    copies = [max(1, READINGS + 1 - request.attempt) for request in requests]
    usd = sum(
        count * money.expected(price, request, role.expected_tokens)
        for count, request in zip(copies, requests, strict=True)
    )
    return f"about {sum(copies):,} requests, about ${usd:.2f}"


def status(paths: Iterable[Path], settings: Teacher) -> str:
    """How many requests are left and how much is spent, as `python -m stages.teacher_cot --status` prints it."""
    store = Store(settings.store)
    missing, spent = lacking(pages_of(paths), settings, store), store.spent()
    store.close()
    return f"still to ask: {projected(missing, settings)}\nspent: ${spent:.4f}"


def pages_of(paths: Iterable[Path]) -> Iterator[PageShown]:
    """The pages of scans in order. Raises InputError for a file that cannot be opened."""
    for path in paths:
        document = open_pdf(path)
        for number in range(1, len(document) + 1):
            yield PageShown(path, document, number)


def see(paths: list[Path], settings: Teacher) -> dict[Path, list[SeenPage]]:
    """The readings of scans. The model is asked for those that the store lacks.

    Raises InputError when an endpoint cannot be asked, or the budget is too small.
    """
    pages, store = list(pages_of(paths)), Store(settings.store)
    try:
        if missing := lacking(pages, settings, store):
            print(f"reader: {projected(missing, settings)} to ask; ${store.spent():.4f} are spent", file=sys.stderr)
            _ask(pages, settings, store)
        seen: dict[Path, list[SeenPage]] = {path: [] for path in paths}
        for page in pages:
            try:
                seen[page.path].append(recall(page, settings, store, asked=True))
            except NotStored as missing_still:
                raise InputError(
                    f"{page.path}, page {page.number}: the store has no reading of it; run again."
                ) from missing_still
    finally:
        store.close()
    return seen


def _ask(pages: list[PageShown], settings: Teacher, store: Store) -> None:
    name = settings.roles["reader"].endpoint

    async def read(page: PageShown, asker: Asker) -> None:
        reading = steps(page, settings)
        request = next(reading)
        while True:
            try:
                request = reading.send(await asker.ask(request))
            except StopIteration:
                return

    async def read_all(asker: Asker) -> None:
        waiting = iter(pages)
        with Bar(total=len(pages), desc="reader", unit="page", dynamic_ncols=True) as bar:

            async def work(some: Iterable[PageShown]) -> None:
                for page in some:
                    if not await asker.done(read(page, asker)):
                        return
                    bar.update()

            await work([next(waiting)])  # alone, so that a reader with wrong settings is paid for one page only
            await gathered(work(waiting) for _ in range(settings.endpoints[name].concurrency))

    def asker(stop: Stop) -> Asker:
        where = f"teacher_cot.endpoints.{name}"
        client = Client(where, settings.endpoints[name], stop, settings.patience)
        return Asker(settings, store, stop, {name: client})

    ask_all(store, asker, read_all)


def sections(path: Path, pages: list[SeenPage], section: str | None) -> dict[str, Both]:
    """The questions and answers of each section of a scan. Without a `section`, the pages' titles name it.

    Where a page could not be read, the questions with the missing numbers are included with that doubt. Raises
    InputError where a `section` is given and the scan holds several.
    """
    if section:
        titles = [(page.number, section_named(page.section) if page.section else None) for page in pages]
        questions = [(page.number, [item.number for item in page.questions]) for page in pages]
        answers = [(page.number, [item.number for item in page.answers]) for page in pages]
        require_one_section(path, titles, (questions, answers))
    found: dict[str, Both] = {}
    current = section
    for page in pages:
        if section is None and page.section:
            current = section_named(page.section) or (None if OTHER_TEST.search(page.section) else current)
        if current is None:
            continue
        asked, answered = found.setdefault(current, ([], []))
        if asked:
            rest = page.continued
            asked[-1].text = f"{asked[-1].text} {rest.text}".rstrip()
            asked[-1].doubt = asked[-1].doubt or rest.doubt
        asked += page.questions
        answered += page.answers
    if any(not page.readings for page in pages):
        for asked, answered in found.values():
            read = {item.number for item in asked}
            last = max((item.number for item in (*asked, *answered)), default=0)
            asked += [
                ScannedItem(number, 0, doubt="its page was not read") for number in set(range(1, last + 1)) - read
            ]
            asked.sort(key=lambda item: item.number)
    return found
