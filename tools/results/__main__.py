"""Keep a finished run in git: `make results PROFILE=qwen-1.5b` writes results/qwen-1.5b/.

    python -m tools.results qwen-1.5b             (write the folder from the run in the working directory)
    python -m tools.results qwen-1.5b --show      (print the run as README and docs quote it)

The folder holds params.yaml, dvc.lock, the metrics and plots that dvc.lock names, the machine's description, timings,
what tools.larger_cap found of this run, and answers.jsonl: one row for every answer, with its verdict and no text of a
question, a key, a chain or a response, which carry no licence. A run whose students, length sweep or overfit probe are
still to come is kept without them.
"""

import argparse
import hashlib
import html
import json
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from distil.pipeline.command import run
from distil.pipeline.files import (
    InputError,
    read_json,
    read_jsonl,
    read_record,
    read_yaml,
    replacing_folder,
    write_jsonl,
)  # fmt: skip
from distil.pipeline.recorded_results import RecordedMetrics
from distil.pipeline.records import LEVELS, Problem, Record, Scored
from distil.pipeline.sweep_results import SweepMetrics
from tools import summary
from tools.check_reproduction.isolated import covers
from tools.repro.lock import Stages, locked

RESULTS = Path("results")
KEPT = ("metrics/", "plots/")
SCORED = {"eval": Path("data/eval/scored.jsonl"), "length_sweep": Path("data/length_sweep/scored.jsonl")}
NEEDED = ("train_split", "verified")
"""Metrics that a scored run has, besides one of `SCORED` at least."""
LARGER_CAP = Path("cache/larger_cap.json")
"""What tools.larger_cap found of a run. The kept run has it among its metrics."""
UNTRACKED = ("metrics/environment.json", "metrics/timings", "plots/figures/result.svg")
"""Files that a run writes besides its outputs. Without a length sweep, the picture is none of the report's outputs yet.
"""


class AnswerRow(Record):
    """What results/ keeps of one answer: all but its text and the text of its question and key."""

    set: str
    problem_id: str
    benchmark: str
    model: str
    fold: str | None
    role: str
    sample: int
    verdict: str
    rule: str
    verdict_uncorrected: str | None
    within_rounding: bool
    words: int
    prompt_tokens: int | None
    tokens: int | None
    finish_reason: str
    repeats: bool


class CutOff(Record):
    """A model's replies that the run's cap cut off, and what became of those that were written on.

    `repeating` counts those that repeat one passage, `left_out` those whose text has another number of tokens than the
    model wrote. Neither was written on.
    """

    model: str
    cut_off: int
    repeating: int
    left_out: int
    ended: int
    ended_right: int
    still_cut_off: int


class LargerCap(Record):
    """cache/larger_cap.json: base and students under the larger cap. Accuracies are fractions, differences points.

    `scored` is the MD5 of data/eval/scored.jsonl of the run whose replies were written on.
    """

    scored: str
    former_cap: int
    max_tokens: int
    n: int
    models: list[CutOff]
    base: float
    student_mean: float
    difference: float
    difference_low: float
    difference_high: float
    sign_flip_p: float | None


