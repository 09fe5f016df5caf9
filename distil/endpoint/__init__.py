"""One client for servers that speak OpenAI's chat protocol. The teacher uses it; so does `answers.backend: openai`."""

from distil.endpoint.client import Client, Stop, Stopped, say
from distil.endpoint.connection import TOO_LONG, Fault, ServerAnswer
from distil.endpoint.replies import Failed, Reply, Usage, read_reply
from distil.endpoint.settings import Body, Dialect, Endpoint, Patience, request_body

__all__ = [
    "TOO_LONG",
    "Body",
    "Client",
    "Dialect",
    "Endpoint",
    "Failed",
    "Fault",
    "Patience",
    "Reply",
    "ServerAnswer",
    "Stop",
    "Stopped",
    "Usage",
    "read_reply",
    "request_body",
    "say",
]  # fmt: skip
