"""Which stages ask models that may be paid, and where they keep the answers."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def paid_store(params: Mapping[str, Any]) -> Path | None:
    """The store of a stage that has these parameters, from the root of its folder; None where it pays nobody."""
    teacher, parsed = params.get("teacher_cot", {}), params.get("parsed", {})
    if teacher.get("teacher") != "openai" and parsed.get("reader") != "vision":
        return None
    return Path(os.path.expandvars(teacher["store"])).expanduser()
