"""One exchange with an endpoint, and what came of it: an answer, a refusal, or a fault.

Faults are sorted by what to do about them: ask again later (most), ask less (overload), or stop asking because every
request would meet the same (wrong key, unknown model, no money).
"""

import asyncio
import email.utils
import json
import math
import os
import re
import time
from dataclasses import dataclass
from typing import Any

import openai

from distil.pipeline.files import InputError
from stages.teacher_cot.dialogue import Failed, OtherModel, Reply, Request, Usage, read_reply, read_usage
from stages.teacher_cot.settings import Endpoint

OVERLOADED = (429, 503, 504, 529)
UNANSWERABLE = (
    "content_filter", "content_policy", "content exists risk", "moderation", "context_length", "maximum context",
)  # fmt: skip
NO_MONEY = ("insufficient_quota", "insufficient balance", "billing_hard_limit")
SECRET = 8
"""Characters from which a key is a secret; local servers are given words like `EMPTY`."""


@dataclass(frozen=True)
class Answer:
    """A reply, or a refusal, with the response as it came (None for a refusal by status code)."""

    reply: Reply | Failed
    payload: Any


@dataclass(frozen=True)
class Fault:
    """No answer this time. `remedy` says what to do where every request would meet the same."""

    reason: str
    remedy: str | None = None
    overload: bool = False
    retry_after: float | None = None
    unreachable: bool = False
    rejected: bool = False
    answers_as: str | None = None
    used: Usage | None = None


class Line:
    """The connection to one endpoint. The SDK's own retries are off: pace and patience are the client's."""

    def __init__(self, name: str, endpoint: Endpoint):
        """Raises InputError when an environment variable that the endpoint names is not set, or is no key."""
        self.name, self.endpoint = name, endpoint
        self._secrets: list[str] = []
        key = self._secret(endpoint.api_key_env) if endpoint.api_key_env else None
        headers = {
            header: self._secret(value[1:]) if value.startswith("$") else value
            for header, value in endpoint.headers.items()
        }
        local = (endpoint.base_url or "").startswith(("http://127.", "http://localhost", "http://[::1]"))
        self._openai = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=key or "none",
            max_retries=0,
            default_headers=headers,
            http_client=openai.DefaultAsyncHttpxClient(
                trust_env=not local,  # a proxy for the network is none for this machine
                timeout=openai.Timeout(endpoint.timeout, connect=min(endpoint.timeout, 30), pool=None),
            ),
        )

    def _secret(self, variable: str) -> str:
        value = os.environ.get(variable, "").strip()
        if not value:
            raise InputError(
                f"the environment variable {variable} is not set, and teacher_cot.endpoints.{self.name} needs it."
            )
        if not (value.isascii() and value.isprintable()):
            raise InputError(f"the environment variable {variable} holds characters that no key has; set it again.")
        if len(value) >= SECRET:
            self._secrets.append(value)
        return value

    def redact(self, text: str) -> str:
        """The text without the secrets that were sent to the endpoint, should it repeat them."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return text

    async def close(self) -> None:
        """Close the connections."""
        await self._openai.close()

    async def send(self, request: Request) -> Answer | Fault:
        """Send a request once."""
        try:
            async with asyncio.timeout(self.endpoint.deadline):
                # as bytes, since what a server calls its answer is no promise of what is in it
                content = await self._openai.post("/chat/completions", cast_to=bytes, body=request.body)
            text = self.redact(content.decode("utf-8", "replace"))
        except openai.APIStatusError as error:
            return self._refused(request, error)
        except openai.APITimeoutError:
            return Fault(f"no byte for {self.endpoint.timeout:g} s")
        except TimeoutError:
            return Fault(f"no complete reply in {self.endpoint.deadline:g} s")
        except openai.APIConnectionError as error:
            return self._unreachable(error)
        try:
            payload = json.loads(text)
        except ValueError:
            return Fault("a reply that is not JSON" if text.strip() else "an empty reply")
        try:
            return Answer(read_reply(payload, request.model), payload)
        except ValueError as error:
            answers_as = error.answered_by if isinstance(error, OtherModel) else None
            return Fault(str(error), answers_as=answers_as, used=read_usage(payload))

    def _unreachable(self, error: openai.APIConnectionError) -> Fault:
        cause = error.__cause__
        reason = self.redact(f"{type(cause).__name__}: {cause}" if cause else str(error))
        if "ConnectError" in reason or "UnsupportedProtocol" in reason:
            address = re.sub(r"//[^/@]*@", "//", self.endpoint.base_url or "")  # without a password
            return Fault(f"no connection to {address} ({reason})", unreachable=True)
        return Fault(f"the connection broke ({reason})")

    def _refused(self, request: Request, error: openai.APIStatusError) -> Answer | Fault:
        status = error.status_code
        said = " ".join(self.redact(_message(error)).split())[:300]
        reason = f"HTTP {status}: {said}" if said else f"HTTP {status}"
        about = f"{said} {error.code or ''}".lower()
        where = f"teacher_cot.endpoints.{self.name}"
        if status in (413, 451) or (status in (400, 403, 422) and any(words in about for words in UNANSWERABLE)):
            return Answer(Failed(f"refused: {reason}", lasting=True), None)
        if status == 402 or any(words in about for words in NO_MONEY):
            return Fault(reason, remedy="the account has no money left; top it up")
        if status in (401, 403):
            variable = self.endpoint.api_key_env
            key = f"the key in {variable}" if variable else f"a request without a key; name its variable in {where}"
            return Fault(reason, remedy=f"the endpoint does not accept {key}")
        if status == 404:
            return Fault(
                reason,
                remedy=f"the endpoint does not know the model {request.model} (or {where}.base_url is wrong); set "
                f"teacher_cot.roles.{request.role}.model to one it lists",
            )
        if 400 <= status < 500 and status not in (408, 409, 425, 429):
            return Fault(reason, rejected=True)
        return Fault(reason, overload=status in OVERLOADED, retry_after=_retry_after(error))


def _message(error: openai.APIStatusError) -> str:
    body = error.body
    if isinstance(body, dict):
        return str(body.get("message") or body.get("detail") or body)
    return error.response.text if body is None else str(body)


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds to wait as the server asks, by `retry-after-ms` or by `Retry-After` in seconds or as a date."""
    headers = error.response.headers
    for name, scale in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            if math.isfinite(seconds := float(headers[name]) / scale):
                return max(0.0, seconds)
        except (KeyError, ValueError):
            continue
    try:
        return max(0.0, email.utils.parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, ValueError, TypeError):
        return None
