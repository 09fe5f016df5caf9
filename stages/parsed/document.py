"""Read numbered items from exams in LaTeX, Word, Markdown or HTML by pandoc. Formulas are LaTeX between dollar signs.

The questions are numbered lists, or paragraphs that begin with a number as in PDFs. Pandoc passes on some things that
it does not understand: raw commands, pictures, tables. Each of them leaves a doubt on its question.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from distil.exams import inline_math
from distil.exams.left_out import Doubt
from distil.pipeline.files import InputError
from stages.parsed import markdown
from stages.parsed.formula import ORDINAL, SIGNS
from stages.parsed.items import LABELS, PART, Item, goes_on, heads_a_part, in_a_row, key_headings, matched, nearness
from stages.parsed.marks import DRAWN, UNREAD, marked_docx, marked_html
from stages.parsed.neighbours import NEIGHBOUR

Element = dict[str, Any]
"""A node of pandoc's document as JSON: a document, a block or an inline."""
FORMATS = {
    ".tex": "latex+raw_tex",
    ".docx": "docx",
    ".md": markdown.FORMAT,
    ".html": "html+tex_math_dollars+tex_math_single_backslash",
}
"""File suffixes that pandoc reads, with pandoc's names for the formats."""
LAYOUT = re.compile(
    r"\\(?:[hv]space\*?|[hv]fill|newpage|clearpage|pagebreak|(?:small|med|big)skip|centering|label|columnbreak|noindent|"
    r"setlength|onecolumn|twocolumn|thispagestyle|pagestyle|vfil|raggedright|par|rule|underline\s*\{\s*\\hspace|hrule|hrulefill|dotfill|"
    r"setcounter|tiny|(?:foot)?small|normalsize|[lL]arge|LARGE|[hH]uge|(?:bf|it|sl|sc)(?:series|shape)?|sffamily|rmfamily|addtocounter|linebreak|null|strut|phantom|bigbreak|begin\{(?:center|multicols)\}|end)\b"
)
"""LaTeX commands that change the look of a page and add no text."""
COLUMNS = re.compile(
    r"\\(?:begin\{(?:multicols\*?|minipage|small|large)\}(?:\[\w*\])?(?:\{[^{}]*\})?|"
    r"end\{(?:multicols\*?|minipage|small|large)\})"
)
"""Environments that only place their text. Pandoc would pass them on unread, with everything in them."""
DRAWING = re.compile(r"\\begin\{(?:tikzpicture|picture|asy|pspicture)|\\includegraphics|<(?:svg|img|canvas)\b")


PREPARED: dict[str, Callable[[Any], str | bytes]] = {
    ".tex": lambda source: COLUMNS.sub("", re.sub(r"\\noindent\b\s*", " ", source)),  # `\noindent 1` would be one thing
    ".docx": marked_docx,
    ".md": markdown.prepared,
    ".html": marked_html,
}
"""What is done to a file's content before pandoc reads it."""


@dataclass
class Text:
    """The text of a block with its doubts. `number` is its number in a list; `heading` says that it is no paragraph."""

    text: str = ""
    number: int | None = None
    heading: bool = False
    drawn: bool = False
    doubts: set[Doubt] = field(default_factory=set)

    def add(self, other: "Text") -> None:
        """Append another text."""
        self.text, self.drawn = f"{self.text} {other.text}".strip(), self.drawn or other.drawn
        self.doubts |= other.doubts


def read_document(path: Path, key: Path | None = None) -> tuple[list[Item], list[Item]]:
    """The questions and the answers of a document. `key` is the document with the key, if that is a separate one.

    Raises InputError when pandoc is missing or cannot read a document.
    """
    texts = [text for block in _parsed(path)["blocks"] for text in _block(block)]
    if key:
        texts += [Text("Answer Key"), *(text for block in _parsed(key)["blocks"] for text in _block(block))]
    fallback: tuple[list[Item], list[Item]] = ([], [])
    nearest = (-1, False, False)
    rest: list[Text] = []  # what follows the heading of a key that holds no items
    for label in LABELS:
        lines = [(one.text, one.number is not None or bool(label.match(one.text))) for one in texts]
        for place in key_headings(lines) or [len(texts)]:
            asked = _items(texts[:place], label)
            if not asked:
                continue
            numbers, most = [item.number for item in asked], 0
            for key_label in (label, *(other for other in LABELS if other is not label)):
                answers = _items(texts[place:], key_label)
                if matched(asked, answers):
                    return asked, answers
                most = max(most, len(answers))
                if (near := nearness(asked, answers)) > nearest:
                    nearest, fallback, rest = near, (asked, answers), texts[place:]
            if most < len(numbers) == len(set(numbers)) and (answers := _in_a_row(texts[place:], sorted(numbers))):
                return asked, answers
    if fallback[0] and not fallback[1] and any("holds a table" in one.doubts for one in rest):
        raise InputError(
            f"{key or path}: the answer key is in a table, which is not read. Write it as a numbered list."
        )
    return fallback


