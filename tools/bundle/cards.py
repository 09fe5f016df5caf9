"""Cards in the hub's format: what it reads above, what people read below."""

from pathlib import Path
from typing import Any

import jinja2
from huggingface_hub import CardData

TAGS = ["chain-of-thought", "distillation", "mathematics"]


def card(data: CardData, template: str, **values: Any) -> str:
    """The text of a card from one of the templates in this folder."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    return f"---\n{data.to_yaml()}\n---\n{environment.get_template(template).render(**values)}"
