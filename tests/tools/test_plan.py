import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from distil.pipeline.files import InputError
from tools.plan.__main__ import main, missing, parameters, show_size
from tools.plan.designs import designs, table
from tools.plan.model import PUBLISHED, PlannedModel, find
from tools.plan.speed import Speed, measure
from tools.plan.work import Work, padded, scratch

ROOT = Path(__file__).resolve().parents[2]
PAPER = "models/Qwen2.5-7B-Instruct-4bit"
LORA = {
    "fine_tune_type": "lora", "num_layers": 16, "rank": 8, "grad_checkpoint": True, "batch_size": 4,
    "max_seq_length": 4096, "seeds": [0, 1],
}  # fmt: skip
SIZES = {
    "lora_seed": LORA,
    "answers": {"batch_size": 8, "max_tokens": 512},
    "length_sweep": {"rows": {"R1": "levels/R1"}, "seeds": [0]},
}


def work(rows=(300, 500), prompts=(100, 120)):
    return Work(
        list(rows), [row - 100 for row in rows], {"contest": list(prompts), "transfer": [9] * 50}, 2, 40, True, 0, 0.0
    )


def test_the_papers_model_is_known_before_it_is_there():
    model = PlannedModel(PAPER, ["model.safetensors"], PUBLISHED[PAPER])
    assert model.parameters == pytest.approx(7.615e9, rel=1e-3)  # 7.61 thousand million, says its card
    assert model.file_bytes == pytest.approx(4.28e9, rel=1e-2)


def test_a_model_that_is_there_is_read():
    student = find(str(ROOT / "models/tiny-student"))
    assert student.there and student.file_bytes == pytest.approx(4 * student.parameters, rel=0.02)


def test_an_interrupted_download_is_not_there(tmp_path):
    for name in ("config.json", "tokenizer_config.json"):
        shutil.copy(ROOT / "models/tiny-student" / name, tmp_path)
    assert find(str(tmp_path)).lacking == ["model.safetensors", "tokenizer.json"]
    shards = {"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(shards))
    (tmp_path / "model-1-of-2.safetensors").touch()
    shutil.copy(ROOT / "models/tiny-student/tokenizer.json", tmp_path)
    assert find(str(tmp_path)).lacking == ["model-2-of-2.safetensors"]
    (fault,) = missing(
        {"teacher_cot": {"teacher": "embedded"}, "parsed": {"reader": "ocr"}, "answers": {"backend": "mlx"}},
        find(str(tmp_path)),
    )
    assert fault == f"{tmp_path} lacks model-2-of-2.safetensors: put the whole checkpoint there."


def test_a_model_that_cannot_be_planned_for_is_a_message(tmp_path):
    with pytest.raises(
        InputError, match=r"models/unheard-of holds no model .* tools\.fetch_model SOURCE --output models/unheard-of"
    ):
        find("models/unheard-of")
    (tmp_path / "config.json").write_text('{"model_type": "gpt2", "n_embd": 768, "vocab_size": 50257}')
    with pytest.raises(InputError, match=r"config\.json has no hidden_size, intermediate_size"):
        find(str(tmp_path))


def test_gradient_checkpointing_and_fewer_layers_need_less():
    model = PlannedModel(PAPER, ["model.safetensors"], PUBLISHED[PAPER])
    total = {
        (checkpoint, layers): sum(
            model.memory(LORA | {"grad_checkpoint": checkpoint, "num_layers": layers}, False, 2000, 1500).values()
        )
        for checkpoint in (True, False)
        for layers in (-1, 16)
    }
    assert total[True, 16] < total[True, -1] < total[False, -1]
    assert model.memory(LORA, True, 2000, 1500)["weights"] == 4 * model.parameters
    whole = model.memory(LORA | {"fine_tune_type": "full"}, True, 2000, 1500)["adapter, gradient and Adam"]
    assert whole == 16 * 16 * model.layer_parameters, "weights, gradients and Adam's two moments of 16 layers"


def test_what_does_not_fit_is_said(monkeypatch, capsys):
    model = PlannedModel(PAPER, ["model.safetensors"], PUBLISHED[PAPER])
    monkeypatch.setattr("tools.plan.__main__.on_cpu", lambda: True)
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": 8e9}))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Disk", (), {"free": 1e9}))
    memory, disk = show_size(SIZES, model, work())
    assert "GB of memory are needed and 8.0 GB are free" in memory and "GB of disk are needed" in disk
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": 80e9}))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Disk", (), {"free": 80e9}))
    assert show_size(SIZES, model, work()) == []
    assert "download 4.28 GB" in capsys.readouterr().out


def test_missing_keys_and_models_are_named_with_the_command(monkeypatch):
    monkeypatch.delenv("TEACHER_KEY", raising=False)
    teacher = {"teacher": "openai", "endpoints": {"local": {}, "far": {"api_key_env": "TEACHER_KEY"}}}
    params = {"teacher_cot": teacher, "answers": {"backend": "mlx"}}
    absent, key = missing(params, PlannedModel(PAPER, ["model.safetensors"], PUBLISHED[PAPER]))
    assert "tools.fetch_model mlx-community/Qwen2.5-7B-Instruct-4bit --revision" in absent and "TEACHER_KEY" in key
    monkeypatch.setenv("TEACHER_KEY", "k")
    student = find(str(ROOT / "models/tiny-student"))
    assert student and missing(params, student) == []


