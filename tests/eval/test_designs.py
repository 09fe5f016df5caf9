"""Other designs of a run: a limit on the questions, several samples, folds that answer each other's questions."""

import json
import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from distil.pipeline.files import read_jsonl, read_record, write_jsonl
from distil.pipeline.records import Answer, Problem, Scored, Split
from distil.pipeline.subset import Limit, subset
from distil.statistics.outcomes import questions_table, score
from distil.verifier import Verifier
from stages.eval.__main__ import BENCHMARKS
from stages.eval.tables import pass_at, several_samples
from tests.eval.evaluated import loads, metrics, run
from tests.scored_run import write_run


def test_a_limit_shows_in_every_n_and_is_said(tmp_path: Path) -> None:
    folder = write_run(tmp_path, seeds=(0, 1))
    file = folder / "params.yaml"
    blocks = yaml.safe_load(file.read_text())
    blocks["answers"]["limit"] = {"unseen": 20, "seen": 12, "transfer": 10}
    file.write_text(yaml.safe_dump(blocks))
    problems = {name: list(read_jsonl(folder / path, Problem)) for name, path in BENCHMARKS.items()}
    split = read_record(folder / "data/train_split/folds.json", Split)
    asked = subset(problems["contest"], problems["transfer"], split, Limit(**blocks["answers"]["limit"]))
    for path in folder.glob("data/answers/*/*.jsonl"):
        rows = [
            row
            for row in read_jsonl(path, Answer)
            if asked.asks(row.benchmark, row.problem_id, row.fold, row.role, split.main)
        ]
        write_jsonl(path, rows)
    found = metrics(folder)
    sizes = {"contest_unseen": 20, "contest_all": 32, "transfer": 10, "paper_protocol": 32}
    assert {name: found[name]["n"] for name in sizes} == sizes
    assert found["asked"]["unseen"] == {"n": 20, "of": 36} and "sha256" in found["asked"]["drawn"]
    write_jsonl(folder / "data/answers/seed_0/contest.jsonl", [])
    assert "were to be answered" in str(run(folder)) or "has no answer" in str(run(folder))


