import json
from pathlib import Path
from random import Random

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from distil import contest
from distil.pipeline.files import InputError, read_jsonl, read_record, write_jsonl
from distil.pipeline.records import LEVELS, SECTIONS, Chain, Problem, Split, Verdict, VerifiedChain
from stages.train_split.families import families
from stages.train_split.folds import held_out_groups, hold_out, kfold_groups, leaked, paper
from stages.train_split.truncated import cut
from tests.workspace import inside, stage

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


@settings(max_examples=60)
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
    everything = {p.id for p in PROBLEMS}
    fold = paper(PROBLEMS, everything, everything, seed=0)
    assert [len(fold.train), len(fold.valid), len(fold.unseen), len(fold.unused)] == [85, 10, 5, 0]
    assert leaked(fold, CLUSTER, fold.answers) == 95
    assert paper(PROBLEMS, everything, everything, seed=1) != fold
    kept = {p.id for p in PROBLEMS if p.number % 3}
    fewer = paper(PROBLEMS, everything, kept, seed=0)
    assert (fewer.unseen, fewer.answers) == (fold.unseen, fold.answers)
    assert (set(fewer.train), set(fewer.valid)) == (set(fold.train) & kept, set(fold.valid) & kept)


def test_a_year_that_no_problem_has_is_said(capsys):
    assert held_out_groups(PROBLEMS, YEARS, [2014, 2041], "held_out_years", fold_of).unseen
    said = "train_split.held_out_years: no problem of data/parsed is of 2041; held out are those of 2014.\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    "call",
    [
        lambda: held_out_groups(PROBLEMS, YEARS, [1999], "held_out_years", fold_of),
        lambda: held_out_groups(PROBLEMS, KINDS, [], "held_out_families", fold_of),
        lambda: hold_out(PROBLEMS, set(), CLUSTER, set(), {PROBLEMS[0].id}, 0.1, 0),
        lambda: kfold_groups(PROBLEMS, YEARS, 9, "years", fold_of),
        lambda: paper(PROBLEMS, set(CLUSTER), set(), 0),
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


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_stage_writes_leak_free_rows_that_mlx_lm_reads(folder):
    done = stage(folder, "stages.train_split")
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
    refused = inside(folder, "stages.train_split")
    assert refused.returncode == 1 and "held_out_families is geometry" in refused.stderr
    tagged = [p.model_copy(update={"topic": "geometry" if p.number % 2 else "algebra"}) for p in PROBLEMS]
    write_jsonl(folder / "data/parsed/problems.jsonl", tagged)
    assert inside(folder, "stages.train_split").returncode == 0
    split = json.loads((folder / "data/train_split/folds.json").read_text())
    assert split["families_are"] == "topics" and set(split["family_names"]) >= {"geometry", "algebra"}
    assert set(split["folds"]["held_out"]["unseen"]) == {p.id for p in tagged if p.topic == "geometry"}


def test_the_contests_questions_decide_what_a_kind_is(folder):
    """The second benchmark is by default of the sample contest's families, whatever the exams are."""
    sampled = contest.draw(Random(1), "rope", "transfer")
    transfer = problem(0, 1, sampled.text).model_copy(update={"id": "transfer/1"})
    write_jsonl(folder / "data/transfer/problems.jsonl", [transfer])
    own = list(read_jsonl(folder / "data/parsed/problems.jsonl", Problem))
    for topic, kind in ((None, "near-duplicates"), ("algebra", "topics")):
        own = [p.model_copy(update={"topic": topic}) for p in own]
        write_jsonl(folder / "data/parsed/problems.jsonl", own)
        assert inside(folder, "stages.train_split").returncode == 0
        split = json.loads((folder / "data/train_split/folds.json").read_text())
        assert split["families_are"] == kind and "rope" not in split["family_names"]


def test_one_question_like_the_sample_contests_does_not_make_exams_of_it(folder):
    own = list(read_jsonl(folder / "data/parsed/problems.jsonl", Problem))
    own[0] = own[0].model_copy(update={"question": "Find the remainder when 58 is divided by 7."})
    kinds = families(own, [], {p.id: number for number, p in enumerate(own)})
    assert kinds.kind == "near-duplicates" and len(kinds.names) == len(own)


def change(folder: Path, **values) -> None:
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["train_split"] |= values
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def attempt(p: Problem, number: int, text: str, reason: str | None = None) -> VerifiedChain:
    row = accepted(p, "R1")
    chain = row.chain.model_copy(update={"attempt": number, "text": text or row.chain.text})
    return row.model_copy(update={"chain": chain, "reason": reason})


@pytest.fixture
def attempted(folder):
    """Three attempts at each problem: those of number 1 verify all, the others of even numbers twice, the rest once."""
    attempts = []
    for p in PROBLEMS:
        second = None if p.number == 1 or p.number % 2 == 0 else "wrong_answer"
        third = None if p.number == 1 else "wrong_answer"
        attempts += [attempt(p, 1, ""), attempt(p, 2, f"Another way\nAnswer: {p.answer}", second)]
        attempts += [attempt(p, 3, f"A third\nAnswer: {p.answer}", third)]
    twice = attempt(PROBLEMS[0], 4, "")  # a text that is there already is no other chain
    write_jsonl(folder / "data/verified/attempts.jsonl", [*attempts, twice])
    return folder


def test_all_verified_chains_of_a_problem_are_trained_on_and_one_is_validated_on(folder, attempted):
    assert inside(attempted, "stages.train_split").returncode == 0
    split = attempted / "data/train_split"
    index = json.loads((split / "folds.json").read_text())["folds"]["held_out"]
    written = rows(split / "held_out/train.jsonl")
    texts = [(row["problem_id"], row["messages"][-1]["content"].split("\n")[0]) for row in written]
    others = {1: ["Another way", "A third"]} | {number: ["Another way"] for number in range(2, 21, 2)}
    expected = [(name, text) for name in index["train"] for text in ["R1", *others.get(int(name[-2:]) % 50, [])]]
    assert texts == expected and len(texts) > len(index["train"])
    assert [row["problem_id"] for row in rows(split / "held_out/valid.jsonl")] == index["valid"]
    for level in ("R1", "R5"):
        names = [row["problem_id"] for row in rows(split / f"levels/{level}/train.jsonl")]
        assert len(names) == len(set(names)), "the sweep compares lengths, one chain a problem"
    counted = json.loads((attempted / "metrics/train_split.json").read_text())["folds"]
    assert counted["held_out"]["train_rows"] == len(texts) and counted["held_out"]["train"] == len(index["train"])
    assert counted["paper"]["train_rows"] == len(rows(split / "paper/train.jsonl"))
    folds = read_record(split / "folds.json", Split).folds
    assert {name: fold.train_rows for name, fold in folds.items()} == {
        name: fold["train_rows"] for name, fold in counted.items()
    }


def test_problems_outside_of_the_pass_rate_are_not_trained_on(folder, attempted):
    assert inside(attempted, "stages.train_split").returncode == 0
    whole = json.loads((attempted / "data/train_split/folds.json").read_text())["folds"]
    change(attempted, pass_rate=[0.5, 0.9])
    assert inside(attempted, "stages.train_split").returncode == 0
    folds = json.loads((attempted / "data/train_split/folds.json").read_text())["folds"]
    for fold in folds.values():
        assert {int(name[-2:]) % 2 for name in fold["train"] + fold["valid"]} == {0}
    for name, fold in folds.items():
        assert fold["train"] != whole[name]["train"]
        assert fold["unseen"] == whole[name]["unseen"], "what is judged is not chosen by it"
    assert folds["paper"]["unseen"] and {name[:4] for name in folds["held_out"]["unseen"]} == {"2014"}
    assert any(name.endswith("/05") for name in folds["held_out"]["unused"])
    change(attempted, pass_rate=[0.35, 0.4])
    assert "pass_rate: of none of the 101 problems" in inside(attempted, "stages.train_split").stderr
    change(attempted, pass_rate=[0.9, 0.5])
    assert "the lower share comes first" in inside(attempted, "stages.train_split").stderr
    (attempted / "data/verified/attempts.jsonl").unlink()
    change(attempted, pass_rate=[0.5, 1])
    assert "set teacher_cot.chains_per_problem above 1" in inside(attempted, "stages.train_split").stderr


def test_rows_that_share_words_with_a_benchmark_are_removed_where_asked(folder):
    """Every question of the fixture begins with the same two words; runs of three tell years and numbers apart."""
    change(folder, overlap_words=3)
    assert inside(folder, "stages.train_split").returncode == 0
    before = json.loads((folder / "metrics/train_split.json").read_text())["folds"]["held_out"]
    assert "removed_overlapping" not in before and before["transfer_sharing_3_words"] == 1
    was = json.loads((folder / "data/train_split/folds.json").read_text())["folds"]

    change(folder, remove_overlapping=["transfer"])  # "What is 2012 times 1?": of that year, or with "times 1?"
    assert inside(folder, "stages.train_split").returncode == 0
    after = json.loads((folder / "metrics/train_split.json").read_text())["folds"]
    now = json.loads((folder / "data/train_split/folds.json").read_text())["folds"]
    assert after["held_out"]["transfer_sharing_3_words"] == 0
    rows_before = [*was["held_out"]["train"], *was["held_out"]["valid"]]
    gone = {name for name in rows_before if name.startswith("2012/") or name.endswith("/01")}
    assert 0 < len(gone) < len(rows_before) and after["held_out"]["removed_overlapping"] == len(gone)
    assert gone <= set(now["held_out"]["unused"]) and now["held_out"]["unseen"] == was["held_out"]["unseen"]
    for part in ("train", "valid"):
        assert now["held_out"][part] == [name for name in was["held_out"][part] if name not in gone]
        written = rows(folder / f"data/train_split/held_out/{part}.jsonl")
        assert [row["problem_id"] for row in written] == now["held_out"][part]
    assert now["paper"] == was["paper"], "the study's own protocol is what it is"

    change(folder, overlap_words=2, remove_overlapping=["unseen"])
    refused = inside(folder, "stages.train_split")
    assert "remove_overlapping leaves 0 of" in refused.stderr and refused.returncode == 1


def test_running_twice_gives_the_same_bytes(folder):
    assert inside(folder, "stages.train_split").returncode == 0
    first = {path: path.read_bytes() for path in folder.rglob("*.jsonl")}
    assert inside(folder, "stages.train_split").returncode == 0
    assert first == {path: path.read_bytes() for path in folder.rglob("*.jsonl")}


def keep_chains(folder: Path, wanted) -> None:
    accepted = folder / "data/verified/accepted.jsonl"
    chains = [row["chain"] for row in rows(accepted)]
    lines = accepted.read_text().splitlines(keepends=True)
    accepted.write_text("".join(line for line, chain in zip(lines, chains, strict=True) if wanted(chain)))


def test_without_a_sweep_a_level_that_shares_no_row_stops_nothing(folder):
    keep_chains(folder, lambda chain: (chain["problem_id"][-2:] > "10") == (chain["level"] == "R6"))
    blocks = yaml.safe_load((folder / "params.yaml").read_text())
    blocks["length_sweep"] |= {"levels": [], "truncated": []}
    (folder / "params.yaml").write_text(yaml.safe_dump(blocks))
    assert inside(folder, "stages.train_split").returncode == 0
    assert json.loads((folder / "metrics/train_split.json").read_text())["level_rows"] == {"train": 0, "valid": 0}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: keep_chains(f, lambda chain: chain["level"] not in ("R2", "R5")), "no chain of R2, R5 was accepted"),
        (lambda f: keep_chains(f, lambda chain: False), "nothing to train on: no chain of the teacher was accepted"),
        (
            lambda f: keep_chains(f, lambda chain: (chain["problem_id"][-2:] > "10") == (chain["level"] == "R6")),
            "0 rows to train on and 0 to validate on have an accepted chain at every level",
        ),
        (
            lambda f: write_jsonl(f / "data/transfer/problems.jsonl", [PROBLEMS[3]]),
            "both have the id '2011/freshman_sophomore_test/04'",
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
    assert inside(folder, "stages.train_split").returncode == 0
    before = {path: path.read_bytes() for path in (folder / "data/train_split").rglob("*") if path.is_file()}
    spoil(folder)
    done = inside(folder, "stages.train_split")
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
    assert before == {path: path.read_bytes() for path in (folder / "data/train_split").rglob("*") if path.is_file()}
