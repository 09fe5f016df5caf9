"""Every command in a block of README.md and docs/ is run by a test, or its block says in a comment what it needs.

A comment `<!-- needs: a Mac -->` on the line before a block marks its commands. RUN_BY names the tests of the others;
AS_PRINTED are run here. Of all, the marked ones and those of CONTRIBUTING.md, too, the targets, options, parameters and
stages exist.
"""

import argparse
import ast
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.tools.toy import Toy
from tests.workspace import inside
from tools.params import compose

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAM = re.compile(
    r"(make|dvc|python|git|gh|du|ls|tar|dask|curl|pip|uv|ssh|vllm|export|mlx_lm\.\w+|mlx\.\w+)\s(?!\s)|\$ "
)
NEEDS = re.compile(r"<!-- needs: \S.* -->")

CHECK = "tests/tools/test_check_reproduction.py::test_"
REMOTES = "tests/tools/test_data_versions.py::test_"
EXPORT = "tests/tools/test_export_adapter.py::test_"
HARNESS = "tests/tools/test_harness.py::test_"
TEACHER = "tests/teacher_cot/test_"
SCREEN = "tests/summary/test_summary.py::test_tables_of_experiments_fit_a_screen"
COMPARE = "tests/tools/test_compare.py::test_the_students_of_two_revisions_on_the_questions_they_share"
LINEAGE = "tests/tools/test_whole.py::test_lineage_reaches_the_exam_page"
PUBLISHED = "tests/tools/test_published.py::test_a_stranger_pulls_the_run_and_has_nothing_to_train"
COLLEAGUE = REMOTES + "a_colleague_pulls_and_has_nothing_to_run"
BRANCHES = REMOTES + "branches_that_both_changed_dvc_lock"
STORE = TEACHER + "stage.py::test_status_export_and_import"
ELSEWHERE = "tests/tools/test_elsewhere.py::test_two_workers_give_what_one_process_gives"
EXPERIMENTS = "tests/tools/test_experiments.py::test_a_queue_is_run_compared_kept_and_dropped_as_printed"
RUN_BY = {
    "dvc exp run --queue --name rank -S lora_seed.rank=2,16 -S lora_seed.iters=60 -S overfit_probe.iters=60 summary": (
        EXPERIMENTS
    ),
    "dvc queue start --jobs 1": EXPERIMENTS,
    "dvc queue status": EXPERIMENTS,
    "dvc exp diff rank-1 rank-2": EXPERIMENTS,
    "dvc exp branch rank-1 low-rank": EXPERIMENTS,
    "dvc exp push origin rank-1": EXPERIMENTS,
    "dvc exp remove rank-2": EXPERIMENTS,
    "dvc exp remove --all-commits": EXPERIMENTS,
    "dvc exp run -S raw.source=folder -S raw.path=my-exams parsed": "tests/tools/test_experiments.py::"
    "test_own_exams_are_read_as_printed",
    "python -m tools.bench.verifiers [FILE.jsonl] [--rounds N]": "tests/tools/test_bench.py::"
    "test_three_judges_of_the_same_answers",
    "make experiments": SCREEN,
    "dvc exp show --no-pager --drop '(?!lora_seed.rank).*[._/]|Created|distil|profile'": SCREEN,
    "dvc metrics diff": SCREEN,
    "make compare A=main B=my-branch": COMPARE,
    "make compare A=HEAD B=rank-1": COMPARE,
    "make check-reproduction": CHECK + "passes_what_was_committed",
    "make check-reproduction REV=HEAD~1": CHECK + "passes_what_was_committed",
    'make check-reproduction STAGES="train_split"': "tests/tools/test_whole.py::"
    "test_a_change_made_on_purpose_is_found_where_it_was_made",
    "make check-reproduction TWICE=1 SHUFFLE=1": CHECK + "passes_twice_in_another_order",
    "make check-reproduction SUMMARY=out.md JSON=out.json": CHECK + "passes_what_was_committed",
    "make lineage ANSWER=2023/junior_senior_test/07": LINEAGE,
    "make lineage ANSWER=2024/junior_senior_test/07 MODEL=seed_0": LINEAGE,
    "make pull": PUBLISHED,
    "make publish": PUBLISHED,
    "dvc push": COLLEAGUE,
    "dvc data status --not-in-remote": COLLEAGUE,
    "git clone ... && cd ... && make install": COLLEAGUE,
    "dvc pull": COLLEAGUE,
    "dvc remote modify --local shared keyfile ~/.ssh/id_ed25519": COLLEAGUE,
    "dvc repro": COLLEAGUE,
    'git tag --annotate adapter-seed-0@v1.0.0 --message "Adapters of the first release" && git push --tags': REMOTES
    + "an_artifact_is_fetched_by_name",
    "dvc artifacts get <url of the repository> adapter-seed-0 --rev v1.0.0 --out adapter": REMOTES
    + "an_artifact_is_fetched_by_name",
    "python -m stages.teacher_cot --export answers.jsonl": STORE,
    "python -m stages.teacher_cot --import answers.jsonl": STORE,
    "python -m stages.teacher_cot --status": STORE,
    "git merge other-branch": BRANCHES,
    "git diff --name-only --diff-filter=U": BRANCHES,
    "git checkout --ours -- dvc.lock metrics plots": BRANCHES,
    "dvc checkout --force": BRANCHES,
    "git add --all && git commit": BRANCHES,
    "python -m tools.export_adapter data/lora_seed/0/held_out --to peft --output exports/peft": EXPORT
    + "transformers_with_peft_gives_the_logits_of_mlx",
    "python -m tools.export_adapter data/lora_seed/0/held_out --to gguf --output exports/gguf": EXPORT
    + "the_gguf_reader_finds_every_tensor",
    "python -m tools.export_adapter data/lora_seed/0/held_out --to fused --output exports/fused": EXPORT
    + "fused_weights_answer_as_base_and_adapter_do",
    "python -m tools.export_adapter models/qwen-4bit --to fused --output exports/base": EXPORT
    + "fused_weights_of_a_quantised_base_are_not_quantised",
    "python -m tools.export_adapter THEIRS --to mlx --output exports/theirs --model models/own": EXPORT
    + "peft_and_back_is_the_same_adapter",
    "python -m tools.export_adapter THEIRS --to fused --output models/theirs --model models/own": EXPORT
    + "a_peft_adapter_can_be_fused_and_scales_with_the_root_of_its_rank",
    "make export": HARNESS + "inspects_logs_have_evals_accuracy_and_come_back",
    "make export TO=lm-eval": HARNESS + "lm_evals_samples_have_evals_accuracy",
    "export PYTHONPATH=$PWD OPENAI_API_KEY=none LOCAL_API_KEY=none": HARNESS
    + "both_harnesses_score_the_tiny_student_as_this_project_does",
    "dvc exp run -S raw.source=problems -S raw.path=gsm8k.jsonl -S raw.columns=gsm8k -S teacher_cot.teacher=replay"
    " -S train_split.protocol=kfold_years -S train_split.folds=2 -S 'length_sweep.levels=[R1]'": "tests/raw/"
    "test_problems_end_to_end.py::test_a_data_set_goes_from_one_command_to_the_report",
    "python -m tools.fetch_model SOURCE --output models/own": "tests/tools/test_fetch_model.py::"
    "test_the_command_writes_where_it_says",
    "make plan PROFILE=own": "tests/tools/test_plan.py::test_overrides_are_those_of_an_experiment",
    "make plan PROFILE=paper": "tests/tools/test_plan.py::test_missing_keys_and_models_are_named_with_the_command",
    "dask scheduler": ELSEWHERE,
    "make worker SCHEDULER=tcp://10.0.0.1:8786": ELSEWHERE,
    "make repro SCHEDULER=tcp://10.0.0.1:8786 REMOTE=shared": ELSEWHERE,
    "make repro JOBS=2": "tests/tools/test_repro.py::test_independent_stages_run_at_once",
    "python -m stages.student": "tests/student/test_student.py::test_end_to_end",
    "dvc exp run teacher_cot -S profile=own-teacher -S teacher_cot.endpoints.own.base_url=http://127.0.0.1:8000/v1"
    " -S teacher_cot.roles.solver.model=Qwen/Qwen3-8B": TEACHER + "page.py::test_the_example_of_ones_own_server_works",
    "dvc exp run parsed -S profile=own-teacher -S raw.source=folder -S raw.path=my-scans -S parsed.reader=vision"
    " -S teacher_cot.endpoints.own.base_url=http://127.0.0.1:8000/v1"
    " -S teacher_cot.roles.reader.model=Qwen/Qwen2.5-VL-7B-Instruct": "tests/parsed/test_vision.py::"
    "test_the_example_of_the_page_reads_a_folder_of_scans",
    "python -m stages.teacher_cot": TEACHER + "money.py::test_a_budget_is_never_exceeded_and_raising_it_goes_on",
    "python -m stages.teacher_cot --serve --port 8917": TEACHER + "server.py::test_served_by_its_command",
    'curl -s http://127.0.0.1:8917/v1/chat/completions -d \'{"model": "embedded/solver", "messages":': TEACHER
    + "server.py::test_served_by_its_command",
    "python -m stages.lora_seed --seed 0": "tests/lora_seed/test_stage.py::"
    "test_the_stage_writes_its_adapter_its_losses_and_nothing_else",
    "python -m stages.lora_seed --rows levels/R3 --name R3": "tests/lora_seed/test_stage.py::"
    "test_rows_of_a_chain_length_are_trained_on_with_every_seed_of_the_sweep",
    "python -m stages.overfit_probe": "tests/overfit_probe/test_stage.py::"
    "test_the_stage_writes_the_curve_and_its_minimum",
    "python -m stages.answers --model base": "tests/answers/test_stage.py::test_the_base_model_has_seen_nothing",
    "make bench": "tests/tools/test_bench.py::test_both_sides_of_a_training_comparison_run",
    "mlx.launch --backend ring -n 2 --env PYTHONPATH=$PWD --cwd $PWD -- "
    ".venv/bin/python -m stages.lora_seed --seed 0": "tests/lora_seed/test_workers.py::"
    "test_two_workers_reach_the_losses_of_one",
    "python -m distil.verifier --pairs FILE.jsonl [--rows]": "tests/distil/verifier/test_command.py::"
    "test_pairs_are_scored_beside_labels_and_a_judge",
}
AS_PRINTED = {
    "ls my-exams": "2019 JS (Typst).pdf",
    'python -m stages.parsed --exam "my-exams/2019 JS (Typst).pdf"': '"answer":"39/4"',
    "python -m distil.verifier --explain '3π/4' 'So the answer is $\\frac{3\\pi}{4}$.'": "CORRECT",
    'mlx_lm.generate --model models/tiny-student --prompt "Find the value of 3^2 + 14."': "23",
    "mlx_lm.generate --model models/tiny-student --ignore-chat-template --prompt $'Find the value of 3^2 + 14."
    " Solution:\\n'": "9 + 14 = 23",
    "dvc remote add --default shared /mnt/group/obryan-cache": "",
    "dvc remote add --default shared ssh://me@server.example/srv/obryan-cache": "",
    "dvc remote add --default shared https://data.example/obryan-cache": "",
    "dvc remote add shared ssh://10.0.0.1/data/store": "",
}
"""Commands that are run here in an empty DVC repository with the student and two exams, and what they print."""


