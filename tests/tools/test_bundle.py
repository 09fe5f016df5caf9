"""The bundle: what it may hold, that other people's libraries read it, and that it arrives where it is pushed."""

import base64
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jinja2
import pytest
import yaml
from huggingface_hub import DatasetCard, ModelCard
from safetensors.numpy import load_file

from distil.pipeline.files import read_jsonl, write_json, write_jsonl
from distil.pipeline.metrics import SeedMetrics, TrainingMetrics
from distil.pipeline.records import Problem, VerifiedChain
from tests.checkpoint import write_checkpoint
from tests.scored_run import lock, write_run
from tests.tools.test_export_adapter import write_adapter
from tests.workspace import ROOT, contents, environment, inside

TRAINED = TrainingMetrics(
    best_iteration=4, best_valid_loss=1.25, first_valid_loss=2.0, last_valid_loss=1.5, last_train_loss=1.0,
    iterations=8,
    reply_tokens_trained=9, adapter_parameters=9, train_rows=50, valid_rows=12, dropped_rows=0, dropped_problems=[],
)  # fmt: skip


def tool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return inside(folder, "tools.bundle", *arguments)


def started(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The same as a process of its own, as a push has to be: the hub's library reads its settings when it is loaded."""
    command = [sys.executable, "-m", "tools.bundle", *arguments]
    kept = {name: value for name, value in environment().items() if not name.startswith("HF_")}
    return subprocess.run(command, cwd=folder, env=kept | variables, capture_output=True, text=True, check=False)


def manifest(folder: Path, source: str = "sample", licence: str = "the project's own (Apache-2.0)") -> None:
    found = {"source": source, "origin": "somewhere", "licence": licence, "exams": []}
    write_json(folder / "data/raw/manifest.json", found)
    lock(folder)


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A run with two seeds, chains of two lengths and a second verified chain of two problems."""
    folder = write_run(tmp_path / "run", seeds=(0, 1))
    manifest(folder)
    rows = list(read_jsonl(folder / "data/verified/accepted.jsonl", VerifiedChain))
    short = [row.model_copy(update={"chain": row.chain.model_copy(update={"level": "R6"})}) for row in rows]
    write_jsonl(folder / "data/verified/accepted.jsonl", [*rows, *short])
    again = [row.chain.model_copy(update={"attempt": 2, "text": f"Again.\n{row.chain.text}"}) for row in rows[:2]]
    attempts = [row.model_copy(update={"chain": chain}) for row, chain in zip(rows, again, strict=False)]
    wrong = attempts[0].model_copy(
        update={"reason": "wrong_answer", "chain": again[0].model_copy(update={"text": "Answer: -1"})}
    )
    write_jsonl(folder / "data/verified/attempts.jsonl", [*rows, *attempts, wrong])

    params = yaml.safe_load((folder / "params.yaml").read_text()) | {"transfer": {"source": "sample", "path": "t.yaml"}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    write_checkpoint(folder / "m")
    for seed in (0, 1):
        write_adapter(folder / f"data/lora_seed/{seed}/held_out", folder / "m", dora=seed == 1)
        config = folder / f"data/lora_seed/{seed}/held_out/adapter_config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | {"model": "m"}))
        write_json(
            folder / f"metrics/lora_seed/{seed}.json",
            SeedMetrics(seed=seed, folds={"held_out": TRAINED, "paper": TRAINED}).model_dump(),
        )
    for name in ("eval", "summary", "train_split", "verified"):
        shutil.copyfile(ROOT / f"metrics/{name}.json", folder / f"metrics/{name}.json")
    write_jsonl(folder / "plots/lora_seed/0.csv", [])
    lock(folder)
    write_json(folder / "metrics/timings/lora_seed/0.json", {"training_seconds": 12})
    report(folder)
    return folder


def report(folder: Path) -> None:
    """A page with the end of the report's template, which shows the parameters."""
    template = (ROOT / "stages/report/page.html.jinja").read_text().partition("{{ table(environment) }}")[2]
    page = jinja2.Environment(autoescape=True).from_string("<p>Question 1 of junior_senior_test in 2011?" + template)
    (folder / "reports").mkdir(exist_ok=True)
    shown = {"params": (folder / "params.yaml").read_text(), "rows": "", "chunks": [], "script": "", "formulas": ""}
    (folder / "reports/index.html").write_text(page.render(shown))


def built(folder: Path, *arguments: str) -> Path:
    done = tool(folder, "build", *arguments)
    assert done.returncode == 0, done.stderr
    return folder / "exports/bundle"


def test_the_data_set_has_every_verified_chain_in_its_level_and_part(finished: Path) -> None:
    bundle = built(finished)
    fold = json.loads((finished / "data/train_split/folds.json").read_text())["folds"]["held_out"]
    parts = {"train": "train", "validation": "valid", "test": "unseen", "unused": "unused"}
    counted = {"R1": 0, "R6": 0}
    for path in bundle.glob("dataset/data/*/*.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert {row["id"] for row in rows} <= set(fold[parts[path.stem]])
        assert all(row["chain"].endswith(f"Answer: {row['answer']}") for row in rows)
        counted[path.parent.name] += len(rows)
    accepted = len((finished / "data/verified/accepted.jsonl").read_text().splitlines()) // 2
    assert counted == {"R1": accepted + 2, "R6": accepted}

    card = DatasetCard.load(bundle / "dataset/README.md")
    assert card.data.license == "apache-2.0"
    named = {(one["config_name"], file["path"]) for one in card.data.configs for file in one["data_files"]}
    assert named == {
        (path.parent.name, str(path.relative_to(bundle / "dataset"))) for path in bundle.glob("dataset/data/*/*")
    }
    first = contents(bundle)
    again = started(finished, "build")
    assert again.returncode == 0 and contents(bundle) == first, again.stderr


def test_load_dataset_reads_the_folder(finished: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra datasets: make extra NAME=datasets")
    bundle = built(finished)
    for level in ("R1", "R6"):
        found = datasets.load_dataset(str(bundle / "dataset"), level, cache_dir=str(tmp_path / "cache"))
        assert set(found) == {"train", "validation", "test", "unused"}
        for part, rows in found.items():
            lines = (bundle / f"dataset/data/{level}/{part}.jsonl").read_text().splitlines()
            assert list(rows) == [json.loads(line) for line in lines]
    default = datasets.load_dataset(str(bundle / "dataset"), cache_dir=str(tmp_path / "cache"))
    assert sum(map(len, default.values())) == sum(
        len(path.read_text().splitlines()) for path in bundle.glob("dataset/data/R1/*")
    )


def test_adapters_are_pefts_and_results_are_undated(finished: Path) -> None:
    bundle = built(finished) / "model"
    for seed in (0, 1):
        folder = bundle / f"adapters/seed_{seed}-held_out"
        config = json.loads((folder / "adapter_config.json").read_text())
        assert config["peft_type"] == "LORA" and config["use_dora"] == (seed == 1)
        ours = load_file(finished / f"data/lora_seed/{seed}/held_out/adapters.safetensors")
        theirs = load_file(folder / "adapter_model.safetensors")
        name = "model.layers.1.mlp.down_proj"
        assert (theirs[f"base_model.model.{name}.lora_A.weight"] == ours[f"{name}.lora_a"].T).all()
        card = ModelCard.load(folder / "README.md")
        assert card.data.library_name == "peft" and ("dora" if seed else "lora") in card.data.tags
        assert "iteration 4 of\n  8" in card.text and "1.2500 nats" in card.text
    assert (bundle / "results/metrics/eval.json").read_bytes() == (ROOT / "metrics/eval.json").read_bytes()
    assert not list(bundle.rglob("timings")) and (bundle / "report.html").exists()
    student = json.loads((ROOT / "metrics/summary.json").read_text())["student"]
    assert f"| `student` | {student:.4g} |" in (bundle / "README.md").read_text()


def test_what_another_profile_left_is_not_bundled(finished: Path) -> None:
    write_json(finished / "metrics/lora_seed/7.json", {})
    write_json(finished / "plots/eval/of_another.json", {})
    stages = yaml.safe_load((finished / "dvc.lock").read_text())["stages"]
    summary = next(out for out in stages["all"]["outs"] if out["path"] == "metrics/summary.json")
    stages["all"]["outs"].remove(summary)
    stages["summary"] = {"outs": [summary], "deps": [{"path": "metrics/eval.json", "md5": "another run's"}]}
    (finished / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    bundle = built(finished) / "model"
    found = {str(path.relative_to(bundle / "results")) for path in (bundle / "results").rglob("*") if path.is_file()}
    metrics = {f"metrics/{name}.json" for name in ("eval", "train_split", "verified", "lora_seed/0", "lora_seed/1")}
    assert found == {"params.yaml", "plots/lora_seed/0.csv", *metrics}
    assert "summary.json" not in (bundle / "README.md").read_text()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda folder: (folder / "metrics/eval.json").write_text("{}"),
            "metrics/eval.json are not what dvc.lock says",
        ),
        (
            lambda folder: (folder / "plots/lora_seed/0.csv").unlink(),
            "plots/lora_seed/0.csv are not what dvc.lock says",
        ),
        (lambda folder: change_params(folder, lora_seed={"seeds": [0, 1, 2]}), "metrics/lora_seed/2.json is none of"),
        (
            lambda folder: (folder / "data/lora_seed/1/held_out/adapter_config.json").write_text("{}"),
            "data/lora_seed are not what dvc.lock says",
        ),
        (lambda folder: (folder / "dvc.lock").unlink(), "`make repro` (or `make pull`) gives a finished run"),
    ],
)
def test_what_this_run_did_not_write_is_refused(finished: Path, spoil: Callable[[Path], object], said: str) -> None:
    spoil(finished)
    refused = tool(finished, "build")
    assert refused.returncode == 1 and said in refused.stderr and refused.stderr.count("\n") == 1
    assert not (finished / "exports/bundle").exists()


@pytest.mark.parametrize(
    ("source", "licence", "message"),
    [
        ("study", "none stated by the authors: for reading here, not for passing on", "no question may be passed on"),
        ("folder", "not known to the project; nothing is passed on", "state it in raw.licence"),
        ("problems", "cc-by-nd-4.0", "the problems' licence is 'cc-by-nd-4.0'"),
    ],
)
def test_what_may_not_be_passed_on_is_not_in_the_bundle(
    finished: Path, source: str, licence: str, message: str
) -> None:
    manifest(finished, source, licence)
    refused = tool(finished, "build")
    assert refused.returncode == 1 and message in refused.stderr and "Traceback" not in refused.stderr
    assert not (finished / "exports/bundle").exists()

    bundle = built(finished, "--without-data")
    assert not (bundle / "dataset").exists() and (bundle / "model/adapters/seed_0-held_out").exists()
    texts = [problem.question.encode() for problem in read_jsonl(finished / "data/parsed/problems.jsonl", Problem)]
    assert not [name for name, content in contents(bundle).items() if any(text in content for text in texts)]


def test_a_stated_licence_lets_own_problems_out_and_recorded_chains_need_one(finished: Path) -> None:
    manifest(finished, "problems", "cc-by-sa-4.0")
    assert DatasetCard.load(built(finished) / "dataset/README.md").data.license == "cc-by-sa-4.0"
    path = finished / "data/verified/accepted.jsonl"
    path.write_text(path.read_text().replace('"role":"distiller"', '"role":"replay"'))
    lock(finished)
    for source, licence in (("problems", "cc-by-sa-4.0"), ("sample", "the project's own (Apache-2.0)")):
        manifest(finished, source, licence)
        refused = tool(finished, "build")
        assert refused.returncode == 1 and "the chains are recorded ones" in refused.stderr, source


def change_params(folder: Path, **blocks: dict) -> None:
    params = yaml.safe_load((folder / "params.yaml").read_text())
    (folder / "params.yaml").write_text(yaml.safe_dump(params | blocks))
    report(folder)


@pytest.mark.parametrize(
    ("licence", "bundled"), [(None, False), ("cc-by-nd-4.0", False), ("all rights reserved", False), ("mit", True)]
)
def test_a_report_that_quotes_another_benchmark_is_bundled_where_its_licence_allows_it(
    finished: Path, licence: str | None, bundled: bool
) -> None:
    change_params(finished, transfer={"source": "math500", "path": "problems.jsonl", "licence": licence})
    done = tool(finished, "build")
    assert done.returncode == 0
    assert ("the report is left out" in done.stdout) == (not bundled)
    assert bundled or (licence or "not stated") in done.stdout
    assert (finished / "exports/bundle/model/report.html").exists() == bundled


def test_the_report_of_other_parameters_is_not_bundled(finished: Path) -> None:
    page = (finished / "reports/index.html").read_text()
    change_params(finished, profile="paper")
    (finished / "reports/index.html").write_text(page)
    refused = tool(finished, "build")
    assert refused.returncode == 1 and "does not show params.yaml as it is now" in refused.stderr
    assert not (finished / "exports/bundle").exists()


def test_no_address_header_or_path_of_this_machine_is_bundled(finished: Path) -> None:
    endpoints = {"mine": {"base_url": "http://intern.example/v1", "headers": {"X-Key": "<'s3cret'>"}, "concurrency": 4}}
    change_params(
        finished,
        teacher_cot={"endpoints": endpoints, "store": "~/private/teacher.sqlite"},
        raw={"path": str(finished / "exams"), "source": "sample"},
    )
    for seed in (0, 1):
        config = finished / f"data/lora_seed/{seed}/held_out/adapter_config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | {"model": str(finished / "m")}))
    lock(finished)
    found = contents(built(finished))
    for secret in (b"intern.example", b"s3cret", b"private", str(finished).encode()):
        assert not [name for name, content in found.items() if secret in content], secret
    assert b"concurrency: 4" in found["model/report.html"] and b"store: teacher.sqlite" in found["model/report.html"]
    params = yaml.safe_load(found["model/results/params.yaml"])
    assert params["teacher_cot"] == {"endpoints": {"mine": {"concurrency": 4}}, "store": "teacher.sqlite"}
    assert params["raw"]["path"] == "exams" and params["transfer"]["path"] == "t.yaml"
    config = json.loads(found["model/adapters/seed_0-held_out/adapter_config.json"])
    assert config["base_model_name_or_path"] == "m"


def test_the_card_says_of_the_parts_what_holds(finished: Path) -> None:
    card = (built(finished) / "dataset/README.md").read_text()
    assert "are parted by `train`, `validation` and `test`; `unused` may hold some of any" in card
    path = finished / "data/train_split/folds.json"
    split = json.loads(path.read_text())
    path.write_text(json.dumps(split | {"protocol": "paper", "main": ["paper"], "transfer_fold": "paper"}))
    shutil.rmtree(finished / "exports")
    for seed in (0, 1):
        (finished / f"data/lora_seed/{seed}/held_out").rename(finished / f"data/lora_seed/{seed}/paper")
    lock(finished)
    assert "near-duplicates may be in several" in (built(finished) / "dataset/README.md").read_text()


def test_a_folder_of_something_else_is_not_replaced(finished: Path) -> None:
    (finished / "to_data").symlink_to("data")
    for output, said in (
        ("data", "was not written by this"),
        (".", "was not written by this"),
        ("to_data", "is a link"),
    ):
        refused = tool(finished, "build", "--output", output)
        assert refused.returncode == 1 and said in refused.stderr
    assert (finished / "data/raw/manifest.json").exists()


def test_whole_layers_are_not_bundled(finished: Path) -> None:
    config = finished / "data/lora_seed/0/held_out/adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"fine_tune_type": "full"}))
    lock(finished)
    done = tool(finished, "build")
    assert done.returncode == 1 and "whole weights (fine_tune_type full)" in done.stderr
    assert not (finished / "exports/bundle").exists()


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub as a push speaks to: repositories, what to do with a file, commits."""

    repositories: dict[str, dict[str, bytes]]
    made: list[dict]
    private: dict[str, bool]
    refuses = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.split("?")[0].strip("/").split("/")
        if self.refuses or self.headers.get("Authorization") != "Bearer secret":
            return self._say(403, {"error": "You have no right to write here"})
        if path[:3] == ["api", "repos", "create"]:
            made = json.loads(body)
            self.made.append(made)
            kind = "datasets" if made.get("type") == "dataset" else "models"
            self.private.setdefault(f"{kind}/{made['organization']}/{made['name']}", made["visibility"] == "private")
            prefix = "datasets/" if made.get("type") == "dataset" else ""
            return self._say(200, {"url": f"{self._address()}/{prefix}{made['organization']}/{made['name']}"})
        if path[:2] == ["api", "validate-yaml"]:
            return self._say(200, {"errors": [], "warnings": []})
        kind, name, what = path[1], "/".join(path[2:4]), path[4]
        if what == "preupload":
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return self._say(200, {"files": files})
        assert what == "commit", self.path
        lines = [json.loads(line) for line in body.splitlines()]
        stored = self.repositories.setdefault(f"{kind}/{name}", {})
        for line in lines:
            if line["key"] == "file":
                stored[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "deletedFile":
                del stored[line["value"]["path"]]
        url = f"{self._address()}/{'' if kind == 'models' else 'datasets/'}{name}/commit/1"
        return self._say(200, {"success": True, "commitUrl": url, "commitOid": "1"})

    def do_GET(self) -> None:
        path = self.path.split("?")[0].strip("/").split("/")
        kind, name, what = path[1], "/".join(path[2:4]), path[4:5]
        if self.refuses or path[0] != "api" or f"{kind}/{name}" not in self.private:
            return self._say(404, {"error": "not here"}, {"X-Error-Code": "RepoNotFound"})
        stored = self.repositories.get(f"{kind}/{name}", {})
        if what == ["tree"]:
            files = [{"type": "file", "path": file, "size": 1, "oid": "1"} for file in stored]
            return self._say(200, files)
        return self._say(200, {"id": name, "private": self.private[f"{kind}/{name}"], "siblings": [], "tags": []})

    def _address(self) -> str:
        return f"http://{self.headers['Host']}"

    def _say(self, status: int, answer: dict | list, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for header, value in (headers or {}).items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def hub(refuses: bool = False) -> Iterator[tuple[str, type[Hub]]]:
    """A hub on loopback: its address and what it was sent."""
    handler = type("OneHub", (Hub,), {"repositories": {}, "made": [], "private": {}, "refuses": refuses})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("public", [False, True])
def test_a_push_makes_both_repositories_hold_the_bundle(finished: Path, public: bool) -> None:
    bundle = built(finished)
    with hub() as (address, seen):
        done = started(finished, "push", "me/run", *["--public"] * public, HF_TOKEN="secret", HF_ENDPOINT=address)
    assert done.returncode == 0, done.stderr
    assert "secret" not in done.stdout + done.stderr
    for kind, part in (("datasets", "dataset"), ("models", "model")):
        assert seen.repositories[f"{kind}/me/run"] == contents(bundle / part)
    assert [made["visibility"] for made in seen.made] == ["public" if public else "private"] * 2
    assert [(made["name"], made["organization"], made.get("type", "model")) for made in seen.made] == [
        ("run", "me", "dataset"), ("run", "me", "model"),
    ]  # fmt: skip


def test_a_second_push_leaves_nothing_of_the_first(finished: Path) -> None:
    bundle = built(finished)
    with hub() as (address, seen):
        assert started(finished, "push", "me/run", HF_TOKEN="secret", HF_ENDPOINT=address).returncode == 0
        (bundle / "model/report.html").unlink()
        done = started(finished, "push", "me/run", HF_TOKEN="secret", HF_ENDPOINT=address)
    assert done.returncode == 0, done.stderr
    assert "report.html" not in seen.repositories["models/me/run"]
    assert seen.repositories["models/me/run"] == contents(bundle / "model")


@pytest.mark.parametrize("public", [False, True])
def test_a_repository_of_another_visibility_is_refused_before_anything_is_pushed(finished: Path, public: bool) -> None:
    built(finished)
    with hub() as (address, seen):
        seen.private["models/me/run"] = public
        done = started(finished, "push", "me/run", *["--public"] * public, HF_TOKEN="secret", HF_ENDPOINT=address)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"model me/run is on the hub already and is {'private' if public else 'public'}" in done.stderr
    assert not seen.repositories and not seen.made


def test_a_push_that_cannot_be_is_one_message(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    assert "HF_TOKEN is not set" in tool(finished, "push", "me/run").stderr
    monkeypatch.setenv("HF_TOKEN", "secret")
    missing = tool(finished, "push", "me/run")
    assert missing.stderr == "error: exports/bundle holds no bundle: `make bundle` writes it.\n"
    built(finished, "--without-data")
    with hub(refuses=True) as (address, _):
        refused = started(finished, "push", "me/run", HF_TOKEN="secret", HF_ENDPOINT=address)
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    assert "model me/run was not pushed" in refused.stderr and "no right to write" in refused.stderr
    assert "dataset" not in refused.stderr


def test_without_a_run_one_message_says_so(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"profile": "tiny"}))
    done = tool(tmp_path, "build")
    assert done.returncode == 1 and "data/raw/manifest.json could not be read" in done.stderr
    assert os.listdir(tmp_path) == ["params.yaml"]  # noqa: PTH208
