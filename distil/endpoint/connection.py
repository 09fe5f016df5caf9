"""One exchange with a server, and what came of it: an answer, a refusal, or a fault.

Faults are sorted by what to do about them: ask again (most), ask less (overload), ask this no more (rejected), or stop
asking because every request would meet the same (wrong key, unknown model, no money).
"""

import asyncio
import email.utils
import functools
import json
import math
import os
import re
import ssl
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from distil.endpoint.replies import Failed, Reply, Usage, decode, own_words, quoted, read_reply, read_usage, said_in
from distil.endpoint.settings import Body, Endpoint
from distil.pipeline.files import InputError

_QUOTED = re.compile("'.*'")
"""The part of an address that an error message quotes. It may be a password."""

OVERLOADED = (429, 503, 504, 529)
CONTENT = re.compile(
    r"content[_ ](?:filter|policy|management)|content exists risk|moderation|data_inspection_failed|responsibleai"
)
NO_MONEY = re.compile(
    r"insufficient_(?:quota|user_quota|balance|credits)|insufficient (?:account )?(?:balance|credits?|funds)"
    r"|exceeded_current_quota_error|billing_hard_limit|billing_not_active|account is not active|arrearage"
    r"|account[- _]?overdue|overdue[- _](?:payment|balance|account|bill|invoice|fee)"
    r"|(?:payment|balance|account|bill|invoice)s? (?:is|are|has been) overdue"
    r"|\"code\": ?\"?1113\b|credit balance is too low|spending limit|available credits|requires more credits"
    r"|(?:not enough|out of|no) (?:credits?|balance)|balance (?:is )?(?:not enough|too low)|payment required"
    r"|key limit exceeded|欠费|余额不足|额度不足"
)
"""Words of providers whose account is empty. `insufficient quota` alone is also said of too many requests at once."""
TOO_LONG = re.compile(r"HTTP 413\b|context[ _]length|maximum context|max_model_len", re.IGNORECASE)
"""Said of a request that is too long for the server's settings."""
WEB_PAGE = re.compile(r"\s*<(?:!doctype|html|head|body)", re.IGNORECASE)
SCHEME = re.compile(r"(?:basic|bearer|token|(?:api-?)?key) +", re.IGNORECASE)
"""The word before the secret in a header's value."""
SECRET = 8
"""A key of so many characters is a secret. Local servers are given words like `EMPTY` instead."""


@dataclass(frozen=True)
class ServerAnswer:
    """A reply or a refusal, with the response as it came (None for a refusal by status code)."""

    reply: Reply | Failed
    payload: Any
    seconds: float = 0.0
    tries: int = 1


@dataclass(frozen=True)
class Fault:
    """Why there is no answer this time.

    `remedy` says what to do if every request would meet the same fault. The kinds are `overload` (ask less), `passing`
    (a broken connection, HTTP 500), `unreachable`, `wrong` (a response that holds no answer) and `rejected` (asking
    this again is no use). A fault `of_request` comes of this one request where others of its role are answered.
    `tries` is how often the request was sent.
    """

    reason: str
    kind: Literal["overload", "passing", "unreachable", "wrong", "rejected"] = "passing"
    remedy: str | None = None
    retry_after: float | None = None
    used: Usage | None = None
    of_request: bool = False
    tries: int = 1


