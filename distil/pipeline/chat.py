"""One chat format for training and answering. The study trained with a system prompt and evaluated without it."""

from distil.pipeline.command import Params
from distil.pipeline.records import Message


class ChatParams(Params):
    """The block `chat`: the system prompt, empty for none."""

    system: str


def prompt(question: str, system: str) -> list[Message]:
    """The turns before the reply; no system turn when `system` is empty."""
    opening = [Message(role="system", content=system)] if system else []
    return [*opening, Message(role="user", content=question)]