def main() -> None:
    """Write or print a finished run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profile", help="the profile that was run, and the folder below results/")
    parser.add_argument("--show", action="store_true", help="print what README and docs quote of it")
    args = parser.parse_args()
    if args.show:
        print("\n".join(quoted(RESULTS / args.profile)))
    else:
        write(args.profile)


def write(profile: str) -> None:
    """Write results/<profile>. Raises InputError when the working directory holds no scored run of it."""
    params = read_yaml("params.yaml", "Run from the repository's root.")
    found = params["profile"]
    if found != profile:
        raise InputError(
            f"params.yaml is that of the profile {found}, not of {profile}. Run `dvc exp run -S profile={profile}` or "
            f"`make params PROFILE={profile} && dvc repro` first."
        )
    outputs = outputs_of(locked(), params)
    refuse_changed(outputs, *(f"data/{name}" for name in SCORED))
    rows = list(answer_rows(outputs))
    with replacing_folder(RESULTS / profile) as folder:
        for name in ("params.yaml", "dvc.lock", *UNTRACKED, *(path for path in outputs if path.startswith(KEPT))):
            copy(Path(name), folder / name)
        if LARGER_CAP.exists() and _is(
            SCORED["eval"], read_record(LARGER_CAP, LargerCap).scored
        ):  # else it is of another run
            copy(LARGER_CAP, folder / "metrics" / LARGER_CAP.name)
        write_jsonl(folder / "answers.jsonl", rows)
        refuse_text(folder)
    print(f"{len(rows):,} answers -> {RESULTS / profile}")


def outputs_of(stages: Stages, params: dict[str, Any]) -> dict[str, str]:
    """The run's outputs by path, with their MD5s; metrics/student.json is the repository's.

    dvc.lock keeps what another profile trained, asked and made of that. A stage is no part of this run if it is of
    another seed, level or model, or read something else than this run wrote.
    """
    items = {
        "lora_seed": params["lora_seed"]["seeds"],
        "lora_level": params["length_sweep"]["rows"],
        "answers": params["answers"]["models"],
    }

    def ran(name: str) -> bool:
        stage, _, item = name.partition("@")
        return name != "student" and (not item or item in map(str, items.get(stage, ())))

    found = [stage for name, stage in stages.items() if ran(name)]
    outputs: dict[str, str | None] = {out["path"]: out["md5"] for stage in found for out in stage.get("outs", [])}

    def stale(stage: dict[str, Any]) -> bool:
        return any(outputs.get(dep["path"], dep["md5"]) != dep["md5"] for dep in stage.get("deps", []))

    while former := [stage for stage in found if stale(stage)]:
        outputs |= {out["path"]: None for stage in former for out in stage.get("outs", [])}
        found = [stage for stage in found if stage not in former]
    return {path: md5 for path, md5 in outputs.items() if md5}


def copy(path: Path, to: Path) -> None:
    """Copy a file or a folder; what is not there is left out."""
    if path.is_dir():
        shutil.copytree(path, to, dirs_exist_ok=True)
    elif path.exists():
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)


def refuse_changed(outputs: dict[str, str], *data: str) -> None:
    """Raise InputError where a metric or plot is not there, or not the one that dvc.lock says the run wrote.

    So are outputs in the folders `data`: after `git checkout` alone they are those of the revision before.
    """
    files = {path: md5 for path, md5 in outputs.items() if not md5.endswith(".dir") or covers([*data], path)}
    lacking = {f"metrics/{name}.json" for name in NEEDED} - outputs.keys()
    if not {f"metrics/{name}.json" for name in SCORED} & outputs.keys():
        lacking.add("metrics/eval.json")
    changed = [path for path, md5 in files.items() if not _is(Path(path), md5)]
    if lacking or changed:
        names = sorted({*lacking, *changed})
        some = ", ".join(names[:3]) + " and others" * (len(names) > 3)
        raise InputError(
            f"the working directory holds no scored run: {some} are "
            "not what dvc.lock says. `dvc repro` finishes it; `dvc checkout` puts back what was changed."
        )


def _is(path: Path, md5: str) -> bool:
    return path.exists() and _md5(path) == md5


def _md5(path: Path) -> str:
    """The hash by which dvc.lock knows a file, or a folder without hidden files, which .dvcignore leaves out."""
    if path.is_file():
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    files = {file.relative_to(path).as_posix(): file for file in path.rglob("[!.]*") if file.is_file()}
    listed = json.dumps([{"md5": _md5(files[name]), "relpath": name} for name in sorted(files)])
    return hashlib.md5(listed.encode(), usedforsecurity=False).hexdigest() + ".dir"


def answer_rows(outputs: Collection[str]) -> Iterator[AnswerRow]:
    """Every scored answer without its text."""
    for name, path in SCORED.items():
        if f"data/{name}" not in outputs:
            continue
        for row in read_jsonl(path, Scored):
            answer, verdict = row.answer, row.verdict
            yield AnswerRow(
                set=name,
                problem_id=answer.problem_id,
                benchmark=answer.benchmark,
                model=answer.model,
                fold=answer.fold,
                role=answer.role,
                sample=answer.sample,
                verdict=verdict.verdict,
                rule=verdict.rule,
                verdict_uncorrected=row.verdict_uncorrected.verdict if row.verdict_uncorrected else None,
                within_rounding=verdict.within_rounding,
                words=len(answer.text.split()),
                prompt_tokens=answer.prompt_tokens,
                tokens=answer.completion_tokens,
                finish_reason=answer.finish_reason,
                repeats=repeats(answer.text),
            )


def repeats(text: str, times: int = 3, characters: int = 200) -> bool:
    """Whether a reply ends in one passage `times` times or more, over at least this many characters.

    A larger token cap would probably bring more of the same.
    """
    for passage in range(1, len(text) // times + 1):
        span = max(times * passage, characters)
        if span <= len(text) and text[-span + passage :] == text[-span:-passage]:
            return True
    return False


def refuse_text(folder: Path) -> None:
    """Raise InputError when a text file of the folder holds a question's text, as it is or as its format escapes it."""
    questions = {
        form
        for path in (Path("data/parsed/problems.jsonl"), Path("data/transfer/problems.jsonl"))
        for problem in read_jsonl(path, Problem)
        if len(problem.question) > 20
        for form in escaped(problem.question)
    }
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.suffix == ".safetensors":
            continue
        text = " ".join(path.read_bytes().decode("utf-8", "replace").split())
        if any(question in text for question in questions):
            raise InputError(f"{path.relative_to(folder)} holds the text of a question, which has no licence.")


