"""The rules of the house: what keeps a stage readable, and a run of the pipeline repeatable."""

import ast
import functools
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest
import yaml

from tools.check_reproduction.isolated import covers
from tools.check_reproduction.revision import Stage, read_pipeline
from tools.params import compose

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = "distil"


TOLD = {("lora_seed", "seeds"), ("answers", "models"), ("answers", "baselines"), ("length_sweep", "seeds")}
"""Parameters that a stage's model knows but of which dvc.yaml gives each stage its own part, and the seeds of the
length sweep, which `lora_seed` reads for the rows of a chain length and not for a fold's."""


OPEN_JSON = {
    "distil/endpoint/replies.py": (1, "the chunks of a server's stream"),
    "distil/endpoint/settings.py": (1, "`Body`: what a server is sent, and what it sends"),
    "distil/exams/tables.py": (2, "rows of other people's files"),
    "distil/lm/checkpoints.py": (1, "a checkpoint's config.json"),
    "distil/lm/state.py": (1, "`Inputs`: what a fingerprint hashes"),
    "distil/lm/torch/model.py": (2, "a checkpoint's config.json"),
    "distil/lm/tracking.py": (1, "the settings that a tracker of others shows"),
    "distil/pipeline/progress.py": (1, "the state from which tqdm draws a bar"),
    "distil/pipeline/records.py": (1, "a request's sampling, with the fields that a server defines"),
    "distil/pipeline/share.py": (1, "keywords of Dask's `submit`"),
    "stages/answers/replay.py": (1, "columns of recorded answers, which Answer checks"),
    "stages/parsed/document.py": (1, "`Element`: a node of pandoc's document"),
    "stages/parsed/transcription.py": (2, "the study's own files"),
    "stages/report/drawing.py": (1, "a Vega-Lite chart"),
}
"""How often each module says `dict[str, Any]`, and which JSON is open there; everything else has a model.

A number that falls is lowered here. A number that rises needs a reason why no model in distil/pipeline can serve.
"""
TOOLS_OPEN_JSON = 70
"""How often the tools say it: what benches measured, parameters of any profile, other people's files. May only fall."""


@functools.cache
def stages() -> list[Stage]:
    """The pipeline, one stage of every foreach group: the others differ in their item only."""
    return list({stage.group: stage for stage in read_pipeline(ROOT)}.values())


def package(stage: Stage) -> str:
    """The package that a stage's command runs."""
    return stage.cmd.split()[2]


def each_stage(test):
    """Run a test for every stage."""
    return pytest.mark.parametrize("stage", stages(), ids=lambda stage: stage.group)(test)


def tracked() -> Iterator[tuple[str, str]]:
    """Every text file in git, by name, with its content."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            content = (ROOT / name).read_bytes()
            if b"\0" not in content:
                yield name, content.decode("utf-8", errors="replace")


@functools.cache
def imports() -> grimp.ImportGraph:
    """Who imports whom in the stages and the library, imports inside functions included."""
    return grimp.build_graph("stages", LIBRARY, cache_dir=None)


@functools.cache
def needed(name: str) -> frozenset[str]:
    """The modules of distil that run when a package runs, the packages that hold them included."""
    graph, found = imports(), set[str]()
    waiting = [name, *graph.find_descendants(name)]
    while waiting:
        module = waiting.pop()
        parents = [module.rsplit(".", depth)[0] for depth in range(1, module.count("."))]
        for other in [*graph.find_modules_directly_imported_by(module), *parents]:
            if other.startswith(f"{LIBRARY}.") and other not in found:
                found.add(other)
                waiting.append(other)
    return frozenset(found)


def file_of(module: str) -> str:
    """The path of a module's source: the file of a module, `__init__.py` of a package."""
    path = module.replace(".", "/")
    return f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"


def test_imports_follow_the_layout() -> None:
    linter = str(Path(sys.executable).with_name("lint-imports"))
    result = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_every_stage_of_the_pipeline_has_a_folder_and_every_folder_a_stage() -> None:
    folders = {path.parent.name for path in (ROOT / "stages").glob("*/__main__.py")}
    assert {package(stage).removeprefix("stages.") for stage in stages()} == folders


