"""The README says what the committed run produced, and names only make targets that exist (links: test_docs.py)."""

import json
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


def test_the_verifiers_numbers_are_the_committed_ones():
    judges = read_json(ROOT / "metrics/bench.json")["medians"]["verify"]["judges"]
    pages = {"README.md": README, "docs/verifier.md": (ROOT / "docs/verifier.md").read_text(encoding="utf-8")}
    for page, text in pages.items():
        words = " ".join(text.split())
        assert re.search(rf"{judges['processor_ratio']:.1f}(:| times in processor time)", words), page
        for name in ("math_verify", "ours"):
            assert f"| {judges[name]['rows_per_second']:,.0f} | " in text, f"{page}: {name}"


def test_the_costs_by_the_students_size_are_the_measured_ones():
    rows = [line.split(" | ") for line in (ROOT / "docs/scale.md").read_text(encoding="utf-8").splitlines()]
    tiny, half, large = (next(row for row in rows if row[0].startswith(f"| {size}")) for size in ("0.8", "0.5", "1.5"))
    bench = read_json(ROOT / "metrics/bench.json")
    training, answering = (bench["peers"][name]["ours"] for name in ("peer_lora_bf16", "peer_answers_128"))
    assert tiny[1].startswith(f"{1000 / bench['medians']['lora_tiny']['ours']:.2f} ")
    assert tiny[3].startswith(f"{1000 / bench['medians']['answers']['ours']:.1f} an answer")
    assert half[1].startswith(f"{1000 / training['processor']:.1f} ") and half[2] == f"{training['peak_gb']:.1f} GB"
    assert half[3].startswith(f"{1000 / answering['processor']:.1f} ") and half[4] == f"{answering['peak_gb']:.1f} GB"
    run = ROOT / "results/qwen-1.5b"
    seeds = [read_json(run / f"metrics/timings/lora_seed/{seed}.json")["held_out"] for seed in range(3)]
    speeds, memory = ([seed[name] for seed in seeds] for name in ("row_tokens_per_second", "peak_memory_gb"))
    assert large[1].startswith(f"{1000 / max(speeds):.1f} to {1000 / min(speeds):.1f} ")
    assert large[2] == f"{min(memory):.1f} to {max(memory):.1f} GB"
    answers = [json.loads(line) for line in (run / "answers.jsonl").read_text(encoding="utf-8").splitlines()]
    timed = read_json(run / "metrics/timings/answers/seed_2.json")
    tokens = [answer["tokens"] for answer in answers if answer["model"] == "seed_2"]
    assert len(tokens) == timed["answers"] and large[3].startswith(f"{1000 * timed['seconds'] / sum(tokens):.1f} ")


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", README, re.MULTILINE))))
def test_every_make_target_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
