"""A small repository root for the teacher, and a server that goes wrong on purpose and keeps a log of what it did."""

import asyncio
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import yaml

from distil import contest
from distil.pipeline.command import load_params
from distil.pipeline.files import write_jsonl
from distil.pipeline.records import Problem
from distil.teacher import Store
from stages.teacher_cot import embedded
from stages.teacher_cot.__main__ import load_problems
from stages.teacher_cot.ask import ask
from stages.teacher_cot.results import recall_all, write
from stages.teacher_cot.settings import Embedded, Settings
from tests.workspace import inside

ROOT = Path(__file__).resolve().parents[2]
ROLE_NAMES = ("solver", "distiller", "compressor", "judge")


def block(**changes: Any) -> dict[str, Any]:
    """The parameters of the stage, as the default profile has them but for a quicker backoff."""
    return {
        "teacher": "embedded",
        "recorded": "recorded",
        "store": "cache/teacher.sqlite",
        "samples_per_problem": 1,
        "levels": {"R2": 0.75, "R3": 0.5, "R4": 0.35, "R5": 0.2, "R6": 0.1},
        "judge": False,
        "benchmark": False,
        "require_all": False,
        "tries": 30,
        "backoff_seconds": [0.02, 0.5],
        "budget_usd": None,
        "embedded": {"seed": 7, "slip_share": 0.08},
        "endpoints": {"test": {"concurrency": 16}},
        "roles": {
            name: {"endpoint": "test", "model": f"embedded/{name}", "temperature": 0.0, "seed": 0, "max_tokens": 512}
            for name in ROLE_NAMES
        },
        "prices": {},
    } | changes


def at(url: str, **endpoint: Any) -> dict[str, Any]:
    """The changes that make the stage ask the server at `url`."""
    return {"teacher": "openai", "endpoints": {"test": {"base_url": url, "concurrency": 16} | endpoint}}


def settings(**changes: Any) -> Settings:
    """The parameters as the stage reads them."""
    return Settings.model_validate(block(**changes))


def problems(number: int, seed: int = 5) -> list[Problem]:
    """Questions of the sample contest with their keys."""
    rng, families = Random(seed), list(contest.FAMILIES)
    drawn = [contest.draw(rng, families[count % len(families)]) for count in range(number)]
    return [
        Problem(
            id=f"2011/{question.section}/{count:05d}",
            year=2011,
            section=question.section,
            number=count,
            question=question.text,
            answer=str(question.answer),
            source="tests",
        )
        for count, question in enumerate(drawn)
    ]