@each_stage
def test_a_stage_is_one_python_command(stage: Stage) -> None:
    assert re.fullmatch(r"python -m stages\.\w+( --\w+ [\w./-]+)*", stage.cmd)


@each_stage
def test_dependencies_name_the_code_that_runs_and_no_other(stage: Stage) -> None:
    code = [dep for dep in stage.deps if dep == LIBRARY or dep.startswith(("stages/", f"{LIBRARY}/"))]
    modules = {file_of(module) for module in needed(package(stage))}
    own = package(stage).replace(".", "/")
    assert own in code
    assert sorted(path for path in modules if not covers(code, path)) == [], "imported, but not in deps"
    shared = [dep for dep in code if dep == LIBRARY or dep.startswith(f"{LIBRARY}/")]
    unused = [dep for dep in shared if not any(covers([dep], path) for path in modules)]
    assert unused == [], "in deps, but not imported"
    others = [dep for dep in code if dep.endswith(".py") or (ROOT / dep / "__main__.py").is_file()]
    assert [dep for dep in others if not covers([own, *shared], dep)] == [], "another stage's code"


def test_shared_code_is_named_by_package() -> None:
    declared = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"].values()
    deps = [str(dep) for stage in declared for dep in stage.get("do", stage)["deps"]]
    shared = [dep for dep in deps if re.match(rf"{LIBRARY}\b", dep)]
    assert all(re.fullmatch(rf"{LIBRARY}(/\w+)?", dep) for dep in shared)
    assert len(shared) <= 40


def dictionaries_of_anything(*folders: str) -> Counter[str]:
    """How often each module of some folders says `dict[str, Any]`."""
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    said = {path: len(re.findall(r"dict\[str, (?:Any|object)\]", path.read_text("utf-8"))) for path in paths}
    return Counter({path.relative_to(ROOT).as_posix(): count for path, count in said.items() if count})


def test_only_open_json_is_a_dictionary_of_anything() -> None:
    assert dictionaries_of_anything(LIBRARY, "stages") == {path: count for path, (count, _) in OPEN_JSON.items()}
    assert dictionaries_of_anything("tools").total() <= TOOLS_OPEN_JSON


CLOCKED = {
    "tests/tools/machines.py": 1,  # a connection that does not close ends with its loop
    "tests/tools/test_whole.py": 1,  # a kill at a random moment
    "tests/tools/test_workflows.py": 1,  # npm without a network: the test is skipped
}
"""How often each file of tests waits for a process or a task no longer than some time by the clock, and why."""


def test_no_test_waits_by_the_clock() -> None:
    """A loaded machine may take ten times as long. The limit of a whole test (pyproject.toml) ends a wait in vain."""
    waits = ("run", "check_output", "communicate", "wait", "wait_procs", "join")
    found = Counter[str]()
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in waits:
                found[path.relative_to(ROOT).as_posix()] += any(word.arg == "timeout" for word in node.keywords)
    assert +found == Counter(CLOCKED)


