"""Keep a finished run in git: `make results PROFILE=qwen-1.5b` writes results/qwen-1.5b/.

    python -m tools.results qwen-1.5b             (write the folder from the run in the working directory)
    python -m tools.results qwen-1.5b --show      (print the run as README and docs quote it)

The folder holds params.yaml, dvc.lock, metrics with the machine's description and timings, plots, and answers.jsonl:
one row for every answer, with its verdict and no text of a question, a key, a chain or a response, which carry no
licence.
"""

import argparse
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distil.pipeline.command import run
from distil.pipeline.files import (
    InputError,
    read_json,
    read_jsonl,
    read_yaml,
    replacing_folder,
    write_jsonl,
)  # fmt: skip
from distil.pipeline.records import Problem, Record, Scored
from tools import summary

RESULTS = Path("results")
SCORED = {"eval": Path("data/eval/scored.jsonl"), "length_sweep": Path("data/length_sweep/scored.jsonl")}
NEEDED = ("eval", "length_sweep", "overfit_probe", "train_split", "verified")
"""Metrics that a finished run has."""


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
    """Write results/<profile>. Raises InputError when the working directory holds no finished run of it."""
    found = read_yaml("params.yaml", "Run from the repository's root.")["profile"]
    if found != profile:
        raise InputError(
            f"params.yaml is that of the profile {found}, not of {profile}. Run `dvc exp run -S profile={profile}` or "
            f"`make params PROFILE={profile} && dvc repro` first."
        )
    refuse_changed(read_yaml("dvc.lock", "`dvc repro` writes it."))
    rows = list(answer_rows())
    with replacing_folder(RESULTS / profile) as folder:
        for name in ("params.yaml", "dvc.lock"):
            shutil.copyfile(name, folder / name)
        for name in ("metrics", "plots"):
            shutil.copytree(name, folder / name)
        for other in ("bench.json", "student.json"):  # of the repository, not of this run
            (folder / "metrics" / other).unlink(missing_ok=True)
        write_jsonl(folder / "answers.jsonl", rows)
        refuse_text(folder)
    print(f"{len(rows):,} answers -> {RESULTS / profile}")


def refuse_changed(lock: dict[str, Any]) -> None:
    """Raise InputError where a metric or plot is not there, or not the one that dvc.lock says the run wrote."""
    outputs = [out for stage in lock["stages"].values() for out in stage.get("outs", [])]
    files = [out for out in outputs if not out["md5"].endswith(".dir")]
    lacking = {f"metrics/{name}.json" for name in NEEDED} - {out["path"] for out in outputs}
    changed = [out["path"] for out in files if not _is(Path(out["path"]), out["md5"])]
    if lacking or changed:
        names = sorted({*lacking, *changed})
        some = ", ".join(names[:3]) + " and others" * (len(names) > 3)
        raise InputError(
            f"the working directory holds no finished run: {some} are "
            "not what dvc.lock says. `dvc repro` finishes it; `dvc checkout` puts back what was changed."
        )


def _is(path: Path, md5: str) -> bool:
    return path.is_file() and hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == md5


def answer_rows() -> Iterator[AnswerRow]:
    """Every scored answer without its text."""
    for name, path in SCORED.items():
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
            )


def refuse_text(folder: Path) -> None:
    """Raise InputError when a file of the folder holds a question's text."""
    questions = [
        problem.question
        for path in (Path("data/parsed/problems.jsonl"), Path("data/transfer/problems.jsonl"))
        for problem in read_jsonl(path, Problem)
        if len(problem.question) > 20
    ]
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".jsonl", ".csv", ".yaml", ".svg", ".lock"):
            text = path.read_text("utf-8")
            if any(question in text for question in questions):
                raise InputError(f"{path.relative_to(folder)} holds the text of a question, which has no licence.")


def quoted(folder: Path) -> list[str]:
    """The run in lines that README and docs quote word for word: what a test compares with the folder."""
    metrics = {path.stem: read_json(path) for path in sorted((folder / "metrics").glob("*.json"))}
    if not metrics:
        raise InputError(f"{folder} holds no run. `make results PROFILE={folder.name}` writes it.")
    eval_, probe = metrics["eval"], metrics["overfit_probe"]
    rows = list(read_jsonl(folder / "answers.jsonl", AnswerRow))
    lines = [*summary.result(eval_), *cut_off(rows)]
    if eval_.get("paper_protocol_inflation") is not None:
        low, high = (eval_[f"paper_protocol_inflation_{end}"] for end in ("low", "high"))
        gap = f"{eval_['paper_protocol_inflation']:+.1f} points ({summary.span(low, high)})"
        lines.append(f"The study's random split on the same questions: {gap}")
    lines.append(
        f"Validation loss is lowest after {probe['best_iteration']} of {probe['last_iteration']} iterations "
        f"({probe['best_iteration_low']} to {probe['best_iteration_high']})"
    )
    return [*lines, *summary.lengths(metrics["length_sweep"])]


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
            cut = sum(row.finish_reason == "length" for row in chosen)
            lines.append(f"Stopped at the token cap, {name}: {cut} of {len(chosen)} ({100 * cut / len(chosen):.1f} %)")
    return lines


if __name__ == "__main__":
    run(main)
