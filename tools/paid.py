"""Which stages ask models that may be paid, and where they keep the answers."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def paid_store(stage: str, params: Mapping[str, Any]) -> Path | None:
    """The store of a stage that has these parameters, from the root of its folder; None where it pays nobody."""
    teacher, parsed = params.get("teacher_cot", {}), params.get("parsed", {})
    # by the stage's name, because `report` declares every parameter, too, and asks nobody
    pays = {"teacher_cot": teacher.get("teacher") == "openai", "parsed": parsed.get("reader") == "vision"}
    return Path(os.path.expandvars(teacher["store"])).expanduser() if pays.get(stage) else None
