"""The README says what the committed run produced, and names only make targets that exist (links: test_docs.py)."""

import re
from pathlib import Path

import pytest

from distil.pipeline.files import read_json, read_record
from distil.pipeline.results import EvalMetrics
from distil.pipeline.sweep_results import SweepMetrics
from tools.summary import lengths, result

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_result_is_the_committed_runs():
    evaluation = read_record(ROOT / "metrics/eval.json", EvalMetrics)
    sweep = read_record(ROOT / "metrics/length_sweep.json", SweepMetrics)
    for line in [*result(evaluation), *lengths(sweep)]:
        assert line in README, f"README.md lacks: {line} (put the output of `python -m tools.summary` there)"


def test_the_comparisons_are_the_committed_ones():
    for name, found in read_json(ROOT / "metrics/bench.json")["medians"].items():
        ratio = f"{found['ratio']:.{1 if found['ratio'] > 2 else 2}f}"
        end = f"| {ratio} | |\n" if name == "padding" else f"| {ratio} |\n"
        assert end in README, f"README.md lacks the row of {name} that ends in {end}"


def test_the_peers_are_the_committed_ones():
    """Rates, memory and ratio beside PyTorch, transformers and llama.cpp, and how long answers were."""
    found = read_json(ROOT / "metrics/bench.json")["peers"]
    measured = {name: one for name, one in found.items() if one["ratio"] is not None}
    assert len(measured) >= 6
    for name, one in measured.items():
        sides = [f"{one[side]['processor']:.0f} ({one[side]['peak_gb']:.1f} GB)" for side in ("peer", "ours")]
        assert f"| {sides[0]} | {sides[1]} | {one['ratio']:.2f} |" in README, name
        if name.endswith("_long"):
            slots = int(name.split("_")[2])
            theirs, ours = (one[side]["tokens"] / slots for side in ("peer", "ours"))
            assert f"({theirs:.0f} and {ours:.0f} on average)" in README, name


def test_the_verifiers_numbers_are_the_committed_ones():
    judges = read_json(ROOT / "metrics/bench.json")["medians"]["verify"]["judges"]
    pages = {"README.md": README, "docs/verifier.md": (ROOT / "docs/verifier.md").read_text(encoding="utf-8")}
    for page, text in pages.items():
        words = " ".join(text.split())
        assert re.search(rf"{judges['processor_ratio']:.1f}(:| times in processor time)", words), page
        for name in ("math_verify", "ours"):
            assert f"| {judges[name]['rows_per_second']:,.0f} | " in text, f"{page}: {name}"


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", README, re.MULTILINE))))
def test_every_make_target_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