class Workspace:
    """A folder to run the stage in."""

    def __init__(self, folder: Path, chosen: list[Problem] | None = None, **changes: Any):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        write_jsonl(folder / "data/parsed/problems.jsonl", problems(20) if chosen is None else chosen)
        self.params(**changes)

    def params(self, transfer: int | None = None, **changes: Any) -> None:
        """Write params.yaml; `transfer` is how many questions of the benchmark the models are asked."""
        limit = {"unseen": None, "seen": None, "transfer": transfer}
        blocks = {"teacher_cot": block(**changes), "answers": {"limit": limit}}
        (self.folder / "params.yaml").write_text(yaml.safe_dump(blocks))

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start the stage."""
        command = [sys.executable, "-m", "stages.teacher_cot", *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the stage to its end."""
        with self.start(*arguments, **variables) as process:
            output, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The result of `run`, from this process."""
        return inside(self.folder, "stages.teacher_cot", *arguments)

    def run_here(self, monkeypatch: Any) -> None:
        """Run the stage in this process, to save its start. Raises what stops the asking."""
        monkeypatch.chdir(self.folder)
        loaded = load_params("teacher_cot", Settings)
        store, names, chosen = Store(loaded.store), embedded.endpoint_names(loaded), load_problems(loaded)
        try:
            ask(loaded, store, chosen)
            write(recall_all(chosen, loaded, names, store, asked=True), loaded)
        finally:
            store.close()

    def outputs(self) -> dict[str, bytes]:
        """The bytes of all that DVC would hash."""
        files = [*sorted((self.folder / "data/teacher_cot").glob("*")), self.folder / "metrics/teacher_cot.json"]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files if path.exists()}

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The records of one output."""
        lines = (self.folder / f"data/teacher_cot/{name}.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def metrics(self) -> dict[str, Any]:
        """The metrics."""
        return json.loads((self.folder / "metrics/teacher_cot.json").read_text())


FAULTS = (
    "429", "429 and Retry-After", "500", "502", "empty body", "malformed JSON", "reset", "hang", "slow drip",
    "wrong content type", "an HTML page", "another model",
)  # fmt: skip


class Server:
    """The embedded teacher behind a server that goes wrong: an asyncio loop in a thread, one log for all requests.

    `faults` maps names of FAULTS to their shares of the requests; `reply` may replace the teacher (it is given the
    request and returns status, headers and body); `spoil` says which requests get nothing but errors.
    """

    def __init__(
        self,
        faults: dict[str, float] | None = None,
        latency: float = 0.0,
        reply: Callable[[dict[str, Any]], tuple[int, dict[str, str], bytes]] | None = None,
        spoil: Callable[[dict[str, Any]], bool] | None = None,
    ):
        self.faults, self.latency, self.reply, self.spoil = faults or {}, latency, reply, spoil
        self.answered: Counter[str] = Counter()
        self.injected: Counter[str] = Counter()
        self.requests: list[dict[str, Any]] = []
        self.given: list[dict[str, Any]] = []
        self._random = Random(1)
        self._teacher = Embedded(seed=7, slip_share=0.08)

    @property
    def asked_again(self) -> int:
        """How many requests were answered in full more than once."""
        return sum(count > 1 for count in self.answered.values())

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Serve; yields the base URL."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._client, "127.0.0.1", 0), loop).result()
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        finally:
            loop.call_soon_threadsafe(server.close)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.requests.append({"headers": headers, "body": json.loads(body)})
                await asyncio.sleep(self.latency)
                if not await self._answer(body, writer):
                    break
        writer.close()

    def _fault(self) -> str | None:
        draw = self._random.random()
        for name, share in self.faults.items():
            if draw < share:
                self.injected[name] += 1
                return name
            draw -= share
        return None

    async def _answer(self, body: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer one request, well or badly; False to close the connection."""
        if self.reply:
            writer.write(_http(*self.reply(json.loads(body))))
            await writer.drain()
            return True
        fault = "500" if self.spoil and self.spoil(json.loads(body)) else self._fault()
        good = self._good(json.loads(body))
        key = hashlib.sha256(body).hexdigest()
        if fault in (None, "slow drip", "wrong content type", "another model"):
            self.given.append(json.loads(good))
        match fault:
            case "429":
                writer.write(_http(429, {}, b'{"error": {"message": "Rate limit reached", "code": "rate_limited"}}'))
            case "429 and Retry-After":
                writer.write(_http(429, {"Retry-After": "0.3"}, b'{"error": {"message": "Rate limit reached"}}'))
            case "500" | "502":
                writer.write(_http(int(fault), {"Content-Type": "text/html"}, b"Something went wrong"))
            case "empty body":
                writer.write(_http(200, {}, b""))
            case "malformed JSON":
                writer.write(_http(200, {}, good[: len(good) // 2]))
            case "an HTML page":
                writer.write(_http(200, {"Content-Type": "text/html"}, b"<html>Welcome to the airport</html>"))
            case "another model":
                writer.write(_http(200, {}, json.dumps(json.loads(good) | {"model": "somebody/else"}).encode()))
            case "reset":
                writer.write(_http(200, {}, good)[: -len(good) // 2])
                await writer.drain()
                writer.transport.abort()
                return False
            case "hang":
                await asyncio.sleep(3600)
            case "slow drip":
                for byte in _http(200, {}, good):
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.002)
                self.answered[key] += 1
            case _:
                kind = "text/plain" if fault == "wrong content type" else "application/json"
                writer.write(_http(200, {"Content-Type": kind}, good))
                await writer.drain()
                self.answered[key] += 1
        await writer.drain()
        return True

    def _good(self, request: dict[str, Any]) -> bytes:
        spoken = embedded.answer(request["model"], request["messages"], request.get("seed", 0), self._teacher)
        return completion(request, spoken.text, spoken.thinking)


def completion(request: dict[str, Any], text: str, thinking: str = "", **choice: Any) -> bytes:
    """A chat completion; tokens are words."""
    message = {"role": "assistant", "content": text} | ({"reasoning_content": thinking} if thinking else {})
    usage = {
        "prompt_tokens": sum(len(turn["content"].split()) for turn in request["messages"]),
        "completion_tokens": len(text.split()) + len(thinking.split()),
    }
    choices = [{"index": 0, "message": message, "finish_reason": "stop"} | choice]
    content = {"id": "1", "object": "chat.completion", "model": request["model"], "choices": choices, "usage": usage}
    return json.dumps(content).encode()


def _http(status: int, headers: dict[str, str], body: bytes) -> bytes:
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body))} | headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode() + body
