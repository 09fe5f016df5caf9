"""The embedded teacher behind OpenAI's protocol: `/v1/chat/completions` and `/v1/models`.

The stage asks it within its own process. For other clients it is served on loopback:

    python -m stages.teacher_cot --serve [--port 8080] [--latency SECONDS] [--log FILE]
"""

import asyncio
import hashlib
import json
import re
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import BaseModel, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from distil.endpoint import Body
from distil.pipeline.files import InputError
from stages.teacher_cot import embedded
from stages.teacher_cot.settings import Embedded

TOKEN = re.compile(r"\s*\S+")
"""The server has no tokenizer, so it counts words."""


class RequestMessage(BaseModel):
    """One turn of the conversation."""

    role: str
    content: str


class CompletionRequest(BaseModel):
    """The fields of a request that this server uses. It ignores others, as other OpenAI-compatible servers do."""

    model: str
    messages: list[RequestMessage] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    seed: int = 0
    n: int = Field(1, ge=1, le=1)
    stream: bool = False
    stream_options: Body | None = None


class Log:
    """One JSON line for each request and one for each answer, if the server keeps a log."""

    def __init__(self, path: str | None):
        self._path = Path(path) if path else None

    def write(self, event: str, body: bytes) -> None:
        """Write an event with the hash of the request's body."""
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"event": event, "request": hashlib.sha256(body).hexdigest()}) + "\n")


def application(settings: Embedded, latency: float = 0.0, log: str | None = None) -> Starlette:
    """The server. It answers each request after `latency` seconds."""
    journal = Log(log)
    fingerprint = embedded.fingerprint(settings)

    async def completions(request: Request) -> Response:
        body = await request.body()
        journal.write("received", body)
        try:
            asked = CompletionRequest.model_validate_json(body)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            field = ".".join(map(str, fault["loc"]))
            return _error(400, "invalid_request_error", f"{field or 'body'}: {fault['msg']}", field or None)
        if asked.model not in embedded.ROLES:
            return _error(
                404, "invalid_request_error", f"The model `{asked.model}` does not exist.", "model", "model_not_found"
            )
        await asyncio.sleep(latency)
        turns = [message.model_dump() for message in asked.messages]
        reply = _complete(asked, embedded.answer(asked.model, turns, asked.seed, settings), body, fingerprint)
        journal.write("answered", body)
        return _stream(asked, reply) if asked.stream else JSONResponse(reply)

    async def models(request: Request) -> Response:
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "embedded"} for name in embedded.ROLES]
        if wanted := request.path_params.get("model"):
            found = [model for model in listed if model["id"] == wanted]
            if not found:
                return _error(
                    404, "invalid_request_error", f"The model `{wanted}` does not exist.", "model", "model_not_found"
                )
            return JSONResponse(found[0])
        return JSONResponse({"object": "list", "data": listed})

    async def unknown(request: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", 500)
        return _error(status, "invalid_request_error", f"{request.method} {request.url.path}: HTTP {status}", None)

    routes = [
        Route("/v1/chat/completions", completions, methods=["POST"]),
        Route("/v1/models", models),
        Route("/v1/models/{model:path}", models),
    ]
    return Starlette(routes=routes, exception_handlers={404: unknown, 405: unknown})


def _error(status: int, kind: str, message: str, param: str | None, code: str | None = None) -> Response:
    content = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return JSONResponse(content, status_code=status)


def _complete(asked: CompletionRequest, spoken: embedded.Spoken, body: bytes, fingerprint: str) -> Body:
    """The completion of a request, cut at its cap. Thinking comes first and counts, too."""
    cap = asked.max_completion_tokens or asked.max_tokens or sys.maxsize
    thinking, text = TOKEN.findall(spoken.thinking), TOKEN.findall(spoken.text)
    cut = len(thinking) + len(text) > cap
    thinking, text = thinking[:cap], text[: max(0, cap - len(thinking))]
    message = {"role": "assistant", "content": "".join(text)}
    if thinking:
        message["reasoning_content"] = "".join(thinking)
    prompt = sum(len(TOKEN.findall(message.content)) for message in asked.messages)
    completion = len(thinking) + len(text)
    return {
        "id": f"chatcmpl-{hashlib.sha256(body).hexdigest()[:24]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": asked.model,
        "system_fingerprint": fingerprint,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "length" if cut else "stop"}],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "completion_tokens_details": {"reasoning_tokens": len(thinking)},
        },
    }


def _stream(asked: CompletionRequest, reply: Body) -> Response:
    """The same completion as server-sent events, a word at a time."""

    async def events() -> AsyncIterator[str]:
        (choice,) = reply["choices"]
        head = {key: reply[key] for key in ("id", "created", "model", "system_fingerprint")}

        def chunk(delta: dict[str, str], finish: str | None = None, **more: Any) -> str:
            choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
            return f"data: {json.dumps(head | {'object': 'chat.completion.chunk', 'choices': choices} | more)}\n\n"

        yield chunk({"role": "assistant", "content": ""})
        for field in ("reasoning_content", "content"):
            for word in TOKEN.findall(choice["message"].get(field, "")):
                yield chunk({field: word})
        yield chunk({}, choice["finish_reason"])
        if (asked.stream_options or {}).get("include_usage"):
            yield chunk({}, choices=[], usage=reply["usage"])
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


def serve(settings: Embedded, port: int, latency: float, log: str | None) -> None:
    """Serve until interrupted. Prints the base URL. Raises InputError when the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else "ports are 0-65535"
        raise InputError(f"port {port} cannot be listened on: {why}. Choose another with --port.") from error
    listener.listen(2048)  # so that a client may connect as soon as the address is printed
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", flush=True)
    config = uvicorn.Config(application(settings, latency, log), log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
