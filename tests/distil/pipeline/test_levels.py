import pytest
from pydantic import ValidationError

from distil.pipeline.levels import LevelParams, LevelSeedParams


class Sweep(LevelSeedParams, LevelParams):
    """All that stages share of the block `length_sweep`."""


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"levels": ["R1", "R2", "R1"]}, "listed twice"),
        ({"truncated": ["R2", "R2"]}, "listed twice"),
        ({"truncated": ["R1"]}, "R1 is the full chain, which cannot be cut to its own length"),
        ({"seeds": [0, 1, 0]}, "a seed is listed twice"),
        ({"seeds": []}, "at least 1 item"),
    ],
)
def test_a_sweep_that_would_train_an_adapter_twice_is_refused(changed, says):
    block = {"levels": ["R1", "R2"], "truncated": ["R2"], "seeds": [0, 1]}
    assert Sweep.model_validate(block).controls == ["R2"]
    with pytest.raises(ValidationError, match=says):
        Sweep.model_validate(block | changed)
