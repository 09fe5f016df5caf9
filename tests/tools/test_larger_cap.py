"""Replies that were cut off, written on: the words of a run under the larger cap, and what they change."""

import hashlib
import shutil
from pathlib import Path

import pytest
import yaml

from distil.lm.progress import LmParams
from distil.pipeline.files import read_json, read_jsonl, read_record, write_jsonl
from distil.pipeline.numbers import rounded
from distil.pipeline.records import Answer, Problem, Split
from stages.answers.params import AnswersParams
from tests.scored_run import EVAL, write_run
from tests.workspace import ANSWERS, ROOT, inside, write_params, write_workspace
from tools.larger_cap import CutOff, FinishedRun, LargerCap, compared, key

UNSEEN = {f"contest/{number:03d}" for number in range(24, 30)}
"""The held-out questions of the workspace."""


def given(folder: Path, model: str) -> dict[str, Answer]:
    """A model's answers to held-out questions, by problem."""
    rows = read_jsonl(folder / f"data/answers/{model}/contest.jsonl", Answer)
    return {row.problem_id: row for row in rows if row.problem_id in UNSEEN}


def change(folder: Path, model: str, problem: str, more: str) -> None:
    """Let a model's reply to one question be longer than its number of tokens says."""
    path = folder / f"data/answers/{model}/contest.jsonl"
    rows = list(read_jsonl(path, Answer))
    write_jsonl(
        path, [row.model_copy(update={"text": row.text + more}) if row.problem_id == problem else row for row in rows]
    )


@pytest.mark.parametrize("backend", ["mlx", "torch"])
def test_a_reply_goes_on_as_under_the_larger_cap(tmp_path, backend):
    if backend == "torch":
        pytest.importorskip("torch", reason="needs the extra torch")
    folder = write_workspace(tmp_path)
    shutil.copytree(ROOT / "models/tiny-student", folder / "models/random", dirs_exist_ok=True)  # writes words
    assert inside(folder, "stages.lora_seed", "--seed", "3").returncode == 0
    whole = {}
    for cap in (16, 3):
        write_params(folder, answers={"max_tokens": cap, "backend": backend})
        for model in ("base", "seed_3"):
            assert inside(folder, "stages.answers", "--model", model).returncode == 0
            whole[cap, model] = given(folder, model)
    altered = next(name for name, row in whole[3, "base"].items() if row.finish_reason == "length")
    change(folder, "base", altered, "!")
    looping = next(name for name, row in whole[3, "seed_3"].items() if row.finish_reason == "length")
    change(folder, "seed_3", looping, " So x = 5." * 20)
    blocks = yaml.safe_load((folder / "params.yaml").read_text()) | {"eval": EVAL}
    (folder / "params.yaml").write_text(yaml.safe_dump(blocks))
    (folder / "data/eval").mkdir()
    (folder / "data/eval/scored.jsonl").write_text("{}")
    (folder / "metrics").mkdir(exist_ok=True)
    shutil.copy(ROOT / "metrics/eval.json", folder / "metrics")
    one = inside(folder, "tools.larger_cap", "--max-tokens", "16", "--models", "seed_3")
    assert one.returncode == 0 and one.stdout == "The comparison waits for base.\n", one.stderr
    (store,) = (folder / "cache/answers").iterdir()
    first = store.read_bytes()
    store.write_bytes(first[: first.index(b"\n") + 40])  # as a kill leaves it
    done = inside(folder, "tools.larger_cap", "--max-tokens", "16")
    assert done.returncode == 0, done.stderr
    found = [row for path in (folder / "cache/answers").iterdir() for row in read_lines(path)]
    written_on = {(row.model, row.problem_id) for row in found}
    assert len(written_on) > 3
    for row in found:
        assert whole[3, row.model][row.problem_id].finish_reason == "length"
        assert row == whole[16, row.model][row.problem_id] and (row.model, row.problem_id) != ("base", altered)
    told = read_record(folder / "cache/larger_cap.json", LargerCap)
    assert (told.scored, told.former_cap, told.max_tokens) == (hashlib.md5(b"{}").hexdigest(), 3, 16)
    for model in told.models:
        cut = [row for row in whole[3, model.model].values() if row.finish_reason == "length"]
        assert model.cut_off == len(cut)
        assert model.left_out == len(cut) - model.repeating - sum(name == model.model for name, _ in written_on)
    assert told.models[0].left_out == 1, "base's altered text has one token too many"
    assert told.models[1].repeating == 1


