"""Run the reproduction check on a repository and read what it says."""

import json
import sys
from dataclasses import dataclass

from tests.tools.toy import ROOT, Toy


@dataclass
class Checked:
    """What a check said: its exit status, its JSON and its text."""

    status: int
    json: dict
    text: str

    def stage(self, name: str) -> dict:
        """What became of a stage in the first comparison."""
        return next(outcome for outcome in self.json["sections"][0]["outcomes"] if outcome["stage"] == name)

    @property
    def first(self) -> str | None:
        """The first stage that diverged."""
        outcomes = self.json["sections"][0]["outcomes"]
        return next((o["stage"] for o in outcomes if o["verdict"] not in ("identical", "within tolerance")), None)


def check(toy: Toy, *options: str, core_type: str = "Haswell") -> Checked:
    """Run the check on a repository, with BLAS kernels of the given type, in this environment."""
    output = toy.folder.parent / "check.json"
    command = [sys.executable, "-m", "tools.check_reproduction", "--no-install", "--json", str(output), *options]
    result = toy.run(*command, check=False, PYTHONPATH=str(ROOT), OPENBLAS_CORETYPE=core_type)
    assert result.returncode in (0, 1) and output.is_file(), result.stderr
    return Checked(result.returncode, json.loads(output.read_text("utf-8")), result.stdout)
