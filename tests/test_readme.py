"""The README says what the committed run produced, and names only commands and files that exist."""

import re
from pathlib import Path

import pytest

from stages.common.files import read_json
from tools.summary import lengths, result

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_result_is_the_committed_runs():
    metrics = {name: read_json(ROOT / "metrics" / f"{name}.json") for name in ("eval", "length_sweep")}
    for line in [*result(metrics["eval"]), *lengths(metrics["length_sweep"])]:
        assert line in README, f"README.md lacks: {line} (put the output of `python -m tools.summary` there)"


def test_the_comparisons_are_the_committed_ones():
    rows = [[cell.strip() for cell in line.split("|")] for line in README.splitlines() if line.startswith("| ")]
    for name, found in read_json(ROOT / "metrics/bench.json")["medians"].items():
        digits = 2 if found["ratio"] < 2 else 1
        ratio = "" if name == "padding" else f"{found['ratio']:.{digits}f}"
        ours = f"{found['ours']:,.{0 if found['ours'] > 1000 else 1}f}" if name != "padding" else f"{found['ours']:.2f}"
        assert any(row[4:5] == [ratio] and row[3].startswith(ours.removesuffix(".0")) for row in rows), (
            name,
            ratio,
            ours,
        )


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", README, re.MULTILINE))))
def test_every_make_target_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", sorted({p for p in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in p}))
def test_every_linked_file_exists(path):
    assert (ROOT / path).exists()
