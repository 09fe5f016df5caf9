"""Write reports/index.html: one file with its style, script, pictures and data inside. It fetches nothing."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import jinja2

from distil.pipeline.files import write_text
from stages.report.formulas import FORMULA, formulas
from stages.report.questions import COLUMNS, Questions

BLOCK = 200
"""The number of questions in one block of details. The page parses a block when one of its questions is opened."""
FOLDER = Path(__file__).parent
SCRIPTS = ("tables.js", "page.js")


def write_page(path: str | Path, questions: Questions, main_folds: list[str], **content: Any) -> None:
    """Render page.html.jinja with the questions' data and `content` (the template's other names) to `path`.

    The page's policy allows the browser to run this project's script only, known by its hash, and to load nothing.
    """
    script = "".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER), autoescape=True, undefined=jinja2.StrictUndefined
    )
    rows = {
        "columns": COLUMNS,
        "students": questions.students,
        "rows": questions.rows,
        "block": BLOCK,
        "main_folds": main_folds,
        "formula": FORMULA,
    }
    details = [one.model_dump(exclude_defaults=True) for one in questions.details]
    starts = range(0, len(details), BLOCK)
    text = environment.get_template("page.html.jinja").render(
        style=(FOLDER / "page.css").read_text(encoding="utf-8"),
        script=script,
        script_hash=f"sha256-{digest}",
        options=options(questions),
        rows=script_json(rows),
        formulas=script_json(formulas(questions.texts(), questions.keys())),
        chunks=[script_json(details[start : start + BLOCK]) for start in starts],
        **content,
    )
    write_text(path, text)


def script_json(value: Any) -> str:
    """JSON that is safe inside a `script` element. Nothing in it can end the element or open a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def options(questions: Questions) -> dict[str, list[tuple[str, str]]]:
    """The choices of the filters that depend on the data: `(value, text)` pairs for each column."""
    found = {}
    for name in ("benchmark", "section", "year"):
        values = dict.fromkeys(str(row[COLUMNS.index(name)]) for row in questions.rows)
        found[name] = [(value, value.replace("_", " ")) for value in sorted(values)]
    return found
