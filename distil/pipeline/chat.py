"""One chat format for training and answering: the study trained with a system prompt that its evaluation dropped."""

from distil.pipeline.records import Message


def prompt(question: str, system: str) -> list[Message]:
    """The turns before the reply; no system turn when `system` is empty."""
    opening = [Message(role="system", content=system)] if system else []
    return [*opening, Message(role="user", content=question)]
