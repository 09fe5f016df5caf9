"""The line under the title: the student that was tested and its size, the contest, the teacher."""

from pathlib import Path

from safetensors import safe_open

from distil.pipeline.files import read_json
from stages.report.inputs import CONTEST, Run
from stages.report.wording import count


def what_was_tested(run: Run) -> str:
    """The line. It says first whether contest and teacher were real, because a reader must know that first."""
    return f"Student: {_student(run)}. Contest: {_contest(run)}. Teacher: {_teacher(run)}."


def _student(run: Run) -> str:
    folder = Path(run.params.lora_seed.model)
    weights = number_of_weights(folder)
    return folder.name if weights is None else f"{folder.name}, {size(weights)} weights"


def number_of_weights(folder: Path) -> int | None:
    """The number of weights of the checkpoint in `folder`, from the headers of its files; None without a checkpoint.

    A quantised matrix is packed into 32-bit words. It comes with scales and biases, which are no weights of the model.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        return None
    shapes: dict[str, list[int]] = {}
    for file in files:
        with safe_open(file, framework="numpy") as tensors:
            shapes |= {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}  # noqa: SIM118
    bits = read_json(folder / "config.json").get("quantization", {}).get("bits", 32)
    total = 0
    for name, shape in shapes.items():
        stem, _, kind = name.rpartition(".")
        packed = f"{stem}.scales" in shapes
        if packed and kind in ("scales", "biases"):
            continue
        product = 1
        for length in shape:
            product *= length
        total += product * 32 // bits if packed and kind == "weight" else product
    return total


def size(weights: int) -> str:
    """`0.8 million`, `1.5 billion`."""
    return f"{weights / 1e9:.1f} billion" if weights >= 1e9 else f"{weights / 1e6:.1f} million"


def _contest(run: Run) -> str:
    problems = run.problems[CONTEST]
    years = sorted({problem.year for problem in problems if problem.year})
    span = f", {years[0]} to {years[-1]}" if len(years) > 1 else ""
    raw = run.params.raw
    origin = {
        "sample": "made up by a program",
        "study": "the real exams of the study",
        "folder": f"exams of your own ({Path(raw.path).name})",
        "problems": f"problems of your own ({Path(raw.path).name})",
    }[raw.source]
    return f"{origin}, {count(len(problems), 'question')}{span}"


def _teacher(run: Run) -> str:
    kind = run.params.teacher_cot.teacher
    if kind == "embedded":
        return "a program that makes planted slips"
    if kind == "replay":
        return "recorded chains"
    return run.params.teacher_cot.roles.solver.model
