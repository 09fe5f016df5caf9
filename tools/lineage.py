"""Walk one answer back to where it comes from: verdict, adapter, training rows, chain, teacher's request, exam page.

python -m tools.lineage 2024/junior_senior_test/07 [--model seed_0]

Every file is shown with its sha256 and, in brackets, the stage that wrote it and the MD5 of that stage's output in
dvc.lock. The last line says whether the outputs here are the ones in dvc.lock.
"""

import argparse
import functools
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import yaml
from dvc.repo import Repo

from distil.pipeline.command import run
from distil.pipeline.files import InputError, read_json, read_jsonl, read_record, read_yaml
from distil.pipeline.records import Answer, Chain, Example, Manifest, Problem, Scored, Split, VerifiedChain
from tools.check_reproduction.isolated import covers
from tools.check_reproduction.revision import read_lock
from tools.git import repository

WIDTH = 100


def main() -> int:
    """Print the lineage of the answer that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem", help="a problem's id, such as 2024/junior_senior_test/07")
    parser.add_argument("--model", default="seed_0", help="who answered: base, seed_N, R3, ... (%(default)s)")
    options = parser.parse_args()
    repository(Path.cwd())  # without git DVC opens no repository, and it is asked last
    number, answer = find_answer(options.problem, options.model)
    print(f"{options.model}'s answer to {answer.problem_id}")
    for part, lines in steps(number, answer):
        print(f"\n{part}")
        print("\n".join(f"  {line}" for line in lines))
    print("\n" + unchanged())
    return 0


def steps(number: int, answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """Every step from an answer (line `number` of its file) back to the exam, as its name and lines about it."""
    where = answers_file(answer.model, answer.benchmark)
    cut = "" if answer.finish_reason == "stop" else ", cut off at the cap"
    yield f"answer ({answer.role}{cut})", [shown(answer.text), recorded(where, number), marked(answer)]
    yield from adapter(answer)
    if answer.benchmark == "transfer":
        number, problem = find("data/transfer/problems.jsonl", answer.problem_id)
        yield "problem", [shown(problem.question), recorded("data/transfer/problems.jsonl", number)]
        return
    yield from chain(answer)
    number, problem = find("data/parsed/problems.jsonl", answer.problem_id)
    key = f"key: {problem.answer}" + (f" (corrected: {', '.join(problem.errata)})" if problem.errata else "")
    yield "problem", [shown(problem.question), key, recorded("data/parsed/problems.jsonl", number)]
    yield "exam page", exam_page(problem)


def marked(answer: Answer) -> str:
    """The verifier's verdict on the answer, its rule, and how it read the answer and the key."""
    for path in ("data/eval/scored.jsonl", "data/length_sweep/scored.jsonl"):
        for number, row in enumerate(read_jsonl(path, Scored) if Path(path).is_file() else (), 1):
            if row.answer == answer:
                found = row.verdict
                read = f"read as {found.answer_form}, the key as {found.gold_form}"
                how = read if found.answer_form else "no answer was found in it"
                return f"{found.verdict} by {found.rule}, {how}: {recorded(path, number)}"
    return "no verdict on it yet: `dvc repro` marks it"


def adapter(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """The adapter that answered, and the rows it was trained on."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    model, asked = params["lora_seed"]["model"], params["answers"]
    if asked["backend"] == "replay":
        yield "model", [f"{answer.model}, recorded in {asked['models'][answer.model]['weights']}"]
        return
    if answer.fold is None:
        yield "model", [f"{model}, no adapter: it saw no row"]
        return
    folder = f"{asked['models'][answer.model]['weights']}/{answer.fold}"
    files = [recorded(f"{folder}/{name}") for name in ("adapters.safetensors", "adapter_config.json")]
    yield "adapter", [f"{answer.model}, fold {answer.fold}, of {model}", *files]
    lines = []
    for part in ("train", "valid"):
        path = f"{rows_folder(answer)}/{part}.jsonl"
        rows = [row.problem_id for row in read_jsonl(path, Example)]
        own = rows.index(answer.problem_id) + 1 if answer.problem_id in rows else None
        lines += [
            f"{len(rows)} rows to {part}; this problem's is {f'line {own}' if own else 'not among them'}",
            recorded(path),
        ]
    yield "training rows", lines


def chain(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """The teacher's chain for the problem, the verdict on it, and the requests behind it."""
    path, level = "data/teacher_cot/chains.jsonl", level_of(answer)
    chains = ((n, row) for n, row in enumerate(read_jsonl(path, Chain), 1) if row.problem_id == answer.problem_id)
    number, found = next(((n, row) for n, row in chains if row.level == level), (0, None))
    if found is None:
        yield "chain", ["the teacher has none for this problem"]
        return
    trained = answer.role in ("train", "valid")
    read = f"which {answer.model} was trained on" if trained else f"which was held out from {answer.model}"
    yield f"chain ({level}, {read})", [shown(found.text), recorded(path, number), verdict(found)]
    yield "teacher's requests", list(requests(found))


def rows_folder(answer: Answer) -> str:
    """The folder of the rows that the answer's adapter was trained on."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    return f"data/train_split/{params['length_sweep']['rows'].get(answer.model, answer.fold)}"


def level_of(answer: Answer) -> str:
    """The length of the chains behind the adapter: a level's own, or full chains, which controls are cut from."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    return answer.model if answer.model in params["length_sweep"]["levels"] else "R1"


def verdict(chain: Chain) -> str:
    """The verifier's verdict on a chain, its rule, and the file that has it."""
    for name in ("accepted", "rejected"):
        path = f"data/verified/{name}.jsonl"
        for number, row in enumerate(read_jsonl(path, VerifiedChain), 1):
            if (row.chain.problem_id, row.chain.level) == (chain.problem_id, chain.level):
                return f"{row.verdict.verdict} by {row.verdict.rule}: {recorded(path, number)}"
    return "the verifier has no verdict on it"


def requests(chain: Chain) -> Iterator[str]:
    """The stored requests behind the chain, by their hashes in the teacher's store."""
    path = Path("data/teacher_cot/requests.jsonl")
    settings = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["teacher_cot"]
    store = Path(os.path.expandvars(settings["store"])).expanduser()
    if settings["teacher"] == "replay" or not path.is_file():
        yield f"replayed from {settings['recorded']}: the recorded row's sha256 is {chain.prompt_hash}"
        return
    asked = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(asked, 1):
        if row["problem_id"] == chain.problem_id and (
            row["role"] == "solver" or row["prompt_hash"] == chain.prompt_hash
        ):
            yield f"{row['role']}: {row['model']}, attempt {row['attempt']}, {recorded(str(path), number)}"
            yield f"  request {row['prompt_hash']}, {stored(store, row['prompt_hash'])}"


def stored(store: Path, key: str) -> str:
    """Whether the store has a request whose hash is its key, with the hash of the response."""
    if not store.is_file():
        return f"{store} is not here (docs/data-versions.md says how a store is shared)"
    with sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True) as database:
        row = database.execute("SELECT request, response FROM answers WHERE key = ?", [key]).fetchone()
    if row is None:
        return f"not in {store}"
    intact = (
        ""
        if hashlib.sha256(row[0].encode()).hexdigest() == key
        else ", BUT THE REQUEST STORED THERE HASHES TO ANOTHER KEY"
    )
    return f"response {hashlib.sha256(row[1].encode()).hexdigest()} in {store}{intact}"


