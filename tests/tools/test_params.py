"""params.yaml from conf/: what cannot be composed is one message, and leaves the file as it was."""

import pytest
import yaml
from dvc.utils.flatten import flatten

from distil.pipeline.files import InputError
from tools.params import compose


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("profile=nope", "Could not find 'profile/nope'"),
        ("lora_seed.rnak=3", "Could not override 'lora_seed.rnak'"),
        ("lora_seed.seeds=[", "lora_seed.seeds=["),
        ("lora_seed.seeds=5", "lora_seed.seeds is 5, and has to list different whole numbers from 0"),
        ("lora_seed.seeds=[0,0]", "lora_seed.seeds is [0, 0], and has to list"),
        ("lora_seed.seeds=[-1]", "lora_seed.seeds is [-1], and has to list"),
        ("lora_seed.seeds=[]", "lora_seed.seeds is [], and has to list"),
    ],
)
def test_what_cannot_be_composed_is_said_and_changes_nothing(override, said, tmp_path):
    output = tmp_path / "params.yaml"
    compose(output, [])
    before = output.read_bytes()
    with pytest.raises(InputError) as caught:
        compose(output, [override])
    assert said in str(caught.value) and "search path" not in str(caught.value)
    assert output.read_bytes() == before and list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("profile", ["tiny", "exams", "own", "qwen-1.5b"])
def test_what_most_experiments_change_comes_first(profile, tmp_path):
    """In the file, below what it is made of, and in DVC's tables, which have no column for that."""
    compose(tmp_path / "params.yaml", [f"profile={profile}"])
    text = (tmp_path / "params.yaml").read_text("utf-8")
    assert text.startswith("composed_from:\n  conf/config.yaml and conf/profile; edit those, then make params: {}\n")
    knobs = ("rank", "iters", "learning_rate", "seeds", "model", "batch_size", "scale")
    assert list(flatten(yaml.safe_load(text)))[:8] == ["profile", *(f"lora_seed.{knob}" for knob in knobs)]


@pytest.mark.parametrize("name", ["qwen-1.5b", "qwen-0.5b", "smollm2"])
def test_a_real_students_profile_is_the_study_with_other_parameters(name, tmp_path):
    compose(tmp_path / "paper.yaml", ["profile=paper"])
    compose(tmp_path / "real.yaml", [f"profile={name}"])
    paper, real = (yaml.safe_load((tmp_path / f"{file}.yaml").read_text("utf-8")) for file in ("paper", "real"))
    assert real["profile"] == name and real["lora_seed"]["model"] == f"models/{name}"
    same = ("raw", "parsed", "transfer", "chat")
    assert [real[block] for block in same] == [paper[block] for block in same]
    assert real["teacher_cot"] == paper["teacher_cot"] | {"teacher": "replay"}
    changed = {"model", "seeds", "iters", "steps_per_eval", "grad_checkpoint"}
    assert {key: value for key, value in real["lora_seed"].items() if key not in changed} == {
        key: value for key, value in paper["lora_seed"].items() if key not in changed
    }
