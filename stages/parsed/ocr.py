"""Read a scan with the OCR engine (RapidOCR on OpenVINO, offline): texts in boxes with place and confidence."""

import functools
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from distil.exams.files import open_pdf
from distil.exams.left_out import Reason
from distil.pipeline.files import InputError, read_json, write_json

DPI = 200
CACHE = Path("cache/ocr")


class Box(BaseModel):
    """A text that the engine found, its place in points from the page's upper left corner, and its confidence."""

    text: str
    score: float
    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> float:
        """Half-way between top and bottom."""
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top


class ScannedPage(BaseModel):
    """A page's texts."""

    number: int
    width: float
    height: float
    boxes: list[Box]


@dataclass
class ScannedItem:
    """A numbered question or answer with its confidence, from 0 to 1."""

    number: int
    page: int
    text: str = ""
    confidence: float = 1.0
    boxes: list[Box] = field(default_factory=list)
    torn: bool = False
    doubt: Reason | None = None
    """A reason against it, whatever the confidence."""


def read_scan(path: Path) -> list[ScannedPage]:
    """All pages of a PDF as the engine reads them. The texts of a PDF that was read before come from cache/ocr.

    OpenVINO computes in bfloat16 where the processor has matrix units for it, and in float32 elsewhere. So another
    processor may read one sign in a thousand differently. Raises InputError when the engine is not installed.
    """
    try:
        import openvino  # noqa: F401 - an extra, like the next; rapidocr itself would say so only at the first page
        import rapidocr  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"{path}: the packages 'rapidocr' and 'openvino' are not installed, and parsed.reader 'ocr' needs them. "
            "Install them with `make extra NAME=ocr`."
        ) from error
    from importlib.metadata import version

    engines = f"{version('rapidocr')} {version('openvino')} {DPI}"
    known = hashlib.sha256(engines.encode() + path.read_bytes()).hexdigest()
    cached = CACHE / f"{known}.json"
    if cached.exists():
        return [ScannedPage.model_validate(page) for page in read_json(cached)]
    engine = _engine()
    pages = [_scanned(engine, page, number) for number, page in enumerate(open_pdf(path), 1)]
    write_json(cached, [page.model_dump() for page in pages])
    return pages


@functools.cache
def _engine() -> Any:
    """The engine with its models, which take a second to load."""
    import rapidocr

    faster = rapidocr.EngineType.OPENVINO  # a quarter of the processor time of ONNX Runtime: docs/log.md
    return rapidocr.RapidOCR(
        params={
            "Global.use_cls": False,
            "Global.log_level": "error",
            "Det.engine_type": faster,
            "Rec.engine_type": faster,
        }
    )


def _scanned(engine: Any, page: Any, number: int) -> ScannedPage:
    scale = DPI / 72
    found = engine(page.render(scale=scale).to_numpy()[:, :, :3])
    boxes = []
    for corners, text, score in zip(
        found.boxes if found.boxes is not None else (), found.txts or (), found.scores or (), strict=True
    ):
        across, down = [float(x) / scale for x, _ in corners], [float(y) / scale for _, y in corners]
        boxes.append(
            Box(text=text, score=float(score), left=min(across), top=min(down), right=max(across), bottom=max(down))
        )
    width, height = page.get_size()
    return ScannedPage(number=number, width=width, height=height, boxes=boxes)
