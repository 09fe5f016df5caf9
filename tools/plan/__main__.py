"""Say what a profile will take on this machine before hours are spent on it, and whether it can work at all.

    make plan PROFILE=paper            (python -m tools.plan --profile paper)
    make plan PROFILE=own S="lora_seed.iters=50 answers.max_tokens=512" PLAN="--base 0.34 --reply 650"

Runs the profile's cheap stages in a scratch folder (exams, problems, benchmark) and a few steps of one layer of its
model. From those it estimates tokens, memory, disk, download, hours of training and answering, and the teacher's cost.
Then it shows the cost of other designs, and the smallest difference that each would find four times in five.
Changes nothing in the repository. Exit status 1 when something is missing or does not fit. It says what to change.
"""

import argparse
import importlib.util
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import yaml
from pydantic import ValidationError

from distil.lm.cpu import blas

blas.route()  # before MLX is imported

from distil.lm.checkpoints import load_tokenizer, on_cpu
from distil.lm.progress import LmParams, LoraParams
from distil.lm.template import row_tokens
from distil.pipeline import chat, command
from distil.pipeline.command import Params, run
from distil.pipeline.files import InputError
from distil.pipeline.records import Message
from distil.pipeline.student_model import SOURCES, fetch_command
from tools.params import compose
from tools.plan.designs import designs, table
from tools.plan.model import GIGA, PlannedModel, find
from tools.plan.speed import Sizes, Speed, measure
from tools.plan.work import Blocks, Counter, Work, padded, scratch, workload


