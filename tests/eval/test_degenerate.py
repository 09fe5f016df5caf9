"""Runs without variation, without a part, with one question or one seed: numbers, or the reason why there are none."""

from pathlib import Path

import pandas as pd
import pytest

from distil.pipeline.files import read_jsonl, write_jsonl
from distil.pipeline.records import Problem
from tests.eval.evaluated import loads, metrics, rewrite
from tests.scored_run import write_run


def test_one_seed_only(tmp_path: Path) -> None:
    found = metrics(write_run(tmp_path, seeds=(7,)))
    assert found["contest_unseen"]["student_std"] is None
    assert "one seed" in found["reasons"]["contest_unseen.student_std"]
    assert found["contest_unseen"]["difference_low"] < found["contest_unseen"]["difference_high"]
    assert found["flip_rate"] is None and found["seeds_share_of_uncertainty"] is None
    crossed = loads(tmp_path / "data/eval/tables.json")["parts"]["contest_unseen"]["crossed"]
    assert crossed["sentence"].startswith("One seed")


@pytest.mark.parametrize(("text", "accuracy"), [("Answer: -98765", 0.0), ("", 0.0)])
def test_all_wrong_and_no_answer_at_all(tmp_path: Path, text: str, accuracy: float) -> None:
    folder = write_run(tmp_path)
    rewrite(folder, lambda row: row.model_copy(update={"text": text}))
    found = metrics(folder)["contest_unseen"]
    assert (found["base"], found["student_mean"], found["difference"]) == (accuracy, accuracy, 0)
    assert (found["gained"], found["lost"], found["mcnemar_p"]) == (0, 0, 1.0)
    assert found["difference_low"] == -found["difference_high"] < 0
    assert found["base_low"] == 0 < found["base_high"] < 0.2
    rows = pd.DataFrame(loads(folder / "data/eval/tables.json")["accuracy"])
    assert set(rows["no_answer"]) == {float(text == "")}


def test_all_right(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    keys = {row.id: row.answer for name in ("parsed", "transfer")
            for row in read_jsonl(folder / f"data/{name}/problems.jsonl", Problem)}  # fmt: skip
    rewrite(folder, lambda row: row.model_copy(update={"text": f"Answer: {keys[row.problem_id]}"}))
    found = metrics(folder)
    unseen = found["contest_unseen"]
    assert (unseen["base"], unseen["student_mean"], unseen["base_high"], unseen["mcnemar_p"]) == (1, 1, 1, 1)
    assert 0.8 < unseen["base_low"] < 1 and unseen["difference_low"] < 0 < unseen["difference_high"]
    assert found["leakage_inflation"] == 0 and found["leakage_inflation_low"] is None
    assert found["reasons"]["leakage_inflation"] == "nothing varies between clusters of questions"


def test_an_empty_transfer_benchmark(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    transfer = [folder / "data/transfer/problems.jsonl", folder / "data/teacher_cot/benchmark.jsonl"]
    for path in [*transfer, *(folder / "data/answers").glob("*/transfer.jsonl")]:
        path.write_text("")
    found = metrics(folder)
    assert found["transfer"]["n"] == 0 and found["transfer"]["base"] is None and found["transfer"]["holm_p"] is None
    assert found["reasons"] == {
        "transfer.n": "no question of this kind",
        "transfer.leak_paired": "the study's protocol was not asked these questions",
    }


def test_a_section_with_one_question(tmp_path: Path) -> None:
    folder = write_run(tmp_path, held_out=(2016,), per_section=1)
    found = metrics(folder)
    assert found["contest_unseen"]["n"] == 3
    rows = loads(folder / "data/eval/tables.json")["sections"]
    assert [row["n"] for row in rows if row["part"] == "contest_unseen"] == [1, 1, 1]
    assert all(-100 <= row["difference_low"] <= row["difference"] <= row["difference_high"] <= 100 for row in rows)


def test_one_section_is_the_whole_and_no_second_test(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    path = folder / "data/parsed/problems.jsonl"
    write_jsonl(path, [row.model_copy(update={"section": "senior"}) for row in read_jsonl(path, Problem)])
    for path in [folder / "data/transfer/problems.jsonl", folder / "data/teacher_cot/benchmark.jsonl",
                 *(folder / "data/answers").glob("*/transfer.jsonl")]:  # fmt: skip
        path.write_text("")
    found = metrics(folder)["contest_unseen"]
    assert 0 < found["mcnemar_p"] < 0.5 and found["holm_p"] == found["mcnemar_p"]
    assert loads(folder / "data/eval/tables.json")["sections"] == []


def test_zero_discordant_pairs_say_so(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    rewrite(folder, lambda row: row.model_copy(update={"text": "Answer: 60"}))
    metrics(folder)
    reasons = loads(folder / "data/eval/tables.json")["parts"]["contest_unseen"]["reasons"]
    assert "no discordant pair" in reasons["mcnemar_p"]


def test_nothing_seen_and_no_paper_fold(tmp_path: Path) -> None:
    """Only unseen questions answered: no seen part, no leakage, no protocol of the study, all said."""
    folder = write_run(tmp_path)
    rewrite(folder, lambda row: row if row.role == "unseen" and row.fold != "paper" else None)
    found = metrics(folder)
    assert found["contest_seen"]["n"] == found["paper_protocol"]["n"] == 0
    assert found["contest_seen"]["base"] is None and found["contest_seen"]["mcnemar_p"] is None
    assert found["leakage_inflation"] is None and found["paper_protocol_inflation"] is None
    assert found["reasons"] == {
        "contest_seen.n": "no question of this kind",
        "paper_protocol.n": "no question of this kind",
        "leakage_inflation": "no question under contest_seen",
        "paper_protocol_inflation": "no question under paper_protocol",
        **{
            f"{part}.leak_paired": "the study's protocol was not asked these questions"
            for part in ("contest_unseen", "contest_seen", "contest_all", "transfer", "paper_protocol")
        },
    }
    assert found["contest_unseen"]["n"] == found["contest_all"]["n"] == 36
