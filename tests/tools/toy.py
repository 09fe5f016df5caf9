"""A small DVC repository with what the real one has: text stages, float arrays, seeds by foreach, metrics in git.

Outputs persist, as there, so that DVC never takes a stage from its run cache.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

DVC_YAML = """
stages:
  problems:
    cmd: python toy/problems.py
    deps: [toy/problems.py, exam.txt]
    params: [problems.language]
    outs:
      - data/problems.jsonl: {persist: true}
  split:
    cmd: python toy/split.py
    deps: [toy/split.py, data/problems.jsonl]
    params: [split]
    outs:
      - data/split: {persist: true}
  train:
    foreach: ${train.seeds}
    do:
      cmd: python toy/train.py ${item}
      deps: [toy/train.py, data/split]
      params: [train.steps]
      outs:
        - "data/train/${item}": {persist: true}
      metrics:
        - metrics/train/${item}.json: {cache: false, persist: true}
  score:
    cmd: python toy/score.py
    deps: [toy/score.py, data/train, data/split]
    outs:
      - data/answers.jsonl: {persist: true}
    metrics:
      - metrics/score.json: {cache: false, persist: true}
  count:
    cmd: python toy/count.py
    deps: [toy/count.py, data/problems.jsonl]
    metrics:
      - metrics/count.json: {cache: false, persist: true}
"""

PARAMS = """
problems: {language: en}
split: {every: 4}
train: {seeds: [0, 1, 2], steps: 40}
"""

TOLERANCES = """
confidence: 0.99
seeds: train.seeds
trained: [train, score]
siblings: [train]
spreads:
  - {metric: score.mean, std: score.std, of: mean}
  - {metric: train.*.loss, std: score.loss_std, of: seed}
"""

EXAM = "".join(f"What is {i} plus {i * i % 17}?={i + i * i % 17}\n" for i in range(40))

STAGES = {
    "problems": """
import json, pathlib, yaml
params = yaml.safe_load(open("params.yaml"))
pathlib.Path("data").mkdir(exist_ok=True)
with open("data/problems.jsonl", "w") as file:
    for number, line in enumerate(open("exam.txt")):
        question, key = line.strip().split("?=")
        file.write(json.dumps({"id": number, "question": question, "key": int(key),
                               "language": params["problems"]["language"]}) + "\\n")
""",
    "split": """
import json, pathlib, yaml
every = yaml.safe_load(open("params.yaml"))["split"]["every"]
pathlib.Path("data/split").mkdir(parents=True, exist_ok=True)
rows = [line for line in open("data/problems.jsonl")]
open("data/split/train.jsonl", "w").writelines(row for i, row in enumerate(rows) if i % every)
open("data/split/unseen.jsonl", "w").writelines(row for i, row in enumerate(rows) if not i % every)
""",
    "train": """
import json, pathlib, sys
import numpy as np, yaml
from safetensors.numpy import save_file
seed, steps = int(sys.argv[1]), yaml.safe_load(open("params.yaml"))["train"]["steps"]
rows = [json.loads(line) for line in open("data/split/train.jsonl")]
generator = np.random.default_rng(seed)
inputs = np.float32([[(row["id"] * k % 97) / 97 for k in range(1, 257)] for row in rows])
keys = np.float32([[row["key"] / 40] for row in rows])
weights = generator.normal(size=(256, 1)).astype(np.float32)
for _ in range(steps):
    weights -= np.float32(0.001) * (inputs.T @ (inputs @ weights - keys))
out = pathlib.Path("data/train", str(seed))
out.mkdir(parents=True, exist_ok=True)
save_file({"weights": weights}, out / "adapters.safetensors")
pathlib.Path("metrics/train").mkdir(parents=True, exist_ok=True)
loss = float(np.mean((inputs @ weights - keys) ** 2))
pathlib.Path(f"metrics/train/{seed}.json").write_text(json.dumps({"loss": loss, "rows": len(rows)}))
""",
    "score": """
