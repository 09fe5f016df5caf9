"""The cost of a token by the student's size: the page, the table and the picture say what was measured."""

import json
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distil.pipeline.files import InputError, read_json, read_jsonl, read_yaml
from stages.report.drawing import draw
from tools.bench.costs import PICTURE, TABLE, Cost, chart, every, kept_name, of_run, rows
from tools.plan.__main__ import parameters
from tools.plan.designs import Answerers, designs
from tools.plan.speed import Speed
from tools.plan.work import Work
from tools.results.__main__ import AnswerRow

ROOT = Path(__file__).resolve().parents[2]
TRANSFER = 306
"""Questions of the default run's second benchmark."""


def table() -> pd.DataFrame:
    return pd.read_csv(ROOT / TABLE)


def test_the_table_follows_from_the_measurements(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = pd.DataFrame(every(read_json(ROOT / "metrics/bench.json")))
    assert found.to_csv(index=False) == (ROOT / TABLE).read_text("utf-8")
    assert list(found["weights"]) == sorted(found["weights"]) and len(found) == 4


def test_the_page_has_the_table():
    page = (ROOT / "docs/scale.md").read_text("utf-8")
    for row in rows(table()):
        assert row in page, f"docs/scale.md lacks a row that `python -m tools.bench.costs` prints: {row}"
    for name in ("scale", "training"):
        assert "figures/costs.svg" in (ROOT / f"docs/{name}.md").read_text("utf-8")


def test_the_picture_is_the_tables(tmp_path):
    drawn = draw(tmp_path, PICTURE.stem, chart(table()), "", "")
    assert drawn.svg + "\n" == (ROOT / PICTURE).read_text("utf-8")


def test_a_run_counts_only_answers_that_one_process_wrote(tmp_path, monkeypatch):
    """The third seed's process found one of its two answers there, so its seconds say nothing of both."""
    monkeypatch.chdir(ROOT)
    answer = {
        "problem_id": "1", "benchmark": "contest", "model": "m", "fold": "f", "role": "unseen", "sample": 0, "text": "",
        "prompt_tokens": 5, "completion_tokens": 10, "finish_reason": "stop",
    }  # fmt: skip
    speeds = {"training_seconds": 9, "row_tokens_per_second": 70, "peak_memory_gb": 2}
    turns = [{"role": "user", "content": "1 + 1"}, {"role": "assistant", "content": "Answer: 2"}]
    files = {
        "params.yaml": "{chat: {system: ''}, lora_seed: {model: models/tiny-student}, overfit_probe: {iters: 9}}",
        "metrics/timings/overfit_probe.json": json.dumps(speeds),
        "metrics/timings/lora_seed/0.json": json.dumps(
            {"held_out": speeds, "paper": speeds | {"row_tokens_per_second": 50}}
        ),
        "metrics/timings/lora_level/R1.json": json.dumps({"seed_0": speeds}),
        "data/train_split/levels/R1/train.jsonl": json.dumps({"messages": turns, "problem_id": "1", "level": "R1"}),
    }
    for seed, answers in enumerate((2, 2, 1)):
        files[f"metrics/timings/answers/seed_{seed}.json"] = json.dumps({"answers": answers, "seconds": 3.0})
        files[f"data/answers/seed_{seed}/contest.jsonl"] = f"{json.dumps(answer)}\n" * 2
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    found = of_run(tmp_path)
    assert (
        found["row_tokens_per_second"] == {"lora_seed": [50, 70], "lora_level": [70]}
        and found["training_seconds"] == 4 * 9
    )
    kept = {"answers": 2, "seconds": 3.0, "prompt_tokens": 10, "tokens": 20}
    assert found["answers"] == {"seed_0": kept, "seed_1": kept} and list(found["mean_tokens"]) == ["levels/R1"]
    (tmp_path / "params.yaml").write_text(files["params.yaml"].replace("iters: 9", "iters: 0"))
    (tmp_path / "metrics/timings/overfit_probe.json").unlink()
    assert of_run(tmp_path)["training_seconds"] == 3 * 9, "a run without a probe has no time of one"


def test_a_run_that_no_row_is_made_of_is_refused(tmp_path):
    """Its numbers were written below a name that nobody reads."""
    for model in ("tiny-student", "smollm2"):
        (tmp_path / "params.yaml").write_text(f"lora_seed: {{model: models/{model}}}")
        assert kept_name(tmp_path) == model
    (tmp_path / "params.yaml").write_text("lora_seed: {model: models/qwen-0.5b}")
    with pytest.raises(
        InputError, match=r"its student is models/qwen-0\.5b, and runs are kept of tiny-student and smol"
    ):
        kept_name(tmp_path)


def test_a_student_without_times_is_a_message():
    found = read_json(ROOT / "metrics/bench.json")
    with pytest.raises(InputError, match="has no run of tiny-student below `costs`"):
        list(every(found | {"costs": {}}))
    with pytest.raises(InputError, match="has no run of tiny-student below `costs`"):
        list(every({name: part for name, part in found.items() if name != "costs"}))
    answers = {"base": found["costs"]["smollm2"]["answers"]["base"]}
    interrupted = found["costs"] | {"smollm2": found["costs"]["smollm2"] | {"answers": answers}}
    with pytest.raises(InputError, match="each seed's answers in the run of smollm2 were written by several processes"):
        list(every(found | {"costs": interrupted}))


def test_the_forecast_of_a_whole_run_is_within_a_fifth_of_what_it_took(tmp_path, monkeypatch):
    """The speeds are those of the run's first stages; what is tested is what `make plan` makes of them.

    With all adapters' rows as long as the longest, as it was, 1.4 times the run's training would be forecast.
    """
    monkeypatch.chdir(ROOT)
    took, params = read_json(ROOT / "metrics/bench.json")["costs"]["tiny-student"], parameters("tiny", tmp_path)
    means = {name: tuple(both) for name, both in took["mean_tokens"].items()}
    (row, reply), base, seed = means["held_out"], took["answers"]["base"], took["answers"]["seed_0"]
    prompt = base["prompt_tokens"] / base["answers"]
    held_out = took["answers"]["instruction"]["answers"] - TRANSFER
    asked = {"contest": [prompt] * (base["answers"] - TRANSFER), "transfer": [prompt] * TRANSFER}
    work = Work([row], [reply], asked, 2, held_out, True, 0, 0.0, means)
    reading, answering = np.linalg.solve(
        [[one["prompt_tokens"], one["tokens"]] for one in (base, seed)], [one["seconds"] for one in (base, seed)]
    )
    speed = Speed(1 / statistics.median(took["row_tokens_per_second"]["lora_seed"]), answering, reading)
    own = next(designs(params))
    training, answers = (3600 * hours for hours in own.hours(params, work, speed, seed["tokens"] / seed["answers"]))
    assert training == pytest.approx(took["training_seconds"], rel=0.2)
    assert answers == pytest.approx(sum(model["seconds"] for model in took["answers"].values()), rel=0.2)
    words = f"| {training:,.0f} s | {took['training_seconds']:,.0f} s | {answers:.0f} s | 151 s |"
    assert words in (ROOT / "docs/scale.md").read_text("utf-8")
    alike = own.hours(params, replace(work, means={}), speed, reply)[0] * 3600
    assert alike > 1.35 * took["training_seconds"]


def test_the_forecast_of_a_further_seed_of_the_real_student_is_within_a_fifth(tmp_path, monkeypatch):
    """Seed 2 from the speed of seeds 0 and 1, with `--measured`."""
    monkeypatch.chdir(ROOT)
    timings = ROOT / "results/qwen-1.5b/metrics/timings/lora_seed"
    first, second, third = (read_json(timings / f"{seed}.json")["held_out"] for seed in range(3))
    params = parameters("qwen-1.5b", tmp_path)
    tokens = first["training_seconds"] * first["row_tokens_per_second"]
    row = tokens / params["lora_seed"]["iters"] / params["lora_seed"]["batch_size"]
    work = Work([row], [200], {"contest": [90] * 514, "transfer": [90] * 500}, 1, 225, True, 0, 0.0)
    rate = statistics.mean((first["row_tokens_per_second"], second["row_tokens_per_second"]))
    own, speed = next(designs(params)), Speed(1 / rate, 1 / 50, whole=True)
    three, four = (replace(own, seeds=seeds).hours(params, work, speed, 480)[0] for seeds in (3, 4))
    assert 3600 * (four - three) == pytest.approx(third["training_seconds"], rel=0.2)
    assert f"| {tokens / rate:,.0f} s | {third['training_seconds']:.0f} s |" in (ROOT / "docs/scale.md").read_text(
        "utf-8"
    )


def test_the_forecast_of_answers_with_short_replies_is_within_a_fifth():
    """R6's replies are short but for the last: its answers from the speed of seed 2's, both written by one process."""
    run = ROOT / "results/qwen-1.5b"
    rows = list(read_jsonl(run / "answers.jsonl", AnswerRow))
    lengths = {name: [row.tokens for row in rows if row.model == name] for name in ("seed_2", "R6")}
    took = {name: read_json(run / f"metrics/timings/answers/{name}.json") for name in lengths}
    assert all(took[name]["answers"] == len(some) for name, some in lengths.items())
    params = read_yaml(run / "params.yaml", "")["answers"]
    mean = {name: statistics.mean(some) for name, some in lengths.items()}

    def seconds(name, speed):
        group = Answerers(1, len(lengths[name]), 0, mean[name] / mean["seed_2"])
        return group.seconds(params, Speed(0, speed), mean["seed_2"], params["max_tokens"])

    forecast = seconds("R6", took["seed_2"]["seconds"] / seconds("seed_2", 1))
    assert forecast == pytest.approx(took["R6"]["seconds"], rel=0.2)
    assert f"| {forecast:.0f} s | {took['R6']['seconds']:.0f} s |" in (ROOT / "docs/scale.md").read_text("utf-8")


@pytest.mark.parametrize(("low", "high", "expected"), [(0.186, 0.227, "0.19 to 0.23"), (4.95, 4.95, "5.0")])
def test_a_row_says_one_number_or_two(low, high, expected):
    cost = Cost("tiny-student", 1e6, "by the clock", low, high, 1.0, 1.0, 0.5, None, 30.0)
    (row,) = rows(pd.DataFrame([cost]))
    assert f"| {expected} | 1.0 GB | 0.50 | 0.015 s of 30 tokens | not kept |" in row
