"""A run up to its answers, made of draws with a known truth: questions, folds, answers of base and seeds, chains."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from dvc_data.hashfile.build import build
from dvc_data.hashfile.db import HashFileDB
from dvc_objects.fs import MemoryFileSystem, localfs
from scipy.special import expit

from distil.pipeline.files import write_json, write_jsonl
from distil.pipeline.records import LEVELS, SECTIONS, Answer, Chain, Example, Message, Problem, Verdict, VerifiedChain

EVAL: dict[str, Any] = {"resamples": 2000, "seed": 0, "effect": 5.0, "margin": 3.0, "against_paper": False}
FAMILIES = ["cost", "mean", "power", "relay", "root", "rope"]
HARDER = {"freshman_sophomore_test": 1.0, "junior_senior_test": 0.0, "two_person_speed_event": -1.0}


def write_run(
    folder: Path,
    years: range = range(2011, 2017),
    held_out: tuple[int, ...] = (2015, 2016),
    per_section: int = 6,
    seeds: tuple[int, ...] = (0, 1, 2),
    gain: float = 1.5,
    leak: float = 1.0,
    seed: int = 5,
    params: dict[str, Any] | None = None,
) -> Path:
    """Write the files that `eval` and `length_sweep` read.

    On the log-odds scale the student is `gain` above the base, `leak` more on questions it has seen; shorter chains
    take away half a unit per level, one unit in the two-person section. The first two questions of a section are
    near-duplicates; the first question of all had an erratum. The teacher's solver answered the transfer benchmark but
    for its last question, two of three rightly.
    """
    rng = np.random.default_rng(seed)
    problems = [
        Problem(
            id=f"{year}/{section}/{number:02d}", year=year, section=section, number=number,
            question=f"Question {number} of {section} in {year}?", answer=str(7 * number + year % 10), source="tests",
        )
        for year in years for section in SECTIONS for number in range(1, per_section + 1)
    ]  # fmt: skip
    problems[0] = problems[0].model_copy(update={"answer_uncorrected": "99999", "errata": ["key"]})
    transfer = [
        Problem(id=f"t/{n}", year=0, section="algebra" if n % 2 else "geometry", number=n, question=f"T {n}?",
                answer=f"{n}/7", source="tests") for n in range(1, 31)
    ]  # fmt: skip
    ease = {problem.id: HARDER.get(problem.section, 0.0) + rng.normal() for problem in [*problems, *transfer]}
    unseen = [problem.id for problem in problems if problem.year in held_out]
    seen = [problem.id for problem in problems if problem.year not in held_out]
    valid, train, unused = seen[::8], [name for n, name in enumerate(seen) if n % 8 > 1], seen[1::8]
    names = [problem.id for problem in problems]
    folds = {
        "held_out": {"train": train, "valid": valid, "unseen": unseen, "unused": unused, "answers": names},
        "paper": {"train": names[::2], "valid": [], "unseen": names[1::2], "unused": [], "answers": names},
    }
    clusters = {name: number for number, name in enumerate(names)}
    clusters |= {
        problem.id: clusters[names[place - 1]] for place, problem in enumerate(problems) if problem.number == 2
    }
    families = {problem.id: problem.number % len(FAMILIES) for problem in [*problems, *transfer]}
    write_jsonl(folder / "data/parsed/problems.jsonl", problems)
    write_jsonl(folder / "data/transfer/problems.jsonl", transfer)
    write_json(
        folder / "data/train_split/folds.json",
        {"protocol": "held_out_years", "main": ["held_out"], "folds": folds, "transfer_fold": "held_out",
         "clusters": clusters, "families": families, "family_names": FAMILIES, "families_are": "families"},
    )  # fmt: skip

    def answer(problem: Problem, benchmark: str, model: str, fold: str | None, role: Any, odds: float) -> Answer:
        draw = rng.random()
        right = draw < expit(ease[problem.id] + odds)
        said = problem.answer if right else "60" if draw < 0.97 else None
        text = "no idea" if said is None else f"Some {'step ' * rng.integers(1, 9)}\nAnswer: {said}"
        return Answer(
            problem_id=problem.id, benchmark=benchmark, model=model, fold=fold, role=role, text=text,
            prompt_tokens=9, completion_tokens=len(text.split()), finish_reason="length" if said is None else "stop",
        )  # fmt: skip

    answers = folder / "data/answers"
    write_jsonl(answers / "base/contest.jsonl", [answer(p, "contest", "base", None, "unseen", 0.0) for p in problems])
    write_jsonl(answers / "base/transfer.jsonl", [answer(p, "transfer", "base", None, "unseen", 0.0) for p in transfer])
    for number in seeds:
        model, shift = f"seed_{number}", rng.normal(0, 0.1)
        rows = []
        for fold, parts in folds.items():
            role_of = {name: role for role in ("train", "valid", "unseen", "unused") for name in parts[role]}
            for problem in problems:
                role = role_of[problem.id]
                odds = gain + shift + (leak if role in ("train", "valid") else 0.0)
                rows.append(answer(problem, "contest", model, fold, role, odds))
        write_jsonl(answers / model / "contest.jsonl", rows)
        others = [answer(p, "transfer", model, "held_out", "unseen", gain + shift) for p in transfer]
        write_jsonl(answers / model / "transfer.jsonl", others)
    for number, level in enumerate(LEVELS):
        for name, rows, less in ((level, "levels", 0.0), (f"truncated_{level}", "truncated", 1.0)):
            level_answers = [
                answer(p, "contest", name, f"seed_{one}", "unseen",
                       gain - less - (1.0 if p.section == SECTIONS[2] else 0.5) * number)
                for one in seeds for p in problems if p.id in unseen
            ]  # fmt: skip
            write_jsonl(folder / f"data/answers/{name}/contest.jsonl", level_answers)
            chains = [
                Example(
                    messages=[
                        Message(role="user", content=name),
                        Message(role="assistant", content="word " * (40 - 7 * number)),
                    ],
                    problem_id=name,
                    level=level,
                )
                for name in train
            ]
            write_jsonl(folder / f"data/train_split/{rows}/{level}/train.jsonl", chains)
    write_jsonl(folder / "data/verified/accepted.jsonl", [chain(p) for p in problems[::-1] if p.number % 5])
    write_jsonl(folder / "data/verified/rejected.jsonl", [chain(p) for p in problems if not p.number % 5])
    solver = [
        Answer(problem_id=p.id, benchmark="transfer", model="teacher", fold=None, role="unseen",
               text=f"Answer: {p.answer if p.number % 3 else 60}", prompt_tokens=9, completion_tokens=9,
               finish_reason="stop")
        for p in transfer if p.number != 30
    ]  # fmt: skip
    write_jsonl(folder / "data/teacher_cot/benchmark.jsonl", solver)
    blocks = {
        "eval": EVAL | (params or {}),
        "lora_seed": {"seeds": list(seeds)},
        "answers": {
            "models": {
                "base": {"weights": "m"},
                **{f"seed_{number}": {"weights": f"data/lora_seed/{number}"} for number in seeds},
            },
            "max_tokens": 80,
            "limit": {"unseen": None, "seen": None, "transfer": None},
        },
        "length_sweep": {
            "levels": list(LEVELS),
            "truncated": ["R3", "R5"],
            "rows": {},
            "seeds": list(seeds),
            "focus": SECTIONS[2],
            "resamples": 2000,
            "resampling_seed": 0,
            "margin": 3.0,
            "against_paper": False,
        },
        "profile": "tiny",
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(blocks))
    return folder


def chain(problem: Problem) -> VerifiedChain:
    """An accepted R1 chain."""
    return VerifiedChain(
        chain=Chain(problem_id=problem.id, level="R1", role="distiller", model="m", prompt_hash="h", sampling={},
                    text=f"Answer: {problem.answer}", answer=problem.answer, finish_reason="stop"),
        verdict=Verdict(verdict="CORRECT", rule="integer", extracted=problem.answer, found_by="answer_line",
                        gold_form=problem.answer, answer_form=problem.answer, within_rounding=True),
    )  # fmt: skip


def by_dvc(folder: Path) -> str:
    """DVC's hash of a folder."""
    _, _, built = build(HashFileDB(MemoryFileSystem(), "/none"), str(folder), localfs, "md5", dry_run=True)
    return str(built.hash_info.value)


def lock(folder: Path) -> None:
    """dvc.lock as it stands after a run that wrote what is in metrics/ and plots/."""
    files = [path for name in ("metrics", "plots") for path in sorted((folder / name).rglob("*")) if path.is_file()]
    outs = [
        {"path": str(path.relative_to(folder)), "md5": hashlib.md5(path.read_bytes()).hexdigest()} for path in files
    ]
    outs += [{"path": f"data/{path.name}", "md5": by_dvc(path)} for path in sorted((folder / "data").iterdir())]
    (folder / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": {"all": {"cmd": "", "outs": outs}}}))
