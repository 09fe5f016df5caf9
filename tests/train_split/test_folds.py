import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from distil.pipeline.files import InputError, write_jsonl
from distil.pipeline.records import LEVELS, SECTIONS, Chain, Problem, Verdict, VerifiedChain
from stages.train_split.folds import held_out_groups, hold_out, kfold_groups, leaked, paper
from stages.train_split.truncated import cut

ROOT = Path(__file__).resolve().parents[2]
SWEEP = {"levels": list(LEVELS), "truncated": ["R2", "R5"], "focus": SECTIONS[0]}
SPLIT = {
    "protocol": "held_out_years",
    "held_out_years": [2014],
    "held_out_families": ["mean"],
    "folds": 3,
    "paper_protocol": True,
    "valid_share": 0.1,
    "near_duplicate": 0.8,
    "overlap_words": 8,
    "seed": 0,
}


def problem(year: int, number: int, question: str | None = None, section: str = SECTIONS[0]) -> Problem:
    return Problem(
        id=f"{year}/{section}/{number:02d}",
        year=year,
        section=section,
        number=number,
        question=question or f"What is {year} times {number}?",
        answer=str(year * number),
        source="exam.pdf",
    )


PROBLEMS = [problem(year, number) for year in range(2011, 2016) for number in range(1, 21)]
CLUSTER = {p.id: i for i, p in enumerate(PROBLEMS)}
YEARS = {p.id: str(p.year) for p in PROBLEMS}
KINDS = {p.id: "abcd"[p.number % 4] for p in PROBLEMS}


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(0, 30), min_size=100, max_size=100),
    untrainable=st.sets(st.integers(0, 99), max_size=30),
    seed=st.integers(0, 5),
)
def test_no_cluster_straddles_whatever_the_clusters_are(labels, untrainable, seed):
    cluster = {p.id: label for p, label in zip(PROBLEMS, labels, strict=True)}
    trainable = {p.id for i, p in enumerate(PROBLEMS) if i not in untrainable}
    closed = {0, 1}
    try:
        fold = hold_out(PROBLEMS, trainable, cluster, closed, {n for n, y in YEARS.items() if y == "2014"}, 0.1, seed)
    except InputError:
        return
    groups = [{cluster[name] for name in part} for part in (fold.train, fold.valid, fold.unseen)]
    assert not groups[0] & groups[1] and not (groups[0] | groups[1]) & (groups[2] | closed)
    assert leaked(fold, cluster, fold.unseen) == 0
    parts = fold.train + fold.valid + fold.unseen + fold.unused
    assert sorted(parts) == sorted(p.id for p in PROBLEMS)
    assert set(fold.train + fold.valid) <= trainable


def fold_of(held_out):
    return hold_out(PROBLEMS, set(CLUSTER), CLUSTER, set(), held_out, 0.1, 0)


@pytest.mark.parametrize("group_of", [YEARS, KINDS])
def test_every_question_has_one_unseen_and_one_other_prediction_under_kfold(group_of):
    everything = {p.id for p in PROBLEMS}
    folds = kfold_groups(PROBLEMS, group_of, 3, "groups", fold_of)
    assert sorted(name for fold in folds.values() for name in fold.unseen) == sorted(everything)
    answered = [name for fold in folds.values() for name in fold.answers]
    assert sorted(answered) == sorted([*everything, *everything])
    for fold in folds.values():
        assert not {group_of[name] for name in fold.unseen} & {group_of[name] for name in fold.train + fold.valid}


def test_the_papers_protocol_is_85_10_5_at_random_and_leaks():
    fold = paper(PROBLEMS, {p.id for p in PROBLEMS}, seed=0)
    assert [len(fold.train), len(fold.valid), len(fold.unseen), len(fold.unused)] == [85, 10, 5, 0]
    assert leaked(fold, CLUSTER, fold.answers) == 95
    assert paper(PROBLEMS, {p.id for p in PROBLEMS}, seed=1) != fold


@pytest.mark.parametrize(
    "call",
    [
        lambda: held_out_groups(PROBLEMS, YEARS, [1999], "held_out_years", fold_of),
        lambda: held_out_groups(PROBLEMS, KINDS, [], "held_out_families", fold_of),
        lambda: hold_out(PROBLEMS, set(), CLUSTER, set(), {PROBLEMS[0].id}, 0.1, 0),
        lambda: kfold_groups(PROBLEMS, YEARS, 9, "years", fold_of),
        lambda: paper(PROBLEMS, set(), 0),
    ],
)
def test_a_split_that_cannot_be_made_says_why(call):
    with pytest.raises(InputError, match="train_split"):
        call()


def accepted(p: Problem, level: str) -> VerifiedChain:
    return VerifiedChain(
        chain=Chain(
            problem_id=p.id,
            level=level,
            role="distiller",
            model="m",
            prompt_hash="0",
            sampling={},
            text=f"{level}\nAnswer: {p.answer}",
            answer=p.answer,
            finish_reason="stop",
        ),
        verdict=Verdict(
            verdict="CORRECT",
            rule="integer",
            extracted=p.answer,
            found_by="answer_line",
            gold_form=p.answer,
            answer_form=p.answer,
            within_rounding=True,
        ),
    )


@pytest.fixture
def folder(tmp_path):
    twin = problem(2011, 50, question=PROBLEMS[-21].question)  # of the held-out year 2014
    problems = [*PROBLEMS, twin]
    write_jsonl(tmp_path / "data/parsed/problems.jsonl", problems)
    transfer = problem(2012, 1).model_copy(update={"id": "transfer/1", "year": 0})
    write_jsonl(tmp_path / "data/transfer/problems.jsonl", [transfer])
    chains = [accepted(p, level) for p in problems for level in LEVELS if (p.number, level) != (3, "R4")]
    write_jsonl(tmp_path / "data/verified/accepted.jsonl", chains)
    params = {"train_split": SPLIT, "chat": {"system": "Be brief."}, "length_sweep": SWEEP}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    return tmp_path


