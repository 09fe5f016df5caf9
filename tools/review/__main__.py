"""A page on which a person checks what was read of the exams: `make review`, or `python -m tools.review`.

Reads data/raw as the `parsed` stage does, with its parameters, and corrections.yaml. Writes review.html: each
question's crop of its page next to the text that was read, its key, and why it was left out. The page exports
corrections.yaml; put it at the repository's root, and the `parsed` stage applies it.
"""

import argparse
import base64
import hashlib
import html
import io
import json
from pathlib import Path

import jinja2
import pypdfium2

from distil.exams import inline_math
from distil.exams.files import open_pdf
from distil.exams.left_out import LeftOut
from distil.pipeline.command import load_params, run
from distil.pipeline.files import write_text
from distil.pipeline.progress import Bar
from distil.pipeline.records import Problem
from stages.parsed.__main__ import CORRECTIONS, RAW, ParsedParams, manifest, read_all
from stages.parsed.corrections import read_corrections
from stages.parsed.items import Item
from stages.parsed.layout import read_items
from stages.parsed.ocr import ScannedItem
from stages.parsed.page import read_pages
from stages.parsed.scan import read_sections

PAGE = Path("review.html")
SCALE = 1.6  # pixels a point
MARGIN = 6  # points around a crop
WHOLE = (0.0, 0.0, 0.0, 0.0)
FOLDER = Path(__file__).parent


def main() -> None:
    """Write the page."""
    argparse.ArgumentParser(
        prog="python -m tools.review", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    params = load_params("parsed", ParsedParams)
    problems, left_out, _ = read_all(params)
    every: list[Problem | LeftOut] = [*problems, *left_out]
    questions = sorted(every, key=lambda one: (one.year, one.section, one.number))
    crops: dict[tuple[str, int, str], list[str]] = {}
    for source in Bar(sorted({question.source for question in questions}), "drawing", unit="exam"):
        path = RAW / "exams" / source
        if path.suffix == ".pdf" and path.exists() and params.reader != "transcription":
            here = [question for question in questions if question.source == source]
            key_of = {exam.file: RAW / "exams" / exam.key.file for exam in manifest().exams if exam.key}
            found = cropped(path, key_of.get(source), params, here)
            crops |= {(source, number, section): pictures for (number, section), pictures in found}
    rows = [
        row(question, crops.get((question.source, question.number, question.section), [])) for question in questions
    ]
    write_text(PAGE, page(rows, {name: one.model_dump() for name, one in read_corrections(CORRECTIONS).items()}))
    print(f"{len(problems)} problems and {len(left_out)} left out -> {PAGE}")


def row(question: Problem | LeftOut, crops: list[str]) -> dict[str, object]:
    """What the page knows of a question."""
    return {
        "id": question.id,
        "question": question.question,
        "answer": question.answer,
        "shown": mathml(question.question),
        "key": mathml(question.answer),
        "reason": getattr(question, "reason", None),
        "source": question.source + (f", page {question.page}" if question.page else ""),
        "crops": crops,
    }


def cropped(
    path: Path, key_path: Path | None, params: ParsedParams, questions: list[Problem | LeftOut]
) -> list[tuple[tuple[int, str], list[str]]]:
    """The crops of each question of a PDF, and of its key, as pictures in data addresses."""
    document = open_pdf(path)
    key_document = open_pdf(key_path) if key_path else document
    found = []
    names = {one.section for one in questions}
    if params.reader == "vision":  # a model says on which page a question is, and not where
        return [((one.number, one.section), [_crop(document, one.page, WHOLE)]) for one in questions if one.page]
    if params.reader == "ocr":
        known = next(iter(names)) if len(names) == 1 else None
        for section, (asked, answers) in read_sections(path, known, key_path).items():
            keys = {item.number: item for item in answers}
            for one in asked:
                parts = [(document, one), (key_document, keys.get(one.number))]
                pictures = [_crop(pdf, part.page, _of_scan(part, pdf)) for pdf, part in parts if part]
                found.append(((one.number, section), pictures))
        return found
    asked_items, key_items = read_items(read_pages(path), read_pages(key_path) if key_path else None)
    by_number = {item.number: item for item in key_items}
    for item in asked_items:
        parts_of = [(document, item), (key_document, by_number.get(item.number))]
        pictures = [_crop(pdf, part.page, _of_items(part)) for pdf, part in parts_of if part and part.page]
        found.append(((item.number, next(iter(names))), pictures))
    return found


def _of_items(item: Item) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of an item's lines."""
    lefts, bottoms, rights, tops = zip(*item.boxes, strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


def _of_scan(item: ScannedItem, document: pypdfium2.PdfDocument) -> tuple[float, float, float, float]:
    height = document[item.page - 1].get_height()
    return (
        min(box.left for box in item.boxes),
        height - max(box.bottom for box in item.boxes),
        max(box.right for box in item.boxes),
        height - min(box.top for box in item.boxes),
    )


def _crop(document: pypdfium2.PdfDocument, number: int, box: tuple[float, float, float, float]) -> str:
    """A part of a page as a data address; the whole page where it is turned."""
    sheet = document[number - 1]
    width, height = sheet.get_size()
    left, bottom, right, top = box
    whole = sheet.get_rotation() != 0 or not (0 <= left < right <= width + 1 and 0 <= bottom < top <= height + 1)
    margins = (left - 5 * MARGIN, bottom - MARGIN, width - right - MARGIN, height - top - MARGIN)
    crop = (0, 0, 0, 0) if whole else tuple(max(margin, 0) for margin in margins)
    picture = io.BytesIO()
    sheet.render(scale=SCALE, crop=crop, grayscale=True).to_pil().save(picture, "PNG", optimize=False)
    return "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()


def mathml(text: str) -> str:
    """A linear text as HTML with its powers, fractions and roots drawn."""
    return "".join(_element(node) for node in inline_math.parse(text))


def _element(node: inline_math.Node) -> str:
    match node:
        case inline_math.Exponent(exponent):
            return f"<sup>{''.join(map(_element, exponent))}</sup>"
        case inline_math.Fraction(numerator, denominator):
            return f"<math><mfrac>{_row(numerator)}{_row(denominator)}</mfrac></math>"
        case inline_math.Root(radicand):
            return f"<math><msqrt>{_row(radicand)}</msqrt></math>"
    assert isinstance(node, str)
    return html.escape(node)


def _row(nodes: inline_math.Nodes) -> str:
    """Nodes inside of MathML."""
    written: list[str] = []
    for node in nodes:
        match node:
            case inline_math.Exponent(exponent):
                base = written.pop() if written else "<mrow></mrow>"
                written.append(f"<msup>{base}{_row(exponent)}</msup>")
            case inline_math.Fraction(numerator, denominator):
                written.append(f"<mfrac>{_row(numerator)}{_row(denominator)}</mfrac>")
            case inline_math.Root(radicand):
                written.append(f"<msqrt>{_row(radicand)}</msqrt>")
            case str():
                written += [f"<mtext>{html.escape(character)}</mtext>" for character in node]
    return f"<mrow>{''.join(written)}</mrow>"


def page(rows: list[dict[str, object]], corrections: dict[str, object]) -> str:
    """The page: one file that fetches nothing and runs no script but its own."""
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER), autoescape=True, undefined=jinja2.StrictUndefined
    )
    data = json.dumps({"rows": rows, "corrections": corrections}, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        data = data.replace(character, f"\\u{ord(character):04x}")
    return environment.get_template("page.html.jinja").render(script=script, script_hash=f"sha256-{digest}", data=data)


if __name__ == "__main__":
    run(main)