def test_a_class_name_has_one_meaning() -> None:
    named = defaultdict[str, list[str]](list)
    for path in (path for folder in (LIBRARY, "stages", "tools") for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                named[node.name].append(path.relative_to(ROOT).as_posix())
    assert {name: paths for name, paths in named.items() if len(paths) > 1} == {}


@each_stage
def test_parameters_are_declared_and_in_params_yaml(stage: Stage) -> None:
    declared = stage.params.get("params.yaml", ())
    if stage.params and not declared:
        return  # declares the whole file
    params = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    read = set(parameters_read(package(stage)))
    undeclared = {
        f"{block}.{name}" for block, name in read - TOLD if block not in declared and f"{block}.{name}" not in declared
    }
    assert undeclared == set(), "read, but not in params"
    assert {f"{block}.{name}" for block, name in read if name not in params[block]} == set(), (
        "read, but not in params.yaml"
    )
    unread = [name for name in declared if not any(covers_name(name, f"{block}.{field}") for block, field in read)]
    assert unread == [], "in params, but not read"


def covers_name(declared: str, name: str) -> bool:
    """Whether a declared parameter is the one named, holds it, or is part of it."""
    return (declared + ".").startswith(name + ".") or (name + ".").startswith(declared + ".")


def parameters_read(name: str) -> Iterator[tuple[str, str]]:
    """The (block, field) pairs that a stage reads, by its calls of `load_params(block, model)`."""
    own = [name, *imports().find_descendants(name)]
    trees = [ast.parse((ROOT / file_of(module)).read_text("utf-8")) for module in [*own, *needed(name)]]
    classes = {node.name: node for tree in reversed(trees) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in (node for tree in trees for node in ast.walk(tree)):
        match node:
            case ast.Call(
                func=ast.Name(id="load_params") | ast.Attribute(attr="load_params"),
                args=[ast.Constant(value=str(block)), ast.Name(id=model) | ast.Attribute(attr=model)],
            ):
                waiting = [model]
                while waiting:
                    found = classes[waiting.pop()]
                    waiting += [base.id for base in found.bases if isinstance(base, ast.Name) and base.id in classes]
                    for field in found.body:
                        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                            yield block, field.target.id


def test_params_yaml_is_what_conf_gives(tmp_path: Path) -> None:
    compose(tmp_path / "params.yaml", [])
    assert (tmp_path / "params.yaml").read_text("utf-8") == (ROOT / "params.yaml").read_text("utf-8")


@pytest.mark.parametrize("profile", sorted(path.stem for path in (ROOT / "conf/profile").glob("*.yaml")))
def test_every_profile_has_the_same_parameters(profile: str, tmp_path: Path) -> None:
    compose(tmp_path / "params.yaml", [f"profile={profile}"])
    blocks = yaml.safe_load((tmp_path / "params.yaml").read_text("utf-8"))
    default = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    assert blocks["profile"] == profile
    assert {block: set(values) for block, values in blocks.items() if isinstance(values, dict)}.keys() == {
        block for block, values in default.items() if isinstance(values, dict)
    }


def test_no_registry_and_no_machine_in_tracked_files() -> None:
    registries = "|".join(
        ["files.py{}thonhosted", "py{}pi.org/simple", "registry.npm{}js", "--index{}-url ", "find{}-links ="]
    )
    machines = "|".join(["/ro{}ot/", "/wo{}rk/", "/Us{}ers/", "/ho{}me/", "/t{}mp/"])
    registries, machines = registries.replace("{}", ""), machines.replace("{}", "")  # or this file would hold them
    found = [
        f"{name}: {match[0]}"
        for name, text in tracked()
        for match in re.finditer(rf"({registries})|(?<![\w.~}}/-])({machines})\w+", text)
    ]
    assert found == []


def test_the_lock_has_a_hash_for_every_package_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    packages = re.findall(r"^([A-Za-z0-9][\w.-]*==.*?)(?=^\S|\Z)", text, re.M | re.S)
    assert len(packages) > 100
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
    assert "://" not in text and "index-url" not in text


def test_compiled_files_times_and_machines_are_in_no_hash(tmp_path: Path) -> None:
    names = ["stages/raw/__pycache__/x.pyc", "metrics/environment.json", "metrics/timings/raw.json"]
    command = [sys.executable, "-m", "dvc", "check-ignore", "-n", "-d", *names]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert [line for line in result.stdout.splitlines() if line.startswith("::")] == [], result.stdout
    assert len(result.stdout.splitlines()) == len(names), result.stderr


def test_make_repro_names_the_command_of_another_profile():
    command = ["make", "-n", "repro", "PROFILE=smollm2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode and "dvc exp run -S profile=smollm2" in done.stderr


def test_make_help_lists_every_target() -> None:
    targets = set(re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M))
    command = ["make", "--no-print-directory", "help"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert targets == {line.split()[0] for line in listed.splitlines() if line.strip()}


@pytest.mark.parametrize("command", sorted(
    f"{path.parent.relative_to(ROOT).as_posix().replace('/', '.')}" for path in ROOT.glob("stages/*/__main__.py")
))  # fmt: skip
def test_a_stage_says_how_to_run_it(command: str) -> None:
    text = (ROOT / command.replace(".", "/") / "__main__.py").read_text("utf-8")
    assert f"python -m {command}" in (ast.get_docstring(ast.parse(text)) or "")
