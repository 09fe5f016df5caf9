"""The stage through its own command line, with a model that knows half of the questions by heart."""

import contextlib
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from distil.pipeline.files import read_jsonl, write_jsonl
from distil.pipeline.records import Answer, Problem, Scored
from stages.contamination.__main__ import main
from stages.contamination.halves import Completion, Half, completed, cut
from tests.report.synthetic import verdict
from tests.workspace import contents, problems, stage, write_params, write_workspace

LEARNT = 6
"""How many of the contest's questions the model was trained on, the first ones; it is asked the first twelve."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which base has answered twelve contest questions, every third rightly, and two of transfer."""
    folder = write_workspace(tmp_path_factory.mktemp("contamination"))
    contest, transfer = problems(30)[:12], problems(5, "transfer")[:2]
    write_jsonl(folder / "data/eval/scored.jsonl", [*scored(contest, "contest"), *scored(transfer, "transfer")])
    learn(folder / "models/random", [problem.question for problem in contest[:LEARNT]])
    return folder


def scored(asked: list[Problem], benchmark: str) -> list[Scored]:
    """Answers of base and, to be left alone, of a student."""
    rows = []
    for number, problem in enumerate(asked):
        for model, fold in (("base", None), ("seed_3", "held_out")):
            answer = Answer(
                problem_id=problem.id, benchmark=benchmark, model=model, fold=fold, role="unseen", text="?",
                prompt_tokens=1, completion_tokens=1, finish_reason="stop",
            )  # fmt: skip
            right = number % 3 == 0 and model == "base"
            rows.append(Scored(answer=answer, verdict=verdict(right, problem.answer, problem.answer)))
    return rows


def learn(model_folder: Path, texts: list[str]) -> None:
    """Train the model there on these texts until it knows them by heart."""
    from distil.lm.cpu import blas

    blas.route()
    import mlx.core as mx
    import mlx.nn as nn
    import mlx.optimizers as optim
    from mlx.utils import tree_flatten

    from distil.lm.checkpoints import load

    model, tokenizer = load(str(model_folder))
    rows = [tokenizer.encode(f"{text}\n") for text in texts]
    width = max(map(len, rows))
    tokens = mx.array([row + [0] * (width - len(row)) for row in rows])
    counted = mx.array([[place < len(row) - 1 for place in range(width - 1)] for row in rows])

    def loss(model: nn.Module) -> mx.array:
        losses = nn.losses.cross_entropy(model(tokens[:, :-1]), tokens[:, 1:])
        return (losses * counted).sum() / counted.sum()

    step, optimizer = nn.value_and_grad(model, loss), optim.Adam(learning_rate=3e-3)
    for _ in range(400):
        value, gradient = step(model)
        optimizer.update(model, gradient)
        mx.eval(model.parameters(), optimizer.state)
        if value.item() < 0.03:
            break
    mx.save_safetensors(str(model_folder / "model.safetensors"), dict(tree_flatten(model.parameters())))


def run(folder: Path, **answers: object) -> dict[str, Any]:
    """Run the stage in this process, which saves loading its libraries."""
    write_params(folder, answers=answers)
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["contamination"])
        main()
    found: dict[str, Any] = json.loads((folder / "metrics/contamination.json").read_text())
    return found


def test_what_is_known_by_heart_is_found_and_nothing_else(workspace: Path) -> None:
    metrics = run(workspace)
    rows = list(read_jsonl(workspace / "data/contamination/contest.jsonl", Completion))
    learnt = {problem.id for problem in problems(30)[:LEARNT]}
    assert {row.problem_id for row in rows if row.verbatim} == learnt & {row.problem_id for row in rows}
    known = [row for row in rows if row.verbatim]
    found = metrics["contest"]
    assert 4 <= len(known) < len(rows) <= 12 and found["n"] == len(rows)
    assert found["completed"] == pytest.approx(len(known) / len(rows), abs=1e-6)
    assert found["completed_low"] < found["completed"] < found["completed_high"]
    met = sum(row.words_met / row.words for row in rows) / len(rows)
    assert found["words_met"] == pytest.approx(met, abs=1e-6) and found["words_met"] >= found["completed"]
    assert found["base_where_completed"] == pytest.approx(sum(row.right for row in known) / len(known), abs=1e-6)
    assert found["base"] == pytest.approx(sum(row.right for row in rows) / len(rows), abs=1e-6)
    assert metrics["transfer"]["n"] <= 2


def test_the_same_bytes_again_and_the_same_completions_one_at_a_time(workspace: Path) -> None:
    run(workspace)
    once = contents(workspace / "data/contamination")
    run(workspace)
    assert contents(workspace / "data/contamination") == once
    run(workspace, batch_size=1)
    for row in read_jsonl(workspace / "data/contamination/contest.jsonl", Completion):
        assert row.verbatim == (row.problem_id in {problem.id for problem in problems(30)[:LEARNT]})


def test_pytorch_finds_the_same(workspace: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra torch")
    assert run(workspace, backend="torch") == run(workspace)


@pytest.mark.parametrize("backend", ["openai", "replay"])
def test_without_a_model_here_it_says_so(workspace: Path, backend: str) -> None:
    assert run(workspace, backend=backend) == {
        "reason": f"answers.backend is {backend}: there is no model here to complete them"
    }


def test_a_model_that_is_not_there_is_one_message(workspace: Path) -> None:
    write_params(workspace, lora={"model": "models/gone"})
    done = stage(workspace, "stages.contamination")
    assert done.returncode == 1 and done.stderr.startswith("error: lora_seed.model: models/gone holds no model")


def question(text: str) -> Problem:
    return problems(1)[0].model_copy(update={"question": text})


@pytest.mark.parametrize(
    ("text", "given", "rest"),
    [
        ("one two three four five six seven eight", "one two three four", "five six seven eight"),
        ("one two three four five six seven eight nine", "one two three four five", "six seven eight nine"),
        ("  If  $x + 1$\n = 3 and  y = 2", "  If  $x + 1$\n =", "3 and  y = 2"),
    ],
)
def test_a_question_is_cut_between_two_words(text: str, given: str, rest: str) -> None:
    half = cut(question(text), "contest", True)
    assert half and (half.given, half.rest) == (given, rest)


@pytest.mark.parametrize("text", ["", "Find x.", "one two three four five six seven"])
def test_too_short_a_question_is_not_asked(text: str) -> None:
    assert cut(question(text), "contest", True) is None


@pytest.mark.parametrize(
    ("text", "met"),
    [
        (" five six seven eight", 4),
        ("five\nsix  seven eight. Answer: 3", 3),
        ("five six seven eight Answer: 3", 4),
        (" five six", 2),
        ("six five", 0),
        ("Five six seven eight", 0),
        ("", 0),
    ],
)
def test_words_are_compared_one_by_one(text: str, met: int) -> None:
    half = Half(problem_id="p", benchmark="contest", given="one", rest="five six seven eight", right=False)
    found = completed(half, text)
    assert (found.words_met, found.words, found.verbatim) == (met, 4, met == 4)


def test_words_are_alike_whatever_unicode_form_their_accents_have() -> None:
    rest = unicodedata.normalize("NFD", "née à Zürich")
    half = Half(problem_id="p", benchmark="contest", given="one", rest=rest, right=False)
    assert completed(half, " née à Zürich").verbatim
