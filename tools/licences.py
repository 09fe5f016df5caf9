"""Whether a run's questions, and the chains made of them, may be passed on."""

from typing import Any

from distil.pipeline.files import InputError
from distil.pipeline.records import Manifest

OPEN = {
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "unlicense", "cc0-1.0", "cc-by-3.0", "cc-by-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0",
    "odc-by", "odbl", "pddl", "cdla-permissive-2.0", "cdla-sharing-1.0",
}  # fmt: skip
"""Licences, as the hub spells them, under which questions may be passed on and chains made of them."""


def licence_of(manifest: Manifest, replayed: bool, otherwise: str) -> str:
    """The licence of questions and chains, as the hub spells it.

    Raises InputError where they may not be passed on; the message ends in what to do `otherwise`.
    """
    if manifest.source == "study":
        raise InputError(f"the exams' licence is {manifest.licence!r}, so no question may be passed on. {otherwise}")
    if replayed:
        raise InputError(f"the chains are recorded ones, and nobody states their licence. {otherwise}")
    if manifest.source == "sample":
        return "apache-2.0"
    if manifest.licence not in OPEN:
        raise InputError(
            f"the problems' licence is {manifest.licence!r}. If you may pass them on, state it in raw.licence, as one "
            f"of {', '.join(sorted(OPEN))}, and run `dvc repro`. {otherwise}"
        )
    return manifest.licence


def withheld(benchmark: dict[str, Any]) -> str:
    """Why questions of the second benchmark, the block `transfer` of params.yaml, may not be passed on, or ''."""
    licence = benchmark.get("licence")
    if benchmark["source"] == "sample" or licence in OPEN:
        return ""
    return (
        f"questions of transfer.source {benchmark['source']}, whose licence is {licence or 'not stated'}. If you may "
        "pass them on, state it in transfer.licence, as mit."
    )