def main() -> int:
    """Print the plan. Returns 1 when the profile cannot work here."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", help="a file of conf/profile; without it, params.yaml as it is")
    parser.add_argument(
        "-S",
        "--set-param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="as of `dvc exp run`; may be repeated",
    )
    parser.add_argument(
        "--base", type=float, default=0.3, help="the base's accuracy on such questions, if it is known (0.3)"
    )
    parser.add_argument(
        "--measured", type=float, nargs=2, metavar=("TRAINING", "ANSWERING"),
        help="tokens a second of training and of answering, as measured; without it, from a few steps of the profile's "
        "backend",
    )  # fmt: skip
    parser.add_argument("--reply", type=float, help="tokens of a reply; without it, those of a training chain")
    args = parser.parse_args()
    if not 0 < args.base < 1:
        parser.error(f"--base is {args.base}; an accuracy is between 0 and 1.")
    if args.measured and min(args.measured) <= 0:
        parser.error(f"--measured is {' '.join(map(str, args.measured))}; both are more than 0 tokens a second.")
    if args.reply is not None and args.reply <= 0:
        parser.error(f"--reply is {args.reply}; a reply has more than 0 tokens.")
    faults: list[str] = []
    work: Work | None = None
    with tempfile.TemporaryDirectory(prefix="plan-") as name:
        folder = Path(name)
        params = parameters(args.profile, folder, args.set_param)
        require_valid(params)
        model = find(params["lora_seed"]["model"])
        faults += missing(params, model)
        require_computable(params, model)
        scratch(folder, params)
        with ThreadPoolExecutor(1) as beside:  # a large tokenizer takes seconds to load, while the stages run
            counter = beside.submit(token_counter, model, params["chat"]["system"])
            try:
                work = workload(folder, params, counter.result)
            except InputError as error:
                faults.append(str(error))
    print(f"profile {params['profile']}: {model.path}, {model.parameters / 1e6:,.1f} million weights")
    if work:
        reply = args.reply or work.reply
        if args.measured:
            training, answering = args.measured
            speed = Speed(1 / training, 1 / answering, whole=True)
        else:
            speed, lacking = speed_here(params, model, work, reply)
            faults += lacking
        faults += show_size(params, model, work) + show_work(params, work, model.there, speed, reply)
        print("\n".join(table(params, work, speed, args.base, reply)))
    for fault in faults:
        print(f"cannot work: {fault}")
    return 1 if faults else 0


def parameters(profile: str | None, folder: Path, changed: list[str] | None = None) -> Blocks:
    """The parameters of a profile with some changed, as `dvc exp run -S profile=... -S name=value` composes them.

    Raises InputError for a profile that is not in conf/profile, or a parameter that does not exist.
    """
    changed = changed or []
    for one in [one for one in changed if one.startswith("profile=")]:
        profile = one.removeprefix("profile=")
    changed = [one for one in changed if not one.startswith("profile=")]
    if profile is None and changed:
        profile = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["profile"]
    if profile is None:
        return yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    known = sorted(path.stem for path in Path("conf/profile").glob("*.yaml"))
    if profile not in known:
        raise InputError(f"there is no profile {profile!r}; there are {', '.join(known)}.")
    compose(folder / "composed.yaml", [f"profile={profile}", *changed])
    return yaml.safe_load((folder / "composed.yaml").read_text(encoding="utf-8"))


def require_valid(params: Blocks) -> None:
    """Raise InputError for parameters that a stage would refuse, some of them after hours."""
    from stages.answers.params import AnswersParams
    from stages.eval.params import EvalParams
    from stages.length_sweep.__main__ import SweepParams
    from stages.overfit_probe.__main__ import ProbeParams
    from stages.train_split.__main__ import SplitParams

    models: dict[str, type[Params]] = {
        "lora_seed": LoraParams,
        "lm": LmParams,
        "overfit_probe": ProbeParams,
        "answers": AnswersParams,
        "length_sweep": SweepParams,
        "train_split": SplitParams,
        "eval": EvalParams,
    }
    for block, model in models.items():
        try:
            model.model_validate(params[block])
        except ValidationError as error:
            raise InputError(command.faults(error, block)) from error


def missing(params: Blocks, model: PlannedModel) -> list[str]:
    """Missing models and keys."""
    faults = []
    if not model.there:
        mend = "put the whole checkpoint there."
        if model.path in SOURCES:
            mend = f"fetch it ({model.file_bytes / GIGA:.1f} GB): {fetch_command(model.path)}"
        faults.append(f"{model.path} lacks {', '.join(model.lacking)}: {mend}")
    teacher = params["teacher_cot"]
    asked = ["reader"] if params["parsed"]["reader"] == "vision" else []
    if teacher["teacher"] == "openai":
        asked += ["solver", "distiller", "compressor", *(["judge"] if teacher["judge"] else [])]
    used = {teacher["roles"][name]["endpoint"] for name in asked if name in teacher["roles"]}
    endpoints = [teacher["endpoints"][name] for name in used if name in teacher["endpoints"]]
    if params["answers"]["backend"] == "openai":
        endpoints.append(params["answers"]["endpoint"])
    for key in sorted({endpoint["api_key_env"] for endpoint in endpoints if endpoint.get("api_key_env")}):
        if not os.environ.get(key):
            faults.append(f"the environment variable {key}, which holds the key of an endpoint, is not set.")
    return faults


def require_computable(params: Blocks, model: PlannedModel) -> None:
    """Raise InputError for a model that the PyTorch backend does not compute, as training does hours later."""
    if "torch" in (params["lm"]["backend"], params["answers"]["backend"]) and importlib.util.find_spec("torch"):
        from distil.lm.torch.model import read_config

        read_config(model.config, model.path)


def token_counter(model: PlannedModel, system: str) -> Counter:
    """Counts a text's tokens as this model's tokenizer does; its bytes when the tokenizer is missing."""
    if not model.there:
        return Counter()
    tokenizer = load_tokenizer(Path(model.path))

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    asked, reply = chat.prompt("What is 3 + 4?", system), Message(role="assistant", content="Answer: 7")
    row, prompt = row_tokens(tokenizer, [*asked, reply])
    return Counter(count, prompt - sum(count(turn.content) for turn in asked), len(row) - prompt - count(reply.content))


def show_size(params: Blocks, model: PlannedModel, work: Work) -> list[str]:
    """Print the memory and disk that are needed and that are there. Returns what does not fit."""
    lora, answers, lm, faults = params["lora_seed"], params["answers"], params["lm"], []
    rows = sorted(min(row, lora["max_seq_length"]) for row in work.rows)[-lora["batch_size"] :]
    replies = sum(sorted(work.replies)[-lora["batch_size"] :])
    compute = lm["compute"] if lm["backend"] == "torch" else None
    parts = model.memory(lora, on_cpu(), max(rows) * len(rows), min(replies, sum(rows)), compute)
    prompts = sorted(length for lengths in work.prompts.values() for length in lengths)[-answers["batch_size"] :]
    caches = model.cache_bytes(len(prompts), max(prompts) + answers["max_tokens"], on_cpu(), compute)
    training, answering = sum(parts.values()), parts["weights"] + caches
    free = psutil.virtual_memory().available
    detail = ", ".join(f"{name} {size / GIGA:.2g}" for name, size in parts.items())
    print(f"memory     {training / GIGA:9.2f} GB to train ({detail})")
    print(f"           {answering / GIGA:9.2f} GB to answer (keys and values {caches / GIGA:.2g})")
    print(f"           {free / GIGA:9.2f} GB are free")
    if max(training, answering) > free:
        faults.append(
            f"{max(training, answering) / GIGA:.1f} GB of memory are needed and {free / GIGA:.1f} GB are free: use a "
            "machine with more, or lower lora_seed.batch_size, lora_seed.max_seq_length or answers.batch_size, or set "
            "lora_seed.grad_checkpoint; on a CPU MLX's weights are float32, whatever the checkpoint's quantisation."
        )
    adapters = (len(lora["seeds"]) * work.folds + sweep_adapters(params)) * 2
    disk = adapters * parts["adapter, gradient and Adam"] / 4 + (0 if model.there else model.file_bytes)
    room = shutil.disk_usage(".").free
    download = 0.0 if model.there else model.file_bytes
    print(f"disk       {disk / GIGA:9.2f} GB, {room / GIGA:.1f} GB are free; download {download / GIGA:.2f} GB")
    if disk > room:
        faults.append(f"{disk / GIGA:.1f} GB of disk are needed and {room / GIGA:.1f} GB are free.")
    return faults


def sweep_adapters(params: Blocks) -> int:
    """The number of adapters that the length sweep trains: one per seed for every level and every control."""
    return len(params["length_sweep"]["rows"]) * len(params["length_sweep"]["seeds"])


def speed_here(params: Blocks, model: PlannedModel, work: Work, reply: float) -> tuple[Speed, list[str]]:
    """How fast the profile's backend trains and answers here, from a few steps, and what is missing for that."""
    lora = LoraParams.model_validate(params["lora_seed"])
    lm, faults = LmParams.model_validate(params["lm"]), []
    backend = params["answers"]["backend"]
    backends = {"lm.backend": lm.backend, "answers.backend": backend}
    asks = [name for name, value in backends.items() if value == "torch"]
    if asks and not importlib.util.find_spec("torch"):
        faults.append(
            f"{' and '.join(asks)} {'are' if len(asks) > 1 else 'is'} torch, and PyTorch is not installed: "
            "`make extra NAME=torch`. MLX was timed instead."
        )
        lm, backend = LmParams(), "mlx"
    answers = params["answers"]
    sizes = Sizes(
        rows=lora.batch_size,
        row=round(work.row),
        reply=round(work.reply),
        prompts=answers["batch_size"],
        prompt=round(work.prompt),
        seen=round(work.prompt + min(reply, answers["max_tokens"]) / 2),
    )
    return measure(model, lora, lm, backend if backend in ("mlx", "torch") else lm.backend, sizes), faults