import json, pathlib
import numpy as np
from safetensors.numpy import load_file
rows = [json.loads(line) for line in open("data/split/unseen.jsonl")]
inputs = np.float32([[(row["id"] * k % 97) / 97 for k in range(1, 257)] for row in rows])
keys = np.float32([row["key"] / 40 for row in rows])
means, losses = [], []
with open("data/answers.jsonl", "w") as file:
    for folder in sorted(pathlib.Path("data/train").iterdir()):
        answers = (inputs @ load_file(folder / "adapters.safetensors")["weights"])[:, 0]
        means.append(float(np.mean(np.abs(answers - keys))))
        losses.append(float(np.mean((answers - keys) ** 2)))
        for row, answer in zip(rows, answers):
            file.write(json.dumps({"id": row["id"], "model": folder.name, "answer": float(answer)}) + "\\n")
pathlib.Path("metrics/score.json").write_text(json.dumps({
    "mean": float(np.mean(means)), "std": float(np.std(means, ddof=1)), "loss_std": float(np.std(losses, ddof=1))}))
""",
    "count": """
import json, pathlib
pathlib.Path("metrics").mkdir(exist_ok=True)
count = sum(1 for _ in open("data/problems.jsonl"))
pathlib.Path("metrics/count.json").write_text(json.dumps({"problems": count}))
""",
}


class Toy:
    """The repository in `folder`, and what one does with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        unset = ("PYTHONPATH", "OPENBLAS_CORETYPE", "DVC_STAGE", "DVC_ROOT")
        self.env = {name: value for name, value in os.environ.items() if name not in unset}
        self.env |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t",
        }  # fmt: skip

    def take_tracked(self, without: tuple[str, ...]) -> None:
        """Copy what this repository tracks into the folder, but what lies under the paths `without`."""
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file() and not name.startswith(without):
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.folder / name)

    def run(self, *command: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            command, cwd=self.folder, env=self.env | env, capture_output=True, text=True, check=False
        )
        assert not check or result.returncode == 0, f"{command}:\n{result.stdout}\n{result.stderr}"
        return result

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, encoding="utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.folder / path).read_text(encoding="utf-8")
        assert old in text, f"{path} does not hold {old!r}"
        self.write(path, text.replace(old, new))

    def commit(self, message: str = "change") -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", message)

    def repro(self, *stages: str, **env: str) -> None:
        self.run(sys.executable, "-m", "dvc", "repro", *stages, **env)

    def copy(self, folder: Path) -> "Toy":
        shutil.copytree(self.folder, folder, symlinks=True)
        return Toy(folder)


def build(folder: Path) -> Toy:
    """A repository whose pipeline ran once, committed; with Haswell kernels, which every AVX2 machine has."""
    folder.mkdir(parents=True)
    toy = Toy(folder)
    toy.run("git", "init", "--quiet", "--initial-branch=main")
    toy.run(sys.executable, "-m", "dvc", "init", "--quiet")
    toy.write(".dvc/config", "[core]\n    analytics = false\n    autostage = true\n")
    toy.write("dvc.yaml", DVC_YAML)
    toy.write("params.yaml", PARAMS)
    toy.write("tools/check_reproduction/tolerances.yaml", TOLERANCES)
    toy.write("exam.txt", EXAM)
    toy.write(".gitignore", "/data\n__pycache__/\n")
    toy.write(".dvcignore", (ROOT / ".dvcignore").read_text(encoding="utf-8"))
    for name, code in STAGES.items():
        toy.write(f"toy/{name}.py", code.lstrip())
    for package in ("lm", "pipeline"):
        shutil.copytree(ROOT / "distil" / package, toy.folder / "distil" / package)
    toy.repro(OPENBLAS_CORETYPE="Haswell")
    toy.run(sys.executable, "-m", "distil.lm.environment", OPENBLAS_CORETYPE="Haswell")
    toy.commit("the pipeline and what it produced")
    return toy
