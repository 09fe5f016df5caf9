"""Replies that were cut off, continued: the words of a run under the larger cap, and what they change."""

import shutil
from pathlib import Path

import pytest
import yaml

from distil.lm.progress import LmParams
from distil.pipeline.files import read_json, read_jsonl, read_record, write_jsonl
from distil.pipeline.records import Answer, Problem, Split
from stages.answers.params import AnswersParams
from stages.answers.store import AnswerStore
from tests.scored_run import EVAL, write_run
from tests.workspace import ANSWERS, ROOT, inside, write_params, write_workspace
from tools.larger_cap import FinishedRun, compared, key, told


def given(folder: Path, model: str) -> dict[str, Answer]:
    """A model's answers to the contest by problem."""
    return {row.problem_id: row for row in read_jsonl(folder / f"data/answers/{model}/contest.jsonl", Answer)}


def add(folder: Path, **blocks: object) -> None:
    """Put blocks into params.yaml."""
    params = folder / "params.yaml"
    params.write_text(yaml.safe_dump(yaml.safe_load(params.read_text()) | blocks))


@pytest.mark.parametrize("backend", ["mlx", "torch"])
def test_a_reply_goes_on_as_under_the_larger_cap(tmp_path, monkeypatch, backend):
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
    add(folder, eval=EVAL)
    write_jsonl(folder / "data/eval/scored.jsonl", [])
    kept: list[AnswerStore] = []
    monkeypatch.setattr(AnswerStore, "remove", lambda store: kept.append(store))
    one = inside(folder, "tools.larger_cap", "--max-tokens", "16", "--models", "seed_3")
    assert one.returncode == 0 and "The comparison waits for base." in one.stdout, one.stderr
    done = inside(folder, "tools.larger_cap", "--max-tokens", "16")
    assert done.returncode == 0, done.stderr
    found = {(row.model, row.problem_id): row for store in kept for row in store.found.values()}
    for model, name in found:
        assert whole[3, model][name].finish_reason == "length" and found[model, name] == whole[16, model][name]
    rows = {row["model"]: row for row in read_json(folder / "metrics/larger_cap.json")["models"]}
    for model, row in rows.items():
        cut = [whole[3, model][f"contest/{number:03d}"].finish_reason for number in range(24, 30)].count("length")
        assert (row["cut_off"], row["cut_off"] - row["left_out"]) == (cut, [one for one, _ in found].count(model))
    assert rows["seed_3"]["cut_off"] == 6 and len(found) > 3


def test_the_comparison_is_that_of_all_replies_under_the_larger_cap(tmp_path, monkeypatch):
    monkeypatch.chdir(write_run(tmp_path, seeds=(0, 1), per_section=30, gain=-0.5))
    write_jsonl("data/eval/scored.jsonl", [])
    problems = {problem.id: problem for problem in read_jsonl("data/parsed/problems.jsonl", Problem)}
    said = {name: f"Answer: {problem.answer}" for name, problem in problems.items()}
    ran = FinishedRun(
        params=AnswersParams.model_validate(ANSWERS), split=read_record("data/train_split/folds.json", Split),
        problems=problems, base="m", system="", lm=LmParams(backend="torch", compute="float32", threads=1),
        tokenizer=None, cap=99,
    )  # fmt: skip
    longer, right, cut = {}, {}, {}
    for model in ("base", "seed_0", "seed_1"):
        replies = ran.replies(model)
        before = sum(row.text.endswith(said[row.problem_id]) for row in replies)
        first, *others = [row for row in replies if row.finish_reason == "length"]
        rows = [first.model_copy(update={"text": "So x = 5. " * 20})]  # caught in a loop
        for row in others:
            rows.append(row.model_copy(update={"text": f"{row.text}\n{said[row.problem_id]}", "finish_reason": "stop"}))
        longer[model], cut[model] = {key(row): row for row in rows}, len(rows)
        right[model] = (before + len(others)) / len(replies)
    found = compared(ran, longer)
    assert found.n == len(ran.replies("base")) == len(ran.replies("seed_0"))
    assert found.base == pytest.approx(right["base"]) and min(cut.values()) > 1
    assert found.student_mean == pytest.approx((right["seed_0"] + right["seed_1"]) / 2)
    assert found.difference == pytest.approx(100 * (found.student_mean - found.base))
    assert [row.model_dump() for row in found.models] == [
        {"model": model, "cut_off": number, "left_out": 0, "ended": number - 1, "ended_right": number - 1,
         "still_cut_off": 1, "still_repeating": 1}
        for model, number in cut.items()
    ]  # fmt: skip
    assert f"Written on to 99 tokens: base {100 * found.base:.1f} %" in told(found)


@pytest.mark.parametrize(
    ("changed", "cap", "said"),
    [
        ({}, "8", "--max-tokens is 8, and answers.max_tokens is 8: name more."),
        ({"temperature": 1.0}, "16", "Only greedy replies of mlx or torch are continued"),
        ({"backend": "openai"}, "16", "Only greedy replies of mlx or torch are continued"),
    ],
)
def test_what_cannot_be_continued_is_one_message(tmp_path, changed, cap, said):
    folder = write_workspace(tmp_path)
    write_params(folder, answers=changed)
    done = inside(folder, "tools.larger_cap", "--max-tokens", cap)
    assert done.returncode == 1 and said in done.stderr