def show_work(params: Blocks, work: Work, counted: bool, speed: Speed, reply: float) -> list[str]:
    """Print tokens, hours and dollars. Returns what is over budget."""
    lora, answers = params["lora_seed"], params["answers"]
    real, batches = sum(work.rows), padded(work.rows, lora["batch_size"])
    how = "counted" if counted else "3 bytes a token, as the model's tokenizer is not there"
    kind = "rows" if work.measured else "rows of the expected length, one for every question"
    print(f"tokens     {real:9,} in an epoch of {len(work.rows)} {kind}, {batches:,.0f} with padding ({how})")

    own, probe = next(designs(params)), params["overfit_probe"]["iters"]
    runs = len(lora["seeds"]) * work.folds + sweep_adapters(params)
    training, answering = own.hours(params, work, speed, reply)
    print(
        f"training   {training:9.2f} h for {runs} adapters of {own.iters} iterations and a probe of {probe} "
        "(validation aside)"
    )
    number, reply = own.answers(params, work), min(answers["max_tokens"], reply)
    print(f"answering  {answering:9.2f} h for {number:,} answers of about {reply:.0f} tokens")
    print(f"teacher    {work.usd:9.2f} US$ for about {work.requests:,} requests")
    budget = params["teacher_cot"].get("budget_usd")
    if budget is not None and work.requests and work.spent + work.usd > budget:
        return [
            f"the teacher is likely to cost ${work.usd:.2f}, and ${work.spent:.2f} of teacher_cot.budget_usd "
            f"(${budget:.2f}) are spent: raise it."
        ]
    return []


if __name__ == "__main__":
    run(main)