def test_padding_counts_what_batches_of_like_length_pad():
    assert padded([10] * 8, 4) == 80
    assert padded([10, 10, 20, 20], 2) == 60
    assert padded(list(range(100, 500)), 4) < 1.01 * sum(range(100, 500))


def test_an_unknown_profile_is_one_message(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(InputError, match=r"no profile 'huge'; there are .*tiny"):
        parameters("huge", tmp_path)
    assert parameters("paper", tmp_path)["lora_seed"]["model"] == PAPER


def test_speed_is_measured_on_the_shape():
    student = find(str(ROOT / "models/tiny-student"))
    assert student
    speed = measure(student, 8, 2, 20, 2)
    assert 0 < speed.training < 1 and 0 < speed.answering < 1


def test_overrides_are_those_of_an_experiment(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    found = parameters("qwen-1.5b", tmp_path, ["lora_seed.iters=7", "answers.limit.unseen=20"])
    assert found["lora_seed"]["iters"] == 7 and found["answers"]["limit"]["unseen"] == 20
    assert parameters(None, tmp_path, ["profile=smollm2"])["profile"] == "smollm2"
    with pytest.raises(InputError, match=r"Could not override 'lora_seed\.itres'"):
        parameters("own", tmp_path, ["lora_seed.itres=7"])


def test_designs_cost_what_they_add_and_more_questions_find_less(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    params = parameters("own", tmp_path, ["answers.limit.unseen=null"])
    rows = [300] * 100
    done = Work(rows, [200] * 100, {"contest": [90] * 300, "transfer": [80] * 200}, 2, 90, True, 0, 0.0)
    speed = Speed(1 / 100, 1 / 50)
    own = next(designs(params))
    training, answering = own.hours(params, done, speed, 200)
    adapters = 2 * 2 + 6
    assert training == pytest.approx((adapters * 100 + 200) * 4 * 300 / 100 / 3600)
    seeds = replace(own, seeds=4).hours(params, done, speed, 200)
    assert seeds[0] > training and seeds[1] > answering
    whole = replace(own, folds=5)
    assert (own.unseen(90, 300, None), whole.unseen(90, 300, None), whole.unseen(90, 300, 50)) == (90, 300, 50)
    lines = table(params, done, speed, 0.3, 200)
    assert lines[1].startswith("this one") and len(lines) > 12
    finds = {int(line.removeprefix("this one").split()[5]): float(line.split()[-1]) for line in lines[1:-1]}
    assert finds[300] < finds[90]


def test_the_answers_counted_are_those_that_a_run_writes(tmp_path, monkeypatch):
    """933 contest questions, 252 of them held out, and 306 of the second benchmark, as the default run has them."""
    monkeypatch.chdir(ROOT)
    questions = Work([300] * 9, [200] * 9, {"contest": [90] * 933, "transfer": [80] * 306}, 2, 252, True, 0, 0.0)
    params = parameters("tiny", tmp_path, [])
    base, otherwise, seed, level = 933 + 306, 252 + 306, 933 + 933 + 306, 3 * 252
    assert next(designs(params)).answers(params, questions) == base + 3 * otherwise + 5 * seed + 10 * level
    params = parameters("own", tmp_path, ["answers.limit.unseen=20"])
    assert next(designs(params)).answers(params, questions) == (20 + 40 + 100) + 2 * (20 + 40 + 100 + 60) + 6 * 20


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_default_profile_can_work_and_changes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["plan", "--profile", "tiny"])
    before = {path: path.stat().st_mtime_ns for path in ROOT.glob("*") if path.name not in (".git", "cache")}
    assert main() == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("memory", "tokens", "training", "answering", "disk"))
    assert before == {path: path.stat().st_mtime_ns for path in ROOT.glob("*") if path.name not in (".git", "cache")}


def test_paths_of_the_parameters_are_meant_from_the_root(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["raw"]["path"] = "exams"
    params["teacher_cot"] |= {"teacher": "openai", "store": "~/teacher.sqlite"}
    scratch(tmp_path, params)
    written = yaml.safe_load((tmp_path / "params.yaml").read_text())
    assert written["raw"]["path"] == str(ROOT / "exams")
    assert written["teacher_cot"]["store"] == str(tmp_path / "home/teacher.sqlite")


@pytest.mark.slow
def test_a_folder_without_exams_cannot_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["raw"] |= {"source": "folder", "path": str(tmp_path / "nothing")}
    monkeypatch.setattr("tools.plan.__main__.parameters", lambda *_: params)
    monkeypatch.setattr("sys.argv", ["plan"])
    assert main() == 1
    assert "cannot work: stages.raw: " in capsys.readouterr().out
    shutil.rmtree(tmp_path)
