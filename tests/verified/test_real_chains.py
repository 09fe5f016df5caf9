"""DeepSeek's recorded chains against the keys: the shares of docs/real-chains.md."""

import csv
import json
from collections import defaultdict

import pytest

from distil.verifier import Verifier


@pytest.fixture(scope="module")
def verdicts(shared) -> dict[str, list[str]]:
    """Verdicts by level: R1 from the distilled rows, R2 to R6 from the table's five columns."""
    rows: list[tuple[str, str, str]] = []
    keys = {}
    with (shared / "job/chains/reasoning_chain.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            keys[" ".join(row["question"].split())] = row["true_answer"]
            rows += [(f"R{level}", row["true_answer"], row[f"reasoning_{level - 1}"]) for level in range(2, 7)]
    for name in ("train", "valid", "test"):
        for line in (shared / f"job/chains/distilled_{name}.jsonl").read_text(encoding="utf-8").splitlines():
            _, user, assistant = json.loads(line)["messages"]
            if (question := " ".join(user["content"].split())) in keys:
                rows.append(("R1", keys[question], assistant["content"]))
    with Verifier() as verifier:
        found = verifier.verify_many((gold, text) for _, gold, text in rows)
    by_level = defaultdict(list)
    for (level, _, _), verdict in zip(rows, found, strict=True):
        by_level[level].append(verdict.verdict)
    return by_level


@pytest.mark.parametrize(
    ("level", "rows", "share"),
    [("R1", 450, 0.99), ("R2", 534, 0.76), ("R3", 534, 0.87), ("R4", 534, 0.87), ("R5", 534, 0.86), ("R6", 534, 0.85)],
)
def test_the_share_of_recorded_chains_that_verify(verdicts, level, rows, share):
    found = verdicts[level]
    assert len(found) >= rows
    assert found.count("CORRECT") / len(found) >= share, found.count("CORRECT") / len(found)


def test_few_recorded_chains_cannot_be_judged(verdicts):
    unverifiable = sum(found.count("UNVERIFIABLE") for found in verdicts.values())
    assert unverifiable <= 0.01 * sum(len(found) for found in verdicts.values())