def read_lines(store: Path) -> list[Answer]:
    """The whole answers in a store."""
    return [Answer.model_validate_json(line) for line in store.read_bytes().splitlines() if line.endswith(b"}")]


@pytest.fixture
def ran(tmp_path, monkeypatch) -> FinishedRun:
    """A run with cut-off replies that `eval` has scored."""
    folder = write_run(tmp_path, seeds=(0, 1), per_section=30, gain=-0.5)
    assert inside(folder, "stages.eval").returncode == 0
    monkeypatch.chdir(folder)
    return FinishedRun(
        models=["base", "seed_0", "seed_1"], params=AnswersParams.model_validate(ANSWERS), backend="torch",
        split=read_record("data/train_split/folds.json", Split),
        problems={problem.id: problem for problem in read_jsonl("data/parsed/problems.jsonl", Problem)},
        base="m", system="", lm=LmParams(backend="torch", compute="float32", threads=1), tokenizer=None, cap=99,
    )  # fmt: skip


def test_without_a_reply_written_on_the_comparison_is_evals(ran):
    found = compared(ran, {name: {} for name in ran.models}).model_dump()
    before = read_json("metrics/eval.json")["contest_unseen"]
    shared = found.keys() & before.keys()
    assert {"n", "base", "student_mean", "difference", "difference_low", "difference_high", "sign_flip_p"} == shared
    assert rounded({name: found[name] for name in shared}) == {name: before[name] for name in shared}
    assert all(model["left_out"] == model["cut_off"] > 0 for model in found["models"])


def test_the_comparison_is_that_of_all_replies_under_the_larger_cap(ran):
    said = {name: f"Answer: {problem.answer}" for name, problem in ran.problems.items()}
    longer, right, became = {}, {}, []
    for model in ran.models:
        replies = ran.replies(model)
        before = sum(row.text.endswith(said[row.problem_id]) for row in replies)
        _, still, *others = [row for row in replies if row.finish_reason == "length"]
        rows = [still]
        for row in others:
            rows.append(row.model_copy(update={"text": f"{row.text}\n{said[row.problem_id]}", "finish_reason": "stop"}))
        longer[model], right[model] = {key(row): row for row in rows}, (before + len(others)) / len(replies)
        ended = len(others)
        became.append(
            CutOff(model=model, cut_off=ended + 2, repeating=0, left_out=1, ended=ended, ended_right=ended,
                   still_cut_off=1)
        )  # fmt: skip
    found = compared(ran, longer)
    assert found.n == len(ran.replies("base")) == len(ran.replies("seed_0"))
    assert found.base == pytest.approx(right["base"])
    assert found.student_mean == pytest.approx((right["seed_0"] + right["seed_1"]) / 2)
    assert found.difference == pytest.approx(100 * (found.student_mean - found.base))
    assert found.models == became and all(model.ended for model in became)


@pytest.mark.parametrize(
    ("changed", "arguments", "said"),
    [
        ({}, ["8"], "--max-tokens is 8: name more than answers.max_tokens, 8."),
        ({"temperature": 1.0}, ["16"], "Only greedy replies of mlx or torch are written on"),
        ({"backend": "openai"}, ["16"], "Only greedy replies of mlx or torch are written on"),
        ({}, ["16", "--models", "few_shot"], "'few_shot' is none of the models that eval compares: base, seed_3."),
        ({}, ["16"], "`dvc repro eval` scores the run."),
    ],
)
def test_what_cannot_be_written_on_is_one_message(tmp_path, changed, arguments, said):
    folder = write_workspace(tmp_path)
    write_params(folder, answers=changed)
    done = inside(folder, "tools.larger_cap", "--max-tokens", *arguments)
    assert done.returncode == 1 and said in done.stderr
