"""Time this project's PyTorch backend against the alternatives of a Linux user: PyTorch with PEFT, llama.cpp.

    make bench-peers MODEL=models/qwen-0.5b [LLAMA_SERVER=PROGRAM GGUF=FILE]
    python -m tools.bench.peers --model models/qwen-0.5b --python .venv-peers/bin/python

The same model, rows, prompts, threads and precision, in turn, each run in a process of its own: LoRA steps, validation,
answers at 32 and 128 side by side, of at most 64 tokens, and as they end by themselves, of at most 512 (`_long`).
Rates are tokens per second of processor time, which other work on the machine disturbs least. Writes the ratio of each
comparison (ours over theirs, null with a reason where it could not be measured), step_share_of_peak and every run into
metrics/bench.json.
"""

import argparse
import concurrent.futures
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx
import psutil

from distil.lm.cpu import blas

blas.route()  # before MLX is imported

from distil import contest
from distil.lm import environment
from distil.lm.checkpoints import load_tokenizer
from distil.lm.template import prompt_tokens, row_tokens
from distil.pipeline import chat
from distil.pipeline.command import run
from distil.pipeline.files import InputError, read_json, write_json
from distil.pipeline.records import Message
from tools.bench.comparisons import CHAINS
from tools.bench.runs import Measured, at_least_once
from tools.peers import PYTHON, answer, require

FILE = Path("metrics/bench.json")
BATCH, STEPS = 4, 3
"""Rows in a training step, and how many steps are timed."""
LLAMA = "peer_llama_cpp"
LONG = "_long"
ANSWERS = ("peer_answers_32", "peer_answers_128", f"peer_answers_32{LONG}", f"peer_answers_128{LONG}")
NAMES = ("peer_lora_bf16", "peer_lora_f32", *ANSWERS, LLAMA)


def main() -> None:
    """Run the comparisons, and write the numbers of each as soon as it ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a qwen2 or llama checkpoint in Hugging Face's layout")
    parser.add_argument("--python", default=str(PYTHON), help="the peers' interpreter (%(default)s)")
    parser.add_argument("--llama-server", help="llama.cpp's server; without it that comparison is left out")
    parser.add_argument("--gguf", help="the same model for llama.cpp, in bfloat16")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="which of them")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=at_least_once, default=3, help="how often each side runs (%(default)s)")
    args = parser.parse_args()
    if bool(args.llama_server) != bool(args.gguf):
        parser.error("--llama-server (LLAMA_SERVER) and --gguf (GGUF) are given together: the program and its model.")
    found: Measured = read_json(FILE) if FILE.exists() else {}
    for name in args.only:
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            try:
                measured = compare(name, args, Path(scratch, "job.json"))
            except InputError as error:
                measured = {"ratio": None, "reason": str(error)}
        found[name] = measured["ratio"]
        if "share_of_peak" in measured and name == "peer_lora_bf16":
            found["step_share_of_peak"] = measured["share_of_peak"]
        found.setdefault("peers", {})[name] = measured
        write_json(FILE, found)
        print(f"{name:18} {measured['ratio']}  {measured.get('reason') or measured}", flush=True)


def compare(name: str, args: argparse.Namespace, path: Path) -> Measured:
    """Both sides of one comparison in turn, as medians. Raises InputError where a side cannot run."""
    compute = "float32" if name == "peer_lora_f32" else "bfloat16"
    if compute == "bfloat16" and not {"amx_tile", "avx512_bf16"} & set(environment.this_machine().cpu_features):
        raise InputError("this processor has neither AMX nor AVX512-BF16")
    slots, max_tokens = 128 if "128" in name else 32, 512 if name.endswith(LONG) else 64
    job = make_job(args.model, compute, args.threads, slots, max_tokens)
    path.write_text(json.dumps(job), encoding="utf-8")
    ours = [sys.executable, "-m", "tools.bench.peers_ours"]
    peer = [args.python, "tools/bench/peers_stock.py"]
    if name == LLAMA:
        if not (args.llama_server and args.gguf):
            raise InputError("no llama.cpp was given (LLAMA_SERVER and GGUF)")
        return in_turn(
            lambda: llama_cpp(args.llama_server, args.gguf, job), lambda: answer(ours, "answers", path), args
        )
    require(args.python)
    if name in ANSWERS:
        return in_turn(lambda: answer(peer, "answers", path), lambda: answer(ours, "answers", path), args)
    validation = in_turn(lambda: answer(peer, "validate", path), lambda: answer(ours, "validate", path), args)
    training = in_turn(lambda: answer(peer, "train", path), lambda: answer(ours, "train", path), args)
    return training | {"validation": validation}


def make_job(model: str, compute: str, threads: int, slots: int, max_tokens: int) -> Measured:
    """The input of both sides of a comparison. It is tokens, so that no side depends on the other's tokenizer."""
    tokenizer = load_tokenizer(model)
    if CHAINS.exists():
        lines = CHAINS.read_text(encoding="utf-8").splitlines()[: BATCH * (STEPS + 1)]
        examples = [[Message.model_validate(turn) for turn in json.loads(line)["messages"]] for line in lines]
    else:
        examples = [worked_example(Random(number)) for number in range(BATCH * (STEPS + 1))]
    families = sorted(contest.FAMILIES)
    questions = [contest.draw(Random(number), families[number % len(families)]).text for number in range(slots)]
    return {
        "model": str(Path(model).resolve()),
        "compute": compute,
        "threads": threads,
        "rank": 8,
        "scale": 20.0,
        "layers": min(16, json.loads(Path(model, "config.json").read_text(encoding="utf-8"))["num_hidden_layers"]),
        "rows": [row_tokens(tokenizer, turns) for turns in examples],
        "batches": [list(range(start, start + BATCH)) for start in range(0, len(examples), BATCH)],
        "prompts": [prompt_tokens(tokenizer, chat.prompt(question, "Explain every step.")) for question in questions],
        "slots": slots,
        "max_tokens": max_tokens,
        "eos": sorted(tokenizer.eos_token_ids),
    }