class Connection:
    """The connection to one endpoint, without any retries."""

    def __init__(self, where: str, endpoint: Endpoint, transport: httpx.AsyncBaseTransport | None = None):
        """`where` is the endpoint's place in params.yaml; `transport` takes the place of the network.

        Raises InputError when the address is none, a header cannot be sent, a variable that the endpoint names is not
        set or holds no key, or the environment's proxies or certificates cannot be used.
        """
        self.where, self.endpoint = where, endpoint
        self._secrets: set[str] = set()
        for header, value in endpoint.headers.items():
            if not (header + value).isascii() or not (header + value).isprintable():
                raise InputError(f"{where}.headers.{header} holds characters that no header has; write it in ASCII.")
        headers = {"Content-Type": "application/json"} | {
            header: self._secret(value[1:]) if value.startswith("$") else value
            for header, value in endpoint.headers.items()
        }
        if endpoint.api_key_env:
            headers["Authorization"] = f"Bearer {self._secret(endpoint.api_key_env)}"
        longest = sorted(self._secrets, key=len, reverse=True)
        self._secret_written = re.compile("|".join(map(_however_written, longest)))
        try:
            address = httpx.URL(endpoint.base_url or "")
        except httpx.InvalidURL as error:
            raise InputError(f"{where}.base_url is no address: {error}.") from error
        path = address.path.removesuffix("/").removesuffix("/chat/completions")
        self._url = address.copy_with(path=f"{path}/chat/completions")
        local = address.host in ("localhost", "::1") or address.host.startswith("127.")
        self._client = functools.partial(
            httpx.AsyncClient,
            headers=headers,
            transport=transport,
            verify=_certificates(),
            trust_env=not local,  # a proxy is for the network, not for this machine
            timeout=httpx.Timeout(endpoint.timeout, connect=min(endpoint.timeout, 30), pool=None),
        )
        self._proxied = not local and _has_proxy(address)
        try:
            self._free = [self._client()]
        except (httpx.InvalidURL, ValueError, ImportError) as error:
            raise InputError(
                f"{where}: the proxies that the environment names (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY) "
                f"cannot be used: {_QUOTED.sub('(not shown)', str(error)).rstrip('.')}. Correct or unset them."
            ) from error

    async def _post(self, body: Body) -> httpx.Response:
        """Post through a free client. One pool would look through all of its connections for each request."""
        client = self._free.pop() if self._free else self._client()
        try:
            return await client.post(self._url, content=json.dumps(body).encode())
        finally:
            self._free.append(client)

    def _secret(self, variable: str) -> str:
        value = os.environ.get(variable, "").strip()
        if not value:
            raise InputError(f"the environment variable {variable} is not set, and {self.where} needs it.")
        if not (value.isascii() and value.isprintable()):
            raise InputError(f"the environment variable {variable} holds characters that no key has; set it again.")
        scheme = SCHEME.match(value)
        self._secrets |= {part for part in (value, value[scheme.end() :] if scheme else "") if len(part) >= SECRET}
        return value

    def redact(self, text: str) -> str:
        """Remove the secrets that were sent to the endpoint from a text that it sent back."""
        return self._secret_written.sub("[secret]", text) if self._secrets else text

    def _redacted(self, payload: Any) -> Any:
        """A payload without the secrets, also where a stream brought one in parts."""
        if isinstance(payload, str):
            return self.redact(payload)
        if isinstance(payload, list):
            return [self._redacted(part) for part in payload]
        if isinstance(payload, dict):
            return {self.redact(name): self._redacted(part) for name, part in payload.items()}
        return payload

    async def close(self) -> None:
        """Close the connections."""
        for client in self._free:
            await client.aclose()

    async def send(self, body: Body, model: str | None, *, verbatim: bool = False) -> ServerAnswer | Fault:
        """Send a request once. A reply of another model than `model` is a fault; None takes any."""
        try:
            async with asyncio.timeout(self.endpoint.deadline):
                response = await self._post(body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            address = self._url.copy_with(userinfo=b"")
            way = " through the environment's proxy" if self._proxied else ""
            reason = self.redact(f"no connection to {address}{way} ({type(error).__name__}: {error})")
            return Fault(reason, "unreachable")
        except httpx.TimeoutException:
            return Fault(f"no byte for {self.endpoint.timeout:g} s")
        except TimeoutError:
            return Fault(f"no complete reply in {self.endpoint.deadline:g} s")
        except httpx.HTTPError as error:
            return Fault(self.redact(f"the connection broke ({type(error).__name__}: {error})"))
        text = self.redact(response.content.decode("utf-8", "replace"))
        try:
            payload = self._redacted(decode(text))
        except ValueError:
            payload = None
            if response.status_code < 300:
                kind = "a reply that is not JSON: " + quoted(text) if text.strip() else "an empty reply"
                return Fault(kind, "wrong")
        status = response.status_code if response.status_code >= 300 else _status_in(payload)
        if status is not None:
            return self._refused(status, response.headers, body.get("model", ""), text, payload)
        return self._read(payload, text, model, verbatim)

    def _read(self, payload: Any, text: str, model: str | None, verbatim: bool) -> ServerAnswer | Fault:
        """Read a response of status 200."""
        answered_by = payload.get("model") if isinstance(payload, dict) else None
        if model is not None and answered_by and not same_model(model, str(answered_by)):
            return Fault(f"a reply by another model ({answered_by})", "wrong", used=read_usage(payload))
        try:
            return ServerAnswer(read_reply(payload, verbatim=verbatim), payload)
        except ValueError as error:
            spent = read_usage(payload) if isinstance(payload, dict) and payload.get("choices") else None
            if spent is None and NO_MONEY.search(_about(payload, text)):
                return Fault(str(error), remedy="the account has no money left; top it up")
            return Fault(str(error), "wrong", used=spent)

    def _refused(
        self, status: int, headers: Mapping[str, str], model: str, text: str, payload: Any
    ) -> ServerAnswer | Fault:
        said, about, where = said_in(payload) if payload else quoted(text), _about(payload, text), self.where
        reason = f"HTTP {status}: {said}" if said else f"HTTP {status}"
        if status == 402 or NO_MONEY.search(about):
            return Fault(reason, remedy="the account has no money left; top it up")
        if status == 451 or (status in (400, 403, 422) and CONTENT.search(about)):
            return ServerAnswer(Failed(f"refused: {reason}", lasting=True), None)
        if 300 <= status < 400:
            moved = self.redact(headers.get("location", "another address"))
            return Fault(reason, remedy=f"the endpoint sends to {moved}; set {where}.base_url to where it answers")
        if status in (401, 403, 404, 405) and WEB_PAGE.match(text):
            return Fault(reason, remedy=f"a web page answered, and no API; check {where}.base_url")
        if status in (401, 403):
            variable = self.endpoint.api_key_env
            key = f"the key in {variable}" if variable else f"a request without a key; name its variable in {where}"
            return Fault(reason, remedy=f"the endpoint does not accept {key}")
        if status in (404, 405):
            return Fault(
                reason,
                remedy=f"the endpoint does not know the model {model}, or {where}.base_url is wrong (most end in /v1)",
            )
        if 400 <= status < 500 and status not in (408, 409, 425, 429):
            return Fault(reason, "rejected", of_request=bool(TOO_LONG.search(reason)))
        return Fault(reason, "overload" if status in OVERLOADED else "passing", retry_after=_retry_after(headers))


def _however_written(secret: str) -> str:
    """A pattern for a secret as it is, or with characters escaped as JSON may have them (`\\/`, `\\u002B`)."""
    return "".join(rf"\\{{0,4}}(?:{re.escape(character)}|(?i:u{ord(character):04x}))" for character in secret)


def _certificates() -> ssl.SSLContext:
    """The certificates of authorities to trust. Raises InputError when the environment names a file without any."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        named = ", ".join(
            f"{name}={os.environ[name]}" for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ
        )
        raise InputError(f"the certificates in {named or 'the system'} cannot be loaded: {error}.") from error


def _has_proxy(address: httpx.URL) -> bool:
    """Whether requests to an address go through a proxy that the environment names."""
    proxies = urllib.request.getproxies()
    return bool(proxies.get(address.scheme) or proxies.get("all")) and not urllib.request.proxy_bypass(address.host)


def same_model(asked: str, answered: str) -> bool:
    """Whether `answered` is the model asked for, or a snapshot or variant of it (`gpt-4o-2024-08-06`, `r1:free`)."""
    return bool(re.fullmatch(re.escape(asked) + r"(?:[-@]\d{4}[\d-]*|:\w+)?", answered))


def _about(payload: Any, text: str) -> str:
    """What a server says of an error, in small letters."""
    return (json.dumps(own_words(payload), ensure_ascii=False) if payload else text).lower()


def _status_in(payload: Any) -> int | None:
    """The HTTP status that an error names inside a response of status 200."""
    if not isinstance(payload, dict):
        return None
    choices = payload.get("choices")
    holders = [payload, *(choices if isinstance(choices, list) else [])]
    for holder in holders:
        error = holder.get("error") if isinstance(holder, dict) else None
        code = str(error.get("code") or error.get("status")) if isinstance(error, dict) else ""
        if re.fullmatch(r"[45]\d\d", code):
            return int(code)
    return None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as the server asks, by `retry-after-ms` or by `Retry-After` in seconds or as a date."""
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