def escaped(question: str) -> set[str]:
    """A question as plain text, JSON, XML or HTML, CSV and YAML have it, with single spaces."""
    forms = {
        question,
        json.dumps(question)[1:-1],
        json.dumps(question, ensure_ascii=False)[1:-1],
        html.escape(question),
        html.escape(question, quote=False),
        question.replace('"', '""'),
        question.replace("'", "''"),
    }
    return {" ".join(form.split()) for form in forms}


def quoted(folder: Path) -> list[str]:
    """The run in lines that README and docs quote word for word: what a test compares with the folder."""
    metrics = folder / "metrics"
    compared, swept = metrics / "eval.json", metrics / "length_sweep.json"
    sweep = read_record(swept, SweepMetrics) if swept.exists() else None
    if not compared.exists():
        if not sweep:
            raise InputError(f"{folder} holds no run. `make results PROFILE={folder.name}` writes it.")
        return beside_base(sweep)
    found = summary.evaluated(compared)
    lines = summary.result(found)
    if isinstance(found, RecordedMetrics):
        return lines
    lines += cut_off(list(read_jsonl(folder / "answers.jsonl", AnswerRow)))
    if found.paper_protocol_inflation is not None:
        span = summary.span(found.paper_protocol_inflation_low, found.paper_protocol_inflation_high)
        gap = f"{found.paper_protocol_inflation:+.1f} points ({span})"
        lines.append(f"The study's random split on the same questions: {gap}")
    if (metrics / LARGER_CAP.name).exists():
        lines.append(under_larger_cap(read_record(metrics / LARGER_CAP.name, LargerCap)))
    if (metrics / "overfit_probe.json").exists():
        probe = read_json(metrics / "overfit_probe.json")
        lines.append(
            f"Validation loss is lowest after {probe['best_iteration']} of {probe['last_iteration']} iterations "
            f"({probe['best_iteration_low']} to {probe['best_iteration_high']})"
        )
    return [*lines, *(summary.lengths(sweep) if sweep else [])]


def beside_base(found: SweepMetrics) -> list[str]:
    """A sweep without students: the accuracy of the base and of each chain length, and their differences."""
    title, *levels, trend = summary.lengths(found)
    beside = []
    for level in LEVELS:
        if (row := found.level(level)) and row.over_base is not None:
            seeds = ", ".join(f"{100 * seed:.1f} %" for seed in row.seeds)
            each = f", its adapters {seeds}" if len(row.seeds) > 1 else ""
            span = summary.span(row.over_base_low, row.over_base_high)
            beside.append(f"{level} minus base: {row.over_base:+.1f} points ({span}){each}")
    if found.change is not None:
        span = summary.span(found.change_low, found.change_high)
        beside.append(f"From first to last: {found.change:+.1f} points ({span})")
    base = summary.percent(found.base.accuracy, found.base.low, found.base.high)
    return [title, f"  base{base}", *levels, *beside, trend]


def cut_off(rows: list[AnswerRow]) -> list[str]:
    """How often base and students were stopped at the token cap on unseen contest questions."""
    lines = []
    asked = [row for row in rows if row.set == "eval" and row.benchmark == "contest" and row.role == "unseen"]
    unseen = {row.problem_id for row in asked if row.fold}
    for name, chosen in (
        ("base", [row for row in asked if row.model == "base" and row.problem_id in unseen]),
        ("students", [row for row in asked if row.model != "base" and row.fold != "paper"]),
    ):
        if chosen:
            cut = [row.repeats for row in chosen if row.finish_reason == "length"]
            share = f"{len(cut)} of {len(chosen)} ({100 * len(cut) / len(chosen):.1f} %)"
            lines.append(f"Stopped at the token cap, {name}: {share}, {sum(cut)} of them while repeating one passage")
    return lines


def under_larger_cap(found: LargerCap) -> str:
    """The comparison of base and students in larger_cap.json, in one line."""
    cut_off, repeating = (sum(getattr(model, name) for model in found.models) for name in ("cut_off", "repeating"))
    written_on = cut_off - repeating - sum(model.left_out for model in found.models)
    return (
        f"With {written_on} of {cut_off} cut-off replies written on to {found.max_tokens:,} tokens ({repeating} repeat "
        f"one passage): base {100 * found.base:.1f} %, students {100 * found.student_mean:.1f} %, "
        f"{found.difference:+.1f} points ({summary.span(found.difference_low, found.difference_high)})"
    )


if __name__ == "__main__":
    run(main)