def worked_example(rng: Random) -> list[Message]:
    """A question of the sample contest with its working, twelve times over, to be as long as the study's rows."""
    question = contest.draw(rng, rng.choice(sorted(contest.FAMILIES)))
    working = " ".join(contest.worded_steps(question, rng) * 12)
    return [Message(role="user", content=question.text), Message(role="assistant", content=working)]


def in_turn(peer: Callable[[], Any], ours: Callable[[], Any], args: argparse.Namespace) -> Measured:
    """Run both in turn; tokens per second of processor and of wall as medians, most memory, and ours over theirs."""
    runs = [(peer(), ours()) for _ in range(args.repeats)]
    sides = dict(zip(("peer", "ours"), zip(*runs, strict=True), strict=True))
    measured: Measured = {
        side: {
            "processor": round(statistics.median(run["tokens"] / run["processor"] for run in of), 2),
            "wall": round(statistics.median(run["tokens"] / run["wall"] for run in of), 2),
            "processor_runs": [round(run["tokens"] / run["processor"], 2) for run in of],
            "tokens": of[0]["tokens"],
            "peak_gb": round(max(run["peak_gb"] for run in of), 2),
        }
        for side, of in sides.items()
    }
    measured["ratio"] = round(measured["ours"]["processor"] / measured["peer"]["processor"], 3)
    measured |= {"unit": "tokens per second of processor time", "threads": args.threads, "model": Path(args.model).name}
    if shares := [run["share_of_peak"] for run in sides["ours"] if "share_of_peak" in run]:
        measured["share_of_peak"] = round(statistics.median(shares), 3)
    return measured


def llama_cpp(server: str, gguf: str, job: Measured) -> Measured:
    """llama.cpp's server with as many slots as ours, all prompts sent at once as tokens; its processor time and memory.

    Raises InputError when the server does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    room = max(map(len, job["prompts"])) + job["max_tokens"] + 8
    threads, slots = str(job["threads"]), job["slots"]
    command = [server, "-m", gguf, "--port", port, "-np", str(slots), "-c", str(room * slots), "-t", threads]
    command += ["-tb", threads, "-b", "2048", "--no-webui"]
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stdout=log, stderr=log) as started:
        try:
            url, process = f"http://127.0.0.1:{port}", psutil.Process(started.pid)
            for _ in range(600):
                if started.poll() is not None:
                    raise InputError(f"{server} ended with exit status {started.returncode} before it answered")
                try:
                    if httpx.get(f"{url}/health").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                time.sleep(0.2)

            def ask(prompt: list[int]) -> int:
                body = {"prompt": prompt, "n_predict": job["max_tokens"], "temperature": 0, "cache_prompt": False}
                tokens: int = httpx.post(f"{url}/completion", json=body, timeout=None).json()["tokens_predicted"]
                return tokens

            wall, before = time.perf_counter(), process.cpu_times()
            with concurrent.futures.ThreadPoolExecutor(slots) as pool:
                tokens = sum(pool.map(ask, job["prompts"]))
            after = process.cpu_times()
            return {
                "tokens": tokens,
                "wall": time.perf_counter() - wall,
                "processor": after.user + after.system - before.user - before.system,
                "peak_gb": peak_gb(started.pid),
            }
        finally:
            started.terminate()


def peak_gb(pid: int) -> float:
    """The most memory a process has had, from the kernel."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024 / 1e9


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    run(main)
