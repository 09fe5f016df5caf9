import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from distil.lm.progress import LmParams, LoraParams
from distil.pipeline.files import InputError, read_json
from distil.pipeline.records import SECTIONS, Split
from distil.pipeline.subset import Limit, subset
from distil.teacher import Store
from stages.answers.tasks import base_tasks, contest_tasks, level_tasks, transfer_tasks
from tests.teacher_cot.support import Workspace
from tests.teacher_cot.support import problems as drawn
from tests.workspace import problems
from tools.plan.__main__ import (
    main,
    missing,
    parameters,
    require_computable,
    require_valid,
    show_size,
    show_work,
    speed_here,
)
from tools.plan.designs import Answerers, designs, table
from tools.plan.model import PUBLISHED, PlannedModel, find
from tools.plan.speed import Sizes, Speed, Steps, measure
from tools.plan.work import Counter, Work, expected_folds, padded, scratch, still_to_ask, workload

ROOT = Path(__file__).resolve().parents[2]
TIMINGS = ROOT / "results/qwen-1.5b/metrics/timings"
PAPER = "models/Qwen2.5-7B-Instruct-4bit"
LORA = {
    "fine_tune_type": "lora", "num_layers": 16, "rank": 8, "grad_checkpoint": True, "batch_size": 4,
    "max_seq_length": 4096, "seeds": [0, 1],
}  # fmt: skip
SIZES = {
    "lora_seed": LORA,
    "lm": {"backend": "mlx", "compute": "float32"},
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


def test_heads_that_do_not_add_up_to_the_width_are_counted():
    """Qwen3-0.6B: 0.6 thousand million weights and 0.44 without the embedding, says its card; 112 KiB a token."""
    shape = {
        "vocab_size": 151936, "num_key_value_heads": 8, "tie_word_embeddings": True, "hidden_size": 1024,
        "num_hidden_layers": 28, "intermediate_size": 3072, "num_attention_heads": 16,
    }  # fmt: skip
    model = PlannedModel("models/qwen3", [], shape | {"head_dim": 128})
    assert model.parameters == pytest.approx(0.596e9, rel=1e-3)
    assert 28 * model.layer_parameters == pytest.approx(0.44e9, rel=1e-2)
    assert model.cache_bytes(1, 1, False) == 112 * 1024
    assert PlannedModel("models/none", [], shape | {"head_dim": None}).cache_bytes(1, 1, False) == 56 * 1024


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


QWEN = {
    "vocab_size": 151936, "num_key_value_heads": 2, "tie_word_embeddings": False, "hidden_size": 1536,
    "num_hidden_layers": 28, "intermediate_size": 8960, "num_attention_heads": 12,
}  # fmt: skip
HALF = QWEN | {
    "hidden_size": 896, "num_hidden_layers": 24, "intermediate_size": 4864, "num_attention_heads": 14,
}  # fmt: skip


def test_pytorch_needs_what_its_runs_needed():
    """The sum for MLX in float32 was forecast, twice what runs had. 2,650 tokens are the real run's largest batch."""
    params = LORA | {"grad_checkpoint": False}
    half = read_json(ROOT / "metrics/bench.json")["peers"]["peer_lora_bf16"]["ours"]
    kept = [read_json(path)["held_out"]["peak_memory_gb"] for path in TIMINGS.glob("lora_seed/*.json")]
    for shape, tokens, gigabytes in ((QWEN, 2650, max(kept)), (QWEN, 2650, min(kept)), (HALF, 1391, half["peak_gb"])):
        model = PlannedModel("models/qwen", [], shape)
        forecast = sum(model.memory(params, True, tokens, tokens * 2 // 3, "bfloat16").values()) / 1e9
        assert forecast == pytest.approx(gigabytes, rel=0.2)
        assert sum(model.memory(params, True, tokens, tokens * 2 // 3).values()) / 1e9 > 1.6 * gigabytes
    assert model.cache_bytes(64, 2000, True, "bfloat16") * 2 == model.cache_bytes(64, 2000, True)


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
    teacher = {
        "teacher": "openai",
        "judge": False,
        "endpoints": {name: {"api_key_env": key} for name, key in (("far", "TEACHER_KEY"), ("spare", "SPARE_KEY"))},
        "roles": {"solver": {"endpoint": "far"}, "judge": {"endpoint": "spare"}, "reader": {"endpoint": "spare"}},
    }
    params = {"teacher_cot": teacher, "answers": {"backend": "mlx"}, "parsed": {"reader": "ocr"}}
    absent, key = missing(params, PlannedModel(PAPER, ["model.safetensors"], PUBLISHED[PAPER]))
    assert "tools.fetch_model mlx-community/Qwen2.5-7B-Instruct-4bit --revision" in absent and "TEACHER_KEY" in key
    monkeypatch.setenv("TEACHER_KEY", "k")
    student = find(str(ROOT / "models/tiny-student"))
    assert student and missing(params, student) == []
    # an endpoint that no role asks needs no key
    for asks in ({"teacher_cot": teacher | {"judge": True}}, {"parsed": {"reader": "vision"}}):
        (spare,) = missing(params | asks, student)
        assert "SPARE_KEY" in spare


def test_what_is_spent_counts_against_the_budget(tmp_path, capsys):
    prices = {f"embedded/{name}": {"input": 1, "output": 2} for name in ("solver", "distiller", "compressor", "judge")}
    workspace = Workspace(tmp_path, drawn(2), prices=prices)
    store = Store(tmp_path / "cache/teacher.sqlite")
    store.spend(18.5)
    store.close()
    requests, usd, spent = still_to_ask(workspace.folder, "stages.teacher_cot")
    assert (requests, spent) == (14, 18.5) and 0 < usd < 1
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for budget, faults in ((25, 0), (20, 1)):
        params["teacher_cot"]["budget_usd"] = budget
        planned = replace(work(), requests=9, usd=5.0, spent=spent)
        said = show_work(params, planned, True, Speed(1, 1), 100)
        assert len(said) == faults
    assert said == [
        "the teacher is likely to cost $5.00, and $18.50 of teacher_cot.budget_usd ($20.00) are spent: raise it."
    ]


def test_padding_counts_what_batches_of_like_length_pad():
    assert padded([10] * 8, 4) == 80
    assert padded([10, 10, 20, 20], 2) == 60
    assert padded(list(range(100, 500)), 4) < 1.01 * sum(range(100, 500))


def test_an_unknown_profile_is_one_message(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(InputError, match=r"no profile 'huge'; there are .*tiny"):
        parameters("huge", tmp_path)
    assert parameters("paper", tmp_path)["lora_seed"]["model"] == PAPER


def lora(layers: int) -> LoraParams:
    return LoraParams(
        model="none", iters=1, batch_size=2, learning_rate=1e-4, rank=4, scale=1.0, dropout=0.0, num_layers=layers,
        max_seq_length=64, steps_per_eval=1, patience=0, grad_checkpoint=False,
    )  # fmt: skip


TINY = Sizes(rows=2, row=20, reply=10, prompts=3, prompt=9, seen=12)


def test_speed_is_measured_on_the_shape():
    speed = measure(find(str(ROOT / "models/tiny-student")), lora(-1), LmParams(), "mlx", TINY)
    assert all(0 < seconds < 1 for seconds in (speed.training, speed.answering, speed.reading))


def test_the_profiles_own_backend_is_timed():
    """MLX in float32 was timed for students that PyTorch trains in bfloat16: days were forecast where it took hours."""
    pytest.importorskip("torch")
    lm = LmParams(backend="torch", compute="bfloat16")
    speed = measure(find(str(ROOT / "models/tiny-student")), lora(-1), lm, "torch", TINY)
    assert all(0 < seconds < 1 for seconds in (speed.training, speed.answering, speed.reading))


def test_a_large_model_is_its_layers_and_its_head(monkeypatch):
    """28 layers of which 16 have adapters, and a head that counts at reply tokens alone in training."""
    seen = []

    def network(config, adapter, lm, sizes):
        seen.append((config["num_hidden_layers"], adapter.num_layers, sizes.row))
        return Steps(training=0.010, frozen=0.004, reading=0.002, answering=0.003)

    monkeypatch.setattr("tools.plan.speed.mlx_steps", network)
    model = PlannedModel(PAPER, ["model.safetensors"], PUBLISHED[PAPER])
    found = measure(model, lora(16), LmParams(), "mlx", replace(TINY, row=300, reply=200))
    head = 152064 * 3584 / model.layer_parameters
    assert seen == [(1, 1, 128)]
    assert found.training == pytest.approx(12 * 0.004 + (16 + head * 2 / 3) * 0.010)
    assert found.answering == pytest.approx((28 + head) * 0.003) and found.reading == pytest.approx(28 * 0.002)


@pytest.mark.parametrize(
    ("trains", "answers", "rows"),
    [("mlx", "torch", {"mlx": 128, "torch": 300}), ("torch", "mlx", {"mlx": 128, "torch": 300})],
)
def test_the_batch_of_mlx_is_small_whichever_backend_trains(trains, answers, rows, monkeypatch):
    """With training in PyTorch and answers in MLX, MLX was timed on PyTorch's whole batch in float32."""
    seen = {}

    def network(name):
        def steps(config, adapter, lm, sizes):
            seen[name] = sizes.row
            return Steps(0.010, 0.004, 0.002, 0.003 if name == answers else 9)

        return steps

    monkeypatch.setattr("tools.plan.speed.mlx_steps", network("mlx"))
    monkeypatch.setitem(sys.modules, "tools.plan.speed_torch", SimpleNamespace(torch_steps=network("torch")))
    model = PlannedModel(PAPER, ["model.safetensors"], PUBLISHED[PAPER])
    found = measure(model, lora(16), LmParams(backend=trains), answers, replace(TINY, row=300, reply=200))
    assert seen == rows and found.answering < 1


@pytest.mark.parametrize(
    ("trains", "answers", "torch", "timed", "said"),
    [
        ("torch", "openai", True, ("torch", "torch"), []),
        ("mlx", "replay", True, ("mlx", "mlx"), []),
        ("torch", "mlx", True, ("torch", "mlx"), []),
        ("mlx", "torch", False, ("mlx", "mlx"), ["answers.backend is torch, and PyTorch"]),
        ("torch", "replay", False, ("mlx", "mlx"), ["lm.backend is torch, and PyTorch"]),
        ("torch", "torch", False, ("mlx", "mlx"), ["lm.backend and answers.backend are torch, and PyTorch"]),
    ],
)  # fmt: skip
def test_answers_that_nobody_writes_here_are_timed_with_the_training_backend(
    trains, answers, torch, timed, said, monkeypatch
):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: torch)
    monkeypatch.setattr("tools.plan.__main__.measure", lambda model, lora, lm, backend, sizes: (lm.backend, backend))
    params = {
        "lora_seed": lora(-1).model_dump(),
        "lm": {"backend": trains},
        "answers": {"backend": answers, "batch_size": 8, "max_tokens": 512},
    }
    found, faults = speed_here(params, find(str(ROOT / "models/tiny-student")), work(), 200)
    assert found == timed and [fault.split(" is not")[0] for fault in faults] == said


def test_a_model_that_the_backend_refuses_is_refused_by_the_plan():
    """The plan timed PyTorch on quantised weights, which training refuses."""
    model = PlannedModel(PAPER, ["model.safetensors"], PUBLISHED[PAPER])
    params = {"lm": {"backend": "mlx"}, "answers": {"backend": "mlx"}}
    require_computable(params, model)
    pytest.importorskip("torch")
    for block in params:
        with pytest.raises(
            InputError, match=r"the one in models/Qwen2\.5-7B.* has quantised weights\. Set lm\.backend to mlx"
        ):
            require_computable(params | {block: {"backend": "torch"}}, model)


@pytest.mark.parametrize(
    ("model_type", "message"),
    [
        ("gemma3_text", r"a model of type gemma3_text keeps .* PLAN=\"--measured TRAINING ANSWERING\""),
        ("exaone", r"a model of type exaone keeps .* PLAN=\"--measured TRAINING ANSWERING\""),
        ("unheard_of", "mlx-lm knows no model of type unheard_of"),
    ],
)
def test_a_network_that_cannot_be_timed_is_a_message(model_type, message):
    """gemma3_text has sliding windows, whose caches have more fields; exaone keeps no layers below `model`."""
    shape = {
        "model_type": model_type, "hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64, "head_dim": 16,
        "num_attention_heads": 2, "num_key_value_heads": 2, "vocab_size": 64, "num_layers": 2, "rope_theta": 1e4,
        "layer_norm_epsilon": 1e-6, "rms_norm_eps": 1e-6, "sliding_window": 8, "sliding_window_pattern": 2,
    }  # fmt: skip
    with pytest.raises(InputError, match=message):
        measure(PlannedModel("models/other", [], shape), lora(-1), LmParams(), "mlx", TINY)


def test_a_mistral_is_timed_as_the_llama_that_it_is():
    """mlx-lm has no module of that name and ended in a ModuleNotFoundError."""
    shape = {
        "model_type": "mistral", "hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64, "vocab_size": 64,
        "num_attention_heads": 2, "num_key_value_heads": 2, "rms_norm_eps": 1e-6,
    }  # fmt: skip
    assert measure(PlannedModel("models/other", [], shape), lora(-1), LmParams(), "mlx", TINY).training > 0


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


@pytest.mark.parametrize("profile", sorted(path.stem for path in (ROOT / "conf/profile").glob("*.yaml")))
def test_every_profile_has_designs_and_each_once(profile, tmp_path, monkeypatch):
    """A profile without chain lengths ended in an IndexError, and one with two of them printed its designs twice."""
    monkeypatch.chdir(ROOT)
    params = parameters(profile, tmp_path)
    one = params | {"length_sweep": params["length_sweep"] | {"levels": ["R1"], "rows": {"R1": "levels/R1"}}}
    short = params | {"lora_seed": params["lora_seed"] | {"iters": 1}}
    for some in (params, one, short):
        lines = table(some, work(prompts=[90] * 300), Speed(1 / 100, 1 / 50), 0.3, 200)
        found = [line.removeprefix("this one").split()[:5] for line in lines[1:-1]]
        assert lines[1].startswith("this one") and len(lines) > 8
        assert len({tuple(design) for design in found}) == len(found), f"a design is printed twice: {found}"
        levels = len(some["length_sweep"]["levels"])
        assert {int(design[2]) for design in found} == ({levels, 2} if levels > 2 else {levels})


def test_the_answers_counted_are_those_that_a_run_writes(tmp_path, monkeypatch):
    """933 contest questions, 252 of them held out, and 306 of the second benchmark, as the default run has them."""
    monkeypatch.chdir(ROOT)
    questions = Work([300] * 9, [200] * 9, {"contest": [90] * 933, "transfer": [80] * 306}, 2, 252, True, 0, 0.0)
    params = parameters("tiny", tmp_path, [])
    base, otherwise, seed, level = 933 + 306, 252 + 306, 933 + 933 + 306, 3 * 252
    assert next(designs(params)).answers(params, questions) == base + 3 * otherwise + 5 * seed + 10 * level
    params = parameters("own", tmp_path, ["answers.limit.unseen=20"])
    assert next(designs(params)).answers(params, questions) == (20 + 40 + 100) + 2 * (20 + 40 + 100 + 60) + 6 * 20


EXAMS = [
    problem.model_copy(update={"year": 2006 + number % 20, "section": SECTIONS[number % 2], "topic": f"t{number % 8}"})
    for number, problem in enumerate(problems(400))
]


@pytest.mark.parametrize(
    ("levels", "limit"),
    [
        (6, {"unseen": None, "seen": None, "transfer": None}),
        (0, {"unseen": 30, "seen": 60, "transfer": 10}),
        (0, {"unseen": 60, "seen": 0, "transfer": None}),
    ],
)
@pytest.mark.parametrize("paper", ["true", "false"])
@pytest.mark.parametrize(
    ("protocol", "main"),
    [
        ("held_out_years", ["held_out"]),
        ("held_out_families", ["held_out"]),
        ("kfold_years", ["fold_1", "fold_2", "fold_3", "fold_4"]),
        ("kfold_families", ["fold_1", "fold_2", "fold_3", "fold_4"]),
        ("paper", ["paper"]),
    ],
)
def test_adapters_and_answers_are_those_of_a_run(protocol, main, paper, levels, limit, tmp_path, monkeypatch):
    """Families counted as one fold that holds out everything, and no question as asked of two folds' adapters."""
    monkeypatch.chdir(ROOT)
    changed = [f"train_split.protocol={protocol}", "train_split.folds=4", "train_split.held_out_families=[t0, t5]"]
    changed += [f"train_split.paper_protocol={paper}", "lora_seed.seeds=[0]"]
    params = parameters("own", tmp_path, changed if levels else [*changed, "length_sweep.levels=[]"])
    params["answers"]["limit"] = limit
    second, folds = problems(100, "transfer"), expected_folds(params["train_split"], EXAMS)
    split = Split(
        protocol=protocol, main=main, transfer_fold=main[0], clusters={}, families={}, family_names=[],
        families_are="topics", folds=folds,
    )  # fmt: skip
    tasks = base_tasks("contest", EXAMS) + base_tasks("transfer", second) + level_tasks(EXAMS, split, "123456"[:levels])
    tasks += contest_tasks(EXAMS, split) + transfer_tasks(second, split)
    asked = subset(EXAMS, second, split, Limit(**limit))
    written = [task for task in tasks if asked.asks(task.benchmark, task.problem.id, task.fold, task.role, split.main)]
    prompts, held_out = {"contest": [90] * 400, "transfer": [80] * 100}, len(folds[main[0]].unseen)
    planned = Work([300] * 9, [200] * 9, prompts, len(folds), held_out, True, 0, 0.0)
    own = next(designs(params))
    assert own.answers(params, planned) == len(written)
    training, _ = own.hours(params, planned, Speed(1 / 100, 1 / 50), 200)
    assert training == pytest.approx(((len(folds) + levels) * 100 + 200) * 4 * 300 / 100 / 3600)


@pytest.mark.slow
def test_held_out_questions_are_those_of_the_folds_that_the_plan_makes(tmp_path, monkeypatch):
    """Every question counted as held out under held_out_families and under the study's protocol."""
    monkeypatch.chdir(ROOT)
    shape = yaml.safe_load((ROOT / "stages/raw/contest.yaml").read_text())
    (tmp_path / "contest.yaml").write_text(yaml.safe_dump(shape | {"first_year": 2021}))
    changed = [f"raw.path={tmp_path}/contest.yaml", "train_split.protocol=held_out_families"]
    params = parameters("tiny", tmp_path, changed)
    scratch(tmp_path, params)
    found = workload(tmp_path, params, Counter)
    folds = read_json(tmp_path / "data/train_split/folds.json")["folds"]
    assert found.held_out == len(folds["held_out"]["unseen"]) < len(found.prompts["contest"]) / 2
    assert found.folds == len(folds) == 2


def test_shorter_chains_cost_less_to_train_on_and_to_write(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    params = parameters("own", tmp_path, ["answers.limit.unseen=null"])
    alike = work(rows=[300] * 10, prompts=[100] * 300)
    half = replace(alike, means={name: (150.0, 100.0) for name in params["length_sweep"]["rows"].values()})
    own, speed = next(designs(params)), Speed(1 / 100, 1 / 50)
    (training, answering), (less, fewer) = (own.hours(params, one, speed, 200) for one in (alike, half))
    assert training - less == pytest.approx(6 * own.iters * 4 * 150 / 100 / 3600)
    levels = [group for group in own.answers_by_group(params, alike) if group.asked == 40]
    assert answering - fewer == pytest.approx(sum(group.models for group in levels) * 40 * 100 / 50 / 3600)


def test_a_full_batch_of_pytorch_is_computed_to_the_last_reply():
    """64 slots and 200 replies of 500 tokens, of which one reaches 2,000: 200 x 500 + 64 x 1,500 / 6 tokens."""
    group = Answerers(2, 200, prompt=100)
    speed = Speed(1, 0.01, reading=0.001)
    mlx, torch = ({"backend": name, "batch_size": 64} for name in ("mlx", "torch"))
    assert group.seconds(mlx, speed, 500, 2000) == pytest.approx(2 * (200 * 100 * 0.001 + 200 * 500 * 0.01))
    assert group.seconds(torch, speed, 500, 2000) == pytest.approx(2 * (20 + (200 * 500 + 64 * 1500 / 6) * 0.01))
    assert group.seconds(torch, replace(speed, whole=True), 500, 2000) == group.seconds(mlx, speed, 500, 2000)
    assert group.seconds(mlx, speed, 9000, 2000) == pytest.approx(2 * (20 + 200 * 2000 * 0.01))


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
    (tmp_path / "home").mkdir()
    (tmp_path / "home/teacher.sqlite").touch()
    scratch(tmp_path, params)
    written = yaml.safe_load((tmp_path / "params.yaml").read_text())
    assert written["raw"]["path"] == str(ROOT / "exams")
    assert written["teacher_cot"]["store"] == str(tmp_path / "home/teacher.sqlite")
    assert (tmp_path / "corrections.yaml").read_text() == (ROOT / "corrections.yaml").read_text()


@pytest.mark.parametrize(("teacher", "there"), [("embedded", True), ("openai", False)])
def test_a_store_that_the_plan_need_not_read_is_not_touched(teacher, there, tmp_path):
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    store = tmp_path / "teacher.sqlite"
    if there:
        store.touch()
    params["teacher_cot"] |= {"teacher": teacher, "store": str(store)}
    (tmp_path / "scratch").mkdir()
    scratch(tmp_path / "scratch", params)
    written = yaml.safe_load((tmp_path / "scratch/params.yaml").read_text())
    assert not Path(written["teacher_cot"]["store"]).is_absolute()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ("lora_seed.rank=abc", "lora_seed.rank: Input should be a valid integer"),
        ("lora_seed.batch_size=0", "lora_seed.batch_size"),
        ("lm.backend=abc", "lm.backend"),
        ("overfit_probe.iters=abc", "overfit_probe.iters"),
        ("answers.max_tokens=0", "answers.max_tokens"),
        ("length_sweep.margin=abc", "length_sweep.margin"),
        ("train_split.folds=abc", "train_split.folds"),
        ("eval.effect=-1", "eval.effect"),
    ],
)
def test_a_parameter_that_a_stage_refuses_hours_later_is_refused_at_once(changed, says, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    with pytest.raises(InputError, match=says):
        require_valid(parameters("tiny", tmp_path, [changed]))


@pytest.mark.parametrize("option", [("--measured", "0", "5"), ("--reply", "-3"), ("--base", "1")])
def test_a_number_that_cannot_be_planned_with_is_refused(option, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["plan", *option])
    with pytest.raises(SystemExit):
        main()
    assert f"error: {option[0]} is" in capsys.readouterr().err


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
