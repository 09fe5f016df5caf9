"""Is the final answer of a response equivalent to a key? `extract`, `verify`, and `Verifier` for many pairs."""

from distil.verifier.extraction import Extraction, extract
from distil.verifier.verifier import Verifier, verify

__all__ = ["Extraction", "Verifier", "extract", "verify"]