def test_several_samples_of_a_question(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    for path in (folder / "data/answers").glob("*/transfer.jsonl"):
        rows = list(read_jsonl(path, Answer))
        other = [row.model_copy(update={"sample": 1, "text": "Answer: 1/7"}) for row in rows]
        third = [row.model_copy(update={"sample": 2, "text": "Answer: 2/14"}) for row in rows]
        path.write_text("".join(row.model_dump_json() + "\n" for row in [*rows, *other, *third]))
    metrics(folder)
    table = pd.DataFrame(loads(folder / "data/eval/tables.json")["samples"]["transfer"]).set_index("model")
    base = {row.answer.problem_id for row in read_jsonl(folder / "data/eval/scored.jsonl", Scored)
            if row.answer.model == "base" and row.answer.benchmark == "transfer" and row.answer.sample == 0
            and row.verdict.verdict == "CORRECT"}  # fmt: skip
    assert table.loc["base", "k"] == 3 and table.loc["base", "n"] == 30
    most = table.loc["base", "pass_at"][str(table.loc["base", "k"])]
    assert most["value"] == pytest.approx(len(base | {"t/1"}) / 30, abs=1e-5)  # samples 1 and 2 say 1/7
    assert most["low"] < most["value"] < most["high"]
    assert table.loc["base", "majority"]["value"] == pytest.approx(1 / 30, abs=1e-5)


@pytest.mark.parametrize(
    ("replies", "right"),
    [
        (["12", "13", "13"], False),
        (["12", "13", "12", "13"], True),  # of equally frequent answers the first sampled
        (["", "12", "", "12", ""], True),  # no answer has no vote
        (["12 cm", "12", "13", "13", "12 cm", "12", "13"], True),  # right answers are one, however they are written
        (["", "", ""], False),
    ],
)
def test_the_majority_is_of_answers(tmp_path: Path, replies: list[str], right: bool) -> None:
    """Beside a question without any right answer."""
    problems = [
        Problem(id=name, year=2011, section="s", number=1, question=f"Q {name}", answer="12", source="tests")
        for name in ("asked", "other")
    ]
    rows = [
        Answer(
            problem_id=name, benchmark="contest", model="base", fold=None, role="unseen", sample=sample,
            text=f"Answer: {text}" if text else "", prompt_tokens=1, completion_tokens=1, finish_reason="stop",
        )
        for name, texts in (("asked", replies), ("other", ["14"] * len(replies)))
        for sample, text in enumerate(texts)
    ]  # fmt: skip
    write_jsonl(tmp_path / "answers.jsonl", rows)
    questions = questions_table(problems, "contest", {})
    with Verifier() as verifier:
        outcomes = score(tmp_path / "answers.jsonl", questions, verifier, None)
    (found,) = several_samples(outcomes, questions["cluster"].to_numpy())
    assert (found.n, found.majority.value) == (2, 0.5 if right else 0.0)


def test_pass_at_k_is_the_share_of_draws_with_a_right_answer() -> None:
    """Against every draw of k of the answers."""
    for n, right, k in ((5, 2, 2), (4, 0, 2), (4, 4, 1), (6, 1, 4), (3, 3, 3)):
        draws = list(combinations([True] * right + [False] * (n - right), k))
        assert pass_at(k, pd.Series([n]), pd.Series([right]))[0] == pytest.approx(
            np.mean([any(draw) for draw in draws])
        )


def test_kfold_gives_every_question_an_unseen_and_a_seen_prediction(tmp_path: Path) -> None:
    """Two folds that hold out half each and answer the other half, too: seen and unseen are the same questions."""
    folder = write_run(tmp_path)
    path = folder / "data/train_split/folds.json"
    split = json.loads(path.read_text())
    names = split["folds"]["held_out"]["answers"]
    halves = {"fold_1": names[::2], "fold_2": names[1::2]}
    split["folds"] = {
        name: {
            "train": [n for n in names if n not in set(half)],
            "valid": [],
            "unseen": half,
            "unused": [],
            "answers": names,
        }
        for name, half in halves.items()
    }
    split |= {"main": list(halves), "transfer_fold": "fold_1", "protocol": "kfold_years"}
    path.write_text(json.dumps(split))
    for file in (folder / "data/answers").glob("seed_*/*.jsonl"):
        rows, rng = [], np.random.default_rng(1)
        for row in read_jsonl(file, Answer):
            if row.benchmark == "transfer":
                rows.append(row.model_copy(update={"fold": "fold_1"}))
            elif row.fold == "held_out":
                for name, half in halves.items():
                    unseen = row.problem_id in half
                    text = "Answer: 60" if unseen and rng.random() < 0.5 else row.text
                    rows.append(
                        row.model_copy(update={"fold": name, "role": "unseen" if unseen else "train", "text": text})
                    )
        file.write_text("".join(row.model_dump_json() + "\n" for row in rows))
    found = metrics(folder)
    assert found["contest_unseen"]["n"] == found["contest_seen"]["n"] == found["contest_all"]["n"] == len(names)
    assert found["contest_unseen"] == found["contest_all"] | {
        key: found["contest_unseen"][key] for key in found["contest_unseen"] if key not in found["contest_all"]
    } | {key: found["contest_unseen"][key] for key in ("difference_low", "difference_high")}  # their own random draws
    assert found["contest_unseen"]["base"] == found["contest_seen"]["base"]
    assert found["leakage_inflation_low"] > 0
    assert math.isfinite(found["leakage_inflation_high"])


def test_the_studys_own_protocol_is_not_compared_with_itself(tmp_path: Path) -> None:
    """`train_split.protocol: paper`: the main folds are the study's, and a gap of 0 would be no finding."""
    folder = write_run(tmp_path)
    path = folder / "data/train_split/folds.json"
    split = json.loads(path.read_text())
    split["folds"] = {"paper": split["folds"]["paper"]}
    path.write_text(json.dumps(split | {"main": ["paper"], "transfer_fold": "paper", "protocol": "paper"}))
    for file in (folder / "data/answers").glob("seed_*/*.jsonl"):
        rows = [row for row in read_jsonl(file, Answer) if row.benchmark == "transfer" or row.fold == "paper"]
        write_jsonl(file, (row.model_copy(update={"fold": "paper"}) for row in rows))
    found = metrics(folder)
    for part in ("contest_unseen", "contest_seen", "contest_all", "transfer", "paper_protocol"):
        assert found[part]["n"] and found[part]["leak_paired"] is None and found[part]["leak_paired_low"] is None, part
        assert "this run's own" in found["reasons"][f"{part}.leak_paired"]


def test_other_kinds_are_never_surer_than_more_of_the_same(tmp_path: Path) -> None:
    """Two seeds bound their spread badly: one rule's interval is twice as wide as the other's."""
    found = metrics(write_run(tmp_path, seeds=(0, 1)))
    for part in ("contest_unseen", "contest_all", "transfer"):
        own = found[part]
        assert own["difference_low_families"] <= own["difference_low"], part
        assert own["difference_high_families"] >= own["difference_high"], part