def _in_a_row(texts: list[Text], numbers: list[int]) -> list[Item]:
    """The answers of a key with several to a line."""
    whole = Text()
    for one in texts:
        whole.add(one if one.number is None else replace(one, text=f"{one.number}. {one.text}"))
    answers = in_a_row(whole.text, numbers, None, whole.doubts)
    return [replace(answer, drawn=whole.drawn) for answer in answers]


def _parsed(path: Path) -> Element:
    try:
        import pypandoc  # an extra
    except ImportError as error:
        raise InputError(
            f"{path}: the package 'pypandoc-binary' is not installed, and {path.suffix} files need it. Install it with "
            "`make extra NAME=documents`, or give a PDF."
        ) from error
    kind = path.suffix.lower()
    try:
        source: str | bytes = path.read_bytes() if kind == ".docx" else path.read_text(encoding="utf-8-sig")
        prepared = PREPARED[kind](source)
        document = json.loads(pypandoc.convert_text(prepared, "json", format=FORMATS[kind], extra_args=["--sandbox"]))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: {error}. Save it in UTF-8.") from error
    except (OSError, RuntimeError, ValueError) as error:
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), "no reason given")
        raise InputError(f"{path} could not be read by pandoc: {reason:.300}") from error
    return markdown.as_written(document) if kind == ".md" else document


def _items(texts: list[Text], label: re.Pattern[str]) -> list[Item]:
    items: list[Item] = []
    for one in texts:
        number, text = one.number, one.text
        if number is None and (found := label.match(text)):
            number, text = int(found[1]), text[found.end() :]
        if number is not None:
            items.append(Item(number, None, [text], one.drawn, set(one.doubts)))
        elif items and not (one.heading and PART.fullmatch(text)) and not heads_a_part(text, items[-1].lines[-1]):
            if PART.fullmatch(text) and not goes_on(text, items[-1].lines[-1]):
                items[-1].doubts.add(NEIGHBOUR)
            items[-1].lines.append(text)
            items[-1].drawn |= one.drawn
            items[-1].doubts |= one.doubts
    return items


def _block(block: Element) -> Iterator[Text]:
    """The texts of one of pandoc's blocks: one for each line of a paragraph, one for each item of a numbered list."""
    kind: str = block["t"]
    content: Any = block.get("c")
    match kind:
        case "Para" | "Plain":
            for line in _lines(content):
                yield _inlines(line)
        case "Header":
            yield replace(_inlines(content[2]), heading=True)
        case "OrderedList":
            (start, style, _), items = content
            if style["t"] in ("LowerAlpha", "UpperAlpha", "LowerRoman", "UpperRoman"):
                yield _choices(content)
                return
            for number, item in enumerate(items, start):
                whole = Text(number=number)
                for part in item:
                    for text in _inside(part):
                        whole.add(text)
                yield whole
        case "Div" | "BlockQuote" | "LineBlock":
            if kind == "LineBlock":
                yield from (_inlines(line) for line in content)
            else:
                for part in content[1] if kind == "Div" else content:
                    yield from _block(part)
        case _:
            yield from _inside(block)


def _inside(block: Element) -> Iterator[Text]:
    """The texts of a block inside a question."""
    kind: str = block["t"]
    content: Any = block.get("c")
    match kind:
        case "OrderedList":
            yield _choices(content)
        case "BulletList":
            for item in content:
                for part in item:
                    yield from _inside(part)
        case "Div" | "BlockQuote":
            for part in content[1] if kind == "Div" else content:
                yield from _inside(part)
        case "CodeBlock":
            yield Text(content[1])
        case "HorizontalRule" | "Null":
            return
        case "Table":
            yield Text(doubts={"holds a table"})
        case "Figure":
            yield Text(drawn=True)
        case "RawBlock":
            yield _raw(content[1])
        case "Para" | "Plain" | "Header" | "LineBlock":
            yield from _block(block)
        case _:
            yield Text(doubts={"holds a sign that is not read"})