def exam_page(problem: Problem) -> list[str]:
    """The page a problem was read from, and whether the file is the one the manifest describes."""
    manifest = Manifest.model_validate(read_json("data/raw/manifest.json"))
    listed = {exam.file: exam for exam in manifest.exams}
    path = Path("data/raw/exams") / problem.source
    page = f"page {problem.page}" if problem.page else "page not recorded"
    if problem.source not in listed or not path.is_file():
        return [f"{problem.source}, {page}; no such exam file here", f"from {manifest.origin} ({manifest.licence})"]
    same = "as the manifest says" if sha256(path) == listed[problem.source].sha256 else "NOT AS THE MANIFEST SAYS"
    return [f"{recorded(str(path))}, {page}, {same}", f"from {manifest.origin} ({manifest.licence})"]


def find_answer(problem: str, model: str) -> tuple[int, Answer]:
    """The line and the answer of a model to a problem. Of several, it is that of the adapter that had not seen it.

    Raises InputError when the model has not answered the problem, or was not asked.
    """
    asked = read_yaml("params.yaml", "Run from the repository's root.")["answers"]["models"]
    if model not in asked:
        raise InputError(f"{model!r} is none of the models that this run asks: {', '.join(asked)}.")
    main = read_record("data/train_split/folds.json", Split).main
    for benchmark in ("contest", "transfer"):
        rows = enumerate(read_jsonl(answers_file(model, benchmark), Answer), 1)
        found = [(number, row) for number, row in rows if row.problem_id == problem]
        if found:
            return min(found, key=lambda item: (item[1].fold not in main, item[1].role != "unseen", item[0]))
    raise InputError(
        f"{model} has no answer to '{problem}' in {answers_file(model, 'contest')} or next to it. Check the id."
    )


def find(path: str, problem: str) -> tuple[int, Problem]:
    """The line and the record of a problem. Raises InputError when the file does not have it."""
    for number, row in enumerate(read_jsonl(path, Problem), 1):
        if row.id == problem:
            return number, row
    raise InputError(f"{path} has no problem '{problem}': it was written by another run. Run `dvc repro`.")


def answers_file(model: str, benchmark: str) -> str:
    """The path of a model's answers to a benchmark."""
    return f"data/answers/{model}/{benchmark}.jsonl"


def recorded(path: str, line: int | None = None) -> str:
    """A file with its hash, the line in question, and its stage and hash in dvc.lock."""
    place = path if line is None else f"{path}, line {line}"
    maker = next((f" ({stage}: {md5})" for out, (stage, md5) in outputs().items() if covers([out], path)), "")
    return f"{place}: {sha256(Path(path))}{maker}"


@functools.cache
def outputs() -> dict[str, tuple[str, str]]:
    """The stage and the hash of every output in dvc.lock. Raises InputError where there is no dvc.lock."""
    lock = read_lock(Path("dvc.lock"))
    return {out: (stage, md5) for stage, entry in lock.items() for out, md5 in entry.outs.items()}


def sha256(path: Path) -> str:
    """The sha256 of a file's bytes. Raises InputError when it is not there."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror}. Run `dvc repro` or `dvc pull`.") from error


def unchanged() -> str:
    """Whether the outputs here are those of dvc.lock, and which are missing, as after a run that stopped early."""
    with Repo() as repo:
        found = repo.data_status()["uncommitted"]
    absent = sorted(found.get("deleted", []))
    other = sorted(
        name for kind, names in found.items() if kind != "deleted" and isinstance(names, list) for name in names
    )
    said = f"NOT what dvc.lock records: {', '.join(other[:10])}." if other else "All of it is what dvc.lock records."
    return f"{said} Not here, and not needed: {', '.join(absent[:10])}" if absent else said


def shown(text: str) -> str:
    """A text on one line. A long text is cut to its start and its end, because the end has the answer."""
    line = " / ".join(text.split("\n"))
    return line if len(line) <= WIDTH else f"{line[: WIDTH // 2]} … {line[-WIDTH // 2 :]}"


if __name__ == "__main__":
    run(main)
