"""docs/metrics.md names every number of every metrics file."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scored_run import write_run
from tests.workspace import inside

ROOT = Path(__file__).resolve().parents[1]
OTHER = {"environment.json"}
"""Files that describe a machine and hold no results."""


def documented() -> dict[str, list[re.Pattern[str]]]:
    """For each file that a heading names, the names in the first column of its table, `<...>` as a wildcard."""
    found: dict[str, list[re.Pattern[str]]] = {}
    for section in (ROOT / "docs/metrics.md").read_text("utf-8").split("\n## ")[1:]:
        heading, _, body = section.partition("\n")
        names = [
            re.compile(re.sub(r"<\w+>", "(?s:.+)", re.escape(name).replace(r"\<", "<").replace(r"\>", ">")))
            for row in re.findall(r"^\| (`.+?) \|", body, re.MULTILINE)
            for name in re.findall(r"`([^`]+)`", row)
        ]
        for file in re.findall(r"metrics/([\w/<>]+\.json)", heading):
            found[re.sub(r"<\w+>", "*", file)] = names
    return found


def keys(value: Any, prefix: str = "") -> Iterator[str]:
    """The dotted names of all leaves."""
    if isinstance(value, dict) and value:
        for name, entry in value.items():
            yield from keys(entry, f"{prefix}{name}.")
    elif not isinstance(value, dict):
        yield prefix.removesuffix(".")


def undocumented(metrics: Path) -> dict[str, list[str]]:
    """Names of the files under `metrics` that the page lacks, by file."""
    page, missing = documented(), {}
    for path in sorted(metrics.rglob("*.json")):
        name = path.relative_to(metrics)
        if name.parts[0] == "timings" or str(name) in OTHER:
            continue
        known = next((names for pattern, names in page.items() if name.match(pattern)), [])
        lacking = [key for key in keys(json.loads(path.read_text())) if not any(one.fullmatch(key) for one in known)]
        if lacking:
            missing[str(name)] = lacking
    return missing


def test_every_committed_number_is_on_the_page() -> None:
    if not list((ROOT / "metrics").glob("*.json")):
        pytest.skip("no metrics in this checkout yet")
    assert undocumented(ROOT / "metrics") == {}


def test_every_number_of_eval_and_length_sweep_is_on_the_page(tmp_path: Path) -> None:
    folder = write_run(tmp_path, seeds=(0,))
    for name in ("stages.eval", "stages.length_sweep"):
        assert inside(folder, name).returncode == 0
    assert undocumented(folder / "metrics") == {}


def written() -> Iterator[str]:
    """README, the real student's page, and all that report and summary put together, what they fill in left out."""
    for page in ("README.md", "docs/real-student.md"):
        yield " ".join((ROOT / page).read_text("utf-8").split())
    for path in (
        *(ROOT / "stages/report").glob("*.py"),
        ROOT / "distil/statistics/seeds.py",
        ROOT / "tools/summary.py",
    ):
        yield from texts_of(path)


def texts_of(path: Path) -> Iterator[str]:
    """Every text of a module, with " ... " for what an f-string fills in."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        yield "".join(
            str(part.value) if isinstance(part, ast.Constant) else " ... "
            for part in parts
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )


def sentences() -> list[tuple[str, list[str]]]:
    """The rows of the page's table of sentences: the sentences, and the names of their numbers."""
    page = (ROOT / "docs/metrics.md").read_text("utf-8")
    table = page.split("## The number behind each sentence")[1].split("\n## ")[0]
    rows = [row.split(" | ") for row in re.findall(r"^\| (.+) \|$", table, re.MULTILINE)[2:]]
    assert len(rows) > 20 and all(len(row) == 4 for row in rows), "sentence, number, unit of resampling, population"
    return [(row[0], re.findall(r"`([^`]+)`", row[1])) for row in rows]


def test_every_sentence_of_the_table_is_written_somewhere() -> None:
    texts = [" ".join(text.replace("’", "'").split()) for text in written()]
    for sentence, _ in sentences():
        for quoted in re.findall(r'"([^"]+)"', sentence):
            for piece in (piece.strip(" ,.:") for piece in re.split(r"\.\.\.|\b[NM]\b|\bR\d\b", quoted)):
                assert any(piece in text for text in texts), f"nobody writes {piece!r} of {quoted!r}"


FINDINGS = ("answer", "claims_result", "claims_chains", "recorded", "counterparts")
"""Modules of the report that put sentences about results together."""
NO_RESULT = (
    "is not known",
    "for orientation only",
    "with no interval to judge it by",
    "not written yet",
    "recorded elsewhere",
)
"""What a sentence says that fills in a reason, a file or a name, and no number of a result."""


def filled() -> Iterator[str]:
    """Sentences of five words or more with something filled in, of report, summary and the seeds' verdict."""
    paths = [ROOT / f"stages/report/{name}.py" for name in FINDINGS]
    for path in (*paths, ROOT / "distil/statistics/seeds.py", ROOT / "tools/summary.py"):
        for text in texts_of(path):
            words = re.sub(r"\(95 % interval.*?\)|95 % interval", "", text).replace(" ... ", " ").split()
            if " ... " in text and len([word for word in words if word[0].isalpha()]) >= 5:
                yield " ".join(text.replace("’", "'").split())


def test_every_sentence_about_a_result_is_in_the_table() -> None:
    quoted = [quote for sentence, _ in sentences() for quote in re.findall(r'"([^"]+)"', sentence)]
    pieces = {piece.strip(" ,.:") for quote in quoted for piece in re.split(r"\.\.\.|\b[NM]\b|\bR\d\b", quote)}
    known = {piece for piece in pieces if len(piece.split()) > 1}
    every = [text for text in filled() if not any(word in text for word in NO_RESULT)]
    assert len(every) > 40
    assert [text for text in every if not any(piece in text for piece in known)] == []


def test_a_number_that_is_not_on_the_page_is_found(tmp_path: Path) -> None:
    (tmp_path / "parsed.json").write_text('{"problems": 3, "guesses": {"a": 1}}')
    (tmp_path / "other.json").write_text('{"x": 1}')
    assert undocumented(tmp_path) == {"parsed.json": ["guesses.a"], "other.json": ["x"]}