def _choices(content: Any) -> Text:
    """A list inside a question: its items with their letters or numbers, as exams print them."""
    (start, style, _), items = content
    whole = Text()
    for number, item in enumerate(items, start):
        letter = {"LowerAlpha": chr(96 + number), "UpperAlpha": chr(64 + number)}.get(style["t"])
        if letter is None:
            letter = chr(96 + number) if style["t"] == "DefaultStyle" else str(number)
        whole.add(Text(f"({letter})"))
        for part in item:
            for text in _inside(part):
                whole.add(text)
    return whole


def _lines(inlines: list[Element]) -> Iterator[list[Element]]:
    """A paragraph's inlines, split where the author broke the line."""
    line: list[Element] = []
    for inline in inlines:
        if inline["t"] == "LineBreak":
            yield line
            line = []
        else:
            line.append(inline)
    yield line


def _inlines(inlines: list[Element]) -> Text:
    whole = Text()
    written = ""
    for inline in inlines:
        part = _inline(inline, written)
        written += part.text
        whole.drawn |= part.drawn
        whole.doubts |= part.doubts
    whole.text = re.sub(r"\s+", " ", written).strip()
    return whole


def _inline(inline: Element, before: str) -> Text:
    kind: str = inline["t"]
    content: Any = inline.get("c")
    match kind:
        case "Str":
            return _marked(content)
        case "Space" | "SoftBreak" | "LineBreak":
            return Text(" ")
        case "Math":
            return Text(f"${content[1].strip()}$")
        case "Emph" | "Strong" | "SmallCaps" | "Underline":
            return _inlines_kept(content)
        case "Span" | "Link" | "Cite":
            return _inlines_kept(content[1])
        case "Quoted":
            inner = _inlines_kept(content[1])
            quotes = "‘’" if content[0]["t"] == "SingleQuote" else "“”"
            inner.text = f"{quotes[0]}{inner.text}{quotes[1]}"
            return inner
        case "Superscript" | "Subscript":
            inner = _inlines(content)
            if kind == "Superscript" and inner.text in SIGNS:
                inner.text = SIGNS[inner.text]
            elif not (kind == "Superscript" and ORDINAL.fullmatch(inner.text) and before[-1:].isdigit()):
                written = inline_math.power(inner.text)
                inner.text = written if kind == "Superscript" else "_" + written[1:]
            return inner
        case "Code":
            return _marked(content[1])
        case "Image":
            return Text(drawn=True)
        case "RawInline":
            return _raw(content[1])
        case "Strikeout":
            inner = _inlines_kept(content)
            inner.doubts.add("holds a bar that is not read")
            return inner
    return Text(doubts={"holds a sign that is not read"})


def _marked(text: str) -> Text:
    """A text without the marks that it had before pandoc read it."""
    doubts: set[Doubt] = {"holds a sign that is not read"} if UNREAD in text else set()
    return Text(re.sub(f"[{DRAWN}{UNREAD}]", "", text), drawn=DRAWN in text, doubts=doubts)


def _inlines_kept(inlines: list[Element]) -> Text:
    """The text of inlines, with the spaces at its ends: they matter in the middle of a line."""
    whole = _inlines(inlines)
    spaces = ("Space", "SoftBreak")
    if inlines and whole.text:
        before, after = (" " if inlines[at]["t"] in spaces else "" for at in (0, -1))
        whole.text = f"{before}{whole.text}{after}"
    return whole


def _raw(source: str) -> Text:
    """Raw LaTeX or HTML: a drawing, a command for the page's look, or something that is not understood."""
    if DRAWING.search(source):
        return Text(drawn=True)
    understood = (
        LAYOUT.match(source.strip())
        or source.strip().startswith(("<!--", "%"))
        or re.fullmatch(r"\s*</?(?:div|span|p|br|hr|section|article|body|html|main|style|script)\b[^>]*>\s*", source)
    )
    return Text() if understood else Text(doubts={"holds a sign that is not read"})
