"""Is the final answer of a response equivalent to a key? `extract`, `verify`, and `Verifier` for many pairs."""

from stages.common.answers.extraction import Extraction, extract
from stages.common.answers.verifier import Verifier, verify

__all__ = ["Extraction", "Verifier", "extract", "verify"]