def commands(pages: list[Path]) -> list[tuple[str, str, bool]]:
    """Page, command and whether its block is marked, of every block that is fenced or indented."""
    found = []
    for page in pages:
        fenced = marked = False
        for line in re.sub(r"\\\n\s*", "", page.read_text("utf-8")).splitlines():
            text = line.strip()
            if text.startswith("```"):
                fenced, marked = not fenced, marked and not fenced
            elif fenced or line.startswith("    "):
                if PROGRAM.match(text):
                    command = re.sub(r"\s+", " ", re.sub(r"\s+# .*", "", text.removeprefix("$ ")))
                    found.append((page.name, command, marked))
            elif text:
                marked = bool(NEEDS.fullmatch(text))
    return found


def names_of_tests(path: Path) -> set[str]:
    """The names of a module's tests, those in classes, too."""
    tree = ast.walk(ast.parse(path.read_text("utf-8")))
    return {node.name for node in tree if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_command_is_run_by_a_test_or_marked() -> None:
    lacking = [
        f"{page}: {command}"
        for page, command, marked in commands(PAGES)
        if not marked and command not in RUN_BY and command not in AS_PRINTED
    ]
    assert not lacking, "name a test in RUN_BY, or put <!-- needs: ... --> before the block:\n" + "\n".join(lacking)


def test_what_is_named_here_is_printed_and_tested() -> None:
    printed = {command for _, command, _ in commands(PAGES)}
    stray = [command for command in (*RUN_BY, *AS_PRINTED) if command not in printed]
    assert not stray, "no page prints these any more:\n" + "\n".join(stray)
    for command, test in RUN_BY.items():
        path, _, name = test.partition("::")
        assert name in names_of_tests(ROOT / path), f"{command}: there is no {test}"


def of(beginning: str) -> list[tuple[str, list[str]]]:
    """Page and words of every printed command that begins so, of the marked ones, too."""
    each = [
        (page, part)
        for page, command, _ in commands([*PAGES, ROOT / "CONTRIBUTING.md"])
        for part in command.split(" && ")
    ]
    return [(page, shlex.split(part)) for page, part in each if part.startswith(beginning + " ")]


def test_targets_of_make_and_their_variables_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    recipes = dict(re.findall(r"^([a-z-]+):.*## .*\n((?:\t.*\n)*)", makefile, re.M))
    for page, (_, target, *rest) in of("make"):
        assert target in recipes, f"{page}: make {target}"
        for name in (word.partition("=")[0] for word in rest):
            assert f"$({name})" in recipes[target], f"{page}: make {target} {name}="


@pytest.mark.parametrize(
    ("command", "runs"),
    [
        ("bundle DATA=no", "tools.bundle build --without-data"),
        ("bundle DATA=", "tools.bundle build"),
        ("bundle DATA=false", None),
        ("bundle DATA=No", None),
        ("push-bundle TO=a/b PUBLIC=1", "tools.bundle push a/b --public"),
        ("push-bundle TO=a/b PUBLIC=", "tools.bundle push a/b"),
        ("push-bundle TO=a/b PUBLIC=no", None),
        ("check-reproduction TWICE=1 SHUFFLE=1", "tools.check_reproduction --twice --shuffle"),
        ("check-reproduction TWICE=0", None),
        ("check-reproduction SHUFFLE=0", None),
        ("repro", "tools.repro --jobs 1"),
        ("repro SCHEDULER=tcp://a:1", "tools.repro --scheduler tcp://a:1"),
    ],
)
def test_a_switch_takes_no_other_word_for_yes_or_no(command: str, runs: str | None) -> None:
    done = subprocess.run(["make", "-n", *command.split()], cwd=ROOT, capture_output=True, text=True, check=False)
    recipe = [" ".join(line.split()) for line in done.stdout.replace("\\\n", " ").splitlines()]
    assert done.returncode == (2 if runs is None else 0), done.stderr
    assert not runs or f"python -m {runs}" in recipe
    assert runs or (": say " in done.stderr and "python -m tools" not in done.stdout)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("tools.repro --jobs 2 --scheduler tcp://a:1", "--jobs (JOBS) is for this machine"),
        ("tools.repro --remote shared", "--remote (REMOTE) is for workers elsewhere"),
        ("tools.harness --to lm-eval --output out --student", "--student is of logs that are read"),
        ("tools.bench.peers --model m --llama-server llama", "(GGUF) are given together"),
        ("tools.bench.peers --model m --repeats 0", "argument --repeats: invalid"),
        ("tools.bench --repeats 0", "argument --repeats: invalid"),
        ("tools.bench.verifiers --rounds 0", "argument --rounds: invalid"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(command: str, said: str, tmp_path: Path) -> None:
    done = inside(tmp_path, *command.split())
    assert done.returncode == 2 and said in done.stderr


def test_parameters_and_stages_of_experiments_exist(tmp_path: Path) -> None:
    stages = {name.partition("@")[0] for name in yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]}
    printed = [(page, rest) for page, (_, _, _, *rest) in of("dvc exp run")]
    assert len(printed) > 12
    for page, words in printed:
        parser = argparse.ArgumentParser(exit_on_error=False)
        parser.add_argument("-S", action="append", default=[])
        parser.add_argument("-n", "--name")
        parser.add_argument("--queue", action="store_true")
        parser.add_argument("stages", nargs="*")
        options = parser.parse_intermixed_args([word for word in words if word != "..."])
        assert set(options.stages) <= stages, f"{page}: {words}"
        one_each = [re.sub(r"=([^\[{'\"]*?),.*", r"=\1", override) for override in options.S]  # a,b is two runs
        compose(tmp_path / "params.yaml", one_each)


def test_options_of_python_modules_exist() -> None:
    printed = [(page, words) for page, words in of("python -m") if words[2].startswith(("tools", "stages", "distil"))]
    assert len(printed) > 20
    for page, (_, _, module, *rest) in printed:
        path = ROOT / module.replace(".", "/")
        source = next(file for file in (path / "__main__.py", path.with_suffix(".py"), path) if file.is_file())
        for option in (word.strip("[]") for word in rest if word.strip("[").startswith("--")):
            assert f'"{option}"' in source.read_text("utf-8"), f"{page}: python -m {module} {option}"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A new DVC repository; not to be changed."""
    repository = Toy(tmp_path_factory.mktemp("empty"))
    repository.run("git", "init", "--quiet")
    repository.run("dvc", "init", "--quiet")
    return repository


@pytest.mark.parametrize("command", AS_PRINTED)
def test_the_command_works_as_it_is_printed(command: str, empty: Toy, tmp_path: Path) -> None:
    (tmp_path / "my-exams").mkdir()
    for exam in (ROOT / "tests/parsed/exams").glob("20*.pdf"):
        shutil.copy(exam, tmp_path / "my-exams")
    (tmp_path / "models").symlink_to(ROOT / "models")
    repository = Toy(tmp_path)
    shutil.copytree(empty.folder, tmp_path, dirs_exist_ok=True)
    path = f"{Path(sys.executable).parent}:{repository.env['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env={**repository.env, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert AS_PRINTED[command] in done.stdout