def stage(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "stages.train_split"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_stage_writes_leak_free_rows_that_mlx_lm_reads(folder):
    done = stage(folder)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((folder / "metrics/train_split.json").read_text())
    index = json.loads((folder / "data/train_split/folds.json").read_text())
    held_out = metrics["folds"]["held_out"]
    assert held_out["leaked_rows"] == 0 and metrics["folds"]["paper"]["leaked_rows"] == 96
    assert index["main"] == ["held_out"] and index["protocol"] == "held_out_years"
    assert "2011/freshman_sophomore_test/50" in index["folds"]["held_out"]["unused"], "its twin is held out"
    assert "2012/freshman_sophomore_test/01" in index["folds"]["held_out"]["unused"], "its twin is in transfer"
    train = rows(folder / "data/train_split/held_out/train.jsonl")
    assert len(train) == held_out["train"] == len(index["folds"]["held_out"]["train"])
    assert [turn["role"] for turn in train[0]["messages"]] == ["system", "user", "assistant"]
    level_ids = [
        [row["problem_id"] for row in rows(folder / f"data/train_split/levels/{level}/train.jsonl")] for level in LEVELS
    ]
    assert all(ids == level_ids[0] for ids in level_ids) and not any(name.endswith("/03") for name in level_ids[0])
    assert rows(folder / "data/train_split/levels/R5/train.jsonl")[0]["messages"][-1]["content"].startswith("R5\n")


def test_a_truncated_chain_is_as_long_as_its_level(folder):
    chain, like = (accepted(PROBLEMS[0], "R1").chain.model_copy(update={"text": text}) for text in (
        "First we add: 1 + 2 = 3.\n\nThen 4.\nAnswer: 3", "1 + 2\nAnswer: 3",
    ))  # fmt: skip
    assert cut(chain, like).text == "First we add:\nAnswer: 3"
    for text, expected in (("Answer: 3", "Answer: 3"), ("x " * 30 + "\nAnswer: 3", chain.text), ("", "Answer: 3")):
        short = cut(chain, like.model_copy(update={"text": text}))
        assert short.text == expected and short.level == like.level


def test_families_are_held_out_by_topic_family_or_cluster(folder):
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["train_split"] |= {"protocol": "held_out_families", "held_out_families": ["geometry"]}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    refused = stage(folder)
    assert refused.returncode == 1 and "held_out_families is geometry" in refused.stderr
    tagged = [p.model_copy(update={"topic": "geometry" if p.number % 2 else "algebra"}) for p in PROBLEMS]
    write_jsonl(folder / "data/parsed/problems.jsonl", tagged)
    assert stage(folder).returncode == 0
    split = json.loads((folder / "data/train_split/folds.json").read_text())
    assert split["families_are"] == "topics" and set(split["family_names"]) >= {"geometry", "algebra"}
    assert set(split["folds"]["held_out"]["unseen"]) == {p.id for p in tagged if p.topic == "geometry"}


def test_running_twice_gives_the_same_bytes(folder):
    assert stage(folder).returncode == 0
    first = {path: path.read_bytes() for path in folder.rglob("*.jsonl")}
    assert stage(folder).returncode == 0
    assert first == {path: path.read_bytes() for path in folder.rglob("*.jsonl")}


def keep_chains(folder: Path, wanted) -> None:
    accepted = folder / "data/verified/accepted.jsonl"
    chains = [row["chain"] for row in rows(accepted)]
    lines = accepted.read_text().splitlines(keepends=True)
    accepted.write_text("".join(line for line, chain in zip(lines, chains, strict=True) if wanted(chain)))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: keep_chains(f, lambda chain: chain["level"] not in ("R2", "R5")), "no chain of R2, R5 was accepted"),
        (lambda f: keep_chains(f, lambda chain: False), "nothing to train on: no chain of the teacher was accepted"),
        (
            lambda f: keep_chains(f, lambda chain: (chain["problem_id"][-2:] > "10") == (chain["level"] == "R6")),
            "0 rows to train on and 0 to validate on have an accepted chain at every level",
        ),
        (lambda f: (f / "data/verified/accepted.jsonl").write_text('{"chain": 1}\n'), "accepted.jsonl, line 1, chain"),
        (lambda f: (f / "data/parsed/problems.jsonl").unlink(), "data/parsed/problems.jsonl could not be read"),
        (lambda f: (f / "params.yaml").write_text("chat: {system: ''}"), "no block 'train_split'"),
        (
            lambda f: (f / "params.yaml").write_text(
                yaml.safe_dump({"train_split": {**SPLIT, "protocol": "luck", "sede": 1}, "chat": {"system": ""}})
            ),
            "train_split.protocol",
        ),
        (
            lambda f: (f / "params.yaml").write_text(
                (f / "params.yaml").read_text().replace("- R2", "- R1"),
            ),
            "length_sweep.levels",
        ),
    ],
)
def test_wrong_input_is_one_message_and_leaves_earlier_outputs(folder, spoil, message):
    assert stage(folder).returncode == 0
    before = {path: path.read_bytes() for path in (folder / "data/train_split").rglob("*") if path.is_file()}
    spoil(folder)
    done = stage(folder)
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
    assert before == {path: path.read_bytes() for path in (folder / "data/train_split").rglob("*") if path.is_file()}
